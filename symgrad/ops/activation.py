"""Activations and the error function; most are compositions of other operations, so their derivatives come by themselves."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.builders import elementwise
from symgrad.core.language import named
from symgrad.core.op import Node, as_node
from symgrad.ops.arithmetic import multiply
from symgrad.ops.elementwise import PAIR, UNIT, absolute, binary, exp, expm1, operator_name, reciprocal, tanh, unary
from symgrad.ops.powers import divide
from symgrad.ops.selection import greater, greater_equal, less, maximum_of, minimum_of, plain_operand, where

TWO_OVER_ROOT_PI = 2 / sympy.sqrt(sympy.pi)
HUNDREDTH = sympy.Rational(1, 100)
SIGMA = (r"\sigma", r"\operatorname{sigmoid}")

# sigmoids ---------------------------------------------------------------------------------------------------------------

sigmoid = elementwise(
    "sigmoid",
    lambda Z, X: (Z * (1 - Z),),
    latex="#0(#1)",
    letter=SIGMA,
    numpy="_sigmoid({0})",
    helpers=("_sigmoid",),
    scalar=lambda x: 1 / (1 + sympy.exp(-x)),
    defines=r"$#0(x)$ is $1 / (1 + \exp(-x))$",
)
log_sigmoid = elementwise(
    "log_sigmoid",
    lambda Z, X: (sigmoid(-X),),
    latex=r"\log(#0(#1))",
    python=lambda node, line: f"log({line.call('sigmoid', node.args)})",
    letter=SIGMA,
    numpy="-_softplus(-{0})",
    helpers=("_softplus",),
    scalar=lambda x: -sympy.log(1 + sympy.exp(-x)),
    found="(log sigma)' = 1 - sigma(x) = sigma(-x), which does not cancel.",
    defines=r"$#0(x)$ is $1 / (1 + \exp(-x))$",
)
logit = elementwise(
    "logit",
    lambda Z, X: (reciprocal(multiply(X, 1 - X)),),
    latex=operator_name("logit"),
    numpy="np.log({0} / (1 - {0}))",
    scalar=lambda x: sympy.log(x / (1 - x)),
    samples=UNIT,
    limits="At 0 and 1.",
    defines=r"$\operatorname{logit}(x)$ is $\log(x / (1 - x))$",
)
softplus = elementwise(
    "softplus",
    lambda Z, X: (sigmoid(X),),
    latex=operator_name("softplus"),
    numpy="_softplus({0})",
    helpers=("_softplus",),
    scalar=lambda x: sympy.log(1 + sympy.exp(x)),
    defines=r"$\operatorname{softplus}(x)$ is $\log(1 + \exp(x))$",
)
relu = elementwise(
    "relu",
    lambda Z, X: (greater(X, 0),),
    latex=operator_name("relu"),
    numpy="np.maximum({0}, 0.0)",
    scalar=lambda x: sympy.Max(x, 0),
    kink="relu'(0) = 0",
)
logaddexp = elementwise(
    "logaddexp",
    lambda Z, X, Y: (sigmoid(X - Y), sigmoid(Y - X)),
    latex=lambda node, show: (
        rf"\operatorname{{logaddexp}}({plain_operand(node.args[0], show)}, {plain_operand(node.args[1], show)})"
    ),
    numpy="np.logaddexp({0}, {1})",
    scalar=lambda x, y: sympy.log(sympy.exp(x) + sympy.exp(y)),
    samples=PAIR,
    spreads=True,
    found="d log(e^x + e^y) = (e^x dx + e^y dy) / (e^x + e^y), and e^x / (e^x + e^y) = sigma(x - y).",
    defines=r"$\operatorname{logaddexp}(x, y)$ is $\log(\exp(x) + \exp(y))$",
)

# the error function -----------------------------------------------------------------------------------------------------

erf = elementwise(
    "erf",
    lambda Z, X: (multiply(TWO_OVER_ROOT_PI, exp(-(X**2))),),
    latex=operator_name("erf"),
    numpy="_erf({0})",
    helpers=("_erf", "_erfc"),
    scalar=sympy.erf,
    defines=r"$\operatorname{erf}(x)$ is the error function, $\frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2} \, \mathrm{d}t$",
)
erfc = elementwise(
    "erfc",
    lambda Z, X: (multiply(-TWO_OVER_ROOT_PI, exp(-(X**2))),),
    latex=operator_name("erfc"),
    numpy="_erfc({0})",
    helpers=("_erfc",),
    scalar=sympy.erfc,
    defines=(
        r"$\operatorname{erfc}(x)$ is 1 less the error function, $\frac{2}{\sqrt{\pi}} \int_x^{\infty} e^{-t^2} \, "
        r"\mathrm{d}t$"
    ),
)
ndtr = elementwise(
    "ndtr",
    lambda Z, X: (multiply(1 / sympy.sqrt(2 * sympy.pi), exp(multiply(-sympy.Rational(1, 2), X**2))),),
    latex="#0(#1)",
    letter=(r"\Phi", r"\operatorname{ndtr}"),
    numpy="0.5 * _erfc({0} * -0.7071067811865476)",
    helpers=("_erfc",),
    scalar=lambda x: (1 + sympy.erf(x / sympy.sqrt(2))) / 2,
    found="The normal distribution function; its derivative is the density.",
    defines=r"$#0(x)$ is the distribution function of the standard normal distribution",
)

for _op in (sigmoid, log_sigmoid, logit, softplus, relu, erf, erfc, ndtr):
    named(_op.name)(unary(_op))
named("expit", "logistic")(unary(sigmoid))
named("logaddexp")(binary(logaddexp))


# activations ------------------------------------------------------------------------------------------------------------


@named("relu6")
def relu6(x: Any) -> Node:
    """relu up to 6: flat at both kinks, as jax has it."""
    return where(less(x, 6), relu(as_node(x)), 6)


@named("leaky_relu")
def leaky_relu(x: Any, negative_slope: Any = HUNDREDTH) -> Node:
    return where(greater_equal(x, 0), x, multiply(negative_slope, x))


@named("elu")
def elu(x: Any, alpha: Any = 1) -> Node:
    """alpha (exp(x) - 1) below zero; the exponent stays at zero where that branch is not taken."""
    below = where(greater(x, 0), 0, x)
    return where(greater(x, 0), x, multiply(alpha, expm1(below)))


@named("selu")
def selu(x: Any) -> Node:
    """Klambauer et al. (2017), with the two numbers that keep mean 0 and variance 1."""
    return multiply(sympy.Rational("1.0507009873554805"), elu(x, sympy.Rational("1.6732632423543772")))


@named("celu")
def celu(x: Any, alpha: Any = 1) -> Node:
    return maximum_of(x, 0) + multiply(alpha, expm1(divide(minimum_of(x, 0), alpha)))


@named("gelu")
def gelu(x: Any, approximate: bool = True) -> Node:
    """x Phi(x); by default, as in jax, with (1 + tanh(u)) / 2 = sigma(2 u) in the place of Phi."""
    X = as_node(x)
    if not approximate:
        return X * ndtr(X)
    inner = X + multiply(sympy.Rational("0.044715"), X**3)
    return X * sigmoid(multiply(sympy.sqrt(8 / sympy.pi), inner))


@named("silu", "swish")
def silu(x: Any) -> Node:
    X = as_node(x)
    return X * sigmoid(X)


@named("mish")
def mish(x: Any) -> Node:
    X = as_node(x)
    return X * tanh(softplus(X))


@named("hard_tanh")
def hard_tanh(x: Any) -> Node:
    return where(greater(x, 1), 1, where(less(x, -1), -1, x))


@named("hard_sigmoid")
def hard_sigmoid(x: Any) -> Node:
    return divide(relu6(as_node(x) + 3), 6)


@named("hard_silu", "hard_swish")
def hard_silu(x: Any) -> Node:
    return as_node(x) * hard_sigmoid(x)


@named("soft_sign", "softsign")
def soft_sign(x: Any) -> Node:
    X = as_node(x)
    return divide(X, 1 + absolute(X))


@named("squareplus")
def squareplus(x: Any, b: Any = 4) -> Node:
    X = as_node(x)
    return divide(X + (X**2 + b) ** sympy.Rational(1, 2), 2)
