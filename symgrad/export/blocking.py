"""Entrywise equations on arrays of one shape, set apart so that code runs them block by block while the blocks stay in the cache.

Keeps true: the same values; a sum over all entries is the sum over blocks.  What reads such a sum comes after the blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from symgrad.core.counting import flops
from symgrad.core.graph import postorder, rewrite, variables
from symgrad.core.op import CONSTANT, VARIABLE, Node, Shape, variable
from symgrad.core.program import Equation, Program, fresh
from symgrad.ops.broadcasting import broadcast, sum_
from symgrad.ops.contraction import einsum
from symgrad.ops.product import dot
from symgrad.planning.association import typical

FEWEST = 8
"""Operations on entries below which blocks do not pay for the call."""

SHARE = 4
"""Work elsewhere, in multiples of that on entries, beside which blocks do not pay."""


@dataclass(frozen=True)
class Parted:
    """A program in two: the `entries` to run by blocks, and the `rest`, which has their outputs for inputs; `at` stand before."""

    entries: Program
    rest: Program
    at: int


def parted(program: Program) -> Parted | None:
    """The program with its largest set of entrywise equations apart, where they are enough to pay."""
    shapes = Counter(eq.symbol.shape for eq in program.equations if _is_entrywise(eq.expr))
    found = next((_Splitting(program, shape).split() for shape, _ in shapes.most_common(1)), None)
    return found if found is not None and _leads(found) else None


def _leads(parts: Parted) -> bool:
    """Is the work on entries a good part of all?  Beside a product of matrices blocks save nothing and cost a reader."""
    return bool(typical(flops(parts.rest)) < SHARE * typical(flops(parts.entries)))


def _is_entrywise(expr: Node) -> bool:
    """Is it made of entrywise operations on arrays of its shape, on scalars, and on numbers copied where NumPy copies them?"""
    if not expr.ndim or expr.op in (VARIABLE, broadcast):
        return False
    for node in postorder([expr]):
        if node.ndim and node.shape != expr.shape:
            return False
        if node.op is broadcast or node.op in (VARIABLE, CONSTANT) or not node.ndim:
            continue
        arrays = [a for a in node.args if a.ndim and a.op is not broadcast]
        if not (_acts_on_entries(node) and arrays and (node.op.spreads or len(arrays) == len(node.args))):
            return False
    return True


def _acts_on_entries(node: Node) -> bool:
    return node.op.scalar is not None or node.op.name in ("add", "scale", "hadamard")


def _is_total(node: Node, shape: Shape) -> bool:
    """Is it a sum over all entries of arrays of this shape, or of their products?"""
    if node.ndim or any(a.shape != shape for a in node.args):
        return False
    if node.op is einsum:
        letters, _, output = node.params["spec"].partition("->")
        return not output and len(set(letters.split(","))) == 1
    return node.op in (dot, sum_)


class _Splitting:
    """One walk over the equations in their order, each put before the blocks, into them, or after them."""

    def __init__(self, program: Program, shape: Shape) -> None:
        self.program, self.shape = program, shape
        self.taken = set(program.names)
        self.before: list[Equation] = []
        self.inside: list[Equation] = []
        self.after: list[Equation] = []
        self.later: set[Node] = set()

    def split(self) -> Parted | None:
        for eq in self.program.equations:
            self._place(eq)
        count = sum(n.op not in (VARIABLE, CONSTANT, broadcast) for n in postorder(eq.expr for eq in self.inside))
        if count < FEWEST:
            return None
        own = {eq.symbol for eq in self.inside}
        wanted = {*variables(*(eq.expr for eq in self.after)), *self.program.outputs}
        outputs = tuple(eq.symbol for eq in self.inside if eq.symbol in wanted)
        read = tuple(v for v in variables(*(eq.expr for eq in self.inside)) if v not in own)
        entries = replace(self.program, inputs=read, statements=tuple(self.inside), outputs=outputs, unsimplified=None)
        rest = replace(
            self.program,
            inputs=(*self.program.inputs, *outputs),
            statements=(*self.before, *self.after),
            unsimplified=None,
        )
        return Parted(entries, rest, len(self.before))

    def _place(self, eq: Equation) -> None:
        known = {e.symbol for e in self.inside}
        is_alias = eq.expr in known and eq.expr not in self.later
        if is_alias or (eq.symbol.shape == self.shape and _is_entrywise(eq.expr) and self._is_ready(variables(eq.expr))):
            self.inside.append(eq)
            return
        if _is_total(eq.expr, self.shape) and self._can_total(eq.expr):
            self.inside.append(eq)
            self.later.add(eq.symbol)
            return
        expr = rewrite(eq.expr, self._without_total)
        if expr is not eq.expr or any(v in self.later or v in known for v in variables(expr)):
            self.after.append(replace(eq, expr=expr, parts=()))
            self.later.add(eq.symbol)
        else:
            self.before.append(eq)

    def _is_ready(self, read: Iterable[Node]) -> bool:
        return not any(v in self.later for v in read)

    def _can_total(self, node: Node) -> bool:
        return all(a.op is VARIABLE or _is_entrywise(a) for a in node.args) and self._is_ready(variables(node))

    def _without_total(self, node: Node) -> Node:
        """A sum over entries by the name of an equation among the blocks."""
        if not (_is_total(node, self.shape) and self._can_total(node)):
            return node
        known = next((eq.symbol for eq in self.inside if eq.expr is node), None)
        if known is None:
            name = fresh("total", self.taken)
            self.taken.add(name)
            known = variable(name)
            self.inside.append(Equation(known, node))
            self.later.add(known)
        return known
