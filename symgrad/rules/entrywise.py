"""Entrywise products, quotients, powers and choices."""

from __future__ import annotations

from collections.abc import Callable

import sympy

from symgrad.core.op import Node, constant, value_of
from symgrad.ops.arithmetic import hadamard, multiply, scalar_product, scale
from symgrad.ops.broadcasting import broadcast, fill
from symgrad.ops.norm import norm
from symgrad.ops.powers import divide, power
from symgrad.ops.reduction import spread
from symgrad.ops.selection import maximum, select, wins
from symgrad.rules.record import CODE, FACTORED, PRINT, rule
from symgrad.rules.terms import as_power, entrywise_product, hadamard_factors, one_power, product

Allowed = Callable[[sympy.Expr, sympy.Expr], bool]


@rule("x * y^-1 = x / y", "hadamard", ends="fewer operations")
def product_with_reciprocal(node: Node) -> Node | None:
    X, Y = node.args
    for one, other in ((X, Y), (Y, X)):
        if one.op is power and one.params["exponent"] == -1:
            return divide(other, one.args[0])
    return None


@rule("x^a x^-b = x^(a - b)", "scale", "hadamard", ends="fewer powers", limits="at zero")
def product_of_powers(node: Node) -> Node | None:
    """Only where a negative power meets a positive one: x x stays as typed, and 1 / h / h does not square h."""
    return _merged(node, lambda a, b: a.is_negative != b.is_negative)


@rule("x^-a x^-b = x^-(a + b)", "scale", ends="fewer powers", since=PRINT, limits="beyond the range of float64")
def product_of_reciprocals(node: Node) -> Node | None:
    return _merged(node, lambda a, b: a.is_negative and b.is_negative)


def _merged(node: Node, allowed: Allowed) -> Node | None:
    if node.op is hadamard:
        X, Y = node.args
        return _merged_power(X, Y, allowed)
    number, factors, arrays = scalar_product(node)
    for i, x in enumerate(factors):
        for j in range(i):
            merged = _merged_power(factors[j], x, allowed)
            if merged is not None:
                rest = [f for k, f in enumerate(factors) if k not in (i, j)]
                return product([constant(number), merged, *rest, *arrays])
    return None


def _merged_power(X: Node, Y: Node, allowed: Allowed) -> Node | None:
    (x, a), (y, b) = as_power(X), as_power(Y)
    return power(x, exponent=a + b) if x is y and allowed(a, b) else None


@rule("(a b)^k = a^k b^k for scalars and whole k", "power", ends="powers move towards the leaves")
def power_of_product(node: Node) -> Node | None:
    (x,), k = node.args, node.params["exponent"]
    if node.ndim or x.op is not scale or not k.is_Integer:
        return None
    number, factors, _ = scalar_product(x)
    return product([constant(number**k), *(power(f, exponent=k) for f in factors)])


@rule("(x^a)^k = x^(a k) for scalars and whole k", "power", ends="fewer powers", limits="where x^a is not real")
def power_of_power(node: Node) -> Node | None:
    return None if node.ndim else one_power(node)


@rule("x / x^b = x^(1 - b)", "divide", ends="fewer powers", limits="at zero")
def quotient_of_powers(node: Node) -> Node | None:
    (x, a), (y, b) = (as_power(z) for z in node.args)
    return power(x, exponent=a - b) if x is y and a != b else None


@rule("1[x > y] * max(x, y) = max(x, y) for y = 0", "hadamard", ends="fewer factors", since=CODE)
def choice_of_maximum(node: Node) -> Node | None:
    """At a tie both sides are zero."""
    factors = hadamard_factors(node)
    for i, x in enumerate(factors):
        zero = x.op is wins and value_of(x.args[1]) == 0
        if zero and any(m.op is maximum and set(m.args) == set(x.args) for m in factors):
            return entrywise_product(factors[:i] + factors[i + 1 :])
    return None


@rule("1[x > y] * 1[x > y] = 1[x > y]", "hadamard", ends="fewer factors", since=PRINT)
def choice_of_choice(node: Node) -> Node | None:
    factors = hadamard_factors(node)
    for i, x in enumerate(factors):
        if _is_indicator(x) and x in factors[:i]:
            return entrywise_product(factors[:i] + factors[i + 1 :])
    return None


def _is_indicator(x: Node) -> bool:
    return x.op is select and {value_of(branch) for branch in x.args[2:]} == {0, 1}


@rule("[[x > y]] * [[x > y]] = [[x > y]] with 1/4 at a tie", "hadamard", ends="fewer factors", since=PRINT)
def product_of_shares(node: Node) -> Node | None:
    factors = hadamard_factors(node)
    for i, x in enumerate(factors):
        for j in range(i):
            if x.op is wins and factors[j].op is wins and factors[j].args == x.args:
                one = wins(*x.args, at=factors[j].params["at"] * x.params["at"])
                return entrywise_product([*factors[:j], one, *factors[j + 1 : i], *factors[i + 1 :]])
    return None


@rule("x / |x| as a quotient", "direction", ends="fewer directions", since=PRINT, limits="at zero, where the direction is 0")
def direction_as_quotient(node: Node) -> Node | None:
    """So that its parts can be gathered: (x / |x|)^T u x / |x| = x^T u x / |x|^2."""
    (x,), axes = node.args, node.params["axes"]
    return divide(x, spread(norm(x, axes=axes), x, axes))


@rule(
    "where(c, x, 0) y = where(c, x y, 0): zero stays zero whatever y is",
    "scale",
    "hadamard",
    ends="choices move to the root",
    until=FACTORED,
)
def product_with_choice(node: Node) -> Node | None:
    for chosen, other in (node.args, tuple(reversed(node.args))):
        if chosen.op is not select or chosen.ndim != node.ndim or other.op is select:
            continue
        A, B, X, Y = chosen.args
        if (value_of(X) == 0) != (value_of(Y) == 0):
            return select(A, B, multiply(X, other), multiply(Y, other), **chosen.params)
    return None


@rule(
    "where(c, s x, 0) = s where(c, x, 0) for a scalar s",
    "select",
    ends="smaller choices",
    since=PRINT,
    limits="where s is infinite",
)
def multiple_of_choice(node: Node) -> Node | None:
    """1[x > 0] / n, not 1[x > 0] * (1 / n) 1."""
    A, B, *branches = node.args
    zero = next((i for i, x in enumerate(branches) if value_of(x) == 0), None)
    if zero is None or (found := _multiple(branches[1 - zero])) is None:
        return None
    s, branches[1 - zero] = found
    return multiply(s, select(A, B, *branches, **node.params))


def _multiple(x: Node) -> tuple[Node, Node] | None:
    """A scalar and what it multiplies: ones where it fills an array."""
    if x.op is scale:
        return x.args[0], x.args[1]
    filled = x.op is broadcast and x.args[0].ndim == 0 and value_of(x) != 1
    return (x.args[0], fill(1, x.shape)) if filled else None


@rule("diag(a) (diag(b) X) = diag(a * b) X", "hadamard", ends="smaller products")
def rows_scaled_twice(node: Node) -> Node | None:
    for outside, inside in (node.args, tuple(reversed(node.args))):
        if outside.op is not broadcast or inside.op is not hadamard:
            continue
        for a, rest in (inside.args, tuple(reversed(inside.args))):
            if a.op is broadcast and a.params == outside.params:
                merged = broadcast(hadamard(outside.args[0], a.args[0]), **a.params)
                return hadamard(merged, rest)
    return None
