"""Reverse mode: a Program to its adjoint Program, one adjoint equation for every equation that the result depends on.

Keeps true: same inputs, the forward equations untouched, each symbol assigned once, time linear in the number of nodes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symgrad.core.budget import budgeted
from symgrad.core.graph import postorder
from symgrad.core.loop import Loop
from symgrad.core.op import CONSTANT, OPERATORS, VARIABLE, Node, constant, variable, zeros
from symgrad.core.program import Equation, Program, Statement, fresh
from symgrad.core.roles import Adjoint
from symgrad.derive.activity import depends_on
from symgrad.derive.loop_derivatives import adjoint_loop
from symgrad.errors import NotDifferentiableError


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
    pulled = pulled_back(program, {of: [constant(1) if seed is None else seed]}, wrt, of, set(program.names))
    inputs = program.inputs if seed is None else (*program.inputs, seed)
    outputs = (of, *(pulled.bars[v] for v in wrt))
    return replace(program, inputs=inputs, statements=(*program.statements, *pulled.statements), outputs=outputs)


def pulled_back(program: Program, seeds: Mapping[Node, Sequence[Node]], wrt: Sequence[Node], of: Node, taken: set[str]) -> Pulled:
    """The adjoint statements of a program, and the symbol of the cotangent in each of `wrt`, given cotangents of some symbols.

    `of` is the value whose derivatives they are, by which they print; the names `taken` grow by those of the statements.
    """
    variables, active = frozenset(wrt), depends_on(program, wrt)
    order = {v: i for i, s in enumerate(program.statements) for v in s.symbols}
    contributions: dict[Node, list[tuple[Node, Node]]] = defaultdict(list)
    for v, given in seeds.items():
        contributions[v] = [(v, bar) for bar in given]
    first_use = _first_uses(program, seeds)
    statements: list[Any] = []
    bars: dict[Node, Node] = {}
    looped: dict[Node, int] = {}

    def emit(v: Node) -> Node:
        parts = tuple(sorted(contributions.pop(v, []), key=lambda part: order.get(part[0], -1)))
        total = _total([x for _, x in parts], v)
        place = looped.pop(total, None)
        if place is not None:
            taken.remove(str(total))
        name = fresh(f"{v.params['name']}_bar", taken)
        taken.add(name)
        bars[v] = variable(name, v.shape, role=Adjoint(v.params["role"], of.params["role"]))
        if place is None:
            statements.append(Equation(bars[v], total, parts=parts))
        else:  # a loop makes it, and does so under its symbol
            statements[place] = statements[place].renamed({total: bars[v]})
        return total if total.op is CONSTANT else bars[v]

    def hand_on(source: Node, expr: Equation, bar: Node) -> None:
        for v, part in pullback(expr, bar, active).items():
            contributions[v].append((source, part))

    for statement in reversed(program.statements):
        reached = [v for v in statement.symbols if v in active and v in contributions]
        if isinstance(statement, Loop) and reached:
            cotangents = {v: [bar for _, bar in contributions.pop(v)] for v in reached}
            backward, handed = adjoint_loop(statement, cotangents, active, of, taken, pulled_back)
            own = [bar for x, bar in handed if x.op is VARIABLE and bar in backward.symbols]  # nothing else reads these
            looped |= dict.fromkeys(own, len(statements))
            statements.append(backward)
            for x, bar in handed:
                hand_on(statement.symbols[0], Equation(x, x), bar)
        elif isinstance(statement, Equation) and reached:
            (v,) = reached
            is_seed = v in seeds and len(contributions[v]) == 1
            hand_on(v, statement, contributions.pop(v)[0][1] if is_seed else emit(v))
        for v in (v for symbol in statement.symbols for v in first_use.get(symbol, ())):
            if v in variables:
                emit(v)
    for v in wrt:
        if v not in bars:
            emit(v)
    return Pulled(tuple(statements), bars)


@dataclass(frozen=True)
class Pulled:
    statements: tuple[Statement, ...]
    bars: Mapping[Node, Node]


def _first_uses(program: Program, of: Iterable[Node]) -> dict[Node, list[Node]]:
    """For each statement, by its first symbol, the inputs that it is the first to read: there their adjoints are complete."""
    seen, inputs = set[Node](), frozenset(program.inputs)
    uses: dict[Node, list[Node]] = {}
    for statement in program.needed(of).statements:
        uses[statement.symbols[0]] = [v for v in statement.reads if v in inputs and v not in seen]
        seen.update(statement.reads)
    return uses
