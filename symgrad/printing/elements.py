"""What a document is made of, before any format: headings, prose, tables, formulas and code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias


@dataclass(frozen=True)
class Math:
    """A formula in a line of text."""

    latex: str


@dataclass(frozen=True)
class CodeName:
    """A name of the code, set as it is typed."""

    text: str


Inline: TypeAlias = str | Math | CodeName


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Prose:
    pieces: tuple[Inline, ...]


@dataclass(frozen=True)
class TablePart:
    head: tuple[str, ...]
    rows: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True)
class EquationLine:
    """left = right; numbered and labelled where it has a number; an aside says what a letter of the lines before stands for."""

    left: str
    right: str
    number: int = 0
    label: str = ""
    relation: str = "="
    aside: bool = False


@dataclass(frozen=True)
class Formulas:
    """Equations below one another, or each in a box with the asides behind it."""

    lines: tuple[EquationLine, ...]
    boxed: bool = False

    def boxes(self) -> Iterator[tuple[EquationLine, ...]]:
        """The lines of each box."""
        starts = [at for at, line in enumerate(self.lines) if not line.aside]
        return (self.lines[a:b] for a, b in pairwise([*starts, len(self.lines)]))


@dataclass(frozen=True)
class Code:
    text: str


Part: TypeAlias = Heading | Prose | TablePart | Formulas | Code
