"""Operations over axes as loops over the rows of a matrix, which run along the axes (`helpers/in_numba.py`)."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from symgrad.core.op import Node
from symgrad.core.source import tuple_source


def rows_of(x: Node, kept: Sequence[int], axes: Sequence[int]) -> str:
    """A matrix whose rows run along the axes."""
    order = axes_turned("{0}", (*kept, *axes))
    if len(kept) == len(axes) == 1:
        return order
    dims = tuple(sympy.Mul(*(x.shape[a] for a in group)) for group in (kept, axes))
    return f"np.ascontiguousarray({order}).reshape({tuple_source(dims)})"


def axes_turned(operand: str, order: tuple[int, ...]) -> str:
    """An operand with its axes in this order."""
    if order == tuple(range(len(order))):
        return operand
    return f"{operand}.T" if order == (1, 0) else f"{operand}.transpose({', '.join(map(str, order))})"


def along_axes(node: Node) -> tuple[Node, list[int], list[int]]:
    """The operand, its other axes, and those that the operation runs over."""
    x = node.args[0]
    axes = list(node.params["axes"]) if "axes" in node.params else [node.params["axis"]]
    return x, [a for a in range(x.ndim) if a not in axes], axes


def reducing(helper: str, node: Node) -> str:
    """One number a row."""
    x, kept, axes = along_axes(node)
    made = f"{helper}({rows_of(x, kept, axes)})"
    return made if len(kept) == 1 else f"{made}.reshape({tuple_source(node.shape)})" if kept else f"{made}[0]"


def keeping(helper: str, node: Node) -> str:
    """A row for every row."""
    x, kept, axes = along_axes(node)
    order = (*kept, *axes)
    made = f"{helper}({rows_of(x, kept, axes)})"
    if len(kept) != 1 or len(axes) != 1:
        made += f".reshape({tuple_source(tuple(x.shape[a] for a in order))})"
    return axes_turned(made, tuple(order.index(a) for a in range(x.ndim)))
