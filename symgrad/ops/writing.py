"""Arrays with a part replaced, which is what writing makes: a block, an entry a row, what a condition marks, the diagonal."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.op import ATOM, OPERATORS, Node, Op, Shape, is_zero, on, show_shape, size, zeros
from symgrad.core.signature import opaque, together
from symgrad.errors import ShapeError
from symgrad.ops.arithmetic import subtract
from symgrad.ops.broadcasting import broadcast, broadcast_to
from symgrad.ops.indexing import index_text, kept_part, put, take, wholes
from symgrad.ops.labels import at_labels, marks
from symgrad.ops.parts import Index
from symgrad.ops.product import diag, eye
from symgrad.ops.selection import equal, where

# overwrite ----------------------------------------------------------------------------------------------------------------


def _shape(X: Node, Y: Node, *, index: Index) -> Shape:
    if kept_part(X.shape, index) != Y.shape:
        raise ShapeError(f"a block of shape {show_shape(Y.shape)} does not fit the index into {show_shape(X.shape)}")
    return X.shape


def _latex(node: Node, show: Any) -> str:
    where_ = index_text(node.params["index"], node.shape, show.size)
    return rf"\operatorname{{set}}_{{{where_}}}({show(node.args[0], 0)}, {show(node.args[1], 0)})"


def _fold(X: Node, Y: Node, index: Index) -> Node | None:
    """Nothing of X is left, nothing of it changes, or what Y replaces was written before."""
    if index == wholes(X.shape):
        return Y
    if _is_there(Y, X, index):
        return X
    if Y.op.name == "add" and any(_is_there(term, X, index) for term in Y.args):
        return _with_more(X, Y, index)
    if is_zero(X):
        return put(Y, shape=X.shape, index=index)
    if X.op is overwrite and X.params["index"] == index:
        return overwrite(X.args[0], Y, index=index)
    return zeros(X.shape) if is_zero(Y) and X.op is put and X.params["index"] == index else None


def _is_there(Y: Node, X: Node, index: Index) -> bool:
    """Whether Y is what stands in this part of X."""
    return Y.op is take and Y.args[0] is X and Y.params["index"] == index


def _with_more(X: Node, Y: Node, index: Index) -> Node:
    """X where Y, a sum, is what stood there and more: the rest is added to X."""
    at = next(i for i, term in enumerate(Y.args) if _is_there(term, X, index))
    rest = OPERATORS["add"](*Y.args[:at], *Y.args[at + 1 :])
    return OPERATORS["add"](X, put(rest, shape=X.shape, index=index))


def _definition(X: Node, Y: Node, index: Index) -> Node:
    return subtract(X, put(subtract(take(X, index=index), Y), shape=X.shape, index=index))


overwrite: Op = Op(
    "overwrite",
    shape=_shape,
    vjp=lambda Z, X, Y, Z_bar, index: (overwrite(Z_bar, zeros(Y.shape), index=index), take(Z_bar, index=index)),
    jvp=lambda Z, X, Y, X_dot, Y_dot, index: overwrite(X_dot, Y_dot, index=index),
    axes=lambda node: opaque(node, together(node.args)),
    front=lambda node, lead: {"index": wholes(lead) + node.params["index"]},
    latex=_latex,
    definition=_definition,
    precedence=ATOM,
    numpy=lambda node: f"_overwrite({{0}}, {{1}}, np.s_[{index_text(node.params['index'], node.shape)}])",
    helpers=("_overwrite",),
    flops=lambda X, Y, **_: size(X),
    samples=(
        on("4", "2", index=((1, 2, 1),)),
        on("m n", "n", index=(0, (0, sympy.Symbol("n", integer=True, positive=True), 1))),
        on("3", "", index=(1,)),
    ),
    fold=_fold,
    found="The part that is replaced reaches nothing: <G, dZ> = <G with 0 at i, dX> + <G[i], dY>.",
    defines=r"$\operatorname{set}_{i}(X, Y)$ is the array $X$ with $Y$ in the place of its part at $i$",
)


# parts that are told by values --------------------------------------------------------------------------------------------


def masked(X: Node, condition: Node, Y: Node) -> Node:
    """X with Y where the condition holds, which speaks of the leading axes."""
    c = broadcast(condition, shape=X.shape, axes=tuple(range(condition.ndim))) if condition.ndim < X.ndim else condition
    return where(c, broadcast_to(Y, X.shape), X)


def picked(X: Node, y: Node, axis: int, Y: Node) -> Node:
    """X with the entries of Y at the labels y along an axis, one in every row."""
    rows = tuple(a for a in range(X.ndim) if a != axis)
    each = broadcast_to(Y, tuple(X.shape[a] for a in rows))
    return where(equal(marks(y, X.shape, axis), 1), broadcast(each, shape=X.shape, axes=rows), X)


def added(X: Node, y: Node, axis: int, Y: Node) -> Node:
    """X with the entries of Y added at the labels."""
    return OPERATORS["add"](X, at_labels(broadcast_to(Y, X.shape[:axis] + X.shape[axis + 1 :]), y, X.shape, axis))


def on_diagonal(X: Node, Y: Node) -> Node:
    """A square matrix with Y, a number or a vector, on its diagonal."""
    n = X.shape[0]
    return where(equal(eye(n), 1), broadcast(Y, shape=X.shape, axes=(0,)) if Y.ndim else broadcast_to(Y, X.shape), X)


def added_on_diagonal(X: Node, Y: Node) -> Node:
    return OPERATORS["add"](X, diag(broadcast_to(Y, X.shape[:1])))
