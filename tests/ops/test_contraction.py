"""Products named by NumPy, at the ranks where they differ from one another."""

from __future__ import annotations

import re

import pytest
from agreement import check_against_jax, weighed

from symgrad.core.op import variable
from symgrad.errors import ShapeError
from symgrad.ops.contraction import einsum, vdot_of
from symgrad.printing.latex import Show

SHAPES = {"x": "4", "A": "3 4", "S": "4 4", "T": "2 4 3", "U": "2 3 4"}


@pytest.mark.parametrize(
    "expression",
    [
        "jnp.inner(x, S)", "jnp.inner(S, x)", "jnp.inner(A, S)", "jnp.inner(U, A)", "jnp.inner(U, U)", "jnp.vdot(S, S.T)",
        "jnp.vdot(U, U)", "jnp.dot(S, T)", "jnp.dot(U, T)", "jnp.dot(x, T)", "jnp.dot(U, x)", "U.dot(S)", "jnp.matmul(U, T)",
    ],
)  # fmt: skip
def test_products_are_jaxs(expression: str):
    named = set(re.findall(r"\b[xASTU]\b", expression))
    check_against_jax(weighed(expression, {name: shape for name, shape in SHAPES.items() if name in named}))


def test_vdot_of_two_shapes_is_refused():
    with pytest.raises(ShapeError, match="vdot"):
        vdot_of(variable("A", (3, 4)), variable("B", (4, 3)))


def test_a_letter_with_an_index_takes_no_second_subscript():
    W1, W2 = (variable(name, (3, 4)) for name in ("W1", "W2"))
    text = Show().text(einsum(W1, W2, spec="ab,ab->a"))
    assert text == r"\left[ \sum_{b} (W_1)_{ab} (W_2)_{ab} \right]_{a}"
