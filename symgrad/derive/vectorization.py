"""A program on many points at once: the inputs that are said, and all that depends on them, get one axis in front.

An operation that has no form for stacks runs in a loop of its own, point after point; a loop runs once, with stacks in its body.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from symgrad.core.graph import postorder
from symgrad.core.loop import Feed, Loop
from symgrad.core.op import VARIABLE, Dim, Node, variable
from symgrad.core.program import Equation, Program, Statement, fresh
from symgrad.derive.activity import moving
from symgrad.derive.batching import NotBatched, vectorized
from symgrad.ops.broadcasting import in_front
from symgrad.ops.product import transpose

ENTRY_PROPERTIES = frozenset({"int", "positive", "unit", "binary", "sign"})
"""Properties that a stack of arrays has where each of them has it."""


def vmap(program: Program, points: Collection[Node], size: Dim) -> Program:
    """The program on `size` points: `points` are the inputs that differ between them; so do outputs that depend on these.

    What does not depend on them is computed once, and an output that does not is the same array for all points.
    """
    stacking = _Stacking(program, size)
    for v in points:
        stacking.stacks[v] = stacked_variable(v, size)
    for statement in program.statements:
        if isinstance(statement, Loop):
            stacking.loop(statement)
        else:
            assert isinstance(statement, Equation)
            stacking.equation(statement)
    inputs = tuple(stacking.stacks.get(v, v) for v in program.inputs)
    outputs = tuple(stacking.output(v) for v in program.outputs)
    return replace(program, inputs=inputs, statements=tuple(stacking.statements), outputs=outputs, unsimplified=None)


def stacked_variable(v: Node, size: Dim) -> Node:
    """The variable that stands for one such array a point."""
    return variable(v.params["name"], (size, *v.shape), v.params["properties"] & ENTRY_PROPERTIES, v.params["role"])


class _Stacking:
    def __init__(self, program: Program, size: Dim) -> None:
        self.size, self.taken = size, set(program.names)
        self.stacks: dict[Node, Node] = {}
        self.statements: list[Statement] = []

    def equation(self, equation: Equation) -> None:
        expr = self.of(equation.expr)
        if expr is not equation.expr:
            self.stacks[equation.symbol] = stacked_variable(equation.symbol, self.size)
        self.statements.append(replace(equation, symbol=self.stacks.get(equation.symbol, equation.symbol), expr=expr, parts=()))

    def output(self, v: Node) -> Node:
        """The symbol of this output at all points."""
        found = self.stacks.get(v, v)
        if found.op is not VARIABLE:
            name = fresh(f"{v}_points", self.taken)
            self.taken.add(name)
            self.statements.append(Equation(variable(name, found.shape, role=v.params["role"]), found))
            return self.statements[-1].symbols[0]
        return found

    def of(self, expr: Node) -> Node:
        """The expression at all points; itself where it does not depend on them."""
        for node in postorder([expr]):
            if node not in self.stacks and any(a in self.stacks for a in node.args):
                self.stacks[node] = self._applied(node)
        return self.stacks.get(expr, expr)

    def _applied(self, node: Node) -> Node:
        try:
            return vectorized(node, self.stacks, (self.size,))
        except NotBatched:
            return self._one_by_one(node)

    def _one_by_one(self, node: Node) -> Node:
        """A loop whose body is this operation alone."""
        operands = tuple(dict.fromkeys(node.args))
        inputs = {a: variable(f"x{i}", a.shape, a.params.get("properties", frozenset())) for i, a in enumerate(operands)}
        out, fed = variable("out", node.shape), [a for a in operands if a in self.stacks]
        held = [a for a in operands if a not in self.stacks]
        result = node.op.node(*(inputs[a] for a in node.args), **node.params)
        body = Program(node.op.name, tuple(inputs[a] for a in (*fed, *held)), (Equation(out, result),), (out,))
        name = fresh(f"{node.op.name}_rows", self.taken)
        self.taken.add(name)
        rows = variable(name, (self.size, *node.shape))
        self.statements.append(Loop(self.size, body, (), tuple(Feed(self.stacks[a]) for a in fed), tuple(held), (), (rows,), ()))
        return rows

    def loop(self, loop: Loop) -> None:
        """The same steps with stacks in the body, states and stacks of which count steps first and points second."""
        inner = moving(loop, self.stacks)
        moved = {v for v, c in zip(loop.states, loop.carries, strict=True) if c in inner}
        moved |= {v for v, out in zip(loop.symbols, loop.body.outputs, strict=True) if out in inner}
        made = {v: self._made(v, loop) if v in moved else v for v in loop.symbols}
        self.statements.append(
            replace(
                loop,
                body=self._body(loop, inner, moved),
                init=tuple(self._stacked(x) if v in inner else x for v, x in zip(loop.carries, loop.init, strict=True)),
                feeds=tuple(self._feed(f) if v in inner else f for v, f in zip(loop.fed, loop.feeds, strict=True)),
                constants=tuple(self._stacked(x) if v in inner else x for v, x in zip(loop.held, loop.constants, strict=True)),
                states=tuple(made[v] for v in loop.states),
                stacks=tuple(made[v] for v in loop.stacks),
                sums=tuple(made[v] for v in loop.sums),
            )
        )
        self.stacks |= {v: made[v] if v in loop.sums else _exchanged(made[v]) for v in loop.symbols if v in moved}

    def _feed(self, feed: Feed) -> Feed:
        return feed if feed.array is None else replace(feed, array=_exchanged(self._stacked(feed.array)))

    def _made(self, v: Node, loop: Loop) -> Node:
        if v in loop.sums:
            return stacked_variable(v, self.size)
        return variable(v.params["name"], (v.shape[0], self.size, *v.shape[1:]), role=v.params["role"])

    def _body(self, loop: Loop, inner: set[Node], moved: set[Node]) -> Program:
        """The body on all points; a carry that begins as a stack goes on as one, though a step may put the same there for all."""
        body = vmap(loop.body, [v for v in loop.body.inputs if v in inner], self.size)
        copies, outputs, taken = list[Equation](), list[Node](), set(body.names)
        for v, old, new in zip(loop.symbols, loop.body.outputs, body.outputs, strict=True):
            if v in moved and old not in inner:
                name = fresh(f"{v}_copies", taken)
                taken.add(name)
                copies.append(Equation(variable(name, (self.size, *old.shape)), in_front(new, (self.size,))))
            outputs.append(copies[-1].symbol if v in moved and old not in inner else new)
        return replace(body, statements=(*body.statements, *copies), outputs=tuple(outputs))

    def _stacked(self, expr: Node) -> Node:
        found = self.of(expr)
        return in_front(expr, (self.size,)) if found is expr else found


def _exchanged(X: Node) -> Node:
    """Steps and points, the first two axes, the other way round."""
    return transpose(X, (1, 0, *range(2, X.ndim)))
