"""What devices do together, as operations of one device's program; and the taking of a part, which needs no word between them.

They come after differentiation, so they have no derivatives; what they compute is defined on a mesh alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symgrad.core.op import ATOM, Node, Op, Shape
from symgrad.core.source import dim_source
from symgrad.errors import UnsupportedError


def _no_derivative(*_: Any, **__: Any) -> Any:
    raise UnsupportedError("a program split over devices is not differentiated; derive first, then partition")


def _collective(name: str, shape: Callable[..., Shape], latex: str, jax: Callable[[Node], str], found: str) -> Op:
    def printed(node: Node, show: Any) -> str:
        over = ", ".join(node.params["mesh_axes"])
        return rf"\operatorname{{{latex}}}_{{\mathrm{{{over}}}}}{show.argument(node.args[0])}"

    return Op(name, shape, _no_derivative, _no_derivative, printed, ATOM, jax, lambda *_, **__: 0, (), found=found)


def _along(name: str, latex: str, jax: Callable[[Node], str], found: str) -> Op:
    """One along an axis, which afterwards has another size."""
    return _collective(name, lambda X, axis, size, mesh_axes: (*X.shape[:axis], size, *X.shape[axis + 1 :]), latex, jax, found)


def _over(node: Node) -> str:
    axes = node.params["mesh_axes"]
    return f'"{axes[0]}"' if len(axes) == 1 else "(" + ", ".join(f'"{a}"' for a in axes) + ")"


def _tiled(function: str, keyword: str) -> Callable[[Node], str]:
    return lambda node: f"jax.lax.{function}({{0}}, {_over(node)}, {keyword}={node.params['axis']}, tiled=True)"


def _part_source(node: Node) -> str:
    size, axis = dim_source(node.params["size"]), node.params["axis"]
    return f"jax.lax.dynamic_slice_in_dim({{0}}, jax.lax.axis_index({_over(node)}) * {size}, {size}, axis={axis})"


all_reduce = _collective(
    "all_reduce",
    lambda X, mesh_axes: X.shape,
    "all-reduce",
    lambda node: f"jax.lax.psum({{0}}, {_over(node)})",
    "The sum of the parts of all devices along the mesh axes, on each of them.",
)

all_gather = _along(
    "all_gather",
    "all-gather",
    _tiled("all_gather", "axis"),
    "The parts of all devices joined along an axis, on each of them.",
)

reduce_scatter = _along(
    "reduce_scatter",
    "reduce-scatter",
    _tiled("psum_scatter", "scatter_dimension"),
    "The sum of the parts of all devices, of which each keeps its own part.",
)

part = _along(
    "part",
    "part",
    _part_source,
    "The part of an array that is a device's own; every device has the whole, so nothing is sent.",
)

COLLECTIVES = (all_reduce, all_gather, reduce_scatter)
"""Those that send."""
