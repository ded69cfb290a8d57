"""Statements that a line has no room for lose their largest operands to statements of their own."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from dataclasses import replace
from typing import Any

from symgrad.core.program import fresh
from symgrad.export.lowered import Assign, LoweredFunction, LoweredStatement
from symgrad.export.spelling import is_tight
from symgrad.export.syntax import rebuilt, walked
from symgrad.export.writer import INDENT, Writer

_OPAQUE = (ast.Lambda, ast.GeneratorExp)


def fitted_lines(statement: LoweredStatement, writer: Writer, taken: Set[str]) -> Iterator[LoweredStatement]:
    """The statement, after those of operands that it has no room for, under names that neither the function nor it has."""
    if isinstance(statement, LoweredFunction):
        own = statement.names.own.keys()
        body = [part for inner in statement.body for part in _parted(inner, writer, taken, own, 2 * INDENT)]
        yield replace(statement, body=tuple(body))
    elif writer.lines(statement):
        yield statement
    else:
        yield from _parted(statement, writer, taken, statement.names.own.keys(), INDENT)


def _parted(statement: Any, writer: Writer, taken: Set[str], own: Set[str], indent: int) -> Iterator[LoweredStatement]:
    hoisted: list[Assign] = []
    while not writer.lines(statement, indent) and (operand := _largest_operand(statement, writer)) is not None:
        name = fresh("term", taken, own)
        own = {*own, name}
        hoisted.append(Assign(name, operand, leads=True))
        statement = replace(statement, code=_put(statement.code, operand, name))
    for assignment in hoisted:
        yield from _parted(assignment, writer, taken, own, indent)
    yield statement


def _put(tree: ast.expr, operand: ast.expr, name: str) -> ast.expr:
    """One expression gives way to a name, where it stands first."""
    waiting = [operand]

    def step(node: Any) -> Any:
        if waiting and node is waiting[0]:
            waiting.clear()
            return ast.Name(name)
        return rebuilt(node, step) if waiting else node

    return step(tree)


def _largest_operand(statement: Any, writer: Writer) -> ast.expr | None:
    """The operand that leaves the shortest pair of statements: about half of what is there."""
    value = getattr(statement, "code", None)
    if value is None:
        return None
    whole = _width(value, writer)
    inner = [(abs(whole - 2 * _width(e, writer)), k, e) for k, e in enumerate(_operands(value)) if e is not value]
    return min(inner)[2] if inner else None


def _width(node: ast.expr, writer: Writer) -> int:
    """Characters, counting the spaces that x**2 does without: a power is an operation as any other."""
    return len(writer.text(node)) + 2 * sum(isinstance(n, ast.BinOp) and is_tight(n) for n in walked(node))


def _operands(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions that are values for themselves: products, calls, views; nothing inside a lambda, an index or a plain list."""
    if isinstance(node, _OPAQUE):
        return
    if isinstance(node, ast.BinOp | ast.Call | ast.UnaryOp | ast.Attribute | ast.Subscript) and not _is_plain(node):
        yield node
    for name, child in ast.iter_fields(node):
        if name in ("func", "slice"):
            receiver = child.value if isinstance(child, ast.Attribute) and not _is_plain(child) else None
            cast = isinstance(child, ast.Attribute) and child.attr == "astype"  # stays with what it casts
            yield from (e for e in (_operands(receiver) if receiver else ()) if not (cast and e is receiver))
            continue
        for part in child if isinstance(child, list) else [child]:
            if isinstance(part, ast.AST):
                yield from _operands(part.value if isinstance(part, ast.keyword) else part)


def _is_plain(node: ast.AST) -> bool:
    """A number, a name, or what is read of one: -2, np.linalg, W.T."""
    match node:
        case ast.Constant() | ast.Name():
            return True
        case ast.Attribute(value=inner) | ast.UnaryOp(operand=inner):
            return _is_plain(inner)
    return False
