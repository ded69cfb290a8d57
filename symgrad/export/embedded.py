"""The source text of helper functions, as an exported module carries them along."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from functools import cache

from symgrad.export import helpers


@cache
def source_of(name: str) -> str:
    """One helper as it stands, without the comments that are meant for our own linter."""
    return re.sub(r"  # noqa.*", "", inspect.getsource(getattr(helpers, name)).strip())


@cache
def _needs(name: str) -> frozenset[str]:
    called = {n.id for n in ast.walk(ast.parse(source_of(name))) if isinstance(n, ast.Name)}
    return frozenset(called & set(helpers.__all__)) - {name}


def with_needs(names: Iterable[str]) -> set[str]:
    """The helpers, and those that they call."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _needs(name)
    return found
