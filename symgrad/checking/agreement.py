"""When two arrays agree, and by how much they do not.

A difference is held against the largest entry of what is wanted, so that a small gradient has to be as right as a large one.
Only what rounding makes of a number is allowed beside that: a gradient whose terms cancel is zero up to the roundings of its
terms.  How much that is is not guessed but seen: the inputs, and under jax every number on the way (`symgrad.checking.rounding`),
are moved by a few roundings, and what comes out is as uncertain as it moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Pairs = Sequence[tuple[Any, Any]]
"""What was got and what was wanted, at several points."""

EPS = float(np.finfo(float).eps)

MARGIN = 8
"""How many times its uncertainty a number may be off."""

MOVED = 16 * EPS
"""The largest part of itself by which an input is moved to see what rounding does."""

DIGITS = (48, 47, 46)
"""Binary digits behind the point that jax keeps to see it, at one point each; it has 52."""


@dataclass(frozen=True)
class Gap:
    """The worst entry of a comparison: error and tolerance, both relative to the largest wanted entry or both absolute."""

    error: float
    tol: float
    absolute: bool
    entry: tuple[int, ...]
    got: float
    wanted: float

    @property
    def ok(self) -> bool:
        return self.error <= self.tol

    def __str__(self) -> str:
        kind = "absolute" if self.absolute else "relative"
        where = f" at [{', '.join(map(str, self.entry))}]" if self.entry else ""
        return f"{kind} error {self.error:.1e}{where}, got {self.got:.6g}, wanted {self.wanted:.6g}, tolerance {self.tol:.1e}"


def gap(got: Any, wanted: Any, tol: float, doubt: Any = 0.0) -> Gap:
    """How far `got` is from `wanted`; each entry may be off by `tol` of the largest wanted one, or by MARGIN times its own doubt.

    The error is absolute where the wanted array is zero, or no larger than its doubt.  Equal infinities and nans agree.

    >>> print(gap([4e-10], [1e-10], 1e-9))
    relative error 3.0e+00 at [0], got 4e-10, wanted 1e-10, tolerance 1.0e-09
    """
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return Gap(float("inf"), tol, False, (), float("nan"), float("nan"))
    if not got.size:
        return Gap(0.0, tol, True, (), 0.0, 0.0)
    scale = largest(wanted)
    difference = _difference(got, wanted)
    allowed = np.maximum(tol * scale, np.broadcast_to(MARGIN * np.asarray(doubt), difference.shape))
    worst = np.unravel_index(np.argmax(_over(difference, allowed)), difference.shape)
    absolute = scale <= np.max(MARGIN * np.asarray(doubt), initial=0.0)
    unit = 1.0 if absolute else scale
    entry = tuple(map(int, worst))
    return Gap(
        float(difference[worst]) / unit, float(allowed[worst]) / unit, absolute, entry, float(got[worst]), float(wanted[worst])
    )


def largest(array: Any) -> float:
    """The largest finite entry, without its sign."""
    return float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))


def _difference(got: Any, wanted: Any) -> Any:
    """Entry by entry: zero where equal or both nan, infinite where one of them alone is not finite."""
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, np.nan_to_num(np.abs(got - wanted), nan=np.inf, posinf=np.inf))


def _over(difference: Any, allowed: Any) -> Any:
    """How many times what is allowed; any difference is infinitely many times nothing."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(difference == 0, 0.0, difference / allowed)


# rounding -------------------------------------------------------------------------------------------------------------------


def held(got: Any, wanted: Any, tol: float, nearby: Callable[[], Pairs], doubt: Any = 0.0) -> Gap:
    """The gap between two arrays.

    Where it is too large, it is measured again with what rounding makes of both: `nearby` gives them at inputs moved by roundings.
    """
    first = gap(got, wanted, tol, doubt)
    if first.ok or first.error == float("inf"):
        return first
    return gap(got, wanted, tol, doubt + uncertainty(got, wanted, nearby(), tol))


def uncertainty(got: Any, wanted: Any, nearby: Pairs, tol: float) -> float:
    """The most that any wanted entry moves nearby; where the wanted array is zero throughout, the most that an entry of `got` does.

    It counts as rounding up to the tolerance of numbers of size 1: what moves further does so at a jump of the function.
    """
    columns = zip(*nearby, strict=True)
    ours, theirs = (widest_gap(at, others) for at, others in zip((got, wanted), columns, strict=True))
    seen = theirs if np.any(wanted) else max(ours, theirs)
    return min(seen, tol * max(1.0, largest(wanted)) / MARGIN)


def widest_gap(array: Any, others: Iterable[Any]) -> float:
    """The most by which an entry differs in any of the others."""
    with np.errstate(invalid="ignore"):
        moves = [np.nan_to_num(np.abs(np.asarray(other) - np.asarray(array)), nan=0.0, posinf=0.0) for other in others]
    return float(max(np.max(move, initial=0.0) for move in moves))


def neighbours(arrays: Sequence[Any]) -> Iterator[list[Any]]:
    """The same arrays with every real number moved by roundings; equal ones alike, so that ties and symmetric matrices stay."""
    real = [i for i, a in enumerate(arrays) if np.asarray(a).dtype.kind == "f"]
    flat = np.concatenate([np.ravel(arrays[i]) for i in real]) if real else np.zeros(0)
    sizes = np.cumsum([np.size(arrays[i]) for i in real])[:-1]
    values, place = np.unique(flat, return_inverse=True)
    for seed in range(len(DIGITS)):
        part = np.random.default_rng(seed).uniform(-MOVED, MOVED, size=values.shape)
        moved = dict(zip(real, np.split((values * (1 + part))[place], sizes), strict=False))
        yield [moved[i].reshape(np.shape(a))[()] if i in moved else a for i, a in enumerate(arrays)]
