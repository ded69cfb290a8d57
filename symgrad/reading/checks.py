"""A definition looked over before it is read: names as they were typed, its size, and what no forward pass holds."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from symgrad.core.budget import limit
from symgrad.errors import InputError, UnsupportedError
from symgrad.reading.annotations import check_identifier
from symgrad.reading.messages import SourcePlace
from symgrad.reading.refused import ANYWHERE


def check_definition(function: ast.FunctionDef, place: SourcePlace) -> None:
    """Raises where the definition holds what is never read; names are checked as typed, since Python folds letters."""
    _check_typed_names(function, place)
    count, most = 0, limit("syntax")
    for statement in _statements(function):
        for node in _own(statement):
            count += 1
            if count > most:
                raise InputError(f"the function has more than {most} parts; shorten it")
            _check_node(node, statement, place)
    place.statement = place.tree = function


def _check_node(node: ast.AST, statement: ast.AST, place: SourcePlace) -> None:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    if type(node) in ANYWHERE or name.startswith("__"):
        place.statement, place.tree = statement, node
        if name:
            raise UnsupportedError(f"the name {name[:40]} is refused; names do not start with two underscores")
        raise UnsupportedError(ANYWHERE[type(node)])


def _statements(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt):
            yield node
        stack.extend(ast.iter_child_nodes(node))


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements inside it, nor annotations and decorators."""
    if isinstance(statement, ast.FunctionDef):
        return
    yield statement
    stack = [n for n in ast.iter_child_nodes(statement) if n is not getattr(statement, "annotation", None)]
    while stack:
        node = stack.pop()
        if not isinstance(node, ast.stmt):
            yield node
            stack.extend(ast.iter_child_nodes(node))


def _check_typed_names(function: ast.FunctionDef, place: SourcePlace) -> None:
    text = "\n".join(place.module.lines[function.lineno - 1 : function.end_lineno])
    if text.isascii():
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO("if 1:\n " + text if text[:1].isspace() else text).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                check_identifier(token.string)
    except (tokenize.TokenError, SyntaxError):
        pass  # the tree was parsed already; only names matter here
