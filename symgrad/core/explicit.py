"""SymPy's matrices by their entries: the words in which records say what their operation is there.  A vector is a column."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.core.op import Shape


def rows_and_columns(shape: Shape) -> tuple[Any, Any]:
    """The two dimensions of an array in SymPy."""
    rows, columns = (*shape, 1)[:2] if shape else (1, 1)
    return rows, columns


def ones(rows: Any, columns: Any) -> Any:
    return sympy.OneMatrix(rows, columns)


def index(letter: str) -> Any:
    return sympy.Dummy(letter, integer=True, nonnegative=True)


def entry(x: Any, places: list[Any]) -> Any:
    """The entry of an operand at as many places as it has axes."""
    return MatrixElement(x, *places, *[sympy.S.Zero] * (2 - len(places))) if places else x


def number_in(x: Any) -> Any:
    """The entry of a 1x1 matrix; unlike Trace, SymPy evaluates it over a product with ones."""
    return MatrixElement(x, 0, 0)


def by_entries(shape: Shape, free: list[Any], body: Any, bound: list[tuple[Any, Any]]) -> Any:
    """The array whose entry at `free` is the sum of `body` over the bound letters, each with its size."""
    if bound:
        body = sympy.Sum(body, *((i, 0, d - 1) for i, d in bound))
    if not shape:
        return body
    free = [*free, *(index("j") for _ in range(2 - len(free)))]
    return sympy.FunctionMatrix(*rows_and_columns(shape), sympy.Lambda(tuple(free), body))
