"""A Program to the program of one device: every operation placed, every collective a named operation of it.

Keeps true: the same symbols in the same order, each of its local shape; put together over the devices they are the symbols of the
original.  A partial sum lives inside an equation only: what has a name is whole, or split.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symgrad.core.graph import postorder
from symgrad.core.op import VARIABLE, Node, variable
from symgrad.core.program import Equation, Program
from symgrad.core.signature import Signature, together
from symgrad.ops.arithmetic import add
from symgrad.partition.mesh import WHOLE, Axes, AxisSplit, Mesh, MeshPlan
from symgrad.partition.moving import Moves, Piece, rule_of, with_shape

_TYPICAL = 97
"""The size of a dimension where none is given."""


@dataclass(frozen=True)
class Placed:
    """The program of one device, where its symbols are split, and why its collectives are there."""

    program: Program
    splits: Mapping[Node, AxisSplit]
    because: Mapping[Node, str]


def place(
    program: Program, mesh: Mesh, plan: MeshPlan, wanted: Mapping[Node, AxisSplit], sizes: Mapping[str, int] | None
) -> Placed:
    """The program of one device.  `wanted` are the splits that symbols must have, beside those that the plan names."""
    return _Placing(mesh, plan, wanted, sizes).of(program)


class _Placing:
    def __init__(self, mesh: Mesh, plan: MeshPlan, wanted: Mapping[Node, AxisSplit], sizes: Mapping[str, int] | None) -> None:
        self.mesh, self.plan, self.wanted, self.sizes = mesh, plan, wanted, sizes
        self.pieces: dict[Node, Piece] = {}
        self.moves = Moves(mesh)

    def of(self, program: Program) -> Placed:
        self.pieces.update({v: self._input(v) for v in program.inputs})
        equations = tuple(self._equation(eq) for eq in program.equations)
        symbols = (*program.inputs, *(eq.symbol for eq in program.equations))
        local = replace(
            program,
            inputs=tuple(self.pieces[v].node for v in program.inputs),
            statements=equations,
            outputs=tuple(self.pieces[v].node for v in program.outputs),
            unsimplified=None,
        )
        return Placed(local, {self.pieces[v].node: self.pieces[v].split for v in symbols}, self.moves.because)

    def _input(self, v: Node) -> Piece:
        split = tuple(() for _ in v.shape) if v.params["properties"] & WHOLE else self.plan.split(v)
        return Piece(self._variable(v, split), v.shape, split)

    def _variable(self, v: Node, split: AxisSplit) -> Node:
        return variable(v.params["name"], self.mesh.local_shape(v.shape, split), v.params["properties"], v.params["role"])

    def _equation(self, eq: Equation) -> Equation:
        for node in postorder([eq.expr]):
            if node not in self.pieces:
                self.pieces[node] = self._placed(node)
        found = self.pieces[eq.expr]
        split = self.plan.arrays.get(eq.name, self.wanted.get(eq.symbol, found.split))
        expr = self.moves.moved(found, split, ()).node
        symbol = self._variable(eq.symbol, split)
        self.pieces[eq.symbol] = Piece(symbol, eq.symbol.shape, split)
        if expr.op is VARIABLE:  # what is sent under one name need not be sent under another
            self.moves.same[symbol] = self.moves.same.get(expr, expr)
        return Equation(symbol, expr, eq.line)

    # one operation ----------------------------------------------------------------------------------------------------------

    def _placed(self, node: Node) -> Piece:
        if not node.args:
            return Piece(node, node.shape, tuple(() for _ in node.shape))
        if node.op is add:
            return self._sum([self.pieces[a] for a in node.args])
        return self._applied(node, rule_of(node), [self.pieces[a] for a in node.args])

    def _sum(self, terms: Sequence[Piece]) -> Piece:
        """Terms that lie alike are added first, so that one collective serves them all."""
        groups: dict[Any, list[Piece]] = {}
        for t in terms:
            groups.setdefault((t.split, frozenset(t.partial)), []).append(t)
        sums = [_added(group) for group in groups.values()]
        if len(sums) == 1:
            return sums[0]
        own = string.ascii_lowercase[: len(terms[0].shape)]
        rule = Signature(tuple(own for _ in sums), own, linear=together(sums), partial=True)
        split, kept = self._targets(rule, sums)
        moved = [self.moves.moved(t, tuple(split[c] for c in own), kept) for t in sums]
        return _added(moved)

    def _applied(self, node: Node, rule: Signature, operands: Sequence[Piece]) -> Piece:
        split, kept = self._targets(rule, operands)
        moved = [self.moves.moved(x, tuple(split[c] for c in s), kept) for x, s in zip(operands, rule.reads, strict=True)]
        output = tuple(split.get(c, ()) for c in rule.result)
        params = with_shape(node, self.mesh.local_shape(node.shape, output))
        local = node.op.node(*(m.node for m in moved), **params)
        partial = {m: d for x in moved for m, d in x.partial.items()}
        for x, s in zip(operands, rule.reads, strict=True):
            for c, d in zip(s, x.shape, strict=True):
                partial |= {m: d for m in split[c] if c not in rule.result}
        return Piece(local, node.shape, output, partial)

    def _targets(self, rule: Signature, operands: Sequence[Piece]) -> tuple[dict[str, Axes], Axes]:
        """For every index the mesh axes that it is split over, and the mesh axes over which partial sums pass."""
        claims: dict[str, list[str]] = {m: [] for m in self.mesh.sizes}
        for x, s in zip(operands, rule.reads, strict=True):
            for c, axes in zip(s, x.split, strict=True):
                for m in axes:
                    if c not in rule.whole and c not in claims[m]:
                        claims[m].append(c)
        chosen = {m: min(letters, key=lambda c: self._cost(m, c, rule, operands)) for m, letters in claims.items() if letters}
        index = {c: tuple(m for m in self.mesh.sizes if chosen.get(m) == c) for s in rule.reads for c in s}
        return index, tuple(m for m in _passing(rule, operands) if m not in chosen)

    def _cost(self, m: str, letter: str, rule: Signature, operands: Sequence[Piece]) -> int:
        """Entries to be gathered if this index keeps the mesh axis: those of operands in which another one has it."""
        held = [
            x
            for x, s in zip(operands, rule.reads, strict=True)
            if any(m in a for c, a in zip(s, x.split, strict=True) if c != letter)
        ]
        return sum(self._entries(x) for x in held)

    def _entries(self, x: Piece) -> int:
        total = 1
        for d in x.shape:
            total *= d if isinstance(d, int) else int(d.subs({s: (self.sizes or {}).get(s.name, _TYPICAL) for s in d.free_symbols}))
        return total


def _added(terms: Sequence[Piece]) -> Piece:
    if len(terms) == 1:
        return terms[0]
    partial = {m: d for t in terms for m, d in t.partial.items()}
    return replace(terms[0], node=add.node(*(t.node for t in terms)), partial=partial)


def _passing(rule: Signature, operands: Sequence[Piece]) -> list[str]:
    """Mesh axes over which this operation may be applied to summands: those of all operands in which it is linear jointly."""
    partial = frozenset(i for i, x in enumerate(operands) if x.partial)
    if not rule.partial or partial not in rule.linear:
        return []
    first, *rest = (x for x in operands if x.partial)
    return [m for m in first.partial if all(m in x.partial for x in rest)]
