"""Integer labels, a row an expression, against jax."""

import numpy as np
import pytest
from agreement import check_against_jax, weighed

from symgrad.derivation import forward
from symgrad.errors import InputError, UnsupportedError

POINT = {"X": np.linspace(-1.0, 1.2, 15).reshape(3, 5), "y": np.array([4, 0, 4]), "c": np.array([2, 2, 1, 0]), "i": np.array(2)}
SHAPES = {"X": "m k", "y": "m | int", "c": "p | int", "i": " | int"}
EXPRESSIONS = [
    "X[jnp.arange(X.shape[0]), y]", "X.T[y, jnp.arange(y.shape[0])]", "jnp.take_along_axis(X, y[:, None], axis=1)",
    "jnp.take_along_axis(X, y[:, None], axis=-1)[:, 0]", "jnp.sum(jax.nn.one_hot(y, X.shape[1]) * X, axis=1)",
    "jax.nn.one_hot(c, X.shape[0]) @ X", "jax.nn.one_hot(y, X.shape[1], axis=0) * X.T", "X[c]", "X[:, c]",
    "jnp.take(X, y, axis=1)", "X[i]", "X[c][:, 1]", "X[c, 1]", "X[c] ** 2",
    "jnp.where(y[:, None] == jnp.arange(X.shape[1]), X, 0.0)", "X[:, 1:][:, c]",
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_labels(expression):
    check_against_jax(weighed(expression, SHAPES), POINT)


def test_gradient_of_cross_entropy_is_softmax_minus_onehot():
    source = 'def f(O: "n k", y: "n | int"):\n    P = log_softmax(O)\n    L = -sum(P[arange(O.shape[0]), y])\n    return L\n'
    grad = forward(source).derive("O").compile().grad(O=POINT["X"], y=POINT["y"]).O
    p = np.exp(POINT["X"]) / np.exp(POINT["X"]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(grad, p - np.eye(5)[POINT["y"]], rtol=1e-13, atol=1e-15)


def test_a_label_out_of_range_has_a_row_of_zeros():
    source = 'def f(x: "n 3", y: "n | int"):\n    return sum(one_hot(y, 3) * x)\n'
    module = forward(source).derive("x").compile()
    assert module.value(x=np.ones((2, 3)), y=np.array([1, 7])) == 1.0


@pytest.mark.parametrize(
    ("expression", "error", "word"),
    [
        ("X[z]", InputError, "int"),
        ("one_hot(z, 3)", InputError, "int"),
        ("X[c, c]", UnsupportedError, "arange"),
        ("take_along_axis(X, X, axis=1)", InputError, "int"),
    ],
)
def test_refused_by_name(expression, error, word):
    with pytest.raises(error, match=word):
        forward(f'def f(X: "m k", z: "m", c: "p | int"):\n    return sum({expression})\n')


def test_labels_are_not_differentiated():
    derivation = forward('def f(X: "m k", y: "p | int"):\n    return sum(X[y])\n').derive()
    assert [str(v) for v in derivation.wrt] == ["X"]


@pytest.mark.parametrize("expression", ["X[arange(3), y]", "X[y]", "take(X, y, axis=0)"])
def test_labels_below_zero_count_from_the_end_as_in_jax(expression: str):
    source = f'def f(X: "3 4", y: "3 | int"):\n    return sum({expression} ** 2)\n'
    rng = np.random.default_rng(0)
    check_against_jax(source, {"X": rng.normal(size=(3, 4)), "y": np.array([0, -1, 2])}, ["X"])


def test_one_hot_has_no_one_for_a_label_below_zero():
    source = 'def f(x: "3 4", y: "3 | int"):\n    return sum(one_hot(y, 4) * x)\n'
    check_against_jax(source, {"x": np.ones((3, 4)), "y": np.array([0, -1, 2])}, ["x"])
