"""Arrays filled with one number or counting up, and casts, which change nothing here."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.errors import UnsupportedError
from symgrad.language import named
from symgrad.op import OPERATORS, Node, as_node, leaf
from symgrad.ops.arithmetic import multiply
from symgrad.ops.broadcasting import broadcast_to, fill
from symgrad.ops.indexing import exact
from symgrad.ops.layout import dims
from symgrad.source import dim_source, symbolic

# filled arrays ------------------------------------------------------------------------------------------------------------

counting = leaf(
    "arange",
    lambda node, show: rf"(0, \ldots, {show.size(node.shape[0] - 1)})",
    lambda node: f"np.arange({dim_source(node.shape[0])}, dtype=_dtype)",
    lambda n: (n,),
)


@named("arange")
def arange(start: Any, stop: Any = None, step: int = 1, dtype: Any = None) -> Node:
    first, last = (0, start) if stop is None else (start, stop)
    (count,) = dims(sympy.ceiling(symbolic(last - first) / step) if step != 1 else last - first)
    return multiply(step, counting(n=count)) + first


@named("linspace")
def linspace(start: Any, stop: Any, num: Any = 50) -> Node:
    return multiply(OPERATORS["divide"](OPERATORS["subtract"](stop, start), num - 1), counting(n=exact(num))) + start


@named("zeros")
def zeros_of(shape: Any, dtype: Any = None) -> Node:
    return fill(0, dims(shape))


@named("ones")
def ones_of(shape: Any, dtype: Any = None) -> Node:
    return fill(1, dims(shape))


@named("full")
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Node:
    return broadcast_to(as_node(fill_value), dims(shape))


@named("zeros_like")
def zeros_like(a: Any, dtype: Any = None) -> Node:
    return fill(0, as_node(a).shape)


@named("ones_like")
def ones_like(a: Any, dtype: Any = None) -> Node:
    return fill(1, as_node(a).shape)


@named("full_like")
def full_like(a: Any, fill_value: Any, dtype: Any = None) -> Node:
    return broadcast_to(as_node(fill_value), as_node(a).shape)


@named("copy", method=True)
def same(a: Any) -> Node:
    return as_node(a)


@named("astype", method=True)
def astype(x: Any, dtype: Any) -> Node:
    """Everything is float64 here; a cast to integers would cut decimals off, so it is refused."""
    word = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", "float")
    if "float" not in word and word not in ("double", "single"):
        raise UnsupportedError("a cast to integers or booleans is not read; declare labels with the property int")
    return as_node(x)
