"""What a symbol is: a name of its own, or what it is of other symbols.  Print follows from it, and passes ask by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import sympy


@dataclass(frozen=True)
class Role:
    """Base of what a symbol can be beside a name."""


Symbol: TypeAlias = str | Role


@dataclass(frozen=True)
class Of(Role):
    """A role that one symbol has for another; a name in `of` is that of the symbol itself."""

    of: Symbol


@dataclass(frozen=True)
class Adjoint(Of):
    """The derivative of `value` in `of`."""

    value: Symbol


@dataclass(frozen=True)
class Tangent(Of):
    """The derivative of `of` along the direction."""


@dataclass(frozen=True)
class Direction(Of):
    """The direction in which `of` moves, under a letter."""

    letter: str


@dataclass(frozen=True)
class Differential(Of):
    """An arbitrary small change of `of`."""


@dataclass(frozen=True)
class CurvatureProduct(Of):
    """The part in `of` of the product of the Gauss-Newton matrix with the direction."""


@dataclass(frozen=True)
class SecondDerivative(Role):
    """The block of the Hessian in these two."""

    row: Symbol
    column: Symbol


@dataclass(frozen=True)
class Printed(Role):
    """A formula that is printed already, and how tightly it holds together."""

    text: str
    precedence: int


@dataclass(frozen=True)
class Side(Role):
    """The left side of a line that is printed already, and its relation to the right one."""

    left: str
    relation: str


@dataclass(frozen=True)
class Row(Of):
    """The row of `of` at an index."""

    index: sympy.Expr
