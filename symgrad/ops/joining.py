"""Arrays joined, cut, shifted and repeated: concatenate and stack, and linear maps made of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import sympy

from symgrad.core.budget import limit
from symgrad.core.language import named
from symgrad.core.op import ATOM, Dim, Node, Op, Shape, as_node, is_zero, on, show_shape, zeros
from symgrad.core.signature import Signature, letters, together, without
from symgrad.core.source import symbolic
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.broadcasting import broadcast, broadcast_to, normal_axes
from symgrad.ops.indexing import dimension, exact, read_slice, take, whole
from symgrad.ops.layout import atleast_1d, atleast_2d, dims, expand_dims, ravel, reshaped
from symgrad.ops.selection import select

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


def _joined_entry(node: Node, index: Any, show: Any) -> Any:
    """Pieces side by side: at a known place one of them, at a letter cases along the axis."""
    i, axis = index[node.params["axis"]], node.params["axis"]
    sizes = [1 if node.op is stack else x.shape[axis] for x in node.args]
    starts = list(accumulate(sizes[:-1], lambda a, b: exact(a + b), initial=exact(0)))
    pieces = list(zip(node.args, starts, strict=True))
    if not i.is_number:
        return _cases(node, index, pieces, show)
    if not all(isinstance(s, int) for s in starts):
        return show.whole(node, index)
    return _piece(node, index, max((p for p in pieces if p[1] <= i), key=lambda p: p[1]), show)


def _piece(node: Node, index: Any, piece: tuple[Node, Dim], show: Any) -> Any:
    (x, start), axis = piece, node.params["axis"]
    place = [] if node.op is stack else [index[axis] - start]
    return show.at(x, (*index[:axis], *place, *index[axis + 1 :]))


def _cases(node: Node, index: Any, pieces: list[tuple[Node, Dim]], show: Any) -> Any:
    place, relation = show.place(index[node.params["axis"]]), "==" if node.op is stack else "<"
    found = _piece(node, index, pieces[-1], show)
    for piece, (_, end) in reversed(list(pairwise(pieces))):
        bound = show.bound(piece[1] if node.op is stack else end)
        found = show.of(select, place, bound, _piece(node, index, piece, show), found, relation=relation)
    return found


def _joined_axes(node: Node, own: str) -> Signature:
    """Which operand an entry comes from depends on where it stands along the axis."""
    result = letters(node)
    whole = frozenset(result[node.params["axis"]])
    return Signature(tuple(own for _ in node.args), result, whole, together(node.args), partial=True)


def _fold_joined(*operands: Node, axis: int) -> Node | None:
    return zeros(_concatenate_shape(*operands, axis=axis)) if all(map(is_zero, operands)) else None


concatenate: Op = Op(
    "concatenate",
    shape=_concatenate_shape,
    vjp=lambda Z, *rest, axis: _parts(rest[-1], [x.shape[axis] for x in rest[:-1]], axis),
    jvp=lambda Z, *rest, axis: concatenate(*rest[len(rest) // 2 :], axis=axis),
    axes=lambda node: _joined_axes(node, letters(node)),
    front=lambda node, lead: {"axis": len(lead) + node.params["axis"]},
    latex=_matrix_latex("concatenate"),
    entry=_joined_entry,
    precedence=ATOM,
    numpy=_joined_numpy("concatenate"),
    flops=lambda *X, axis: 0,
    samples=(on("m n", "k n", axis=0), on("m n", "m k", "m l", axis=1)),
    fold=lambda *X, axis: X[0] if len(X) == 1 else _fold_joined(*X, axis=axis),
    found="Each operand collects its own piece of the cotangent.",
    defines=r"$\operatorname{concatenate}_{a}(X, Y)$ holds the arrays one after the other along the axis $a$, counted from 0",
)


def _stack_shape(*operands: Node, axis: int) -> Shape:
    first = operands[0].shape
    if any(x.shape != first for x in operands):
        raise ShapeError(f"shapes {', '.join(show_shape(x.shape) for x in operands)} do not stack")
    return (*first[:axis], len(operands), *first[axis:])


def _layer(Z: Node, i: int, axis: int) -> Node:
    return take(Z, index=tuple(i if a == axis else whole(d) for a, d in enumerate(Z.shape)))


stack: Op = Op(
    "stack",
    shape=_stack_shape,
    vjp=lambda Z, *rest, axis: tuple(_layer(rest[-1], i, axis) for i in range(len(rest) - 1)),
    jvp=lambda Z, *rest, axis: stack(*rest[len(rest) // 2 :], axis=axis),
    axes=lambda node: _joined_axes(node, without(letters(node), (node.params["axis"],))),
    front=lambda node, lead: {"axis": len(lead) + node.params["axis"]},
    latex=_matrix_latex("stack"),
    entry=_joined_entry,
    precedence=ATOM,
    numpy=_joined_numpy("stack"),
    flops=lambda *X, axis: 0,
    samples=(on("n", "n", axis=0), on("n", "n", "n", axis=1), on("", "", axis=0)),
    fold=lambda *X, axis: zeros(_stack_shape(*X, axis=axis)) if all(map(is_zero, X)) else None,
    found="Each operand collects its own layer of the cotangent.",
    defines=r"$\operatorname{stack}_{a}(X, Y)$ holds the arrays side by side along a new axis $a$, counted from 0",
)


def operands_of(arrays: Any) -> list[Node]:
    if isinstance(arrays, Node):
        if not arrays.ndim or not isinstance(arrays.shape[0], int):
            raise UnsupportedError("an array of symbolic length does not fall apart into a list; write the arrays out")
        return [_layer(arrays, i, 0) for i in range(arrays.shape[0])]
    if not isinstance(arrays, tuple | list) or not arrays:
        raise InputError("a list of arrays is needed, such as [x, y]")
    return [array(x) for x in arrays]


@named("asarray")
def asarray(a: Any, dtype: Any = None) -> Node:
    return array(a)


@named("array")
def array(a: Any, dtype: Any = None) -> Node:
    """The array itself; a list of lists of numbers and arrays is stacked."""
    return stack_of(a) if isinstance(a, tuple | list) else as_node(a)


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
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> tuple[Node, ...]:
    """Equal pieces, or pieces between the given cuts."""
    X = as_node(ary)
    (a,) = normal_axes(X, axis)
    if isinstance(indices_or_sections, tuple | list):
        cuts = [None, *indices_or_sections, None]
        entries = [read_slice(slice(*pair), X.shape[a]) for pair in pairwise(cuts)]
        return tuple(take(X, index=tuple(e if b == a else whole(d) for b, d in enumerate(X.shape))) for e in entries)
    part = exact(symbolic(X.shape[a]) / indices_or_sections)
    return _parts(X, [part] * int(indices_or_sections), a)


# linear maps of one array -------------------------------------------------------------------------------------------------


def _along(X: Node, part: slice, axis: int) -> Node:
    """A slice of one axis."""
    return take(X, index=tuple(read_slice(part, d) if a == axis else whole(d) for a, d in enumerate(X.shape)))


@named("flip")
def flip(m: Any, axis: Any = None) -> Node:
    X = as_node(m)
    for a in normal_axes(X, axis):
        X = _along(X, slice(None, None, -1), a)
    return X


@named("roll")
def roll(a: Any, shift: int, axis: Any = None) -> Node:
    X = as_node(a)
    if axis is None and X.ndim != 1:
        raise UnsupportedError("roll of all axes at once is not read; name one axis")
    (k,) = normal_axes(X, 0 if axis is None else axis)
    shift = shift % X.shape[k] if isinstance(X.shape[k], int) else shift
    return X if shift == 0 else concatenate(_along(X, slice(-shift, None), k), _along(X, slice(None, -shift), k), axis=k)


@named("diff")
def diff(a: Any, n: int = 1, axis: int = -1) -> Node:
    """Differences of neighbours, n times over."""
    X = as_node(a)
    (k,) = normal_axes(X, axis)
    for _ in range(n):
        X = _along(X, slice(1, None), k) - _along(X, slice(None, -1), k)
    return X


@named("repeat", method=True)
def repeat(a: Any, repeats: int, axis: Any = None) -> Node:
    X = ravel(a) if axis is None else as_node(a)
    (k,) = normal_axes(X, 0 if axis is None else axis)
    wide = broadcast(
        X, shape=(*X.shape[: k + 1], dimension(repeats), *X.shape[k + 1 :]), axes=tuple(i + (i > k) for i in range(X.ndim))
    )
    return reshaped(wide, (*X.shape[:k], exact(X.shape[k] * repeats), *X.shape[k + 1 :]))


def _copies(count: Any) -> int:
    """How often an array stands in a row of copies, each written out."""
    if not 0 < count <= limit("items"):
        raise UnsupportedError(f"from 1 to {limit('items')} copies of an array are read; write broadcast_to for more")
    return int(count)


@named("tile")
def tile(A: Any, reps: Any) -> Node:
    X, counts = as_node(A), dims(reps)
    X = broadcast_to(X, (1,) * (len(counts) - X.ndim) + X.shape) if len(counts) > X.ndim else X
    for axis, count in enumerate((1,) * (X.ndim - len(counts)) + counts):
        X = concatenate(*[X] * _copies(count), axis=axis)
    return X
