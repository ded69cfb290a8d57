"""The source text of helper functions, as an exported module carries them along."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from symgrad.export import helpers
from symgrad.source import parsed
from symgrad.source import source_of as function_source


@cache
def source_of(name: str, target: str = "numpy") -> str:
    """One helper as it stands, in the form of its target, without the comments that are meant for our own linter."""
    text = _in_jax().get(name) if target == "jax" else None
    return re.sub(r"  # noqa.*", "", text or function_source(getattr(helpers, name)).strip())


@cache
def _in_jax() -> dict[str, str]:
    """The functions of the file for jax, which is read and not imported."""
    text = Path(helpers.__file__).with_name("in_jax.py").read_text(encoding="utf-8")
    return {n.name: ast.get_source_segment(text, n) or "" for n in parsed(text).body if isinstance(n, ast.FunctionDef)}


@cache
def _needs(name: str, target: str) -> frozenset[str]:
    called = {n.id for n in ast.walk(parsed(source_of(name, target))) if isinstance(n, ast.Name)}
    return frozenset(called & set(helpers.__all__)) - {name}


def with_needs(names: Iterable[str], target: str = "numpy") -> set[str]:
    """The helpers, and those that they call."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _needs(name, target)
    return found
