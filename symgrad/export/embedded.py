"""The source text of helper functions, as an exported module carries them along; each file is read and parsed once in a process."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from symgrad.core.source import parsed
from symgrad.export import helpers
from symgrad.export.lowered import Assign, Call, LoweredFunction, Return, Update
from symgrad.export.syntax import in_words, names_in

_FOLDER = Path(helpers.__file__).parent
_ENTRYWISE = ("stable.py", "special.py")
"""The files of functions of one entry."""


@dataclass(frozen=True, eq=False)
class Helper:
    """A function or class as it stands, without the comments that are meant for our own linter."""

    text: str
    tree: ast.FunctionDef | ast.ClassDef

    @cached_property
    def reads(self) -> Mapping[str, set[str]]:
        """What it reads of every name."""
        return names_in(in_words(self.tree)).words


@cache
def known(target: str = "numpy") -> Mapping[str, Helper]:
    """The helpers by name, in the forms of a target."""
    shared = {path.name: _pieces(path) for path in sorted(_FOLDER.glob("*.py")) if not path.name.startswith(("in_", "__"))}
    found = {name: helper for pieces in shared.values() for name, helper in pieces.items()}
    if target == "numba":
        found |= {name: _vectorized(helper) for file in _ENTRYWISE for name, helper in shared[file].items()}
    return {**found, **forms(target)}


@cache
def forms(target: str) -> Mapping[str, Helper]:
    """The functions that are written anew for a target, in a file that is read and not imported."""
    path = _FOLDER / f"in_{target}.py"
    return _pieces(path) if path.exists() else {}


@cache
def _pieces(path: Path) -> Mapping[str, Helper]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = (node for node in parsed(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    return {node.name: Helper(_segment(lines, node), node) for node in found}


def _segment(lines: list[str], node: ast.FunctionDef | ast.ClassDef) -> str:
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return re.sub(r"  # noqa.*", "", "\n".join(lines[first - 1 : node.end_lineno]))


class _Chosen(ast.NodeTransformer):
    """np.where as the function of one entry."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        is_where = isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("np", "where")
        return ast.Name("_where") if is_where else self.generic_visit(node)


def _vectorized(helper: Helper) -> Helper:
    """A function of one entry, which numba fuses with what stands around it; np.where would make an array there."""
    text = "@numba.vectorize\n" + helper.text.replace("np.where(", "_where(")
    tree = _Chosen().visit(copy.deepcopy(helper.tree))
    tree.decorator_list = [ast.Attribute(ast.Name("numba"), "vectorize")]
    return Helper(text, tree)


@cache
def helper(name: str) -> LoweredFunction:
    """A helper over NumPy lowered, as far as its statements are such as functions of a module have; what else it has stays."""
    return _function(known()[name].tree)


def _function(tree: Any) -> LoweredFunction:
    """What is done to few entries, under a condition, is left out."""
    body = (s for s in tree.body if not isinstance(s, ast.Expr | ast.If) or not _is_small(s))
    return LoweredFunction(tree.name, tuple(a.arg for a in tree.args.args), tuple(map(_statement, body)))


def _is_small(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.If(test=ast.Attribute(attr="size") | ast.Compare(), orelse=[]):
            return True
    return False


def _statement(node: Any) -> Any:
    match node:
        case ast.Return(value=ast.expr() as code):
            return Return(code)
        case ast.AugAssign(target=place, value=code) | ast.Assign(targets=[ast.Subscript() as place], value=code):
            return Update(place, code)
        case ast.Assign(targets=[ast.Name(id=name)], value=code):
            return Assign(name, code)
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=code):
            found = tuple(t.id for t in targets if isinstance(t, ast.Name))
            return Call(found, code) if len(found) == len(targets) else node
        case ast.FunctionDef():
            return _function(node)
    return node


def helper_source(name: str, target: str = "numpy") -> str:
    return known(target)[name].text


@cache
def _needs(name: str, target: str) -> frozenset[str]:
    return frozenset(known(target)[name].reads.keys() & known(target).keys()) - {name}


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
