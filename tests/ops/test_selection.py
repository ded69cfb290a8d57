"""Comparisons, where, maximum, minimum and clip, a row a function, ties and unused branches among them."""

import numpy as np
import pytest
from agreement import check_against_jax, weighed

from symgrad.derivation import forward

POINT = {"x": [-1.3, 0.4, 2.1], "y": [0.5, -2.0, 2.0]}
EXPRESSIONS = [
    "(x > y) * x", "(x >= 0) * y", "(x < y) * x * y", "(x <= 1.0) * x", "(x == y) + x", "(x != y) * x", "jnp.greater(x, y) * x",
    "jnp.greater_equal(x, y) * y", "jnp.less(x, y) * x", "jnp.less_equal(x, y) * x", "jnp.equal(x, y) * x",
    "jnp.not_equal(x, 0) * x", "jnp.where(x > 0, x**2, x * y)", "jnp.where(x > 0, 1, -1) * x",
    "jnp.where(jnp.logical_and(x > 0, y > 0), x * y, x)", "jnp.where(jnp.logical_or(x > 1, y > 0), x * y, y)",
    "jnp.where(jnp.logical_not(x > 0), x * y, x)", "jnp.where(~(x > 0), x * y, x)",
    "jnp.where(jnp.logical_xor(x > 0, y > 0), x, y)", "jnp.maximum(x, y)", "jnp.minimum(x, y)", "jnp.maximum(x, 0.0)",
    "jnp.clip(x, -1.0, 1.0)", "jnp.clip(x, min=0.0)", "jnp.clip(x, max=y)", "x.clip(-1.0, 1.0)",
]  # fmt: skip
TIES = {
    "jnp.maximum(x, y)": 1.0, "jnp.minimum(x, y)": 1.0, "jnp.maximum(x, 1.0)": 1.0, "jnp.clip(x, 0.0, 1.0)": 1.0,
    "jnp.clip(x, 0.0, None)": 0.0, "jnp.where(x > y, x**2, y)": 1.0, "jnp.maximum(x, x)": 1.0, "jnp.maximum(0.0, x)": 0.0,
}  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_selection(expression):
    check_against_jax(weighed(expression, {"x": "n", "y": "n"}), POINT)


@pytest.mark.parametrize("expression", TIES)
def test_ties(expression):
    check_against_jax(weighed(expression, {"x": "", "y": ""}), {"x": TIES[expression], "y": TIES[expression]})


def test_where_broadcasts_condition_and_branches():
    check_against_jax(weighed("jnp.where(x[:, None] > z, z, y)", {"x": "m", "y": "n", "z": "m n"}), {
        "x": [0.1, -0.4], "y": [1.0, 2.0, 3.0], "z": np.linspace(-1, 1, 6).reshape(2, 3) + 0.03,
    })  # fmt: skip


def test_a_declared_condition_counts_unless_zero():
    check_against_jax(
        weighed("jnp.where(b, x, x**2)", {"x": "n", "b": "n | binary"}), {"x": [0.3, -1.0, 2.0], "b": [0.0, 1.0, 1.0]}, ["x"]
    )


@pytest.mark.parametrize(
    ("formula", "x", "truth"),
    [
        ("where(x > 0, x / sqrt(x), 0 * x)", 0.0, 0.0),
        ("where(x < 100, exp(x), 2 * x)", 800.0, 2.0),
        ("where(x != 0, sin(x) / x, x * 0 + 1)", 0.0, 0.0),
        ("where(x > 0, log(x), x)", -1.0, 1.0),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_the_branch_not_taken_does_not_poison(formula, x, truth):
    module = forward(f'def f(x: ""):\n    return {formula}\n').derive("x").compile()
    assert module.grad(x=x).x == truth
    assert np.isfinite(module.hvp((1.0,), x=x).x)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("where(x > 0, x, 0)", r"\mathbf{1}[x > 0] \odot x"),
        ("where(x > 0, 0, x)", r"\mathbf{1}[x \le 0] \odot x"),
        ("(x >= y) * 1.0", r"\mathbf{1}[x \ge y]"),
        ("where(x > 0, x, y)", r"\left\{\begin{array}{ll} x & \text{if } x > 0 \\ y & \text{otherwise} \end{array}\right."),
        ("clip(x, 0, 1)", r"\min(\max(x, 0), 1)"),
    ],
)
def test_print(formula, expected):
    derivation = forward(f'def f(x: "n", y: "n"):\n    u = {formula}\n    J = sum(u)\n    return J\n').derive("x")
    assert expected in derivation.program.latex()


@pytest.mark.parametrize("condition", ["greater(x.shape[0], 2)", "x.shape[0] - 2", "0 * x + x.shape[0] > 2"])
def test_a_condition_on_a_dimension_is_decided_when_the_code_runs(condition: str):
    source = f'def f(x: "n", y: "n"):\n    return sum(where({condition}, x, y) ** 2)\n'
    for size in (2, 3):
        x, y = np.arange(1.0, 1 + size), np.full(size, 5.0)
        check_against_jax(source, {"x": x, "y": y})


@pytest.mark.parametrize("condition", ["ones(3) > 0", "zeros(3)", "ones((2, 3))"])
def test_a_condition_that_is_a_constant_array_chooses_for_all(condition: str):
    check_against_jax(f'def f(x: "3", y: "3"):\n    return sum(where({condition}, x, y) ** 2)\n')
