"""Along every unit direction at once: each operation's rule, and whole Hessians and Jacobians by every plan there is."""

from typing import Any

import numpy as np
import pytest
from cases import DISTINCT, Case, case_of, numeric_shape, samples, symbol

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.core.op import Node, variable
from symgrad.core.program import Equation, Program
from symgrad.derive.batching import batched
from symgrad.planning.plans import CLOSED
from symgrad.planning.schedule import scheduled

SIZES = variable("sizes", tuple(map(symbol, DISTINCT)))
"""An input that is there for the sizes of its axes alone."""

ONE_AT_A_TIME = frozenset({"stop_gradient"})

CASES = [
    (name, op, sample, i)
    for name, op, sample in samples()
    for i in sorted(frozenset().union(*op.axes(case_of(op, sample).node).linear))
    if op.name not in ONE_AT_A_TIME and not (op.name == "cofactor" and i > 1)
]


def moved(case: Case, i: int, dense: bool) -> Program:
    """The operation with operand i set to what moves: the direction itself, or a sum of two multiples of it."""
    v, x = variable("direction_v", case.operands[i].shape), case.operands[i]
    expr = v + variable("weights", v.shape) * v if dense else v
    inner = variable("inner", v.shape)
    operands = [inner if k == i else a for k, a in enumerate(case.operands)]
    out = case.op.node(*operands, **case.sample.static)
    result = variable("out", out.shape)
    others = tuple(dict.fromkeys(a for a in case.operands if a is not x))
    inputs = (*others, v, SIZES, *([variable("weights", v.shape)] if dense else []))
    return Program("f", inputs, (Equation(inner, expr), Equation(result, out)), (result,))


def every_unit(program: Program, v: Node, inputs: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """The output along one unit direction after the other, less what it is along none: a sum may hold what does not move."""
    zero, *units = np.vstack([np.zeros(int(np.prod(shape))), np.eye(int(np.prod(shape)))]).reshape((-1, *shape))
    still, *values = [evaluate(program, inputs | {str(v): unit})[str(program.outputs[0])] for unit in (zero, *units)]
    columns = [value - still for value in values]
    return np.array(columns).reshape((*shape, *np.shape(columns[0])))


@pytest.mark.parametrize("dense", [False, True], ids=["unit", "dense"])
@pytest.mark.parametrize(("name", "op", "sample", "i"), CASES, ids=[f"{name}-{i}" for name, _, _, i in CASES])
def test_rule_agrees_with_one_direction_after_the_other(name, op, sample, i, dense):
    case = case_of(op, sample, DISTINCT)
    program = moved(case, i, dense)
    v = next(x for x in program.inputs if str(x) == "direction_v")
    rng = np.random.default_rng(5)
    inputs = {str(x): drawn(x, case.sizes, rng) for x in program.inputs if x not in (v, SIZES)}
    inputs["sizes"] = np.broadcast_to(np.nan, tuple(DISTINCT.values()))
    expected = every_unit(program, v, inputs, numeric_shape(v.shape, case.sizes))
    equations, outputs = batched(program, v, "v")
    inputs["direction_v"] = np.nan * np.ones(numeric_shape(v.shape, case.sizes))
    result = variable("result", outputs[0].shape)
    whole = Program("f", program.inputs, (*equations, Equation(result, outputs[0])), (result,))
    for form in (whole, scheduled(whole)):
        found = np.broadcast_to(evaluate(form, inputs)["result"], expected.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def drawn(x: Node, sizes: Any, rng: np.random.Generator) -> np.ndarray:
    shape = numeric_shape(x.shape, sizes)
    return rng.integers(0, 4, shape) if "int" in x.params["properties"] else rng.uniform(0.5, 1.5, shape)


MODELS = {
    "batch of one hidden layer": """
def f(X: "n d", W1: "d h", b: "h", W2: "h k", Y: "n k | onehot"):
    H = tanh(X @ W1 + b)
    return -mean(sum(Y * log_softmax(H @ W2, axis=1), axis=1))""",
    "attention": """
def f(Q: "m d", K: "n d", V: "n p", T: "m p"):
    A = softmax(Q @ K.T / sqrt(3), axis=1)
    return sum((A @ V - T) ** 2)""",
    "layer norm": """
def f(X: "n d", g: "d"):
    C = X - mean(X, axis=1, keepdims=True)
    return sum((g * C / sqrt(mean(C**2, axis=1, keepdims=True) + 1e-5)) ** 3)""",
    "recurrent": """
def f(x: "d", W: "d d", h0: "d"):
    h = tanh(W @ h0 + x)
    h = tanh(W @ h + x)
    return sum(tanh(W @ h) ** 2)""",
    "determinant": 'def f(A: "n n"): return det(A @ A)',
    "inverse": 'def f(A: "n n", B: "n n"): return trace(inv(A) @ B @ inv(A) @ B)',
    "whitened": 'def f(S: "d d | spd", X: "d n"): return sum(tanh(solve(S, X)) ** 2)',
    "kinks": 'def f(X: "n d", w: "d"): return sum(maximum(X @ w, 0) ** 3 * abs(X @ w)) + sum(clip(X, 0.2, 0.9) ** 3)',
    "a scalar beside a matrix": 'def f(W: "m n", x: "n", c: ""): return sum(tanh(exp(c) * (W @ x)) ** 2)',
    "heads": """
def f(X: "h n d", W: "h d k"):
    Z = X @ W
    return sum(tanh(Z) * Z)""",
}

ARRAYS = {
    "hidden layer": 'def f(W: "m n", x: "n"): return tanh(W @ x)',
    "matrix value": 'def f(X: "m n", B: "n k"): return tanh(X @ B)',
    "softmax rows": 'def f(X: "m n"): return softmax(X, axis=1)',
    "no dependence": 'def f(x: "n", y: "m"): return 2 * x',
}


def at(d: sg.Derivation) -> dict[str, Any]:
    declared = inputs_of(d.program.inputs)
    return sample_inputs(declared, sizes_for(declared), seed=3)


def columns(d: sg.Derivation, inputs: dict[str, Any], j: int) -> list[np.ndarray]:
    """The derivatives by variable j, from the products along its unit directions; one array a row."""
    module, names = d.compile(), [str(v) for v in d.wrt]
    product = module.hvp if d.is_scalar else module.jvp
    shape = np.shape(inputs[names[j]])
    results = []
    for unit in np.eye(int(np.prod(shape))).reshape((-1, *shape)):
        direction = tuple(unit if k == j else np.zeros(np.shape(inputs[n])) for k, n in enumerate(names))
        results.append(product(direction, **inputs))
    return [
        np.moveaxis(np.array(rows).reshape((*shape, *rows[0].shape)), range(len(shape)), range(-len(shape), 0))
        for rows in zip(*results, strict=True)
    ]


@pytest.mark.parametrize("name", [*MODELS, *ARRAYS])
def test_every_plan_agrees_with_products_along_the_units(name):
    d = sg.forward((MODELS | ARRAYS)[name]).derive()
    inputs = at(d)
    assert len(d.passes.plans) >= 1
    expected = [columns(d, inputs, j) for j in range(len(d.wrt))]
    for plan in d.passes.plans:
        values = evaluate(plan.program, inputs)
        found = iter(plan.program.outputs)
        for i in range(len(d.wrt) if d.is_scalar else 1):
            for j in range(len(d.wrt)):
                block = values[str(next(found))]
                np.testing.assert_allclose(block, expected[j][i], rtol=1e-8, atol=1e-9, err_msg=f"{plan.name}: {i}, {j}")


@pytest.mark.parametrize("name", MODELS)
def test_no_exported_hessian_loops_over_directions(name):
    assert "_columns" not in sg.forward(MODELS[name]).derive().numpy()


def test_a_closed_form_stays_where_products_save_little():
    assert sg.forward('def f(x: "n", A: "n n"): return x @ A @ x').derive("x").passes.plan.name == CLOSED


def test_the_cheaper_way_to_a_jacobian_is_taken():
    wide = sg.forward('def f(X: "200 300", w: "300"): return tanh(tanh(tanh(X @ w) @ X)[:2] ** 2)').derive("w")
    assert wide.passes.plan.name == "reverse products in one pass"
