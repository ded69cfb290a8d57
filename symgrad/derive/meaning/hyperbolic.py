"""Sigmoid and the hyperbolic functions."""

from __future__ import annotations

import sympy

from symgrad.core.op import Node, value_of
from symgrad.derive.meaning.cancellation import one_and
from symgrad.derive.meaning.exponentials import exponent, reciprocal_of
from symgrad.derive.meaning.table import means, recognise
from symgrad.ops.activation import sigmoid
from symgrad.ops.arithmetic import HALF, add, coefficient, multiply, subtract
from symgrad.ops.broadcasting import fill
from symgrad.ops.elementwise import (
    cosh,
    exp,
    log_cosh,
    sinh,
    tanh,
)
from symgrad.ops.powers import quotient

_ONE, _TWO = sympy.S.One, sympy.Integer(2)


@means("1 / (1 + exp(-x))", "sigmoid(x)", "power")
def sigmoid_as_reciprocal(node: Node) -> Node | None:
    if node.params["exponent"] != -1:
        return None
    u = _one_plus_exp(node.args[0])
    return None if u is None else sigmoid(-u)


def _one_plus_exp(x: Node) -> Node | None:
    """u where x is 1 + exp(u)."""
    if x.op is not add or len(x.args) != 2:
        return None
    for one, other in (x.args, reversed(x.args)):
        if value_of(one) == 1 and other.op is exp:
            return other.args[0]
    return None


@means("x / (1 + exp(-u))", "x sigmoid(u)", "divide")
def quotient_by_one_plus_exp(node: Node) -> Node | None:
    u = _one_plus_exp(node.args[1])
    return None if u is None else recognise(multiply(node.args[0], sigmoid(-u)))


@means("exp(x) sigmoid(-x)", "sigmoid(x)", "scale", "hadamard")
def sigmoid_as_quotient(node: Node) -> Node | None:
    for one, other in (node.args, reversed(node.args)):
        if one.op is exp and other.op is sigmoid and one.args[0] is -other.args[0]:
            return sigmoid(one.args[0])
    return None


@means("1 - sigmoid(x)", "sigmoid(-x)", "add")
def one_minus_sigmoid(node: Node) -> Node | None:
    found = one_and(node)
    return sigmoid(-found[1].args[0]) if found is not None and found[1].op is sigmoid and found[0] == -1 else None


@means("sigmoid(x) - 1 / 2", "tanh(x / 2) / 2", "add")
def centred_sigmoid(node: Node) -> Node | None:
    if len(node.args) != 2:
        return None
    for one, other in (node.args, tuple(reversed(node.args))):
        number, s = coefficient(other)
        if s.op is sigmoid and value_of(one) == -number / 2:
            return multiply(number / 2, tanh(multiply(HALF, s.args[0])))
    return None


@means("1 / cosh(x)", "exp(-log cosh x)", "power")
def power_of_cosh(node: Node) -> Node | None:
    (x,), p = node.args, node.params["exponent"]
    return exp(multiply(p, log_cosh(x.args[0]))) if x.op is cosh and p.is_negative else None


@means("sinh(x) / cosh(x)", "tanh(x)", "scale", "hadamard", "divide")
def quotient_of_hyperbolics(node: Node) -> Node | None:
    if node.op is quotient:
        f, g = node.args
        return tanh(f.args[0]) if f.op is sinh and g.op is cosh and f.args == g.args else None
    for f, g in (node.args, tuple(reversed(node.args))):
        if f.op is sinh and g.op is exp and g.args[0] is -log_cosh(f.args[0]):
            return tanh(f.args[0])
    return None


@means("(exp(a) - exp(b)) / (exp(a) + exp(b))", "tanh((a - b) / 2)", "scale", "divide")
def tanh_as_quotient(node: Node) -> Node | None:
    top, bottom = node.args if node.op is quotient else (node.args[1], reciprocal_of(node.args[0]))
    if bottom is None or top.op is not add or bottom.op is not add or len(top.args) != 2 or len(bottom.args) != 2:
        return None
    (p, a), (q, b) = (coefficient(t) for t in top.args)
    if {p, q} != {_ONE, -_ONE} or {a, b} != set(bottom.args):
        return None
    u, v = (fill(0, x.shape) if value_of(x) == 1 else exponent(x) for x in ((a, b) if p == 1 else (b, a)))
    return None if u is None or v is None else tanh(multiply(HALF, subtract(u, v)))


@means("log(cosh(x))", "log cosh as one function", "log")
def log_of_cosh(node: Node) -> Node | None:
    return log_cosh(node.args[0].args[0]) if node.args[0].op is cosh else None
