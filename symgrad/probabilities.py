"""Probabilities that the author named, p = softmax(z), and whose logarithm an equation reads.

The logarithm of a named probability is that of what it is made of: log p is log softmax(z), so that the adjoint of z is p - y.
This is the one meaning that is read across names; everything else stays as the author named it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symgrad.graph import postorder, substitute
from symgrad.meaning import recognise
from symgrad.op import Node
from symgrad.ops.activation import sigmoid
from symgrad.ops.reduction import softmax
from symgrad.program import Equation, Program, symbols_in
from symgrad.simplify import normalise

PROBABILITIES = (softmax, sigmoid)


def differentiable(program: Program) -> Program:
    """The program in the form that differentiates best: equal for any inputs, no property used."""
    return replace(program, equations=tuple(_equations(program)))


def by_name(program: Program) -> Program:
    """The same program with named probabilities under their names, the first of several, wherever they are read later."""
    named = any(eq.expr.op in PROBABILITIES for eq in program.equations)
    return replace(program, equations=tuple(_by_name(program))) if named else program


def _by_name(program: Program) -> Iterator[Equation]:
    named: dict[Node, Node] = {}
    for eq in program.equations:
        if eq.expr.op in PROBABILITIES:
            named.setdefault(eq.expr, eq.symbol)
            yield eq
        else:
            yield replace(eq, expr=substitute(eq.expr, named))


def _equations(program: Program) -> Iterator[Equation]:
    named: dict[Node, Node] = {}
    for eq in program.equations:
        expr = eq.expr
        for symbol in [v for v in symbols_in(expr) if v in named]:
            expr = _through(expr, symbol, named[symbol])
        meant = _meant(expr)
        if meant.op in PROBABILITIES:
            named[eq.symbol] = meant
        yield replace(eq, expr=meant, parts=tuple((v, _meant(x)) for v, x in eq.parts))


def _through(expr: Node, symbol: Node, probability: Node) -> Node:
    """The expression with its probability put in, if that then means another operation; itself otherwise."""
    inside = substitute(expr, {symbol: probability})
    return expr if probability in postorder([_meant(inside)]) else inside


def _meant(expr: Node) -> Node:
    return normalise(recognise(normalise(expr)))
