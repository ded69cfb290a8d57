"""All blocks together, as Programs that the exporter writes out: dense, diagonal, or the factors they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from symgrad.core.graph import postorder, substitute
from symgrad.core.op import Node, Shape, variable
from symgrad.core.program import Equation, Program, fresh
from symgrad.core.roles import Adjoint, Role, SecondDerivative
from symgrad.derive.simplification import Simplifier
from symgrad.linear.matrices import side
from symgrad.linear.structure import Diagonal, LinearTerm
from symgrad.ops.product import transpose
from symgrad.ops.triangular import reads_one_triangle
from symgrad.rules import Known
from symgrad.second.hessian import Block


def dense(program: Program, arrays: Mapping[tuple[int, int], Node], wrt: tuple[Node, ...]) -> Program:
    """The program followed by one equation a Hessian block, row by row, from the arrays of those on and above the diagonal.

    Second derivatives commute, so blocks below the diagonal are transposes of those above it.
    """
    rows: list[_Row] = []
    for i, row in enumerate(wrt):
        for j, column in enumerate(wrt):
            expr = arrays[i, j] if i <= j else exchanged(arrays[j, i], column.ndim)
            role = SecondDerivative(row.params["role"], column.params["role"])
            rows.append((f"H_{row}_{column}", row.shape + column.shape, role, expr))
    return _followed(program, rows)


def commute(program: Program, wrt: tuple[Node, ...]) -> bool:
    """Do second derivatives in these variables commute?  Those of an operation that reads one triangle need a symmetric operand."""
    free = {v: variable(str(v), v.shape) for v in wrt}
    symmetric = set[Node]()
    known = Known(True, symmetric)
    for eq in program.equations:
        expr = substitute(eq.expr, free)
        if any(reads_one_triangle(node) and not known.symmetric(node.args[0]) for node in postorder([expr])):
            return False
        if known.symmetric(expr):
            symmetric.add(eq.symbol)
    return True


def diagonals(program: Program, arrays: Mapping[Node, Node]) -> Program:
    """The program followed by one equation a variable, the diagonal of its Hessian block."""
    return _followed(program, [(f"D_{v}", v.shape, None, expr) for v, expr in arrays.items()])


def dense_row(program: Program, arrays: Mapping[Node, Node], of: Node) -> Program:
    """The program followed by one equation a Jacobian block of the value `of`."""
    value = of.params["role"]
    return _followed(
        program, [(f"J_{v}", of.shape + v.shape, Adjoint(v.params["role"], value), expr) for v, expr in arrays.items()]
    )


_Row = tuple[str, Shape, Role | None, Node]
"""The name wanted for a block, its shape, its role and its value."""


def _followed(program: Program, rows: Iterable[_Row]) -> Program:
    """The program with these for its outputs."""
    equations, outputs, names = list(program.equations), [], set(program.names)
    for wanted, shape, role, expr in rows:
        name = fresh(wanted, names)
        names.add(name)
        outputs.append(variable(name, shape, role=role))
        equations.append(Equation(outputs[-1], expr))
    return replace(program, statements=tuple(equations), outputs=tuple(outputs)).needed()


@dataclass(frozen=True)
class Factors:
    """A program whose outputs are the arrays that Hessian blocks are made of, and how each block uses them.

    `terms[i, j]` lists (coefficient, stages); a stage is a kind and its arrays, symbols of the program or None.  A block without
    terms is known by its products alone.
    """

    program: Program
    terms: Mapping[tuple[int, int], tuple[tuple[Node, tuple[tuple[Any, ...], ...]], ...]]


def factored(program: Program, blocks: Mapping[tuple[int, int], Block], simplifier: Simplifier) -> Factors:
    """The blocks' structured terms by name, of those that have any."""
    symbols: dict[Node, Node] = {}
    names = set(program.names)

    def symbol(whole: Node) -> Node:
        expr = simplifier.simplify(whole)
        if expr not in symbols:
            name = fresh(f"factor_{len(symbols) + 1}", names)
            names.add(name)
            symbols[expr] = variable(name, expr.shape)
        return symbols[expr]

    known = {key: (b.terms, b.column.shape) for key, b in blocks.items() if b.terms is not None}
    terms = {key: tuple(_named_term(t, columns, symbol) for t in parts) for key, (parts, columns) in known.items()}
    equations = (*program.equations, *(Equation(v, expr) for expr, v in symbols.items()))
    return Factors(replace(program, statements=equations, outputs=tuple(symbols.values())).needed(), terms)


def _named_term(term: LinearTerm, columns: Shape, symbol: Callable[[Node], Node]) -> tuple[Node, tuple[tuple[Any, ...], ...]]:
    coefficient = symbol(term.coefficient)
    if term.inner is not None and term.spread is not None:
        return coefficient, (("rank one", symbol(term.spread), symbol(term.inner)),)
    stages: list[tuple[Any, ...]] = []
    shape = columns
    for stage in term.stages:
        if isinstance(stage, Diagonal):
            stages.append(("diagonal", symbol(stage.weight)))
            continue
        m, n = (*shape, 1)[:2][:: -1 if stage.flip else 1]
        left, right = side(stage.left, m), side(stage.right, n)
        sides = [symbol(side) if chain else None for side, chain in ((left, stage.left), (right, stage.right))]
        stages.append(("sandwich", *sides, stage.flip))
        shape = (left.shape[0], right.shape[1])
    return coefficient, tuple(stages)


def exchanged(X: Node, first: int) -> Node:
    """The axes after the first few, moved before them."""
    return transpose(X, (*range(first, X.ndim), *range(first))) if X.ndim else X
