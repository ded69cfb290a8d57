"""Integer labels: one-hot rows, the entry that a label picks, the rows that labels gather.  Labels are never differentiated."""

from __future__ import annotations

from typing import Any

from symgrad.core.language import METHODS, named
from symgrad.core.op import ATOM, CHAIN, Dim, Node, Op, Shape, as_node, is_zero, on, show_shape, size, zeros
from symgrad.core.signature import FIRST, Signature, letters, without
from symgrad.core.source import dim_source, tuple_source
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.arithmetic import multiply
from symgrad.ops.broadcasting import broadcast, expand, normal_axes, sum_
from symgrad.ops.filling import arange
from symgrad.ops.indexing import dimension, read_position, read_slice, take, whole
from symgrad.ops.integers import counts, label_source, labels
from symgrad.ops.layout import expand_dims
from symgrad.ops.product import diagonal, transpose

# one_hot ----------------------------------------------------------------------------------------------------------------


def _one_hot_numpy(node: Node) -> str:
    classes = dim_source(node.params["classes"])
    labels = f"({{0}} % {classes})" if node.params["wraps"] else "{0}"
    return f"({labels}[..., None] == np.arange({classes})).astype(_dtype)"


one_hot = Op(
    "one_hot",
    shape=lambda y, classes, **_: (*y.shape, classes),
    vjp=lambda Z, y, Z_bar, **_: (None,),
    jvp=lambda Z, y, y_dot, **_: zeros(Z.shape),
    axes=lambda node: Signature((letters(node)[:-1],), letters(node), frozenset(letters(node)[-1])),
    front=lambda node, lead: node.params,
    latex=r"\operatorname{onehot}(#1)",
    entry=lambda node, index, show: show.indicator(show.label(node.args[0], index[:-1]), "=", index[-1]),
    precedence=ATOM,
    numpy=_one_hot_numpy,
    flops=lambda y, classes, **_: size(y) * classes,
    samples=(on("m | int", classes=4, wraps=False), on("m n | int", classes=3, wraps=True)),
    found="A constant: labels have no derivative.  Where labels wrap, one below zero counts from the end, as an index does; "
    "elsewhere its row holds no one.",
    defines=r"$\operatorname{onehot}(y)$ has for each label in $y$ a row with 1 at the label, counted from 0, and 0 elsewhere",
)


@named("one_hot")
def one_hot_of(x: Any, num_classes: Any, axis: int = -1, dtype: Any = None) -> Node:
    y = labels(x, "one_hot")
    E = one_hot(y, classes=dimension(num_classes), wraps=False)
    (last,) = normal_axes(E, axis)
    return _with_last_at(E, last)


def _with_last_at(E: Node, axis: int) -> Node:
    order = list(range(E.ndim - 1))
    order.insert(axis, E.ndim - 1)
    return transpose(E, tuple(order))


# pick: the entry at the label, along one axis ---------------------------------------------------------------------------


def _pick_shape(X: Node, y: Node, *, axis: int) -> Shape:
    rest = X.shape[:axis] + X.shape[axis + 1 :]
    if axis >= X.ndim or rest != y.shape:
        raise ShapeError(f"labels of shape {show_shape(y.shape)} do not pick along axis {axis} of shape {show_shape(X.shape)}")
    return rest


def at_labels(G: Node, y: Node, shape: Shape, axis: int) -> Node:
    """The array with G at the labels and zeros elsewhere."""
    return multiply(broadcast(G, shape=shape, axes=tuple(a for a in range(len(shape)) if a != axis)), marks(y, shape, axis))


def marks(y: Node, shape: Shape, axis: int) -> Node:
    """1 at the labels and 0 elsewhere, one label in every row along the axis."""
    return _with_last_at(one_hot(y, classes=shape[axis], wraps=True), axis)


def _pick_axes(node: Node) -> Signature:
    """One entry of each row: rows run side by side."""
    own, axis = letters(node.args[0]), node.params["axis"]
    rest = without(own, (axis,))
    return Signature((own, rest), rest, frozenset(own[axis]), FIRST)


def _pick_numpy(node: Node) -> str:
    X, y, axis = node.args[0], label_source(node.args[1]), node.params["axis"]
    if X.ndim == 2:
        rows = f"np.arange({dim_source(node.shape[0])})"
        return f"{{0}}[{rows}, {y}]" if axis == 1 else f"{{0}}[{y}, {rows}]"
    return f"np.take_along_axis({{0}}, np.expand_dims({y}, {axis}), {axis}).squeeze({axis})"


def _pick_latex(node: Node, show: Any) -> str:
    X, y = node.args
    places = [show(y, 0) if a == node.params["axis"] else "ijklmn"[a] for a in range(X.ndim)]
    return rf"\left[ {show(X, 0)} \right]_{{{', '.join(places)}}}"


def _pick_entry(node: Node, index: Any, show: Any) -> Any:
    (X, y), axis = node.args, node.params["axis"]
    return show.at(X, (*index[:axis], show.label(y, index), *index[axis:]))


pick: Op = Op(
    "pick",
    shape=_pick_shape,
    vjp=lambda Z, X, y, Z_bar, axis: (at_labels(Z_bar, y, X.shape, axis), None),
    jvp=lambda Z, X, y, X_dot, y_dot, axis: pick(X_dot, y, axis=axis),
    axes=_pick_axes,
    front=lambda node, lead: {"axis": len(lead) + node.params["axis"]},
    latex=_pick_latex,
    entry=_pick_entry,
    precedence=ATOM,
    numpy=_pick_numpy,
    flops=lambda X, y, axis: size(y),
    samples=(on("m 4", "m | int", axis=1), on("4 m", "m | int", axis=0)),
    fold=lambda X, y, axis: zeros(y.shape) if is_zero(X) else None,
    found="Linear in X: <g, X[i, y_i]> = <diag(g) onehot(y), X>.",
    defines=r"$\left[ X \right]_{i, y}$ holds for each $i$ the entry of $X$ at $i$ and the label $y_i$",
)


# gather: whole slices at the labels, and its adjoint ----------------------------------------------------------------------


def _gather_shape(X: Node, y: Node, *, axis: int) -> Shape:
    if axis >= X.ndim:
        raise ShapeError(f"shape {show_shape(X.shape)} has no axis {axis} to gather along")
    return X.shape[:axis] + y.shape + X.shape[axis + 1 :]


def _gather_latex(node: Node, show: Any) -> str:
    X, y = node.args
    places = [show(y, 0) if a == node.params["axis"] else ":" for a in range(X.ndim)]
    return rf"\left[ {show(X, 0)} \right]_{{{', '.join(places)}}}"


def _gather_entry(node: Node, index: Any, show: Any) -> Any:
    (X, y), axis = node.args, node.params["axis"]
    label = show.label(y, index[axis : axis + y.ndim])
    return show.at(X, (*index[:axis], label, *index[axis + y.ndim :]))


def gather_source(node: Node, integer: str = "int") -> str:
    return f"{{0}}[{':, ' * node.params['axis']}{label_source(node.args[1], integer)}]"


gather: Op = Op(
    "gather",
    shape=_gather_shape,
    vjp=lambda Z, X, y, Z_bar, axis: (scatter(Z_bar, y, axis=axis, count=X.shape[axis]), None),
    jvp=lambda Z, X, y, X_dot, y_dot, axis: gather(X_dot, y, axis=axis),
    latex=_gather_latex,
    entry=_gather_entry,
    precedence=ATOM,
    numpy=gather_source,
    flops=lambda X, y, axis: 0,
    samples=(on("k 4 n", "m | int", axis=1), on("m 4", "n | int", axis=1)),
    fold=lambda X, y, axis: zeros(_gather_shape(X, y, axis=axis)) if is_zero(X) else None,
    found="Linear in X: Z = onehot(y) X, without the product.",
    defines=r"$\left[ X \right]_{:, y}$ holds the slices of $X$ at the labels $y$, counted from 0",
)


def _scatter_shape(G: Node, y: Node, *, axis: int, count: Dim) -> Shape:
    if G.shape[axis : axis + y.ndim] != y.shape:
        raise ShapeError(f"labels of shape {show_shape(y.shape)} do not fit axis {axis} of shape {show_shape(G.shape)}")
    return (*G.shape[:axis], count, *G.shape[axis + y.ndim :])


def _scatter_latex(node: Node, show: Any) -> Any:
    G, y = node.args
    if node.params["axis"] == 0 and y.ndim == 1:
        return rf"\operatorname{{onehot}}{show.argument(y)}^{{{show.top}}} {show(G, CHAIN)}"
    return rf"\operatorname{{scatter}}_{{{show(y, 0)}}}{show.argument(G)}", ATOM


def _scatter_entry(node: Node, index: Any, show: Any) -> Any:
    (G, y), axis = node.args, node.params["axis"]
    new, within = show.opened(y.shape, index)
    mark = within.indicator(within.label(y, new), "=", index[axis])
    return show.sum(show.product(mark, within.at(G, (*index[:axis], *new, *index[axis + 1 :]))), new)


scatter: Op = Op(
    "scatter",
    shape=_scatter_shape,
    vjp=lambda Z, G, y, Z_bar, axis, count: (gather(Z_bar, y, axis=axis), None),
    jvp=lambda Z, G, y, G_dot, y_dot, axis, count: scatter(G_dot, y, axis=axis, count=count),
    latex=_scatter_latex,
    entry=_scatter_entry,
    precedence=CHAIN,
    numpy=lambda node: f"_scatter({{0}}, {label_source(node.args[1])}, {tuple_source(node.shape)}, {node.params['axis']})",
    helpers=("_scatter",),
    flops=lambda G, y, **_: size(G),
    samples=(on("m n", "m | int", axis=0, count=4), on("m n", "n | int", axis=1, count=4)),
    fold=lambda G, y, axis, count: zeros(_scatter_shape(G, y, axis=axis, count=count)) if is_zero(G) else None,
    found="The adjoint of gather: slices of one label add up.",
    defines=(
        r"$\operatorname{onehot}(y)$ has for each label in $y$ a row with 1 at the label, counted from 0, and 0 elsewhere; "
        r"$\operatorname{scatter}_{y}(G)$ is the array of zeros to which each slice of $G$ is added at its label in $y$"
    ),
)


@named("take", method=True)
def take_of(a: Any, indices: Any, axis: Any = None) -> Node:
    """Entries or slices at a position or at integer labels."""
    X = as_node(a)
    if axis is None and X.ndim != 1:
        raise UnsupportedError("take without an axis reads the array row by row; name the axis")
    (k,) = normal_axes(X, 0 if axis is None else axis)
    return getitem(X, (*[slice(None)] * k, indices))


@named("diag_indices")
def diag_indices(n: Any, ndim: int = 2) -> tuple[Node, ...]:
    return (arange(n),) * ndim


def _without(y: Node, axis: int) -> Node:
    """An array of labels without an axis of size one; where that axis was only put in, as it was before."""
    if y.op is broadcast and axis not in y.params["axes"]:
        shape = y.shape[:axis] + y.shape[axis + 1 :]
        return broadcast(y.args[0], shape=shape, axes=tuple(a - (a > axis) for a in y.params["axes"]))
    return sum_(y, axes=(axis,))


@named("take_along_axis")
def take_along_axis(arr: Any, indices: Any, axis: int) -> Node:
    X, y = as_node(arr), labels(indices, "take_along_axis")
    (k,) = normal_axes(X, axis)
    if y.ndim != X.ndim or y.shape[k] != 1:
        raise UnsupportedError("take_along_axis picks one entry along its axis: the labels need size one there, as y[:, None] has")
    return expand(pick(X, _without(y, k), axis=k), (*X.shape[:k], 1, *X.shape[k + 1 :]), (k,))


# X[...] -------------------------------------------------------------------------------------------------------------------


def _entries(X: Node, index: Any) -> list[Any]:
    """One entry an axis besides the Nones, whole axes filled in for an ellipsis and at the end."""
    entries = list(index) if isinstance(index, tuple) else [index]
    missing = X.ndim - sum(e is not None and e is not ... for e in entries)
    if missing < 0:
        raise InputError(f"too many indices for an array of shape {show_shape(X.shape)}")
    at = next((i for i, e in enumerate(entries) if e is ...), len(entries))
    return entries[:at] + [slice(None)] * missing + entries[at + 1 :]


def _read(entry: Any, dim: Dim) -> Any:
    return read_slice(entry, dim) if isinstance(entry, slice) else read_position(entry, dim)


def _paired(X: Node, entries: list[Any]) -> Node:
    """X[arange(n), y] and X[y, arange(n)]; X[arange(n), arange(n)] is the diagonal."""
    full = [counts(e, d) for e, d in zip(entries, X.shape, strict=True) if isinstance(e, Node)]
    if len(full) != 2 or X.ndim != 2 or True not in full:
        raise UnsupportedError(
            "of several arrays of labels only X[arange(n), y] and X[y, arange(n)] of a matrix are read; index in two steps, "
            "such as X[k][arange(m), y]"
        )
    if all(full):
        return diagonal(X)
    axis = 1 if full[0] else 0
    return pick(X, entries[axis], axis=axis)


def _gathered(X: Node, axes: list[Any]) -> Node:
    """X[0, :, k]: positions and labels go together, and where slices part them, NumPy puts the axes of the labels first."""
    plain = tuple(whole(d) if isinstance(e, Node) else _read(e, d) for e, d in zip(axes, X.shape, strict=True))
    places = [a for a, e in enumerate(axes) if not isinstance(e, slice)]
    Z, at, ndim = take(X, index=plain), 0, 0
    for a in reversed([a for a in places if isinstance(axes[a], Node)]):
        at, ndim = sum(isinstance(e, tuple) for e in plain[:a]), axes[a].ndim
        Z = gather(Z, axes[a], axis=at)
    if not ndim or places[-1] - places[0] < len(places):
        return Z
    order = (*range(at, at + ndim), *range(at), *range(at + ndim, Z.ndim))
    return transpose(Z, order) if order != tuple(range(Z.ndim)) else Z


def getitem(X: Node, index: Any) -> Node:
    """NumPy's basic indexing, and integer labels on one axis."""
    entries = _entries(X, index)
    axes = [e for e in entries if e is not None]
    arrays = [labels(e, "an index") for e in axes if isinstance(e, Node)]
    if arrays and len(axes) < len(entries):
        raise UnsupportedError("labels and None in one index are not read; index in two steps")
    if len(arrays) > 1 and any(y.ndim for y in arrays):
        return _paired(X, axes)
    if arrays:
        return _gathered(X, axes)
    Z = take(X, index=tuple(_read(e, d) for e, d in zip(axes, X.shape, strict=True)))
    new = [i for i, e in enumerate(e for e in entries if e is None or isinstance(e, slice)) if e is None]
    return expand_dims(Z, tuple(new)) if new else Z


METHODS["__getitem__"] = getitem
