"""A loop as the equations that books write: h_t = tanh(W h_{t-1} + U x_t) for t = 1, ..., T, whatever T is.

Rows of arrays count from 1, as the steps do, and states from 0: x_1 is the first row of x, and h_0 what the first step reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import sympy

from symgrad.core.graph import rewrite, substitute
from symgrad.core.loop import Feed, Loop
from symgrad.core.op import SUM, VARIABLE, Dim, Node, constant, variable
from symgrad.core.program import Equation, Statement
from symgrad.core.roles import Direction, Of, Printed, Row, Symbol
from symgrad.core.source import symbolic
from symgrad.derive.vectorization import ENTRY_PROPERTIES
from symgrad.ops.indexing import take, whole
from symgrad.ops.leading import leading_row
from symgrad.printing.identifiers import Notation, latex_symbol
from symgrad.printing.latex import Show, Theme

RUNNING = "tskijlmnr"
"""Running indices, in the order in which they are given."""


@dataclass(frozen=True)
class Steps:
    """The values of a running index, in the order in which a loop takes them."""

    index: sympy.Symbol
    first: Dim
    last: Dim


@dataclass(frozen=True)
class StepBlock:
    """Equations that hold at every step of these loops, the outermost first; the right sides of `totals` are summed over steps."""

    steps: tuple[Steps, ...]
    equations: tuple[Equation, ...]
    totals: Mapping[Node, Steps] = field(default_factory=dict)

    def printed(self, show: Show) -> Iterator[Equation]:
        """The equations with their sums written out."""
        for eq in self.equations:
            yield replace(eq, expr=_total(eq.expr, self.totals[eq.symbol], show)) if eq.symbol in self.totals else eq


def _total(summand: Node, steps: Steps, show: Show) -> Node:
    """The sum over steps, as a symbol that is printed already."""
    sign = rf"\sum_{{{steps.index} = {show.size(steps.first)}}}^{{{show.size(steps.last)}}}"
    return variable("", summand.shape, role=Printed(f"{sign} {show(summand, SUM + 1)}", SUM))


def blocks(statements: Iterable[Statement], names: Iterable[str]) -> tuple[StepBlock, ...]:
    """A program with its loops unfolded into equations of rows; indices keep clear of the names."""
    unfolding = _Unfolding(frozenset(names))
    for statement in statements:
        unfolding.add(statement, {}, ())
    return tuple(unfolding.blocks)


class _Unfolding:
    def __init__(self, names: frozenset[str]) -> None:
        self.letters = [sympy.Symbol(c, integer=True, positive=True) for c in RUNNING if c not in names]
        self.states: set[Node] = set()
        self.blocks: list[StepBlock] = []

    def add(self, statement: Statement, table: dict[Node, Node], steps: tuple[Steps, ...]) -> None:
        if isinstance(statement, Loop):
            self.loop(statement, table, steps)
            return
        assert isinstance(statement, Equation)
        parts = tuple((v, self.read(x, table)) for v, x in statement.parts)
        symbol = table.get(statement.symbol, statement.symbol)
        self.say(steps, replace(statement, symbol=symbol, expr=self.read(statement.expr, table), parts=parts))

    def say(self, steps: tuple[Steps, ...], equation: Equation, over: Steps | None = None) -> None:
        """One more equation, in the block of the one before where both hold for the same steps; `over` are those it is a sum of."""
        if equation.symbol is equation.expr:
            return
        if not self.blocks or self.blocks[-1].steps != steps:
            self.blocks.append(StepBlock(steps, ()))
        last, total = self.blocks[-1], {} if over is None else {equation.symbol: over}
        self.blocks[-1] = StepBlock(steps, (*last.equations, equation), {**last.totals, **total})

    def read(self, expr: Node, table: dict[Node, Node]) -> Node:
        """An expression with its symbols as they print here; a row taken of states is that row."""
        return rewrite(substitute(expr, table), self._row_taken)

    def _row_taken(self, node: Node) -> Node:
        return shown(node.args[0], node.params["index"][0]) if _is_row(node) and node.args[0] in self.states else node

    def _row_fed(self, node: Node) -> Node:
        if not _is_row(node):
            return node
        (x,), place = node.args, node.params["index"][0]
        return shown(x, place if x in self.states else place + 1)

    # loops --------------------------------------------------------------------------------------------------------------

    def loop(self, loop: Loop, table: dict[Node, Node], outer: tuple[Steps, ...]) -> None:
        t = self.letters[len(outer)]
        steps = (*outer, Steps(t, loop.length, 1) if loop.back else Steps(t, 1, loop.length))
        made = {v: _indexed(v, outer) for v in loop.symbols}
        self.states.update(made[s] for s in loop.states)
        for state, x in zip(loop.states, loop.init, strict=True):
            self.say(outer, Equation(shown(made[state], loop.first), self.read(x, table)))
        outputs = _outputs(loop, made, t)
        assigned = {v for s in loop.body.statements for v in s.symbols}
        inner = self._inputs(loop, made, t, table) | {v: outputs.get(v) or _indexed(v, steps) for v in assigned}
        alone = self._summands(loop)
        for statement in loop.body.statements:
            if not any(v in alone for v in statement.symbols):
                self.add(statement, inner, steps)
        for out, symbol in outputs.items():
            if out not in assigned:
                self.say(steps, Equation(symbol, inner[out]))
        self._copies(loop, made, inner, steps)
        for total, out in zip(loop.sums, loop.summands, strict=True):
            summand = self.read(alone[out], inner) if out in alone else inner[out]
            self.say(outer, Equation(made[total], summand), Steps(t, 1, loop.length))

    def _inputs(self, loop: Loop, made: dict[Node, Node], t: sympy.Symbol, table: dict[Node, Node]) -> dict[Node, Node]:
        """What stands for the inputs of the body: rows of states and of arrays, and what is the same at every step."""
        carried = {v: shown(made[s], t - 1 + loop.before) for v, s in zip(loop.carries, loop.states, strict=True)}
        fed = {v: self._fed(f, t, table) for v, f in zip(loop.fed, loop.feeds, strict=True)}
        return carried | fed | {v: self.read(x, table) for v, x in zip(loop.held, loop.constants, strict=True)}

    def _fed(self, feed: Feed, t: sympy.Symbol, table: dict[Node, Node]) -> Node:
        """What step t reads of an array; without an array its own number, as the code counts."""
        if feed.array is None:
            return constant(t - 1)
        return rewrite(leading_row(self.read(feed.array, table), t - 1 + feed.offset), self._row_fed)

    def _summands(self, loop: Loop) -> dict[Node, Node]:
        """Right sides that a sum alone reads: they stand under its sign."""
        read = Counter(v for s in loop.body.statements for v in s.reads)
        kept = {*loop.carried, *loop.rows}
        defined = loop.body.defined
        return {v: defined[v].expr for v in loop.summands if v in defined and v not in kept and not read[v]}

    def _copies(self, loop: Loop, made: dict[Node, Node], inner: dict[Node, Node], steps: tuple[Steps, ...]) -> None:
        """An output that several states or stacks take stands for the first, and the others are equal to it."""
        seen: set[Node] = set()
        t = steps[-1].index
        places = [*((s, t - 1 + loop.after) for s in loop.states), *((s, t) for s in loop.stacks)]
        for (symbol, place), out in zip(places, (*loop.carried, *loop.rows), strict=True):
            if out in seen:
                self.say(steps, Equation(shown(made[symbol], place), inner[out]))
            seen.add(out)


def _outputs(loop: Loop, made: dict[Node, Node], t: sympy.Symbol) -> dict[Node, Node]:
    """What a step writes, as rows; where several states or stacks take one output, the first of them."""
    rows = {out: shown(made[s], t) for out, s in reversed([*zip(loop.rows, loop.stacks, strict=True)])}
    return rows | {out: shown(made[s], t - 1 + loop.after) for out, s in reversed([*zip(loop.carried, loop.states, strict=True)])}


def _is_row(node: Node) -> bool:
    """Is it one row of a variable?"""
    if node.op is not take or node.args[0].op is not VARIABLE:
        return False
    first, *others = node.params["index"]
    return not isinstance(first, tuple) and others == [whole(d) for d in node.args[0].shape[1:]]


def renamed_rows(equations: Iterable[Equation]) -> set[Symbol]:
    """Rows that are a variable under the same sign: h_0 of a recurrence that begins with h0."""
    return {eq.symbol.params["role"] for eq in equations if eq.expr.op is VARIABLE and _sign(eq.symbol) == _sign(eq.expr)}


def _sign(v: Node) -> str:
    return latex_symbol(v.params["role"], Theme(), Notation())


# rows -----------------------------------------------------------------------------------------------------------------------


def shown(v: Node, place: Dim) -> Node:
    """The row of a variable, under the number that it has in print."""
    place = symbolic(place)
    name = f"{v.params['name']}[{place}]"
    return variable(name, v.shape[1:], v.params["properties"] & ENTRY_PROPERTIES, _row_role(v.params["role"], place))


def _indexed(v: Node, steps: tuple[Steps, ...]) -> Node:
    """A symbol of a body, which is another one at every step."""
    role, name = v.params["role"], v.params["name"]
    for step in steps:
        role, name = _row_role(role, step.index), f"{name}[{step.index}]"
    return variable(name, v.shape, v.params["properties"], role) if steps else v


def _row_role(role: Symbol, place: sympy.Expr) -> Symbol:
    """The index goes to the name under an accent: the derivative in h_t, not row t of a derivative."""
    if isinstance(role, Of) and not isinstance(role, Row | Direction):
        return replace(role, of=_row_role(role.of, place))
    return Row(role, place)
