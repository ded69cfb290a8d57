"""Rational functions whose derivatives are differences of nearly equal quotients, or overflow on the way."""

from __future__ import annotations

import sympy

from symgrad.core.op import OPERATORS, Node, value_of
from symgrad.derive.meaning.exponentials import reciprocal_of
from symgrad.derive.meaning.table import means
from symgrad.ops.arithmetic import add, coefficient, multiply
from symgrad.ops.broadcasting import fill
from symgrad.ops.elementwise import absolute, exp, hypot
from symgrad.ops.powers import power, quotient
from symgrad.ops.saturating import saturation, slant, softsign

_ONE, _TWO = sympy.S.One, sympy.Integer(2)


def _number_and(x: Node) -> tuple[sympy.Expr, sympy.Expr, Node] | None:
    """(a, b, y) where x is a + b y, a a positive number."""
    if x.op is not add or len(x.args) != 2:
        return None
    for one, other in (x.args, tuple(reversed(x.args))):
        a = value_of(one)
        if a is not None and a.is_positive and value_of(other) is None:
            return a, *coefficient(other)
    return None


def _root_of(y: Node) -> Node | None:
    return y.args[0] if y.op is power and y.params["exponent"] == 2 else None


def _sides(node: Node) -> list[tuple[Node, Node]]:
    """Numerator and denominator, where the node is a quotient of two."""
    if node.op is quotient:
        return [(node.args[0], node.args[1])]
    pairs = (node.args, tuple(reversed(node.args)))
    return [(f, d) for c, f in pairs if (d := reciprocal_of(c)) is not None]


@means("(a + b x^2)^p with p < 0", "hypot(sqrt(a), sqrt(b) x)^(2 p)", "power")
def power_of_square_and_number(node: Node) -> Node | None:
    p, found = node.params["exponent"], _number_and(node.args[0])
    if found is None or not p.is_negative or (x := _root_of(found[2])) is None or not found[1].is_positive:
        return None
    a, b, _ = found
    return power(hypot(fill(sympy.sqrt(a), x.shape), multiply(sympy.sqrt(b), x)), exponent=2 * p)


@means("x / sqrt(a + b x^2)", "x over its hypotenuse, one function", "scale", "hadamard", "divide")
def over_hypotenuse(node: Node) -> Node | None:
    for f, d in _sides(node):
        c, x = coefficient(f)
        if d.op is hypot and value_of(x) is None:
            for leg, other in (d.args, tuple(reversed(d.args))):
                (a, (b, y)) = value_of(leg), coefficient(other)
                if a is not None and a.is_positive and y is x:
                    return multiply(c / b, slant(multiply(b / a, x)))
    return None


@means("x^2 / (a + b x^2)", "the square of x over its hypotenuse", "scale", "hadamard", "divide")
def square_over_square_and_number(node: Node) -> Node | None:
    for f, d in _sides(node):
        (c, y), found = coefficient(f), _number_and(d)
        if found is not None and found[2] is y and found[1].is_positive and (x := _root_of(y)) is not None:
            a, b, _ = found
            return multiply(c / b, power(slant(multiply(sympy.sqrt(b / a), x)), exponent=_TWO))
    for f, d in (node.args, tuple(reversed(node.args))):
        c, y = coefficient(f)
        if d.op is power and d.params["exponent"] == -2 and d.args[0].op is hypot and (x := _root_of(y)) is not None:
            inner = over_hypotenuse(OPERATORS["divide"](x, d.args[0]))
            return None if inner is None else multiply(c, power(inner, exponent=_TWO))
    return None


@means("1 - 1 / (1 + x^2)", "x^2 / (1 + x^2)", "add")
def complement_of_square(node: Node) -> Node | None:
    if len(node.args) != 2:
        return None
    for one, other in (node.args, tuple(reversed(node.args))):
        c, y = coefficient(other)
        if y.op is power and y.params["exponent"] == -2 and y.args[0].op is hypot and value_of(one) == -c:
            legs = [v for a in y.args[0].args if (v := value_of(a)) is not None]
            rest = [a for a in y.args[0].args if value_of(a) is None]
            if legs == [_ONE] and len(rest) == 1:
                return multiply(-c, power(slant(rest[0]), exponent=_TWO))
    return None


@means("x / (a + b x), x / (a + b |x|)", "one function that saturates", "scale", "hadamard", "divide")
def saturating_quotient(node: Node) -> Node | None:
    for f, d in _sides(node):
        (c, x), found = coefficient(f), _number_and(d)
        if found is None or value_of(x) is not None or not found[1].is_positive or x.op is exp:
            continue
        a, b, y = found
        if y is x and y.op is not power:
            return multiply(c / b, saturation(multiply(b / a, x)))
        if y.op is absolute and y.args[0] is x:
            return multiply(c / b, softsign(multiply(b / a, x)))
    return None


@means("1 / x - 1 / (x + a)", "a / (x (x + a))", "add")
def difference_of_reciprocals(node: Node) -> Node | None:
    if len(node.args) != 2:
        return None
    for first, second in (node.args, tuple(reversed(node.args))):
        (c, f), (k, g) = coefficient(first), coefficient(second)
        x, y = reciprocal_of(f), reciprocal_of(g)
        if x is None or y is None or k != -c:
            continue
        found = _number_and(y)
        if found is not None and found[1] == 1 and found[2] is x:
            return multiply(c * found[0], multiply(f, g))
    return None
