"""NumPy's mutable arrays over jax, so that jax differentiates code that writes into them.

An array is a piece of memory, flat, and the places in it that it shows: an array of NumPy's own, of whole numbers.  A view is a
view of the places, so NumPy itself says what is one; nothing of the reader stands here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from symgrad.checking.libraries import import_jax, jax_function

_SHOWING = frozenset(
    "asarray atleast_1d atleast_2d broadcast_to diag diagonal diff expand_dims flip matrix_power moveaxis ravel reshape split "
    "squeeze swapaxes transpose".split()
)
"""Functions of which NumPy is asked whether their result is a view."""


_CELLS = frozenset("array asarray copy empty full full_like ones ones_like where zeros zeros_like".split())
"""Functions that make an array, not a number, where there are no axes."""


class _Memory:
    """A flat array of jax's, another one after every write."""

    def __init__(self, flat: Any) -> None:
        self.flat = flat


class Mutable:
    """What some places of a memory hold."""

    __array_priority__ = 1000

    def __init__(self, memory: _Memory, places: Any) -> None:
        self._memory, self._places = memory, places

    @property
    def value(self) -> Any:
        return self._memory.flat[self._places]

    shape = property(lambda self: self._places.shape)
    ndim = property(lambda self: self._places.ndim)
    size = property(lambda self: self._places.size)
    dtype = property(lambda self: self._memory.flat.dtype)
    T = property(lambda self: self._view(self._places.T))
    mT = property(lambda self: self._view(self._places.swapaxes(-1, -2)))

    def _view(self, places: Any) -> Any:
        return Mutable(self._memory, places) if isinstance(places, np.ndarray) else self._memory.flat[places]

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        index = _index(index)
        if _is_mask(index):
            return new(self.value)  # as many entries as the mask has: which of them count is said where they are written
        if _is_static(index):
            places = self._places[index]
            is_view = isinstance(places, np.ndarray) and np.shares_memory(places, self._places)
            return self._view(places) if is_view else new(self._memory.flat[places])
        return new(self.value[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        index, y, jnp = _index(index), _plain(value), import_jax().numpy
        if _is_mask(index):
            mask = jnp.reshape(index, index.shape + (1,) * (self.ndim - index.ndim))
            places, y = self._places, jnp.where(mask, y, self.value)
        else:
            places = (self._places if _is_static(index) else jnp.asarray(self._places))[index]
        y = jnp.asarray(y)
        y = y.reshape(y.shape[max(y.ndim - np.ndim(places), 0) :])
        self._memory.flat = self._memory.flat.at[places].set(jnp.broadcast_to(y, np.shape(places)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "fill":
            return lambda value: self.__setitem__(..., value)
        return partial(_called, name, _method(name), _method(name), self)


def _method(name: str) -> Callable[..., Any]:
    return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def _index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_index(i) for i in index)
    return np.asarray(index) if isinstance(index, list | range) else _plain(index)


def _is_mask(index: Any) -> bool:
    return getattr(index, "dtype", np.dtype(int)).kind == "b"


def _is_static(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is ... or isinstance(part, int | slice | np.ndarray) for part in parts)


def _operator(name: str) -> None:
    act = getattr(operator, name)
    setattr(Mutable, f"__{name.rstrip('_')}__", lambda self, other: new(act(self.value, _plain(other))))
    setattr(Mutable, f"__r{name.rstrip('_')}__", lambda self, other: new(act(_plain(other), self.value)))

    def in_place(self: Mutable, other: Any) -> Mutable:
        self[...] = act(self.value, _plain(other))
        return self

    setattr(Mutable, f"__i{name.rstrip('_')}__", in_place)


def _comparison(name: str) -> None:
    act = getattr(operator, name)
    setattr(Mutable, f"__{name}__", lambda self, other: new(act(self.value, _plain(other))))


def _sign(name: str) -> None:
    act = getattr(operator, name)
    setattr(Mutable, f"__{name}__", lambda self: new(act(self.value)))


for _name in "add sub mul truediv pow matmul and_ or_ xor".split():
    _operator(_name)
for _name in "lt le gt ge eq ne".split():
    _comparison(_name)
for _name in "neg pos invert abs".split():
    _sign(_name)


def new(value: Any, cell: bool = False) -> Any:
    """A result as an array of its own; a number, such as an entry, is one of jax's and never changes."""
    if isinstance(value, tuple):
        return tuple(map(new, value))
    if not hasattr(value, "shape") or not (value.ndim or cell):
        return value
    return Mutable(_Memory(value.ravel()), np.arange(value.size).reshape(value.shape))


def _plain(value: Any) -> Any:
    """Arrays as jax's, in containers too."""
    if isinstance(value, Mutable):
        return value.value
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return {k: _plain(x) for k, x in value.items()} if isinstance(value, dict) else value


def _called(name: str, function: Callable[..., Any], show: Callable[..., Any], *args: Any, out: Any = None, **kwargs: Any) -> Any:
    """What jax's function makes of arrays, or a view of the first, if what NumPy's makes of its places is one."""
    if name in _SHOWING and args and isinstance(args[0], Mutable):
        shown = show(args[0]._places, *args[1:], **kwargs)
        parts = shown if isinstance(shown, list | tuple) else [shown]
        if all(np.shares_memory(part, args[0]._places) for part in parts):
            views = [args[0]._view(part) for part in parts]
            return views if isinstance(shown, list | tuple) else views[0]
    value = new(function(*map(_plain, args), **{k: _plain(x) for k, x in kwargs.items()}), cell=name in _CELLS)
    if out is None:
        return value
    out[...] = value
    return out


def _fill_diagonal(a: Mutable, value: Any) -> None:
    a[np.arange(len(a)), np.arange(len(a))] = value


_ACTS: dict[str, Callable[..., None]] = {"fill_diagonal": _fill_diagonal, "copyto": lambda a, b: a.__setitem__(..., b)}


def mutable_function(path: list[str]) -> Any:
    """What a dotted name means: jax's function on these arrays, or one that writes into them."""
    if path[-1] in _ACTS:
        return _ACTS[path[-1]]
    function = jax_function([*path[:-1], path[-1].replace("empty", "zeros")])
    show = getattr(np, path[-1], None) or getattr(np.linalg, path[-1], function)
    return partial(_called, path[-1], function, show) if callable(function) else function


def on_mutables(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of mutable arrays as one of jax's; what it is given is copied, as arguments are."""

    def run(*args: Any, **kwargs: Any) -> Any:
        return _plain(function(*map(_argument, args), **{k: _argument(x) for k, x in kwargs.items()}))

    return run


def _argument(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_argument, value))
    if isinstance(value, dict):
        return {k: _argument(x) for k, x in value.items()}
    if callable(value):
        return lambda *args: new(value(*map(_plain, args)))
    return new(import_jax().numpy.asarray(value)) if hasattr(value, "shape") else value
