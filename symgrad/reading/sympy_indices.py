"""The indices of entries in SymPy expressions: each names a position of an axis, or with i bound a part of it, start + step*i."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from symgrad.core.op import Dim
from symgrad.core.source import symbolic
from symgrad.ops.indexing import exact
from symgrad.ops.parts import Entry


def split_index(index: Any, sizes: Mapping[sympy.Symbol, Dim]) -> tuple[Any, int, sympy.Symbol | None] | None:
    """(start, step, bound) with index = start + step*bound, a bound of None for a position; None where it is no such sum."""
    bound = index.free_symbols & set(sizes)
    if not bound:
        return index, 0, None
    if len(bound) > 1:
        return None
    (i,) = bound
    step = sympy.expand(index).coeff(i)
    start = sympy.expand(index - step * i)
    if not step.is_Integer or start.has(i):
        return None
    return start, int(step), i


def fits(entry: Entry, size: Dim) -> bool:
    """Does a position, or a part, lie on an axis of this size, as far as its size can tell?"""
    start, count, step = entry if isinstance(entry, tuple) else (entry, 1, 1)
    last = start + (count - 1) * step
    return all(_may_be_on(place, size) for place in (start, last))


def _may_be_on(place: Any, size: Dim) -> bool:
    """X[:2] of an axis of n is read, since n may be 2 or more; X[:d] is not, since d and n have nothing to do with each other."""
    gaps = symbolic(exact(place)), symbolic(exact(size - 1 - place))
    return all(
        gap.is_nonnegative or (gap.is_negative is not True and gap.free_symbols <= symbolic(size).free_symbols) for gap in gaps
    )


def sliced(bounds: Any, dim: Callable[[Any], Dim]) -> Entry:
    """A slice; SymPy and NumPy count the places differently where the step does not divide, and such a one is refused."""
    start, stop, step = bounds
    return (dim(start), exact(symbolic(dim(stop - start)) / int(step)), int(step))
