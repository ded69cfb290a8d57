"""Where an index of an array points to, as a place to read and to write: a part, what a condition marks, what labels pick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symgrad.core.language import LANGUAGE, METHODS
from symgrad.core.op import OPERATORS, Node, as_node, show_shape
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.broadcasting import broadcast_to
from symgrad.ops.indexing import exact, read_position, whole
from symgrad.ops.integers import counts, is_condition, labels
from symgrad.ops.joining import stack
from symgrad.ops.labels import scatter
from symgrad.ops.layout import reshaped
from symgrad.ops.writing import added, added_on_diagonal, masked, on_diagonal, overwrite, picked
from symgrad.reading.arrays import Array, plain_array
from symgrad.reading.dialects import Dialect

Change = Callable[[Node, Node], Node]

_TWICE = "labels may name a place twice, of which NumPy keeps the last; write it with one_hot or where"


@dataclass(frozen=True)
class Place:
    """A place in an array that is told by values: what stands there, the array with something else there, or with more of it."""

    get: Callable[[Node], Node]
    put: Change
    add: Change | None = None
    is_marked: bool = False


def is_part(index: Any) -> bool:
    """Whether an index is made of positions, slices and None, so that NumPy shows a part of the array."""
    entries = index if isinstance(index, tuple) else (index,)
    return not any(isinstance(e, Node | list | range) for e in entries)


def as_labels(index: Any) -> Any:
    """Lists and ranges of NumPy's index as arrays of labels."""
    if isinstance(index, tuple):
        return tuple(as_labels(e) for e in index)
    return LANGUAGE["array"](list(index)) if listed_places(index) else index


def listed_places(index: Any) -> bool:
    """Whether it is a list of places that are known on reading."""
    is_list = isinstance(index, list | range) and len(index) > 0
    return is_list and all(isinstance(i, int) and not isinstance(i, bool) for i in index)


def rows_at(A: Node, places: list[int]) -> Node:
    """The rows at these places, one after the other."""
    return stack(*(METHODS["__getitem__"](A, i) for i in places), axis=0)


def place_in(X: Array, index: Any) -> Place:
    """The place of an index with conditions or labels."""
    entries = index if isinstance(index, tuple) else (index,)
    while len(entries) > 1 and _is_whole(entries[-1]):
        entries = entries[:-1]
    if len(entries) == 1 and listed_places(entries[0]):
        return _one_by_one([exact(read_position(i, X.shape[0])) for i in entries[0]])
    entries = as_labels(entries)
    nodes = [e if is_condition(e) else labels(e, "an index") for e in entries if isinstance(e, Node)]
    if len(entries) == 1 and nodes and is_condition(nodes[0]):
        return marked(X, nodes[0])
    if len(entries) == len(nodes) == X.ndim == 2:
        return _paired(X, *nodes)
    if len(entries) == 1 and nodes and counts(nodes[0], X.shape[0]):
        return Place(lambda A: A, lambda A, Y: broadcast_to(Y, A.shape), lambda A, Y: OPERATORS["add"](A, Y))
    if len(entries) == 1 and nodes:
        return _rows(nodes[0], X.library)
    raise UnsupportedError(
        "writing there is not read; a part, a condition, x[arange(n), y] and x[y, arange(n)] are, write it in steps or with where"
    )


def _is_whole(entry: Any) -> bool:
    return entry is ... or entry == slice(None)


def marked(X: Array, c: Node) -> Place:
    """What a condition marks, which speaks of the leading axes."""
    if c.shape != X.shape[: c.ndim]:
        raise InputError(f"the condition is {show_shape(c.shape)}, and the array {show_shape(X.shape)}")
    return Place(lambda A: A, lambda A, Y: masked(A, c, Y), is_marked=True)


def _paired(X: Array, first: Node, second: Node) -> Place:
    full = [counts(first, X.shape[0]), counts(second, X.shape[1])]
    get: Callable[[Node], Node] = lambda A: METHODS["__getitem__"](A, (first, second))  # noqa: E731
    if first is second and full[0] and X.shape[0] == X.shape[1]:
        return Place(get, on_diagonal, added_on_diagonal)
    if True not in full or all(full):
        raise UnsupportedError(_TWICE)
    axis, y = (1, second) if full[0] else (0, first)
    return Place(get, lambda A, Y: picked(A, y, axis, Y), lambda A, Y: added(A, y, axis, Y))


def _one_by_one(places: list[Any]) -> Place:
    """Rows at places that are known: the last that is written to a row stays there."""

    def put(A: Node, Y: Node) -> Node:
        rows = broadcast_to(Y, (len(places), *A.shape[1:]))
        for n, i in enumerate(places):
            A = overwrite(A, METHODS["__getitem__"](rows, n), index=(i, *map(whole, A.shape[1:])))
        return A

    def add(A: Node, Y: Node) -> Node:
        rows = broadcast_to(Y, (len(places), *A.shape[1:]))
        for n, i in enumerate(places):
            A = overwrite(A, METHODS["__getitem__"](A, i) + METHODS["__getitem__"](rows, n), index=(i, *map(whole, A.shape[1:])))
        return A

    return Place(lambda A: rows_at(A, places), put, add if len({*places}) == len(places) else None)


def _rows(y: Node, library: Dialect) -> Place:
    """Whole rows at labels: jax adds up what falls on one row, and nothing else is told apart."""

    def put(A: Node, Y: Node) -> Node:
        raise UnsupportedError(_TWICE)

    def add(A: Node, Y: Node) -> Node:
        rows = broadcast_to(Y, y.shape + A.shape[1:])
        return OPERATORS["add"](A, scatter(rows, y, axis=0, count=A.shape[0]))

    return Place(lambda A: METHODS["__getitem__"](A, y), put, add if library.updates else None)


def fitted(value: Any, shape: Any) -> Node:
    """What is written, as NumPy spreads it over a place: axes of size one in front fall away."""
    Y = as_node(plain_array(value))
    extra = Y.ndim - len(shape)
    if extra > 0 and all(d == 1 for d in Y.shape[:extra]):
        Y = reshaped(Y, Y.shape[extra:])
    if Y.ndim > len(shape) or any(d not in (1, s) for d, s in zip(Y.shape[::-1], shape[::-1], strict=False)):
        raise InputError(f"NumPy writes nothing of shape {show_shape(Y.shape)} into a place of {show_shape(shape)}")
    return broadcast_to(Y, shape)
