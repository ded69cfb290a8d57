"""What one device holds of an array, and the collectives that bring it from one placement to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from symgrad.core.op import Dim, Node, Op, Shape
from symgrad.core.signature import Signature
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.product import transposition
from symgrad.partition.collectives import all_gather, all_reduce, part, reduce_scatter
from symgrad.partition.mesh import Axes, AxisSplit, Mesh


@dataclass(frozen=True)
class Piece:
    """What one device holds of an array of this whole shape: its part, or with `partial` its summand over these mesh axes.

    `partial` names the dimension whose splitting left the sum incomplete.
    """

    node: Node
    shape: Shape
    split: AxisSplit
    partial: Mapping[str, Dim] = field(default_factory=dict)


def rule_of(node: Node) -> Signature:
    """The signature of one application; an index that stands twice in one array is one along which a device needs everything."""
    found = node.op.axes(node)
    twice = {c for letters in (*found.reads, found.result) for c in letters if letters.count(c) > 1}
    return replace(found, whole=found.whole | twice) if twice else found


class Moves:
    """Collectives on a mesh, each with the reason for it; `same` names what a variable is another name of."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.because: dict[Node, str] = {}
        self.same: dict[Node, Node] = {}
        self.cut: dict[tuple[Node, int, Axes], Node] = {}

    def moved(self, x: Piece, split: AxisSplit, kept: Axes) -> Piece:
        """The same array split in this way, partial over no other axes than these."""
        x = self._parts(x, split)
        x = self._reduced(x, split, kept)
        for k, axes in enumerate(split):
            common = _common(x.split[k], axes)
            if x.split[k] != common:
                x = self._gathered(x, k, common)
        return self._parts(x, split)

    def _parts(self, x: Piece, split: AxisSplit) -> Piece:
        """Parts taken where nothing is to be gathered or reduced first: less is sent afterwards."""
        for k, axes in enumerate(split):
            new, others = axes[len(x.split[k]) :], [m for j, own in enumerate(x.split) if j != k for m in own]
            if axes[: len(x.split[k])] == x.split[k] and new and not set(new) & {*x.partial, *others}:
                x = self._part(x, k, axes)
        return x

    def _reduced(self, x: Piece, split: AxisSplit, kept: Axes) -> Piece:
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
        node = op(
            self.same.get(node, node),
            axis=below[axis] if below else axis,
            size=self.mesh.local(x.shape[axis], axes),
            mesh_axes=over,
        )
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
        if (node, axis, axes) not in self.cut:
            rule = rule_of(node)
            letter = rule.result[axis] if node.args else ""
            if not node.args or letter in rule.whole:
                found = part(node, axis=axis, size=size, mesh_axes=axes)
            else:
                pairs = zip(node.args, rule.reads, strict=True)
                args = [self._part_of(a, s.index(letter), size, axes) if letter in s else a for a, s in pairs]
                found = node.op.node(*args, **with_shape(node, _replaced(node.shape, axis, size)))
            self.cut[node, axis, axes] = found
        return self.cut[node, axis, axes]


def with_shape(node: Node, shape: Shape) -> dict[str, Any]:
    """The static arguments of the same operation with a result of this shape."""
    return {**node.params, "shape": shape} if node.op is broadcast else node.params


def _replaced(shape: Shape, axis: int, size: Dim) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _common(a: Axes, b: Axes) -> Axes:
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return a[:count]
