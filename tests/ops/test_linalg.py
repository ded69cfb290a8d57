"""The inverse, systems, determinants and composites against jax, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import check_against_jax, compiled, forward_source

import symgrad as sg
from symgrad.errors import InputError, ShapeError, UnsupportedError

AGREE = {
    "inv": ('A: "n n", B: "n n"', "jnp.sum(jnp.tanh(jnp.linalg.inv(A + 3 * jnp.eye(A.shape[0])) @ B))"),
    "inv_transposed": ('A: "n n", B: "n n"', "jnp.trace(jnp.linalg.inv(A.T) @ B @ jnp.linalg.inv(A @ A))"),
    "solve_vector": ('A: "n n", b: "n"', "jnp.sum(jnp.linalg.solve(A, b) ** 3)"),
    "solve_matrix": ('A: "n n", B: "n k", C: "n k"', "jnp.sum(jnp.sin(jnp.linalg.solve(A, B) * C))"),
    "solve_transposed": ('A: "n n", b: "n"', "b @ jnp.linalg.solve(A.T, jnp.tanh(b))"),
    "solve_of_solve": ('A: "n n", b: "n"', "b @ jnp.linalg.solve(A, jnp.linalg.solve(A.T @ A, b))"),
    "slogdet_indexed": ('A: "n n"', "jnp.linalg.slogdet(A)[1] ** 2"),
    "slogdet_named": ('A: "n n"', "jnp.linalg.slogdet(A @ A.T).logabsdet * jnp.linalg.slogdet(A).sign"),
    "pinv_square": ('A: "n n", B: "n n"', "jnp.sum(jnp.linalg.pinv(A) * B)"),
    "pinv": ('A: "5 3", B: "3 4"', "jnp.sum(jnp.linalg.pinv(B) @ jnp.linalg.pinv(A))"),
    "pinv_of_any_shape": ('A: "m n", b: "m"', "jnp.sum((jnp.linalg.pinv(A) @ b) ** 3)"),
    "pinv_of_rank_one": ('u: "m", v: "n", b: "m"', "jnp.sum((jnp.linalg.pinv(jnp.outer(u, v)) @ b) ** 3)"),
    "power_0": ('A: "n n", B: "n n"', "jnp.sum(jnp.linalg.matrix_power(A, 0) * B) + jnp.sum(A**2)"),
    "power_5": ('A: "n n", B: "n n"', "jnp.sum(jnp.linalg.matrix_power(A, 5) * B)"),
    "power_negative": ('A: "n n", B: "n n"', "jnp.sum(jnp.linalg.matrix_power(A, -3) * B)"),
    "multi_dot": ('A: "m n", B: "n k", c: "k"', "jnp.sum(jnp.sin(jnp.linalg.multi_dot([A, B, c])))"),
}


@pytest.mark.parametrize("name", AGREE)
def test_agrees_with_jax(name: str):
    check_against_jax(forward_source(*AGREE[name]), tolerance=1e-9)


def test_slogdet_unpacks():
    check_against_jax('def f(A: "n n"):\n    sign, value = jnp.linalg.slogdet(A)\n    return sign * value\n')


def test_logdet_holds_where_det_overflows():
    source = forward_source('A: "n n"', "slogdet(A)[1]")
    A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
    for scale in (1e120, 1e-120):
        value, (gradient,) = compiled(source).value_and_grad(A=A * scale)
        assert np.isclose(value, np.linalg.slogdet(A)[1] + 3 * np.log(scale), rtol=1e-14)
        np.testing.assert_allclose(gradient, np.linalg.inv(A).T / scale, rtol=1e-13)


def test_gradient_of_a_symmetric_matrix_is_unconstrained():
    """d log det S = <S^-T, dS> and its second derivative -S^-T V^T S^-T, for V of any kind."""
    S, V = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 1.0]]), np.arange(9.0).reshape(3, 3)
    (product,) = compiled(forward_source('S: "n n | spd"', "slogdet(S)[1]")).hvp((V,), S=S)
    np.testing.assert_allclose(product, -np.linalg.inv(S).T @ V.T @ np.linalg.inv(S).T, rtol=1e-12)


PRINTED = {
    r"A^{-1} b": ('A: "n n", b: "n"', "sum(solve(A, b))"),
    r"\mathbf{1}^{\top} (A + I)^{-1} b": ('A: "n n", b: "n"', "sum(solve(A + eye(A.shape[0]), b))"),
    r"A^{-\top} b": ('A: "n n", b: "n"', "sum(solve(A.T, b))"),
    r"c^{\top} A^{-1} b": ('A: "n n", b: "n", c: "n"', "c @ inv(A) @ b"),
    r"\log \lvert \det(A) \rvert": ('A: "n n"', "slogdet(A)[1]"),
    r"\det(A) A^{-\top}": ('A: "n n"', "det(A)"),
}


@pytest.mark.parametrize("text", PRINTED)
def test_prints(text: str):
    assert text in sg.forward(forward_source(*PRINTED[text])).derive().latex()


REFUSED = [
    ('A: "m n"', "sum(inv(A))", ShapeError, "inv needs a square matrix"),
    ('A: "m n n"', "sum(inv(A))", UnsupportedError, "stack of matrices"),
    ('A: "n n", b: "m"', "sum(solve(A, b))", ShapeError, "does not fit a right side"),
    ('a: "m"', "sum(pinv(a))", ShapeError, "pinv needs a matrix"),
    ('A: "n n", p: ""', "sum(matrix_power(A, p))", UnsupportedError, "literal integer"),
    ('A: "n n"', "sum(matrix_power(A, 1000))", UnsupportedError, "beyond 100"),
    ('A: "n n"', "sum(expm(A))", UnsupportedError, "matrix_power"),
    ('A: "m n", b: "m"', "sum(lstsq(A, b)[0])", UnsupportedError, "full column rank"),
    ('A: "n n"', "sum(eigvalsh(A))", UnsupportedError, "trace"),
    ('A: "n n"', "sum(multi_dot([A]))", InputError, "two arrays"),
]


@pytest.mark.parametrize(("arguments", "expression", "error", "words"), REFUSED)
def test_refuses_by_name_with_a_way_out(arguments: str, expression: str, error: type[Exception], words: str):
    with pytest.raises(error) as raised:
        sg.forward(forward_source(arguments, expression))
    assert words in str(raised.value)
