"""What a derivative has to be: jax's answer where jax is installed and can trace the function, central differences otherwise.

Where jax has nan, differences stand for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from symgrad.checking.agreement import DIGITS, Pairs, held, neighbours
from symgrad.checking.differences import Measured, differenced, rounded, slope
from symgrad.checking.libraries import double_precision, import_jax
from symgrad.checking.rounding import roughened
from symgrad.errors import UnsupportedError, VerificationError

_EXACT, _DIFFERENCED, _TWICE_DIFFERENCED = 1e-9, 1e-7, 1e-5
"""Tolerances against jax, against central differences, and against differences of differences."""


@dataclass(frozen=True)
class Expected:
    """What a derivative has to be at any arguments, one array a label, and how much of it may be off."""

    ask: Callable[..., Sequence[Measured]]
    ask_roughly: Callable[..., Sequence[Measured]]
    tol: float


def hold(
    labels: Sequence[str], ours: Callable[..., Sequence[Any]], witness: Expected, args: Sequence[Any], tol: float | None = None
) -> None:
    """Raises `VerificationError` with a line for every label whose array is wrong."""
    got, wanted = ours(*args), witness.ask(*args)
    if len(got) != len(wanted):
        raise VerificationError(f"{labels[0].partition(' ')[0]}: {len(got)} arrays, expected {len(wanted)}")
    nearby: list[tuple[Sequence[Any], Sequence[Measured]]] = []

    def pairs(i: int) -> Pairs:
        if not nearby:
            points = zip(DIGITS, neighbours(args), strict=True)
            nearby.extend((ours(*moved), witness.ask_roughly(digits, *moved)) for digits, moved in points)
        return [(a[i], b[i].value) for a, b in nearby]

    allowed = witness.tol if tol is None else tol
    said = [_complaint(g, w, allowed, partial(pairs, i)) for i, (g, w) in enumerate(zip(got, wanted, strict=True))]
    if wrong := [f"{label}: {what}" for label, what in zip(labels, said, strict=True) if what]:
        raise VerificationError("\n".join(wrong))


def _complaint(got: Any, wanted: Measured, tol: float, nearby: Callable[[], Pairs]) -> str:
    """What is wrong with one array, or nothing."""
    if np.shape(got) != np.shape(wanted.value):
        return f"shape {np.shape(got)}, expected {np.shape(wanted.value)}"
    if np.isnan(wanted.doubt).any():
        return "jax has no number, and central differences do not settle, as at a kink; choose another point"
    found = held(got, wanted.value, tol, nearby, wanted.doubt)
    return "" if found.ok else str(found)


def _witness(
    question: Callable[[Any], Any], differences: Callable[..., Sequence[Measured]], tol: float, fn: Callable[..., Any], args: Any
) -> Expected:
    """jax's answer, in which differences stand for nan; differences alone where jax is absent or cannot trace the function."""
    compiled = _compiled(question, fn, args)
    if compiled is None:
        return Expected(differences, lambda digits, *args: differences(*args), tol)

    def ask(*args: Any) -> Sequence[Measured]:
        return filled(compiled(_itself, *args), args)

    def ask_roughly(digits: int, *args: Any) -> Sequence[Measured]:
        return filled(compiled(partial(roughened, digits=digits), *args), args)

    def filled(arrays: Sequence[Any], args: Sequence[Any]) -> Sequence[Measured]:
        answer = [Measured(a, np.zeros(np.shape(a))) for a in arrays]
        if not any(np.isnan(a.value).any() for a in answer):
            return answer
        return [_filled(a, d) for a, d in zip(answer, differences(*args), strict=True)]

    return Expected(ask, ask_roughly, _EXACT)


def _filled(a: Measured, other: Measured) -> Measured:
    lost = np.isnan(a.value)
    return Measured(np.where(lost, other.value, a.value), np.where(lost, other.doubt, a.doubt))


def _itself(answer: Any) -> Any:
    return answer


def _compiled(question: Callable[[Any], Any], fn: Callable[..., Any], args: Sequence[Any]) -> Callable[..., Any] | None:
    """jax's answer at any arguments, itself or in another form; None where jax is absent or cannot trace the function."""
    try:
        jax = import_jax()
    except UnsupportedError:
        return None

    def asked(form: Callable[..., Any], *args: Any) -> Any:
        with double_precision():
            answer = jax.jit(form(lambda *a: question(jax)(*a)))
            return jax.tree.map(np.asarray, answer(*(jax.numpy.asarray(a) for a in args)))

    with double_precision():
        try:
            jax.eval_shape(fn, *(jax.numpy.asarray(a) for a in args))
        except (TypeError, jax.errors.JAXTypeError, jax.errors.JAXIndexError):
            return None
    return asked


def expected_value(fn: Callable[..., Any], args: Sequence[Any]) -> Expected:
    called = rounded(lambda a: fn(*a))
    return _witness(lambda jax: lambda *a: [fn(*a)], lambda *a: [called(a)], _EXACT, fn, args)


def expected_gradient(fn: Callable[..., Any], args: Sequence[Any], argnums: Sequence[int], kind: str = "gradient") -> Expected:
    """The gradient, or the Jacobian of an array."""

    def question(jax: Any) -> Any:
        transform = jax.jacobian if kind == "jacobian" else jax.grad
        return transform(fn, tuple(argnums))

    return _witness(question, lambda *a: [_derivative(_rounded(fn), i)(*a) for i in argnums], _DIFFERENCED, fn, args)


def expected_hvp(fn: Callable[..., Any], args: Sequence[Any], argnums: Sequence[int], v: tuple[Any, ...]) -> Expected:
    def question(jax: Any) -> Any:
        def product(*a: Any) -> Any:
            def gradient(*moving: Any) -> Any:
                return jax.grad(fn, tuple(argnums))(*_placed(a, argnums, moving))

            return jax.jvp(gradient, tuple(a[i] for i in argnums), v)[1]

        return product

    def along(i: int, args: Sequence[Any]) -> Measured:
        gradient = _derivative(_rounded(fn), i)
        start = [args[j] for j in argnums]
        return slope(lambda t: gradient(*_placed(args, argnums, [x + t * d for x, d in zip(start, v, strict=True)])))

    return _witness(question, lambda *a: [along(i, a) for i in argnums], _TWICE_DIFFERENCED, fn, args)


def expected_hessian(fn: Callable[..., Any], args: Sequence[Any], argnums: Sequence[int]) -> Expected:
    def differences(*a: Any) -> Sequence[Measured]:
        return [_derivative(_derivative(_rounded(fn), i), j)(*a) for i in argnums for j in argnums]

    def question(jax: Any) -> Any:
        return lambda *a: flat(jax.hessian(fn, tuple(argnums))(*a))

    return _witness(question, differences, _TWICE_DIFFERENCED, fn, args)


def _rounded(fn: Callable[..., Any]) -> Callable[..., Measured]:
    measured = rounded(lambda args: with_copies(fn)(*args))
    return lambda *args: measured(args)


def _derivative(fn: Callable[..., Measured], i: int) -> Callable[..., Measured]:
    """The derivative in one argument by central differences, again as a function of all."""
    return lambda *args: differenced(lambda x: fn(*_placed(args, [i], [x])), args[i])


def _placed(args: Sequence[Any], argnums: Sequence[int], moving: Sequence[Any]) -> list[Any]:
    table = dict(zip(argnums, moving, strict=True))
    return [table.get(i, a) for i, a in enumerate(args)]


def flat(rows: Sequence[Sequence[Any]]) -> list[Any]:
    return [block for row in rows for block in row]


def with_copies(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function on copies, so that one that changes its arguments spoils none."""
    return lambda *args: fn(*(a.copy() if isinstance(a, np.ndarray) else a for a in args))
