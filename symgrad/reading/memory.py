"""Which names hold one array, as far as NumPy lets an act on one be seen under another; jax's arrays never change.

NumPy's slices, transposes and reshapes are views, and `a += b` writes into the array that `a` names.  What is read here is a
list of equations, in which nothing changes.  So an act in place is read as a new array under the old name, and every other name
of the same memory is stale from then on: to read it again would be to read what NumPy has changed, and is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Any

from symgrad.core.language import LANGUAGE
from symgrad.core.op import CONSTANT, VARIABLE, Node, show_shape
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.integers import is_integral
from symgrad.reading.messages import LONGEST_STATEMENT, Place, unparsed
from symgrad.reading.module import Module
from symgrad.reading.words import BARE_MODULES, CONSTANTS, FLOATS

# how a value came about ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """What is known of a value besides its formula: `new`, nobody else holds it; `cell`, an array though it has no axes;
    `truth`, of truth values; `jax`, one of jax's arrays; `fixed`, a view that NumPy lets nobody write into."""

    new: bool = False
    cell: bool = False
    truth: bool = False
    jax: bool = False
    fixed: bool = False


Origins = Made | tuple[Any, ...]
"""Of a value, or of the parts of a tuple that is written out."""


def parts(made: Origins, count: int) -> tuple[Origins, ...]:
    """Those of the parts, as far as they are known one by one."""
    if isinstance(made, tuple):
        return made if len(made) == count else (Made(),) * count
    return (shared(made),) * count


def shared(made: Origins) -> Origins:
    """Of a value that several names take at once."""
    return replace(made, new=False) if isinstance(made, Made) else tuple(map(shared, made))


@cache
def sharing() -> frozenset[Any]:
    """Functions whose result may be the memory of their argument."""
    words = (
        "asarray atleast_1d atleast_2d broadcast_to diag diagonal diff expand_dims flip matrix_power moveaxis ravel reshape split "
        "squeeze stop_gradient swapaxes transpose"
    )
    return frozenset(LANGUAGE[word] for word in words.split())


@cache
def fixing() -> frozenset[Any]:
    """Functions whose result NumPy lets nobody write into."""
    return frozenset(LANGUAGE[word] for word in ("broadcast_to", "diagonal"))


@cache
def cells() -> frozenset[Any]:
    """Functions that give an array, not a number, where there are no axes."""
    words = "array asarray copy full full_like ones ones_like reshape squeeze where zeros zeros_like"
    return frozenset(LANGUAGE[word] for word in words.split())


@cache
def truths() -> frozenset[Any]:
    """Functions whose result holds truth values."""
    words = "equal greater greater_equal less less_equal logical_and logical_not logical_or logical_xor not_equal"
    return frozenset(LANGUAGE[word] for word in words.split())


@cache
def sums() -> frozenset[Any]:
    """Functions that add products or terms: of truth values alone NumPy makes an `or`."""
    return frozenset(LANGUAGE[word] for word in "add dot einsum inner matmul subtract vdot".split())


# whose words a function uses ----------------------------------------------------------------------------------------------


_ARRAYS = frozenset({"numpy", "jax", "scipy", "autograd"})
"""Packages whose words say whose arrays a function computes with."""


def is_jaxs(function: ast.FunctionDef, module: Module) -> bool:
    """Whether the arrays of a function are jax's: it is under jax's jit, or it and its helpers use jax's words alone."""
    names = [node for decorator in function.decorator_list for node in ast.walk(decorator)]
    if any(_last(node) == "jit" and library(node, module) == "jax" for node in names):
        return True
    return set(_roots(function, module, [])) & _ARRAYS == {"jax"}


def _roots(function: ast.FunctionDef, module: Module, seen: list[ast.FunctionDef]) -> Iterator[str]:
    """The packages of the words in a function and in the helpers it names; np.pi and np.float32 say nothing."""
    seen.append(function)
    for node in ast.walk(function):
        last = _last(node)
        bare = isinstance(node, ast.Name) and (last in module.modules or last in BARE_MODULES)  # np, where np.tanh counts
        if last and not bare and last not in CONSTANTS and last not in FLOATS:
            yield library(node, module)
        helper = module.functions.get(last)
        if helper is not None and helper not in seen:
            yield from _roots(helper, module, seen)


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def library(tree: ast.AST, module: Module, local: Container[str] = ()) -> str:
    """The package that a dotted name belongs to, or nothing."""
    while isinstance(tree, ast.Attribute):
        tree = tree.value
    if not isinstance(tree, ast.Name) or tree.id in local:
        return ""
    live = module.live.get(tree.id)
    found = live.__name__ if isinstance(live, ModuleType) else ""
    path = module.modules.get(tree.id) or module.origins.get(tree.id) or found or BARE_MODULES.get(tree.id, "")
    return path.partition(".")[0]


# the memory ---------------------------------------------------------------------------------------------------------------

_VIEWS = frozenset({"broadcast", "diagonal", "reshape", "take", "transpose"})


def root(node: Node, cell: bool = False) -> Node:
    """The array whose memory a view may show; an entry is a number of its own, unless it was made as an array without axes."""
    while _is_view(node) and (node.ndim or cell):
        node = node.args[0]
    return node


def _is_view(node: Node) -> bool:
    if node.op.name == "sum":
        return all(node.args[0].shape[a] == 1 for a in node.params["axes"])
    return node.op.name in _VIEWS and node.args[0].op is not CONSTANT


@dataclass(eq=False)
class _Buffer:
    """One piece of memory, and every value by which it is reached as it is now."""

    holders: list[Node]
    mutable: bool


@dataclass(frozen=True)
class _Change:
    """An act in place: where it stands, and what does the same to a new array."""

    name: str
    place: Place
    way: str


@dataclass
class Memory:
    """The buffers of one reading; `jaxs`, arrays of which nothing else is known are jax's."""

    jaxs: bool = False
    buffers: dict[Node, _Buffer] = field(default_factory=dict)
    origins: dict[Node, Made] = field(default_factory=dict)
    names: dict[Node, str] = field(default_factory=dict)
    stale: dict[Node, _Change] = field(default_factory=dict)

    def of(self, value: Any) -> Made:
        """How a value that has a name, or stands in a container, came about."""
        known = self.origins.get(value) if isinstance(value, Node) else None
        return known or Made(jax=self.jaxs)

    def bind(self, name: str, symbol: Node, value: Node, made: Made) -> None:
        """A new name for a value: of the same memory where others may hold it."""
        self.names[symbol] = name
        self.origins[symbol] = replace(made, new=False, jax=made.jax or self.jaxs, fixed=made.fixed and not made.new)
        own = _Buffer([], bool(value.ndim) or made.cell)
        buffer = own if made.new or not own.mutable else self._buffer(root(value, made.cell))
        self.buffers[symbol] = buffer = buffer if buffer.mutable else own
        buffer.holders.append(symbol)

    def _buffer(self, key: Node) -> _Buffer:
        return self.buffers.setdefault(key, _Buffer([key], bool(key.ndim)))

    def change(self, name: str, old: Node, symbol: Node, place: Place, way: str) -> None:
        """The array of `old`, called `name`, is written into, and `symbol` is what it holds now."""
        made = self.of(old)
        self.origins[symbol], self.names[symbol] = made, name
        buffer = self._buffer(root(old, made.cell))
        if made.jax or not buffer.mutable:
            self.buffers[symbol] = _Buffer([symbol], bool(symbol.ndim))
            return
        self.stale |= dict.fromkeys(buffer.holders, _Change(name, place, way))
        buffer.holders = [symbol]
        self.buffers[symbol] = buffer

    def read(self, value: Any, made: Origins, place: Place) -> None:
        """Raises where what is read now was changed under another name."""
        if not self.stale or (isinstance(made, Made) and made.new):
            return
        for node in _arrays(value):
            key = root(node, self.of(node).cell)
            if key in self.stale:
                self._refuse(key, place)

    def _refuse(self, key: Node, place: Place) -> None:
        change, line = self.stale[key], getattr(place.tree, "lineno", 0)
        name = self.names.get(key, str(key) if key.op is VARIABLE else change.name)
        what = f"changes {name}, too, which" if name != change.name else "may change an array that others hold and that"
        place.module, place.statement, place.tree = change.place.module, change.place.statement, change.place.tree
        raise UnsupportedError(f"in NumPy it {what} is read in line {line}; write {change.way}")


def _arrays(value: Any) -> Iterator[Node]:
    """The arrays in a value; a tuple that shares its parts is walked once."""
    stack, seen = [value], set()
    while stack:
        one = stack.pop()
        if isinstance(one, Node):
            yield one
        elif isinstance(one, tuple | list | dict) and id(one) not in seen:
            seen.add(id(one))
            stack.extend(one.values() if isinstance(one, dict) else one)


# acts in place --------------------------------------------------------------------------------------------------------------


def as_assignment(statement: ast.AugAssign) -> str:
    """`r = r * 3.0` for `r *= 3.0`."""
    assert isinstance(statement.target, ast.Name)
    name = statement.target.id
    text = unparsed(ast.BinOp(ast.Name(name, ast.Load()), statement.op, statement.value))
    return f"{name} = {text}" if len(text) <= LONGEST_STATEMENT else f"{name} = {name} ... with the operator between"


def check_in_place(old: Node, right: Any, new: Node, statement: ast.AugAssign, made: Made) -> None:
    """Raises where NumPy has no room for the result in the array that is there."""
    if made.jax or not (old.ndim or made.cell):
        return
    way = f"write {as_assignment(statement)}"
    if made.fixed:
        raise InputError(f"NumPy lets nobody write into this view; {way}")
    if old.shape != new.shape:
        raise InputError(f"NumPy writes no result of shape {show_shape(new.shape)} into an array of {show_shape(old.shape)}; {way}")
    if made.truth and not isinstance(statement.op, ast.BitAnd | ast.BitOr | ast.BitXor):
        raise InputError(f"NumPy writes no numbers into an array of truth values; {way}")
    words = old.params.get("properties", frozenset())
    if "int" in words and "computed" not in words and not _keeps_integers(statement, right):
        raise InputError(f"NumPy writes no decimals into an array of integers; {way}")


def _keeps_integers(statement: ast.AugAssign, right: Any) -> bool:
    """A decimal such as 1.0 is read as the number 1, so it is told by how it is written."""
    written = isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, float)
    whole = is_integral(right) if isinstance(right, Node) else isinstance(right, int) and not written
    return whole and isinstance(statement.op, ast.Add | ast.Sub | ast.Mult)
