"""Entries moved, joined and copied, never changed: reshape, concatenate, stack, and the arrays that are filled with one number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import sympy

from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.language import named
from symgrad.op import ATOM, OPERATORS, Dim, Node, Op, Shape, _leaf, as_node, is_zero, linear, on, show_shape, size, zeros
from symgrad.ops.arithmetic import multiply
from symgrad.ops.broadcasting import broadcast, broadcast_to, expand, fill, normal_axes, sum_
from symgrad.ops.indexing import exact, read_slice, take, whole
from symgrad.ops.product import transpose
from symgrad.source import dim_source, tuple_source

# reshape ----------------------------------------------------------------------------------------------------------------


def _reshape_shape(X: Node, *, shape: Shape) -> Shape:
    if exact(size(X) - sympy.Mul(*shape)) != 0:
        raise ShapeError(f"shape {show_shape(X.shape)} does not reshape to {show_shape(shape)}")
    return shape


def _reshape_latex(node: Node, show: Any) -> str:
    dims = r" \times ".join(sympy.latex(d) for d in node.shape)
    return rf"\operatorname{{reshape}}_{{{dims}}}{show.argument(node.args[0])}"


def _fold_reshape(X: Node, shape: Shape) -> Node | None:
    if X.shape == shape:
        return X
    return reshape(X.args[0], shape=shape) if X.op is reshape else None


reshape = linear(
    "reshape",
    shape=_reshape_shape,
    vjp=lambda Z, X, Z_bar, shape: (reshape(Z_bar, shape=X.shape),),
    latex=_reshape_latex,
    precedence=ATOM,
    numpy=lambda node: f"{{0}}.reshape({tuple_source(node.shape)})",
    flops=lambda X, **_: 0,
    samples=(on("3 4", shape=(2, 6)), on("3 4", shape=(12,))),
    fold=_fold_reshape,
    found="Entries keep their order: the adjoint reshapes back.",
)


def reshaped(X: Node, shape: Shape) -> Node:
    """Row-major; where only axes of size one come or go, a broadcast or a sum says so."""
    if [d for d in X.shape if d != 1] != [d for d in shape if d != 1]:
        return reshape(X, shape=shape)
    bare = sum_(X, axes=tuple(a for a, d in enumerate(X.shape) if d == 1))
    return broadcast(bare, shape=shape, axes=tuple(a for a, d in enumerate(shape) if d != 1)) if bare.shape != shape else bare


def dims(shape: Any) -> Shape:
    """A shape as users write it: a number, a dimension or a tuple of those."""
    entries = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    for d in entries:
        if isinstance(d, bool) or not isinstance(d, int | sympy.Expr):
            raise InputError(f"{d!r} is no dimension; a shape holds integers and dimensions such as x.shape[0]")
    return tuple(exact(d) for d in entries)


@named("reshape", method=True)
def reshape_of(a: Any, *shape: Any, order: str = "C") -> Node:
    if order != "C":
        raise UnsupportedError("reshape reads rows first; transpose before and after for another order")
    X, wanted = as_node(a), dims(shape[0] if len(shape) == 1 else shape)
    if wanted.count(-1) > 1:
        raise InputError("reshape takes one -1 at most")
    known = sympy.Mul(*(d for d in wanted if d != -1))
    return reshaped(X, tuple(exact(size(X) / known) if d == -1 else d for d in wanted))


@named("ravel", "flatten", method=True)
def ravel(a: Any) -> Node:
    return reshape_of(a, -1)


# concatenate and stack --------------------------------------------------------------------------------------------------


def _concatenate_shape(*operands: Node, axis: int) -> Shape:
    first = operands[0].shape
    for x in operands:
        if not 0 <= axis < x.ndim or x.shape[:axis] + x.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            shapes = ", ".join(show_shape(x.shape) for x in operands)
            raise ShapeError(f"shapes {shapes} do not join along axis {axis}")
    return (*first[:axis], exact(sympy.Add(*(x.shape[axis] for x in operands))), *first[axis + 1 :])


def _parts(Z: Node, sizes: Sequence[Dim], axis: int) -> tuple[Node, ...]:
    """Z cut along an axis into pieces of these sizes."""
    pieces, start = [], exact(0)
    for d in sizes:
        index = tuple((start, d, 1) if a == axis else whole(n) for a, n in enumerate(Z.shape))
        pieces.append(take(Z, index=index))
        start = exact(start + d)
    return tuple(pieces)


def _matrix_latex(word: str) -> Any:
    def latex(node: Node, show: Any) -> str:
        if node.ndim > 2:
            inside = ", ".join(show(x, 0) for x in node.args)
            return rf"\operatorname{{{word}}}_{{{node.params['axis']}}}({inside})"
        between = r" \\ " if node.params["axis"] == 0 else " & "
        rows = [show.transposed(x) if word == "stack" and node.ndim == 2 and between != " & " else show(x, 0) for x in node.args]
        return rf"\begin{{bmatrix}} {between.join(rows)} \end{{bmatrix}}"

    return latex


def _joined_numpy(word: str) -> Any:
    def numpy(node: Node) -> str:
        inside = ", ".join(f"{{{i}}}" for i in range(len(node.args)))
        axis = f", axis={node.params['axis']}" if node.params["axis"] else ""
        return f"np.{word}([{inside}]{axis})"

    return numpy


def _fold_joined(*operands: Node, axis: int) -> Node | None:
    return zeros(_concatenate_shape(*operands, axis=axis)) if all(map(is_zero, operands)) else None


concatenate = Op(
    "concatenate",
    shape=_concatenate_shape,
    vjp=lambda Z, *rest, axis: _parts(rest[-1], [x.shape[axis] for x in rest[:-1]], axis),
    jvp=lambda Z, *rest, axis: concatenate(*rest[len(rest) // 2 :], axis=axis),
    latex=_matrix_latex("concatenate"),
    precedence=ATOM,
    numpy=_joined_numpy("concatenate"),
    flops=lambda *X, axis: 0,
    samples=(on("m n", "k n", axis=0), on("m n", "m k", "m l", axis=1)),
    fold=lambda *X, axis: X[0] if len(X) == 1 else _fold_joined(*X, axis=axis),
    found="Each operand collects its own piece of the cotangent.",
)


def _stack_shape(*operands: Node, axis: int) -> Shape:
    first = operands[0].shape
    if any(x.shape != first for x in operands):
        raise ShapeError(f"shapes {', '.join(show_shape(x.shape) for x in operands)} do not stack")
    return (*first[:axis], len(operands), *first[axis:])


def _layer(Z: Node, i: int, axis: int) -> Node:
    return take(Z, index=tuple(i if a == axis else whole(d) for a, d in enumerate(Z.shape)))


stack = Op(
    "stack",
    shape=_stack_shape,
    vjp=lambda Z, *rest, axis: tuple(_layer(rest[-1], i, axis) for i in range(len(rest) - 1)),
    jvp=lambda Z, *rest, axis: stack(*rest[len(rest) // 2 :], axis=axis),
    latex=_matrix_latex("stack"),
    precedence=ATOM,
    numpy=_joined_numpy("stack"),
    flops=lambda *X, axis: 0,
    samples=(on("n", "n", axis=0), on("n", "n", "n", axis=1), on("", "", axis=0)),
    fold=lambda *X, axis: zeros(_stack_shape(*X, axis=axis)) if all(map(is_zero, X)) else None,
    found="Each operand collects its own layer of the cotangent.",
)


def operands_of(arrays: Any) -> list[Node]:
    if isinstance(arrays, Node):
        if not arrays.ndim or not isinstance(arrays.shape[0], int):
            raise UnsupportedError("an array of symbolic length does not fall apart into a list; write the arrays out")
        return [_layer(arrays, i, 0) for i in range(arrays.shape[0])]
    if not isinstance(arrays, tuple | list) or not arrays:
        raise InputError("a list of arrays is needed, such as [x, y]")
    return [array(x) for x in arrays]


@named("concatenate", "concat")
def concatenate_of(arrays: Any, axis: Any = 0) -> Node:
    operands = operands_of(arrays)
    if axis is None:
        operands, axis = [ravel(x) for x in operands], 0
    (normal,) = normal_axes(operands[0], axis)
    return concatenate(*operands, axis=normal)


@named("append")
def append(arr: Any, values: Any, axis: Any = None) -> Node:
    return concatenate_of((arr, values), axis)


@named("stack")
def stack_of(arrays: Any, axis: int = 0) -> Node:
    operands = operands_of(arrays)
    ndim = operands[0].ndim + 1
    if not -ndim <= axis < ndim:
        raise InputError(f"axis {axis} is out of range for a stack of rank {ndim}")
    return stack(*operands, axis=axis % ndim)


@named("hstack")
def hstack(tup: Any) -> Node:
    operands = [atleast_1d(x) for x in operands_of(tup)]
    return concatenate_of(operands, 0 if operands[0].ndim == 1 else 1)


@named("vstack")
def vstack(tup: Any) -> Node:
    operands = operands_of(tup)
    return stack_of(operands) if all(x.ndim == 1 for x in operands) else concatenate_of([atleast_2d(x) for x in operands], 0)


@named("column_stack")
def column_stack(tup: Any) -> Node:
    operands = operands_of(tup)
    if all(x.ndim == 1 for x in operands):
        return stack_of(operands, 1)
    return concatenate_of([expand_dims(x, 1) if x.ndim == 1 else x for x in operands], 1)


@named("split")
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> tuple[Node, ...]:
    """Equal pieces, or pieces between the given cuts."""
    X = as_node(ary)
    (a,) = normal_axes(X, axis)
    if isinstance(indices_or_sections, tuple | list):
        cuts = [None, *indices_or_sections, None]
        entries = [read_slice(slice(*pair), X.shape[a]) for pair in pairwise(cuts)]
        return tuple(take(X, index=tuple(e if b == a else whole(d) for b, d in enumerate(X.shape))) for e in entries)
    part = exact(sympy.sympify(X.shape[a]) / indices_or_sections)
    return _parts(X, [part] * int(indices_or_sections), a)


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


# linear maps of one array -------------------------------------------------------------------------------------------------


def along(X: Node, part: slice, axis: int) -> Node:
    """A slice of one axis."""
    return take(X, index=tuple(read_slice(part, d) if a == axis else whole(d) for a, d in enumerate(X.shape)))


@named("flip")
def flip(m: Any, axis: Any = None) -> Node:
    X = as_node(m)
    for a in normal_axes(X, axis):
        X = along(X, slice(None, None, -1), a)
    return X


@named("roll")
def roll(a: Any, shift: int, axis: Any = None) -> Node:
    X = as_node(a)
    if axis is None and X.ndim != 1:
        raise UnsupportedError("roll of all axes at once is not read; name one axis")
    (k,) = normal_axes(X, 0 if axis is None else axis)
    shift = shift % X.shape[k] if isinstance(X.shape[k], int) else shift
    return X if shift == 0 else concatenate(along(X, slice(-shift, None), k), along(X, slice(None, -shift), k), axis=k)


@named("diff")
def diff(a: Any, n: int = 1, axis: int = -1) -> Node:
    """Differences of neighbours, n times over."""
    X = as_node(a)
    (k,) = normal_axes(X, axis)
    for _ in range(n):
        X = along(X, slice(1, None), k) - along(X, slice(None, -1), k)
    return X


@named("repeat", method=True)
def repeat(a: Any, repeats: int, axis: Any = None) -> Node:
    X = ravel(a) if axis is None else as_node(a)
    (k,) = normal_axes(X, 0 if axis is None else axis)
    wide = broadcast(X, shape=(*X.shape[: k + 1], repeats, *X.shape[k + 1 :]), axes=tuple(i + (i > k) for i in range(X.ndim)))
    return reshaped(wide, (*X.shape[:k], exact(X.shape[k] * repeats), *X.shape[k + 1 :]))


@named("tile")
def tile(A: Any, reps: Any) -> Node:
    X, counts = as_node(A), dims(reps)
    X = broadcast_to(X, (1,) * (len(counts) - X.ndim) + X.shape) if len(counts) > X.ndim else X
    for axis, count in enumerate((1,) * (X.ndim - len(counts)) + counts):
        X = concatenate(*[X] * int(count), axis=axis)
    return X


# filled arrays ------------------------------------------------------------------------------------------------------------

counting = _leaf(
    "arange",
    lambda node, show: rf"(0, \ldots, {sympy.latex(exact(node.shape[0] - 1))})",
    lambda node: f"np.arange({dim_source(node.shape[0])})",
    lambda n: (n,),
)


@named("arange")
def arange(start: Any, stop: Any = None, step: int = 1, dtype: Any = None) -> Node:
    first, last = (0, start) if stop is None else (start, stop)
    (count,) = dims(sympy.ceiling(sympy.sympify(last - first) / step) if step != 1 else last - first)
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


@named("array", "asarray")
def array(a: Any, dtype: Any = None) -> Node:
    """The array itself; a list of lists of numbers and arrays is stacked."""
    return stack_of(a) if isinstance(a, tuple | list) else as_node(a)


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


# stop_gradient ------------------------------------------------------------------------------------------------------------

stop_gradient = Op(
    "stop_gradient",
    shape=lambda X: X.shape,
    vjp=lambda Z, X, Z_bar: (zeros(X.shape),),
    jvp=lambda Z, X, X_dot: zeros(X.shape),
    latex=r"\operatorname{sg}(#1)",
    precedence=ATOM,
    numpy="+{0}",
    flops=lambda X: 0,
    samples=(),
    found="The value passes, the derivative is declared zero; no difference quotient shows it, so there is no sample.",
)
named("stop_gradient")(lambda x: stop_gradient(as_node(x)))
