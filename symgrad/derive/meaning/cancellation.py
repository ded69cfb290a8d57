"""Differences and logarithms near zero."""

from __future__ import annotations

import sympy

from symgrad.core.op import OPERATORS, VARIABLE, Node, value_of
from symgrad.derive.meaning.exponentials import reciprocal_of
from symgrad.derive.meaning.table import means
from symgrad.ops.activation import ndtr, sigmoid
from symgrad.ops.arithmetic import HALF, add, coefficient, multiply, subtract
from symgrad.ops.broadcasting import fill
from symgrad.ops.elementwise import (
    arctan,
    cos,
    exp,
    expm1,
    log,
    log1p,
    log1p_square,
    sin,
    sinc,
    sinh,
    tan,
    tanh,
)
from symgrad.ops.powers import log_or_zero, power, quotient
from symgrad.ops.removable import removable

_ONE, _TWO = sympy.S.One, sympy.Integer(2)


def one_and(x: Node) -> tuple[sympy.Expr, Node] | None:
    """(c, y) where x is 1 + c y."""
    if x.op is not add or len(x.args) != 2:
        return None
    for one, other in (x.args, reversed(x.args)):
        if value_of(one) == 1:
            return coefficient(other)
    return None


@means("exp(x) - 1", "expm1(x)", "add")
def difference_from_one(node: Node) -> Node | None:
    for sign in (-_ONE, _ONE):
        rest = [coefficient(t) for t in node.args if value_of(t) != sign]
        if len(node.args) == 2 and len(rest) == 1 and rest[0][1].op is exp and rest[0][0] == -sign:
            return multiply(-sign, expm1(rest[0][1].args[0]))
    return None


@means("log(1 + x)", "log1p(x)", "log")
def log_of_one_plus(node: Node) -> Node | None:
    found = one_and(node.args[0])
    if found is None or found[1].op is sigmoid:
        return None
    number, y = found
    if number == 1 and y.op is power and y.params["exponent"] == 2:
        return log1p_square(y.args[0])
    return log1p(multiply(number, y))


@means("f(x) / x with f log1p, expm1, sinh, sin, tan, tanh, arctan", "one function, smooth at zero", "scale", "divide", "hadamard")
def removable_quotient(node: Node) -> Node | None:
    if node.op is quotient:
        pairs = [node.args]
    else:
        pairs = [(f, d) for c, f in (node.args, tuple(reversed(node.args))) if (d := reciprocal_of(c)) is not None]
    for f, x in pairs:
        smooth = _smooth_quotient(f, x)
        upside_down = None if smooth is not None else _smooth_quotient(x, f)
        if smooth is not None or upside_down is not None:
            return smooth if upside_down is None else power(upside_down, exponent=-_ONE)
    return None


def _smooth_quotient(f: Node, x: Node) -> Node | None:
    """f(c x) / x as c times a function that is smooth at zero."""
    if not f.args or x.op.name == "constant":
        return None
    c, y = coefficient(f.args[0])
    if y is not x:
        return None
    if f.op in (log1p, expm1, sinh, tan, tanh, arctan):
        return multiply(c, removable(f.args[0], function=f.op.name, order=0))
    return multiply(c, sinc(multiply(c / sympy.pi, x), order=0)) if f.op is sin else None


@means("sqrt(a) - sqrt(b)", "(a - b) / (sqrt(a) + sqrt(b)) where a - b is one number or name", "add")
def difference_of_roots(node: Node) -> Node | None:
    parts = [(c, _radicand(x)) for c, x in map(_valued, node.args)]
    if len(parts) != 2 or {c for c, _ in parts} != {_ONE, -_ONE} or any(a is None for _, a in parts):
        return None
    (p, a), (_, b) = parts
    a, b = (a, b) if p == 1 else (b, a)
    difference = subtract(a, b)
    if value_of(difference) is None and difference.op is not VARIABLE:
        return None
    return OPERATORS["divide"](difference, OPERATORS["add"](power(a, exponent=HALF), power(b, exponent=HALF)))


def _valued(x: Node) -> tuple[sympy.Expr, Node]:
    """A term as its sign and the rest; a number is its sign and its size."""
    value = value_of(x)
    if value is None or not value.is_Rational:
        return coefficient(x)
    return sympy.sign(value), fill(abs(value), x.shape)


def _radicand(x: Node) -> Node | None:
    """a where x is the square root of a."""
    value = value_of(x)
    if value is not None:
        return fill(value**2, x.shape)
    return x.args[0] if x.op is power and x.params["exponent"] == HALF else None


@means("log(x + 1) - log(x)", "log1p(1 / x)", "add")
def difference_of_logs(node: Node) -> Node | None:
    if len(node.args) != 2:
        return None
    for one, other in (node.args, tuple(reversed(node.args))):
        number, f = coefficient(other)
        if number == -1 and f.op is log and one.op is log1p and one.args[0] is f.args[0]:
            return log1p(power(f.args[0], exponent=-_ONE))
    return None


@means("(1 - cos x) / x^2", "sinc(x / 2)^2 / 2, and x times that for one x below", "scale", "divide", "hadamard")
def versine_quotient(node: Node) -> Node | None:
    for f, d in (node.args, tuple(reversed(node.args))):
        bottom = d if node.op is quotient else power(d.args[0], exponent=-d.params["exponent"]) if d.op is power else None
        if bottom is None:
            continue
        squared = bottom.op is power and bottom.params["exponent"] == 2
        x, found = bottom.args[0] if squared else bottom, one_and(f)
        if found is not None and found[0] == -1 and found[1].op is cos and found[1].args[0] is x:
            half = multiply(HALF, sinc(multiply(1 / (2 * sympy.pi), x), order=0) ** 2)
            return half if squared else multiply(x, half)
    return None


@means("x^k log(x)", "0 at 0", "scale", "hadamard")
def power_times_log(node: Node) -> Node | None:
    for p, f in (node.args, tuple(reversed(node.args))):
        if p.op is power and f.op is log and p.args[0] is f.args[0] and p.params["exponent"].is_positive:
            return multiply(p, log_or_zero(f.args[0]))
    return None


@means("(1 + erf(x / sqrt 2)) / 2", "Phi(x)", "scale", "add")
def normal_distribution(node: Node) -> Node | None:
    found = one_and(node)
    if found is None or found[1].op.name != "erf" or abs(found[0]) != 1:
        return None
    return multiply(2, ndtr(multiply(found[0] * sympy.sqrt(2), found[1].args[0])))
