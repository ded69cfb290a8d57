"""Functions applied entry by entry.  A rule reads its own output where that is the textbook form: tanh' is 1 - Z * Z."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from symgrad.core.builders import elementwise
from symgrad.core.language import LANGUAGE, named
from symgrad.core.op import ATOM, CHAIN, OPERATORS, POWER, PRODUCT, QUOTIENT, Node, Op, as_node, is_zero, on, value_of
from symgrad.core.signature import FIRST, entrywise
from symgrad.errors import InputError
from symgrad.ops.arithmetic import HALF, multiply
from symgrad.ops.broadcasting import align
from symgrad.ops.powers import divide, power
from symgrad.ops.selection import plain_operand

PAIR = (on("m n", "m n"), on("", ""))
POSITIVE = (on("m n | positive"), on(" | positive"))
UNIT = (on("m n | unit"), on(" | unit"))
_TWO = sympy.Integer(2)


def reciprocal(X: Node) -> Node:
    return power(X, exponent=sympy.S.NegativeOne)


def operator_name(name: str) -> str:
    return rf"\operatorname{{{name}}}(#1)"


def primes(order: int) -> str:
    """The mark of a derivative: primes, from the fourth on a number in brackets."""
    return "'" * order if order < 4 else rf"^{{({order})}}"


def unary(op: Op) -> Callable[[Any], Node]:
    return lambda x: op(as_node(x))


def binary(op: Op) -> Callable[[Any, Any], Node]:
    return lambda x1, x2: op(*align(x1, x2))


# exponentials and logarithms --------------------------------------------------------------------------------------------

exp = elementwise("exp", lambda Z, X: (Z,), scalar=sympy.exp)
expm1 = elementwise(
    "expm1",
    lambda Z, X: (exp(X),),
    latex=operator_name("expm1"),
    scalar=lambda x: sympy.exp(x) - 1,
    defines=r"$\operatorname{expm1}(x)$ is $\exp(x) - 1$",
)
exp2 = elementwise(
    "exp2",
    lambda Z, X: (multiply(sympy.log(2), Z),),
    latex=lambda node, show: f"2^{{{show(node.args[0], 0)}}}",
    precedence=POWER,
    scalar=lambda x: _TWO**x,
)
log = elementwise("log", lambda Z, X: (reciprocal(X),), scalar=sympy.log, samples=POSITIVE, limits="At zero and below.")
log1p = elementwise(
    "log1p",
    lambda Z, X: (reciprocal(1 + X),),
    latex=operator_name("log1p"),
    scalar=lambda x: sympy.log(1 + x),
    samples=POSITIVE,
    limits="At -1 and below.",
    defines=r"$\operatorname{log1p}(x)$ is $\log(1 + x)$",
)


def _logarithm(base: int) -> Op:
    return elementwise(
        f"log{base}",
        lambda Z, X: (divide(1 / sympy.log(base), X),),
        latex=rf"\log_{{{base}}}(#1)",
        scalar=lambda x: sympy.log(x, base),
        samples=POSITIVE,
        limits="At zero and below.",
    )


log2, log10 = _logarithm(2), _logarithm(10)


def _xlogy_latex(node: Node, show: Any) -> Any:
    x, log_y = show(node.args[0], POWER), rf"\log{show.argument(node.args[1])}"
    return rf"{x} \odot {log_y}" if node.ndim else (f"{x} {log_y}", CHAIN)


xlogy = elementwise(
    "xlogy",
    lambda Z, X, Y: (log(Y), ratio(X, Y, at=sympy.S.Zero)),
    latex=lambda node, show: _xlogy_latex(node, show),
    precedence=PRODUCT,
    numpy="np.where({0} == 0, 0.0, {0} * np.log(np.where({0} == 0, 1.0, {1})))",
    scalar=lambda x, y: x * sympy.log(y),
    samples=(on("m n", "m n | positive"), on("", " | positive")),
    found="d(x log y) = log(y) dx + (x / y) dy, and 0 log 0 is 0.",
    kink="x / y, its derivative in y, is 0 where both are 0",
    defines=r"$0 \log y$ is 0, even where $y = 0$",
    limits="In x where y is zero.",
)

# circular functions -----------------------------------------------------------------------------------------------------

sin = elementwise("sin", lambda Z, X: (cos(X),), scalar=sympy.sin)
cos: Op = elementwise("cos", lambda Z, X: (-sin(X),), scalar=sympy.cos)
tan = elementwise("tan", lambda Z, X: (1 + Z**2,), scalar=sympy.tan)
arcsin = elementwise("arcsin", lambda Z, X: ((1 - X**2) ** -HALF,), scalar=sympy.asin, samples=UNIT, limits="At -1 and 1.")
arccos = elementwise("arccos", lambda Z, X: (-((1 - X**2) ** -HALF),), scalar=sympy.acos, samples=UNIT, limits="At -1 and 1.")
arctan = elementwise("arctan", lambda Z, X: (reciprocal(1 + X**2),), scalar=sympy.atan)


def _arctan2_partials(Z: Node, Y: Node, X: Node) -> tuple[Node, Node]:
    """x / r^2 and -y / r^2, divided by r twice so that no square overflows."""
    R = hypot(Y, X)
    return divide(divide(X, R), R), -divide(divide(Y, R), R)


arctan2 = elementwise(
    "arctan2",
    _arctan2_partials,
    latex=lambda node, show: rf"\operatorname{{atan2}}({plain_operand(node.args[0], show)}, {plain_operand(node.args[1], show)})",
    numpy="np.arctan2({0}, {1})",
    scalar=sympy.atan2,
    samples=PAIR,
    spreads=True,
    found="The angle of (x, y): d = (x dy - y dx) / (x^2 + y^2).",
    limits="At the origin.",
    defines=r"$\operatorname{atan2}(y, x)$ is the angle of the point $(x, y)$",
)


def _sinc_latex(node: Node, show: Any) -> str:
    return rf"\operatorname{{sinc}}{primes(node.params['order'])}{show.argument(node.args[0])}"


def _sinc_scalar(x: Any, order: int) -> Any:
    t = sympy.Dummy()
    return sympy.diff(sympy.sin(sympy.pi * t) / (sympy.pi * t), t, order).subs(t, x)


sinc: Op = elementwise(
    "sinc",
    lambda Z, X, order: (sinc(X, order=order + 1),),
    latex=_sinc_latex,
    numpy=lambda node: f"_sinc({{0}}, order={node.params['order']})",
    helpers=("_sinc",),
    scalar=_sinc_scalar,
    samples=tuple(on(shape, order=k) for shape in ("m n", "") for k in (0, 1)),
    found="sin(pi x) / (pi x) is smooth at 0, and so are all its derivatives, each an operation of its own.",
    defines=r"$\operatorname{sinc}(x)$ is $\sin(\pi x) / (\pi x)$, and 1 at 0",
)

# hyperbolic functions ---------------------------------------------------------------------------------------------------

sinh = elementwise("sinh", lambda Z, X: (cosh(X),), scalar=sympy.sinh)
cosh: Op = elementwise("cosh", lambda Z, X: (sinh(X),), scalar=sympy.cosh)
tanh = elementwise("tanh", lambda Z, X: (1 - Z**2,), scalar=sympy.tanh)
arcsinh = elementwise(
    "arcsinh",
    lambda Z, X: (reciprocal(hypot(*align(X, 1))),),  # sqrt(x^2 + 1), without the overflow of the square
    latex=operator_name("arsinh"),
    scalar=sympy.asinh,
    defines=r"$\operatorname{arsinh}(x)$ is the inverse function of $\sinh$",
)
arctanh = elementwise(
    "arctanh",
    lambda Z, X: (reciprocal(multiply(1 - X, 1 + X)),),
    latex=operator_name("artanh"),
    scalar=sympy.atanh,
    samples=UNIT,
    limits="At -1 and 1.",
    defines=r"$\operatorname{artanh}(x)$ is the inverse function of $\tanh$",
)
log_cosh = elementwise(
    "log_cosh",
    lambda Z, X: (tanh(X),),
    latex=r"\log(\cosh(#1))",
    python=lambda node, line: f"log(cosh({line(node.args[0])}))",
    numpy="_log_cosh({0})",
    helpers=("_log_cosh",),
    scalar=lambda x: sympy.log(sympy.cosh(x)),
)
log1p_square = elementwise(
    "log1p_square",
    lambda Z, X: (divide(divide(multiply(2, X), hypot(*align(X, 1))), hypot(*align(X, 1))),),
    latex=lambda node, show: r"\log" + show.argument(1 + node.args[0] ** 2),
    python=lambda node, line: f"log({line(1 + node.args[0] ** 2)})",
    numpy="_log1p_square({0})",
    helpers=("_log1p_square",),
    scalar=lambda x: sympy.log(1 + x**2),
    found="2 x / (1 + x^2), divided twice by sqrt(1 + x^2) so that no square overflows.",
)
sech2 = elementwise(
    "sech2",
    lambda Z, X: (multiply(-2, tanh(X) * Z),),
    latex=operator_name(r"sech^{2}"),
    numpy="_sech2({0})",
    helpers=("_sech2",),
    scalar=lambda x: 1 / sympy.cosh(x) ** 2,
    found="1 - tanh^2 where it must not cancel; exported code calls it, print does not.",
    defines=r"$\operatorname{sech^{2}}(x)$ is $1 / \cosh(x)^{2}$",
)

# roots, lengths and signs -----------------------------------------------------------------------------------------------

cbrt = elementwise(
    "cbrt",
    lambda Z, X: (reciprocal(multiply(3, Z**2)),),
    latex=lambda node, show: rf"\sqrt[3]{{{show(node.args[0], 0)}}}",
    precedence=POWER,
    scalar=sympy.cbrt,
    samples=POSITIVE,
    limits="At zero.",
)


def _hypot_latex(node: Node, show: Any) -> str:
    mark = r"\odot " if node.ndim else ""
    squares = ["1" if plain_operand(x, show) == "1" else f"{show(x, ATOM)}^{{{mark}2}}" for x in node.args]
    return rf"\sqrt{{{' + '.join(squares)}}}"


hypot: Op = elementwise(
    "hypot",
    lambda Z, X, Y: (ratio(X, Z, at=HALF), ratio(Y, Z, at=HALF)),
    latex=_hypot_latex,
    python=lambda node, line: f"sqrt(({line.entry(node.args[0])} ** 2 + {line.entry(node.args[1])} ** 2))",
    precedence=POWER,
    numpy="np.hypot({0}, {1})",
    scalar=lambda x, y: sympy.sqrt(x**2 + y**2),
    samples=PAIR,
    spreads=True,
    found="r = sqrt(x^2 + y^2): r dr = x dx + y dy.",
    kink="1/2 in both operands at the origin, a subgradient",
)


def _ratio_latex(node: Node, show: Any) -> str:
    """In brackets beside other factors, which must not stand above the line: 0 * (x / y) is 0 at 0 / 0, (0 * x) / y is not."""
    x, y = show.entry(node.args[0], POWER), show.entry(node.args[1], POWER)
    return rf"{x} \oslash_{{{show.exponent(node.params['at'])}}} {y}"


ratio: Op = elementwise(
    "ratio",
    lambda Z, X, Y, at: (reciprocal(Y), -divide(Z, Y)),
    jvp=lambda Z, X, Y, X_dot, Y_dot, at: ratio(X_dot - Z * Y_dot, Y, at=sympy.S.Zero),  # 0 where nothing moves, at 0 / 0 too
    axes=lambda node: entrywise(node, FIRST),
    latex=_ratio_latex,
    precedence=QUOTIENT,
    numpy=lambda node: f"_ratio({{0}}, {{1}}, {float(node.params['at'])})",
    helpers=("_ratio",),
    scalar=lambda x, y, at: x / y,
    samples=(on("m n", "m n | positive", at=HALF), on("", " | positive", at=HALF)),
    found="The quotient, with a value of its own at 0 / 0, where a rule knows the limit or a subgradient.",
    limits="Where the divisor is zero and the dividend is not.",
    kink="the value that it names at 0 / 0",
    defines=r"$a \oslash_{c} b$ is the entrywise quotient, and $c$ where both $a$ and $b$ are 0",
)
sign = elementwise(
    "sign",
    lambda Z, X: (0 * X,),
    latex=operator_name("sign"),
    scalar=sympy.sign,
    kink="sign'(0) = 0",
    defines=r"$\operatorname{sign}(0)$ is 0",
)
_slope = elementwise(
    "slope",
    lambda Z, X: (0 * X,),
    latex=r"\operatorname{sign}_{+}(#1)",
    numpy="np.where({0} >= 0, 1.0, -1.0).astype(_dtype)",
    scalar=lambda x: sympy.Piecewise((1, x >= 0), (-1, True)),
    found="The sign, with 1 at 0: what abs has for a derivative.",
    kink="1 at 0; its derivative counts as 0 everywhere",
    defines=r"$\operatorname{sign}_{+}(x)$ is 1 where $x \ge 0$ and -1 elsewhere",
)
absolute = elementwise(
    "abs",
    lambda Z, X: (_slope(X),),
    latex=lambda node, show: show.between(r"\lvert", node.args[0], r"\rvert"),
    scalar=sympy.Abs,
    kink="abs'(0) = 1",
)

# the names users write --------------------------------------------------------------------------------------------------

for _op in (exp, expm1, exp2, log, log1p, log2, log10, sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, tanh):
    named(_op.name)(unary(_op))
for _op in (arcsinh, arctanh, log_cosh, cbrt, sign):
    named(_op.name)(unary(_op))
for _op in (xlogy, arctan2, hypot):
    named(_op.name)(binary(_op))


@named("arccosh")
def arccosh(x: Any) -> Node:
    """cosh(2 t) = 1 + 2 sinh(t)^2, which neither cancels near 1 nor overflows."""
    return multiply(2, arcsinh(power(divide(as_node(x) - 1, 2), exponent=HALF)))


for _name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2"):
    LANGUAGE[f"a{_name}"] = LANGUAGE[f"arc{_name}"]
named("abs", "absolute", "fabs")(unary(absolute))
named("sinc")(lambda x: sinc(as_node(x), order=0))
named("sqrt")(lambda x: power(as_node(x), exponent=HALF))
named("square")(lambda x: power(as_node(x), exponent=_TWO))
named("reciprocal")(lambda x: reciprocal(as_node(x)))
named("rsqrt")(lambda x: power(as_node(x), exponent=-HALF))
named("positive")(as_node)
named("negative")(lambda x: OPERATORS["negative"](x))
named("entr")(lambda x: -xlogy(as_node(x), as_node(x)))
named("add")(lambda x1, x2: OPERATORS["add"](x1, x2))
named("subtract", "sub")(lambda x1, x2: OPERATORS["subtract"](x1, x2))
named("multiply", "mul")(lambda x1, x2: OPERATORS["multiply"](x1, x2))


@named("divide", "true_divide", "div")
def divide_of(x1: Any, x2: Any) -> Node:
    if is_zero(as_node(x2)):
        raise InputError("a division by zero")
    return OPERATORS["divide"](x1, x2)


@named("power", "pow", "float_power")
def power_of(x1: Any, x2: Any) -> Node:
    exponent = value_of(as_node(x2))
    if is_zero(as_node(x1)) and exponent is not None and exponent.is_negative:
        raise InputError("a division by zero")
    return OPERATORS["power"](x1, x2)
