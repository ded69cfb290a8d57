"""Functions as they are exported, lowered: statements over expressions, before there is any text.

A module is made in four steps, each done once for a function: its program is scheduled (`schedule.py`) and split into blocks
(`blocking.py`); `statements.py` lowers the equations to the statements below, which know the `Node` that they compute and so its
shape; `functions.py` puts around them what a function begins and ends with, and passes run on that (`release.py`: names that nobody
reads, arrays given up; `fitting.py`: operands that a line has no room for); a `Writer` spells the result in the words of a target.
What they become in memory is read off the same statements (`footprint.py`).  Text that was written is parsed again by nobody but
the whitelist in front of the loader (`loading.py`).
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from symgrad.core.op import Node
from symgrad.export.syntax import NamesRead, names_in


class LoweredStatement(ABC):
    """One statement of a function."""

    @property
    @abstractmethod
    def trees(self) -> Iterable[ast.AST]:
        """What it assigns and reads."""

    @cached_property
    def names(self) -> NamesRead:
        return names_in(*self.trees)


@dataclass(frozen=True, eq=False)
class Assign(LoweredStatement):
    """A value under a name; `node` is the expression of the program that it is, None for what only the code has.

    `leads` says that it is an operand of the statement behind it, which had no room for it.
    """

    target: str
    code: ast.expr
    node: Node | None = None
    leads: bool = False

    @property
    def trees(self) -> Iterable[ast.AST]:
        return ast.Name(self.target), self.code


@dataclass(frozen=True, eq=False)
class Update(LoweredStatement):
    """A term added to a part of an array that is there, or subtracted from it."""

    place: ast.expr
    code: ast.expr
    subtracts: bool = False

    @property
    def trees(self) -> Iterable[ast.AST]:
        return self.place, self.code


@dataclass(frozen=True, eq=False)
class Call(LoweredStatement):
    """A call whose results are unpacked; without targets it is made for what it raises."""

    targets: tuple[str, ...]
    code: ast.expr

    @property
    def trees(self) -> Iterable[ast.AST]:
        return *map(ast.Name, self.targets), self.code


@dataclass(frozen=True, eq=False)
class Return(LoweredStatement):
    code: ast.expr

    @property
    def trees(self) -> Iterable[ast.AST]:
        return (self.code,)


@dataclass(frozen=True, eq=False)
class Delete(LoweredStatement):
    """Arrays given up, named on one line."""

    targets: tuple[str, ...]

    @property
    def trees(self) -> Iterable[ast.AST]:
        return map(ast.Name, self.targets)


@dataclass(frozen=True, eq=False)
class LoweredFunction(LoweredStatement):
    """A function of the module, or of the entries of one block within another function.

    `parameters` are as they stand in the signature, `words` how its words are spelled, `top` the decorator above it.
    """

    name: str
    parameters: tuple[str, ...]
    body: tuple[LoweredStatement, ...]
    returns: str = ""
    says: str = ""
    words: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    top: str = ""

    @property
    def trees(self) -> Iterator[ast.AST]:
        return (tree for statement in self.body for tree in statement.trees)


def names_of(statements: Iterable[LoweredStatement]) -> NamesRead:
    """What statements name, in their order."""
    found = NamesRead({}, {})
    for statement in statements:
        found.own.update(statement.names.own)
        for word, paths in statement.names.words.items():
            found.words.setdefault(word, set()).update(paths)
    return found
