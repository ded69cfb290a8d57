"""A forward pass is a list of named equations, and so is everything derived from it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from symgrad.core.graph import postorder
from symgrad.core.op import REGISTRY, VARIABLE, Node, show_shape
from symgrad.errors import InputError, ShapeError, UnsupportedError

PASSES: dict[str, Callable[..., Any]] = {}
"""Passes that a Program can be asked for by method (`latex`, `sympy`, ...); each registers itself, so this module knows none."""


class Statement(Protocol):
    """What programs are lists of: an `Equation`, or a `symgrad.core.loop.Loop`, which stands for one set of equations a step."""

    @property
    def symbols(self) -> tuple[Node, ...]:
        """What it assigns."""

    @property
    def reads(self) -> tuple[Node, ...]:
        """The symbols on its right side."""

    def check(self) -> None:
        """Raises `ShapeError` or `InputError` where its sides do not fit."""

    def map(self, step: Callable[[Node], Node]) -> Statement:
        """The same statement with every right side replaced by an equal one."""

    def within(self, change: Callable[[Program], Program]) -> Statement:
        """The same statement with every program that stands in it replaced by an equal one."""

    def needed(self, wanted: Collection[Node]) -> Statement | None:
        """What is left of it where only these symbols are read later."""


@dataclass(frozen=True)
class Equation:
    """`symbol = expr`; `line` is where the author wrote it, `parts` the named contributions whose sum it is.

    An `aside` names a part for print alone: it is read after the first equation that holds it, in a line that begins with "where".
    """

    symbol: Node
    expr: Node
    line: int = 0
    parts: tuple[tuple[Node, Node], ...] = ()
    aside: bool = False

    @property
    def name(self) -> str:
        return str(self.symbol.params["name"])

    @property
    def symbols(self) -> tuple[Node, ...]:
        return (self.symbol,)

    @cached_property
    def reads(self) -> tuple[Node, ...]:
        return symbols_in(self.expr, self.name)

    def check(self) -> None:
        if self.symbol.shape != self.expr.shape:
            raise ShapeError(f"{self.name} has shape {show_shape(self.symbol.shape)}, its right side {show_shape(self.expr.shape)}")

    def map(self, step: Callable[[Node], Node]) -> Equation:
        expr, parts = step(self.expr), tuple((v, step(x)) for v, x in self.parts)
        return self if expr is self.expr and parts == self.parts else replace(self, expr=expr, parts=parts)

    def within(self, change: Callable[[Program], Program]) -> Equation:
        return self

    def needed(self, wanted: Collection[Node]) -> Equation | None:
        return self if self.symbol in wanted else None


@dataclass(frozen=True, eq=False)
class Origin:
    """What a program was read from: its definition, the file around it, captured numbers, and what its arguments stand for."""

    definition: ast.FunctionDef
    module: Any
    closure: Mapping[str, Any]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Program:
    """Ordered statements over the inputs, each symbol assigned once, every right side over earlier symbols.

    A program that was simplified by facts about its inputs keeps it `unsimplified`, which is what is differentiated again.
    """

    name: str
    inputs: tuple[Node, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[Node, ...]
    source: str = ""
    origin: Origin | None = field(default=None, compare=False, repr=False)
    unsimplified: Program | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        known = set(self.inputs)
        for statement in self.statements:
            statement.check()
            _check_order(statement, known)
            known.update(statement.symbols)
        if missing := [v for v in self.outputs if v not in known]:
            raise InputError(f"program {self.name}: output {missing[0]} is never assigned")

    @cached_property
    def equations(self) -> tuple[Equation, ...]:
        """The statements of a program without loops, which is all that many passes take; `UnsupportedError` where there is one."""
        found = tuple(s for s in self.statements if isinstance(s, Equation))
        if len(found) < len(self.statements):
            loop = next(s for s in self.statements if not isinstance(s, Equation))
            raise UnsupportedError(
                f"program {self.name} has a loop, which makes {loop.symbols[0]}; only a straight program is taken here"
            )
        return found

    @property
    def symbols(self) -> tuple[Node, ...]:
        """Inputs, then the left sides of the statements."""
        return (*self.inputs, *(v for s in self.statements for v in s.symbols))

    @cached_property
    def names(self) -> frozenset[str]:
        dims = {s.name for v in self.inputs for d in v.shape if not isinstance(d, int) for s in d.free_symbols}
        return frozenset(v.params["name"] for v in self.symbols) | dims

    @cached_property
    def defined(self) -> dict[Node, Equation]:
        """The equations by their symbols."""
        return {s.symbol: s for s in self.statements if isinstance(s, Equation)}

    @property
    def output(self) -> Node:
        """The one value of a program that has one."""
        if len(self.outputs) != 1:
            raise InputError(f"program {self.name} has {len(self.outputs)} outputs; say which is meant")
        return self.outputs[0]

    def input(self, name: str) -> Node:
        for v in self.inputs:
            if v.params["name"] == name:
                return v
        names = ", ".join(str(v) for v in self.inputs)
        raise InputError(f"program {self.name} has no input {name!r}; its inputs are {names}")

    def needed(self, outputs: Iterable[Node] | None = None) -> Program:
        """The same program without what these outputs do not read."""
        outputs = self.outputs if outputs is None else tuple(outputs)
        wanted, kept = set(outputs), []
        for statement in reversed(self.statements):
            if (needed := statement.needed(wanted)) is not None:
                kept.append(needed)
                wanted.update(needed.reads)
        return replace(self, statements=tuple(reversed(kept)), outputs=outputs)

    def map(self, step: Callable[[Node], Node]) -> Program:
        """The same program with every right side replaced by an equal one."""
        statements = tuple(s.map(step) for s in self.statements)
        return self if statements == self.statements else replace(self, statements=statements)

    def derive(self, *wrt: str, of: str | None = None) -> Any:
        """The derivation of this program's value, or of the symbol `of`, with respect to these inputs."""
        return PASSES["derive"](self, wrt, of)

    def latex(self, **options: Any) -> str:
        return str(PASSES["latex"](self, **options))

    def sympy(self) -> Any:
        """The equations as SymPy matrix expressions, for everything of rank 2 at most."""
        return PASSES["sympy"](self)

    @classmethod
    def from_sympy(cls, equations: Any, inputs: Any, name: str = "model") -> Any:
        """A forward pass from SymPy matrix expressions; see `symgrad.reading.sympy_door`."""
        return PASSES["from_sympy"](equations, inputs, name)

    def __str__(self) -> str:
        return str(PASSES["text"](self))

    def _repr_latex_(self) -> str:
        return self.latex()


def _check_order(statement: Statement, known: set[Node]) -> None:
    for v in statement.symbols:
        if v in known:
            raise InputError(f"{v} is assigned twice")
    if not known.issuperset(statement.reads):
        unknown = next(v for v in statement.reads if v not in known)
        raise InputError(f"{statement.symbols[0]} reads {unknown} before it is assigned")


_symbols: WeakKeyDictionary[Node, tuple[Node, ...]] = WeakKeyDictionary()
"""The symbols of right sides that were checked: most stand in many programs, since a pass changes few of them."""


def symbols_in(expr: Node, reader: str = "an expression") -> tuple[Node, ...]:
    """The symbols that a right side reads; raises `InputError` where an operation is not registered."""
    if expr.op is VARIABLE:
        return (expr,)  # kept as its own value it would never go
    found = _symbols.get(expr)
    if found is None:
        for node in (nodes := list(postorder([expr]))):
            if REGISTRY.get(node.op.name) is not node.op:
                raise InputError(f"{reader} uses the unregistered operation {node.op.name}")
        _symbols[expr] = found = tuple(n for n in nodes if n.op is VARIABLE)
    return found


def fresh(name: str, *taken: Iterable[str]) -> str:
    """`name`, or the first of name_2, name_3, ... that gives way to the author's names."""
    names = [t if isinstance(t, set | frozenset) else set(t) for t in taken]  # not one set: they may be long, and asked often
    return numbered(name, 1, lambda candidate: any(candidate in t for t in names))[0]


def numbered(name: str, first: int, is_taken: Callable[[str], bool]) -> tuple[str, int]:
    """The first free name from this number on, 1 standing for `name` itself, and its number."""
    count = first
    while is_taken(candidate := name if count == 1 else f"{name}_{count}"):
        count += 1
    return candidate, count
