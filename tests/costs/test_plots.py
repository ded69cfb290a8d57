"""Memory and flops as a picture: what is drawn, that the same plot is the same bytes, and what is refused."""

import sys
from pathlib import Path

import pytest

import symgrad as sg
from symgrad.command.cli import main
from symgrad.costs.plots import curves, doubled, step

MLP = Path(__file__).parents[2] / "derivations" / "mlp_batch.py"
WRT = ("W1", "b1", "W2", "b2")
SIZES = {"n": 16, "d": 5, "h": 4, "q": 3}
DEEP = """
def deep(X: "n d", W1: "d d", W2: "d d", W3: "d d"):
    H1 = jnp.tanh(X @ W1)
    H2 = jnp.tanh(H1 @ W2)
    H3 = jnp.tanh(H2 @ W3)
    return jnp.sum(H3)
"""


@pytest.fixture(scope="module")
def cost():
    return sg.forward(MLP).derive(*WRT).cost(SIZES)


def test_curves_hold_the_costs_at_each_size(cost):
    memory, flops = curves(cost, "n", [1, 16])
    assert list(memory) == ["prediction", "training", "Hessian-vector product"]
    assert [memory["training"][1], flops["gradient"][1]] == [
        cost.at(cost.memory["training"].total),
        cost.at(cost.flops["gradient"]),
    ]
    one = cost.resized(SIZES | {"n": 1})
    assert [memory["prediction"][0], flops["value"][0]] == [one.at(one.memory["prediction"].total), one.at(one.flops["value"])]


def test_what_is_held_grows_with_depth_and_shrinks_backward():
    """Each hidden layer of 7 x 5 entries is kept until its adjoint and the next weight's gradient have read it."""
    moments = list(step(sg.forward(DEEP).derive("W1", "W2", "W3").cost({"n": 7, "d": 5})))
    forward = [m.bytes for m in moments if not m.is_backward and m.name.startswith("H")]
    assert forward == [8 * 7 * 5 * k for k in (1, 2, 3)]
    backward = [m.bytes for m in moments if m.is_backward]
    assert backward[-1] == 0 and backward == sorted(backward, reverse=True)
    assert [m.flops for m in moments] == sorted(m.flops for m in moments)


def test_doubling():
    assert doubled(1, 1) == [1] and doubled(3, 24) == [3, 6, 12, 24] and doubled(3, 25) == [3, 6, 12, 24, 25]


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_the_same_plot_is_the_same_bytes(cost, tmp_path, kind):
    pytest.importorskip("matplotlib")
    paths = [cost.plot(tmp_path / f"{name}.{kind}", "n", [1, 4, 16]) for name in "ab"]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert cost.plot(tmp_path / f"step.{kind}").read_bytes() != paths[0].read_bytes()


def test_the_command_line_writes_both(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    words = ["cost", str(MLP), "--wrt", *WRT, "--sizes", "n=16,d=5,h=4,q=3"]
    assert main([*words, "--plot", str(tmp_path / "n.svg"), "--against", "n=1..16"]) == 0
    assert main([*words, "--plot", str(tmp_path / "step.svg")]) == 0
    assert "wrote" in capsys.readouterr().err
    assert (tmp_path / "n.svg").read_text(encoding="utf-8").startswith("<?xml") and (tmp_path / "step.svg").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--plot", "out.txt"], "written as .svg, .png, .pdf, not 'out.txt'"),
        (["--against", "n=1..4"], "give both"),
        (["--plot", "out.svg", "--against", "k=1..4"], "no dimension 'k'"),
        (["--plot", "out.svg", "--against", "n=4..1"], "is no DIM=A..B"),
        (["--plot", "out.svg", "--against", "n=4"], "is no DIM=A..B"),
    ],
)
def test_the_command_line_says_what_is_wrong(capsys, monkeypatch, tmp_path, words, message):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    assert main(["cost", str(MLP), "--wrt", *WRT, "--sizes", "n=16,d=5,h=4,q=3", *words]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1 and not list(tmp_path.iterdir())


def test_sizes_and_a_scalar_are_needed(tmp_path):
    with pytest.raises(sg.InputError, match="a plot needs the sizes"):
        list(step(sg.forward(MLP).derive(*WRT).cost()))
    with pytest.raises(sg.InputError, match="has no training step to plot"):
        list(step(sg.forward('def f(x: "n", A: "m n"): return A @ x').derive("A").cost({"m": 2, "n": 3})))


def test_without_matplotlib_the_way_out_is_named(cost, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(sg.UnsupportedError, match=r"pip install 'symgrad\[plots\]'"):
        cost.plot(tmp_path / "a.svg")
