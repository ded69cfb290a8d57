"""Arrays in the memory of exported code: their shapes in the dimensions, what holds them, and what NumPy makes of them."""

from __future__ import annotations

import ast
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy

from symgrad.core.op import Shape

_ITEM = {"bool": 1, "int": 8}
_COMMUTES = (ast.Add, ast.Mult)
_OVERWRITES = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_REDUCTIONS = frozenset({"sum", "max", "min", "prod", "mean", "any", "all", "argmax"})
_VIEWS = frozenset({"asarray", "squeeze", "real", "broadcast_to", "transpose", "reshape", "diagonal"})
_PAIRS = frozenset({"slogdet"})
_NUMBERS = frozenset({"result_type", "type"})
_PREDICATES = frozenset({"isfinite", "isnan", "isinf"})

Instant = Mapping[sympy.Expr, int]
"""How many arrays there are of each size in bytes."""


@dataclass(eq=False)
class _Buffer:
    size: sympy.Expr
    references: int = 1


@dataclass(eq=False)
class HeldArray:
    """What is known of an array: its shape, the kind of its entries and the memory behind it (none for a scalar)."""

    shape: Shape
    kind: str = "float"
    buffer: _Buffer | None = None
    owns: bool = True


class UnknownError(Exception):
    """A piece of code whose memory this walk does not know."""


@dataclass(eq=False)
class Heap:
    """The arrays that are held now, and every moment that there was; `is_large` tells bytes that NumPy writes a result over."""

    itemsize: int
    is_large: Callable[[sympy.Expr], bool]
    live: Counter[sympy.Expr] = field(default_factory=Counter)
    seen: dict[frozenset[tuple[sympy.Expr, int]], None] = field(default_factory=dict)

    def points(self) -> list[Instant]:
        return [dict(point) for point in self.seen]

    def allocate(self, shape: Shape, kind: str = "float") -> HeldArray:
        if not shape:
            return HeldArray((), kind)
        buffer = _Buffer(sympy.Mul(*shape) * _ITEM.get(kind, self.itemsize))
        self.live[buffer.size] += 1
        self.seen[frozenset((s, n) for s, n in self.live.items() if n)] = None
        return HeldArray(shape, kind, buffer)

    def hold(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self.hold(v) for v in value)
        if isinstance(value, HeldArray) and value.buffer is not None:
            value.buffer.references += 1
        return value

    def release(self, *values: Any) -> None:
        for value in values:
            if isinstance(value, tuple):
                self.release(*value)
            elif isinstance(value, HeldArray) and value.buffer is not None:
                value.buffer.references -= 1
                self.live[value.buffer.size] -= value.buffer.references == 0

    def result(self, shape: Shape, kind: str, *operands: Any) -> HeldArray:
        made = self.allocate(shape, kind)
        self.release(*operands)
        return made

    # what NumPy does with arrays ----------------------------------------------------------------------------------------

    def overwritable(self, x: Any, other: Any, shape: Shape) -> bool:
        """Is `x` a temporary that NumPy writes the result over?"""
        if not (isinstance(x, HeldArray) and x.owns and x.kind == "float" and x.buffer is not None and x.shape == shape):
            return False
        return x.buffer.references == 1 and array_shape(other) in ((), shape) and self.is_large(x.buffer.size)

    def unary(self, op: ast.unaryop, x: Any) -> Any:
        if not isinstance(x, HeldArray):
            return -x if isinstance(op, ast.USub) else x
        if isinstance(op, ast.USub | ast.UAdd) and self.overwritable(x, 0, x.shape):
            return x
        return self.result(x.shape, x.kind, x)

    def binary(self, op: ast.operator, x: Any, y: Any) -> Any:
        if not isinstance(x, HeldArray) and not isinstance(y, HeldArray):
            return _arithmetic(op, x, y)
        if isinstance(op, ast.MatMult):
            return self.result(product_shape(array_shape(x), array_shape(y)), "float", x, y)
        shape = broadcast_shape(x, y)
        if isinstance(op, ast.Pow):
            over = y in (2, 0.5) and self.overwritable(x, y, shape)
            return x if over else self.result(shape, "float", x, y)
        if isinstance(op, _OVERWRITES) and self.overwritable(x, y, shape):
            self.release(y)
            return x
        if isinstance(op, _COMMUTES) and self.overwritable(y, x, shape):
            self.release(x)
            return y
        kinds = {v.kind for v in (x, y) if isinstance(v, HeldArray)}
        return self.result(shape, "bool" if kinds == {"bool"} else "float", x, y)

    def attribute(self, x: Any, name: str) -> Any:
        if not isinstance(x, HeldArray):
            raise UnknownError(name)
        if name == "T":
            return viewed(x, x.shape[::-1])
        if name in ("shape", "ndim", "size"):
            self.release(x)
            return {"shape": x.shape, "ndim": len(x.shape), "size": sympy.Mul(*x.shape)}[name]
        return x

    def made(self, name: str, x: list[Any], keywords: dict[str, Any]) -> Any:
        if name in _VIEWS:
            base = x[0] if isinstance(x[0], HeldArray) else HeldArray(())
            return viewed(base, view_shape(name, [base, *x[1:]], keywords))
        if name == "flatnonzero":  # the places of few entries
            self.release(*x)
            return HeldArray((), "int")
        if name in _PAIRS:
            self.release(*x)
            return 1.0, 1.0
        if name in _NUMBERS:
            self.release(*x)
            return 1.0
        if name in _REDUCTIONS:
            axis = keywords.get("axis", x[1] if len(x) > 1 else None)
            return self.result(shape_reduced(x[0].shape, axis, keywords.get("keepdims", False)), x[0].kind, *x)
        if name == "frexp":
            pair = (self.allocate(x[0].shape), self.allocate(x[0].shape, "int"))
            self.release(*x)
            return pair
        kind = "bool" if name in _PREDICATES else "float"
        shape = contracted(x, keywords["axes"]) if name == "tensordot" else made_shape(name, x)
        if name in ("array_equal", "ones_like", "zeros_like") and isinstance(x[0], HeldArray):
            shape = x[0].shape
        return self.result(shape, kind, *x)


def viewed(x: HeldArray, shape: Shape) -> HeldArray:
    """Another shape of the same memory; the reference to `x` becomes one to the view."""
    return HeldArray(shape, x.kind, x.buffer, owns=False)


# shapes --------------------------------------------------------------------------------------------------------------


def made_shape(name: str, x: list[Any]) -> Shape:
    """The shape of what a NumPy function makes; entry by entry where nothing else is known of it."""
    if name == "outer":
        return (*array_shape(x[0]), *array_shape(x[1]))
    if name == "eye":
        return (x[0], x[0])
    if name == "arange":
        return (x[0],)
    if name in ("full", "zeros", "ones"):
        return x[0] if isinstance(x[0], tuple) else (x[0],)
    if name in ("vdot", "trace", "dot", "det"):
        return ()
    if name == "solve":
        return array_shape(x[1])
    if name == "diag":
        return (*array_shape(x[0]), *array_shape(x[0])) if len(array_shape(x[0])) == 1 else array_shape(x[0])[:1]
    if name == "kron":
        return tuple(a * b for a, b in zip(array_shape(x[0]), array_shape(x[1]), strict=True))
    if name == "einsum":
        inputs, _, output = x[0].partition("->")
        sizes = {
            c: d for letters, v in zip(inputs.split(","), x[1:], strict=True) for c, d in zip(letters, array_shape(v), strict=True)
        }
        return tuple(sizes[c] for c in output)
    return broadcast_shape(*x)


def product_shape(x: Shape, y: Shape) -> Shape:
    """Of matrices under leading axes that broadcast; of vectors as NumPy has it."""
    if len(x) < 2 or len(y) < 2:
        return (*x[:-1], *y[:-2], *y[-1:]) if len(y) > 1 else x[:-1]
    return (*broadcast_shape(HeldArray(x[:-2]), HeldArray(y[:-2])), x[-2], y[-1])


def contracted(x: list[Any], axes: tuple[tuple[int, ...], tuple[int, ...]]) -> Shape:
    return tuple(d for v, gone in zip(x, axes, strict=True) for k, d in enumerate(v.shape) if k not in gone)


def view_shape(name: str, x: list[Any], keywords: dict[str, Any]) -> Shape:
    shape = x[0].shape
    if name == "transpose":
        order = x[1] if len(x) == 2 and isinstance(x[1], tuple) else x[1:]
        return tuple(shape[a] for a in order) or shape[::-1]
    if name == "diagonal":
        return shape[:1]
    if name == "squeeze":
        return shape_reduced(shape, keywords.get("axis", tuple(k for k, d in enumerate(shape) if d == 1)), False)
    if name == "broadcast_to":
        return x[1] if isinstance(x[1], tuple) else (x[1],)
    if name == "reshape":
        wanted = x[1] if isinstance(x[1], tuple) else tuple(x[1:])
        known = sympy.Mul(*(d for d in wanted if d != -1))
        return tuple(sympy.Mul(*shape) / known if d == -1 else d for d in wanted)
    return shape


def array_shape(x: Any) -> Shape:
    return x.shape if isinstance(x, HeldArray) else ()


def broadcast_shape(*operands: Any) -> Shape:
    shapes = [array_shape(x) for x in operands]
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    return tuple(next((d for d in dims if d != 1), 1) for dims in zip(*padded, strict=True))


def shape_reduced(shape: Shape, axis: Any, keepdims: bool) -> Shape:
    chosen = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {a % len(shape) for a in chosen} if shape else set()
    return tuple(1 if k in gone else d for k, d in enumerate(shape) if keepdims or k not in gone)


def _arithmetic(op: ast.operator, x: Any, y: Any) -> Any:
    """Numbers and dimensions; their values matter in shapes alone."""
    table: dict[type, Callable[[Any, Any], Any]] = {
        ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b, ast.FloorDiv: lambda a, b: a // b,
    }  # fmt: skip
    with contextlib.suppress(TypeError, KeyError):
        return table[type(op)](x, y)
    return 1.0
