"""SymPy matrix expressions to a Program, every shape checked here since SymPy checks few of them.

No string is ever handed to SymPy and nothing is evaluated: expressions are walked, names are checked as those of the source door.
Scalars are read with their free indices as axes, so x[i, 0] under a Sum, the body of an entrywise Lambda and the entries of a
FunctionMatrix are one case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.budget import budgeted
from symgrad.core.op import Node, show_shape
from symgrad.core.program import PASSES, Program
from symgrad.errors import InputError, ShapeError, SymgradError, UnsupportedError, printable
from symgrad.ops.broadcasting import fill
from symgrad.ops.product import trace
from symgrad.reading.annotations import check_identifier
from symgrad.reading.builder import Builder
from symgrad.reading.sympy_matrices import MATRIX
from symgrad.reading.sympy_scalars import SCALAR
from symgrad.reading.sympy_symbols import Door, SymbolEntries, SympyScope, is_matrix, shown_piece


class _Reader(Door):
    """The door itself: a table each for matrices and for numbers, and the equations that come of them."""

    def __init__(self) -> None:
        super().__init__()
        self.builder = Builder()
        self.matrices: dict[sympy.Basic, Node] = {}

    def matrix(self, expr: Any) -> Node:
        if not is_matrix(expr):
            raise ShapeError(f"{shown_piece(expr)} is a number where a matrix is needed")
        if expr not in self.matrices:
            self.matrices[expr] = _dispatch(MATRIX, expr)(self, expr)
        return self.matrices[expr]

    def scalar(self, expr: Any, scope: SympyScope | None = None) -> SymbolEntries:
        scope = scope or self.outside
        if is_matrix(expr):
            single = tuple(expr.shape) == (1, 1)
            way = f"Trace({shown_piece(expr)}) is the number in a 1x1 matrix" if single else "use MatAdd, MatMul or applyfunc"
            raise ShapeError(f"the matrix {shown_piece(expr)} stands where a number is needed; {way}")
        if expr not in scope.memo:
            found = _dispatch(SCALAR, expr)(self, expr, scope)
            scope.memo[expr] = found if isinstance(found, SymbolEntries) else SymbolEntries(found)
        return scope.memo[expr]

    def equation(self, key: Any, expr: Any, last: bool) -> Node:
        """A 1x1 matrix is a number under a Symbol, and as the value of the whole program."""
        name, shape = self.name(key, "the left side"), self.shape(key)
        if shape and any(not (d.is_Integer or d.free_symbols) for d in key.shape):
            raise InputError(f"{name} has no shape made of names and numbers")
        node = self.read(expr)
        if shape == (1, 1) and last:
            shape = ()
        if node.shape == (1, 1) and shape == ():
            node = trace(node)
        if node.shape == () and shape == (1, 1):
            node = fill(node, shape)
        if node.shape != shape:
            raise ShapeError(f"{name} has shape {show_shape(shape)}, its right side {show_shape(node.shape)}")
        self.known[key] = self.builder.named(name, node)
        return self.known[key]


def _dispatch(table: Mapping[type, Callable[..., Any]], expr: Any) -> Callable[..., Any]:
    for kind in type(expr).__mro__:
        if kind in table:
            return table[kind]
    raise UnsupportedError(
        f"{type(expr).__name__} is not read ({shown_piece(expr)}); write it with the operations of docs/sympy.md"
    )


def _pairs(entries: Any, what: str, single: bool) -> list[tuple[Any, Any]]:
    """An ordered dict or a list of pairs; where `single`, also of bare symbols without properties."""
    if isinstance(entries, Mapping):
        return list(entries.items())
    if not isinstance(entries, list | tuple):
        raise InputError(f"{what} need a dict or a list, got {type(entries).__name__}")
    pairs = [e if isinstance(e, tuple) else (e, "") if single else e for e in entries]
    if bad := [p for p in pairs if not isinstance(p, tuple) or len(p) != 2]:
        raise InputError(f"{what} are pairs, got {type(bad[0]).__name__}")
    return pairs


@budgeted("reading")
def from_sympy(equations: Any, inputs: Any, name: str = "model") -> Program:
    """A Program from SymPy expressions: `equations` maps symbols to right sides in order, the last one is the value.

    `inputs` lists the symbols that are given, or maps each to its properties: {x: "", lam: "positive"}.
    """
    reader = _Reader()
    check_identifier(name, "program name")
    variables = tuple(reader.declare(*pair) for pair in _pairs(inputs, "inputs", single=True))
    pairs = _pairs(equations, "equations", single=False)
    if not pairs:
        raise InputError("no equations; the last one is the value to differentiate")
    for i, (key, expr) in enumerate(pairs):
        try:
            value = reader.equation(key, expr, last=i == len(pairs) - 1)
        except (RecursionError, MemoryError):
            raise InputError(f"equation {i + 1} of {name} is nested too deeply; name intermediate results") from None
        except SymgradError as error:
            raise type(error)(printable(f"{error} in {_where(i, key, expr)}")) from None
    return Program(name, variables, tuple(reader.builder.equations), (value,), "SymPy")


def _where(i: int, key: Any, expr: Any) -> str:
    if not isinstance(key, sympy.Basic) or not isinstance(expr, sympy.Basic | sympy.MatrixBase):
        return f"equation {i + 1}"
    return f'"{shown_piece(key)} = {shown_piece(expr)}" (equation {i + 1})'


PASSES["from_sympy"] = from_sympy
