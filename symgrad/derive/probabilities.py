"""Probabilities that the author named, p = softmax(z), and whose logarithm an equation reads.

The logarithm of a named probability is that of what it is made of: log p is log softmax(z), so that the adjoint of z is p - y.
This is the one meaning that is read across names; everything else stays as the author named it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symgrad.core.graph import postorder, substitute
from symgrad.core.op import Node
from symgrad.core.program import Equation, Program, Statement, symbols_in
from symgrad.derive.meaning import recognise
from symgrad.derive.simplification import normalise
from symgrad.ops.activation import sigmoid
from symgrad.ops.reduction import softmax

PROBABILITIES = (softmax, sigmoid)


def differentiable(program: Program) -> Program:
    """The program in the form that differentiates best: equal for any inputs, no property used."""
    return replace(program, statements=tuple(_meaning(program)))


def by_name(program: Program) -> Program:
    """The same program with named probabilities under their names, the first of several, wherever they are read later."""
    return replace(program, statements=tuple(_by_name(program)))


def _by_name(program: Program) -> Iterator[Statement]:
    named: dict[Node, Node] = {}
    for statement in program.statements:
        if not isinstance(statement, Equation):
            yield statement.within(by_name)
        elif statement.expr.op in PROBABILITIES:
            named.setdefault(statement.expr, statement.symbol)
            yield statement
        else:
            yield replace(statement, expr=substitute(statement.expr, named)) if named else statement


def _meaning(program: Program) -> Iterator[Statement]:
    named: dict[Node, Node] = {}
    for statement in program.statements:
        if not isinstance(statement, Equation):
            yield statement.within(differentiable).map(_meant)
            continue
        expr = statement.expr
        for symbol in [v for v in symbols_in(expr) if v in named]:
            expr = _through(expr, symbol, named[symbol])
        meant = _meant(expr)
        if meant.op in PROBABILITIES:
            named[statement.symbol] = meant
        yield replace(statement, expr=meant, parts=tuple((v, _meant(x)) for v, x in statement.parts))


def _through(expr: Node, symbol: Node, probability: Node) -> Node:
    """The expression with its probability put in, if that then means another operation; itself otherwise."""
    inside = substitute(expr, {symbol: probability})
    return expr if probability in postorder([_meant(inside)]) else inside


def _meant(expr: Node) -> Node:
    return normalise(recognise(normalise(expr)))
