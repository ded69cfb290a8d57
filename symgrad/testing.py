"""Assertions for tests of hand-written derivatives, and for the test files that `symgrad export --tests` writes.

Each holds a derivative against jax in float64 where jax is installed and can trace the function, and against central
differences otherwise.
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

from symgrad.errors import InputError, UnsupportedError, VerificationError, one_of
from symgrad.export.numpy import PUBLIC
from symgrad.generics import Functions, derivative, name_of, on_arrays
from symgrad.oracle import double_precision, import_jax
from symgrad.reading.annotations import FUNCTIONS, declare
from symgrad.reading.source import read_text
from symgrad.sampling import inputs_from, sample_inputs, sizes_for
from symgrad.verify import relative_error
from symgrad.witness import bound_function, checked_witness

EXACT, DIFFERENCED, TWICE_DIFFERENCED = 1e-9, 1e-7, 1e-5
"""Tolerances against jax, against central differences, and against differences of differences."""

MOST_OPERANDS = 4
"""Of a generic loss, when a module is checked."""

QUANTITIES = ("value", "gradient", "hvp", "hessian")
Argnums = int | tuple[int, ...]


def assert_gradient(
    fn: Callable[..., Any], grad_fn: Callable[..., Any], *args: Any, argnums: Argnums = 0, tol: float | None = None
) -> None:
    """`grad_fn(*args)` is the gradient of the scalar `fn(*args)` in the arguments `argnums`; raises `VerificationError`.

    A single number in `argnums` means one array, a tuple a sequence of arrays, as in `jax.grad`.

    >>> assert_gradient(lambda x: (x * x).sum(), lambda x: 2 * x, np.array([1.0, 2.0, 3.0]))
    """
    wanted, found_tol = _gradient(fn, args, _tuple(argnums))
    _compare("gradient", _sequence(grad_fn(*args), argnums), wanted, found_tol if tol is None else tol)


def assert_hvp(
    fn: Callable[..., Any], hvp_fn: Callable[..., Any], *args: Any, argnums: Argnums = 0, tol: float | None = None, seed: int = 0
) -> None:
    """`hvp_fn(v, *args)` is the Hessian of `fn` times v, for a random v of the form that `argnums` asks for."""
    rng = np.random.default_rng(seed)
    v = tuple(np.asarray(rng.normal(size=np.shape(args[i]))) for i in _tuple(argnums))
    wanted, found_tol = _hvp(fn, args, _tuple(argnums), v)
    got = hvp_fn(v[0] if isinstance(argnums, int) else v, *args)
    _compare("hvp", _sequence(got, argnums), wanted, found_tol if tol is None else tol)


def assert_hessian(
    fn: Callable[..., Any], hessian_fn: Callable[..., Any], *args: Any, argnums: Argnums = 0, tol: float | None = None
) -> None:
    """`hessian_fn(*args)` is the Hessian of `fn`, block [i][j] of shape shape(i) + shape(j), as `jax.hessian` has it."""
    wanted, found_tol = _hessian(fn, args, _tuple(argnums))
    got = hessian_fn(*args)
    rows = [[got]] if isinstance(argnums, int) else got
    _compare("hessian", [b for row in rows for b in row], [b for row in wanted for b in row], found_tol if tol is None else tol)


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
    at, every = tuple(arrays[n] for n in names), tuple(range(len(names)))
    for wanted in QUANTITIES if quantity is None else [one_of("quantity", quantity, QUANTITIES)]:
        _MODULE_CHECKS[wanted](_Called(module, arrays, extra), scalar, at, every, v)


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
        table |= {name_of(name, kind, wrt): on_arrays(derivative(function, kind, wrt)) for wrt in _orders(kind)}
    public = {name: getattr(module, name) for name in PUBLIC if inspect.isfunction(getattr(module, name, None))}
    return {name: {k: table[k] for k in inspect.signature(f).parameters if k in table} for name, f in public.items()}


def _orders(kind: str) -> list[tuple[int, ...]]:
    operands = range(1 if kind == "entrywise" else MOST_OPERANDS)
    return [wrt for order in range(3) for wrt in combinations_with_replacement(operands, order)]


@dataclass(frozen=True)
class _Called:
    """The functions of a module at one point."""

    module: Any
    arrays: Mapping[str, Any]
    extra: Mapping[str, Mapping[str, Any]]

    def has(self, name: str) -> bool:
        return hasattr(self.module, name)

    def __call__(self, name: str, *first: Any) -> Any:
        return getattr(self.module, name)(*first, **self.arrays, **self.extra[name])


def _module_value(ours: _Called, fn: Any, at: Any, every: Any, v: Any) -> None:
    _compare("value", [ours("value")], [_value(fn, at)], EXACT)


def _module_gradient(ours: _Called, fn: Any, at: Any, every: Any, v: Any) -> None:
    if ours.has("jacobian"):
        _compare("jacobian", ours("jacobian"), *_jacobian(fn, at, every))
    else:
        _compare("gradient", ours("grad"), *_gradient(fn, at, every))


def _module_hvp(ours: _Called, fn: Any, at: Any, every: Any, v: Any) -> None:
    if ours.has("hvp"):
        _compare("hvp", ours("hvp", v), *_hvp(fn, at, every, v))


def _module_hessian(ours: _Called, fn: Any, at: Any, every: Any, v: Any) -> None:
    if ours.has("hessian"):
        wanted, tol = _hessian(fn, at, every)
        _compare("hessian", [b for row in ours("hessian") for b in row], [b for row in wanted for b in row], tol)


_MODULE_CHECKS = {"value": _module_value, "gradient": _module_gradient, "hvp": _module_hvp, "hessian": _module_hessian}


# witnesses ------------------------------------------------------------------------------------------------------------------


def _compare(quantity: str, got: Sequence[Any], wanted: Sequence[Any], tol: float) -> None:
    if len(got) != len(wanted):
        raise VerificationError(f"{quantity}: {len(got)} arrays, expected {len(wanted)}")
    for i, (ours, theirs) in enumerate(zip(got, wanted, strict=True)):
        if np.shape(ours) != np.shape(theirs):
            raise VerificationError(f"{quantity} {i}: shape {np.shape(ours)}, expected {np.shape(theirs)}")
        error = relative_error(ours, theirs)
        if not error <= tol:
            raise VerificationError(f"{quantity} {i}: relative error {error:.1e}, tolerance {tol:g}")


def _tuple(argnums: Argnums) -> tuple[int, ...]:
    return (argnums,) if isinstance(argnums, int) else tuple(argnums)


def _sequence(got: Any, argnums: Argnums) -> Sequence[Any]:
    return [got] if isinstance(argnums, int) else tuple(got)


def _by_jax(question: Callable[[Any], Any], fn: Callable[..., Any], args: Sequence[Any]) -> Any:
    """jax's answer, or None where jax is absent or cannot trace the function."""
    try:
        jax = import_jax()
    except UnsupportedError:
        return None
    with double_precision():
        arrays = [jax.numpy.asarray(a) for a in args]
        try:
            jax.eval_shape(fn, *arrays)
        except (TypeError, jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            return None
        return jax.tree.map(np.asarray, jax.jit(lambda *a: question(jax)(fn, *a))(*arrays))


def _value(fn: Callable[..., Any], args: Sequence[Any]) -> Any:
    answer = _by_jax(lambda jax: lambda f, *a: f(*a), fn, args)
    return np.asarray(fn(*args)) if answer is None else answer


def _gradient(fn: Callable[..., Any], args: Sequence[Any], argnums: tuple[int, ...]) -> tuple[Sequence[Any], float]:
    answer = _by_jax(lambda jax: lambda f, *a: jax.grad(f, argnums)(*a), fn, args)
    return (differences(fn, args, argnums), DIFFERENCED) if answer is None else (answer, EXACT)


def _jacobian(fn: Callable[..., Any], args: Sequence[Any], argnums: tuple[int, ...]) -> tuple[Sequence[Any], float]:
    answer = _by_jax(lambda jax: lambda f, *a: jax.jacobian(f, argnums)(*a), fn, args)
    return (differences(fn, args, argnums), DIFFERENCED) if answer is None else (answer, EXACT)


def _hvp(fn: Callable[..., Any], args: Sequence[Any], argnums: tuple[int, ...], v: tuple[Any, ...]) -> tuple[Sequence[Any], float]:
    def question(jax: Any) -> Any:
        def product(f: Any, *a: Any) -> Any:
            def gradient(*moving: Any) -> Any:
                return jax.grad(f, argnums)(*_placed(a, argnums, moving))

            return jax.jvp(gradient, tuple(a[i] for i in argnums), v)[1]

        return product

    answer = _by_jax(question, fn, args)
    if answer is not None:
        return answer, EXACT

    def along(t: Any) -> Any:
        moved = _placed(args, argnums, [args[i] + t * d for i, d in zip(argnums, v, strict=True)])
        return np.concatenate([np.ravel(g) for g in differences(fn, moved, argnums)])

    (flat,) = differences(along, [np.float64(0)], (0,))
    cuts = np.cumsum([np.size(args[i]) for i in argnums])[:-1]
    return [part.reshape(np.shape(args[i])) for part, i in zip(np.split(flat, cuts), argnums, strict=True)], TWICE_DIFFERENCED


def _hessian(fn: Callable[..., Any], args: Sequence[Any], argnums: tuple[int, ...]) -> tuple[Sequence[Sequence[Any]], float]:
    answer = _by_jax(lambda jax: lambda f, *a: jax.hessian(f, argnums)(*a), fn, args)
    if answer is not None:
        return answer, EXACT

    def gradient_in(i: int) -> Callable[..., Any]:
        return lambda *a: differences(fn, a, (i,))[0]

    return [differences(gradient_in(i), args, argnums) for i in argnums], TWICE_DIFFERENCED


def _placed(args: Sequence[Any], argnums: Sequence[int], moving: Sequence[Any]) -> list[Any]:
    table = dict(zip(argnums, moving, strict=True))
    return [table.get(i, a) for i, a in enumerate(args)]


def differences(fn: Callable[..., Any], args: Sequence[Any], argnums: Sequence[int]) -> list[Any]:
    """Derivatives by central differences of fourth order: one array an argument, of the value's shape followed by its own."""

    def in_argument(i: int) -> Callable[[Any], Any]:
        return lambda x: np.asarray(fn(*_placed(args, [i], [x])))

    return [_difference(in_argument(i), np.asarray(args[i], dtype=float)) for i in argnums]


def _difference(fn: Callable[[Any], Any], x: Any) -> Any:
    columns = []
    for k in range(x.size):
        step = np.zeros_like(x)
        step.flat[k] = 1e-3 * max(1.0, abs(x.flat[k]))
        near, far = fn(x + step) - fn(x - step), fn(x + 2 * step) - fn(x - 2 * step)
        columns.append((8 * near - far) / (12 * step.flat[k]))
    return np.stack(columns, axis=-1).reshape((*np.shape(columns[0]), *x.shape))
