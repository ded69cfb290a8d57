"""The adjoint of a loop, which runs the other way, and its tangent, which runs beside it: loops again.

Both read what the loop has kept, its states and its stacks, by name; what it has not kept they compute anew in their own bodies.
The chain rule through the body is handed in by the pass that asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from symgrad.core.loop import Feed, Loop
from symgrad.core.op import OPERATORS, Dim, Node, Shape, is_zero, value_of, variable, zeros
from symgrad.core.program import Equation, Program, Statement, fresh
from symgrad.core.roles import Adjoint, Symbol, Tangent
from symgrad.derive.activity import moving, reads_any
from symgrad.ops.arithmetic import add
from symgrad.ops.indexing import put, whole
from symgrad.ops.leading import leading_row, leading_rows

_Parts: TypeAlias = Mapping[Node, Sequence[Node]]
"""Cotangents of symbols, as the summands that have come together."""

Dots: TypeAlias = Mapping[Node, Node]
"""The tangents of symbols."""

_Made: TypeAlias = list[tuple[Node, Node]]
"""Symbols of a loop, and the outputs of its body that make them."""


@dataclass
class _Draft:
    """The derivative of a loop in the making: the inputs of its body, each with what stands behind it, and what it makes."""

    loop: Loop
    taken: set[str]
    carries: list[tuple[Node, Node]] = field(default_factory=list)
    feeds: list[tuple[Node, Feed]] = field(default_factory=list)
    constants: list[tuple[Node, Node]] = field(default_factory=list)
    states: _Made = field(default_factory=list)
    stacks: _Made = field(default_factory=list)
    sums: _Made = field(default_factory=list)

    def carry(self, name: str, init: Node) -> Node:
        self.carries.append((_new(name, init.shape, self.taken), init))
        return self.carries[-1][0]

    def fed(self, name: str, array: Node, offset: Dim = 0) -> Node:
        self.feeds.append((_new(name, array.shape[1:], self.taken), Feed(array, offset)))
        return self.feeds[-1][0]

    def held(self, name: str, x: Node) -> Node:
        self.constants.append((_new(name, x.shape, self.taken), x))
        return self.constants[-1][0]

    def keep(self, statements: Sequence[Statement], taken: set[str]) -> None:
        """Stacks for the values at every step that no output holds yet: what no later loop reads of them is not needed."""
        held = {out for _, out in (*self.states, *self.stacks, *self.sums)}
        for v in (s.symbol for s in statements if isinstance(s, Equation) and s.symbol not in held):
            self.stacks.append((_new(f"{v}s", (self.loop.length, *v.shape), taken, v.params["role"]), v))

    def written(self, statements: Sequence[Statement], back: bool) -> Loop:
        """The loop, whose steps also read all that those of the first one read and have kept."""
        of, kept = self.loop, self.loop.kept
        states = [(c, Feed(s, of.before)) for c, s in zip(of.carries, of.states, strict=True)]
        feeds = [*self.feeds, *states, *zip(of.fed, of.feeds, strict=True), *kept.items()]
        constants = [*self.constants, *zip(of.held, of.constants, strict=True)]
        made = [*self.states, *self.stacks, *self.sums]
        body = replace(
            of.body,
            inputs=tuple(v for v, _ in (*self.carries, *feeds, *constants)),
            statements=tuple(s for s in (*of.body.statements, *statements) if not (isinstance(s, Equation) and s.symbol in kept)),
            outputs=tuple(out for _, out in made),
        )
        loop = replace(
            of,
            body=body,
            init=tuple(x for _, x in self.carries),
            feeds=tuple(feed for _, feed in feeds),
            constants=tuple(x for _, x in constants),
            states=tuple(v for v, _ in self.states),
            stacks=tuple(v for v, _ in self.stacks),
            sums=tuple(v for v, _ in self.sums),
            back=back,
        )
        return loop.needed(loop.symbols) or loop


def _new(name: str, shape: Shape, taken: set[str], role: Symbol | None = None) -> Node:
    """A symbol under a name that is free, which is taken then."""
    found = fresh(name, taken)
    taken.add(found)
    return variable(found, shape, role=role)


def _total(parts: Sequence[Node], shape: Shape) -> Node:
    return OPERATORS["add"](*parts) if parts else zeros(shape)


# reverse --------------------------------------------------------------------------------------------------------------------


def adjoint_loop(
    loop: Loop, cotangents: _Parts, active: Collection[Node], of: Node, taken: set[str], pull: Callable[..., Any]
) -> tuple[Loop, list[tuple[Node, Node]]]:
    """The loop of the adjoints, and what it hands on to each initial value, fed array and constant.

    With s = f(c, x, w) for a step, l the adjoint of the state that it writes and C the cotangent that the state it reads has from
    outside: the adjoint of that state is C + f_c^T l, of x its row of f_x^T l, of w the sum of all f_w^T l.
    Source: Werbos, Backpropagation through time, 1990.
    """
    inner, draft = moving(loop, active), _Draft(loop, {str(v) for v in loop.body.symbols})
    carried = [i for i in _reached(loop, cotangents) if loop.carries[i] in inner]
    seeds = _seeds(draft, cotangents, carried)
    read = [*(loop.carries[i] for i in carried), *(v for v in (*loop.fed, *loop.held) if v in inner)]
    pulled = pull(loop.body, seeds, read, of, draft.taken)
    idle = {s.symbol for s in pulled.statements if isinstance(s, Equation) and is_zero(s.expr)}
    handed: list[tuple[Node, Node]] = []

    def made(part: _Made, bar: Node, of_symbol: Node, shape: Shape) -> Node:
        symbol = _new(f"{of_symbol}_bar", shape, taken, Adjoint(of_symbol.params["role"], of.params["role"]))
        part.append((symbol, bar))
        return symbol

    for i in carried:
        state = made(draft.states, pulled.bars[loop.carries[i]], loop.states[i], loop.states[i].shape)
        handed.append((loop.init[i], leading_row(state, loop.first)))
    for v, feed in zip(loop.fed, loop.feeds, strict=True):
        if v in inner and feed.array is not None and pulled.bars[v] not in idle:
            handed.append((feed.array, _among(made(draft.stacks, pulled.bars[v], v, (loop.length, *v.shape)), feed)))
    for v, x in zip(loop.held, loop.constants, strict=True):
        if v in inner and pulled.bars[v] not in idle:
            handed.append((x, made(draft.sums, pulled.bars[v], v, v.shape)))
    draft.keep(pulled.statements, taken)
    return draft.written(pulled.statements, not loop.back), [(x, bar) for x, bar in handed if reads_any(x, active)]


def _reached(loop: Loop, cotangents: _Parts) -> list[int]:
    """The carries that something with a cotangent reads, at once or steps later."""
    ends = [out for v, out in zip(loop.symbols, loop.body.outputs, strict=True) if v in cotangents]
    reached = {i for i, s in enumerate(loop.states) if s in cotangents}
    while True:
        wanted = [*ends, *(loop.carried[i] for i in reached)]
        read = {*wanted, *(v for s in loop.body.needed(wanted).statements for v in s.reads)}
        further = {i for i, c in enumerate(loop.carries) if c in read} - reached
        if not further:
            return sorted(reached)
        reached |= further


def _seeds(draft: _Draft, cotangents: _Parts, carried: Sequence[int]) -> dict[Node, list[Node]]:
    """The cotangents that come into a step, as inputs of the body: from the step that follows it, and from outside the loop."""
    loop, seeds = draft.loop, defaultdict[Node, list[Node]](list)
    for i in carried:
        state, given = loop.states[i], [x for C in cotangents.get(loop.states[i], ()) for x in (C.args if C.op is add else (C,))]
        later = draft.carry(f"{loop.carries[i]}_bar", _total([leading_row(C, loop.last) for C in given], loop.carries[i].shape))
        seeds[loop.carried[i]].append(later)
        if outside := [C for C in given if not is_zero(leading_rows(C, loop.before, loop.length))]:
            seeds[loop.carries[i]].append(draft.fed(f"{state}_out", _total(outside, state.shape), loop.before))
    for v, out in zip(loop.stacks, loop.rows, strict=True):
        if v in cotangents:
            seeds[out].append(draft.fed(f"{v}_out", _total(cotangents[v], v.shape)))
    for v, summand in zip(loop.sums, loop.summands, strict=True):
        if v in cotangents:
            bar = _total(cotangents[v], v.shape)
            seeds[summand].append(bar if value_of(bar) is not None else draft.held(f"{v}_out", bar))
    return seeds


def _among(rows: Node, feed: Feed) -> Node:
    """The cotangent of a fed array: zeros in the rows that no step reads."""
    assert feed.array is not None
    return put(rows, shape=feed.array.shape, index=((feed.offset, rows.shape[0], 1), *map(whole, feed.shape)))


# forward --------------------------------------------------------------------------------------------------------------------


def tangent_loop(
    loop: Loop, dots: Dots, taken: set[str], push: Callable[[Node, Dots], Node], move: Callable[..., Program]
) -> tuple[Loop, dict[Node, Node]] | None:
    """The loop of the tangents, and the tangent of every symbol that moves; None where nothing moves.

    `push` is the tangent of an expression, `move` of a program.
    """
    inner, draft = moving(loop, dots), _Draft(loop, {str(v) for v in loop.body.symbols})
    directions: dict[Node, Node] = {}
    for v, x in zip(loop.carries, loop.init, strict=True):
        if v in inner:
            directions[v] = draft.carry(f"{v}_dot", push(x, dots))
    for v, feed in zip(loop.fed, loop.feeds, strict=True):
        if v in inner and feed.array is not None:
            directions[v] = draft.fed(f"{v}_dot", push(feed.array, dots), feed.offset)
    for v, x in zip(loop.held, loop.constants, strict=True):
        if v in inner:
            directions[v] = draft.held(f"{v}_dot", push(x, dots))
    parts = (loop.states, draft.states), (loop.stacks, draft.stacks), (loop.sums, draft.sums)
    outputs = dict(zip(loop.symbols, loop.body.outputs, strict=True))
    kept = [v for v, c in zip(loop.states, loop.carries, strict=True) if c in inner]
    kept += [v for v in (*loop.stacks, *loop.sums) if outputs[v] in inner]
    if not kept:
        return None
    moved = move(loop.body, directions, [outputs[v] for v in kept])
    ends, found = dict(zip(kept, moved.outputs, strict=True)), dict[Node, Node]()
    for symbols, part in parts:
        for v in symbols:
            if v in ends:
                found[v] = _new(f"{v}_dot", v.shape, taken, Tangent(v.params["role"]))
                part.append((found[v], ends[v]))
    own = frozenset(loop.body.statements)
    statements = [s for s in moved.statements if s not in own]
    draft.keep(statements, taken)
    return draft.written(statements, loop.back), found
