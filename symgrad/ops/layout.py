"""Shapes and axes changed, entries kept: reshape and its kin, and the gradient stopped."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.builders import linear
from symgrad.core.language import named
from symgrad.core.op import ATOM, Node, Op, Shape, as_node, on, show_shape, size, zeros
from symgrad.core.signature import FIRST, entrywise, opaque
from symgrad.core.source import tuple_source
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.broadcasting import broadcast, broadcast_to, expand, fill, normal_axes, sum_
from symgrad.ops.indexing import dimension, exact
from symgrad.ops.product import transpose

# reshape ----------------------------------------------------------------------------------------------------------------


def _reshape_shape(X: Node, *, shape: Shape) -> Shape:
    if exact(size(X) - sympy.Mul(*shape)) != 0:
        raise ShapeError(f"shape {show_shape(X.shape)} does not reshape to {show_shape(shape)}")
    return shape


def _reshape_latex(node: Node, show: Any) -> str:
    dims = r" \times ".join(map(show.size, node.shape))
    return rf"\operatorname{{reshape}}_{{{dims}}}{show.argument(node.args[0])}"


def _reshape_entry(node: Node, index: Any, show: Any) -> Any:
    (x,) = node.args
    places = show.unravelled(x.shape, node.shape, index)
    return show.whole(node, index) if places is None else show.at(x, places)


def _fold_reshape(X: Node, shape: Shape) -> Node | None:
    if X.shape == shape:
        return X
    return reshape(X.args[0], shape=shape) if X.op is reshape else None


reshape: Op = linear(
    "reshape",
    shape=_reshape_shape,
    vjp=lambda Z, X, Z_bar, shape: (reshape(Z_bar, shape=X.shape),),
    axes=lambda node: opaque(node, FIRST),
    front=lambda node, lead: {"shape": lead + node.shape},
    latex=_reshape_latex,
    entry=_reshape_entry,
    precedence=ATOM,
    numpy=lambda node: f"{{0}}.reshape({tuple_source(node.shape)})",
    flops=lambda X, **_: 0,
    samples=(on("3 4", shape=(2, 6)), on("3 4", shape=(12,))),
    fold=_fold_reshape,
    found="Entries keep their order: the adjoint reshapes back.",
    defines=r"$\operatorname{reshape}_{m \times n}(X)$ holds the entries of $X$, row by row, as an array of $m \times n$",
)


def reshaped(X: Node, shape: Shape) -> Node:
    """Row-major; where only axes of size one come or go, a broadcast or a sum says so."""
    if [d for d in X.shape if d != 1] != [d for d in shape if d != 1]:
        return reshape(X, shape=shape)
    bare = sum_(X, axes=tuple(a for a, d in enumerate(X.shape) if d == 1))
    return broadcast(bare, shape=shape, axes=tuple(a for a, d in enumerate(shape) if d != 1)) if bare.shape != shape else bare


def dims(shape: Any) -> Shape:
    """A shape as users write it: a number, a dimension or a tuple of those."""
    return tuple(dimension(d) for d in (shape if isinstance(shape, tuple | list) else (shape,)))


@named("reshape", method=True)
def reshape_of(a: Any, *shape: Any, order: str = "C") -> Node:
    if order != "C":
        raise UnsupportedError("reshape reads rows first; transpose before and after for another order")
    X, wanted = as_node(a), shape[0] if len(shape) == 1 else shape
    entries = list(wanted) if isinstance(wanted, tuple | list) else [wanted]
    if entries.count(-1) > 1:
        raise InputError("reshape takes one -1 at most")
    known = sympy.Mul(*dims([d for d in entries if d != -1]))
    if -1 in entries and known == 0:
        raise ShapeError(f"shape {show_shape(X.shape)} does not reshape to {show_shape(tuple(entries))}")
    return reshaped(X, tuple(exact(size(X) / known) if d == -1 else dimension(d) for d in entries))


@named("ravel", method=True)
def ravel(a: Any) -> Node:
    return reshape_of(a, -1)


@named("flatten", method=True)
def flatten(a: Any) -> Node:
    return ravel(a)


# axes -------------------------------------------------------------------------------------------------------------------


@named("expand_dims")
def expand_dims(a: Any, axis: Any) -> Node:
    X, axes = as_node(a), (axis,) if isinstance(axis, int) else tuple(axis)
    shape = (1,) * (X.ndim + len(axes))
    normal = normal_axes(fill(0, shape), axes)
    kept = iter(X.shape)
    return expand(X, tuple(1 if i in normal else next(kept) for i in range(len(shape))), normal)


@named("squeeze", method=True)
def squeeze(a: Any, axis: Any = None) -> Node:
    X = as_node(a)
    axes = tuple(i for i, d in enumerate(X.shape) if d == 1) if axis is None else normal_axes(X, axis)
    if wide := [i for i in axes if X.shape[i] != 1]:
        raise ShapeError(f"axis {wide[0]} of shape {show_shape(X.shape)} has not size one")
    return sum_(X, axes=axes)


@named("swapaxes", method=True)
def swapaxes(a: Any, axis1: int, axis2: int) -> Node:
    X = as_node(a)
    (i,), (j,) = normal_axes(X, axis1), normal_axes(X, axis2)
    order = list(range(X.ndim))
    order[i], order[j] = j, i
    return transpose(X, tuple(order))


@named("moveaxis")
def moveaxis(a: Any, source: int, destination: int) -> Node:
    X = as_node(a)
    (i,), (j,) = normal_axes(X, source), normal_axes(X, destination)
    order = [k for k in range(X.ndim) if k != i]
    order.insert(j, i)
    return transpose(X, tuple(order))


@named("broadcast_to")
def broadcast_to_of(array: Any, shape: Any) -> Node:
    return broadcast_to(as_node(array), dims(shape))


@named("atleast_1d")
def atleast_1d(x: Any) -> Node:
    X = as_node(x)
    return X if X.ndim else expand_dims(X, 0)


@named("atleast_2d")
def atleast_2d(x: Any) -> Node:
    X = atleast_1d(x)
    return X if X.ndim > 1 else expand_dims(X, 0)


# stop_gradient ------------------------------------------------------------------------------------------------------------

stop_gradient = Op(
    "stop_gradient",
    shape=lambda X: X.shape,
    vjp=lambda Z, X, Z_bar: (zeros(X.shape),),
    jvp=lambda Z, X, X_dot: zeros(X.shape),
    axes=lambda node: entrywise(node, FIRST, partial=True),
    latex=r"\operatorname{sg}(#1)",
    precedence=ATOM,
    numpy="+{0}",
    flops=lambda X: 0,
    samples=(),
    found="The value passes, the derivative is declared zero; no difference quotient shows it, so there is no sample.",
    defines=r"$\operatorname{sg}(x)$ is $x$, which counts as a constant",
)
named("stop_gradient")(lambda x: stop_gradient(as_node(x)))
