"""The operation record, the expression node and the registry: what everything else is made of.

An expression is a directed acyclic graph of interned `Node`s: equal nodes are the same object, so equality is identity and
every walk can be memoised.  What an operation is stands in its `Op` record, and every pass reads it there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import sympy

from symgrad.core.budget import tick
from symgrad.core.roles import Symbol
from symgrad.core.signature import Signature, opaque
from symgrad.core.source import dim_text, value_source
from symgrad.errors import InputError, ShapeError

Expr: TypeAlias = sympy.Expr
Dim: TypeAlias = int | Expr
Shape: TypeAlias = tuple[Dim, ...]

# Binding strength of printed forms, weakest first.  A quotient entry by entry and a Kronecker product bind more weakly than
# an entrywise product, so that no two of these signs stand side by side without brackets.
SUM, QUOTIENT, PRODUCT, CHAIN, POWER, ATOM = 1, 2, 3, 4, 5, 6

SYMMETRIC = frozenset({"symmetric", "spd", "diagonal"})
"""Properties under which a matrix is its own transpose."""


class Node:
    """One operation applied to operands: `op`, `args`, the `static` arguments and the `shape` of the result, of any rank."""

    __slots__ = ("__weakref__", "args", "ndim", "op", "params", "shape", "static")

    op: Op
    args: tuple[Node, ...]
    static: tuple[tuple[str, Any], ...]
    params: dict[str, Any]
    shape: Shape
    ndim: int

    @property
    def T(self) -> Node:
        return OPERATORS["transpose"](self)

    def __add__(self, other: Any) -> Node:
        return OPERATORS["add"](self, other)

    def __radd__(self, other: Any) -> Node:
        return OPERATORS["add"](other, self)

    def __sub__(self, other: Any) -> Node:
        return OPERATORS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Node:
        return OPERATORS["subtract"](other, self)

    def __mul__(self, other: Any) -> Node:
        return OPERATORS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Node:
        return OPERATORS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Node:
        return OPERATORS["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return OPERATORS["divide"](other, self)

    def __pow__(self, other: Any) -> Node:
        return OPERATORS["power"](self, other)

    def __matmul__(self, other: Any) -> Node:
        return OPERATORS["matmul"](self, other)

    def __neg__(self) -> Node:
        return OPERATORS["negative"](self)

    def __repr__(self) -> str:
        if self.op is VARIABLE:
            return str(self.params["name"])
        if self.op is CONSTANT:
            return str(self.params["value"])
        inner = [repr(a) if a.op in (VARIABLE, CONSTANT) else f"{a.op.name}(...)" for a in self.args]
        return f"{self.op.name}({', '.join(inner + [f'{k}={v}' for k, v in self.static])})"

    def __str__(self) -> str:
        """The formula as a terminal shows it; a name is itself."""
        return repr(self) if self.op is VARIABLE or self.op is CONSTANT or "text" not in PRINTERS else PRINTERS["text"](self)

    def latex(self) -> str:
        return PRINTERS["latex"](self)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


PRINTERS: dict[str, Callable[[Node], str]] = {}
"""How a node prints, as "text" and as "latex"; filled by printing/."""

OPERATORS: dict[str, Callable[..., Node]] = {}
"""What + - * / ** @ and .T mean on nodes, with NumPy's broadcasting; filled by ops/."""

REGISTRY: dict[str, Op] = {}
"""Every operation by name."""

Key: TypeAlias = "tuple[str, tuple[Node, ...], tuple[tuple[str, Any], ...]]"
"""What makes a node: the name of its operation, its operands and its static arguments."""

_interned: WeakValueDictionary[Key, Node] = WeakValueDictionary()
_lock = threading.Lock()


def _intern(key: Key, op: Op, static: dict[str, Any], shape: Shape) -> Node:
    with _lock:
        found = _interned.get(key)
        if found is None:
            found = object.__new__(Node)
            (_, found.args, found.static), found.op, found.params = key, op, static
            found.shape, found.ndim = shape, len(shape)
            _interned[key] = found
        return found


@dataclass(frozen=True)
class Sample:
    """Operands on which an operation is checked, in the notation of annotations (`"m n | spd"`), and its static arguments."""

    specs: tuple[str, ...]
    static: dict[str, Any] = field(default_factory=dict)


def on(*specs: str, **static: Any) -> Sample:
    return Sample(specs, static)


@dataclass(frozen=True, eq=False)
class Op:
    """Everything known of one operation.

    In a rule the order is: output, inputs, then cotangent or tangents; static arguments follow by keyword.  `vjp` returns one
    cotangent an operand (None where no derivative exists), `jvp` the tangent of the output.  `latex` is a template over the
    printed operands or a function `(node, show)`; `numpy` a template of Python or a function `(node)` that makes one.
    `python` writes the printed form as one line of NumPy, `(node, line)`, where that is no function of the operation's name.
    `axes` says what the operation does along every index, and in which operands it is linear; without a word of it every entry may
    read everything.  `front` are the static arguments behind further axes, of an operation that takes any number of them.
    Where the sign is a letter, it is the first of `letter`, and the next where an author has that letter; it is #0 in templates.
    `definition` makes it of other operations, equal to it in exact arithmetic where those are defined; None where there are none.
    `sympy` is the form as a matrix expression, a function of the node and of the operands' forms, where neither `definition`
    nor `scalar` nor a sum of products in `axes` says it.
    `entry` writes the entry at given indices, `(node, index, show)`, where that is neither an entrywise function of the operands'
    entries nor a sum of products.
    `stacked` is the operation on stacks of operands, `(node, stacks, lead)`, where neither signature nor `front` says it, and None
    where it takes none.  `length` counts the operations that a reader meets in the print, `(node, count)`, where that is not one
    more than in the operands.
    `found`, `source`, `limits` and `kink` are what the documentation says of it.  `defines` says, with formulas between dollar
    signs, what the signs mean that this operation alone prints, or that readers would read otherwise at a tie: a clause a sign.
    """

    name: str
    shape: Callable[..., Shape]
    vjp: Callable[..., tuple[Node | None, ...]]
    jvp: Callable[..., Node]
    latex: str | Callable[..., str]
    precedence: int
    numpy: str | Callable[[Node], str]
    flops: Callable[..., Any]
    samples: tuple[Sample, ...]
    found: str
    scalar: Callable[..., Expr] | None = None
    fold: Callable[..., Node | None] | None = None
    spreads: bool = False  # leaves the broadcasting of its operands to NumPy
    helpers: tuple[str, ...] = ()
    source: str = ""
    limits: str = ""
    kink: str = ""
    letter: tuple[str, ...] = ()
    python: Callable[..., str] | None = None
    axes: Callable[[Node], Signature] = opaque
    front: Callable[[Node, Shape], dict[str, Any]] | None = None
    defines: str = ""
    length: Callable[..., int] | None = None
    definition: Callable[..., Node | None] | None = None
    sympy: Callable[..., Any] | None = None
    entry: Callable[..., Any] | None = None
    stacked: Callable[..., Node | None] | None = None

    def __post_init__(self) -> None:
        if self.name in REGISTRY:
            raise ValueError(f"operation {self.name} is registered twice")
        REGISTRY[self.name] = self

    def __call__(self, *args: Any, **static: Any) -> Node:
        operands = tuple(map(as_node, args))
        if self.fold is not None and (folded := self.fold(*operands, **static)) is not None:
            return folded
        return self.node(*operands, **static)

    def node(self, *operands: Node, **static: Any) -> Node:
        """The node itself, shape-checked when it is first made, but never folded."""
        tick()
        key = (self.name, operands, tuple(sorted(static.items())) if static else ())
        return _interned.get(key) or _intern(key, self, static, self.shape(*operands, **static))

    def defined(self, node: Node) -> Node | None:
        """The node by its definition, if it has one."""
        return None if self.definition is None else self.definition(*node.args, **node.params)

    def rebuild(self, node: Node, args: Iterable[Node]) -> Node:
        args = tuple(args)
        return node if args == node.args else self(*args, **node.params)


def _no_rule(*_: Any, **__: Any) -> Any:
    raise AssertionError("a leaf has no rule")


def leaf(
    name: str, latex: str | Callable[..., str], numpy: Callable[[Node], str], shape: Callable[..., Shape], **fields: Any
) -> Op:
    """An operation without operands, where every walk ends."""
    return Op(name, shape, _no_rule, _no_rule, latex, ATOM, numpy, lambda *_, **__: 0, (), found="A leaf.", **fields)


VARIABLE = leaf("variable", lambda n, show: show.symbol(n), lambda n: n.params["name"], lambda shape, **_: shape)
CONSTANT = leaf(
    "constant",
    lambda n, show: show.constant(n.params["value"]),
    lambda n: value_source(n.params["value"]),
    lambda **_: (),
    sympy=lambda node: node.params["value"],
    python=lambda n, line: line.number(n.params["value"]),
)


def variable(name: str, shape: Shape = (), properties: frozenset[str] = frozenset(), role: Symbol | None = None) -> Node:
    """A named leaf.  `role` says what it is of other symbols, where it has no name of its own in mathematics."""
    return VARIABLE(name=name, shape=shape, properties=properties, role=role or name)


_CONSTANTS = 256
"""Numbers whose node is kept: rules ask for the same few all the time."""


@lru_cache(maxsize=_CONSTANTS, typed=True)
def constant(value: int | sympy.Expr) -> Node:
    """A number, or an expression in the dimensions such as 1/n; decimals are exact, so 0.5 times 2 is 1."""
    return CONSTANT(value=sympy.Integer(value) if isinstance(value, int) else value)


def as_node(value: Any) -> Node:
    if isinstance(value, Node):
        return value
    if not isinstance(value, int | sympy.Expr):
        raise InputError(f"a {type(value).__name__} is no number and no array")
    return constant(value)


def zeros(shape: Shape) -> Node:
    return OPERATORS["fill"](0, shape)


def value_of(node: Node) -> sympy.Expr | None:
    """The number that fills this node, if it is a constant or a constant array."""
    while node.op.name == "broadcast":
        (node,) = node.args
    return node.params["value"] if node.op is CONSTANT else None


def is_zero(node: Node) -> bool:
    return value_of(node) is sympy.S.Zero


def same_shape(*operands: Node, **_: Any) -> Shape:
    first = operands[0].shape
    for other in operands[1:]:
        if other.shape != first:
            raise ShapeError(f"shapes {show_shape(first)} and {show_shape(other.shape)} differ")
    return first


def show_shape(shape: Shape) -> str:
    return f"({', '.join(map(dim_text, shape))}{',' if len(shape) == 1 else ''})"


def size(node: Node) -> sympy.Expr:
    """Number of entries, as an expression in the dimensions."""
    return sympy.Mul(*node.shape)
