"""Forward mode: a Program to its tangent Program; of an adjoint Program it is the Hessian-vector product.

Keeps true: the equations untouched, each followed by its tangent; each symbol assigned once; time linear in the number of nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from symgrad.core.budget import budgeted
from symgrad.core.graph import postorder
from symgrad.core.loop import Loop
from symgrad.core.op import VARIABLE, Node, is_zero, variable, zeros
from symgrad.core.program import Equation, Program, Statement, fresh
from symgrad.core.roles import Direction, Tangent
from symgrad.derive.loop_derivatives import tangent_loop


def pushforward(eq: Equation, dots: Mapping[Node, Node]) -> Node:
    """The tangent of an equation's right side, given the tangents of the symbols it reads (absent means constant)."""
    tangents: dict[Node, Node] = {}
    for node in postorder([eq.expr]):
        if node.op is VARIABLE or not any(a in tangents for a in node.args):
            if node in dots:
                tangents[node] = dots[node]
            continue
        out = eq.symbol if node is eq.expr else node
        arguments = [tangents.get(a) or zeros(a.shape) for a in node.args]
        tangents[node] = node.op.jvp(out, *node.args, *arguments, **node.params)
    return tangents.get(eq.expr) or zeros(eq.symbol.shape)


def _named(v: Node, dot: Node, taken: set[str]) -> Equation:
    """The equation of the tangent of a symbol, under a name that is taken then."""
    name = fresh(f"{v}_dot", taken)
    taken.add(name)
    return Equation(variable(name, v.shape, role=Tangent(v.params["role"])), dot)


def _pushed(expr: Node, dots: Mapping[Node, Node]) -> Node:
    return pushforward(Equation(expr, expr), dots)


@budgeted("deriving")
def tangent(program: Program, directions: Mapping[Node, Node], outputs: Sequence[Node] | None = None) -> Program:
    """The program with the tangent of every equation in the given directions, which become inputs.

    Outputs are the tangents of `outputs` (all outputs of the program where not said), in their order.
    """
    wanted = program.outputs if outputs is None else tuple(outputs)
    taken = set(program.names) | {v.params["name"] for v in directions.values()}
    dots = dict(directions)
    statements: list[Statement] = []
    for eq in program.statements:
        statements.append(eq)
        if isinstance(eq, Loop):
            if (found := tangent_loop(eq, dots, taken, _pushed, tangent)) is not None:
                statements.append(found[0])
                dots.update(found[1])
            continue
        assert isinstance(eq, Equation)
        dot = pushforward(eq, dots)
        if not is_zero(dot):
            statements.append(_named(eq.symbol, dot, taken))
            dots[eq.symbol] = statements[-1].symbols[0]
    for v in wanted:
        if v not in dots:  # it does not move
            statements.append(_named(v, zeros(v.shape), taken))
            dots[v] = statements[-1].symbols[0]
    inputs = (*program.inputs, *directions.values())
    return replace(program, inputs=inputs, statements=tuple(statements), outputs=tuple(dots[v] for v in wanted))


def direction_names(program: Program, wrt: Sequence[Node]) -> dict[Node, Node]:
    """A direction for every variable: V1 for W1 and v for w as the literature writes them, v_W1 where that is taken."""
    taken, result = set(program.names), {}
    times = Counter(map(_short, wrt))
    for v in wrt:
        name = str(v.params["name"])
        letter = "V" if v.ndim >= 2 else "v"
        short = letter + name[1:] if len(name) > 1 and name[1:].isdigit() else letter
        clash = short in taken or times[short] > 1
        chosen = fresh(f"{letter}_{name}" if clash else short, taken)
        taken.add(chosen)
        role = Direction(v.params["role"], letter) if clash else None
        result[v] = variable(chosen, v.shape, role=role)
    return result


def _short(v: Node) -> str:
    name, letter = str(v.params["name"]), "V" if v.ndim >= 2 else "v"
    return letter + name[1:] if len(name) > 1 and name[1:].isdigit() else letter
