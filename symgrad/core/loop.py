"""A loop as one statement of a program: a body of equations, and what its steps read, carry on, stack and add up.

As books write it: "h_t = tanh(W h_{t-1} + U x_t) for t = 1, ..., T".  Whatever the number of steps, it is one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import sympy

from symgrad.core.op import Dim, Node, Shape, show_shape
from symgrad.core.program import Equation, Program, symbols_in
from symgrad.core.source import symbolic
from symgrad.errors import InputError, ShapeError

_T = TypeVar("_T")


@dataclass(frozen=True)
class Feed:
    """What step t = 0, ..., length - 1 reads of an array: its row t + offset.  Without an array it is t itself, the index."""

    array: Node | None
    offset: Dim = 0

    @property
    def shape(self) -> Shape:
        return () if self.array is None else self.array.shape[1:]

    def map(self, step: Callable[[Node], Node]) -> Feed:
        return self if self.array is None else replace(self, array=step(self.array))


@dataclass(frozen=True)
class Loop:
    """`length` steps of a body, a Program of its own scope.

    The inputs of the body are the carries, the feeds and the constants, in this order; its outputs what the carries become, a row
    of every stack and a summand of every sum.  `states` are all values of the carries, `length + 1` rows each: step t reads row t
    and writes row t + 1, and `init` is row 0.  A loop `back` runs from the last step to the first, reads row t + 1 and writes
    row t, and `init` is the last row.  Stacks have `length` rows, in the order of t either way.  No step at all leaves the initial
    values, and sums of zero.
    """

    length: Dim
    body: Program
    init: tuple[Node, ...]
    feeds: tuple[Feed, ...]
    constants: tuple[Node, ...]
    states: tuple[Node, ...]
    stacks: tuple[Node, ...]
    sums: tuple[Node, ...]
    back: bool = False
    line: int = 0

    @property
    def symbols(self) -> tuple[Node, ...]:
        return (*self.states, *self.stacks, *self.sums)

    @property
    def operands(self) -> tuple[Node, ...]:
        """What stands behind the inputs of the body, in their order, the index left out."""
        return (*self.init, *(f.array for f in self.feeds if f.array is not None), *self.constants)

    @cached_property
    def reads(self) -> tuple[Node, ...]:
        return tuple(dict.fromkeys(v for x in self.operands for v in symbols_in(x, str(self.symbols[0]))))

    # the body, part by part -----------------------------------------------------------------------------------------------

    @property
    def carries(self) -> tuple[Node, ...]:
        return self.body.inputs[: len(self.init)]

    @property
    def fed(self) -> tuple[Node, ...]:
        """The inputs of the body that feeds fill."""
        return self.body.inputs[len(self.init) : len(self.init) + len(self.feeds)]

    @property
    def held(self) -> tuple[Node, ...]:
        """The inputs of the body that are the same in every step."""
        return self.body.inputs[len(self.init) + len(self.feeds) :]

    @property
    def carried(self) -> tuple[Node, ...]:
        """What the carries become."""
        return self.body.outputs[: len(self.init)]

    @property
    def rows(self) -> tuple[Node, ...]:
        """What a step adds to every stack."""
        return self.body.outputs[len(self.init) : len(self.init) + len(self.stacks)]

    @property
    def summands(self) -> tuple[Node, ...]:
        return self.body.outputs[len(self.init) + len(self.stacks) :]

    @property
    def before(self) -> int:
        """The row of the states that step t reads, less t."""
        return 1 if self.back else 0

    @property
    def after(self) -> int:
        """The row that it writes, less t."""
        return 0 if self.back else 1

    @property
    def first(self) -> Dim:
        """The row of the states that holds `init`."""
        return self.length if self.back else 0

    @property
    def last(self) -> Dim:
        """The row that the last step writes."""
        return 0 if self.back else self.length

    @cached_property
    def kept(self) -> dict[Node, Feed]:
        """Symbols of the body whose value at every step stands in a state or a stack, so that no later loop computes it anew."""
        assigned = frozenset(self.body.defined)
        states = [(v, Feed(s, self.after)) for v, s in zip(self.carried, self.states, strict=True)]
        stacks = [(v, Feed(s)) for v, s in zip(self.rows, self.stacks, strict=True)]
        return {v: feed for v, feed in reversed([*states, *stacks]) if v in assigned}

    # a statement ----------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        name, body = self.symbols[0] if self.symbols else "nothing", self.body
        if len(body.inputs) != len(self.init) + len(self.feeds) + len(self.constants):
            raise InputError(
                f"the loop that makes {name} has {len(body.inputs)} inputs in its body, and not as many values for them"
            )
        if len(body.outputs) != len(self.symbols):
            raise InputError(f"the loop that makes {name} has {len(body.outputs)} outputs in its body, and not as many symbols")
        more = sympy.Add(self.length, 1)
        for v, x in zip(self.carries, self.init, strict=True):
            _fits(f"the carry {v}", v.shape, x.shape)
        for v, out in zip(self.carries, self.carried, strict=True):
            _fits(f"the carry {v}", v.shape, out.shape)
        for v, feed in zip(self.fed, self.feeds, strict=True):
            _fits(f"the row {v}", v.shape, feed.shape)
            _reaches(feed, self.length)
        for v, x in zip(self.held, self.constants, strict=True):
            _fits(f"the constant {v}", v.shape, x.shape)
        for v, out in zip(self.symbols, self.body.outputs, strict=True):
            lead = (more,) if v in self.states else (self.length,) if v in self.stacks else ()
            _fits(str(v), v.shape, (*lead, *out.shape))

    def map(self, step: Callable[[Node], Node]) -> Loop:
        found = replace(
            self,
            body=self.body.map(step),
            init=tuple(map(step, self.init)),
            feeds=tuple(f.map(step) for f in self.feeds),
            constants=tuple(map(step, self.constants)),
        )
        return self if found == self else found

    def within(self, change: Callable[[Program], Program]) -> Loop:
        return replace(self, body=change(self.body))

    def renamed(self, table: Mapping[Node, Node]) -> Loop:
        """The same loop with what it makes under other symbols."""
        states, stacks, sums = (tuple(table.get(v, v) for v in part) for part in (self.states, self.stacks, self.sums))
        return replace(self, states=states, stacks=stacks, sums=sums)

    def needed(self, wanted: Collection[Node]) -> Loop | None:
        if not any(v in wanted for v in self.symbols):
            return None
        carries = _indices(self.states, wanted)
        stacks, sums = _indices(self.stacks, wanted), _indices(self.sums, wanted)
        while True:
            outputs = (*_picked(self.carried, carries), *_picked(self.rows, stacks), *_picked(self.summands, sums))
            body = self.body.needed(outputs)
            read = {*outputs, *(v for s in body.statements for v in s.reads)}
            more = sorted({*carries, *_indices(self.carries, read)})
            if more == carries:
                return self._reduced(body, read, carries, stacks, sums)
            carries = more

    def _reduced(self, body: Program, read: Collection[Node], carries: list[int], stacks: list[int], sums: list[int]) -> Loop:
        """The loop of these carries, stacks and sums, and of the feeds and constants that its body reads."""
        fed, held = _indices(self.fed, read), _indices(self.held, read)
        inputs = (*_picked(self.carries, carries), *_picked(self.fed, fed), *_picked(self.held, held))
        found = replace(
            self,
            body=replace(body, inputs=inputs),
            init=_picked(self.init, carries),
            feeds=_picked(self.feeds, fed),
            constants=_picked(self.constants, held),
            states=_picked(self.states, carries),
            stacks=_picked(self.stacks, stacks),
            sums=_picked(self.sums, sums),
        )
        return self if found == self else found


def right_sides(program: Program) -> Iterator[Node]:
    """Every expression of a program and of the bodies of its loops."""
    for statement in program.statements:
        if isinstance(statement, Loop):
            yield from (*statement.operands, *right_sides(statement.body))
        elif isinstance(statement, Equation):
            yield statement.expr


def _indices(items: Sequence[Node], wanted: Collection[Node]) -> list[int]:
    return [i for i, v in enumerate(items) if v in wanted]


def _picked(items: Sequence[_T], places: Iterable[int]) -> tuple[_T, ...]:
    return tuple(items[i] for i in places)


def _fits(what: str, wanted: Shape, found: Shape) -> None:
    if wanted != found:
        raise ShapeError(f"{what} of a loop has shape {show_shape(wanted)}, and {show_shape(found)} stands there")


def _reaches(feed: Feed, length: Dim) -> None:
    """Does the array have a row for every step?"""
    if feed.array is None:
        return
    missing = symbolic(feed.offset) + length - feed.array.shape[0]
    if symbolic(feed.offset).is_negative or missing.is_positive:
        raise ShapeError(f"a loop of {length} steps reads rows from {feed.offset} on of an array of {feed.array.shape[0]}")
