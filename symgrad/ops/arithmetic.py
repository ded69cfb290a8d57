"""Sums, scalar multiples and Hadamard products, with NumPy's broadcasting on top."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.builders import bilinear
from symgrad.core.op import (
    CHAIN,
    CONSTANT,
    OPERATORS,
    PRODUCT,
    QUOTIENT,
    SUM,
    VARIABLE,
    Node,
    Op,
    Shape,
    as_node,
    constant,
    is_zero,
    on,
    same_shape,
    show_shape,
    size,
    value_of,
    zeros,
)
from symgrad.core.signature import contraction, each, entrywise, letters, together
from symgrad.core.source import is_minus, value_source
from symgrad.errors import ShapeError
from symgrad.ops.broadcasting import align, fill, sum_

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
        merged[rest] = merged[rest] + number if rest in merged else number
    terms = [rest if number is sympy.S.One else scale(constant(number), rest) for rest, number in merged.items() if number != 0]
    if len(terms) < 2:
        return terms[0] if terms else zeros(shape)
    return None if tuple(terms) == operands else add.node(*terms)


def _add_latex(node: Node, show: Any) -> str:
    terms = [show.entry(t, SUM) for t in node.args]
    positive = next((i for i, t in enumerate(terms) if not t.startswith("-")), 0)
    terms.insert(0, terms.pop(positive))
    return terms[0] + "".join(f" - {t[1:].lstrip()}" if t.startswith("-") else f" + {t}" for t in terms[1:])


def _negative(node: Node) -> bool:
    value = value_of(node)
    number = scalar_product(node)[0] if value is None and node.op is scale else value
    return number is not None and is_minus(number)


def _add_length(node: Node, count: Any) -> int:
    """A minus that makes a subtraction is none of its own."""
    signs = [_negative(t) and value_of(t) is None for t in node.args]
    return len(node.args) - 1 + sum(count.entry(t) - sign for t, sign in zip(node.args, signs, strict=True)) + all(signs)


def _signed(node: Node, line: Any) -> tuple[str, str]:
    """Minus, or nothing, and the text without it."""
    if node.op is scale:
        number, factors, arrays = scalar_product(node)
        if is_minus(number):
            return "-", _multiples(-number, factors, arrays, line)
        return "", _multiples(number, factors, arrays, line)
    value = value_of(node)
    if value is not None and is_minus(value):
        return "-", line.number(-value)
    return "", line.entry(node)


def _add_python(node: Node, line: Any) -> str:
    """The first term without a minus stands in front."""
    terms = [_signed(t, line) for t in node.args]
    first = next((i for i, (sign, _) in enumerate(terms) if not sign), 0)
    sign, text = terms.pop(first)
    return f"({sign}{text}" + "".join(f" {minus or '+'} {other}" for minus, other in terms) + ")"


add: Op = Op(
    "add",
    shape=same_shape,
    vjp=lambda Z, *rest: (rest[-1],) * (len(rest) - 1),
    jvp=lambda Z, *rest: add(*rest[len(rest) // 2 :]),
    axes=lambda node: entrywise(node, together(node.args), partial=True),
    latex=_add_latex,
    python=_add_python,
    length=_add_length,
    sympy=lambda node, *x: sympy.MatAdd(*x) if node.ndim else sympy.Add(*x),
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
    number: sympy.Expr = sympy.S.One
    factors: list[Node] = []
    arrays: list[Node] = []
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


def denominator(X: Node) -> Node | None:
    """Y where X is the scalar 1 / Y."""
    if X.op.name == "power" and X.params["exponent"].is_negative:
        return X.op(X.args[0], exponent=-X.params["exponent"])
    return None


def _scale_latex(node: Node, show: Any) -> Any:
    number, factors, arrays = scalar_product(node)
    sign = "-" if is_minus(number) else ""
    below = [d for f in factors if (d := denominator(f)) is not None]
    above = [f for f in factors if denominator(f) is None]
    if below:
        ones = [X for X in arrays if value_of(X) is not None]
        over = above if ones else above + arrays
        front = show.fraction(abs(number) if number.is_Rational else (-number if sign else number), over, below)
        return sign + " ".join([front, *map(show.factor, ones)])
    letters = [f for f in above if f.op is VARIABLE]
    rest = [f for f in above if f.op is not VARIABLE] + arrays
    if not rest:
        letters, rest = [], letters
    front = show.fraction(-number if sign else number, letters, [])
    if not front and len(rest) == 1:
        return sign + show(rest[0], QUOTIENT), QUOTIENT
    return sign + show.side_by_side([*filter(None, [front]), *show.factors(rest, 1)])


def _multiples(number: sympy.Expr, factors: list[Node], arrays: list[Node], line: Any) -> str:
    """A number times factors, those that are reciprocals below the line."""
    below = [line(d) for f in factors if (d := denominator(f)) is not None]
    above = [line(f) for f in factors if denominator(f) is None] + [line(a) for a in arrays]
    over, under = number.as_numer_denom() if below and number.is_Rational else (number, sympy.S.One)
    front = [line.number(over)] if over != 1 or not above else []
    bottom = ([line.number(under)] if under != 1 else []) + below
    top = _beside(front + above)
    return f"({top} / {_beside(bottom)})" if bottom else top


def _beside(factors: list[str]) -> str:
    return f"({' * '.join(factors)})" if len(factors) > 1 else factors[0]


def _scale_python(node: Node, line: Any) -> str:
    sign, text = _signed(node, line)
    return f"(-{text})" if sign else text


def _scale_numpy(node: Node) -> str:
    c, _ = node.args
    if c.op is not CONSTANT:
        return "{0} * {1}"
    number = c.params["value"]
    if is_minus(number):
        return "-{1}" if number == -1 else f"-{value_source(-number)} * {{1}}"
    over, under = number.as_numer_denom()
    return f"{{1}} / {value_source(under)}" if over == 1 and not number.is_Rational else f"{value_source(number)} * {{1}}"


def _scale_length(node: Node, count: Any) -> int:
    number, factors, arrays = scalar_product(node)
    size = -number if is_minus(number) else number
    below = [f for f in factors if denominator(f) is not None]
    parts = len(factors) + len(arrays) + (size != 1)
    fraction = len(below) == parts
    inside = sum(count[x] - (x in below) for x in (*factors, *arrays)) + (0 if size.is_Rational else sympy.count_ops(size))
    return int(parts - 1 + fraction + inside + (size is not number))


def inner(X: Node, Y: Node) -> Node:
    """The inner product of two arrays of one shape: the sum of the products of their entries."""
    return sum_(multiply(X, Y), axes=tuple(range(X.ndim)))


scale: Op = Op(
    "scale",
    shape=_scale_shape,
    vjp=lambda Z, c, X, Z_bar: (inner(X, Z_bar), scale(c, Z_bar)),
    jvp=lambda Z, c, X, c_dot, X_dot: plus(scale(c_dot, X), scale(c, X_dot)),
    axes=lambda node: contraction(f",{letters(node)}->{letters(node)}"),
    latex=_scale_latex,
    python=_scale_python,
    length=_scale_length,
    sympy=lambda node, c, x: c * x,
    precedence=CHAIN,
    numpy=_scale_numpy,
    flops=lambda c, X: size(X),
    samples=(on("", "m n"), on("", "n"), on("", "")),
    fold=_fold_scale,
    spreads=True,
    found="d(c X) = dc X + c dX; <G, dc X> = dc <G, X>.",
)


# Hadamard product -----------------------------------------------------------------------------------------------------


def _fold_hadamard(X: Node, Y: Node) -> Node | None:
    """A scalar spread over the array is a scalar multiple."""
    for one, other in ((X, Y), (Y, X)):
        if one.ndim == 0:
            return scale(one, other)
        if one.op.name == "broadcast" and one.args[0].ndim == 0:
            return scale(one.args[0], other)
    return None


def _hadamard_latex(node: Node, show: Any) -> Any:
    X, Y = node.args
    copies = {x.params["axes"]: x.args[0] for x in node.args if x.op.name == "broadcast" and x.args[0].ndim == 1}
    if node.ndim == 2 and len(copies) == 2:
        return rf"{show(copies[0,], CHAIN)} {show.transposed(copies[1,])}", CHAIN
    for one, other in ((Y, X), (X, Y)):
        if other.ndim == 2 and one.op.name == "broadcast" and one.args[0].ndim == 1:
            diagonal = rf"\operatorname{{diag}}{show.argument(one.args[0])}"
            factors = [show(other, CHAIN), diagonal] if one.params["axes"] == (1,) else [diagonal, show(other, CHAIN)]
            return " ".join(factors), CHAIN
    return rf"{show.entrywise(X)} \odot {show.entrywise(Y)}"


def _hadamard_length(node: Node, count: Any) -> int:
    """A factor that is the same along rows or columns is printed as diag(x) beside a matrix."""
    x, y = node.args
    for one, other in ((y, x), (x, y)):
        if other.ndim == 2 and one.op.name == "broadcast" and one.args[0].ndim == 1:
            return int(count[one.args[0]] + count[other] + 2)
    return int(count.entry(x) + count.entry(y) + 1)


hadamard: Op = bilinear(
    "hadamard",
    shape=same_shape,
    vjp=lambda Z, X, Y, Z_bar: (multiply(Z_bar, Y), multiply(X, Z_bar)),
    axes=lambda node: entrywise(node, each(node.args), partial=True),
    latex=_hadamard_latex,
    python=lambda node, line: f"({line.entry(node.args[0])} * {line.entry(node.args[1])})",
    length=_hadamard_length,
    sympy=lambda node, x, y: sympy.HadamardProduct(x, y),
    precedence=PRODUCT,
    numpy="{0} * {1}",
    flops=lambda X, Y: size(X),
    samples=(on("m n", "m n"), on("n", "n")),
    fold=_fold_hadamard,
    spreads=True,
    found="d(X * Y) = dX * Y + X * dY entry by entry; <G, dX * Y> = <G * Y, dX>.",
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


OPERATORS.update(add=plus, subtract=subtract, multiply=multiply, negative=negative)
