"""Taking a block out of an array, and its adjoint: an array of zeros with the block put in.

An index holds one entry an axis: a position, which drops the axis, or (start, size, step).  All may be expressions in the
dimensions, counted from 0 as in the code.
"""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.builders import linear
from symgrad.core.explicit import by_entries, entry
from symgrad.core.explicit import index as letter
from symgrad.core.op import ATOM, Dim, Node, Op, Shape, on, show_shape, size
from symgrad.core.signature import FIRST, opaque
from symgrad.core.source import dim_source, symbolic, tuple_source
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.parts import Entry, Index, apart


def exact(dim: Any) -> Dim:
    """A dimension in normal form; refused where it is no polynomial in the named ones."""
    if isinstance(dim, int):
        return dim
    dim = sympy.expand(sympy.cancel(dim))
    if dim.is_Integer:
        return int(dim)
    if dim.is_integer is not True or not dim.is_polynomial(*dim.free_symbols):
        way_out = "is no whole number" if dim.is_number else "need not be a whole number; declare the axis as a multiple: 2*d"
        raise UnsupportedError(f"the size {dim} {way_out}")
    return dim


def dimension(value: Any) -> Dim:
    """A size as users write it: a whole number that is not negative, or an expression in the dimensions."""
    if isinstance(value, bool) or not isinstance(value, int | sympy.Expr):
        raise InputError("a size is an integer or a dimension such as x.shape[0]")
    found = exact(value)
    if symbolic(found).is_negative:
        raise InputError(f"{found} is no size; sizes are not negative")
    return found


def kept_part(shape: Shape, index: Index) -> Shape:
    if len(index) != len(shape):
        raise ShapeError(f"an index of {len(index)} entries does not fit shape {show_shape(shape)}")
    return tuple(e[1] for e in index if isinstance(e, tuple))


# one entry, as Python and LaTeX both write it -----------------------------------------------------------------------------


def _position(place: Any, dim: Dim, word: Any) -> str:
    """A position, counted from the end where only that is a number."""
    if not isinstance(place, int) and isinstance(below := exact(place - dim), int) and below < 0:
        return str(below)
    return str(word(place))


def _entry(entry: Entry, dim: Dim, word: Any) -> str:
    if not isinstance(entry, tuple):
        return _position(entry, dim, word)
    start, count, step = entry
    first, last = (0, dim) if step > 0 else (exact(dim - 1), -1)
    stop = exact(start + count) if step == 1 else exact(start + (count - 1) * step + (1 if step > 0 else -1))
    lower = "" if start == first else _position(start, dim, word)
    upper = "" if stop == last else _position(stop, dim, word)
    return f"{lower}:{upper}" + (f":{step}" if step != 1 else "")


def index_text(index: Index, shape: Shape, word: Any = dim_source) -> str:
    entries = [_entry(e, d, word) for e, d in zip(index, shape, strict=True)]
    while len(entries) > 1 and entries[-1] == ":" and word is dim_source:
        entries.pop()
    return ", ".join(entries)


def wholes(shape: Shape) -> Index:
    return tuple(whole(d) for d in shape)


# take and put -------------------------------------------------------------------------------------------------------------


def _take_latex(node: Node, show: Any) -> str:
    (x,) = node.args
    where = index_text(node.params["index"], x.shape, show.size)
    return rf"\left[ {show(x, 0)} \right]_{{{where}}}"


def _take_sympy(node: Node, x: Any) -> Any:
    """A block by its entries."""
    free: list[Any] = []
    places: list[Any] = []
    for place in node.params["index"]:
        if not isinstance(place, tuple):
            places.append(symbolic(place))
            continue
        free.append(letter("ij"[len(free)]))
        places.append(place[0] + place[2] * free[-1])
    return by_entries(node.shape, free, entry(x, places), [])


def _fold_take(X: Node, index: Index) -> Node | None:
    whole = all(isinstance(e, tuple) and e == (0, d, 1) for e, d in zip(index, X.shape, strict=True))
    if whole:
        return X
    if X.op.name == "put" and X.params["index"] == index:
        return X.args[0]
    if X.op.name == "overwrite" and X.params["index"] == index:
        return X.args[1]
    return take(X.args[0], index=index) if X.op.name == "overwrite" and apart(X.params["index"], index) else None


def _take_entry(node: Node, index: Any, show: Any) -> Any:
    kept = iter(index)
    return show.at(node.args[0], [e[0] + e[2] * next(kept) if isinstance(e, tuple) else e for e in node.params["index"]])


take: Op = linear(
    "take",
    shape=lambda X, index: kept_part(X.shape, index),
    vjp=lambda Z, X, Z_bar, index: (put(Z_bar, shape=X.shape, index=index),),
    axes=lambda node: opaque(node, FIRST),
    front=lambda node, lead: {"index": wholes(lead) + node.params["index"]},
    latex=_take_latex,
    sympy=_take_sympy,
    entry=_take_entry,
    precedence=ATOM,
    numpy=lambda node: f"{{0}}[{index_text(node.params['index'], node.args[0].shape)}]",
    flops=lambda X, **_: 0,
    samples=(
        on("m n", index=((0, sympy.Symbol("m", integer=True, positive=True), 1), 0)),
        on("4", index=((1, 3, 1),)),
        on("4", index=((3, 2, -2),)),
    ),
    fold=_fold_take,
    found="<G, dX[i]> is <G put at i among zeros, dX>.",
    defines=(r"$\left[ X \right]_{i}$ is the entry of $X$ at $i$, counted from 0, and the part of $X$ where $i$ is a range $a:b$"),
)


def _put_shape(X: Node, *, shape: Shape, index: Index) -> Shape:
    if kept_part(shape, index) != X.shape:
        raise ShapeError(f"a block of shape {show_shape(X.shape)} does not fit the index into {show_shape(shape)}")
    return shape


def _put_latex(node: Node, show: Any) -> str:
    where = index_text(node.params["index"], node.shape, show.size)
    return rf"\operatorname{{put}}_{{{where}}}{show.argument(node.args[0])}"


def _put_sympy(node: Node, x: Any) -> Any:
    """Zeros with a block put in: E X F^T with columns of the identity in E and F."""
    index = node.params["index"]
    E, *F = (_columns(size, place) for size, place in zip(node.shape, index, strict=True))
    if len(index) == 2 and not isinstance(index[0], tuple) and isinstance(index[1], tuple):
        x = x.T
    left = E * x if getattr(x, "is_Matrix", False) else x * E
    return left * F[0].T if F else left


def _columns(size: Any, place: Any) -> Any:
    """The columns of the identity that an index names; no KroneckerDelta, whose sums SymPy evaluates beyond the last entry."""
    start, count, step = place if isinstance(place, tuple) else (place, 1, 1)
    i, k = letter("i"), letter("k")
    one = sympy.Piecewise((1, sympy.Eq(i, start + step * k)), (0, True))
    return sympy.FunctionMatrix(size, count, sympy.Lambda((i, k), one))


def _put_entry(node: Node, index: Any, show: Any) -> Any:
    marks: list[Any] = []
    places: list[Any] = []
    for e, i, d in zip(node.params["index"], index, node.shape, strict=True):
        if not isinstance(e, tuple):
            marks.append(show.equal(i, e))
            continue
        start, count, step = e
        if step not in (1, -1) or (step == -1 and count != d):
            return show.whole(node, index)
        places.append(0 if count == 1 else sympy.expand((i - start) * step))
        marks += _within(i, start, exact(start + count), d, show) if step == 1 else []
    return show.product(*marks, show.at(node.args[0], places))


def _within(i: sympy.Expr, start: Dim, stop: Dim, d: Dim, show: Any) -> list[Any]:
    """Does the index lie in a block?"""
    low = [show.indicator(i, r"\ge", start)] if start != 0 else []
    return [*low, show.indicator(i, "<", stop)] if stop != d else low


def _fold_put(X: Node, shape: Shape, index: Index) -> Node | None:
    """A block that is the whole array."""
    return X if index == wholes(shape) else None


put: Op = linear(
    "put",
    shape=_put_shape,
    vjp=lambda Z, X, Z_bar, shape, index: (take(Z_bar, index=index),),
    axes=lambda node: opaque(node, FIRST),
    front=lambda node, lead: {"shape": lead + node.shape, "index": wholes(lead) + node.params["index"]},
    latex=_put_latex,
    sympy=_put_sympy,
    entry=_put_entry,
    precedence=ATOM,
    numpy=lambda node: f"_put({{0}}, {tuple_source(node.shape)}, np.s_[{index_text(node.params['index'], node.shape)}])",
    helpers=("_put",),
    flops=lambda X, **_: size(X),
    samples=(on("2", shape=(4,), index=((1, 2, 1),)), on("", shape=(3,), index=(1,))),
    fold=_fold_put,
    found="The adjoint of take: <G, put(dX)> = <G[i], dX>.",
    defines=r"$\operatorname{put}_{i}(x)$ is the array of zeros with $x$ at $i$",
)


# reading an index ---------------------------------------------------------------------------------------------------------


def whole(dim: Dim) -> Entry:
    return (0, dim, 1)


def read_position(place: Any, dim: Dim) -> Dim:
    """A position on an axis, negative ones counted from the end."""
    if isinstance(place, range):
        raise UnsupportedError("a range is no index here; write np.arange(n)")
    if isinstance(place, list | tuple) and all(isinstance(p, int) and not isinstance(p, bool) for p in place):
        raise UnsupportedError("a list is no index here; write it as an array of labels, np.array([...])")
    if isinstance(place, bool) or not isinstance(place, int | sympy.Expr):
        raise UnsupportedError("an index is an integer, a slice, None or an array of integer labels")
    if isinstance(place, sympy.Expr) and not place.is_integer:
        raise InputError(f"the index {place} is no whole number; indices are integers")
    place = exact(place)
    found = exact(dim + place) if symbolic(place).is_negative else place
    if symbolic(found).is_negative or (symbolic(found) - symbolic(dim)).is_nonnegative:
        raise InputError(f"index {place} is out of range for an axis of {dim}")
    return found


def read_slice(part: slice, dim: Dim) -> Entry:
    """A slice of an axis.  Against a symbolic axis the step is 1, -1 over all of it, or divides it."""
    bounds = (part.start, part.stop, part.step)
    if isinstance(dim, int) and all(b is None or isinstance(b, int) for b in bounds):
        places = range(*part.indices(dim))
        if not places:
            raise InputError(f"the slice {_spelled(part)} of an axis of {dim} is empty")
        return (places[0], len(places), part.step or 1)
    step = 1 if part.step is None else part.step
    if step == 1:
        start, stop = _bound(part.start, 0, dim), _bound(part.stop, dim, dim)
        count = exact(stop - start)
        if (isinstance(count, int) and count <= 0) or (not isinstance(count, int) and count.is_negative):
            raise InputError(f"the slice {_spelled(part)} of an axis of {dim} is empty")
        return (start, count, 1)
    if part.start is None and part.stop is None and isinstance(step, int):
        if step == -1:
            return (exact(dim - 1), dim, -1)
        if step > 1 and (symbolic(dim) / step).is_integer:
            return (0, exact(symbolic(dim) / step), step)
    raise UnsupportedError(f"the slice {_spelled(part)} of a symbolic axis {dim} is not read; give that axis a number")


def _bound(bound: Any, default: Dim, dim: Dim) -> Dim:
    if bound is None:
        return default
    if isinstance(bound, bool) or not isinstance(bound, int | sympy.Expr):
        raise UnsupportedError("a bound of a slice is an integer or a dimension, known on reading; mask with where instead")
    bound = exact(bound)
    negative = bound < 0 if isinstance(bound, int) else bound.is_negative
    return exact(dim + bound) if negative else bound


def _spelled(part: slice) -> str:
    texts = ["" if b is None else str(b) for b in (part.start, part.stop, part.step)]
    return ":".join(texts if texts[2] else texts[:2])
