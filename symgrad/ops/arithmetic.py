"""Sums, scalar multiples, Hadamard products, quotients and powers, with NumPy's broadcasting on top."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.errors import ShapeError, UnsupportedError
from symgrad.op import (
    ATOM,
    CHAIN,
    CONSTANT,
    OPERATORS,
    POWER,
    PRODUCT,
    SUM,
    VARIABLE,
    Node,
    Op,
    Shape,
    as_node,
    bilinear,
    constant,
    elementwise,
    is_zero,
    on,
    same_shape,
    show_shape,
    size,
    value_of,
    zeros,
)
from symgrad.ops.broadcasting import align, fill, sum_
from symgrad.source import value_source

HALF = sympy.Rational(1, 2)


# add ------------------------------------------------------------------------------------------------------------------


def coefficient(X: Node) -> tuple[sympy.Expr, Node]:
    """X as a number times the rest."""
    if X.op.name == "scale" and X.args[0].op is CONSTANT:
        return X.args[0].params["value"], X.args[1]
    return sympy.S.One, X


def _fold_add(*operands: Node) -> Node | None:
    """Flatten, drop zeros, add numbers, merge terms that differ by a number alone."""
    shape = same_shape(*operands)
    flat = [inner for X in operands for inner in (X.args if X.op.name == "add" else (X,))]
    one = fill(1, shape)
    merged: dict[Node, sympy.Expr] = {}
    for X in flat:
        value = value_of(X)
        number, rest = coefficient(X) if value is None else (value, one)
        merged[rest] = merged.get(rest, sympy.S.Zero) + number
    terms = [scale(constant(number), rest) for rest, number in merged.items() if number != 0]
    if len(terms) < 2:
        return terms[0] if terms else zeros(shape)
    return None if tuple(terms) == operands else add.node(*terms)


def _add_latex(node: Node, show: Any) -> str:
    terms = [show.entry(t, SUM) for t in node.args]
    positive = next((i for i, t in enumerate(terms) if not t.startswith("-")), 0)
    terms.insert(0, terms.pop(positive))
    return terms[0] + "".join(f" - {t[1:].lstrip()}" if t.startswith("-") else f" + {t}" for t in terms[1:])


add = Op(
    "add",
    shape=same_shape,
    vjp=lambda Z, *rest: (rest[-1],) * (len(rest) - 1),
    jvp=lambda Z, *rest: add(*rest[len(rest) // 2 :]),
    latex=_add_latex,
    precedence=SUM,
    numpy=lambda node: " + ".join(f"{{{i}}}" for i in range(len(node.args))),
    flops=lambda *X: size(X[0]) * (len(X) - 1),
    samples=(on("m n", "m n"), on("n", "n", "n"), on("", "")),
    fold=_fold_add,
    spreads=True,
    found="The differential of a sum is the sum of the differentials.",
)


# scale ----------------------------------------------------------------------------------------------------------------


def _scale_shape(c: Node, X: Node) -> Shape:
    if c.ndim:
        raise ShapeError(f"a scalar multiple needs a scalar, got shape {show_shape(c.shape)}")
    return X.shape


def _fold_scale(c: Node, X: Node) -> Node | None:
    """0 X, 1 X, numbers multiplied and kept in front."""
    if is_zero(c) or is_zero(X):
        return zeros(X.shape)
    if X.op is CONSTANT and c.op is not CONSTANT:
        return scale(X, c)
    if c.op is not CONSTANT:
        number, rest = coefficient(c)
        if rest is not c:
            return scale(constant(number), scale(rest, X))
        number, rest = coefficient(X)
        return None if rest is X else scale(constant(number), scale(c, rest))
    number = c.params["value"]
    if number == 1:
        return X
    filled, (inner_number, rest) = value_of(X), coefficient(X)
    if filled is not None and (number * filled).is_finite:
        return fill(number * filled, X.shape)
    return None if rest is X else scale(constant(number * inner_number), rest)


def scalar_product(node: Node) -> tuple[sympy.Expr, list[Node], list[Node]]:
    """A nest of scalar multiples as a number, the other scalar factors, and the array they multiply (none for a scalar)."""
    number, factors, arrays = sympy.S.One, [], []
    stack = [node]
    while stack:
        X = stack.pop()
        if X.op is scale:
            stack.extend((X.args[1], X.args[0]))
        elif X.op is CONSTANT:
            number *= X.params["value"]
        else:
            (arrays if X.ndim else factors).append(X)
    return number, factors, arrays


def _denominator(X: Node) -> Node | None:
    """Y where X is the scalar 1 / Y."""
    if X.op is power and X.params["exponent"].is_negative:
        return power(X.args[0], exponent=-X.params["exponent"])
    return None


def _scale_latex(node: Node, show: Any) -> Any:
    number, factors, arrays = scalar_product(node)
    sign = "-" if number.could_extract_minus_sign() else ""
    below = [d for f in factors if (d := _denominator(f)) is not None]
    above = [f for f in factors if _denominator(f) is None]
    if below:
        return sign + show.fraction(abs(number) if number.is_Rational else (-number if sign else number), above + arrays, below)
    letters = [f for f in above if f.op is VARIABLE]
    rest = [f for f in above if f.op is not VARIABLE] + arrays
    if not rest:
        letters, rest = [], letters
    front = show.fraction(-number if sign else number, letters, [])
    if not front and len(rest) == 1:
        return sign + show(rest[0], PRODUCT), PRODUCT
    return " ".join(filter(None, [sign + front, *(show.factors(rest, 1) if front or len(rest) > 1 else [show(rest[0], CHAIN)])]))


def _scale_numpy(node: Node) -> str:
    c, _ = node.args
    if c.op is not CONSTANT:
        return "{0} * {1}"
    number = c.params["value"]
    if number.could_extract_minus_sign():
        return "-{1}" if number == -1 else f"-({value_source(-number)} * {{1}})"
    over, under = number.as_numer_denom()
    return f"{{1}} / {value_source(under)}" if over == 1 and not number.is_Rational else f"{value_source(number)} * {{1}}"


def inner(X: Node, Y: Node) -> Node:
    """The inner product of two arrays of one shape: the sum of the products of their entries."""
    return sum_(multiply(X, Y), axes=tuple(range(X.ndim)))


scale = Op(
    "scale",
    shape=_scale_shape,
    vjp=lambda Z, c, X, Z_bar: (inner(X, Z_bar), scale(c, Z_bar)),
    jvp=lambda Z, c, X, c_dot, X_dot: plus(scale(c_dot, X), scale(c, X_dot)),
    latex=_scale_latex,
    precedence=CHAIN,
    numpy=_scale_numpy,
    flops=lambda c, X: size(X),
    samples=(on("", "m n"), on("", "n"), on("", "")),
    fold=_fold_scale,
    spreads=True,
    found="d(c X) = dc X + c dX; <G, dc X> = dc <G, X>.",
)


# Hadamard product and quotient ----------------------------------------------------------------------------------------


def _fold_hadamard(X: Node, Y: Node) -> Node | None:
    """A scalar spread over the array is a scalar multiple."""
    for one, other in ((X, Y), (Y, X)):
        if one.ndim == 0:
            return scale(one, other)
        if one.op.name == "broadcast" and one.args[0].ndim == 0:
            return scale(one.args[0], other)
    return None


def _hadamard_latex(node: Node, show: Any) -> str:
    X, Y = node.args
    for one, other in ((Y, X), (X, Y)):
        if other.ndim == 2 and one.op.name == "broadcast" and one.args[0].ndim == 1:
            diagonal = rf"\operatorname{{diag}}({show(one.args[0], 0)})"
            factors = [show(other, CHAIN), diagonal] if one.params["axes"] == (1,) else [diagonal, show(other, CHAIN)]
            return " ".join(factors)
    return rf"{show(X, PRODUCT)} \odot {show(Y, PRODUCT)}"


hadamard = bilinear(
    "hadamard",
    shape=same_shape,
    vjp=lambda Z, X, Y, Z_bar: (multiply(Z_bar, Y), multiply(X, Z_bar)),
    latex=_hadamard_latex,
    precedence=PRODUCT,
    numpy="{0} * {1}",
    flops=lambda X, Y: size(X),
    samples=(on("m n", "m n"), on("n", "n")),
    fold=_fold_hadamard,
    spreads=True,
    found="d(X * Y) = dX * Y + X * dY entry by entry; <G, dX * Y> = <G * Y, dX>.",
)



def _fold_quotient(X: Node, Y: Node) -> Node | None:
    """Zero over anything is zero, one over Y a power, and scalar factors come to the front."""
    if is_zero(X):
        return X
    if (value := value_of(X)) is not None:
        return multiply(value, power(Y, exponent=sympy.S.NegativeOne))
    if X.op is scale:
        return scale(X.args[0], quotient(X.args[1], Y))
    if Y.op.name == "broadcast" and Y.args[0].ndim == 0:
        return divide(X, Y.args[0])
    return None


quotient = elementwise(
    "divide",
    lambda Z, X, Y: (power(Y, exponent=sympy.S.NegativeOne), -divide(Z, Y)),
    latex=lambda node, show: rf"{show.entry(node.args[0], PRODUCT)} \oslash {show.entry(node.args[1], POWER)}",
    precedence=PRODUCT,
    numpy="{0} / {1}",
    scalar=lambda x, y: x / y,
    fold=_fold_quotient,
    samples=(on("m n", "m n | positive"), on("n", "n | positive")),
    spreads=True,
    found="d(x / y) = dx / y - (x / y) dy / y.",
    limits="Where the divisor is zero.",
)


# powers ---------------------------------------------------------------------------------------------------------------


def _fold_power(X: Node, exponent: sympy.Expr) -> Node | None:
    if exponent == 1:
        return X
    if exponent == 0:
        return fill(1, X.shape)
    value = value_of(X)
    if value is None or (value == 0 and exponent.is_negative) or (value.is_negative and not exponent.is_Integer):
        return None
    return fill(bounded_power(value, exponent), X.shape)


def bounded_power(value: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """value ** exponent, refused where float64 could not hold it."""
    if value.is_Rational and exponent.is_Rational and value not in (0, 1, -1):
        digits = max(abs(value.p), value.q).bit_length() * abs(exponent)
        if digits > 2048:
            raise UnsupportedError(f"the number {value} ** {exponent} is beyond float64")
    return value**exponent


def _power_latex(node: Node, show: Any) -> str:
    (x,), p = node.args, node.params["exponent"]
    if p == HALF:
        return rf"\sqrt{{{show(x, 0)}}}"
    if p.is_negative and x.ndim == 0:
        return show.fraction(sympy.S.One, [], [power(x, exponent=-p)])
    if x.op.name == "dot" and x.args[0] is x.args[1]:
        return f"{show.norm(x.args[0])}^{{{show.number(2 * p)}}}"
    hadamard_mark = r"\odot " if x.ndim else ""
    return f"{show(x, ATOM)}^{{{hadamard_mark}{show.number(p)}}}"


def _power_numpy(node: Node) -> str:
    p = node.params["exponent"]
    if p == HALF:
        return "np.sqrt({0})"
    if p == -HALF:
        return "1 / np.sqrt({0})"
    if p.is_Integer and p.is_negative:
        return "1 / {0}" if p == -1 else f"1 / {{0}} ** {-p}"
    return f"{{0}} ** {value_source(p)}"


def _power_partial(Z: Node, X: Node, exponent: sympy.Expr) -> tuple[Node]:
    if exponent == HALF:
        return (divide(HALF, Z),)
    return (multiply(exponent, power(X, exponent=exponent - 1)),)


def exponents(*values: sympy.Expr) -> tuple[Any, ...]:
    return tuple(on(shape, exponent=p) for p in values for shape in ("m n | positive", " | positive"))


power = elementwise(
    "power",
    _power_partial,
    latex=_power_latex,
    precedence=POWER,
    numpy=_power_numpy,
    scalar=lambda x, exponent: x**exponent,
    samples=exponents(sympy.Integer(2), sympy.Integer(3), HALF, -sympy.S.One, -HALF, sympy.Rational(17, 10)),
    fold=_fold_power,
    found="d(x^p) = p x^(p-1) dx; the square root reads its own output, dx / (2 sqrt x).",
    limits="At zero where p < 1; on negative numbers where p is no integer.",
)


def _exponential_partials(Z: Node, X: Node, Y: Node) -> tuple[Node, Node]:
    return multiply(Y, exponential(X, subtract(Y, fill(1, Y.shape)))), multiply(Z, log_or_zero(X))


exponential = elementwise(
    "pow",
    _exponential_partials,
    latex=lambda node, show: f"{show(node.args[0], ATOM)}^{{{show(node.args[1], 0)}}}",
    precedence=POWER,
    numpy="{0} ** {1}",
    scalar=lambda x, y: x**y,
    samples=(on("m n | positive", "m n"), on(" | positive", "")),
    spreads=True,
    found="x^y = exp(y log x): d = y x^(y-1) dx + x^y log(x) dy, and log 0 counts as 0 as in jax.",
    limits="On negative bases.",
)

log_or_zero = elementwise(
    "log_or_zero",
    lambda Z, X: (multiply(power(X, exponent=-sympy.S.One), constant(1)),),
    latex=r"\log(#1)",
    numpy="np.log(np.where({0} == 0, 1.0, {0}))",
    scalar=sympy.log,
    samples=(on("m n | positive"), on(" | positive")),
    found="The logarithm, with 0 at 0 so that 0 * log 0 is 0.",
)


# NumPy's operators ----------------------------------------------------------------------------------------------------


def plus(*operands: Any) -> Node:
    return add(*align(*operands))


def negative(X: Any) -> Node:
    return scale(sympy.S.NegativeOne, as_node(X))


def subtract(X: Any, Y: Any) -> Node:
    return plus(X, negative(Y))


def multiply(X: Any, Y: Any) -> Node:
    X, Y = as_node(X), as_node(Y)
    if X.ndim == 0:
        return scale(X, Y)
    return scale(Y, X) if Y.ndim == 0 else hadamard(*align(X, Y))


def divide(X: Any, Y: Any) -> Node:
    X, Y = as_node(X), as_node(Y)
    if Y.ndim == 0:
        return scale(power(Y, exponent=sympy.S.NegativeOne), X)
    return quotient(*align(X, Y))


def raise_to(X: Any, Y: Any) -> Node:
    X, Y = as_node(X), as_node(Y)
    if Y.op is CONSTANT:
        return power(X, exponent=Y.params["value"])
    return exponential(*align(X, Y))


OPERATORS.update(add=plus, subtract=subtract, multiply=multiply, divide=divide, power=raise_to, negative=negative)
