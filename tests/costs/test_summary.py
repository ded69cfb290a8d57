"""Flops and memory: formulas written by hand, and held against tracemalloc and against XLA's own analysis."""

import runpy
import tracemalloc
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

import symgrad as sg
from symgrad.command.cli import main
from symgrad.core.counting import flops, kept, leading, leading_ratio, number, working_set
from symgrad.costs.checkpoint import KeptValues, within_budget

D2L = Path(__file__).parents[2] / "derivations" / "d2l_mlp.py"
d, h, q, n = sympy.symbols("d h q n", integer=True, positive=True)
SIZES = {"d": 784, "h": 256, "q": 10}
BATCH = {**SIZES, "n": 64}


@sg.forward
def mlp(X: "n d", Y: "n q", W1: "h d", W2: "q h", lam: " | positive"):
    Z = X @ W1.T
    H = jnp.tanh(Z)
    O = H @ W2.T  # noqa: E741
    L = 0.5 * jnp.sum((O - Y) ** 2) / X.shape[0]
    s = lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))
    J = L + s
    return J


@sg.forward
def predict(X: "n d", W1: "h d", W2: "q h"):
    Z = X @ W1.T
    H = jnp.tanh(Z)
    O = H @ W2.T  # noqa: E741
    return O


def deep(layers):
    weights = ", ".join(f'W{i}: "d d"' for i in range(layers))
    lines = [f"H{i + 1} = jnp.tanh({'X' if i == 0 else f'H{i}'} @ W{i})" for i in range(layers)]
    body = "\n    ".join([*lines, f"J = jnp.sum((H{layers} - Y) ** 2)", "return J"])
    return sg.forward(f'def deep(X: "n d", Y: "n d", {weights}):\n    {body}\n').derive(*(f"W{i}" for i in range(layers)))


@pytest.fixture(scope="module")
def batched():
    return mlp.derive("W1", "W2")


@pytest.fixture(scope="module")
def single():
    return sg.forward(D2L).derive("W1", "W2")


# formulas by hand -----------------------------------------------------------------------------------------------------------


def test_matrix_products_of_one_sample(single):
    """Forward W1 x, W2 h; backward two outer products, W2^T; the regulariser reads each weight twice (square, sum)."""
    counted = single.cost().flops
    assert counted["value"].coeff(d * h) == 2 + 2
    assert counted["gradient"].coeff(d * h) == 2 + 1 + 2  # W1 x; an outer product; lam W1 added
    assert counted["gradient"].coeff(h * q) == 2 + 2 + 1 + 2


def test_matrix_products_of_a_batch(batched):
    """Layers of 2 n d h and 2 n h q: forward both; backward the weights' of both, and the second one's input."""
    counted = batched.cost().flops
    assert leading(counted["value"]) == 2 * n * d * h + 2 * n * h * q
    assert leading(counted["gradient"]) == 4 * n * d * h + 6 * n * h * q
    assert leading(counted["Hessian-vector product"]) == 6 * n * d * h + 16 * n * h * q
    assert batched.cost().ratios["Hessian-vector product / gradient"] == (3 * d + 8 * q) / (2 * d + 3 * q)


def test_both_answers_about_the_second_order(batched):
    """One product costs about one and a half gradients; the Hessian by products as many products as there are parameters."""
    cost = batched.cost(BATCH)
    product, gradient = cost.at(cost.flops["Hessian-vector product"]), cost.at(cost.flops["gradient"])
    assert product / gradient == pytest.approx(1.51, abs=0.015)
    assert cost.flops["Hessian by products"] == sympy.expand((h * d + q * h) * cost.flops["Hessian-vector product"])


def test_memory_of_one_sample(single):
    """Parameters hd + qh, inputs d + q + 1; kept are h and o, each for the equations that read it."""
    cost = single.cost(dtype="float32")
    assert [(str(k.symbol), [eq.name for eq in k.readers]) for k in cost.kept] == [("h", ["W2_bar", "z_bar"]), ("o", ["o_bar"])]
    training = cost.memory["training"]
    assert sympy.expand(training.arguments - 4 * (h * d + q * h + d + q + 1)) == 0
    assert sympy.expand(training.results - 4 * (h * d + q * h)) == 0
    assert sympy.expand(training.kept - 4 * (h + q)) == 0
    assert cost.memory["prediction"].kept == 0


def test_kept_intermediates_grow_with_the_batch(batched):
    assert sympy.expand(batched.cost().memory["training"].kept - 8 * n * (h + q)) == 0


@pytest.mark.parametrize("layers", (3, 5))
def test_kept_intermediates_grow_with_the_layers(layers):
    assert deep(layers).cost().memory["training"].kept == 8 * layers * n * d


def test_a_shared_operation_counts_once():
    program = sg.forward('def f(x: "n"): return jnp.sum(jnp.exp(x) * jnp.exp(x))').program
    assert flops(program) == 3 * n  # exp, product, sum


def test_leading_terms_and_ratios():
    assert leading(2 * n * d * h + 3 * n * h + d + 5) == 2 * n * d * h
    assert leading(d * h + h * q + h) == d * h + h * q
    assert leading_ratio(6 * n * d + d, 4 * n * d) == sympy.Rational(3, 2)


# against NumPy --------------------------------------------------------------------------------------------------------------


def _peak(function, *args, **inputs):
    function(*args, **inputs)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    function(*args, **inputs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - before


def _arrays(derivation, sizes):
    rng = np.random.default_rng(0)
    shapes = {str(v): tuple(sizes[str(s)] for s in v.shape) for v in derivation.program.inputs}
    arrays = {name: 0.1 * rng.normal(size=shape) for name, shape in shapes.items()}
    return arrays, tuple(arrays[str(v)] for v in derivation.wrt)


@pytest.mark.parametrize(
    "use, function", [("prediction", "value"), ("training", "value_and_grad"), ("Hessian-vector product", "hvp")]
)
@pytest.mark.parametrize("batch", (64, 1000))
def test_peak_of_exported_code_in_a_batch(batched, use, function, batch):
    sizes = {**SIZES, "n": batch}
    cost = batched.cost(sizes)
    inputs, moved = _arrays(batched, sizes)
    measured = _peak(getattr(batched.compile(), function), *([moved] if function == "hvp" else []), **inputs)
    assert cost.at(cost.memory[use].peak) == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize("use, function", [("training", "value_and_grad"), ("Hessian-vector product", "hvp")])
def test_peak_of_exported_code_for_one_sample(single, use, function):
    cost = single.cost(SIZES)
    inputs, moved = _arrays(single, SIZES)
    measured = _peak(getattr(single.compile(), function), *([moved] if function == "hvp" else []), **inputs)
    assert cost.at(cost.memory[use].peak) == pytest.approx(measured, rel=0.02)


def test_peak_of_a_hessian(single):
    sizes = {"d": 34, "h": 26, "q": 10}
    cost = single.cost(sizes)
    measured = _peak(single.compile().hessian, **_arrays(single, sizes)[0])
    assert cost.at(cost.memory["Hessian"].temporaries) >= 0
    assert cost.at(cost.memory["Hessian"].peak) == pytest.approx(measured, rel=0.02)


def test_helpers_are_walked_too():
    path = D2L.with_name("softmax_mse.py")
    derivation, sizes = sg.forward(path).derive("W1", "W2"), {"N": 1000, "d": 300, "h": 200, "q": 100}
    inputs, _ = _arrays(derivation, sizes)
    cost = derivation.cost(sizes)
    measured = _peak(derivation.compile().value_and_grad, **inputs)
    assert cost.at(cost.memory["training"].peak) == pytest.approx(measured, rel=0.02)


ENTRYWISE = """
def f(X: "m n", Y: "m n", s: ""):
    A = jnp.tanh(s * X) * Y
    B = jnp.exp(-(A**2)) + jnp.sin(X)
    C = jnp.sqrt(1 + B**2) * jnp.cos(Y)
    return jnp.sum(C)
"""


@pytest.mark.parametrize("rows", (16, 17, 400), ids=["one block", "two blocks", "many"])
@pytest.mark.parametrize(
    "use, function", [("prediction", "value"), ("training", "value_and_grad"), ("Hessian-vector product", "hvp")]
)
def test_peak_of_entries_computed_by_blocks(use, function, rows):
    derivation, sizes = sg.forward(ENTRYWISE).derive(), {"m": rows, "n": 512}
    module, cost = derivation.compile(), derivation.cost(sizes)
    assert "= _by_blocks(" in module.__source__.split(f"def {function}(")[1].split("\ndef ")[0]
    inputs, moved = _arrays(derivation, sizes)
    measured = _peak(getattr(module, function), *([moved] if function == "hvp" else []), **inputs)
    assert cost.at(cost.memory[use].peak) == pytest.approx(measured, rel=0.02)


def test_a_wrong_peak_would_be_noticed(batched):
    """Without the reuse of temporaries the count is off by more than is allowed."""
    cost = batched.cost({**SIZES, "n": 1000})
    cost._is_large = lambda size: False
    inputs, moved = _arrays(batched, {**SIZES, "n": 1000})
    measured = _peak(batched.compile().hvp, moved, **inputs)
    assert cost.at(cost.memory["Hessian-vector product"].peak) != pytest.approx(measured, rel=0.02)


def test_formula_without_sizes_bounds_every_size(batched):
    formula, largest = batched.cost().memory["training"].peak, {**SIZES, "n": 1000}
    cost = batched.cost(largest)
    assert cost.at(formula) == cost.at(cost.memory["training"].peak)


# against XLA ----------------------------------------------------------------------------------------------------------------


def _compiled(function, *shapes):
    return jax.jit(function).lower(*(jax.ShapeDtypeStruct(s, jnp.float32) for s in shapes)).compile()


def _shapes(sizes):
    return (sizes["n"], sizes["d"]), (sizes["n"], sizes["q"]), (sizes["h"], sizes["d"]), (sizes["q"], sizes["h"]), ()


def test_flops_of_xla(batched):
    cost = batched.cost(BATCH)
    for name, function in (("value", mlp.function), ("gradient", jax.grad(mlp.function, (2, 3)))):
        assert cost.at(cost.flops[name]) == pytest.approx(_compiled(function, *_shapes(BATCH)).cost_analysis()["flops"], rel=0.01)


@pytest.mark.parametrize("m, k, p", [(64, 96, 80), (128, 32, 256)])
def test_flops_of_a_matrix_product(m, k, p):
    program = sg.forward('def f(A: "m k", B: "k p"): return A @ B').program
    counted = number(flops(program), {"m": m, "k": k, "p": p})
    assert counted == pytest.approx(_compiled(lambda A, B: A @ B, (m, k), (k, p)).cost_analysis()["flops"], rel=0.01)


def test_arguments_and_results_of_xla(batched):
    cost = batched.cost(BATCH, "float32")
    memory = _compiled(jax.grad(mlp.function, (2, 3)), *_shapes(BATCH)).memory_analysis()
    assert memory.argument_size_in_bytes == cost.at(cost.memory["training"].arguments)
    assert memory.output_size_in_bytes - cost.at(cost.memory["training"].results) in range(0, 33)  # a table of pointers


@pytest.mark.parametrize("batch", (64, 128))
def test_temporaries_of_prediction_in_xla(batch):
    sizes = {**SIZES, "n": batch}
    cost = predict.derive("W1", "W2").cost(sizes, "float32")
    x, _, w1, w2, _ = _shapes(sizes)
    memory = _compiled(predict.function, x, w1, w2).memory_analysis()
    assert cost.compiled_temporaries == 4 * n * h
    assert memory.temp_size_in_bytes == cost.at(cost.compiled_temporaries)
    assert memory.argument_size_in_bytes == cost.at(cost.memory["prediction"].arguments)
    assert memory.output_size_in_bytes == cost.at(cost.memory["prediction"].results)


def test_working_set_writes_over_what_is_read_no_more():
    """Z is held for tanh, which is written over it; O is the result."""
    assert set(working_set(predict.program)) == {0, n * h}


# recomputing and roofline -----------------------------------------------------------------------------------------------------


def test_recomputing_a_chain_of_sixteen_layers():
    """Of L equal layers, k held and the rest in k + 1 stretches: k + ceil((L - k) / (k + 1)) at once; 3 held of 16 leave 3 + 4."""
    derivation = deep(16)
    cost = derivation.cost({"n": 64, "d": 32})
    curve, layer = cost.checkpoints(), 8 * 64 * 32
    least = min(k + -(-(16 - k) // (k + 1)) for k in range(17))
    assert curve[0].bytes == 16 * layer and curve[0].flops == 0
    assert curve[-1].bytes == least * layer
    assert [p.bytes for p in curve] == sorted((p.bytes for p in curve), reverse=True)
    assert [p.flops for p in curve] == sorted(p.flops for p in curve)


def test_built_value_by_value_equals_trying_every_choice():
    derivation = deep(8)
    values = [k.symbol for k in kept(derivation.program, derivation.adjoint)]
    chain = KeptValues(derivation.program, values, {"n": 64, "d": 32}, 8)
    from_all = chain.curve()
    from_parts = [(p.bytes, p.flops) for p in chain._chained()]
    assert all((p.bytes, p.flops) in from_parts for p in from_all)
    assert not any(b <= p.bytes and f < p.flops for p in from_all for b, f in from_parts)


def test_the_cheapest_within_a_budget():
    curve = deep(8).cost({"n": 64, "d": 32}).checkpoints()
    assert within_budget(curve, curve[0].bytes).flops == 0
    assert within_budget(curve, curve[0].bytes - 1).flops > 0
    with pytest.raises(sg.InputError, match="the least possible is"):
        within_budget(curve, 10)


def test_roofline_tells_memory_from_arithmetic(batched):
    """X W1^T does 2 n d h flops on 8 (n d + h d + n h) bytes, tanh 1 flop on 16: between the two lies 1 flop a byte."""
    bounds = {b.equation.name: b for b in batched.cost(BATCH).roofline(1e10, 1e10)}
    assert bounds["Z"].waits_for == "arithmetic" and bounds["H"].waits_for == "memory"
    assert bounds["Z"].intensity == pytest.approx(2 * 64 * 784 * 256 / (8 * (64 * 784 + 256 * 784 + 64 * 256)))
    assert bounds["H"].intensity == pytest.approx(1 / 16)


# printing and bad input -------------------------------------------------------------------------------------------------------


def test_tables_in_three_forms(single):
    cost = single.cost(SIZES, "float32")
    assert "Kept for the backward pass" in str(cost) and "\n| --- |" in cost.markdown() and cost._repr_html_().startswith("<table>")
    assert f"{4 * (256 * 784 + 10 * 256):,}" in str(cost)


def test_array_valued_program():
    cost = predict.derive("W1", "W2").cost(BATCH)
    assert leading(cost.flops["value"]) == 2 * n * d * h + 2 * n * h * q
    assert sympy.expand(cost.memory["Jacobian"].results - 8 * n * q * (h * d + q * h)) == 0
    assert "Jacobian" in str(cost)


@pytest.mark.parametrize("path", sorted(D2L.parent.glob("*.py")), ids=lambda p: p.stem)
def test_every_derivation_has_a_cost(path):
    derivation = sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])
    assert "Flops" in str(derivation.cost())


@pytest.mark.parametrize(
    "sizes, dtype, message",
    [
        ({"d": 3}, "float32", "sizes are missing for q, h"),
        ({**SIZES, "k": 3}, "float32", "no dimension 'k'; its dimensions are d, q, h"),
        ({**SIZES, "d": 0}, "float32", "positive whole number, not 0"),
        ({**SIZES, "d": 2.5}, "float32", "positive whole number, not 2.5"),
        ({**SIZES, "d": True}, "float32", "positive whole number, not True"),
        (SIZES, "float12", "the dtype 'float12' is unknown"),
    ],
)
def test_bad_sizes_are_refused(single, sizes, dtype, message):
    with pytest.raises(sg.InputError, match=message):
        single.cost(sizes, dtype)


def test_numbers_need_sizes(single):
    for ask in (single.cost().checkpoints, single.cost().roofline):
        with pytest.raises(sg.InputError, match="needs the sizes"):
            ask()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--sizes", "d=3"], "sizes are missing for q, h"),
        (["--sizes", "d=3,d=4"], "two sizes"),
        (["--sizes", "d=x"], "no positive number"),
        (["--sizes", "d"], "no NAME=VALUE"),
        (["--dtype", "int8"], "the dtype 'int8' is unknown"),
        (["--peak", "1e12"], "both --peak and --bandwidth"),
    ],
)
def test_command_line_says_what_is_wrong(capsys, words, message):
    assert main(["cost", str(D2L), "--wrt", "W1", "W2", *words]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


def test_command_line(capsys):
    words = ["--sizes", "d=784,h=256,q=10", "--dtype", "float32", "--budget", "2000", "--peak", "1e11", "--bandwidth", "1e10"]
    assert main(["cost", str(D2L), "--wrt", "W1", "W2", *words]) == 0
    printed = capsys.readouterr().out
    assert all(title in printed for title in ("Flops", "Memory", "Kept", "Recomputing", "Roofline"))
