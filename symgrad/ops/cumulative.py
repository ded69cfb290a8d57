"""The cumulative sum along an axis."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.builders import linear
from symgrad.core.explicit import by_entries, entry, index
from symgrad.core.language import named
from symgrad.core.op import ATOM, CHAIN, Node, Op, as_node, on, same_shape, show_shape, size
from symgrad.core.signature import FIRST, Signature, letters
from symgrad.errors import UnsupportedError
from symgrad.ops.broadcasting import broadcast, fill, normal_axes, sum_
from symgrad.ops.filling import counting
from symgrad.ops.product import transpose
from symgrad.ops.selection import select


def _numpy(node: Node) -> str:
    axis = node.params["axis"]
    if not node.params["backward"]:
        return f"np.cumsum({{0}}, axis={axis})"
    return f"np.flip(np.cumsum(np.flip({{0}}, axis={axis}), axis={axis}), axis={axis})"


def _latex(node: Node, show: Any) -> str:
    marks = (f"^{{{show.top}}}" if node.params["backward"] else "") + (f"_{{{node.params['axis']}}}" if node.ndim > 1 else "")
    return rf"\operatorname{{cumsum}}{marks}{show.argument(node.args[0])}"


def _entry(node: Node, index: Any, show: Any) -> Any:
    (x,), axis = node.args, node.params["axis"]
    if x.shape[axis] == 1:
        return show.at(x, index)
    (k,), within = show.opened((x.shape[axis],), index)
    summed = within.at(x, (*index[:axis], k, *index[axis + 1 :]))
    relation = r"\ge" if node.params["backward"] else r"\le"
    sign = rf"\sum_{{{k.name} {relation} {show.index(index[axis])}}}"
    return show.around(f"{sign} {show.text(summed, CHAIN)}", CHAIN, summed, bound=(k,), free=index)


def _masked(X: Node, axis: int, backward: bool) -> Node:
    """The sum over k of 1[k <= i] x_k, with k along a new last axis."""
    shape, last = (*X.shape, X.shape[axis]), X.ndim
    others = [a for a in range(last) if a != axis]
    copies = broadcast(transpose(X, (*others, axis)), shape=shape, axes=(*others, last))
    i, k = (broadcast(counting(n=X.shape[axis]), shape=shape, axes=(a,)) for a in (axis, last))
    return sum_(select(k, i, copies, fill(0, shape), relation=">=" if backward else "<="), axes=(last,))


def _sympy(node: Node, x: Any) -> Any:
    axis, places, k = node.params["axis"], [index("i"), index("j")][: node.ndim], index("k")
    bounds = (places[axis], node.shape[axis] - 1) if node.params["backward"] else (0, places[axis])
    summed = entry(x, [k if a == axis else p for a, p in enumerate(places)])
    return by_entries(node.shape, places, sympy.Sum(summed, (k, *bounds)), [])


def _axes(node: Node) -> Signature:
    own = letters(node)
    return Signature((own,), own, frozenset(own[node.params["axis"]]), FIRST, partial=True)


cumsum: Op = linear(
    "cumsum",
    shape=same_shape,
    vjp=lambda Z, X, Z_bar, axis, backward: (cumsum(Z_bar, axis=axis, backward=not backward),),
    axes=_axes,
    front=lambda node, lead: {**node.params, "axis": len(lead) + node.params["axis"]},
    latex=_latex,
    entry=_entry,
    sympy=_sympy,
    precedence=ATOM,
    numpy=_numpy,
    definition=_masked,
    flops=lambda X, **_: size(X),
    samples=(on("n", axis=0, backward=False), on("m n", axis=1, backward=False), on("m n", axis=0, backward=True)),
    found="z = T x with T the lower triangle of ones; its adjoint T^T sums from the other end.",
    defines=(
        r"$\operatorname{cumsum}(x)$ holds the sums of the entries up to each, $\operatorname{cumsum}^{\top}(x)$ from each "
        r"on, along the axis in the index, counted from 0"
    ),
)


@named("cumsum", method=True)
def cumsum_of(a: Any, axis: Any = None) -> Node:
    """NumPy's cumulative sum along one axis."""
    X = as_node(a)
    if axis is None and X.ndim != 1:
        raise UnsupportedError(f"cumsum over all entries of shape {show_shape(X.shape)} is not read; name the axis")
    (axis,) = normal_axes(X, 0 if axis is None else axis)
    return cumsum(X, axis=axis, backward=False)
