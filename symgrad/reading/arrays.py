"""Arrays as the reader holds them: a piece of memory, and what is shown of it.

NumPy's slices, transposes and reshapes are views, and whoever writes into one writes into the array; jax's arrays never change.  A
`Buffer` holds what a piece of memory holds now, as an expression; an `Array` is a view of it, and is read when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from symgrad.core.language import METHODS
from symgrad.core.op import VARIABLE, Node, Shape, value_of, variable
from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.ops.layout import reshape
from symgrad.reading.annotations import check_entries
from symgrad.reading.dialects import EITHER, Dialect
from symgrad.reading.lenses import (
    LensSteps,
    in_rows,
    is_fixed,
    lenses_joined,
    lie_apart,
    part_of,
    shares_memory,
    steps_to,
    through,
    tiled,
    written_through,
)

REAL, WHOLE_ARRAY, TRUTH = "real", "whole", "truth"
"""What NumPy keeps in an array: decimals, perhaps whole numbers alone, truth values."""

MOST_WRITES = 12
"""Writes in one expression, where they do not fill an array side by side."""


@dataclass(eq=False)
class Buffer:
    """A piece of memory: its value without the writes that came since, and these; nothing at all where `value` is None."""

    value: Node | None
    shape: Shape
    library: Dialect
    kind: str
    equation: Callable[[str, Node], Node]
    in_rows: bool = True
    name: str = ""
    waits: bool = False
    version: int = 0
    names_entries: bool = False
    writes: list[tuple[LensSteps, Node]] = field(default_factory=list)
    relatives: list[Buffer] = field(default_factory=list)
    doubt: Callable[[], SymgradError] | None = None

    def content(self) -> Node:
        """Everything it holds now; what was written since it was read last becomes one equation."""
        if self.doubt is not None:
            raise self.doubt()
        if self.writes:
            self.value, self.writes, self.waits = self._named(self._assembled()), [], False
        elif self.waits and self.value is not None:
            self.value, self.waits = self._named(self.value), False
        return self._filled()

    def part(self, steps: LensSteps) -> Node:
        """What the steps show of it, without the rest where that can be told."""
        if self.doubt is not None:
            raise self.doubt()
        for i, (place, Y) in reversed([*enumerate(self.writes)]):
            if place == steps:
                return self._kept(i, Y)
            if not lie_apart(place, steps):
                return through(steps, self.content())
        return through(steps, self._filled())

    def write(self, steps: LensSteps, Y: Node, doubt: Callable[[str], SymgradError]) -> None:
        self.version += 1
        for relative in self.relatives:
            relative.doubt = partial(doubt, relative.name or "an array")
        if steps:
            self.writes = [w for w in self.writes if w[0] != steps] + [(steps, Y)]
        else:
            self.value, self.writes, self.waits = Y, [], False

    def _filled(self) -> Node:
        if self.value is None:
            raise UnsupportedError("np.empty holds no numbers before it is filled, and this part of it is not; write np.zeros")
        return self.value

    def _named(self, value: Node) -> Node:
        return self.equation(self.name or "array", value)

    def _kept(self, i: int, Y: Node) -> Node:
        """What was written, under a name of its own once it is read."""
        steps, _ = self.writes[i]
        if Y.op is not VARIABLE and value_of(Y) is None:
            self.names_entries = True
            Y = self.equation(_entry_name(self.name or "array", steps), Y)
            self.writes[i] = (steps, Y)
        return Y

    def _assembled(self) -> Node:
        """The value with what was written into it; where one of its parts has a name, so have all."""
        if self.names_entries:
            for i, (_, Y) in enumerate(self.writes):
                self._kept(i, Y)
        parts = [(part_of(steps), Y) for steps, Y in self.writes if len(steps) == 1]
        known = [(index, Y) for index, Y in parts if index is not None]
        if len(known) == len(self.writes) and (found := tiled(self.shape, known)) is not None:
            return found
        value = self._filled()
        for count, (steps, Y) in enumerate(self.writes, 1):
            value = written_through(steps, value, Y)
            if count % MOST_WRITES == 0 and count < len(self.writes):
                value = self._named(value)
        return value


def _entry_name(name: str, steps: LensSteps) -> str:
    """h_3 for what is written into h[3]."""
    index = part_of(steps) or ()
    places = [e for e in index if not isinstance(e, tuple)]
    first = places[0] if len(places) == 1 else None
    return f"{name}_{first}" if isinstance(first, int) else name


@dataclass(eq=False)
class Array:
    """What the steps show of a buffer.  `cell`: an array though it has no axes; `seen`: its value at a version, under a name."""

    buffer: Buffer
    shape: Shape
    steps: LensSteps = ()
    cell: bool = False
    fixed: bool = False
    seen: tuple[int, Node] | None = None
    taken: tuple[Buffer, int] | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def library(self) -> Dialect:
        return self.buffer.library

    @property
    def kind(self) -> str:
        return self.buffer.kind

    @property
    def changes(self) -> bool:
        """Whether acts in place change it, and do not put another in its place: NumPy's numbers and jax's arrays never change."""
        return self.library.mutable and bool(self.ndim or self.cell)

    @property
    def is_frozen(self) -> bool:
        """Whether it is known never to change."""
        return not self.library.mutable and self.library is not EITHER

    @property
    def in_rows(self) -> bool:
        """Whether its entries are known to lie row by row in one run of memory."""
        return self.ndim < 2 or (self.buffer.in_rows and in_rows(self.buffer.shape, self.steps))

    @property
    def node(self) -> Node:
        """Its value now."""
        if self.buffer.doubt is None and self.seen is not None and self.seen[0] == self.buffer.version:
            return self.seen[1]
        found = self.buffer.part(self.steps) if self.steps else self.buffer.content()
        self.seen = (self.buffer.version, found)
        return found

    def write(self, Y: Node, doubt: Callable[[str], SymgradError]) -> None:
        if self.fixed:
            raise InputError("NumPy lets nobody write into this view; copy it before")
        self.buffer.write(self.steps, Y, doubt)
        self.seen = (self.buffer.version, Y) if Y.op is VARIABLE else None

    # views ----------------------------------------------------------------------------------------------------------------

    def view(self, function: Callable[[Node], Any], cell: bool = False, entry: bool = False) -> Any:
        """What a function that shows memory makes of it: a view, an array of its own where nothing is shown, a tuple of those.

        An entry is a number of its own, unless it is asked for as a place to write to.
        """
        origin = variable("_shown", self.shape)
        result = function(origin)
        if isinstance(result, tuple):
            return tuple(
                self._shown(part, origin, cell, entry) or self.fresh(function(self.node)[i]) for i, part in enumerate(result)
            )
        shown = self._shown(result, origin, cell, entry)
        return self.fresh(function(self.node), cell) if shown is None else shown

    def _shown(self, result: Node, origin: Node, cell: bool, entry: bool) -> Array | None:
        steps = steps_to(result, origin)
        if steps is None or not (result.ndim or cell or entry):
            return None
        check_entries(result.shape)
        found = Array(self.buffer, result.shape, lenses_joined((*self.steps, *steps)), cell, self.fixed or is_fixed(steps))
        shapes = [s for s in steps if s.op is reshape]
        if not shapes or self.is_frozen:
            return found
        is_view = self.buffer.in_rows and shares_memory(self.buffer.shape, self.steps, shapes[-1]) if len(steps) == 1 else None
        if is_view:
            return found
        own = self.fresh(found.node, cell)
        if is_view is None or not self.buffer.in_rows:
            own.buffer.relatives.append(self.buffer)
            self.buffer.relatives.append(own.buffer)
        return own

    def fresh(self, node: Node, cell: bool = False) -> Array:
        """An array of its own, of the same library and kind."""
        return Array(Buffer(node, node.shape, self.library, self.kind, self.buffer.equation), node.shape, cell=cell)

    def at(self, i: int) -> Array:
        """A row, or an entry with the version of the array that it was taken from."""
        found: Array = self.view(lambda X: METHODS["__getitem__"](X, i))
        found.taken = None if found.buffer is self.buffer else (self.buffer, self.buffer.version)
        return found


def plain_array(value: Any) -> Any:
    """A value with every array as its expression; containers that share their parts go on sharing them."""
    return _exchanged(value, lambda x: x.node if isinstance(x, Array) else x, {})


def axes_exchanged(value: Any, change: Callable[[Any], Any]) -> Any:
    return _exchanged(value, change, {})


def _exchanged(value: Any, change: Callable[[Any], Any], done: dict[int, Any]) -> Any:
    if not isinstance(value, tuple | list | dict):
        return change(value)
    if id(value) not in done:
        if isinstance(value, dict):
            done[id(value)] = {k: _exchanged(x, change, done) for k, x in value.items()}
        else:
            parts = [_exchanged(x, change, done) for x in value]
            done[id(value)] = type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return done[id(value)]
