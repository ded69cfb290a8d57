"""What is sent and held, by formulas written by hand; equations as the literature has them; bad input."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import sympy

import symgrad as sg
from symgrad.command.cli import main
from symgrad.partition.compare import Comparison
from symgrad.partition.hlo import sent
from symgrad.partition.search import best, candidates
from symgrad.partition.sharding import Machine

MLP = Path(__file__).parents[2] / "derivations" / "mlp_batch.py"
WRT = ("W1", "b1", "W2", "b2")
SIZES = {"n": 64, "d": 784, "h": 256, "q": 10}
n, d, h, q = sympy.symbols("n d h q", integer=True, positive=True)
data, model, k = sympy.symbols("data model devices", integer=True, positive=True)


@pytest.fixture(scope="module")
def mlp():
    return sg.forward(MLP).derive(*WRT)


def equal(found, by_hand):
    assert sympy.expand(found - by_hand) == 0, found


# what is sent -----------------------------------------------------------------------------------------------------------------


def test_data_parallel_sends_the_gradients_whatever_the_batch(mlp):
    p = mlp.partition({"data": 4}, {"n": "data"})
    assert list(p.sent) == ["all-reduce"]
    equal(p.sent["all-reduce"], 8 * (d * h + h * q + h + q) + 8)
    equal(p.traffic, 2 * (data - 1) / data * p.sent["all-reduce"])


def test_tensor_parallel_sends_the_output_of_the_second_layer(mlp):
    """W1 by rows and W2 by columns: one all-reduce forward, none backward but for what regularises."""
    p = mlp.partition({"model": 2}, {"h": "model"})
    equal(p.sent["all-reduce"], 8 * n * q + 8)
    assert [c.equation.name for c in p.collectives] == ["O", "s"]


def test_the_gradient_in_the_input_costs_a_second_all_reduce():
    p = sg.forward(MLP).derive("X", *WRT).partition({"model": 2}, {"h": "model"})
    equal(p.sent["all-reduce"], 8 * n * q + 8 * n * d + 8)


def test_hybrid_sends_parts_of_both(mlp):
    p = mlp.partition({"data": 4, "model": 2}, {"n": "data", "h": "model"})
    equal(p.sent["all-reduce"], 8 * (n * q / data + (d * h + h * q + h) / model + q) + 16)


def test_split_parameters_are_gathered_and_their_gradients_scattered(mlp):
    p = mlp.partition({"data": 4}, {"n": "data", "W1": ("data", None), "W2": (None, "data")})
    equal(p.sent["all-gather"], 8 * (d * h + h * q))
    equal(p.sent["reduce-scatter"], 8 * (d * h + h * q) / data)
    equal(p.sent["all-reduce"], 8 * (h + q) + 16)
    equal(p.memory["parameters"], 8 * ((d * h + h * q) / data + h + q))


def test_nothing_split_sends_nothing(mlp):
    p = mlp.partition({"data": 4})
    assert p.sent == {} and p.traffic == 0 and p.equations().count("all-") == 0


def test_equations_of_a_device(mlp):
    """The bias is added once, after the sum; the reason stands beside."""
    p = mlp.partition({"data": 4, "model": 2}, {"n": "data", "h": "model"})
    lines = p.equations().splitlines()
    assert any(line.strip() == "O = all-reduce_{model}(H W₂ᵀ) + 𝟏 b₂ᵀ" for line in lines)
    assert any(line.strip() == "∂J/∂W₁ = all-reduce_{data}((∂J/∂Z)ᵀ X) + λ W₁" for line in lines)
    assert p.collectives[0].why == "a partial sum: h is split over model"
    assert r"\operatorname{all-reduce}_{\mathrm{model}}(H W_2^{\top})" in p.latex()


# what is held, and how long it takes ----------------------------------------------------------------------------------------------


def test_memory_of_a_device(mlp):
    p = mlp.partition({"data": 4, "model": 2}, {"n": "data", "h": "model"}, SIZES, "float32")
    equal(p.memory["inputs"], 4 * (n * d + n * q) / data + 4)
    equal(p.memory["kept"], 4 * (2 * n * h / data / model + n * q / data))
    assert p.at(p.memory["parameters"]) == 4 * (784 * 128 + 128 + 10 * 128 + 10)


def test_time_of_a_step(mlp):
    """Two all-reduces over two devices: each (k - 1) twice round, half of the bytes each time."""
    p = mlp.partition({"model": 2}, {"h": "model"}, SIZES)
    time = p.seconds(Machine(1e9, 1e6, 1e-3))
    assert time["sending"] == pytest.approx((8 * 64 * 10 + 8) / 1e6 + 2 * 2 * 1e-3)
    assert time["arithmetic"] == pytest.approx(p.at(p.flops) / 1e9) and time["step"] == time["sending"] + time["arithmetic"]


def test_a_pipeline_sends_what_crosses_once_each_way(mlp):
    p = mlp.pipeline(["H"], "n", 4, SIZES)
    equal(p.sent["send/receive"], 16 * n * h)
    assert p.at(p.memory(1)["received"]) == 8 * 64 * 256 and p.at(p.memory(0)["parameters"]) == 8 * (784 * 256 + 256)
    assert p.bubble.subs({s: 4 for s in p.bubble.free_symbols}) == sympy.Rational(1, 5)


def test_stages_hold_their_own_parameters_and_add_up_the_value(mlp):
    """The regulariser of W1 is added by the first stage, that of W2 by the second."""
    first, second = mlp.pipeline(["H"], "n", 4).stages
    assert [*map(str, first.params)] == ["W1", "b1"] and [*map(str, second.params)] == ["W2", "b2"]
    assert [*map(str, second.received)] == ["H"] and [*map(str, second.returned)] == ["H_bar"]
    assert str(first.last).splitlines()[0].strip() == "J = (λ/2) ⟨ W₁, W₁ ⟩"


# choosing ---------------------------------------------------------------------------------------------------------------------


def test_when_the_batch_is_too_large_to_split_the_weights(mlp):
    """Tensor parallel moves 16 n q, data parallel 16 (d h + h q + h + q): equal at n = (d h + h q + h + q) / q."""
    comparison = Comparison(mlp, {"devices": 4}, "n")
    equal(comparison.bounds()["h"], (d * h + h * q + h + q) / q)
    ways = {w.name: w for w in comparison.ways()}
    small, whole = ways["one device, devices minibatches"], ways["one device"]
    equal(whole.held - small.held, (1 - 1 / k) * (8 * n * (d + q) + 8 * n * (2 * h + q)))
    assert small.sent == 0 and small.flops == whole.flops


def test_hybrid_plans_are_compared_with_pure_ones(mlp):
    """The weights' gradients go round the data axis in parts, the activations the model axis; sizes turn formulas into numbers."""
    machine = Machine(1e12, 1e10, 1e-6)
    comparison = Comparison(mlp, {"data": 2, "model": 2}, "n", SIZES)
    ways = {w.name: w for w in comparison.ways()}
    hybrid, one = ways["n over data, h over model"], ways["one device"]

    parts = 16 * (data - 1) / data * ((d * h + h * q + h) / model + q + 1) + 16 * (model - 1) / model * (n * q / data + 1)
    equal(hybrid.sent, parts)
    assert hybrid.messages == 10 * (data - 1) + 4 * (model - 1)
    assert comparison.seconds(hybrid, machine) > comparison.seconds(replace(hybrid, messages=one.messages), machine)
    table, _ = comparison.tables(machine)
    assert table.header[-1] == "microseconds" and {row[0] for row in table.rows} == set(ways)
    assert len(Comparison(mlp, {"data": 2, "model": 2}, "n").tables()[0].header) == 5


def test_the_fastest_plan_within_a_budget(mlp):
    found = candidates(mlp, {"data": 4}, SIZES, Machine(1e12, 1e10, 1e-6))
    assert [c.seconds for c in found] == sorted(c.seconds for c in found)
    assert str(best(found, 1e9).partition.plan) == str(found[0].partition.plan) == "h=data"
    tight = best(found, min(c.bytes for c in found))
    assert tight.bytes == min(c.bytes for c in found) and tight.seconds >= found[0].seconds
    with pytest.raises(sg.InputError, match="no plan fits into 10 bytes a device; the least possible is"):
        best(found, 10)


def test_a_large_batch_is_split(mlp):
    """Above n = (d h + h q + h + q) / q the batch, below it the hidden layer."""
    limit = (784 * 256 + 2560 + 266) / 10
    for size, plan in ((4 * int(limit), "n=data"), (64, "h=data")):
        found = candidates(mlp, {"data": 4}, SIZES | {"n": size}, Machine(1e15, 1e9))
        assert next(str(c.partition.plan) for c in found if str(c.partition.plan) in ("n=data", "h=data")) == plan


# HLO --------------------------------------------------------------------------------------------------------------------------


def test_bytes_of_hlo():
    text = """
      %a = f64[8,16]{1,0} all-gather(%p), channel_id=1, replica_groups={{0,2}}, dimensions={0}
      %b = (f32[3,4]{1,0}, f32[]) all-reduce(%x, %y), to_apply=%add
      %c = (f32[4]{0}, f32[8]{0}) all-gather-start(%z), dimensions={0}
      %d = f32[8]{0} all-gather-done(%c)
      ROOT %t = (f64[8,16]{1,0}) tuple(%a)
    """
    assert sent(text) == {"all-gather": 8 * 8 * 16 + 4 * 8, "all-reduce": 4 * 13}


# bad input --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mesh", "plan", "message"),
    [
        ({}, {}, "at least one axis"),
        ({"data": 0}, {}, "positive whole number of devices, not 0"),
        ({"data": True}, {}, "positive whole number of devices, not True"),
        ({"a b": 2}, {}, "named by a word"),
        ({"data": 3}, {"n": "data"}, "data = 3 does not divide n = 64 of X"),
        ({"data": 4}, {"n": "rows"}, "the mesh has no axis 'rows'; its axes are data"),
        ({"data": 4}, {"k": "data"}, "no dimension 'k'; its dimensions are n, d, q, h"),
        ({"data": 4}, {"W1": "data"}, "W1 is an array"),
        ({"data": 4}, {"V": ("data",)}, "no array 'V'"),
        ({"data": 4}, {"W1": ("data",)}, "along 1 axes, and it has 2"),
        ({"data": 4}, {"W1": ("data", "data")}, "two axes of W1 over data"),
        ({"a": 2, "b": 2}, {"n": "b+a"}, r"order of the mesh, a\+b"),
        ({"data": 4}, {"n": 4}, "not 4"),
        ({"data": 4}, {"lam": ()}, None),
    ],
)
def test_bad_plans_are_refused(mlp, mesh, plan, message):
    if message is None:
        assert mlp.partition(mesh, plan, SIZES).sent == {}
        return
    with pytest.raises(sg.InputError, match=message):
        mlp.partition(mesh, plan, SIZES)


def test_numbers_need_sizes(mlp):
    p = mlp.partition({"data": 4}, {"n": "data"})
    for ask in (lambda: p.at(p.total), lambda: p.seconds(Machine(1, 1)), p.verify):
        with pytest.raises(sg.InputError, match="needs the sizes"):
            ask()
    with pytest.raises(sg.InputError, match="sizes are missing for d"):
        mlp.partition({"data": 4}, {"n": "data"}, {"n": 64, "h": 256, "q": 10})


def test_what_no_stage_can_compute(mlp):
    normed = sg.forward(MLP.with_name("batch_norm.py")).derive("gamma", "beta")
    with pytest.raises(sg.UnsupportedError, match="over the whole batch for every example"):
        normed.pipeline(["X_hat"], "m", 2)
    shared = sg.forward('def f(X: "n d", W: "d d"):\n    A = tanh(X @ W)\n    J = sum(tanh(A @ W))\n    return J').derive("W")
    with pytest.raises(sg.UnsupportedError, match="W is read in the stages 0 and 1"):
        shared.pipeline(["A"], "n", 2)
    skipping = (
        'def f(X: "n d", A: "d d", B: "d d", C: "d d"):\n    F = tanh(X @ A)\n    G = F @ B\n    J = sum((G @ C) * F)\n    return J'
    )
    with pytest.raises(sg.UnsupportedError, match="F is computed in stage 0 and read in stage 2"):
        sg.forward(skipping).derive("A", "B", "C").pipeline(["F", "G"], "n", 2)
    with pytest.raises(sg.InputError, match="no stage can end in 'Q'; one ends in Z, H, O"):
        mlp.pipeline(["Q"], "n", 2)
    with pytest.raises(sg.InputError, match="in the order of the equations: Z, H"):
        mlp.pipeline(["H", "Z"], "n", 2)
    with pytest.raises(sg.InputError, match="micro = 3 does not divide n = 64"):
        mlp.pipeline(["H"], "n", 3, SIZES)


def test_no_scalar_no_gradient():
    predict = sg.forward('def f(X: "n d", W: "d q"): return X @ W').derive("W")
    for ask in (lambda: predict.partition({"data": 2}), lambda: predict.pipeline(["X"], "n")):
        with pytest.raises(sg.InputError, match="no gradient"):
            ask()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--mesh, or the ends of a pipeline's stages as --stages"),
        (["--mesh", "data=4", "--stages", "H"], "--mesh, or the ends"),
        (["--stages", "H"], "needs --batch"),
        (["--mesh", "data=4", "--plan", "n=data", "n=data"], "names n twice"),
        (["--mesh", "data=4", "--plan", "n"], "no NAME=VALUE"),
        (["--mesh", "data=4", "--budget", "1e6"], "needs --sizes, --peak and --bandwidth"),
        (["--mesh", "data=4", "--peak", "1e6"], "both --peak and --bandwidth"),
        (["--mesh", "data=4", "--compare", "k"], "no dimension 'k'"),
        (["--mesh", "a=4,b=2,c=2", "--compare", "n"], "one mesh axis or two"),
    ],
)
def test_the_command_line_says_what_is_wrong(capsys, words, message):
    assert main(["partition", str(MLP), *words]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


def test_modules_are_written(tmp_path, capsys):
    assert main(["partition", str(MLP), "--wrt", *WRT, "--stages", "H", "--batch", "n", "-o", str(tmp_path)]) == 0
    assert main(["partition", str(MLP), "--wrt", *WRT, "--mesh", "data=2", "--plan", "n=data", "-o", str(tmp_path)]) == 0
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["mlp_batch_named_sharding.py", "mlp_batch_pipeline.py", "mlp_batch_shard_map.py"]
    text = (tmp_path / "mlp_batch_shard_map.py").read_text(encoding="utf-8")
    assert re.findall(r"jax\.lax\.psum", text) and "symgrad" not in text.split('"""')[2]


def test_an_input_that_would_hide_the_modules_own_names():
    p = sg.forward('def f(mesh: "n", w: "n"): return sum((mesh - w)**2)').derive("w").partition({"data": 2}, {"n": "data"})
    with pytest.raises(sg.UnsupportedError, match="an input called mesh"):
        p.shard_map()
