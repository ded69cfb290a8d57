"""Views of an array as steps, each read forwards and written backwards: a part, axes moved, another shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.core.op import Node, Op, Shape
from symgrad.ops.broadcasting import broadcast, expand, sum_
from symgrad.ops.indexing import take, whole
from symgrad.ops.joining import concatenate, stack
from symgrad.ops.layout import reshape
from symgrad.ops.parts import Entry, Index, apart, within
from symgrad.ops.product import diagonal, transposition
from symgrad.ops.writing import overwrite

MOST_SHOWN = 10**6
"""Entries of an array that is laid out to see what NumPy makes of its memory."""


@dataclass(frozen=True)
class _Step:
    """One operation that shows the memory of its operand."""

    op: Op
    static: tuple[tuple[str, Any], ...]

    def get(self, X: Node) -> Node:
        return self.op(X, **dict(self.static))

    def put(self, X: Node, Y: Node) -> Node:
        """X where what the step shows of it is Y."""
        static = dict(self.static)
        if self.op is take:
            return overwrite(X, Y, index=static["index"])
        if self.op is transposition:
            return transposition(Y, axes=tuple(np.argsort(static["axes"]).tolist()))
        if self.op is reshape:
            return reshape(Y, shape=X.shape)
        if self.op is sum_:
            return broadcast(Y, shape=X.shape, axes=tuple(a for a in range(X.ndim) if a not in static["axes"]))
        return sum_(Y, axes=tuple(a for a in range(Y.ndim) if a not in static["axes"]))

    def on(self, X: Any) -> Any:
        """The same view of a NumPy array of whole sizes."""
        static = dict(self.static)
        if self.op is take:
            return X[tuple(_slice(*e) if isinstance(e, tuple) else e for e in static["index"])]
        if self.op is transposition:
            return X.transpose(static["axes"])
        if self.op is sum_:
            return X.squeeze(static["axes"])
        return X.reshape(static["shape"])


def _slice(start: int, count: int, step: int) -> slice:
    stop = start + count * step
    return slice(start, stop if stop >= 0 else None, step)


LensSteps = tuple[_Step, ...]


def steps_to(result: Node, origin: Node) -> LensSteps | None:
    """How a result shows the array it was made from, or None where it is an array of its own."""
    steps: list[_Step] = []
    while result is not origin:
        if not _shows(result):
            return None
        steps.append(_Step(result.op, result.static))
        (result,) = result.args
    return lenses_joined(steps[::-1])


def _shows(node: Node) -> bool:
    if node.op is sum_:
        return all(node.args[0].shape[a] == 1 for a in node.params["axes"])
    return node.op in (take, transposition, reshape, broadcast, diagonal)


def is_fixed(steps: LensSteps) -> bool:
    """Whether NumPy lets nobody write into such a view: it shows an entry in several places, or a diagonal."""
    return any(s.op is diagonal or (s.op is broadcast and _copies(s)) for s in steps)


def _copies(step: _Step) -> bool:
    static = dict(step.static)
    return any(d != 1 for a, d in enumerate(static["shape"]) if a not in static["axes"])


def lenses_joined(steps: Sequence[_Step]) -> LensSteps:
    """The same with a part of a part as one part."""
    found: list[_Step] = []
    for step in steps:
        if found and step.op is take and found[-1].op is take:
            outer, inner = dict(found.pop().static)["index"], dict(step.static)["index"]
            step = _Step(take, (("index", within(outer, inner)),))
        found.append(step)
    return tuple(found)


def through(steps: LensSteps, X: Node) -> Node:
    for step in steps:
        X = step.get(X)
    return X


def written_through(steps: LensSteps, X: Node, Y: Node) -> Node:
    """X where what the steps show of it is Y."""
    if not steps:
        return Y
    return steps[0].put(X, written_through(steps[1:], steps[0].get(X), Y))


def part_of(steps: LensSteps) -> Index | None:
    """The part of the array in which everything lies that is shown."""
    return dict(steps[0].static)["index"] if steps and steps[0].op is take else None


def lie_apart(one: LensSteps, other: LensSteps) -> bool:
    a, b = part_of(one), part_of(other)
    return a is not None and b is not None and apart(a, b)


def shares_memory(shape: Shape, steps: LensSteps, last: _Step) -> bool | None:
    """Whether NumPy's reshape of what the steps show of an array that lies row by row is a view of it; None where sizes decide."""
    if all(s.op is take and _is_run(dict(s.static)["index"], shape) for s in steps):
        return True
    if (laid := _laid_out(shape, steps)) is None:
        return None
    whole, shown = laid
    return np.shares_memory(last.on(shown), whole)


def in_rows(shape: Shape, steps: LensSteps) -> bool:
    """Whether what is shown is known to lie row by row in one run of memory."""
    if all(s.op is take and _is_run(dict(s.static)["index"], shape) for s in steps):
        return True
    laid = _laid_out(shape, steps)
    return laid is not None and bool(laid[1].flags.c_contiguous)


def _laid_out(shape: Shape, steps: LensSteps) -> tuple[Any, Any] | None:
    """An array of these sizes, and what the steps show of it, as NumPy lays them out."""
    sizes = [d for d in shape if isinstance(d, int)]
    if is_fixed(steps) or len(sizes) < len(shape) or np.prod(sizes) > MOST_SHOWN:
        return None
    laid = shown = np.zeros(sizes, dtype=np.int8)
    for step in steps:
        shown = step.on(shown)
    return laid, shown


def _is_run(index: Index, shape: Shape) -> bool:
    """Whether a part is one run of memory: positions, then at most one slice, then whole axes."""
    rest = [(e, d) for e, d in zip(index, shape, strict=True) if isinstance(e, tuple)]
    first = next((i for i, e in enumerate(index) if isinstance(e, tuple)), len(index))
    return all(isinstance(e, tuple) for e in index[first:]) and all(
        e[2] == 1 and (i == 0 or e == whole(d)) for i, (e, d) in enumerate(rest)
    )


# a whole array of its parts -------------------------------------------------------------------------------------------------

_Part = tuple[Index, Node]


def tiled(shape: Shape, parts: Sequence[_Part], lead: int = 0) -> Node | None:
    """The array that these parts fill, later ones over earlier, or None where they do not side by side; `lead` axes are whole."""
    while lead < len(shape) and all(index[lead] == whole(shape[lead]) for index, _ in parts):
        lead += 1
    if lead == len(shape):
        return parts[-1][1]
    groups: dict[Entry, list[_Part]] = {}
    for index, Y in parts:
        groups.setdefault(index[lead], []).append((index, Y))
    if (ordered := _in_a_row(list(groups), shape[lead])) is None:
        return None
    pieces = [_piece(shape, groups[entry], entry, lead) for entry in ordered]
    if any(piece is None for piece in pieces):
        return None
    if all(not isinstance(entry, tuple) for entry in ordered):
        return stack(*pieces, axis=lead)
    full = [Y if isinstance(e, tuple) else _with_axis(Y, lead) for e, Y in zip(ordered, pieces, strict=True) if Y is not None]
    return concatenate(*full, axis=lead)


def _piece(shape: Shape, parts: list[_Part], entry: Entry, lead: int) -> Node | None:
    if not isinstance(entry, tuple):
        return tiled(shape[:lead] + shape[lead + 1 :], [(i[:lead] + i[lead + 1 :], Y) for i, Y in parts], lead)
    inner = (*shape[:lead], entry[1], *shape[lead + 1 :])
    return tiled(inner, [((*i[:lead], whole(entry[1]), *i[lead + 1 :]), Y) for i, Y in parts], lead)


def _with_axis(Y: Node, axis: int) -> Node:
    return expand(Y, (*Y.shape[:axis], 1, *Y.shape[axis:]), (axis,))


def _in_a_row(entries: list[Entry], dim: Any) -> list[Entry] | None:
    """The entries in the order in which they fill an axis."""
    starts = {e[0] if isinstance(e, tuple) else e: e for e in entries}
    place, ordered = 0, []
    while place in starts:
        entry = starts.pop(place)
        if isinstance(entry, tuple) and entry[2] != 1:
            return None
        ordered.append(entry)
        place = place + (entry[1] if isinstance(entry, tuple) else 1)
    return ordered if not starts and place == dim and len(ordered) == len(entries) else None
