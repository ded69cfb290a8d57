"""Entrywise products and quotients in print: one numerator over few divisors."""

from __future__ import annotations

from collections.abc import Iterator

import sympy

from symgrad.op import Node
from symgrad.ops.arithmetic import add, hadamard
from symgrad.ops.elementwise import hypot
from symgrad.ops.powers import divide, power, quotient
from symgrad.rules.record import PRINT, rule
from symgrad.rules.terms import as_power, entrywise_product


@rule("a quotient with a value at 0 / 0 as a quotient", "ratio", ends="fewer kinds of quotients", since=PRINT, limits="at 0 / 0")
def ratio_as_quotient(node: Node) -> Node:
    return divide(*node.args)


@rule("sqrt(x^2 + y^2)^2k = (x^2 + y^2)^k", "power", ends="fewer roots", since=PRINT, limits="beyond the range of float64")
def power_of_hypotenuse(node: Node) -> Node | None:
    (x,), half = node.args, node.params["exponent"] / 2
    if x.op is not hypot or not half.is_Integer:
        return None
    return power(add(*(power(side, exponent=sympy.Integer(2)) for side in x.args)), exponent=half)


@rule(
    "(x / a) * (y / a) = x * y / a^2",
    "hadamard",
    "divide",
    ends="fewer quotients",
    since=PRINT,
    limits="beyond the range of float64",
)
def one_quotient(node: Node) -> Node | None:
    """Above the line what is multiplied, below it every divisor once; what stands on both sides cancels by the rules of powers."""
    if all(x.op is not quotient and not _is_reciprocal(x) for x in node.args):
        return None
    above: dict[Node, sympy.Expr] = {}
    below: dict[Node, sympy.Expr] = {}
    for base, exponent in _powers(node):
        side = below if exponent.is_negative else above
        side[base] = side.get(base, 0) + abs(exponent)
    if not above:
        return None
    merged = entrywise_product([power(base, exponent=exponent) for base, exponent in above.items()])
    for base, exponent in below.items():
        merged = divide(merged, power(base, exponent=exponent))
    return merged


def _is_reciprocal(x: Node) -> bool:
    return x.op is power and x.params["exponent"].is_negative


def _powers(node: Node, sign: int = 1) -> Iterator[tuple[Node, sympy.Expr]]:
    """The factors of a nest of products and quotients, each with its exponent."""
    if node.op is hadamard or node.op is quotient:
        X, Y = node.args
        yield from _powers(X, sign)
        yield from _powers(Y, sign if node.op is hadamard else -sign)
    else:
        base, exponent = as_power(node)
        yield base, sign * exponent
