"""A Program to the program of one device: every operation placed, every collective a named operation of it.

Keeps true: the same symbols in the same order, each of its local shape; put together over the devices they are the symbols of the
original.  A partial sum lives inside an equation only: what has a name is whole, or split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symgrad.graph import postorder
from symgrad.op import Dim, Node, Op, Shape, variable
from symgrad.ops.arithmetic import add
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.product import transposition
from symgrad.partition.collectives import all_gather, all_reduce, part, reduce_scatter
from symgrad.partition.mesh import WHOLE, Axes, Mesh, Plan, Split
from symgrad.partition.rules import EACH, NO, TOGETHER, Rule, rule_of
from symgrad.program import Equation, Program

TYPICAL = 97
"""The size of a dimension where none is given."""


@dataclass(frozen=True)
class Piece:
    """What one device holds of an array of this whole shape: its part, or with `partial` its summand over these mesh axes.

    `partial` names the dimension whose splitting left the sum incomplete.
    """

    node: Node
    shape: Shape
    split: Split
    partial: Mapping[str, Dim] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    """The program of one device, where its symbols are split, and why its collectives are there."""

    program: Program
    splits: Mapping[Node, Split]
    because: Mapping[Node, str]


def place(program: Program, mesh: Mesh, plan: Plan, wanted: Mapping[Node, Split], sizes: Mapping[str, int] | None) -> Placed:
    """The program of one device.  `wanted` are the splits that symbols must have, beside those that the plan names."""
    return _Placing(mesh, plan, wanted, sizes).of(program)


class _Placing:
    def __init__(self, mesh: Mesh, plan: Plan, wanted: Mapping[Node, Split], sizes: Mapping[str, int] | None) -> None:
        self.mesh, self.plan, self.wanted, self.sizes = mesh, plan, wanted, sizes
        self.pieces: dict[Node, Piece] = {}
        self.because: dict[Node, str] = {}

    def of(self, program: Program) -> Placed:
        for v in program.inputs:
            self.pieces[v] = self._input(v)
        equations = tuple(self._equation(eq) for eq in program.equations)
        symbols = (*program.inputs, *(eq.symbol for eq in program.equations))
        local = replace(
            program,
            inputs=tuple(self.pieces[v].node for v in program.inputs),
            equations=equations,
            outputs=tuple(self.pieces[v].node for v in program.outputs),
            unsimplified=None,
        )
        return Placed(local, {self.pieces[v].node: self.pieces[v].split for v in symbols}, self.because)

    def _input(self, v: Node) -> Piece:
        split = tuple(() for _ in v.shape) if v.params["properties"] & WHOLE else self.plan.split(v)
        return Piece(self._variable(v, split), v.shape, split)

    def _variable(self, v: Node, split: Split) -> Node:
        return variable(v.params["name"], self.mesh.local_shape(v.shape, split), v.params["properties"], v.params["symbol"])

    def _equation(self, eq: Equation) -> Equation:
        for node in postorder([eq.expr]):
            if node not in self.pieces:
                self.pieces[node] = self._placed(node)
        found = self.pieces[eq.expr]
        split = self.plan.arrays.get(eq.name, self.wanted.get(eq.symbol, found.split))
        expr = self.moved(found, split, ()).node
        symbol = self._variable(eq.symbol, split)
        self.pieces[eq.symbol] = Piece(symbol, eq.symbol.shape, split)
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
        own = "".join(chr(ord("a") + i) for i in range(len(terms[0].shape)))
        rule = Rule(tuple(own for _ in sums), own, frozenset(), TOGETHER)
        split, kept = self._targets(rule, sums)
        moved = [self.moved(t, tuple(split[c] for c in own), kept) for t in sums]
        return _added(moved)

    def _applied(self, node: Node, rule: Rule, operands: Sequence[Piece]) -> Piece:
        split, kept = self._targets(rule, operands)
        moved = [self.moved(x, tuple(split[c] for c in s), kept) for x, s in zip(operands, rule.operands, strict=True)]
        output = tuple(split.get(c, ()) for c in rule.output)
        params = _with_shape(node, self.mesh.local_shape(node.shape, output))
        local = node.op.node(*(m.node for m in moved), **params)
        partial = {m: d for x in moved for m, d in x.partial.items()}
        for x, s in zip(operands, rule.operands, strict=True):
            for c, d in zip(s, x.shape, strict=True):
                partial |= {m: d for m in split[c] if c not in rule.output}
        return Piece(local, node.shape, output, partial)

    def _targets(self, rule: Rule, operands: Sequence[Piece]) -> tuple[dict[str, Axes], Axes]:
        """For every index the mesh axes that it is split over, and the mesh axes over which partial sums pass."""
        claims: dict[str, list[str]] = {m: [] for m in self.mesh.sizes}
        for x, s in zip(operands, rule.operands, strict=True):
            for c, axes in zip(s, x.split, strict=True):
                for m in axes:
                    if c not in rule.whole and c not in claims[m]:
                        claims[m].append(c)
        chosen = {m: min(letters, key=lambda c: self._cost(m, c, rule, operands)) for m, letters in claims.items() if letters}
        index = {c: tuple(m for m in self.mesh.sizes if chosen.get(m) == c) for s in rule.operands for c in s}
        return index, tuple(m for m in _passing(rule, operands) if m not in chosen)

    def _cost(self, m: str, letter: str, rule: Rule, operands: Sequence[Piece]) -> int:
        """Entries to be gathered if this index keeps the mesh axis: those of operands in which another one has it."""
        held = [
            x
            for x, s in zip(operands, rule.operands, strict=True)
            if any(m in a for c, a in zip(s, x.split, strict=True) if c != letter)
        ]
        return sum(self._entries(x) for x in held)

    def _entries(self, x: Piece) -> int:
        total = 1
        for d in x.shape:
            total *= d if isinstance(d, int) else int(d.subs({s: (self.sizes or {}).get(s.name, TYPICAL) for s in d.free_symbols}))
        return total

    # collectives ------------------------------------------------------------------------------------------------------------

    def moved(self, x: Piece, split: Split, kept: Axes) -> Piece:
        """The same array split in this way, partial over no other axes than these."""
        x = self._parts(x, split)
        x = self._reduced(x, split, kept)
        for k, axes in enumerate(split):
            common = _common(x.split[k], axes)
            if x.split[k] != common:
                x = self._gathered(x, k, common)
        return self._parts(x, split)

    def _parts(self, x: Piece, split: Split) -> Piece:
        """Parts taken where nothing is to be gathered or reduced first: less is sent afterwards."""
        for k, axes in enumerate(split):
            new, others = axes[len(x.split[k]) :], [m for j, own in enumerate(x.split) if j != k for m in own]
            if axes[: len(x.split[k])] == x.split[k] and new and not set(new) & {*x.partial, *others}:
                x = self._part(x, k, axes)
        return x

    def _reduced(self, x: Piece, split: Split, kept: Axes) -> Piece:
        """Partial sums completed: where the result is split by the same axis, each device completes its own part alone."""
        for m in self.mesh.ordered(set(x.partial) - set(kept)):
            place = next((k for k, axes in enumerate(split) if axes[: len(x.split[k]) + 1] == (*x.split[k], m)), None)
            if place is not None:
                x = self._collected(x, reduce_scatter, (m,), place, (*x.split[place], m))
        rest = self.mesh.ordered(set(x.partial) - set(kept))
        if not rest:
            return x
        node = all_reduce(x.node, mesh_axes=rest)
        self.because[node] = self._reason(x, rest)
        return replace(x, node=node, partial={m: d for m, d in x.partial.items() if m not in rest})

    def _gathered(self, x: Piece, axis: int, axes: Axes) -> Piece:
        return self._collected(x, all_gather, x.split[axis][len(axes) :], axis, axes)

    def _collected(self, x: Piece, op: Op, over: Axes, axis: int, axes: Axes) -> Piece:
        """A collective along an axis; below a transpose, so that an array and its transpose are sent once."""
        node, below = (x.node.args[0], x.node.params["axes"]) if x.node.op is transposition else (x.node, None)
        node = op(node, axis=below[axis] if below else axis, size=self.mesh.local(x.shape[axis], axes), mesh_axes=over)
        self.because[node] = self._reason(x, over) if op is reduce_scatter else f"{x.shape[axis]} is needed whole"
        node = transposition(node, axes=below) if below else node
        partial = {m: d for m, d in x.partial.items() if op is not reduce_scatter or m not in over}
        return Piece(node, x.shape, (*x.split[:axis], axes, *x.split[axis + 1 :]), partial)

    def _reason(self, x: Piece, over: Axes) -> str:
        dims = dict.fromkeys(str(x.partial[m]) for m in over)
        return f"a partial sum: {' and '.join(dims)} {'is' if len(dims) == 1 else 'are'} split over {' and '.join(over)}"

    def _part(self, x: Piece, axis: int, axes: Axes) -> Piece:
        new, size = axes[len(x.split[axis]) :], self.mesh.local(x.shape[axis], axes)
        split = (*x.split[:axis], axes, *x.split[axis + 1 :])
        return replace(x, node=self._part_of(x.node, axis, size, new), split=split)

    def _part_of(self, node: Node, axis: int, size: Dim, axes: Axes) -> Node:
        """A part of what an operation computes along an index is the operation applied to parts."""
        rule = rule_of(node)
        letter = rule.output[axis] if node.args else ""
        if not node.args or letter in rule.whole:
            return part(node, axis=axis, size=size, mesh_axes=axes)
        pairs = zip(node.args, rule.operands, strict=True)
        args = [self._part_of(a, s.index(letter), size, axes) if letter in s else a for a, s in pairs]
        return node.op.node(*args, **_with_shape(node, _replaced(node.shape, axis, size)))


def _with_shape(node: Node, shape: Shape) -> dict[str, Any]:
    """The static arguments of the same operation with a result of this shape."""
    return {**node.params, "shape": shape} if node.op is broadcast else node.params


def _replaced(shape: Shape, axis: int, size: Dim) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _added(terms: Sequence[Piece]) -> Piece:
    if len(terms) == 1:
        return terms[0]
    partial = {m: d for t in terms for m, d in t.partial.items()}
    return replace(terms[0], node=add.node(*(t.node for t in terms)), partial=partial)


def _passing(rule: Rule, operands: Sequence[Piece]) -> list[str]:
    """Mesh axes over which this operation may be applied to summands: a sum of all operands, or a product with one of them."""
    if rule.linear == NO:
        return []
    if rule.linear == TOGETHER:
        return [m for m in operands[0].partial if all(m in x.partial for x in operands)]
    partial = [x for x in operands if x.partial]
    return list(partial[0].partial) if len(partial) == 1 and rule.linear == EACH else []


def _common(a: Axes, b: Axes) -> Axes:
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return a[:count]
