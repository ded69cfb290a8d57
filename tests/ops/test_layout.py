"""Reshaping, joining, slicing and filling, a row an expression, against jax; dimensions are symbolic unless numbers are given."""

import numpy as np
import pytest
from agreement import check_against_jax, weighed

from symgrad.derivation import forward
from symgrad.errors import SymgradError

X = np.linspace(-1.0, 1.2, 12).reshape(3, 4)
POINT = {"X": X, "y": np.array([0.3, -0.7, 1.1, 0.2]), "z": np.array([0.5, 0.9, -0.4]), "s": np.array(0.7)}
SHAPES = {"X": "m n", "y": "n", "z": "m", "s": ""}
SYMBOLIC = [
    "X.reshape(-1) * s", "jnp.reshape(X, (X.shape[1], X.shape[0])) @ z * y", "X.ravel()[2:5]", "jnp.ravel(X * y)",
    "X.flatten() ** 2", "X.reshape(X.shape[0], 1, -1) * y", "jnp.concatenate([y, z, y])", "jnp.concatenate([X, X * s], axis=1)",
    "jnp.append(y, s)", "jnp.concatenate((X, y[None, :]))", "jnp.concatenate([X, y[None]], axis=None)", "jnp.stack([y, s * y])",
    "jnp.stack((z, z**2), axis=1)", "jnp.hstack([y, z])", "jnp.hstack([X, X])", "jnp.vstack([y, 2 * y])", "jnp.vstack([X, y])",
    "jnp.column_stack([z, X])", "jnp.column_stack([y, y**2])", "jnp.array([s, s**2, 1.0])", "jnp.array([[s, 1.0], [2.0, s * s]])",
    "jnp.expand_dims(y, 0) * X", "jnp.expand_dims(z, axis=(0, 2)) * X", "jnp.squeeze(y[None, :] * s)",
    "z[:, None].squeeze(1) * s", "jnp.broadcast_to(y, X.shape) * X", "X.swapaxes(0, 1) * z", "jnp.moveaxis(X, 0, 1) * z",
    "jnp.atleast_2d(y) * X", "jnp.atleast_1d(s) * y", "jnp.flip(y) * y", "jnp.flip(X, axis=0) * X", "jnp.roll(y, 1) * y",
    "jnp.roll(X, -2, axis=1) * y", "jnp.diff(y) ** 2", "jnp.diff(X, axis=0)", "jnp.diff(y, n=2)", "jnp.repeat(y, 2)",
    "jnp.repeat(X, 3, axis=0)", "jnp.tile(y, 2)", "jnp.tile(X, (2, 1))", "jnp.split(X, [1], axis=0)[1] * y", "y[0] * z",
    "y[-1] * z[1]", "y[1:] * y[:-1]", "X[0] * y", "X[:, 1] * z", "X[-1, -2] * y", "X[1:, :2]", "X[:, None, :] * s",
    "X[..., 0] * z", "y[::-1] * y", "y[2:4]", "X[:2][:, 1:]", "X[None, 1:, 0]", "y[-3:-1] * s", "y[None] * X", "X.T[1:] * z",
    "jnp.zeros(X.shape) + X", "jnp.ones((X.shape[1],)) * y * s", "jnp.full(X.shape[1], 2.0) * y", "jnp.full_like(X, s) * X",
    "jnp.zeros_like(y) + y", "jnp.ones_like(X) * s", "jnp.arange(y.shape[0]) * y", "jnp.arange(1, 5) * y[:4]",
    "jnp.arange(0, 6, 2) * s", "jnp.linspace(0.0, s, 4)", "jnp.asarray(X) * y.copy()", "y.astype(float) * s",
    "jnp.stack([X, X * y]).sum(axis=0)",
]  # fmt: skip
NUMERIC = {
    "x[::2]": "5", "x[1::2]": "5", "x[::-2]": "5", "x[4:1:-1]": "5", "x.reshape(2, 3)": "6", "x[-4:]": "6",
    "jnp.split(x, 3)[1]": "6",
}  # fmt: skip


@pytest.mark.parametrize("expression", SYMBOLIC)
def test_symbolic(expression):
    check_against_jax(weighed(expression, SHAPES), POINT)


@pytest.mark.parametrize("expression", NUMERIC)
def test_numeric(expression):
    n = int(NUMERIC[expression])
    check_against_jax(weighed(expression, {"x": NUMERIC[expression]}), {"x": np.sin(np.arange(n) + 1.0)})


def test_stop_gradient():
    check_against_jax(weighed("x * jax.lax.stop_gradient(x**2)", {"x": "n"}), {"x": [0.3, -1.0]})


@pytest.mark.parametrize(
    "expression",
    [
        "x[7]",
        "x[3:3]",
        "x[0, 0]",
        "w[::3]",
        "w[x]",
        "x.reshape(4, 2)",
        "w.reshape(2, -1)",
        "jnp.stack([x, w])",
        "x[True]",
        "x.astype(int)",
        "x[1.5]",
    ],
)
def test_refused_by_name(expression):
    with pytest.raises(SymgradError) as caught:
        forward(f'def f(x: "5", w: "n"):\n    return sum({expression})\n')
    assert "\n" not in str(caught.value) and "wrong kind" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("y[1:]", r"\left[ y \right]_{1:}"),
        ("X[-1, :]", r"\left[ X \right]_{-1, :}"),
        ("concatenate([y, y**2])", r"\begin{bmatrix} y \\ y^{\odot 2} \end{bmatrix}"),
        ("stack([y, y], axis=1)", r"\begin{bmatrix} y & y \end{bmatrix}"),
        ("stack([y, y])", r"\begin{bmatrix} y^{\top} \\ y^{\top} \end{bmatrix}"),
        ("stop_gradient(y)", r"\operatorname{sg}(y)"),
    ],
)
def test_print(expression, expected):
    program = forward(f'def f(X: "m n", y: "n"):\n    u = {expression}\n    J = sum(u)\n    return J\n').program
    assert expected in program.latex()
