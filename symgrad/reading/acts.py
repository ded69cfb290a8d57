"""What arrays can be asked and told: attributes, methods, updates x.at[i].set(v), and functions that write into their argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import sympy

from symgrad.core.language import METHODS, REFUSED
from symgrad.core.op import OPERATORS, Node, as_node
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.selection import maximum_of, minimum_of
from symgrad.ops.writing import on_diagonal
from symgrad.reading import static
from symgrad.reading.arrays import REAL, TRUTH, Array, plain_array
from symgrad.reading.dialects import EITHER, Dialect
from symgrad.reading.lenses import written_through
from symgrad.reading.messages import suggest
from symgrad.reading.places import Place, fitted
from symgrad.reading.words import OPERATIONS, is_word


class Reading(Protocol):
    """What acts need of the reader."""

    def array(self, value: Any, library: Dialect, kind: str = "", in_rows: bool = True, cell: bool = False) -> Any:
        """A result as an array of its own."""

    def into(self, out: Any, value: Any) -> Any:
        """An array into which a value is written."""


@dataclass(frozen=True, eq=False)
class Method:
    """A method of an array, not called yet."""

    function: Callable[..., Any]
    array: Array

    def __call__(self) -> None:
        """Only the reader calls it."""


@dataclass(frozen=True, eq=False)
class Act:
    """A function that is given arrays, not their expressions."""

    act: Callable[..., Any]

    def run(self, reader: Reading, args: list[Any], kwargs: dict[str, Any]) -> Any:
        try:
            inspect.signature(self.act).bind(reader, *args, **kwargs)
        except TypeError as error:
            raise InputError(f"{error}") from None
        return self.act(reader, *args, **kwargs)

    def __call__(self) -> None:
        """Only the reader runs it."""


@dataclass(frozen=True, eq=False)
class Updates:
    """`x.at`, before its index."""

    array: Array


@dataclass(frozen=True, eq=False)
class ArrayUpdate:
    """`x.at[i]`, before what is done there."""

    array: Array
    spot: Array | Place


# attributes ---------------------------------------------------------------------------------------------------------------


def attribute_act(X: Array | ArrayUpdate, name: str) -> Any:
    if isinstance(X, ArrayUpdate):
        return _update(X, name)
    facts: dict[str, Callable[[], Any]] = {
        "shape": lambda: X.shape,
        "ndim": lambda: X.ndim,
        "size": lambda: static.plain_value(sympy.Mul(*X.shape)),
        "dtype": lambda: None if X.kind == REAL else "bool" if X.kind == TRUTH else "int",
        "T": lambda: X.view(lambda A: A.T),
        "mT": lambda: X.view(lambda A: OPERATORS["transpose"](A, (*range(A.ndim - 2), A.ndim - 1, A.ndim - 2))),
        "at": lambda: Updates(X),
    }
    if name == "mT" and X.ndim < 2:
        raise InputError("a vector has no matrix transpose; write .T or outer")
    if name == "at" and not X.library.updates:
        raise InputError("NumPy's arrays have no .at; write x[index] = value, or make the array jax's")
    name = X.library.renamed.get(name, name)
    if name in facts:
        return facts[name]()
    if name in METHODS:
        return Method(METHODS[name], X)
    if name == "fill" and (X.library.mutable or X.library is EITHER):
        return Act(lambda reader, value: reader.into(X, fitted(value, X.shape)) and None)
    if name in REFUSED:
        raise UnsupportedError(REFUSED[name])
    if is_word(name):
        raise UnsupportedError(f"the array method .{name} is not supported, {OPERATIONS}")
    raise UnsupportedError(f"the array method .{name} is not known{suggest(name, [*METHODS, *facts])}")


# updates ------------------------------------------------------------------------------------------------------------------


_CHANGES: dict[str, Callable[[Node, Node], Node]] = {
    "set": lambda old, new: new,
    "add": lambda old, new: old + new,
    "subtract": lambda old, new: old - new,
    "multiply": lambda old, new: old * new,
    "mul": lambda old, new: old * new,
    "divide": lambda old, new: old / new,
    "max": maximum_of,
    "min": minimum_of,
}


def _update(update: ArrayUpdate, name: str) -> Any:
    if name == "get":
        return Act(lambda reader: reader.array(_there(update), update.array.library))
    if name not in _CHANGES:
        raise UnsupportedError(f"the update .{name} is not read; write one of {', '.join(_CHANGES)}")
    return Act(lambda reader, value: reader.array(_updated(update, name, value), update.array.library, update.array.kind))


def _there(update: ArrayUpdate) -> Node:
    return update.spot.node if isinstance(update.spot, Array) else update.spot.get(update.array.node)


def _updated(update: ArrayUpdate, name: str, value: Any) -> Node:
    """The array with a part changed; jax adds up what falls on one place."""
    X, spot = update.array.node, update.spot
    if isinstance(spot, Array):
        return written_through(spot.steps, X, _CHANGES[name](spot.node, fitted(value, spot.shape)))
    if name in ("add", "subtract") and spot.add is not None:
        Y = as_node(plain_array(value))
        return spot.add(X, Y if name == "add" else -Y)
    there = spot.get(X)
    return spot.put(X, _CHANGES[name](there, fitted(value, () if spot.is_marked else there.shape)))


# functions that write -----------------------------------------------------------------------------------------------------


def _fill_diagonal(reader: Reading, a: Any, val: Any) -> None:
    if not isinstance(a, Array) or a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise UnsupportedError("the diagonal of a square matrix is filled")
    value = fitted(val, a.shape[:1]) if isinstance(val, Array) and val.ndim else fitted(val, ())
    reader.into(a, on_diagonal(a.node, value))


def _copy_to(reader: Reading, dst: Any, src: Any) -> None:
    if not isinstance(dst, Array):
        raise InputError("copyto writes into an array")
    reader.into(dst, fitted(src, dst.shape))


ACTS: dict[str, Act] = {"fill_diagonal": Act(_fill_diagonal), "copyto": Act(_copy_to)}
"""NumPy's functions that write into their first argument."""
