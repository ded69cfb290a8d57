"""Lengths, spreads and determinants."""

from __future__ import annotations

import sympy

from symgrad.core.op import Node, value_of
from symgrad.derive.meaning.table import means
from symgrad.ops.arithmetic import add, coefficient, multiply, subtract
from symgrad.ops.broadcasting import broadcast, fill, sum_
from symgrad.ops.elementwise import (
    absolute,
    arcsinh,
    hypot,
)
from symgrad.ops.linalg import inv, logdet
from symgrad.ops.norm import norm
from symgrad.ops.polynomial import det
from symgrad.ops.powers import power
from symgrad.ops.product import dot
from symgrad.ops.reduction import spread

_ONE, _TWO = sympy.S.One, sympy.Integer(2)


def _square(x: Node) -> Node | None:
    """y where x is y^2."""
    number = value_of(x)
    if number is not None and number.is_positive:
        return fill(sympy.sqrt(number), x.shape)
    c, y = coefficient(x)
    if c.is_positive and y.op is power and y.params["exponent"] == 2:
        return multiply(sympy.sqrt(c), y.args[0])
    return None


@means("sqrt(sum(x^2))", "the norm of x", "power")
def norm_as_root(node: Node) -> Node | None:
    p, (x,) = node.params["exponent"], node.args
    if (2 * p) % 2 != 1:
        return None
    c, y = coefficient(x)
    if not c.is_positive:
        return None
    length = _length(y)
    return None if length is None else power(multiply(sympy.sqrt(c), length), exponent=2 * p)


def _length(y: Node) -> Node | None:
    if y.op is sum_ and y.args[0].op is power and y.args[0].params["exponent"] == 2:
        return norm(y.args[0].args[0], axes=y.params["axes"])
    if y.op is dot and y.args[0] is y.args[1]:
        return norm(y.args[0], axes=(0,))
    if y.op is power and y.params["exponent"] == 2:
        return absolute(y.args[0])
    if y.op is add and len(y.args) == 2 and (squares := [_square(t) for t in y.args]) and all(s is not None for s in squares):
        return hypot(*(s for s in squares if s is not None))
    if y.op is broadcast and (inner := _length(y.args[0])) is not None:
        return broadcast(inner, **y.params)
    return None


@means("log(x + sqrt(x^2 + 1))", "arsinh(x)", "log")
def log_as_arsinh(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is not add or len(x.args) != 2:
        return None
    for y, r in (x.args, tuple(reversed(x.args))):
        if r.op is hypot and y in r.args and any(value_of(a) == 1 for a in r.args):
            return arcsinh(y)
    return None


@means("mean(x^2) - mean(x)^2", "mean((x - mean(x))^2)", "add")
def variance_in_one_pass(node: Node) -> Node | None:
    if len(node.args) != 2:
        return None
    for first, second in (node.args, tuple(reversed(node.args))):
        (c, s), (m, q) = coefficient(first), coefficient(second)
        if s.op is not sum_ or s.args[0].op is not power or s.args[0].params["exponent"] != 2 or q.op is not power:
            continue
        x, axes = s.args[0].args[0], s.params["axes"]
        mean = multiply(c, sum_(x, axes=axes))
        if m == -1 and q is power(mean, exponent=_TWO) and c * sympy.Mul(*(x.shape[a] for a in axes)) == 1:
            return multiply(c, sum_(power(subtract(x, spread(mean, x, axes)), exponent=_TWO), axes=axes))
    return None


@means("log(det(A))", "log |det A|", "log")
def log_of_det(node: Node) -> Node | None:
    (x,) = node.args
    x = x.args[0] if x.op is absolute else x
    return logdet(x.args[0]) if x.op is det else None


@means("log |det A^-1|", "-log |det A|", "logdet")
def logdet_of_inverse(node: Node) -> Node | None:
    return -logdet(node.args[0].args[0]) if node.args[0].op is inv else None
