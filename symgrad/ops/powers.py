"""Quotients and powers, with NumPy's broadcasting on top."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.builders import elementwise
from symgrad.core.op import ATOM, CONSTANT, OPERATORS, POWER, QUOTIENT, Node, Op, as_node, constant, is_zero, on, value_of
from symgrad.core.signature import FIRST, entrywise
from symgrad.core.source import value_source
from symgrad.errors import UnsupportedError
from symgrad.ops.arithmetic import HALF, multiply, scale, subtract
from symgrad.ops.broadcasting import align, fill

# quotient -------------------------------------------------------------------------------------------------------------


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


def _quotient_entry(node: Node, index: Any, show: Any) -> Any:
    above = show.at(node.args[0], index)
    return show.over(above, show.after(above).at(node.args[1], index))


quotient = elementwise(
    "divide",
    lambda Z, X, Y: (power(Y, exponent=sympy.S.NegativeOne), -divide(Z, Y)),
    axes=lambda node: entrywise(node, FIRST),
    latex=lambda node, show: rf"{show.entry(node.args[0], POWER)} \oslash {show.entry(node.args[1], POWER)}",
    python=lambda node, line: f"({line.entry(node.args[0])} / {line.entry(node.args[1])})",
    sympy=lambda node, x, y: sympy.HadamardProduct(x, sympy.HadamardPower(y, -1)) if node.ndim else x / y,
    entry=_quotient_entry,
    precedence=QUOTIENT,
    numpy="{0} / {1}",
    scalar=lambda x, y: x / y,
    fold=_fold_quotient,
    samples=(on("m n", "m n | positive"), on("n", "n | positive")),
    spreads=True,
    found="d(x / y) = dx / y - (x / y) dy / y.",
    limits="Where the divisor is zero.",
)


# powers ---------------------------------------------------------------------------------------------------------------


def _power_sympy(node: Node, x: Any, p: Any) -> Any:
    return sympy.HadamardPower(x, p) if node.ndim else x**p


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
        return f"{show.norm(x.args[0])}^{{{show.exponent(2 * p)}}}"
    hadamard_mark = r"\odot " if x.ndim else ""
    return f"{show(x, ATOM)}^{{{hadamard_mark}{show.exponent(p)}}}"


def _power_python(node: Node, line: Any) -> str:
    (x,), p = node.args, node.params["exponent"]
    if p.is_negative and not node.ndim:
        return f"(1 / {line(power(x, exponent=-p))})"
    if x.op.name == "dot" and x.args[0] is x.args[1]:
        return _raised(f"norm({line(x.args[0])})", 2 * p, line)
    return f"sqrt({line(x)})" if p == HALF else _raised(line(x), p, line)


def _raised(base: str, p: sympy.Expr, line: Any) -> str:
    return base if p == 1 else f"({base} ** {line.number(p)})"


def _power_length(node: Node, count: Any) -> int:
    """1 / x is one operation, 1 / x^2 two; x^T x to a power is a power of a norm."""
    (x,), p = node.args, node.params["exponent"]
    fraction = p.is_negative and not node.ndim
    if x.op.name == "dot" and x.args[0] is x.args[1] and p not in (-1, HALF):
        return int(count[x.args[0]] + 2 + fraction)
    return int(count[x] + (p not in (-1, 1)) + (fraction or p == -1))


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


power: Op = elementwise(
    "power",
    _power_partial,
    latex=_power_latex,
    python=_power_python,
    length=_power_length,
    sympy=lambda node, x: _power_sympy(node, x, node.params["exponent"]),
    entry=lambda node, index, show: show.power(show.at(node.args[0], index), node.params["exponent"]),
    precedence=POWER,
    numpy=_power_numpy,
    scalar=lambda x, exponent: x**exponent,
    samples=exponents(sympy.Integer(2), sympy.Integer(3), HALF, -sympy.S.One, -HALF, sympy.Rational(17, 10)),
    fold=_fold_power,
    found="d(x^p) = p x^(p-1) dx; the square root reads its own output, dx / (2 sqrt x).",
    limits="At zero where p < 1; on negative numbers where p is no integer.",
)


def _exponential_latex(node: Node, show: Any) -> str:
    hadamard_mark = r"\odot " if node.ndim else ""
    return f"{show(node.args[0], ATOM)}^{{{hadamard_mark}{show(node.args[1], ATOM if hadamard_mark else 0)}}}"


def _exponential_partials(Z: Node, X: Node, Y: Node) -> tuple[Node, Node]:
    return multiply(Y, exponential(X, subtract(Y, fill(1, Y.shape)))), multiply(Z, log_or_zero(X))


exponential = elementwise(
    "pow",
    _exponential_partials,
    latex=lambda node, show: _exponential_latex(node, show),
    sympy=_power_sympy,
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
    latex=r"\operatorname{log0}(#1)",
    numpy="np.log(np.where({0} == 0, 1.0, {0}))",
    scalar=sympy.log,
    samples=(on("m n | positive"), on(" | positive")),
    found="The logarithm, with 0 at 0 so that 0 * log 0 is 0.",
    kink="0 at 0",
    defines=r"$\operatorname{log0}(x)$ is $\log(x)$, and 0 where $x = 0$",
)


# NumPy's operators ----------------------------------------------------------------------------------------------------


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


OPERATORS.update(divide=divide, power=raise_to)
