"""Parts of an array, one entry an axis, a position or (start, size, step): which lie apart, and a part of a part."""

from __future__ import annotations

from typing import Any

from symgrad.core.dimensions import is_sure
from symgrad.core.source import symbolic

Entry = Any  # a position, or (start, size, step)
Index = tuple[Entry, ...]


def apart(one: Index, other: Index) -> bool:
    """Whether no entry lies in both of two parts of an array, for whatever sizes."""
    return any(_apart(a, b) for a, b in zip(one, other, strict=True))


def _apart(a: Entry, b: Entry) -> bool:
    places = [_literal(a), _literal(b)]
    if None not in places:
        return not {*places[0]} & {*places[1]}  # type: ignore[misc]
    return lies_before(a, b) or lies_before(b, a)


def lies_before(a: Entry, b: Entry, least: int = 1) -> bool:
    """Whether all of one entry surely stands before the other, for whatever sizes from `least` on."""
    (_, last), (start, _) = _ends(a), _ends(b)
    return is_sure(start - last - 1, least)


def lies_inside(a: Entry, b: Entry, least: int = 1) -> bool:
    """Whether all places of one entry surely are of the other, which is a run of them."""
    (first, last), (start, end) = _ends(a), _ends(b)
    return (not isinstance(b, tuple) or b[2] == 1) and is_sure(first - start, least) and is_sure(end - last, least)


def _literal(entry: Entry) -> range | None:
    start, count, step = entry if isinstance(entry, tuple) else (entry, 1, 1)
    whole = all(isinstance(x, int) for x in (start, count, step))
    return range(start, start + count * step, step) if whole else None


def _ends(entry: Entry) -> tuple[Any, Any]:
    """The lowest and the highest place."""
    start, count, step = map(symbolic, entry if isinstance(entry, tuple) else (entry, 1, 1))
    ends = (start, start + (count - 1) * step)
    return ends if step.is_positive else ends[::-1]


def within(outer: Index, inner: Index) -> Index:
    """A part of a part, as a part of the whole."""
    rest = iter(inner)
    return tuple(_inside(e, next(rest)) if isinstance(e, tuple) else e for e in outer)


def _inside(outer: tuple[Any, Any, Any], inner: Entry) -> Entry:
    start, _, step = outer
    if not isinstance(inner, tuple):
        return _number(symbolic(start) + symbolic(step) * inner)
    first, count, stride = inner
    return (_number(symbolic(start) + symbolic(step) * first), count, _number(symbolic(step) * stride))


def _number(value: Any) -> Any:
    value = value.expand()
    return int(value) if value.is_Integer else value
