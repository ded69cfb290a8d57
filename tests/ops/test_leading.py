"""Rows of expressions: as numbers they are the rows, as expressions they hold no more than these rows need."""

from __future__ import annotations

import numpy as np
import pytest
from loops import D, H, T, exp, tanh, total, var

from symgrad.checking.evaluation import evaluate
from symgrad.core.op import REGISTRY, Node, constant, is_zero
from symgrad.core.program import Equation, Program
from symgrad.ops.indexing import put, take
from symgrad.ops.leading import leading_row, leading_rows

X, Y, W, c = var("X", T, D), var("Y", T, D), var("W", D, H), var("c")
u = var("u", D)
broadcast, softmax = REGISTRY["broadcast"], REGISTRY["softmax"]
EXPRESSIONS = {
    "a variable": X,
    "entrywise": tanh(X) * Y - exp(Y) / 3,
    "a scalar multiple": total(u) * tanh(X),
    "a vector in every row": X + broadcast(u, shape=(T, D), axes=(1,)),
    "a number in every column": X * broadcast(c, shape=(T, D), axes=()),
    "a product, which stays whole": X @ W,
    "a function of whole rows": softmax(X, axes=(1,)),
}


def value(expr: Node, point: dict[str, np.ndarray]) -> np.ndarray:
    out = var("out", *expr.shape)
    return evaluate(Program("part", (X, Y, W, c, u), (Equation(out, expr),), (out,)), point)["out"]


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_part_is_that_part_of_the_array(name: str):
    rng = np.random.default_rng(0)
    point = {str(v): rng.normal(size=size) for v, size in {X: (5, 3), Y: (5, 3), W: (3, 4), c: (), u: (3,)}.items()}
    expr = EXPRESSIONS[name]
    whole = value(expr, point)
    np.testing.assert_allclose(value(leading_row(expr, 2), point), whole[2], rtol=1e-13)
    np.testing.assert_allclose(value(leading_row(expr, T - 1), point), whole[-1], rtol=1e-13)
    np.testing.assert_allclose(value(leading_rows(expr, 1, T - 1), point), whole[1:], rtol=1e-13)


def test_a_part_goes_inside_what_acts_entry_by_entry():
    assert leading_row(tanh(X) * Y, 2) is tanh(take(X, index=(2, (0, D, 1)))) * take(Y, index=(2, (0, D, 1)))


PLACED = put(u, shape=(T + 1, D), index=(T, (0, D, 1)))
"""Zeros but for the last of T + 1 rows."""

BLOCK = put(X, shape=(T + 2, D), index=((1, T, 1), (0, D, 1)))
"""Zeros above and below."""


def test_what_a_block_of_zeros_holds():
    assert leading_row(PLACED, T) is u
    assert is_zero(leading_rows(PLACED, 0, T))
    assert is_zero(leading_row(BLOCK, 0)) and is_zero(leading_row(BLOCK, T + 1))
    pair = var("Z", 2, D)
    assert leading_row(put(pair, shape=(T + 2, D), index=((0, 2, 1), (0, D, 1))), 1) is leading_row(pair, 1)
    assert leading_rows(BLOCK, 1, T) is X
    assert leading_rows(put(u, shape=(T + 4, D), index=(2, (0, D, 1))), 1, T + 3) is put(u, shape=(T + 3, D), index=(1, (0, D, 1)))


def test_a_block_that_is_put_in_backwards_reaches_every_row_it_has():
    turned = put(X, shape=(T, D), index=((T - 1, T, -1), (0, D, 1)))
    for part in (leading_rows(turned, 0, T - 1), leading_row(turned, 0), leading_rows(turned, 1, T - 1)):
        assert not is_zero(part)


def test_nothing_is_taken_for_zero_that_may_coincide_where_there_is_no_step():
    """Of T + 1 rows the first is the last where T is 0."""
    first = put(u, shape=(T + 1, D), index=(0, (0, D, 1)))
    assert leading_row(first, T).op is take
    assert not is_zero(constant(1) * leading_row(first, T))
