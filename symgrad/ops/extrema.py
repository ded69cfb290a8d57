"""The largest and the smallest entry over axes.  Where several entries tie, the derivative is split equally among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.core.language import named
from symgrad.core.op import ATOM, Node, Op, Shape, as_node, on, same_shape, show_shape, size, value_of, zeros
from symgrad.core.signature import along, behind, beside
from symgrad.errors import ShapeError
from symgrad.ops.arithmetic import multiply
from symgrad.ops.broadcasting import fill, normal_axes, sum_
from symgrad.ops.reduction import reduced, spread
from symgrad.ops.selection import shared_sign


def reduced_shape(X: Node, *, axes: tuple[int, ...]) -> Shape:
    if any(not 0 <= a < X.ndim for a in axes):
        raise ShapeError(f"axes {axes} are not among the axes of shape {show_shape(X.shape)}")
    return tuple(d for i, d in enumerate(X.shape) if i not in axes)


def label(node: Node) -> str:
    """Which axes a reduction runs over, as a subscript: nothing for all, rows or columns of a matrix, numbers above."""
    x, axes = node.args[0], node.params["axes"]
    if len(axes) == x.ndim:
        return ""
    if x.ndim == 2:
        return r"_{\mathrm{rows}}" if axes == (1,) else r"_{\mathrm{columns}}"
    return f"_{{{','.join(map(str, axes))}}}"


def ranging(word: str) -> Callable[..., Any]:
    """A sign with the letters below it over which it runs: the largest entry, or the product of all."""

    def entry(node: Node, index: Any, show: Any) -> Any:
        places, new, within = show.filled(node.args[0], node.params["axes"], index)
        return show.ranging(rf"\{word}", within.at(node.args[0], places), new)

    return entry


_AXES = (on("m n", axes=(1,)), on("m n", axes=(0,)), on("m n", axes=(0, 1)), on("n", axes=(0,)))


def _weights(name: str, extremum: str) -> Op:
    """1 / count at the entries that attain the extremum, 0 elsewhere: piecewise constant."""
    tie = rf"x = \{extremum}(x)"

    def latex(node: Node, show: Any) -> str:
        x = node.args[0]
        return shared_sign(rf"{show(x, 0)} = \{extremum}{label(node)}{show.argument(x)}")

    def entry(node: Node, index: Any, show: Any) -> Any:
        x, best = show.at(node.args[0], index), ranging(extremum)(node, beside(node, index), show)
        return show.around(shared_sign(f"{show.text(x)} = {show.text(best)}"), ATOM, x, best)

    def python(node: Node, line: Any) -> str:
        best = line.call("largest" if extremum == "max" else "smallest", node.args, **node.params)
        return f"share(({line(node.args[0])} == {best}), axes={node.params['axes']})"

    return Op(
        name,
        shape=same_shape,
        vjp=lambda Z, X, Z_bar, axes: (zeros(X.shape),),
        jvp=lambda Z, X, X_dot, axes: zeros(X.shape),
        axes=along,
        front=behind,
        latex=latex,
        entry=entry,
        python=python,
        precedence=ATOM,
        numpy=lambda node: f"_{name}({{0}}, axis={node.params['axes']})",
        helpers=(f"_{name}",),
        flops=lambda X, axes: 3 * size(X),
        samples=_AXES,
        found="Constant as long as the same entries attain the extremum.",
        limits="Where the set of extremal entries changes.",
        kink="1/k at each of k entries that tie; its derivative counts as 0 everywhere",
        defines=rf"${shared_sign(tie)}$ is $1/k$ at each of the $k$ entries that attain the {extremum}imum, 0 elsewhere",
    )


def _extremum(name: str, weights: Op) -> Op:
    return Op(
        name,
        shape=reduced_shape,
        vjp=lambda Z, X, Z_bar, axes: (multiply(spread(Z_bar, X, axes), weights(X, axes=axes)),),
        jvp=lambda Z, X, X_dot, axes: sum_(multiply(weights(X, axes=axes), X_dot), axes=axes),
        axes=along,
        front=behind,
        latex=lambda node, show: rf"\{name}{label(node)}{show.argument(node.args[0])}",
        entry=ranging(name),
        precedence=ATOM,
        numpy=lambda node: f"np.{name}({{0}}, axis={node.params['axes']})",
        flops=lambda X, axes: size(X),
        samples=_AXES,
        fold=_fold,
        found=f"The {name} moves with the entry that attains it; the others do not count.",
        kink="entries that tie share the derivative equally",
    )


def _fold(X: Node, axes: tuple[int, ...]) -> Node | None:
    """An extremum over no axes is the array, that of a constant array the constant."""
    if not axes:
        return X
    value = value_of(X)
    return None if value is None else fill(value, reduced_shape(X, axes=axes))


highest = _weights("highest", "max")
lowest = _weights("lowest", "min")
max_ = _extremum("max", highest)
min_ = _extremum("min", lowest)


@named("max", "amax", method=True)
def max_of(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """NumPy's maximum over axes."""
    X = as_node(a)
    axes = normal_axes(X, axis)
    return reduced(X, max_(X, axes=axes), axes, keepdims)


@named("min", "amin", method=True)
def min_of(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """NumPy's minimum over axes."""
    X = as_node(a)
    axes = normal_axes(X, axis)
    return reduced(X, min_(X, axes=axes), axes, keepdims)
