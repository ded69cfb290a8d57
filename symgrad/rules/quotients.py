"""Entrywise products and quotients in print: one numerator over few divisors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

import sympy

from symgrad.core.op import Node
from symgrad.ops.arithmetic import add, coefficient, multiply
from symgrad.ops.broadcasting import broadcast, fill
from symgrad.ops.elementwise import log
from symgrad.ops.powers import divide, power, quotient
from symgrad.ops.product import diag, matmul
from symgrad.rules.brevity import operations
from symgrad.rules.record import PRINT, Known, rule
from symgrad.rules.terms import entrywise_product, one_power, powers


@rule("a quotient with a value at 0 / 0 as a quotient, where no divisor is 0", "ratio", ends="fewer kinds", since=PRINT, facts=True)
def ratio_as_quotient(node: Node, known: Known) -> Node | None:
    return divide(*node.args) if known.nonzero(node.args[1]) else None


@rule("log0(x) = log(x), where no x is 0", "log_or_zero", ends="fewer kinds of logarithms", since=PRINT, facts=True)
def logarithm_of_nonzero(node: Node, known: Known) -> Node | None:
    return log(*node.args) if known.nonzero(node.args[0]) else None


@rule("a hypotenuse as sqrt(x^2 + y^2)", "hypot", ends="fewer kinds of roots", since=PRINT, limits="beyond the range of float64")
def hypotenuse_as_root(node: Node) -> Node:
    """It is printed so; as a power it meets x^2 + y^2."""
    return power(add(*(power(x, exponent=sympy.Integer(2)) for x in node.args)), exponent=sympy.Rational(1, 2))


@rule("x / x = 1", "divide", ends="fewer quotients", since=PRINT, limits="at zero")
def quotient_of_same(node: Node) -> Node | None:
    x, y = node.args
    return fill(1, node.shape) if x is y else None


@rule("(x^a)^k = x^(a k) for whole k", "power", ends="fewer powers", since=PRINT, limits="where x^a is not real, beyond float64")
def entrywise_power_of_power(node: Node) -> Node | None:
    """Of arrays too."""
    return one_power(node)


@rule("copies of x, to a power = copies of x^k", "power", ends="copies move to the root", since=PRINT)
def power_of_copies(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is not broadcast or node.params["exponent"].is_negative:
        return None
    return broadcast(power(x.args[0], **node.params), **x.params)


@rule("(x / a + y) / a = x / a^2 + y / a", "divide", ends="fewer quotients of quotients", since=PRINT, limits="beyond float64")
def quotient_of_sum(node: Node) -> Node | None:
    """Where that is shorter: the divisors of the terms and that of the sum become one."""
    total, divisor = node.args
    if total.op is not add or not any(coefficient(t)[1].op is quotient for t in total.args):
        return None
    parts = [(c, divide(x, divisor)) for c, x in map(coefficient, total.args)]
    found = add(*(multiply(c, one_quotient(x) or x) for c, x in parts))
    return found if operations(found) < operations(node) else None


@rule(
    "(x / a) * (y / a) = x * y / a^2",
    "hadamard",
    "divide",
    ends="fewer quotients",
    since=PRINT,
    limits="beyond the range of float64",
)
def one_quotient(node: Node) -> Node | None:
    """Where anything stands twice: above the line what is multiplied, below it every divisor once.

    Also x * y * x = x^2 * y; x * x alone stays as typed, and what stands on both sides cancels by the rules of powers.
    """
    factors = list(powers(node))
    exponents: dict[tuple[bool, Hashable], tuple[Node, sympy.Expr]] = {}
    for base, exponent in factors:
        side = exponent.is_negative, frozenset(Counter(base.args).items()) if base.op is add else base
        first, before = exponents.get(side, (base, sympy.S.Zero))
        exponents[side] = first, before + abs(exponent)
    if not any(map(_is_reciprocal, node.args)) and not 1 < len(exponents) < len(factors):
        return None
    above, below = (
        [power(x, exponent=k) for (is_below, _), (x, k) in exponents.items() if is_below is side] for side in (False, True)
    )
    if not above:
        return None
    merged = entrywise_product(above)
    for x in below:
        merged = divide(merged, x)
    return merged


def _is_reciprocal(x: Node) -> bool:
    return x.op is power and x.params["exponent"].is_negative


@rule("rows of X over y = diag(y)^-1 X", "divide", ends="fewer entrywise quotients", since=PRINT)
def divided_rows(node: Node) -> Node | None:
    """So that it is one factor of a chain, as in D^-1/2 A D^-1/2; copies over copies are copies."""
    X, copies = node.args
    if node.ndim != 2 or copies.op is not broadcast or copies.args[0].ndim != 1:
        return None
    if X.op is broadcast and X.params == copies.params:
        return broadcast(divide(X.args[0], copies.args[0]), **X.params)
    D = diag(power(copies.args[0], exponent=sympy.S.NegativeOne))
    return matmul(D, X) if copies.params["axes"] == (0,) else matmul(X, D)
