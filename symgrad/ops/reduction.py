"""Reductions over axes: mean, variance, log-sum-exp and softmax, norms, maxima."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.language import named
from symgrad.core.op import ATOM, Node, Op, Shape, as_node, on, size, zeros
from symgrad.core.signature import along, behind, beside
from symgrad.core.source import symbolic
from symgrad.errors import InputError
from symgrad.ops.arithmetic import HALF, add, multiply, subtract
from symgrad.ops.broadcasting import broadcast, expand, normal_axes, sum_
from symgrad.ops.elementwise import exp, log
from symgrad.ops.powers import divide, power


def reduced(X: Node, Z: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return expand(Z, X.shape, axes) if keepdims else Z


def spread(Z: Node, X: Node, axes: tuple[int, ...]) -> Node:
    """A reduction of X over `axes`, copied back along them to the shape of X."""
    return broadcast(Z, shape=X.shape, axes=tuple(a for a in range(X.ndim) if a not in axes))


def _spread_sum(X: Node, axes: tuple[int, ...]) -> Node:
    return spread(sum_(X, axes=axes), X, axes)


def _reduction_shape(X: Node, *, axes: tuple[int, ...]) -> Shape:
    return tuple(d for i, d in enumerate(X.shape) if i not in axes)


@named("sum", method=True)
def sum_of(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    X = as_node(a)
    axes = normal_axes(X, axis)
    return reduced(X, sum_(X, axes=axes), axes, keepdims)


@named("mean", "average", method=True)
def mean(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    X = as_node(a)
    axes = normal_axes(X, axis)
    count = sympy.Mul(*(X.shape[i] for i in axes))
    return reduced(X, multiply(1 / symbolic(count), sum_(X, axes=axes)), axes, keepdims)


@named("var", method=True)
def var(a: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Node:
    X = as_node(a)
    axes = normal_axes(X, axis)
    count = sympy.Mul(*(X.shape[i] for i in axes)) - ddof
    if count == 0:
        raise InputError("ddof leaves no entry to divide by; a variance needs more of them than ddof")
    residual = subtract(X, mean(X, axis=axes, keepdims=True))
    return reduced(X, multiply(1 / symbolic(count), sum_(power(residual, exponent=sympy.Integer(2)), axes=axes)), axes, keepdims)


@named("std", method=True)
def std(a: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Node:
    V = var(a, axis=axis, ddof=ddof, keepdims=keepdims)
    X = as_node(a)
    if not ddof and all(X.shape[k] == 1 for k in normal_axes(X, axis)):  # one entry does not deviate, however it moves
        return zeros(V.shape)
    return power(V, exponent=HALF)


# log-sum-exp and softmax ------------------------------------------------------------------------------------------------


def _along(name: str) -> Any:
    """A function of rows says so: softmax of each row of a matrix."""

    def latex(node: Node, show: Any) -> str:
        (x,), axes = node.args, node.params["axes"]
        side = rf"\mathrm{{{'rows' if axes == (1,) else 'columns'}}}" if x.ndim == 2 else ",".join(map(str, axes))
        where = "" if len(axes) == x.ndim else f"_{{{side}}}"
        return rf"\operatorname{{{name}}}{where}{show.argument(x)}"

    return latex


def _sum_entry(node: Node, index: Any, show: Any) -> Any:
    """The sum of exp over the axes; `index` is that of what is left."""
    places, new, within = show.filled(node.args[0], node.params["axes"], index)
    return show.sum(within.of(exp, within.at(node.args[0], places)), new)


def _logsumexp_entry(node: Node, index: Any, show: Any) -> Any:
    return show.of(log, _sum_entry(node, index, show))


def _softmax_entry(node: Node, index: Any, show: Any) -> Any:
    if (found := show.along("softmax", node, index)) is not None:
        return found
    return show.over(show.of(exp, show.at(node.args[0], index)), _sum_entry(node, beside(node, index), show))


def _log_softmax_entry(node: Node, index: Any, show: Any) -> Any:
    if (found := show.along(r"log\,softmax", node, index)) is not None:
        return found
    return show.of(add, show.at(node.args[0], index), show.product(-1, _logsumexp_entry(node, beside(node, index), show)))


logsumexp = Op(
    "logsumexp",
    shape=_reduction_shape,
    vjp=lambda Z, X, Z_bar, axes: (multiply(spread(Z_bar, X, axes), softmax(X, axes=axes)),),
    jvp=lambda Z, X, X_dot, axes: sum_(multiply(softmax(X, axes=axes), X_dot), axes=axes),
    axes=along,
    front=behind,
    latex=_along("logsumexp"),
    entry=_logsumexp_entry,
    precedence=ATOM,
    definition=lambda X, axes: log(sum_(exp(X), axes=axes)),
    numpy=lambda node: f"_logsumexp({{0}}, axis={node.params['axes']})",
    helpers=("_logsumexp", "_classes_first"),
    flops=lambda X, axes: 4 * size(X),
    samples=(on("m n", axes=(1,)), on("n", axes=(0,)), on("m n", axes=(0, 1))),
    found="d log sum exp x = sum(exp(x) dx) / sum exp x = <softmax(x), dx>.",
    defines=r"$\operatorname{logsumexp}(x)$ is the logarithm of the sum of $\exp(x)$",
)

softmax: Op = Op(
    "softmax",
    shape=lambda X, **_: X.shape,
    vjp=lambda Z, X, Z_bar, axes: (_centred(Z, Z_bar, axes),),
    jvp=lambda Z, X, X_dot, axes: _centred(Z, X_dot, axes),
    axes=along,
    front=behind,
    latex=_along("softmax"),
    entry=_softmax_entry,
    precedence=ATOM,
    definition=lambda X, axes: divide(exp(X), _spread_sum(exp(X), axes)),
    numpy=lambda node: f"_softmax({{0}}, axis={node.params['axes']})",
    helpers=("_softmax", "_classes_first"),
    flops=lambda X, axes: 4 * size(X),
    samples=(on("m n", axes=(1,)), on("n", axes=(0,))),
    found="P = exp(X) / sum exp(X): dP = P * (dX - sum(P * dX)), a symmetric map, so it is its own adjoint.",
    defines=r"$\operatorname{softmax}(x)$ is $\exp(x)$ over the sum of its entries",
)


def _centred(P: Node, G: Node, axes: tuple[int, ...]) -> Node:
    """diag(p) - p p^T applied to g along the axes."""
    return multiply(P, subtract(G, spread(sum_(multiply(P, G), axes=axes), P, axes)))


log_softmax = Op(
    "log_softmax",
    shape=lambda X, **_: X.shape,
    vjp=lambda Z, X, Z_bar, axes: (subtract(Z_bar, multiply(softmax(X, axes=axes), spread(sum_(Z_bar, axes=axes), X, axes))),),
    jvp=lambda Z, X, X_dot, axes: subtract(X_dot, spread(sum_(multiply(softmax(X, axes=axes), X_dot), axes=axes), X, axes)),
    axes=along,
    front=behind,
    latex=_along(r"log\,softmax"),
    entry=_log_softmax_entry,
    python=lambda node, line: f"log({line.call('softmax_', node.args, **node.params)})",
    precedence=ATOM,
    definition=lambda X, axes: subtract(X, log(_spread_sum(exp(X), axes))),
    numpy=lambda node: f"_log_softmax({{0}}, axis={node.params['axes']})",
    helpers=("_log_softmax", "_classes_first"),
    flops=lambda X, axes: 4 * size(X),
    samples=(on("m n", axes=(1,)), on("n", axes=(0,))),
    found="log softmax(x) = x - logsumexp(x): d = dx - sum(p * dx).",
    defines=r"$\operatorname{log\,softmax}(x)$ is $x$ less the logarithm of the sum of $\exp(x)$",
)


@named("logsumexp")
def logsumexp_of(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    X = as_node(a)
    axes = normal_axes(X, axis)
    return reduced(X, logsumexp(X, axes=axes), axes, keepdims)


@named("softmax")
def softmax_of(x: Any, axis: Any = -1) -> Node:
    X = as_node(x)
    return softmax(X, axes=normal_axes(X, axis))


@named("log_softmax")
def log_softmax_of(x: Any, axis: Any = -1) -> Node:
    X = as_node(x)
    return log_softmax(X, axes=normal_axes(X, axis))
