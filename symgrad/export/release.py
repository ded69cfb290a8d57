"""What a function need not hold: inputs that it never reads have no name, and arrays are given up after their last use.

A local keeps its array until the function returns.  In a deep network that is every adjoint at once: memory, and time, for each new
array then comes from outside the cache.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from textwrap import wrap

from symgrad.export.lowered import Call, Delete, LoweredStatement
from symgrad.export.writer import INDENT, LONGEST

SHORTEST = 32
"""Statements below which a function keeps its locals: what it would give up is little, and `del` is one more line to read."""


def without_unused(body: Sequence[LoweredStatement]) -> list[LoweredStatement]:
    """What is unpacked and never read is called _."""
    kept: list[LoweredStatement] = []
    read: set[str] = set()
    for statement in reversed(body):
        if isinstance(statement, Call):
            statement = replace(statement, targets=tuple(name if name in read else "_" for name in statement.targets))
        read.update(statement.names.own)
        kept.append(statement)
    return kept[::-1]


def released(body: Sequence[LoweredStatement], arrays: Collection[str]) -> list[LoweredStatement]:
    """The statements of a function, each followed by a `del` of the `arrays` that it is the last to read."""
    if len(body) < SHORTEST:
        return list(body)
    last = {name: k for k, statement in enumerate(body) for name in statement.names.own}
    ending: dict[int, list[str]] = {}
    for name, k in last.items():
        if name in arrays and k < len(body) - 1:
            ending.setdefault(k, []).append(name)
    return [part for k, statement in enumerate(body) for part in (statement, *_deleted(ending.get(k)))]


def _deleted(names: list[str] | None) -> Iterator[Delete]:
    for line in wrap(", ".join(names or ()), LONGEST - INDENT - len("del "), break_long_words=False):
        yield Delete(tuple(line.rstrip(",").split(", ")))
