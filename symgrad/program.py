"""A forward pass is a list of named equations, and so is everything derived from it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from symgrad.errors import InputError, ShapeError
from symgrad.graph import postorder
from symgrad.op import REGISTRY, VARIABLE, Node, show_shape

PASSES: dict[str, Callable[..., Any]] = {}
"""Passes that a Program can be asked for by method (`latex`, `sympy`, ...); each registers itself, so this module knows none."""


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


@dataclass(frozen=True, eq=False)
class Origin:
    """What a program was read from: its definition, the file around it, captured numbers, and what its arguments stand for."""

    definition: ast.FunctionDef
    module: Any
    closure: Mapping[str, Any]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Program:
    """Ordered equations over the inputs, each symbol assigned once, every right side over earlier symbols.

    A program that was simplified by facts about its inputs keeps it `unsimplified`, which is what is differentiated again.
    """

    name: str
    inputs: tuple[Node, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Node, ...]
    source: str = ""
    origin: Origin | None = field(default=None, compare=False, repr=False)
    unsimplified: Program | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        known = set(self.inputs)
        for eq in self.equations:
            _check_equation(eq, known)
            known.add(eq.symbol)
        if missing := [v for v in self.outputs if v not in known]:
            raise InputError(f"program {self.name}: output {missing[0]} is never assigned")

    @property
    def symbols(self) -> tuple[Node, ...]:
        """Inputs, then the left sides of the equations."""
        return (*self.inputs, *(eq.symbol for eq in self.equations))

    @cached_property
    def names(self) -> frozenset[str]:
        dims = {s.name for v in self.inputs for d in v.shape if not isinstance(d, int) for s in d.free_symbols}
        return frozenset(v.params["name"] for v in self.symbols) | dims

    @cached_property
    def defined(self) -> dict[Node, Equation]:
        return {eq.symbol: eq for eq in self.equations}

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
        """The same program without the equations that these outputs do not read."""
        outputs = self.outputs if outputs is None else tuple(outputs)
        wanted = set(outputs)
        kept = []
        for eq in reversed(self.equations):
            if eq.symbol in wanted:
                kept.append(eq)
                wanted.update(symbols_in(eq.expr))
        return replace(self, equations=tuple(reversed(kept)), outputs=outputs)

    def map(self, step: Callable[[Node], Node]) -> Program:
        """The same program with every right side replaced by an equal one."""
        equations = tuple(_stepped(eq, step) for eq in self.equations)
        return self if equations == self.equations else replace(self, equations=equations)

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


def _check_equation(eq: Equation, known: set[Node]) -> None:
    if eq.symbol in known:
        raise InputError(f"{eq.name} is assigned twice")
    if eq.symbol.shape != eq.expr.shape:
        raise ShapeError(f"{eq.name} has shape {show_shape(eq.symbol.shape)}, its right side {show_shape(eq.expr.shape)}")
    for v in _read(eq):
        if v not in known:
            raise InputError(f"{eq.name} reads {v} before it is assigned")


def _read(eq: Equation) -> tuple[Node, ...]:
    try:
        return symbols_in(eq.expr)
    except InputError as error:
        raise InputError(f"{eq.name} {error}") from None


def _stepped(eq: Equation, step: Callable[[Node], Node]) -> Equation:
    expr, parts = step(eq.expr), tuple((v, step(x)) for v, x in eq.parts)
    return eq if expr is eq.expr and parts == eq.parts else replace(eq, expr=expr, parts=parts)


_symbols: WeakKeyDictionary[Node, tuple[Node, ...]] = WeakKeyDictionary()
"""The symbols of right sides that were checked: most stand in many programs, since a pass changes few of them."""


def symbols_in(expr: Node) -> tuple[Node, ...]:
    """The symbols that a right side reads; raises `InputError` where an operation is not registered."""
    if expr.op is VARIABLE:
        return (expr,)  # kept as its own value it would never go
    found = _symbols.get(expr)
    if found is None:
        for node in (nodes := list(postorder([expr]))):
            if REGISTRY.get(node.op.name) is not node.op:
                raise InputError(f"uses the unregistered operation {node.op.name}")
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
