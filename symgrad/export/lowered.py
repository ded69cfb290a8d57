"""Functions as they are exported, lowered: statements over expressions, before there is any text.

A module is made in four steps, each done once for a function: its program is scheduled (`schedule.py`) and split into blocks
(`blocking.py`); `statements.py` lowers the equations to the statements below, which know the `Node` that they compute and so its
shape; `functions.py` puts around them what a function begins and ends with, and passes run on that (`release.py`: names that nobody
reads, arrays given up; `fitting.py`: operands that a line has no room for); a `Writer` spells the result in the words of a target.
What they become in memory is read off the same statements (`memory.py`).  Text that was written is parsed again by nobody but the
whitelist in front of the loader (`loading.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from symgrad.core.op import Node
from symgrad.export.syntax import names, words


@dataclass(frozen=True, eq=False)
class Assign:
    """A value under a name; `node` is the expression of the program that it is, None for what only the code has.

    `leads` says that it is an operand of the statement behind it, which had no room for it.
    """

    target: str
    code: ast.expr
    node: Node | None = None
    leads: bool = False


@dataclass(frozen=True, eq=False)
class Update:
    """A term added to a part of an array that is there, or subtracted from it."""

    place: ast.expr
    code: ast.expr
    subtracts: bool = False


@dataclass(frozen=True, eq=False)
class Call:
    """A call whose results are unpacked; without targets it is made for what it raises."""

    targets: tuple[str, ...]
    code: ast.expr


@dataclass(frozen=True, eq=False)
class Return:
    code: ast.expr


@dataclass(frozen=True, eq=False)
class Delete:
    """Arrays given up, named on one line."""

    targets: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the module, or of the entries of one block within another function.

    `parameters` are as they stand in the signature, `words` how its words are spelled, `top` the decorator above it.
    """

    name: str
    parameters: tuple[str, ...]
    body: tuple[Statement, ...]
    returns: str = ""
    says: str = ""
    words: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    top: str = ""


Statement: TypeAlias = Assign | Update | Call | Return | Delete | Function


def trees(statement: Statement) -> Iterator[ast.AST]:
    """The trees of a statement, those of a function's statements in their order."""
    match statement:
        case Assign(target=target, code=code):
            yield from (ast.Name(target), code)
        case Call(targets=targets, code=code):
            yield from (*map(ast.Name, targets), code)
        case Update(place=place, code=code):
            yield from (place, code)
        case Return(code=code):
            yield code
        case Delete(targets=targets):
            yield from map(ast.Name, targets)
        case Function(body=body):
            for inner in body:
                yield from trees(inner)


def names_of(*statements: Statement) -> dict[str, None]:
    """Every name that statements assign or read, in the order of a walk through each."""
    return {found: None for statement in statements for found in names(*trees(statement))}


def words_of(*statements: Statement) -> dict[str, None]:
    """Every word that statements read, likewise."""
    return {found: None for statement in statements for found in words(*trees(statement))}
