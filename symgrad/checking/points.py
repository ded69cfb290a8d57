"""A point that the user gives for a check: one array an input, held against what was declared; sizes follow from the arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symgrad.checking.evaluation import evaluate
from symgrad.core.dimensions import read_sizes, size_of, unknown
from symgrad.core.op import Node, show_shape
from symgrad.core.program import Program
from symgrad.errors import InputError, printable

_Array = Any


def read_point(path: Path) -> dict[str, _Array]:
    """The arrays of an .npz file by name, as `np.savez` writes them; nothing in it is ever unpickled."""
    name = printable(path.name)
    try:
        if not path.is_file():
            raise InputError(f"{name} is no file; write the point with np.savez(FILE, x=..., y=...)")
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                raise InputError(f"{name} holds one array without a name; write the point with np.savez(FILE, x=..., y=...)")
            return {key: found[key] for key in found.files}
    except OSError as error:
        raise InputError(f"{name} cannot be read; {error.strerror or 'it is no .npz file'}") from None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is no .npz file of plain arrays; write the point with np.savez(FILE, x=..., y=...)") from None


def given_point(variables: Iterable[Node], point: Mapping[str, _Array]) -> tuple[dict[str, _Array], dict[str, int]]:
    """The arrays in the order of the inputs, real ones in float64, and the sizes of their dimensions.

    Raises `InputError` in one line where a name, type, shape, size or declared property is not the input's.
    """
    inputs = {str(v): v for v in variables}
    names = ", ".join(inputs)
    if unread := [str(name) for name in point if name not in inputs]:
        raise InputError(f"the point gives {printable(unread[0])}, which is no input; the inputs are {names}")
    if missing := [name for name in inputs if name not in point]:
        raise InputError(f"the point gives no array for {', '.join(missing)}; the inputs are {names}")
    arrays = {name: _array(v, point[name]) for name, v in inputs.items()}
    sizes = _sizes(inputs, arrays)
    for name, v in inputs.items():
        _check_shape(v, arrays[name], sizes)
        _check_properties(v, arrays[name])
    return arrays, sizes


def _array(v: Node, given: Any) -> _Array:
    array = np.asarray(given)
    if "int" in v.params["properties"]:
        if array.dtype.kind not in "iu":
            raise InputError(f"{v} holds whole numbers, and the point gives it {array.dtype}; give it integers")
        return array.astype(np.int64)[()]
    if array.dtype.kind not in "biuf":
        raise InputError(f"{v} holds real numbers, and the point gives it {array.dtype}")
    if not np.all(np.isfinite(array)):
        raise InputError(f"the point gives {v} an entry that is not finite")
    return array.astype(np.float64)[()]


def _sizes(inputs: Mapping[str, Node], arrays: Mapping[str, _Array]) -> dict[str, int]:
    for name, v in inputs.items():
        if np.ndim(arrays[name]) != v.ndim:
            raise InputError(f"the point gives {name} the shape {np.shape(arrays[name])}, and it is {show_shape(v.shape)}")
    sizes = read_sizes(inputs.values(), {name: np.shape(array) for name, array in arrays.items()})
    for v in inputs.values():
        if hidden := [str(s) for d in v.shape for s in getattr(d, "free_symbols", ()) if str(s) not in sizes]:
            raise unknown(hidden[0])
    if below := [name for name, size in sizes.items() if size < 0]:
        raise InputError(f"the point makes the dimension {below[0]} {sizes[below[0]]}, and no size is below 0")
    return sizes


def values_at(program: Program, point: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every symbol of a program at a point that holds one for each input, and a function for each generic one."""
    inputs = {k: v for k, v in point.items() if not callable(v)}
    if missing := [str(v) for v in program.inputs if str(v) not in inputs]:
        raise InputError(f"the point gives no value for {', '.join(missing)}")
    if wrong := [v for v in program.inputs if np.ndim(inputs[str(v)]) != v.ndim]:
        raise InputError(f"the point gives {wrong[0]} {np.ndim(inputs[str(wrong[0])])} axes, and it has {wrong[0].ndim}")
    return evaluate(program, inputs, {k: v for k, v in point.items() if callable(v)})


def _check_shape(v: Node, array: _Array, sizes: Mapping[str, int]) -> None:
    if np.shape(array) != tuple(size_of(d, sizes) for d in v.shape):
        known = ", ".join(f"{s} = {sizes[s]}" for s in sorted({str(s) for d in v.shape for s in getattr(d, "free_symbols", ())}))
        where = f" with {known}" if known else ""
        raise InputError(f"the point gives {v} the shape {np.shape(array)}, and it is {show_shape(v.shape)}{where}")


def _check_properties(v: Node, array: _Array) -> None:
    for word, holds in HOLDS.items():
        if word in v.params["properties"] and not holds(array):
            raise InputError(f"{v} is declared {word}, and the array that the point gives is not")


def _close(a: _Array, b: _Array) -> bool:
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-9))


def _symmetric(a: _Array) -> bool:
    return _close(a, a.T)


HOLDS: dict[str, Callable[[_Array], bool]] = {
    "positive": lambda a: bool(np.all(a > 0)),
    "unit": lambda a: bool(np.all((a > 0) & (a < 1))),
    "binary": lambda a: bool(np.all(np.isin(a, (0, 1)))),
    "sign": lambda a: bool(np.all(np.isin(a, (-1, 1)))),
    "onehot": lambda a: bool(np.all(np.isin(a, (0, 1))) and np.all(a.sum(-1) == 1)),
    "simplex": lambda a: bool(np.all(a >= 0) and _close(a.sum(-1), 1)),
    "orthogonal": lambda a: _close(a.T @ a, np.eye(a.shape[-1])),
    "symmetric": _symmetric,
    "spd": lambda a: _symmetric(a) and bool(np.all(np.linalg.eigvalsh(a) > 0)),
    "lower": lambda a: bool(np.all(a == np.tril(a))),
    "diagonal": lambda a: bool(np.all(a == np.diag(np.diagonal(a)))),
}
"""Whether an array has a property that was declared."""
