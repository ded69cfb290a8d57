"""Assertions for tests of hand-written derivatives, and for the test files that `symgrad export --tests` writes.

Each holds a derivative against jax in float64 where jax is installed and can trace the function, and against central
differences otherwise, or where jax has nan.  An error is relative to the largest entry of what is wanted, in each argument by
itself, and absolute where that is zero; beside it only rounding is allowed (see `symgrad.checking.agreement`), and what differences
may be off.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np

from symgrad.checking.expected import (
    expected_gradient,
    expected_hessian,
    expected_hvp,
    expected_value,
    flat,
    hold,
    with_copies,
)
from symgrad.checking.generics import Functions, derivative, keyword_of, on_arrays
from symgrad.checking.sampling import inputs_from, sample_inputs, sizes_for
from symgrad.checking.witness import bound_function, checked_witness
from symgrad.errors import InputError, one_of
from symgrad.export.sources import PUBLIC
from symgrad.reading.annotations import FUNCTIONS, declare
from symgrad.reading.door import read_text

_MOST_OPERANDS = 4
"""Of a generic loss, when a module is checked."""

QUANTITIES = ("value", "gradient", "hvp", "hessian")
Argnums = int | tuple[int, ...]


def assert_gradient(
    fn: Callable[..., Any], grad_fn: Callable[..., Any], *args: Any, argnums: Argnums = 0, tol: float | None = None
) -> None:
    """`grad_fn(*args)` is the gradient of the scalar `fn(*args)` in the arguments `argnums`.

    A single number in `argnums` means one array, a tuple a sequence of arrays, as in `jax.grad`.  Raises `VerificationError`
    with a line for each argument that is wrong: its worst entry, what it got and what is wanted.

    >>> assert_gradient(lambda x: (x * x).sum(), lambda x: 2 * x, np.array([1.0, 2.0, 3.0]))
    """
    _check_real(fn, args, _tuple(argnums))
    ours = with_copies(lambda *a: _sequence(grad_fn(*a), argnums))
    hold(_labels("gradient", fn, argnums), ours, expected_gradient(fn, args, _tuple(argnums)), args, tol)


def assert_hvp(
    fn: Callable[..., Any], hvp_fn: Callable[..., Any], *args: Any, argnums: Argnums = 0, tol: float | None = None, seed: int = 0
) -> None:
    """`hvp_fn(v, *args)` is the Hessian of `fn` times v, for a random v of the form that `argnums` asks for."""
    _check_real(fn, args, _tuple(argnums))
    rng = np.random.default_rng(seed)
    v = tuple(np.asarray(rng.normal(size=np.shape(args[i]))) for i in _tuple(argnums))
    ours = with_copies(lambda *a: _sequence(hvp_fn(v[0] if isinstance(argnums, int) else v, *a), argnums))
    hold(_labels("hvp", fn, argnums), ours, expected_hvp(fn, args, _tuple(argnums), v), args, tol)


def assert_hessian(
    fn: Callable[..., Any], hessian_fn: Callable[..., Any], *args: Any, argnums: Argnums = 0, tol: float | None = None
) -> None:
    """`hessian_fn(*args)` is the Hessian of `fn`, block [i][j] of shape shape(i) + shape(j), as `jax.hessian` has it."""
    _check_real(fn, args, _tuple(argnums))
    ours = with_copies(lambda *a: flat([[hessian_fn(*a)]] if isinstance(argnums, int) else hessian_fn(*a)))
    names = _argument_names(fn, _tuple(argnums))
    hold(_block_labels("hessian", names), ours, expected_hessian(fn, args, _tuple(argnums)), args, tol)


def assert_module(
    module: Any, fn: Callable[..., Any], shapes: Mapping[str, str], *, quantity: str | None = None, seed: int = 0, **functions: Any
) -> None:
    """An exported module agrees with `fn` at a random point of these shapes, {"W1": "h d", "lam": " | positive"}.

    `quantity` is one of value, gradient, hvp, hessian (for arrays value and gradient, which is the Jacobian), or all.  Generic
    functions are bound by name to those that jax can differentiate; the derivatives that the module asks for are jax's.
    """
    arrays, v, names = _point(module, shapes, seed)

    def scalar(*moving: Any) -> Any:
        return fn(**{**arrays, **dict(zip(names, moving, strict=True))}, **functions)

    extra = _derivatives(module, shapes, functions)
    at, called = tuple(arrays[n] for n in names), _Called(module, arrays, extra)
    for wanted in QUANTITIES if quantity is None else [one_of("quantity", quantity, QUANTITIES)]:
        _MODULE_CHECKS[wanted](called, scalar, at, v)


def load_module(path: str | os.PathLike[str], name: str | None = None) -> Any:
    """The module of a Python file, or the object of that name in it; it is executed, as an import would."""
    path = Path(path).resolve()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.exists():
        raise InputError(f"no Python file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module if name is None else getattr(module, name)


def load_definition(path: str | os.PathLike[str], name: str) -> Callable[..., Any]:
    """The function of that name in a file that does not run by itself, its bare names bound to jax's functions."""
    path = Path(path)
    program = read_text(path.read_text(encoding="utf-8"), {}, path.name, name)

    def function(**inputs: Any) -> Any:
        generic = {k: x for k, x in inputs.items() if callable(x)}
        return checked_witness(program, generic)(inputs)

    return function


def load_bound(path: str | os.PathLike[str], function: str, name: str) -> Callable[..., Any]:
    """What stands in for a generic function of `function`: the function `name` of the same file, or jax's."""
    path = Path(path)
    return bound_function(read_text(path.read_text(encoding="utf-8"), {}, path.name, function), name)


# one point of an exported module --------------------------------------------------------------------------------------------


def _point(module: Any, shapes: Mapping[str, str], seed: int) -> tuple[dict[str, Any], tuple[Any, ...], tuple[str, ...]]:
    inputs = inputs_from(shapes)
    arrays = sample_inputs(inputs, sizes_for(inputs, seed), seed)
    rng, names = np.random.default_rng(seed + 1000), module.Gradient._fields
    return arrays, tuple(np.asarray(rng.normal(size=np.shape(arrays[n]))) for n in names), names


def _derivatives(module: Any, shapes: Mapping[str, str], functions: Functions) -> dict[str, dict[str, Any]]:
    """For each function of the module the keyword arguments phi=, dphi=, ... that it takes, made by jax."""
    table: dict[str, Any] = {}
    for name, function in functions.items():
        kind = min(declare(shapes[name], name).properties & FUNCTIONS)
        table |= {keyword_of(name, kind, wrt): on_arrays(derivative(function, kind, wrt)) for wrt in _orders(kind)}
    public = {name: getattr(module, name) for name in PUBLIC if inspect.isfunction(getattr(module, name, None))}
    return {name: {k: table[k] for k in inspect.signature(f).parameters if k in table} for name, f in public.items()}


def _orders(kind: str) -> list[tuple[int, ...]]:
    operands = range(1 if kind == "entrywise" else _MOST_OPERANDS)
    return [wrt for order in range(3) for wrt in combinations_with_replacement(operands, order)]


@dataclass(frozen=True)
class _Called:
    """The functions of a module at one point."""

    module: Any
    arrays: Mapping[str, Any]
    extra: Mapping[str, Mapping[str, Any]]

    def has(self, name: str) -> bool:
        return hasattr(self.module, name)

    @property
    def names(self) -> Sequence[str]:
        return tuple(self.module.Gradient._fields)

    def labels(self, quantity: str) -> list[str]:
        return [f"{quantity} {name}" for name in self.names]

    def __call__(self, name: str, at: Sequence[Any], *first: Any) -> Any:
        """One of the functions, the variables of the derivation being `at`."""
        moved = {**self.arrays, **dict(zip(self.names, at, strict=True))}
        return getattr(self.module, name)(*first, **moved, **self.extra[name])


def _module_value(ours: _Called, fn: Any, at: Any, v: Any) -> None:
    hold(["value"], lambda *a: [ours("value", a)], expected_value(fn, at), at)


def _module_gradient(ours: _Called, fn: Any, at: Any, v: Any) -> None:
    quantity, name = ("jacobian", "jacobian") if ours.has("jacobian") else ("gradient", "grad")
    hold(ours.labels(quantity), lambda *a: ours(name, a), expected_gradient(fn, at, range(len(at)), quantity), at)


def _module_hvp(ours: _Called, fn: Any, at: Any, v: Any) -> None:
    if ours.has("hvp"):
        hold(ours.labels("hvp"), lambda *a: ours("hvp", a, v), expected_hvp(fn, at, range(len(at)), v), at)


def _module_hessian(ours: _Called, fn: Any, at: Any, v: Any) -> None:
    if ours.has("hessian"):
        labels = _block_labels("hessian", ours.names)
        hold(labels, lambda *a: flat(ours("hessian", a)), expected_hessian(fn, at, range(len(at))), at)


_MODULE_CHECKS = {"value": _module_value, "gradient": _module_gradient, "hvp": _module_hvp, "hessian": _module_hessian}


# arguments ------------------------------------------------------------------------------------------------------------------


def _tuple(argnums: Argnums) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)


def _sequence(got: Any, argnums: Argnums) -> Sequence[Any]:
    return [got] if isinstance(argnums, int) else tuple(got)


def _labels(quantity: str, fn: Callable[..., Any], argnums: Argnums) -> list[str]:
    return [f"{quantity} in {name}" for name in _argument_names(fn, _tuple(argnums))]


def _block_labels(quantity: str, names: Sequence[str]) -> list[str]:
    return [f"{quantity} {a}, {b}" for a in names for b in names]


def _argument_names(fn: Callable[..., Any], argnums: Sequence[int]) -> list[str]:
    """Arguments by number, and by name where the function has names: argument 1 (x)."""
    try:
        names = list(inspect.signature(fn).parameters)
    except (TypeError, ValueError):
        names = []
    return [f"argument {i} ({names[i]})" if 0 <= i < len(names) else f"argument {i}" for i in argnums]


def _check_real(fn: Callable[..., Any], args: Sequence[Any], argnums: Sequence[int]) -> None:
    """What is differentiated is an array of real numbers; raises `InputError` where it is none."""
    for i, name in zip(argnums, _argument_names(fn, argnums), strict=True):
        if not -len(args) <= i < len(args):
            raise InputError(f"{name}: there is no such argument among the {len(args)} that are given")
        if not np.issubdtype(kind := np.asarray(args[i]).dtype, np.floating):
            raise InputError(f"{name} holds {kind}, and a derivative needs real numbers; pass an array of floats")
