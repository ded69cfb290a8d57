"""The symbols of SymPy expressions, each checked, and what the readers of matrices and of numbers have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import sympy
from sympy.matrices import expressions as matrices

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.language import LANGUAGE
from symgrad.core.op import Dim, Node, Shape, show_shape, variable
from symgrad.core.source import dim_text
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.product import transpose
from symgrad.reading.annotations import FUNCTIONS, check_identifier, declare

LONGEST_PIECE = 100


@dataclass(frozen=True)
class SymbolEntries:
    """A number for every value of some indices: the axes of `node` run over the indices in `over`."""

    node: Node
    over: tuple[sympy.Symbol, ...] = ()

    def spread(self, over: tuple[sympy.Symbol, ...], sizes: Mapping[sympy.Symbol, Dim]) -> Node:
        """The node with an axis for every index of `over`; a plain number stays one."""
        if not self.over or self.over == over:
            return self.node
        present = [i for i in over if i in self.over]
        node = transpose(self.node, tuple(self.over.index(i) for i in present))
        return broadcast(node, shape=tuple(sizes[i] for i in over), axes=tuple(over.index(i) for i in present))


@dataclass(frozen=True)
class SympyScope:
    """What bound symbols stand for: the variable of a Lambda for entries, an index for its range; a summed one for a whole axis."""

    values: dict[sympy.Symbol, SymbolEntries] = field(default_factory=dict)
    sizes: dict[sympy.Symbol, Dim] = field(default_factory=dict)
    summed: frozenset[sympy.Symbol] = frozenset()
    memo: dict[sympy.Basic, SymbolEntries] = field(default_factory=dict)


def shown_piece(expr: Any) -> str:
    """An expression as a short text; large ones by their kind, since SymPy prints a graph as a tree."""
    if sum(1 for _ in islice(sympy.preorder_traversal(expr), LONGEST_PIECE)) == LONGEST_PIECE:
        return f"this {type(expr).__name__}"
    text = str(expr)
    return text if len(text) <= LONGEST_PIECE else text[: LONGEST_PIECE - 3] + "..."


def is_matrix(expr: Any) -> bool:
    return bool(getattr(expr, "is_Matrix", False))


class Door(ABC):
    """Reads expressions over the symbols declared so far."""

    def __init__(self) -> None:
        self.known: dict[sympy.Basic, Node] = {}
        self.dims: dict[str, sympy.Symbol] = {}
        self.functions: set[str] = set()
        self.outside = SympyScope()

    @abstractmethod
    def matrix(self, expr: Any) -> Node:
        """A matrix expression as a node of rank 2."""

    @abstractmethod
    def scalar(self, expr: Any, scope: SympyScope | None = None) -> SymbolEntries:
        """A number for every value of the indices that are free in it."""

    def name(self, symbol: Any, what: str) -> str:
        if isinstance(symbol, str):
            raise InputError(f"{what} {ascii(symbol)[:40]} is a string; hand in the SymPy symbol itself")
        if isinstance(symbol, sympy.Dummy | sympy.Wild):
            raise InputError(f"{what} {str(symbol)!a} is a {type(symbol).__name__}; use Symbol or MatrixSymbol")
        if not isinstance(symbol, sympy.Symbol | matrices.MatrixSymbol):
            raise InputError(
                f"{what} {shown_piece(symbol) if isinstance(symbol, sympy.Basic) else type(symbol).__name__} is no symbol"
            )
        if isinstance(symbol, sympy.Symbol) and not symbol.is_commutative:
            raise InputError(f"{what} {symbol.name!a} does not commute; use a MatrixSymbol")
        name = check_identifier(str(symbol.name), what.removeprefix("the "))
        if name.startswith("_"):
            raise InputError(f"{what} {name!r} starts with an underscore; rename it")
        if clash := next((s for s in self.known if s.name == name), None):
            same = "is declared twice" if clash == symbol else "is the name of two different symbols; rename one"
            raise InputError(f"{name} {same}")
        if name in self.functions:
            raise InputError(f"{name} is the name of a function and of a symbol; rename one")
        return name

    def dimensions(self, symbol: Any) -> str:
        """The shape of a symbol in the notation of annotations, its names checked before they become text."""
        if not is_matrix(symbol):
            return ""
        for letter in sorted(set().union(*(d.free_symbols for d in symbol.shape)), key=str):
            name = check_identifier(str(letter.name), "dimension")
            if self.dims.setdefault(name, letter) != letter:
                raise InputError(f"{name} names two different dimensions; make it one Symbol")
        return " ".join(dim_text(d).replace(" ", "") for d in symbol.shape)

    def declare(self, symbol: Any, words: Any) -> Node:
        """An input; `words` are its properties, such as "spd"."""
        name = self.name(symbol, "the input")
        if not isinstance(words, str):
            raise InputError(f'{name}: properties are text such as "positive"')
        positive = " positive" if isinstance(symbol, sympy.Symbol) and symbol.is_positive else ""
        declared = declare(f"{self.dimensions(symbol)} | {words}{positive}", name)
        if kind := declared.properties & FUNCTIONS:
            raise InputError(f'{name}: a function is no input here; write Function("{name}") where it is called, not {min(kind)}')
        if (along := sorted(declared.properties & {"onehot", "simplex"})) and declared.shape[-1:] == (1,):
            raise InputError(
                f"{name}: {along[0]} speaks of the rows of a matrix, and those of a column have one entry; leave it out"
            )
        self.known[symbol] = variable(name, declared.shape, declared.properties)
        return self.known[symbol]

    def dim(self, dim: Any) -> Dim:
        """A dimension of an expression: made of those that inputs have."""
        if dim.is_Integer:
            return int(dim)
        if unknown := [s for s in dim.free_symbols if self.dims.get(s.name) != s]:
            raise InputError(f"the dimension {str(unknown[0])!a} is no dimension of an input")
        return dim.xreplace({s: sympy.Symbol(s.name, integer=True, positive=True) for s in dim.free_symbols})

    def shape(self, expr: Any) -> Shape:
        return tuple(self.dim(d) for d in expr.shape) if is_matrix(expr) else ()

    def read(self, expr: Any) -> Node:
        if isinstance(expr, bool | str) or not isinstance(expr, int | float | sympy.Basic | sympy.MatrixBase):
            raise InputError(f"a {type(expr).__name__} is no SymPy expression; nothing is parsed or evaluated here")
        if isinstance(expr, int | float):
            expr = sympy.Integer(expr) if isinstance(expr, int) else sympy.Float(expr)
        return self.matrix(expr) if is_matrix(expr) else self.scalar(expr).node

    def number(self, expr: Any) -> Node:
        return self.scalar(expr).node

    def symbol(self, expr: Any) -> Node:
        if expr in self.known:
            return self.known[expr]
        if other := next((s for s in self.known if s.name == expr.name), None):
            here, there = (show_shape(tuple(getattr(s, "shape", ()))) for s in (expr, other))
            differ = f"shape {here} here and {there}" if here != there else "other assumptions here than"
            raise InputError(f"{expr.name} has {differ} where it is declared; use one symbol")
        raise InputError(f"{str(expr)!a} is neither an input nor assigned earlier; add it to inputs or move its equation up")


def language(name: str) -> Callable[..., Node]:
    if name not in LANGUAGE:
        raise UnsupportedError(f"the operation {name} is not available")
    return LANGUAGE[name]
