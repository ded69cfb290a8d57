"""One block of a Hessian or Jacobian, read off the tangent program that is linear in its direction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sympy

from symgrad.core.budget import budgeted
from symgrad.core.graph import postorder, substitute
from symgrad.core.op import OPERATORS, Node, constant, zeros
from symgrad.core.program import PASSES, Program
from symgrad.core.roles import CurvatureProduct, Tangent
from symgrad.derive.simplification import Simplifier
from symgrad.linear.matrices import array_of, matrix_of, summed_between
from symgrad.linear.structure import LinearTerm, Unreadable, read, read_through
from symgrad.ops.kronecker import commutation, kron, vec

DISTRIBUTED = 6
"""A block of more terms than this is printed as the operator it is and not as a sum of matrices."""


_LONGEST = 7
"""Stages of one term; a longer product of Jacobians has names for its parts."""


@dataclass(frozen=True)
class Block:
    """The derivative of `row` (a gradient, or a value) in the variable `column`, as a linear map of the direction `v`.

    `value` is the scalar whose second derivative it is, None for a Jacobian; `letter` names a block that is no derivative.

    `operator` is the map's value at v, over inputs, named intermediates and named adjoints; `terms` are its structured parts, or
    None where an operation on the way has no matrix form.  `formulas` are those whose names and letters it is printed with,
    `simplifier` what rewrites it, one for all blocks.
    """

    row: Node
    column: Node
    v: Node
    operator: Node
    terms: tuple[LinearTerm, ...] | None
    simplifier: Simplifier = field(repr=False, compare=False)
    value: Node | None = None
    letter: str = ""
    formulas: Any = field(default=None, repr=False, compare=False)

    @cached_property
    def matrix(self) -> Node | None:
        """The matrix of the map with column-stacking vec; a vector is its own vec.  None where no form is short enough to read."""
        if self.terms is None or len(self.terms) > DISTRIBUTED or max(self.row.ndim, self.column.ndim) > 2:
            return None
        if not self.column.ndim or not self.row.ndim:
            return self.array
        return self.simplifier.simplify(self._stacked(self.terms))

    @cached_property
    def printed(self) -> Node | None:
        """The matrix as it is printed: the same map with fewer operations to read, where code might need more of them."""
        if max(self.row.ndim, self.column.ndim) > 2:
            return None
        if not self.column.ndim or not self.row.ndim:
            return None if self.array is None else self.simplifier.readable(self.array)
        terms = self.terms if self.terms is not None else _terms(self.mapped, self.v)
        return None if terms is None or len(terms) > DISTRIBUTED else self.simplifier.readable(self._stacked(terms))

    def latex(self, **options: Any) -> str:
        """The matrix on column-stacked vec, and the map of a direction where matrices take part or no matrix form exists."""
        return str(PASSES["block latex"](self, **options))

    def __str__(self) -> str:
        return str(PASSES["block text"](self))

    def _repr_latex_(self) -> str:
        return self.latex()

    def _stacked(self, terms: tuple[LinearTerm, ...]) -> Node:
        parts = [matrix_of(t, self.column.shape, self.row.shape) for t in terms]
        return OPERATORS["add"](*parts) if parts else zeros((sympy.Mul(*self.row.shape), sympy.Mul(*self.column.shape)))

    @cached_property
    def mapped(self) -> Node:
        """The map's value at the direction, as it is printed."""
        return self.simplifier.readable(self.operator)

    @cached_property
    def array(self) -> Node | None:
        """The dense array of shape(row) + shape(column), as jax.hessian lays it out; None where products must make it."""
        if not self.column.ndim:
            return self.simplifier.simplify(substitute(self.operator, {self.v: constant(1)}))
        if self.terms is None:
            return None
        if self.row.ndim == self.column.ndim == 1 and self.matrix is not None and not _through_matrices(self.matrix):
            return self.matrix
        parts = [array_of(t, self.column.shape, self.row.shape, False) for t in summed_between(self.terms, self.column.shape)]
        return self.simplifier.simplify(OPERATORS["add"](*parts)) if parts else zeros(self.row.shape + self.column.shape)

    @cached_property
    def diagonal(self) -> Node | None:
        """The entries where both indices agree, of the variable's shape."""
        if self.terms is None or self.row.shape != self.column.shape:
            return None
        parts = [array_of(t, self.column.shape, self.row.shape, True) for t in self.terms]
        return self.simplifier.simplify(OPERATORS["add"](*parts)) if parts else zeros(self.column.shape)


def _through_matrices(matrix: Node) -> bool:
    """Does the map of a vector pass through matrices, so that vec would be formed in full?"""
    return any(n.op in (kron, vec, commutation) for n in postorder([matrix]))


@budgeted("deriving")
def block(
    program: Program, root: Node, row: Node, column: Node, v: Node, simplifier: Simplifier, value: Node | None = None
) -> Block:
    """The block of a tangent program whose output `root` is linear in the direction v of `column`."""
    defined = program.needed([root]).defined
    dots = {s: eq for s, eq in defined.items() if _moves(s)}
    read_through_names: dict[Node, Node] = {}
    for eq in dots.values():
        read_through_names[eq.symbol] = substitute(eq.expr, read_through_names)
    operator = simplifier.simplify(read_through_names.get(root, root))
    return Block(row, column, v, operator, _terms(operator, v), simplifier, value)


def _terms(operator: Node, v: Node) -> tuple[LinearTerm, ...] | None:
    """The shorter reading: every path multiplied out while they are few, whole Jacobians between vectors otherwise."""
    for reading in (_multiplied_out, read_through):
        try:
            terms = tuple(_merged(reading(operator, v)))
        except Unreadable:
            continue
        if len(terms) <= DISTRIBUTED and all(len(t.stages) <= _LONGEST for t in terms):
            return terms
    return None


def _multiplied_out(operator: Node, v: Node) -> list[LinearTerm]:
    return read(operator, v)


def _moves(symbol: Node) -> bool:
    return isinstance(symbol.params["role"], Tangent | CurvatureProduct)


def _merged(terms: list[LinearTerm]) -> list[LinearTerm]:
    """Terms that differ in their coefficient alone, added."""
    merged: dict[LinearTerm, Node] = {}
    for term in terms:
        bare = replace(term, coefficient=constant(1))
        merged[bare] = OPERATORS["add"](merged[bare], term.coefficient) if bare in merged else term.coefficient
    return [replace(bare, coefficient=c) for bare, c in merged.items()]
