"""Functions applied entry by entry.  A rule reads its own output where that is the textbook form: tanh' is 1 - Z * Z."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.language import LANGUAGE
from symgrad.op import Node, Op, as_node, elementwise, on
from symgrad.ops.arithmetic import HALF, divide, power

REAL = (on("m n"), on(""))
POSITIVE = (on("m n | positive"), on(" | positive"))
UNIT = (on("m n | unit"), on(" | unit"))


def reciprocal(X: Node) -> Node:
    return power(X, exponent=sympy.S.NegativeOne)


exp = elementwise("exp", lambda Z, X: (Z,), scalar=sympy.exp)
expm1 = elementwise("expm1", lambda Z, X: (exp(X),), latex=r"\operatorname{expm1}(#1)", scalar=lambda x: sympy.exp(x) - 1)
log = elementwise("log", lambda Z, X: (reciprocal(X),), scalar=sympy.log, samples=POSITIVE, limits="At zero and below.")
log1p = elementwise(
    "log1p", lambda Z, X: (divide(1, 1 + X),), latex=r"\operatorname{log1p}(#1)", scalar=lambda x: sympy.log(1 + x), samples=POSITIVE
)
log2 = elementwise(
    "log2", lambda Z, X: (divide(1 / sympy.log(2), X),), latex=r"\log_{2}(#1)", scalar=lambda x: sympy.log(x, 2), samples=POSITIVE
)
log10 = elementwise(
    "log10", lambda Z, X: (divide(1 / sympy.log(10), X),), latex=r"\log_{10}(#1)", scalar=lambda x: sympy.log(x, 10), samples=POSITIVE
)
sin = elementwise("sin", lambda Z, X: (cos(X),), scalar=sympy.sin)
cos = elementwise("cos", lambda Z, X: (-sin(X),), scalar=sympy.cos)
tan = elementwise("tan", lambda Z, X: (1 + Z**2,), scalar=sympy.tan)
sinh = elementwise("sinh", lambda Z, X: (cosh(X),), scalar=sympy.sinh)
cosh = elementwise("cosh", lambda Z, X: (sinh(X),), scalar=sympy.cosh)
tanh = elementwise("tanh", lambda Z, X: (1 - Z**2,), scalar=sympy.tanh)
arcsin = elementwise("arcsin", lambda Z, X: (reciprocal((1 - X**2) ** HALF),), scalar=sympy.asin, samples=UNIT)
arccos = elementwise("arccos", lambda Z, X: (-reciprocal((1 - X**2) ** HALF),), scalar=sympy.acos, samples=UNIT)
arctan = elementwise("arctan", lambda Z, X: (reciprocal(1 + X**2),), scalar=sympy.atan)
arcsinh = elementwise(
    "arcsinh", lambda Z, X: (reciprocal((1 + X**2) ** HALF),), latex=r"\operatorname{arsinh}(#1)", scalar=sympy.asinh
)
sigmoid = elementwise(
    "sigmoid",
    lambda Z, X: (Z * (1 - Z),),
    latex=r"\sigma(#1)",
    numpy="_sigmoid({0})",
    helpers=("_sigmoid",),
    scalar=lambda x: 1 / (1 + sympy.exp(-x)),
)
softplus = elementwise(
    "softplus",
    lambda Z, X: (sigmoid(X),),
    latex=r"\operatorname{softplus}(#1)",
    numpy="np.logaddexp(0.0, {0})",
    scalar=lambda x: sympy.log(1 + sympy.exp(x)),
)
step = elementwise(
    "step",
    lambda Z, X: (0 * X,),
    latex=r"\mathbf{1}[#1 > 0]",
    numpy="np.where({0} > 0, 1.0, 0.0)",
    scalar=lambda x: sympy.Heaviside(x, 0),
    kink="0 at 0",
)
relu = elementwise(
    "relu",
    lambda Z, X: (step(X),),
    latex=r"\operatorname{relu}(#1)",
    numpy="np.maximum({0}, 0.0)",
    scalar=lambda x: sympy.Max(x, 0),
    kink="relu'(0) = 0",
)
sign = elementwise(
    "sign", lambda Z, X: (0 * X,), latex=r"\operatorname{sign}(#1)", scalar=sympy.sign, kink="sign'(0) = 0"
)
erf = elementwise(
    "erf",
    lambda Z, X: (2 / sympy.sqrt(sympy.pi) * exp(-(X**2)),),
    latex=r"\operatorname{erf}(#1)",
    numpy="_erf({0})",
    helpers=("_erf",),
    scalar=sympy.erf,
)


def unary(op: Op) -> Any:
    return lambda x: op(as_node(x))


for _op in (exp, expm1, log, log1p, log2, log10, sin, cos, tan, sinh, cosh, tanh, arcsin, arccos, arctan, arcsinh, sigmoid):
    LANGUAGE[_op.name] = unary(_op)
for _op in (softplus, relu, sign, erf):
    LANGUAGE[_op.name] = unary(_op)
LANGUAGE |= {
    "sqrt": lambda x: power(as_node(x), exponent=HALF),
    "square": lambda x: power(as_node(x), exponent=sympy.Integer(2)),
    "reciprocal": lambda x: reciprocal(as_node(x)),
    "expit": LANGUAGE["sigmoid"],
}
