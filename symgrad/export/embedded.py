"""The source text of helper functions, as an exported module carries them along."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from symgrad.core.source import parsed
from symgrad.core.source import source_of as function_source
from symgrad.export import helpers


@cache
def helper_source(name: str, target: str = "numpy") -> str:
    """One helper as it stands, in the form of its target, without the comments that are meant for our own linter."""
    text = forms(target).get(name)
    if text is None:
        text = function_source(helper := getattr(helpers, name)).strip()
        text = _vectorized(text) if target == "numba" and helper.__module__.endswith((".stable", ".special")) else text
    return re.sub(r"  # noqa.*", "", text)


@cache
def forms(target: str) -> dict[str, str]:
    """The functions that are written anew for a target, in a file that is read and not imported."""
    path = Path(helpers.__file__).with_name(f"in_{target}.py")
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    return {n.name: _with_decorators(text, n) for n in parsed(text).body if isinstance(n, ast.FunctionDef)}


def _with_decorators(text: str, node: ast.FunctionDef) -> str:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _vectorized(text: str) -> str:
    """A function of one entry, which numba fuses with what stands around it; np.where would make an array there."""
    return "@numba.vectorize\n" + text.replace("np.where(", "_where(")


@cache
def _needs(name: str, target: str) -> frozenset[str]:
    called = {n.id for n in ast.walk(parsed(helper_source(name, target))) if isinstance(n, ast.Name)}
    return frozenset(called & {*helpers.__all__, *forms(target)}) - {name}


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
