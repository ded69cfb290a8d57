"""Arrays in the memory of exported code: their shapes in the dimensions, what holds them, and what shapes NumPy makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy

from symgrad.core.op import Shape

_ITEM = {"bool": 1, "int": 8}

Point = Mapping[sympy.Expr, int]
"""How many arrays there are of each size in bytes."""


@dataclass(eq=False)
class Buffer:
    size: sympy.Expr
    references: int = 1


@dataclass(eq=False)
class Array:
    """What is known of an array: its shape, the kind of its entries and the memory behind it (none for a scalar)."""

    shape: Shape
    kind: str = "float"
    buffer: Buffer | None = None
    owns: bool = True


@dataclass(eq=False)
class Heap:
    """The arrays that are held now, and every moment that there was."""

    itemsize: int
    live: Counter[sympy.Expr] = field(default_factory=Counter)
    seen: dict[frozenset[tuple[sympy.Expr, int]], None] = field(default_factory=dict)

    def points(self) -> list[Point]:
        return [dict(point) for point in self.seen]

    def allocate(self, shape: Shape, kind: str = "float") -> Array:
        if not shape:
            return Array((), kind)
        buffer = Buffer(sympy.Mul(*shape) * _ITEM.get(kind, self.itemsize))
        self.live[buffer.size] += 1
        self.seen[frozenset((s, n) for s, n in self.live.items() if n)] = None
        return Array(shape, kind, buffer)

    def hold(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self.hold(v) for v in value)
        if isinstance(value, Array) and value.buffer is not None:
            value.buffer.references += 1
        return value

    def release(self, *values: Any) -> None:
        for value in values:
            if isinstance(value, tuple):
                self.release(*value)
            elif isinstance(value, Array) and value.buffer is not None:
                value.buffer.references -= 1
                self.live[value.buffer.size] -= value.buffer.references == 0

    def result(self, shape: Shape, kind: str, *operands: Any) -> Array:
        made = self.allocate(shape, kind)
        self.release(*operands)
        return made


def viewed(x: Array, shape: Shape) -> Array:
    """Another shape of the same memory; the reference to `x` becomes one to the view."""
    return Array(shape, x.kind, x.buffer, owns=False)


# shapes --------------------------------------------------------------------------------------------------------------


def made_shape(name: str, x: list[Any]) -> Shape:
    """The shape of what a NumPy function makes; entry by entry where nothing else is known of it."""
    if name == "outer":
        return (*shape_of(x[0]), *shape_of(x[1]))
    if name == "eye":
        return (x[0], x[0])
    if name == "arange":
        return (x[0],)
    if name in ("full", "zeros", "ones"):
        return x[0] if isinstance(x[0], tuple) else (x[0],)
    if name in ("vdot", "trace", "dot", "det"):
        return ()
    if name == "solve":
        return shape_of(x[1])
    if name == "diag":
        return (*shape_of(x[0]), *shape_of(x[0])) if len(shape_of(x[0])) == 1 else shape_of(x[0])[:1]
    if name == "kron":
        return tuple(a * b for a, b in zip(shape_of(x[0]), shape_of(x[1]), strict=True))
    if name == "einsum":
        inputs, _, output = x[0].partition("->")
        sizes = {
            c: d for letters, v in zip(inputs.split(","), x[1:], strict=True) for c, d in zip(letters, shape_of(v), strict=True)
        }
        return tuple(sizes[c] for c in output)
    return broadcast(*x)


def product(x: Shape, y: Shape) -> Shape:
    """Of matrices under leading axes that broadcast; of vectors as NumPy has it."""
    if len(x) < 2 or len(y) < 2:
        return (*x[:-1], *y[:-2], *y[-1:]) if len(y) > 1 else x[:-1]
    return (*broadcast(Array(x[:-2]), Array(y[:-2])), x[-2], y[-1])


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
        return reduced(shape, keywords.get("axis", tuple(k for k, d in enumerate(shape) if d == 1)), False)
    if name == "broadcast_to":
        return x[1] if isinstance(x[1], tuple) else (x[1],)
    if name == "reshape":
        wanted = x[1] if isinstance(x[1], tuple) else tuple(x[1:])
        known = sympy.Mul(*(d for d in wanted if d != -1))
        return tuple(sympy.Mul(*shape) / known if d == -1 else d for d in wanted)
    return shape


def shape_of(x: Any) -> Shape:
    return x.shape if isinstance(x, Array) else ()


def broadcast(*operands: Any) -> Shape:
    shapes = [shape_of(x) for x in operands]
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    return tuple(next((d for d in dims if d != 1), 1) for dims in zip(*padded, strict=True))


def reduced(shape: Shape, axis: Any, keepdims: bool) -> Shape:
    chosen = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {a % len(shape) for a in chosen} if shape else set()
    return tuple(1 if k in gone else d for k, d in enumerate(shape) if keepdims or k not in gone)
