"""The product of entries and the determinant, above all where dividing fails: zero entries and singular matrices."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from agreement import check_against_jax, compiled, forward_source

import symgrad as sg
from symgrad.export import helpers

AGREE = {
    "prod": ('x: "n", y: "n"', "jnp.sin(jnp.prod(x)) * jnp.prod(x * y)"),
    "prod_rows": ('X: "m n", w: "m"', "w @ jnp.prod(X, axis=1) ** 2"),
    "prod_columns": ('X: "m n"', "jnp.sum(X.prod(axis=0, keepdims=True) * X)"),
    "prod_of_matrix": ('X: "m n"', "jnp.prod(X) ** 2"),
    "prod_middle": ('X: "m n k"', "jnp.sum(jnp.prod(X, axis=(0, 2)) ** 2)"),
    "det_squared": ('A: "n n", B: "n n"', "jnp.linalg.det(A @ B) ** 2 + jnp.linalg.det(A + B)"),
    "det_gram": ('X: "k m"', "jnp.linalg.det(X.T @ X)"),
    "det_of_one": ('A: "1 1"', "jnp.linalg.det(A) ** 2"),
    "det_of_inverse": ('A: "n n"', "jnp.linalg.det(jnp.linalg.inv(A))"),
}


@pytest.mark.parametrize("name", AGREE)
def test_agrees_with_jax(name: str):
    check_against_jax(forward_source(*AGREE[name]), tolerance=1e-9)


# prod with zeros ------------------------------------------------------------------------------------------------------------

PROD = forward_source('x: "n"', "jnp.prod(x)")
ZEROS = {
    "none": [2.0, -3.0, 5.0, 0.5],
    "one": [2.0, 0.0, 5.0, 0.5],
    "two": [2.0, 0.0, 5.0, 0.0],
    "three": [0.0, 0.0, 5.0, 0.0],
    "tiny": [2.0, 1e-200, 5.0, 1e-200],
}


@pytest.mark.parametrize("name", ZEROS)
def test_prod_gradient_and_hessian_at_zeros(name: str):
    """The slope in x_i is the product without i, the second derivative in x_i and x_j the product without both."""
    x = np.array(ZEROS[name])
    without = [[np.prod(np.delete(x, [i, j])) * (i != j) for j in range(4)] for i in range(4)]
    module = compiled(PROD)
    np.testing.assert_allclose(module.grad(x=x).x, [np.prod(np.delete(x, i)) for i in range(4)], rtol=1e-14)
    np.testing.assert_allclose(module.hessian(x=x)[0][0], without, rtol=1e-14)


def test_prod_at_zeros_agrees_with_jax():
    check_against_jax(PROD, {"x": np.array(ZEROS["two"])})


def test_prod_third_derivative():
    """Of a product of four, the third derivative in i, j, k is what is left."""
    x, basis = np.array([2.0, 0.0, 5.0, 0.0]), np.eye(4)
    slope = helpers._prod_slope((0,), x, basis[0], basis[1])
    np.testing.assert_array_equal(slope, [0.0, 0.0, 0.0, 5.0])


# det at singular matrices ---------------------------------------------------------------------------------------------------

DET = forward_source('A: "n n"', "jnp.linalg.det(A)")


def parity(order: tuple[int, ...]) -> int:
    return -1 if sum(a > b for i, a in enumerate(order) for b in order[i + 1 :]) % 2 else 1


def leibniz(A: np.ndarray, rows: tuple[int, ...], columns: tuple[int, ...]) -> float:
    """The derivative of det in the entries (rows[i], columns[i]): the terms of Leibniz's sum that hold them, without them."""
    n, total = len(A), 0.0
    for order in permutations(range(n)):
        if len(set(rows)) == len(rows) and all(order[r] == c for r, c in zip(rows, columns, strict=True)):
            total += parity(order) * float(np.prod([A[i, order[i]] for i in range(n) if i not in rows]))
    return total


def of_rank(rank: int, n: int = 4) -> np.ndarray:
    rng = np.random.default_rng(rank)
    return rng.integers(-3, 4, size=(n, rank)).astype(float) @ rng.integers(-3, 4, size=(rank, n)).astype(float)


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_det_gradient_and_hessian_at_any_rank(rank: int):
    A, module = of_rank(rank), compiled(DET)
    gradient = [[leibniz(A, (i,), (j,)) for j in range(4)] for i in range(4)]
    hessian = [[[[leibniz(A, (i, k), (j, h)) for h in range(4)] for k in range(4)] for j in range(4)] for i in range(4)]
    scale = max(1.0, np.abs(A).max()) ** 3
    np.testing.assert_allclose(module.grad(A=A).A, gradient, rtol=0, atol=1e-14 * scale)
    np.testing.assert_allclose(module.hessian(A=A)[0][0], hessian, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("rank", [1, 3, 4])
def test_det_third_derivative(rank: int):
    A, basis = of_rank(rank), np.eye(16).reshape(16, 4, 4)
    third = helpers._cofactor(A, basis[1], basis[6])  # entries (0, 1) and (1, 2)
    want = [[leibniz(A, (0, 1, i), (1, 2, j)) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(third, want, atol=1e-12)


@pytest.mark.parametrize("scale", [1e100, 1e-100])
def test_det_gradient_at_extreme_scales(scale: float):
    A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
    module = compiled(DET)
    np.testing.assert_allclose(module.grad(A=A * scale).A / scale**2, np.linalg.det(A) * np.linalg.inv(A).T, rtol=1e-13)
    assert np.isfinite(module.hessian(A=A * scale)[0][0]).all()


def test_print_as_the_textbook_does():
    text = sg.forward(DET).derive().latex()
    assert r"\det(A) A^{-\top}" in text
    assert r"\det(A) A^{-\top} (\operatorname{tr}(A^{-1} V) I - V^{\top} A^{-\top})" in text
    assert r"\nabla \operatorname{prod}(x)" in sg.forward(PROD).derive().latex()
    positive = sg.forward(PROD, x="n | positive").derive()
    assert r"\operatorname{prod}(x) x^{\odot -1}" in positive.latex()
