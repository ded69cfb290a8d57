"""Forms that print one way and compute another: 1 - h^2 stands for the derivative of tanh, but cancels where tanh saturates."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symgrad.op import Node, rewrite, value_of
from symgrad.ops.activation import sigmoid
from symgrad.ops.arithmetic import coefficient, power
from symgrad.ops.elementwise import sech2, tanh
from symgrad.program import Equation, Program


def stable(program: Program) -> Program:
    """The same program with every complement 1 - s of a saturating function computed from the function's own operand."""
    defined = program.defined
    return program.map(lambda expr: rewrite(expr, _complements(defined)))


def _complements(defined: Mapping[Node, Equation]) -> Callable[[Node], Node]:
    def meaning(x: Node) -> Node:
        return defined[x].expr if x in defined else x

    def step(node: Node) -> Node:
        if node.op.name != "add" or len(node.args) != 2 or all(value_of(a) != 1 for a in node.args):
            return node
        number, y = next(coefficient(a) for a in node.args if value_of(a) != 1)
        if number == -1 and (s := meaning(y)).op is sigmoid:
            return sigmoid(-s.args[0])
        if number == -1 and y.op is power and y.params["exponent"] == 2 and (h := meaning(y.args[0])).op is tanh:
            return sech2(h.args[0])
        return node

    return step
