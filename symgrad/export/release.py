"""Arrays given up after their last use, where a function is so long that it would hold far more than it needs.

A local keeps its array until the function returns.  In a deep network that is every adjoint at once: memory, and time, for each new
array then comes from outside the cache.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from textwrap import wrap

from symgrad.export.lines import INDENT, LONGEST
from symgrad.export.statements import names_in

SHORTEST = 32
"""Statements below which a function keeps its locals: what it would give up is little, and `del` is one more line to read."""


def released(body: Sequence[str], arrays: Collection[str]) -> list[str]:
    """The statements of a function, each followed by a `del` of the `arrays` that it is the last to read."""
    if len(body) < SHORTEST:
        return list(body)
    last = {name: k for k, line in enumerate(body) for name in names_in(line)}
    ending: dict[int, list[str]] = {}
    for name, k in last.items():
        if name in arrays and k < len(body) - 1:
            ending.setdefault(k, []).append(name)
    return [line for k, statement in enumerate(body) for line in (statement, *_deleted(ending.get(k)))]


def _deleted(names: list[str] | None) -> Iterator[str]:
    for line in wrap(", ".join(names or ()), LONGEST - INDENT - len("del "), break_long_words=False):
        yield f"del {line.rstrip(',')}"
