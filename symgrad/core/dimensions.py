"""Where the named dimensions of a program are read off: the axes of its inputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy

from symgrad.core.op import Dim, Node
from symgrad.errors import UnsupportedError


@dataclass(frozen=True)
class AxisPlace:
    """An axis of an input whose size is `factor` times the dimension plus `offset`."""

    input: Node
    axis: int
    factor: int = 1
    offset: int = 0

    def size(self, found: int) -> int:
        """The dimension where the axis has this size."""
        return (found - self.offset) // self.factor


def places(inputs: Iterable[Node]) -> dict[str, AxisPlace]:
    """By the name of a dimension; an axis that is the dimension itself goes before one such as 2*n + 1."""
    found: dict[str, AxisPlace] = {}
    for v in inputs:
        for axis, dim in enumerate(v.shape):
            for name, place in _read(v, axis, dim):
                if name not in found or (place.factor, place.offset) == (1, 0) != (found[name].factor, found[name].offset):
                    found[name] = place
    return found


def unknown(name: str) -> UnsupportedError:
    """A dimension that no axis gives away."""
    return UnsupportedError(f"the dimension {name} is no axis of any input, so the code cannot know it")


def compound(inputs: Iterable[Node], name: str) -> list[tuple[Node, int, sympy.Expr]]:
    """The axes whose size is an expression in this dimension."""
    return [
        (v, axis, d) for v in inputs for axis, d in enumerate(v.shape)
        if isinstance(d, sympy.Expr) and not d.is_Symbol and name in map(str, d.free_symbols)
    ]  # fmt: skip


def _read(v: Node, axis: int, dim: Dim) -> list[tuple[str, AxisPlace]]:
    if isinstance(dim, sympy.Symbol):
        return [(dim.name, AxisPlace(v, axis))]
    if not isinstance(dim, sympy.Expr) or len(dim.free_symbols) != 1:
        return []
    (symbol,) = dim.free_symbols
    offset, factor = dim.subs(symbol, 0), dim.coeff(symbol, 1)
    if not (factor.is_Integer and offset.is_Integer and sympy.expand(factor * symbol + offset - dim) == 0):
        return []
    return [(symbol.name, AxisPlace(v, axis, int(factor), int(offset)))]
