"""Norms against jax, and at 0 and extreme scales, where jax's own give nan and inf."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import check_against_jax, compiled, forward_source

import symgrad as sg
from symgrad.errors import InputError, UnsupportedError

AGREE = {
    "vector": ('x: "n", a: "n"', "jnp.linalg.norm(x - a) ** 3"),
    "frobenius": ('X: "m n"', "jnp.sin(jnp.linalg.norm(X)) * jnp.linalg.norm(X, 'fro') ** 2"),
    "rows": ('X: "m n", w: "m"', "w @ jnp.linalg.norm(X, axis=1)"),
    "columns_kept": ('X: "m n"', "jnp.sum(jnp.sin(X / jnp.linalg.norm(X, axis=0, keepdims=True)))"),
    "tensor": ('X: "m n k"', "jnp.linalg.norm(X) + jnp.sum(jnp.linalg.norm(X, axis=(0, 2)))"),
    "one_two_three": ('x: "n"', "jnp.linalg.norm(x, 1) ** 2 * jnp.linalg.norm(x, ord=2) + jnp.linalg.norm(x, 3)"),
    "inf": ('x: "n"', "jnp.linalg.norm(x, jnp.inf) ** 2 * jnp.linalg.norm(x, -jnp.inf)"),
    "matrix": ('X: "m n"', "jnp.linalg.norm(X, 1) ** 2 * jnp.linalg.norm(X, jnp.inf, keepdims=True)[0, 0]"),
    "matrix_swapped": ('X: "m n k"', "jnp.sum(jnp.linalg.norm(X, 1, axis=(2, 0)) ** 2)"),
    "vector_norm": (
        'X: "m n"',
        "jnp.linalg.vector_norm(X, axis=1) @ jnp.linalg.vector_norm(X, axis=1, ord=1) * jnp.linalg.matrix_norm(X)",
    ),
}


@pytest.mark.parametrize("name", AGREE)
def test_agrees_with_jax(name: str):
    check_against_jax(forward_source(*AGREE[name]))


def test_gradient_at_zero_is_the_smallest_subgradient():
    module = compiled(forward_source('X: "m n"', "sum(norm(X, axis=1))"))
    gradient = module.grad(X=np.array([[0.0, 0.0], [3.0, 4.0]]))
    np.testing.assert_allclose(gradient.X, [[0, 0], [0.6, 0.8]], rtol=1e-15)
    assert compiled(forward_source('x: "n"', "norm(x)")).value_and_grad(x=np.zeros(3))[0] == 0


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e-308])
def test_extreme_scales(scale: float):
    x = np.array([3.0, 4.0]) * scale
    value, gradient = compiled(forward_source('x: "n"', "norm(x)")).value_and_grad(x=x)
    assert np.isclose(value, 5 * scale, rtol=1e-15)
    np.testing.assert_allclose(gradient.x, [0.6, 0.8], rtol=1e-15)


def test_entries_of_different_scale_along_one_axis_do_not_disturb_another():
    X = np.array([[3e200, 4e200], [3e-200, 4e-200]])
    gradient = compiled(forward_source('X: "m n"', "sum(norm(X, axis=1))")).grad(X=X)
    np.testing.assert_allclose(gradient.X, [[0.6, 0.8], [0.6, 0.8]], rtol=1e-15)


REFUSED = [
    ("norm(X, 2)", UnsupportedError, "singular values"),
    ("norm(X, 'nuc')", UnsupportedError, "Frobenius"),
    ("norm(X[0], 0)", UnsupportedError, "counts entries"),
    ("norm(X, 3)", InputError, "no order of a matrix norm"),
    ("norm(X[0], 'fro')", InputError, "no order of a vector norm"),
]


@pytest.mark.parametrize(("expression", "error", "words"), REFUSED)
def test_refuses_by_name(expression: str, error: type[Exception], words: str):
    with pytest.raises(error) as raised:
        sg.forward(forward_source('X: "m n"', expression))
    assert words in str(raised.value)


PRINTED = {
    r"\frac{x - a}{\lVert x - a \rVert}": ('x: "n", a: "n"', "norm(x - a)"),
    r"\frac{X}{\lVert X \rVert_F}": ('X: "m n"', "norm(X)"),
    r"\operatorname{diag}(\lVert X \rVert_{\mathrm{rows}})^{-1} X": ('X: "m n"', "sum(norm(X, axis=1))"),
}


@pytest.mark.parametrize("text", PRINTED)
def test_prints(text: str):
    assert text in sg.forward(forward_source(*PRINTED[text])).derive().latex()
