"""Reverse mode: a Program to its adjoint Program, one adjoint equation for every equation that the result depends on.

Keeps true: same inputs, the forward equations untouched, each symbol assigned once, time linear in the number of nodes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from symgrad.budget import budgeted
from symgrad.errors import NotDifferentiableError
from symgrad.graph import postorder
from symgrad.op import CONSTANT, OPERATORS, VARIABLE, Node, constant, variable, zeros
from symgrad.program import Equation, Program, fresh, symbols_in


def depends_on(program: Program, wrt: Sequence[Node]) -> set[Node]:
    """The symbols that change when one of `wrt` does, and `wrt` themselves."""
    active = set(wrt)
    for eq in program.equations:
        if any(v in active for v in symbols_in(eq.expr)):
            active.add(eq.symbol)
    return active


def pullback(eq: Equation, cotangent: Node, active: set[Node]) -> dict[Node, Node]:
    """What the cotangent of an equation's symbol hands on to the active symbols of its right side.

    The root of the right side is passed to its rule under the equation's own name, so that tanh' reads 1 - h * h.
    """
    order = list(postorder([eq.expr]))
    reaches = {n for n in order if n in active}
    for node in order:
        if any(a in reaches for a in node.args):
            reaches.add(node)
    parts: dict[Node, list[Node]] = defaultdict(list, {eq.expr: [cotangent]})
    result: dict[Node, Node] = {}
    for node in reversed(order):
        if node not in reaches:
            continue
        total = _total(parts.pop(node), node)
        if node.op is VARIABLE:
            result[node] = total
            continue
        out = eq.symbol if node is eq.expr else node
        bars = node.op.vjp(out, *node.args, total, **node.params)
        for argument, bar in zip(node.args, bars, strict=True):
            if argument in reaches:
                if bar is None:
                    raise NotDifferentiableError(f'{node.op.name} in "{eq.name}" has no derivative in its operand {argument}')
                parts[argument].append(bar)
    return result


def _total(parts: list[Node], node: Node) -> Node:
    return OPERATORS["add"](*parts) if parts else zeros(node.shape)


@budgeted("deriving")
def adjoint(program: Program, wrt: Sequence[Node], of: Node | None = None, seed: Node | None = None) -> Program:
    """The program followed by its adjoint equations; outputs are the value and the gradient in each of `wrt`.

    `seed` is the cotangent of the value: 1 for a scalar, an input variable for a vector-valued program.
    """
    of = program.output if of is None else of
    variables = frozenset(wrt)
    active, taken = depends_on(program, wrt), set(program.names)
    contributions: dict[Node, list[tuple[Node, Node]]] = defaultdict(list)
    bars: dict[Node, Node] = {of: constant(1) if seed is None else seed}
    first_use = _first_uses(program, of)
    equations: list[Equation] = []

    def emit(v: Node) -> None:
        name = fresh(f"{v.params['name']}_bar", taken)
        taken.add(name)
        parts = tuple(sorted(contributions.pop(v, []), key=lambda part: order[part[0]]))
        total = _total([x for _, x in parts], v)
        symbol = variable(name, v.shape, symbol=("bar", v.params["symbol"], of.params["symbol"]))
        equations.append(Equation(symbol, total, parts=parts))
        bars[v] = total if total.op is CONSTANT else symbol

    order = {eq.symbol: i for i, eq in enumerate(program.equations)}
    for eq in reversed(program.equations):
        if eq.symbol in active and (eq.symbol is of or eq.symbol in contributions):
            if eq.symbol is not of:
                emit(eq.symbol)
            for v, bar in pullback(eq, bars[eq.symbol], active).items():
                contributions[v].append((eq.symbol, bar))
        for v in first_use.get(eq.symbol, ()):
            if v in variables:
                emit(v)
    for v in wrt:
        if v not in bars:
            emit(v)
    table = {eq.symbol.params["symbol"][1]: eq.symbol for eq in equations}
    gradients = tuple(table[v.params["symbol"]] for v in wrt)
    inputs = program.inputs if seed is None else (*program.inputs, seed)
    return replace(program, inputs=inputs, equations=(*program.equations, *equations), outputs=(of, *gradients))


def _first_uses(program: Program, of: Node) -> dict[Node, list[Node]]:
    """For each equation the inputs that it is the first to read: there, going backwards, their adjoints are complete."""
    seen, inputs = set[Node](), frozenset(program.inputs)
    uses: dict[Node, list[Node]] = {}
    for eq in program.needed([of]).equations:
        uses[eq.symbol] = [v for v in symbols_in(eq.expr) if v in inputs and v not in seen]
        seen.update(uses[eq.symbol])
    return uses
