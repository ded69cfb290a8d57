"""Expressions of Python as trees, put together from the templates of operations.

A tree is Python's own (`ast`).  A template is parsed once in a process: its hole {0} reads as a set of one number, so that Python
takes it as it stands.  What a template calls by name is a `Word` (`np`, `_dim_n`, `_tanh_slope`), which each module spells in its
way; an author's name is an `ast.Name` and stays.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from symgrad.core.source import parsed

TEMPLATES = 8_192
"""Templates whose tree is kept."""


class Word(ast.Name):
    """A name of the language that code is written in; the writer has a table of how a module spells it."""


@dataclass(frozen=True)
class Template:
    """A tree with holes: how often each stands in it, how many characters stand around them, and what it reads of its words."""

    tree: ast.expr
    uses: Mapping[int, int]
    width: int
    reads: Mapping[str, set[str]]


@lru_cache(maxsize=TEMPLATES)
def template_of(text: str) -> Template:
    """A template parsed; text of the package alone, which holds no name of an author's but those of functions left open."""
    tree: Any = parsed(text).body[0]
    uses = Counter(sorted(_hole(node) for node in ast.walk(tree) if isinstance(node, ast.Set)))
    width = len(text) - sum(count * len(f"{{{i}}}") for i, count in uses.items())
    made = in_words(tree.value)
    return Template(made, uses, width, names_in(made).words)


def _hole(node: ast.Set) -> int:
    return node.elts[0].value  # type: ignore[attr-defined]


def filled(text: str, *operands: ast.expr) -> ast.expr:
    """The tree of a template over its operands."""
    tree = template_of(text).tree
    return _filled(tree, operands) if operands else tree


def _filled(node: Any, operands: Sequence[ast.expr]) -> Any:
    kind = type(node)
    if kind is ast.Set:
        return operands[_hole(node)]
    if kind is ast.BinOp:
        return operated(_filled(node.left, operands), node.op, _filled(node.right, operands))
    return node if kind in _LEAVES else rebuilt(node, lambda child: _filled(child, operands))


# trees ----------------------------------------------------------------------------------------------------------------------

_LEAVES = (Word, ast.Name, ast.Constant)


def rebuilt(node: Any, step: Callable[[Any], Any]) -> Any:
    """The node over other children, in normal form; itself where they are the same."""
    fields = {name: _stepped(getattr(node, name, None), step) for name in node._fields}
    if all(new is getattr(node, name, None) for name, new in fields.items()):
        return node
    if type(node) is ast.BinOp:
        return operated(**fields)
    return attribute(fields["value"], node.attr) if type(node) is ast.Attribute else type(node)(**fields)


def _stepped(value: Any, step: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        new = [_stepped(part, step) for part in value]
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return step(value) if isinstance(value, ast.AST) and value._fields else value


def operated(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr:
    """Two operands joined, in normal form: a + -b is a - b, x * (1 / c) is x / c."""
    if isinstance(op, ast.Add):
        for x, other in ((right, left), (left, right)):
            if isinstance(x, ast.UnaryOp) and isinstance(x.op, ast.USub):
                return ast.BinOp(other, ast.Sub(), x.operand)
        for x, other in ((right, left), (left, right)):
            if (positive := _negated(x, x is right)) is not None:
                return ast.BinOp(other, ast.Sub(), positive)
    if isinstance(op, ast.Mult):
        for x, other in ((right, left), (left, right)):
            if isinstance(x, ast.BinOp) and isinstance(x.op, ast.Div) and isinstance(x.left, ast.Constant) and x.left.value == 1:
                return ast.BinOp(other, ast.Div(), x.right)
    return ast.BinOp(left, op, right)


def _negated(node: ast.expr, is_last: bool) -> ast.expr | None:
    """c * x of -c * x, and of (-x)[:, None], which stays where it comes first, x[:, None]."""
    match node:
        case ast.BinOp(left=ast.UnaryOp(op=ast.USub(), operand=c), op=ast.Mult(), right=x):
            return ast.BinOp(c, ast.Mult(), x)
        case ast.Subscript(value=ast.UnaryOp(op=ast.USub(), operand=x), slice=index) if is_last:
            return ast.Subscript(x, index)
    return None


def attribute(value: ast.expr, attr: str) -> ast.expr:
    """X.T.T is X."""
    if attr == "T" and isinstance(value, ast.Attribute) and value.attr == "T":
        return value.value
    return ast.Attribute(value, attr)


def joined_by(parts: Sequence[ast.expr], op: ast.operator) -> ast.expr:
    """Operands joined from left to right."""
    total, *rest = parts
    for part in rest:
        total = operated(total, op, part)
    return total


def walked(*trees: ast.AST) -> Iterator[ast.AST]:
    """The nodes of trees in the order of `ast.walk`, without those that hold nothing."""
    waiting: list[ast.AST] = list(trees)
    for node in waiting:
        yield node
        waiting += _children(node)


def _children(node: ast.AST) -> list[ast.AST]:
    found: list[Any] = []
    for field in node._fields:
        value = getattr(node, field, None)
        found += value if isinstance(value, list) else [value]
    return [child for child in found if isinstance(child, ast.AST) and child._fields]


@dataclass(frozen=True)
class NamesRead:
    """The names in trees: an author's or the code's own, and words with what is read of each, in dotted names.

    Of np it may be "linalg.inv"; of a word that stands alone nothing; under "" stands what is read of other values than names.
    """

    own: dict[str, None]
    words: dict[str, set[str]]


def names_in(*trees: ast.AST) -> NamesRead:
    """The names in the order of `ast.walk`."""
    found = NamesRead({}, {})
    waiting: list[Any] = list(trees)
    for node in waiting:
        path = ""
        while isinstance(node, ast.Attribute):
            path, node = f"{node.attr}.{path}" if path else node.attr, node.value
        if type(node) is Word:
            found.words.setdefault(node.id, set()).update([path] if path else ())
        elif type(node) is ast.Name:
            found.own[node.id] = None
        elif type(node) is not ast.Constant:
            if path:
                found.words.setdefault("", set()).add(path)
            waiting += _children(node)
    return found


def in_words(tree: Any) -> Any:
    """The tree with words in place of all its names: a helper has no others."""
    return rebuilt(tree, in_words) if type(tree) is not ast.Name else Word(tree.id)


# pieces ---------------------------------------------------------------------------------------------------------------------


def name(text: str) -> ast.Name:
    return ast.Name(text)


def called(function: ast.expr, arguments: Iterable[ast.expr]) -> ast.Call:
    """A call of what a tree computes."""
    return ast.Call(function, list(arguments), [])


def call_of(function: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """A call of a function of the module or of Python's."""
    return ast.Call(Word(function), list(arguments), [ast.keyword(key, value) for key, value in keywords.items()])


def same_names(texts: Iterable[str]) -> dict[str, ast.expr]:
    """Keyword arguments that are called as what they hand over."""
    return {text: ast.Name(text) for text in texts}


def tuple_of(parts: Iterable[ast.expr]) -> ast.Tuple:
    return ast.Tuple(list(parts))


def function_of(parameter: str, value: ast.expr) -> ast.Lambda:
    """A function of one argument."""
    given = ast.arguments(posonlyargs=[], args=[ast.arg(parameter)], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(given, value)
