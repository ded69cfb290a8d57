"""Logarithms of exponentials, and quotients of them."""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from symgrad.core.op import OPERATORS, Node, constant, value_of
from symgrad.derive.meaning.table import means
from symgrad.ops.activation import logaddexp, sigmoid, softplus
from symgrad.ops.arithmetic import add, coefficient, multiply, scalar_product, scale, subtract
from symgrad.ops.broadcasting import broadcast, fill, sum_
from symgrad.ops.elementwise import (
    exp,
    expm1,
    log,
)
from symgrad.ops.norm import direction, norm
from symgrad.ops.powers import power, quotient
from symgrad.ops.reduction import logsumexp, softmax, spread


def exponent(node: Node) -> Node | None:
    """u where the node is exp(u): exponentials, their sums, products and powers."""
    if node.op is exp:
        return node.args[0]
    if node.op is sigmoid:
        return -softplus(-node.args[0])
    if node.op is softmax:
        return subtract(node.args[0], spread(logsumexp(node.args[0], **node.params), node, node.params["axes"]))
    if node.op is power:
        inner = exponent(node.args[0])
        return None if inner is None else multiply(node.params["exponent"], inner)
    if node.op is broadcast:
        inner = exponent(node.args[0])
        return None if inner is None else broadcast(inner, **node.params)
    return _exponent_of_sum(node)


def _exponent_of_sum(node: Node) -> Node | None:
    if node.op is sum_ and (inner := exponent(node.args[0])) is not None:
        return logsumexp(inner, axes=node.params["axes"])
    if node.op is not add or len(node.args) != 2:
        return None
    u, v = (fill(0, node.shape) if value_of(x) == 1 else exponent(x) for x in node.args)
    if u is None or v is None:
        return None
    return softplus(v) if value_of(u) == 0 else softplus(u) if value_of(v) == 0 else logaddexp(u, v)


@means("log(exp(a) / sum(exp(b)))", "a - logsumexp(b)", "log")
def log_of_exponential(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is scale and not x.ndim:
        number, factors, _ = scalar_product(x)
        parts = [exponent(f) for f in factors]
        if number.is_positive and parts and all(p is not None for p in parts):
            return OPERATORS["add"](*(p for p in parts if p is not None), sympy.log(number))
        return None
    if x.op is quotient and all(exponent(a) is not None for a in x.args):
        return subtract(exponent(x.args[0]), exponent(x.args[1]))
    return exponent(x)


@means("log1p(exp(x))", "softplus(x)", "log1p")
def log1p_of_exponential(node: Node) -> Node | None:
    number, x = coefficient(node.args[0])
    u = exponent(x)
    if u is None:
        return None
    return softplus(u) if number == 1 else log(-expm1(u)) if number == -1 else None


@means("log(exp(x) - 1)", "x + log(1 - exp(-x))", "log")
def log_of_expm1(node: Node) -> Node | None:
    (x,) = node.args
    return x.args[0] + log(-expm1(-x.args[0])) if x.op is expm1 else None


@means("softplus(x) - x", "softplus(-x)", "add")
def softplus_less_its_operand(node: Node) -> Node | None:
    for f in node.args:
        if len(node.args) == 2 and f.op is softplus and -f.args[0] in node.args:
            return softplus(-f.args[0])
    return None


@means("exp(a) / exp(b)", "exp(a - b)", "scale")
def quotient_of_exponentials(node: Node) -> Node | None:
    if node.ndim:
        return None
    number, factors, _ = scalar_product(node)
    known = [(f, u) for f in factors if (u := exponent(f)) is not None]
    if len(known) < 2 or not any(f.op is power for f, _ in known):
        return None
    rest = [f for f in factors if all(f is not k for k, _ in known)]
    return _product([constant(number), *rest, exp(OPERATORS["add"](*(u for _, u in known)))])


def _product(parts: Iterable[Node]) -> Node:
    first, *rest = parts
    for x in rest:
        first = multiply(first, x)
    return first


@means("exp(x) / sum(exp(x))", "softmax(x)", "divide")
def softmax_of_exponential(node: Node) -> Node | None:
    x, total = node.args
    if x.op is not exp or total.op is not broadcast:
        return None
    summed = tuple(a for a in range(x.ndim) if a not in total.params["axes"])
    while total.op is broadcast or (total.op is sum_ and all(total.args[0].shape[a] == 1 for a in total.params["axes"])):
        (total,) = total.args
    return softmax(x.args[0], axes=summed) if total is sum_(x, axes=summed) else None


@means("L(exp(x)) / sum(exp(x)), L(x) / ||x|| with L linear", "L(softmax(x)), L(the direction of x)", "scale")
def normalised_operand(node: Node) -> Node | None:
    number, factors, arrays = scalar_product(node)
    for d in factors:
        total = reciprocal_of(d)
        found = None if total is None else _normaliser(total)
        if found is None:
            continue
        for E in (*arrays, *factors):
            absorbed = None if E is d else _absorb(E, *found)
            if absorbed is not None:
                rest = [f for f in (*factors, *arrays) if f is not d and f is not E]
                return _product([constant(number), *rest, absorbed])
    return None


def _normaliser(total: Node) -> tuple[Node, Node] | None:
    """What a total divides, and the quotient: the exponentials of a sum, the vector of a norm."""
    if total.op is sum_ and total.args[0].op is exp and total.args[0].ndim == len(total.params["axes"]):
        return total.args[0], softmax(total.args[0].args[0], axes=total.params["axes"])
    if total.op is norm and total.args[0].ndim == len(total.params["axes"]):
        return total.args[0], direction(total.args[0], axes=total.params["axes"])
    return None


_LINEAR_IN: dict[str, tuple[int, ...]] = {"sum": (0,), "transpose": (0,), "reshape": (0,), "take": (0,), "scale": (1,)}
_LINEAR_IN |= {name: (0, 1) for name in ("hadamard", "dot", "matmul", "outer")}


def _absorb(E: Node, target: Node, quotient: Node) -> Node | None:
    """E with one factor `target` replaced, where E is linear in it."""
    if E is target:
        return quotient
    for i in _LINEAR_IN.get(E.op.name, ()):
        inner = _absorb(E.args[i], target, quotient)
        if inner is not None:
            return E.op(*E.args[:i], inner, *E.args[i + 1 :], **E.params)
    return None


def reciprocal_of(c: Node) -> Node | None:
    return c.args[0] if c.op is power and c.params["exponent"] == -1 else None


@means("softmax(x - c)", "softmax(x), c the same along the axes", "softmax", "logsumexp")
def shift_of_softmax(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op is not add:
        return None
    shifts = [t for t in x.args if (y := coefficient(t)[1]).op is broadcast and not set(y.params["axes"]) & set(axes)]
    rest = [t for t in x.args if t not in shifts]
    if not shifts or not rest:
        return None
    inner = node.op(add(*rest) if len(rest) > 1 else rest[0], axes=axes)
    if node.op is softmax:
        return inner
    return OPERATORS["add"](inner, *(_along(t, axes) for t in shifts))


def _along(shift: Node, axes: tuple[int, ...]) -> Node:
    """A shift that is the same along the axes, without them."""
    number, y = coefficient(shift)
    kept = [a for a in range(y.ndim) if a not in axes]
    shape = tuple(y.shape[a] for a in kept)
    return multiply(number, broadcast(y.args[0], shape=shape, axes=tuple(kept.index(a) for a in y.params["axes"])))
