"""Arrays filled with one number or counting up, and casts, which change nothing here."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.language import named
from symgrad.core.op import OPERATORS, Node, as_node, leaf, value_of
from symgrad.core.source import dim_source, symbolic
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.arithmetic import multiply
from symgrad.ops.broadcasting import broadcast_to, fill
from symgrad.ops.indexing import dimension
from symgrad.ops.layout import dims

# filled arrays ------------------------------------------------------------------------------------------------------------

counting = leaf(
    "arange",
    lambda node, show: rf"(0, \ldots, {show.size(node.shape[0] - 1)})",
    lambda node: f"np.arange({dim_source(node.shape[0])}, dtype=_dtype)",
    lambda n: (n,),
    entry=lambda node, index, show: show.place(*index),
)


@named("arange")
def arange(start: Any, stop: Any = None, step: int = 1, dtype: Any = None) -> Node:
    first, last = (0, start) if stop is None else (start, stop)
    if step == 0:
        raise InputError("arange needs a step that is not zero")
    (count,) = dims(sympy.ceiling(symbolic(last - first) / step) if step != 1 else last - first)
    return multiply(step, counting(n=count)) + first


@named("linspace")
def linspace(start: Any, stop: Any, num: Any = 50) -> Node:
    count = dimension(num)
    steps = counting(n=count)
    return steps * 0 + start if count == 1 else OPERATORS["subtract"](stop, start) / (count - 1) * steps + start


@named("zeros")
def zeros_of(shape: Any, dtype: Any = None) -> Node:
    return fill(0, dims(shape))


@named("empty")
def empty(shape: Any, dtype: Any = None) -> Node:
    """jax's holds zeros; of NumPy's the reader knows that it holds nothing."""
    return zeros_of(shape)


@named("empty_like")
def empty_like(a: Any, dtype: Any = None) -> Node:
    return zeros_like(a)


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
    X, value = as_node(a), as_node(fill_value)
    number = value_of(value)
    if "int" in X.params.get("properties", ()) and (number is None or not number.is_integer):
        raise UnsupportedError("full_like of integers cuts decimals off; write full(x.shape, value)")
    return broadcast_to(value, X.shape)


@named("copy", method=True)
def _same(a: Any) -> Node:
    return as_node(a)


@named("astype", method=True)
def astype(x: Any, dtype: Any) -> Node:
    """Everything is float64 here; a cast to integers would cut decimals off, so it is refused."""
    if isinstance(dtype, Node):
        raise InputError("a type is no array; write x.astype(float)")
    word = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", "float")
    if "float" not in word and word not in ("double", "single"):
        raise UnsupportedError("a cast to integers or booleans is not read; declare labels with the property int")
    return as_node(x)
