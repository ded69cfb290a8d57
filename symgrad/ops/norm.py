"""Norms of vectors and matrices: lengths with the direction as derivative, and sums and maxima of absolute values."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.language import LANGUAGE, named
from symgrad.core.op import ATOM, CHAIN, POWER, Node, Op, as_node, on, same_shape, show_shape, size
from symgrad.core.signature import along, behind, beside
from symgrad.core.source import symbolic
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.arithmetic import HALF, multiply, subtract
from symgrad.ops.broadcasting import normal_axes, sum_
from symgrad.ops.extrema import label, max_, min_, reduced_shape
from symgrad.ops.powers import divide, power
from symgrad.ops.reduction import reduced, spread


def _length_latex(node: Node, show: Any) -> Any:
    x = node.args[0]
    return show.norm(x) if len(node.params["axes"]) == x.ndim else show.between(r"\lVert", x, r"\rVert") + label(node)


def _direction_latex(node: Node, show: Any) -> Any:
    """x over its length; the rows of X over theirs are diag(lengths)^-1 X."""
    (x,), axes = node.args, node.params["axes"]
    length = _length_latex(node, show)
    if len(axes) == x.ndim:
        return rf"\frac{{{show(x, 0)}}}{{{length}}}", POWER
    if x.ndim == 2 and axes == (1,):
        return rf"\operatorname{{diag}}({length})^{{-1}} {show(x, CHAIN)}", CHAIN
    if x.ndim == 2 and axes == (0,):
        return rf"{show(x, CHAIN)} \operatorname{{diag}}({length})^{{-1}}", CHAIN
    return rf"\operatorname{{direction}}{label(node)}{show.argument(x)}", ATOM


def _direction_python(node: Node, line: Any) -> str:
    (x,), axes = node.args, node.params["axes"]
    length = f"norm({line(x)})" if len(axes) == x.ndim else line.call("lengths", node.args, axes=axes)
    return f"over({line(x)}, {length})"


def _norm_entry(node: Node, index: Any, show: Any) -> Any:
    places, new, within = show.filled(node.args[0], node.params["axes"], index)
    squares = within.of(power, within.at(node.args[0], places), exponent=sympy.Integer(2))
    return show.of(power, show.sum(squares, new), exponent=HALF)


def _direction_entry(node: Node, index: Any, show: Any) -> Any:
    above = show.at(node.args[0], index)
    return show.over(above, _norm_entry(node, beside(node, index), show.after(above)))


def _direction_length(node: Node, count: Any) -> int:
    (x,) = node.args
    return int(2 * count[x] + (2 if len(node.params["axes"]) == x.ndim else 4))


def _across(D: Node, X: Node, G: Node, axes: tuple[int, ...]) -> Node:
    """The part of G at right angles to the direction D, over the length of X: a symmetric map."""
    along = multiply(D, spread(sum_(multiply(D, G), axes=axes), X, axes))
    return divide(subtract(G, along), spread(norm(X, axes=axes), X, axes))


def _length(X: Node, axes: tuple[int, ...]) -> Node:
    return power(sum_(power(X, exponent=sympy.Integer(2)), axes=axes), exponent=HALF)


_AXES = (on("n", axes=(0,)), on("m n", axes=(0, 1)), on("m n", axes=(1,)), on("m n", axes=(0,)))

OVER_NORM = r"where a vector is 0, so is the vector divided by its norm, $\frac{x}{\lVert x \rVert}$"

direction = Op(
    "direction",
    shape=same_shape,
    vjp=lambda Z, X, Z_bar, axes: (_across(Z, X, Z_bar, axes),),
    jvp=lambda Z, X, X_dot, axes: _across(Z, X, X_dot, axes),
    axes=along,
    front=behind,
    latex=_direction_latex,
    python=_direction_python,
    entry=_direction_entry,
    length=_direction_length,
    precedence=POWER,
    definition=lambda X, axes: divide(X, spread(_length(X, axes), X, axes)),
    numpy=lambda node: f"_direction({{0}}, axis={node.params['axes']})",
    helpers=("_direction",),
    flops=lambda X, axes: 4 * size(X),
    samples=_AXES,
    found="D = X / |X|: dD = dX / |X| - X <D, dX> / |X|^2 = (dX - D <D, dX>) / |X|.",
    source="Matrix Cookbook (130)",
    limits="At 0, where it counts as 0 and has no derivative.",
    kink="0 at 0",
    defines=OVER_NORM,
)

norm = Op(
    "norm",
    shape=reduced_shape,
    vjp=lambda Z, X, Z_bar, axes: (multiply(spread(Z_bar, X, axes), direction(X, axes=axes)),),
    jvp=lambda Z, X, X_dot, axes: sum_(multiply(direction(X, axes=axes), X_dot), axes=axes),
    axes=along,
    front=behind,
    latex=_length_latex,
    entry=_norm_entry,
    precedence=ATOM,
    definition=lambda X, axes: _length(X, axes),
    numpy=lambda node: f"_norm({{0}}, axis={node.params['axes']})",
    helpers=("_norm",),
    flops=lambda X, axes: 2 * size(X),
    samples=_AXES,
    found="|X|^2 = <X, X>: 2 |X| d|X| = 2 <X, dX>.",
    source="Matrix Cookbook (129)",
    limits="At 0 it has no second derivative.",
    kink="its derivative at 0 is 0, the smallest subgradient",
    defines=OVER_NORM,
)


def _absolute(X: Node) -> Node:
    result: Node = LANGUAGE["abs"](X)
    return result


def _vector_norm(X: Node, order: Any, axes: tuple[int, ...]) -> Node:
    if order is None or order == 2:
        return norm(X, axes=axes)
    if order in (sympy.oo, -sympy.oo):
        extremum: Op = max_ if order == sympy.oo else min_
        return extremum(_absolute(X), axes=axes)
    if not isinstance(order, int | sympy.Expr) or isinstance(order, bool):
        raise InputError(f"{order!r} is no order of a vector norm; orders are 1, 2, inf and other numbers")
    if order == 0:
        raise UnsupportedError("the 0-norm counts entries and is piecewise constant; leave it out of the forward pass")
    p = symbolic(order)
    return power(sum_(power(_absolute(X), exponent=p), axes=axes), exponent=1 / p)


def _matrix_norm(X: Node, order: Any, rows: int, columns: int) -> Node:
    if order is None or order in ("f", "fro"):
        return norm(X, axes=tuple(sorted((rows, columns))))
    if order in (1, -1, sympy.oo, -sympy.oo):
        summed, kept = (rows, columns) if order in (1, -1) else (columns, rows)
        extremum: Op = max_ if order in (1, sympy.oo) else min_
        return extremum(sum_(_absolute(X), axes=(summed,)), axes=(kept - (kept > summed),))
    if order in (2, -2, "nuc"):
        raise UnsupportedError(f"the matrix norm of order {order} needs singular values and is not read; use the Frobenius norm")
    raise InputError(f"{order!r} is no order of a matrix norm; orders are 'fro', 1 and inf")


@named("norm")
def norm_of(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Node:
    """NumPy's norm: of the whole array, of vectors along one axis or of matrices along two."""
    X = as_node(x)
    if axis is None and ord is None:
        axes = tuple(range(X.ndim))
        return reduced(X, norm(X, axes=axes), axes, keepdims)
    given = tuple(range(X.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    axes = normal_axes(X, given)
    if len(axes) == 1:
        return reduced(X, _vector_norm(X, ord, axes), axes, keepdims)
    if len(axes) != 2:
        raise InputError(f"a norm of order {ord} runs over one axis or two, not over {len(axes)} of shape {show_shape(X.shape)}")
    rows, columns = (a % X.ndim for a in given)
    return reduced(X, _matrix_norm(X, ord, rows, columns), axes, keepdims)


@named("vector_norm")
def vector_norm_of(x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Node:
    """A p-norm over axes, of the whole array where none is said."""
    X = as_node(x)
    axes = normal_axes(X, axis)
    return reduced(X, _vector_norm(X, ord, axes), axes, keepdims)


@named("matrix_norm")
def matrix_norm_of(x: Any, keepdims: bool = False, ord: Any = "fro") -> Node:
    """A norm of the matrices in the last two axes."""
    X = as_node(x)
    if X.ndim < 2:
        raise ShapeError(f"a matrix norm needs a matrix, got shape {show_shape(X.shape)}")
    axes = (X.ndim - 2, X.ndim - 1)
    return reduced(X, _matrix_norm(X, ord, *axes), axes, keepdims)
