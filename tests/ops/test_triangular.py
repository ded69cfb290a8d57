"""Triangles, triangular systems, Cholesky factors against jax."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import check_against_jax, forward_source

import symgrad as sg
from symgrad.errors import InputError, UnsupportedError
from symgrad.export import helpers

AGREE = {
    "tril": ('X: "m n"', "jnp.sum(jnp.tril(X) ** 3)"),
    "triu_offset": ('X: "m n"', "jnp.sum(jnp.triu(X, 1) ** 3) + jnp.sum(jnp.triu(X, k=-1) * X)"),
    "cholesky": ('A: "n n | spd", B: "n n"', "jnp.sum(jnp.sin(jnp.linalg.cholesky(A)) * B)"),
    "cholesky_upper": ('A: "n n | spd", B: "n n"', "jnp.sum(jnp.linalg.cholesky(A, upper=True) ** 2 * B)"),
    "cho_factor_lower": ('A: "n n | spd", B: "n n"', "jnp.sum(jsp.linalg.cho_factor(A, lower=True)[0] ** 2 * B)"),
    "cho_factor_upper": ('A: "n n | spd", B: "n n"', "jnp.sum(jsp.linalg.cho_factor(A)[0] ** 2 * B)"),
    "lower_solve": ('L: "n n | lower", b: "n"', "jnp.sum(jsp.linalg.solve_triangular(L, b, lower=True) ** 3)"),
    "upper_solve": ('L: "n n | spd", B: "n k"', "jnp.sum(jsp.linalg.solve_triangular(L, B) ** 2)"),
    "transposed": ('L: "n n | lower", B: "n k"', "jnp.sum(jsp.linalg.solve_triangular(L, B, trans=1, lower=True) ** 2)"),
    "transposed_by_letter": ('L: "n n | spd", b: "n"', "jnp.sum(jsp.linalg.solve_triangular(L, b, trans='T') ** 2)"),
    "unit": ('L: "n n", b: "n"', "jnp.sum(jsp.linalg.solve_triangular(L, b, lower=True, unit_diagonal=True) ** 2)"),
    "cho_solve": ('A: "n n | spd", b: "n"', "b @ jsp.linalg.cho_solve(jsp.linalg.cho_factor(A), b)"),
    "cho_solve_lower": ('A: "n n | spd", B: "n k"', "jnp.sum(B * jsp.linalg.cho_solve(jsp.linalg.cho_factor(A, lower=True), B))"),
}


@pytest.mark.parametrize("name", AGREE)
def test_agrees_with_jax(name: str):
    check_against_jax(forward_source(*AGREE[name]), tolerance=1e-9)


def test_cholesky_counts_the_symmetric_part():
    A = np.array([[2.0, 0.3, 0.1], [0.5, 1.5, 0.2], [0.0, 0.1, 1.0]])
    check_against_jax(forward_source('A: "n n"', "jnp.sum(jnp.linalg.cholesky(A) ** 3)"), {"A": A})


ONE_TRIANGLE = {
    "lower": ('A: "n n | spd", b: "n"', "sum(sin(jsp.linalg.cho_solve(jsp.linalg.cho_factor(A, lower=True), b)))"),
    "upper": ('A: "n n | spd", b: "n"', "sum(sin(jsp.linalg.cho_solve(jsp.linalg.cho_factor(A), b)))"),
    "of a sum": ('A: "n n | spd", B: "n n | spd"', "sum(jsp.linalg.cho_factor(A + 2 * B, lower=True)[0] ** 3)"),
}


@pytest.mark.parametrize("name", ONE_TRIANGLE)
def test_the_hessian_of_a_factor_that_reads_one_triangle_is_jaxs(name: str):
    """Second derivatives commute along symmetric changes alone, so no block is read off as the transpose of another."""
    derivation = sg.forward(forward_source(*ONE_TRIANGLE[name])).derive()
    assert not derivation.passes.commutes and not derivation.passes.plans
    report = derivation.verify()
    assert "Hessian is symmetric along symmetric changes alone" in str(derivation.cost())
    assert any("SciPy's Cholesky factor reads one triangle" in note for note in report.notes)


def test_the_hessian_of_a_factor_whose_operand_is_symmetric_has_a_plan():
    source = forward_source('X: "n d", b: "d", S: "d d | spd"', "b @ jsp.linalg.cho_solve(jsp.linalg.cho_factor(X.T @ X + S), b)")
    assert sg.forward(source).derive("X", "b").passes.commutes
    assert not sg.forward(source).derive("X", "S").passes.commutes


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("trans", [True, False])
def test_substitution_by_halves(lower: bool, trans: bool):
    """Larger than one block, and only the triangle that is meant is read."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(70, 70)) / 70 + np.eye(70), rng.normal(size=(70, 2))
    T = np.tril(A) if lower else np.triu(A)
    np.testing.assert_allclose((T.T if trans else T) @ helpers._solve_triangular(A, b, lower, trans), b, atol=1e-13)


REFUSED = [
    ('A: "n n", k: ""', "sum(tril(A, k))", UnsupportedError, "literal integer"),
    ('A: "n n", b: "n"', "sum(cho_solve(A, b))", InputError, "pair (c, lower)"),
    ('A: "n n", b: "n"', "sum(solve_triangular(A, b, trans='X'))", InputError, "none of 0, 1, 2"),
]


@pytest.mark.parametrize(("arguments", "expression", "error", "words"), REFUSED)
def test_refuses_by_name(arguments: str, expression: str, error: type[Exception], words: str):
    with pytest.raises(error) as raised:
        sg.forward(forward_source(arguments, expression))
    assert words in str(raised.value)
