"""Which symbols change when some inputs do: through equations in one walk, through a loop until no further carry moves."""

from __future__ import annotations

from collections.abc import Collection

from symgrad.core.loop import Loop
from symgrad.core.op import Node
from symgrad.core.program import Program, symbols_in


def depends_on(program: Program, wrt: Collection[Node]) -> set[Node]:
    """The symbols that change when one of `wrt` does, and `wrt` themselves."""
    active = set(wrt)
    for statement in program.statements:
        if isinstance(statement, Loop):
            active.update(_made(statement, moving(statement, active)))
        elif any(v in active for v in statement.reads):
            active.update(statement.symbols)
    return active


def moving(loop: Loop, active: Collection[Node]) -> set[Node]:
    """The symbols of a loop's body, its inputs too, that change when these symbols around the loop do."""
    behind = [*loop.init, *(f.array for f in loop.feeds), *loop.constants]
    inputs = {p for p, x in zip(loop.body.inputs, behind, strict=True) if x is not None and reads_any(x, active)}
    while True:
        inner = depends_on(loop.body, inputs)
        further = {c for c, out in zip(loop.carries, loop.carried, strict=True) if out in inner} - inputs
        if not further:
            return inner
        inputs |= further


def reads_any(expr: Node, active: Collection[Node]) -> bool:
    return any(v in active for v in symbols_in(expr, "a loop"))


def _made(loop: Loop, inner: set[Node]) -> set[Node]:
    """The symbols around the loop of what moves in its body."""
    states = {s for s, c in zip(loop.states, loop.carries, strict=True) if c in inner}
    return states | {v for v, out in zip((*loop.stacks, *loop.sums), (*loop.rows, *loop.summands), strict=True) if out in inner}
