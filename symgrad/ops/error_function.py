"""exp(x^2) erfc(x) with all its derivatives, and log erfc(x): neither underflows where erfc does."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.builders import elementwise
from symgrad.core.op import ATOM, Node, Op, on
from symgrad.ops.elementwise import operator_name, primes
from symgrad.ops.powers import divide


def _latex(node: Node, show: Any) -> str:
    return rf"\operatorname{{erfcx}}{primes(node.params['order'])}({show(node.args[0], 0)})"


def _scalar(x: Any, order: int) -> Any:
    t = sympy.Dummy()
    return sympy.diff(sympy.exp(t**2) * sympy.erfc(t), t, order).subs(t, x)


erfcx: Op = elementwise(
    "erfcx",
    lambda Z, X, order: (erfcx(X, order=order + 1),),
    latex=_latex,
    precedence=ATOM,
    numpy=lambda node: f"_erfcx({{0}}, {node.params['order']})",
    helpers=("_erfcx",),
    scalar=_scalar,
    samples=(on("m n", order=0), on(" | unit", order=1)),
    found="The n-th derivative is (-2)^n n! exp(x^2) i^n erfc(x), i^n erfc the n-fold integral, which is positive throughout.",
    source="DLMF 7.18",
    defines=r"$\operatorname{erfcx}(x)$ is $\frac{2}{\sqrt{\pi}} e^{x^2} \int_x^{\infty} e^{-t^2} \, \mathrm{d}t$",
)

log_erfc: Op = elementwise(
    "log_erfc",
    lambda Z, X: (divide(-2 / sympy.sqrt(sympy.pi), erfcx(X, order=0)),),
    latex=operator_name(r"log\,erfc"),
    numpy="_log_erfc({0})",
    helpers=("_log_erfc",),
    scalar=lambda x: sympy.log(sympy.erfc(x)),
    samples=(on("m n"), on("")),
    found="d log erfc(x) = -2 / sqrt(pi) exp(-x^2) / erfc(x) dx.",
    defines=(r"$\operatorname{log\,erfc}(x)$ is $\log\left( \frac{2}{\sqrt{\pi}} \int_x^{\infty} e^{-t^2} \, \mathrm{d}t \right)$"),
)
