"""Functions that level off, whose derivative by the quotient rule would be a difference of nearly equal terms."""

from __future__ import annotations

import sympy

from symgrad.core.builders import elementwise
from symgrad.core.op import POWER, on
from symgrad.ops.broadcasting import fill
from symgrad.ops.elementwise import absolute, hypot
from symgrad.ops.powers import power

slant = elementwise(
    "slant",
    lambda Z, X: (power(hypot(fill(1, X.shape), X), exponent=sympy.Integer(-3)),),
    latex=lambda node, show: rf"\frac{{{show(node.args[0], 0)}}}{{\sqrt{{{show(1 + node.args[0] ** 2, 0)}}}}}",
    precedence=POWER,
    numpy="{0} / np.hypot(1, {0})",
    scalar=lambda x: x / sympy.sqrt(1 + x**2),
    found="d x (1 + x^2)^(-1/2) = ((1 + x^2) - x^2) (1 + x^2)^(-3/2) dx, and the bracket is 1.",
)
saturation = elementwise(
    "saturation",
    lambda Z, X: (power(1 + X, exponent=sympy.Integer(-2)),),
    latex=lambda node, show: rf"\frac{{{show(node.args[0], 0)}}}{{{show(1 + node.args[0], 0)}}}",
    precedence=POWER,
    numpy="{0} / (1 + {0})",
    scalar=lambda x: x / (1 + x),
    samples=(on("m n | positive"), on(" | positive")),
    found="d x / (1 + x) = ((1 + x) - x) / (1 + x)^2 dx, and the difference is 1.",
)
softsign = elementwise(
    "softsign",
    lambda Z, X: (power(1 + absolute(X), exponent=sympy.Integer(-2)),),
    latex=lambda node, show: rf"\frac{{{show(node.args[0], 0)}}}{{{show(1 + absolute(node.args[0]), 0)}}}",
    precedence=POWER,
    numpy="{0} / (1 + np.abs({0}))",
    scalar=lambda x: x / (1 + sympy.Abs(x)),
    found="d x / (1 + |x|) = ((1 + |x|) - x sign(x)) / (1 + |x|)^2 dx, and the difference is 1.",
)
