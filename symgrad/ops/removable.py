"""Quotients with a removable singularity at zero, as log(1 + x) / x: smooth there, with all their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from symgrad.core.builders import elementwise
from symgrad.core.op import POWER, Node, Op, on

_FUNCTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "log1p": (r"\log(1 + #)", lambda x: sympy.log(1 + x)),
    "expm1": (r"(e^{#} - 1)", lambda x: sympy.exp(x) - 1),
    "sinh": (r"\sinh(#)", sympy.sinh),
    "tan": (r"\tan(#)", sympy.tan),
    "tanh": (r"\tanh(#)", sympy.tanh),
    "arctan": (r"\arctan(#)", sympy.atan),
}


def _latex(node: Node, show: Any) -> str:
    x, order = show(node.args[0], 0), node.params["order"]
    top = _FUNCTIONS[node.params["function"]][0].replace("#", x)
    quotient = rf"\frac{{{top}}}{{{x}}}"
    return quotient if order == 0 else rf"\left( {quotient} \right)^{{{chr(39) * order if order < 4 else f'({order})'}}}"


def _scalar(x: Any, function: str, order: int) -> Any:
    t = sympy.Dummy()
    return sympy.diff(_FUNCTIONS[function][1](t) / t, t, order).subs(t, x)


removable: Op = elementwise(
    "removable",
    lambda Z, X, function, order: (removable(X, function=function, order=order + 1),),
    latex=_latex,
    precedence=POWER,
    numpy=lambda node: f'_removable({{0}}, "{node.params["function"]}", {node.params["order"]})',
    helpers=("_removable",),
    scalar=_scalar,
    samples=tuple(on(shape, function=f, order=k) for shape in ("m n | unit", " | unit") for f in _FUNCTIONS for k in (0, 1)),
    found="x f = g gives x f^(k) + k f^(k-1) = g^(k); near zero the power series takes over.",
)
"""f(x) / x and its derivatives, each an operation of its own."""
