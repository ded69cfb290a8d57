"""Recognise what a formula means, so that its derivatives neither cancel nor overflow.

Each entry is an identity, used on the forward pass before it is differentiated: log(1 + exp x) is softplus, sqrt(sum x^2) a norm.
Only within one equation: what the author named stays as named, but for the logarithm of a named probability, which
`symgrad.probabilities` reads through.  The printed forward pass keeps the author's formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sympy

from symgrad.graph import rewrite
from symgrad.op import OPERATORS, VARIABLE, Node, constant, value_of
from symgrad.ops.activation import logaddexp, ndtr, sigmoid, softplus
from symgrad.ops.arithmetic import HALF, add, coefficient, multiply, scalar_product, scale, subtract
from symgrad.ops.broadcasting import broadcast, fill, sum_
from symgrad.ops.elementwise import (
    absolute,
    arcsinh,
    cos,
    cosh,
    exp,
    expm1,
    hypot,
    log,
    log1p,
    log1p_square,
    log_cosh,
    sin,
    sinc,
    sinh,
    tanh,
)
from symgrad.ops.linalg import inv, logdet
from symgrad.ops.norm import direction, norm
from symgrad.ops.polynomial import det
from symgrad.ops.powers import log_or_zero, power, quotient
from symgrad.ops.product import dot
from symgrad.ops.reduction import logsumexp, softmax, spread
from symgrad.ops.removable import removable

ONE, TWO = sympy.S.One, sympy.Integer(2)


@dataclass(frozen=True)
class Meaning:
    """`written` as typed, `meant` as differentiated."""

    written: str
    meant: str
    apply: Callable[[Node], Node | None]


MEANINGS: dict[str, list[Meaning]] = {}
"""By the operation at the root of what is written."""


def means(written: str, meant: str, *heads: str) -> Callable[[Callable[[Node], Node | None]], Callable[[Node], Node | None]]:
    def register(function: Callable[[Node], Node | None]) -> Callable[[Node], Node | None]:
        for head in heads:
            MEANINGS.setdefault(head, []).append(Meaning(written, meant, function))
        return function

    return register


def recognise(root: Node) -> Node:
    """The same value, in operations that know their stable derivatives."""
    return rewrite(root, _recognise_node)


def _recognise_node(node: Node) -> Node:
    for meaning in MEANINGS.get(node.op.name, ()):
        found = meaning.apply(node)
        if found is not None and found is not node:
            return recognise(found)
    return node


# logarithms of things that are exponentials ---------------------------------------------------------------------------------


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
        total = _denominator(d)
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


def _denominator(c: Node) -> Node | None:
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


# sigmoid and the hyperbolic functions ----------------------------------------------------------------------------------------


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
def complement_of_sigmoid(node: Node) -> Node | None:
    found = _one_and(node)
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
    top, bottom = node.args if node.op is quotient else (node.args[1], _denominator(node.args[0]))
    if bottom is None or top.op is not add or bottom.op is not add or len(top.args) != 2 or len(bottom.args) != 2:
        return None
    (p, a), (q, b) = (coefficient(t) for t in top.args)
    if {p, q} != {ONE, -ONE} or {a, b} != set(bottom.args):
        return None
    u, v = (fill(0, x.shape) if value_of(x) == 1 else exponent(x) for x in ((a, b) if p == 1 else (b, a)))
    return None if u is None or v is None else tanh(multiply(HALF, subtract(u, v)))


@means("log(cosh(x))", "log cosh as one function", "log")
def log_of_cosh(node: Node) -> Node | None:
    return log_cosh(node.args[0].args[0]) if node.args[0].op is cosh else None


# differences and logarithms near zero ----------------------------------------------------------------------------------------


def _one_and(x: Node) -> tuple[sympy.Expr, Node] | None:
    """(c, y) where x is 1 + c y."""
    if x.op is not add or len(x.args) != 2:
        return None
    for one, other in (x.args, reversed(x.args)):
        if value_of(one) == 1:
            return coefficient(other)
    return None


@means("exp(x) - 1", "expm1(x)", "add")
def difference_from_one(node: Node) -> Node | None:
    for sign in (-ONE, ONE):
        rest = [coefficient(t) for t in node.args if value_of(t) != sign]
        if len(node.args) == 2 and len(rest) == 1 and rest[0][1].op is exp and rest[0][0] == -sign:
            return multiply(-sign, expm1(rest[0][1].args[0]))
    return None


@means("log(1 + x)", "log1p(x)", "log")
def log_of_one_plus(node: Node) -> Node | None:
    found = _one_and(node.args[0])
    if found is None or found[1].op is sigmoid:
        return None
    number, y = found
    if number == 1 and y.op is power and y.params["exponent"] == 2:
        return log1p_square(y.args[0])
    return log1p(multiply(number, y))


@means("log1p(x) / x, expm1(x) / x, sinh(x) / x, sin(x) / x", "one function, smooth at zero", "scale", "divide", "hadamard")
def removable_quotient(node: Node) -> Node | None:
    if node.op is quotient:
        pairs = [node.args]
    else:
        pairs = [(f, d) for c, f in (node.args, tuple(reversed(node.args))) if (d := _denominator(c)) is not None]
    for f, x in pairs:
        smooth = _smooth_quotient(f, x)
        upside_down = None if smooth is not None else _smooth_quotient(x, f)
        if smooth is not None or upside_down is not None:
            return smooth if upside_down is None else power(upside_down, exponent=-ONE)
    return None


def _smooth_quotient(f: Node, x: Node) -> Node | None:
    """f(c x) / x as c times a function that is smooth at zero."""
    if not f.args or x.op.name == "constant":
        return None
    c, y = coefficient(f.args[0])
    if y is not x:
        return None
    if f.op in (log1p, expm1, sinh):
        return multiply(c, removable(f.args[0], function=f.op.name, order=0))
    return multiply(c, sinc(multiply(c / sympy.pi, x), order=0)) if f.op is sin else None


@means("sqrt(a) - sqrt(b)", "(a - b) / (sqrt(a) + sqrt(b)) where a - b is one number or name", "add")
def difference_of_roots(node: Node) -> Node | None:
    parts = [(c, _radicand(x)) for c, x in map(_valued, node.args)]
    if len(parts) != 2 or {c for c, _ in parts} != {ONE, -ONE} or any(a is None for _, a in parts):
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
            return log1p(power(f.args[0], exponent=-ONE))
    return None


@means("(1 - cos x) / x^2", "sinc(x / 2)^2 / 2, and x times that for one x below", "scale", "divide", "hadamard")
def versine_quotient(node: Node) -> Node | None:
    for f, d in (node.args, tuple(reversed(node.args))):
        bottom = d if node.op is quotient else power(d.args[0], exponent=-d.params["exponent"]) if d.op is power else None
        if bottom is None:
            continue
        squared = bottom.op is power and bottom.params["exponent"] == 2
        x, found = bottom.args[0] if squared else bottom, _one_and(f)
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
    found = _one_and(node)
    if found is None or found[1].op.name != "erf" or abs(found[0]) != 1:
        return None
    return multiply(2, ndtr(multiply(found[0] * sympy.sqrt(2), found[1].args[0])))


# lengths -------------------------------------------------------------------------------------------------------------------------


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
        if m == -1 and q is power(mean, exponent=TWO) and c * sympy.Mul(*(x.shape[a] for a in axes)) == 1:
            return multiply(c, sum_(power(subtract(x, spread(mean, x, axes)), exponent=TWO), axes=axes))
    return None


# determinants ---------------------------------------------------------------------------------------------------------------------


@means("log(det(A))", "log |det A|", "log")
def log_of_det(node: Node) -> Node | None:
    (x,) = node.args
    x = x.args[0] if x.op is absolute else x
    return logdet(x.args[0]) if x.op is det else None


@means("log |det A^-1|", "-log |det A|", "logdet")
def logdet_of_inverse(node: Node) -> Node | None:
    return -logdet(node.args[0].args[0]) if node.args[0].op is inv else None
