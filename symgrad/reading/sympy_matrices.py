"""Matrix expressions of SymPy, every shape checked here since SymPy checks few of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

import sympy
from sympy.matrices import expressions as matrices
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.budget import limit
from symgrad.core.op import OPERATORS, Node, show_shape
from symgrad.errors import ShapeError, UnsupportedError
from symgrad.ops.broadcasting import expand, fill, sum_
from symgrad.ops.indexing import take
from symgrad.ops.kronecker import kron
from symgrad.ops.product import diag, diagonal, eye, square
from symgrad.reading.sympy_indices import sliced
from symgrad.reading.sympy_symbols import Door, SymbolEntries, SympyScope, is_matrix, language, shown_piece


def _same(door: Door, what: str, exprs: Iterable[Any]) -> list[Node]:
    exprs = list(exprs)
    nodes = [door.matrix(e) for e in exprs]
    for e, X in zip(exprs[1:], nodes[1:], strict=True):
        if X.shape != nodes[0].shape:
            shapes = f"{shown_piece(exprs[0])} is {show_shape(nodes[0].shape)} and {shown_piece(e)} is {show_shape(X.shape)}"
            turned = X.shape[::-1] == nodes[0].shape
            way = f"did you mean {_turned(e)}?" if turned else "copy a row or column with a product with OneMatrix"
            raise ShapeError(f"{what} of two shapes: {shapes}; {way}")
    return nodes


def _matmul(door: Door, expr: Any) -> Node:
    scalars = [a for a in expr.args if not is_matrix(a)]
    factors = [a for a in expr.args if is_matrix(a)]
    nodes = [door.matrix(f) for f in factors]
    for (a, X), (b, Y) in pairwise(zip(factors, nodes, strict=True)):
        if X.shape[1] != Y.shape[0]:
            raise ShapeError(_mismatch(a, X, b, Y))
    # From the side that is a column, so that every partial product is one.
    if nodes[-1].shape[1] == 1:
        product = reduce(lambda Y, X: OPERATORS["matmul"](X, Y), reversed(nodes))
    else:
        product = reduce(OPERATORS["matmul"], nodes)
    return reduce(lambda X, c: OPERATORS["multiply"](door.number(c), X), reversed(scalars), product)


def _power(door: Door, expr: Any) -> Node:
    base, exponent = expr.args[0], expr.args[1] if len(expr.args) > 1 else sympy.S.NegativeOne
    X = door.matrix(base)
    if X.shape[0] != X.shape[1]:
        what = "inverse" if exponent == -1 else f"power {shown_piece(exponent)}"
        raise ShapeError(
            f"{what} of {shown_piece(base)}, which is {show_shape(X.shape)} and not square; entrywise use HadamardPower"
        )
    if X.shape == (1, 1):
        return OPERATORS["power"](X, door.number(exponent))
    most = limit("exponent")
    if not exponent.is_Integer or abs(exponent) > most:
        raise UnsupportedError(
            f"the power {shown_piece(exponent)} of {shown_piece(base)} is no whole number to {most}; entrywise use HadamardPower"
        )
    if exponent < 0:
        X = language("inv")(X)
    return reduce(OPERATORS["matmul"], [X] * abs(int(exponent))) if exponent != 0 else eye(X.shape[0])


def hadamard_power(door: Door, expr: Any) -> Node:
    base, exponent = expr.args
    if is_matrix(base) and is_matrix(exponent):
        return OPERATORS["power"](*_same(door, "HadamardPower", expr.args))
    return OPERATORS["power"](door.read(base), door.read(exponent))


def _entrywise(door: Door, expr: Any) -> Node:
    """Z[r, c] = body(X[r, c])."""
    X, row, column = door.matrix(expr.expr), sympy.Dummy(), sympy.Dummy()
    function = expr.function
    if not isinstance(function, sympy.Lambda):
        t = sympy.Dummy()
        function = sympy.Lambda(t, function(t))
    scope = SympyScope({function.variables[0]: SymbolEntries(X, (row, column))}, dict(zip((row, column), X.shape, strict=True)))
    return _filled(door, function.expr, scope, (row, column))


def function_matrix(door: Door, expr: Any) -> Node:
    rows, columns, function = expr.args
    indices = function.variables
    sizes = dict(zip(indices, (door.dim(rows), door.dim(columns)), strict=True))
    return _filled(door, function.expr, SympyScope(sizes=sizes), tuple(indices))


def _filled(door: Door, body: Any, scope: SympyScope, over: tuple[Any, ...]) -> Node:
    entries = door.scalar(body, scope)
    shape = tuple(scope.sizes[i] for i in over)
    return entries.spread(over, scope.sizes) if entries.over else fill(entries.node, shape)


def explicit(door: Door, expr: Any) -> Node:
    values = set(expr)
    if len(values) != 1 or min(expr.shape) == 0:
        raise UnsupportedError(f"the explicit matrix {shown_piece(expr)} is not read; make it a MatrixSymbol and an input")
    return fill(door.number(values.pop()), door.shape(expr))


def vector(door: Door, expr: Any) -> Node:
    """A row or column as a vector of rank 1."""
    X = door.matrix(expr)
    if 1 not in X.shape:
        raise ShapeError(f"{shown_piece(expr)} is {show_shape(X.shape)} where a row or column is needed")
    return sum_(X, axes=(1,) if X.shape[1] == 1 else (0,))


def squared(door: Door, name: str, expr: Any) -> Node:
    X = door.matrix(expr)
    try:
        square(name, X)
    except ShapeError:
        raise ShapeError(f"{name} of {shown_piece(expr)}, which is {show_shape(X.shape)} and not square") from None
    return X


def _part(door: Door, expr: Any) -> Node:
    return take(door.matrix(expr.parent), index=tuple(sliced(b, door.dim) for b in (expr.rowslice, expr.colslice)))


def _turned(expr: Any) -> str:
    text = shown_piece(expr)
    return f"{text}.T" if isinstance(expr, matrices.MatrixSymbol) else f"({text}).T"


def _mismatch(a: Any, X: Node, b: Any, Y: Node) -> str:
    shapes = f"{shown_piece(a)} is {show_shape(X.shape)} and {shown_piece(b)} is {show_shape(Y.shape)}"
    if X.shape[0] == Y.shape[0]:
        way = f"did you mean {_turned(a)}*{shown_piece(b)}?"
    elif X.shape[1] == Y.shape[1]:
        way = f"did you mean {shown_piece(a)}*{_turned(b)}?"
    else:
        way = "check the order of the factors"
    if X.shape[1] == 1 or Y.shape[0] == 1:
        way = "a 1x1 product such as x.T*y is a number only inside Trace(x.T*y)"
    return f"product with inner dimensions {X.shape[1]} and {Y.shape[0]}: {shapes}; {way}"


def _column(x: Node) -> Node:
    return expand(x, (*x.shape, 1), (1,))


MATRIX: dict[type, Callable[[Door, Any], Node]] = {
    matrices.MatrixSymbol: Door.symbol,
    matrices.MatMul: _matmul,
    matrices.MatAdd: lambda door, e: OPERATORS["add"](*_same(door, "sum", e.args)),
    matrices.Transpose: lambda door, e: door.matrix(e.arg).T,
    matrices.Adjoint: lambda door, e: door.matrix(e.arg).T,
    matrices.MatPow: _power,
    matrices.HadamardProduct: lambda door, e: reduce(OPERATORS["multiply"], _same(door, "HadamardProduct", e.args)),
    matrices.HadamardPower: hadamard_power,
    ElementwiseApplyFunction: _entrywise,
    matrices.FunctionMatrix: function_matrix,
    matrices.MatrixSlice: _part,
    matrices.Identity: lambda door, e: eye(door.dim(e.shape[0])),
    matrices.ZeroMatrix: lambda door, e: fill(0, door.shape(e)),
    matrices.OneMatrix: lambda door, e: fill(1, door.shape(e)),
    DiagMatrix: lambda door, e: diag(vector(door, e.args[0])),
    DiagonalMatrix: lambda door, e: diag(diagonal(squared(door, "DiagonalMatrix", e.arg))),
    DiagonalOf: lambda door, e: _column(diagonal(squared(door, "DiagonalOf", e.arg))),
    matrices.KroneckerProduct: lambda door, e: reduce(kron, [door.matrix(a) for a in e.args]),
    sympy.MatrixBase: explicit,
}
