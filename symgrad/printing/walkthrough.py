"""The backward pass as numbered steps: for each adjoint the equations it comes from, their differentials and their rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symgrad.core.graph import postorder, rewrite, variables
from symgrad.core.op import CONSTANT, VARIABLE, Node, Op, variable
from symgrad.core.program import Equation, Program
from symgrad.core.roles import Adjoint, Differential
from symgrad.derive.activity import depends_on
from symgrad.derive.adjoints import adjoint
from symgrad.derive.simplification import legible, simplify
from symgrad.derive.tangents import pushforward
from symgrad.printing.equations import reading_order
from symgrad.printing.letters import Letters

_SILENT = frozenset({"broadcast", "transpose", "scale"})
"""Operations that are part of how a factor is written rather than a step of their own."""


@dataclass(frozen=True)
class Source:
    """An equation that hands a cotangent on, its differential in all that moves, and the operations whose rules give it."""

    equation: Equation
    differential: Node
    ops: tuple[Op, ...]


@dataclass(frozen=True)
class Step:
    """One adjoint equation, what it comes from, and the symbols it multiplies."""

    equation: Equation
    sources: tuple[Source, ...]
    factors: tuple[Node, ...]
    asides: tuple[Equation, ...] = ()


def steps(backward: Program, wrt: Sequence[Node]) -> list[Step]:
    """One step for each adjoint equation of a backward pass, in order."""
    raw = backward.unsimplified or backward
    forward = {eq.symbol: eq for eq in raw.equations if not is_adjoint(eq.symbol)}
    active = depends_on(raw, wrt)
    differentials = {v: differential(v) for v in active}
    found: list[Step] = []
    for eq in reading_order(backward.equations):
        if eq.aside:
            found[-1] = replace(found[-1], asides=(*found[-1].asides, eq))
        elif is_adjoint(eq.symbol):
            used = dict.fromkeys(source for source, _ in eq.parts if source in forward)
            sources = tuple(_source(forward[s], differentials, active) for s in used)
            found.append(Step(eq, sources, tuple(dict.fromkeys(variables(eq.expr)))))
    return found


def is_adjoint(symbol: Node) -> bool:
    return isinstance(symbol.params["role"], Adjoint)


def differential(v: Node) -> Node:
    return variable(f"d {v}", v.shape, role=Differential(v.params["role"]))


def _source(eq: Equation, differentials: dict[Node, Node], active: set[Node]) -> Source:
    moving = [n for n in postorder([eq.expr]) if n.op is not VARIABLE and any(v in active for v in variables(n))]
    ops = dict.fromkeys(n.op for n in reversed(moving) if n.op.name not in _SILENT or len(moving) == 1)
    return Source(eq, simplify(pushforward(eq, differentials)), tuple(ops))


def one_operation_each(program: Program, letters: Letters) -> Program:
    """The same program with each operation an equation of its own; what the author left unnamed gets letters that are free."""
    equations: list[Equation] = []
    named: dict[Node, Node] = {}

    def name(node: Node) -> Node:
        if node.op in (VARIABLE, CONSTANT) or node.op.name in _SILENT or not variables(node):
            return node
        if node not in named:
            letter = letters.symbol(node)
            if letter is None:
                return node
            named[node] = letter
            equations.append(Equation(named[node], node))
        return named[node]

    for eq in program.equations:
        operands = [rewrite(a, name) for a in eq.expr.args]
        equations.append(replace(eq, expr=eq.expr.op.rebuild(eq.expr, operands)))
    return replace(program, statements=tuple(equations), unsimplified=None)


def every_operation(backward: Program, wrt: Sequence[Node], letters: Letters) -> Program:
    """The backward pass of the same forward pass, one equation an operation."""
    raw = backward.unsimplified or backward
    forward = replace(raw, statements=tuple(_forward(raw)), outputs=raw.outputs[:1], unsimplified=None)
    return legible(adjoint(one_operation_each(forward, letters), wrt))


def _forward(program: Program) -> Iterator[Equation]:
    return (eq for eq in program.equations if not is_adjoint(eq.symbol))
