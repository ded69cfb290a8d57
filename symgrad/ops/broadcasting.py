"""Broadcast and its adjoint, the sum over axes: together they also insert and drop axes of size one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from symgrad.core.builders import linear
from symgrad.core.explicit import number_in, ones, rows_and_columns
from symgrad.core.op import (
    ATOM,
    CHAIN,
    CONSTANT,
    OPERATORS,
    POWER,
    Node,
    Op,
    Shape,
    as_node,
    is_zero,
    on,
    show_shape,
    size,
    value_of,
)
from symgrad.core.signature import FIRST, Signature, contraction, letters, without
from symgrad.core.source import tuple_source
from symgrad.errors import InputError, ShapeError

M, N = (sympy.Symbol(name, integer=True, positive=True) for name in "mn")


def _broadcast_shape(X: Node, *, shape: Shape, axes: tuple[int, ...]) -> Shape:
    if tuple(shape[a] for a in axes) != X.shape or list(axes) != sorted(set(axes)):
        raise ShapeError(f"shape {show_shape(X.shape)} does not spread over {show_shape(shape)} along axes {axes}")
    return shape


def _broadcast_numpy(node: Node) -> str:
    if node.args[0].ndim and all(d == 1 for a, d in enumerate(node.shape) if a not in node.params["axes"]):
        return f"{{0}}[{', '.join(':' if a in node.params['axes'] else 'None' for a in range(node.ndim))}]"
    index = index_source(node)
    index = f"_dtype.type({index})" if node.args[0].op is CONSTANT else index
    return f"np.broadcast_to({index}, {tuple_source(node.shape)})"


def index_source(node: Node) -> str:
    """The operand with its axes where NumPy's broadcasting finds them: the trailing ones need no word."""
    axes, ndim = node.params["axes"], node.ndim
    lead = min(axes, default=ndim)
    marks = [":" if a in axes else "None" for a in range(lead, ndim)]
    return "{0}" if "None" not in marks else f"{{0}}[{', '.join(marks)}]"


def _broadcast_axes(node: Node) -> Signature:
    """A partial sum is added up before it is copied: there is less of it."""
    own = letters(node)
    return Signature(("".join(own[a] for a in node.params["axes"]),), own, linear=FIRST)


def _broadcast_latex(node: Node, show: Any) -> Any:
    (x,) = node.args
    if x.ndim and all(node.shape[a] == 1 for a in range(node.ndim) if a not in node.params["axes"]):
        return show.transposed(x) if node.shape[0] == 1 != x.shape[0] else show.as_is(x)
    if node.ndim == 2 and x.ndim == 1:
        if node.params["axes"] == (1,):
            return rf"\mathbf{{1}} {show(x, ATOM)}^{{{show.top}}}"
        return rf"{show(x, CHAIN)} \mathbf{{1}}^{{{show.top}}}"
    if x.ndim == 0 and node.ndim <= 2:
        if value_of(x) is not None:
            text = ones_latex(node, show, value_of(x))
            return (text, ATOM) if " " not in text and "^" not in text else text
        return show.as_is(OPERATORS["multiply"](x, fill(1, node.shape)))
    axes = f"_{{{','.join(map(str, node.params['axes']))}}}" if x.ndim else ""
    return rf"\operatorname{{broadcast}}{axes}({show(x, 0)})"


def ones_latex(node: Node, show: Any, value: Any) -> str:
    """The array filled with one number: 1 and 0 in bold, with the second dimension said by a product."""
    unit = r"\mathbf{0}" if value == 0 else r"\mathbf{1}"
    row = f"{unit}^{{{show.top}}}"
    array = unit if node.ndim == 1 or node.shape[1] == 1 or value == 0 else row if node.shape[0] == 1 else f"{unit} {row}"
    return array if value in (0, 1) else f"{show.filling(value, CHAIN)} {array}"


def _fold_broadcast(X: Node, shape: Shape, axes: tuple[int, ...]) -> Node | None:
    """Copies of copies are copies."""
    if X.shape == shape:
        return X
    if X.op is not broadcast:
        return None
    return broadcast(X.args[0], shape=shape, axes=tuple(axes[a] for a in X.params["axes"]))


def _broadcast_length(node: Node, count: Any) -> int:
    """x 1^T, 1 x^T, c 1 and 1 1^T; an axis of size one is silent."""
    (x,) = node.args
    if x.ndim:
        silent = all(node.shape[a] == 1 for a in range(node.ndim) if a not in node.params["axes"])
        return int(count[x] + (int(node.shape[0] == 1 != x.shape[0]) if silent else 2))
    if value_of(x) == 0:
        return 0
    ones = 2 if node.ndim == 2 and 1 not in node.shape else int(node.ndim == 2 and node.shape[1] != 1)
    return int(count[x] + ones + (value_of(x) != 1))


def _broadcast_sympy(node: Node, x: Any) -> Any:
    rows, columns = rows_and_columns(node.shape)
    (operand,) = node.args
    if not operand.ndim:
        return sympy.ZeroMatrix(rows, columns) if is_zero(node) else x * ones(rows, columns)
    if node.params["axes"] == (0,):
        return x if columns == 1 else x * ones(1, columns)
    return x.T if rows == 1 else ones(rows, 1) * x.T


broadcast: Op = linear(
    "broadcast",
    shape=_broadcast_shape,
    # Every entry is copied, so the cotangents of the copies add up.
    vjp=lambda Z, X, Z_bar, shape, axes: (sum_(Z_bar, axes=tuple(a for a in range(len(shape)) if a not in axes)),),
    axes=lambda node: _broadcast_axes(node),
    latex=_broadcast_latex,
    python=lambda node, line: line.call("copies", node.args, **node.params),
    length=_broadcast_length,
    sympy=_broadcast_sympy,
    precedence=CHAIN,
    numpy=_broadcast_numpy,
    flops=lambda X, **_: 0,
    samples=(
        on("n", shape=(M, N), axes=(1,)),
        on("m", shape=(M, N), axes=(0,)),
        on("", shape=(M,), axes=()),
        on("m", shape=(M, 1), axes=(0,)),
    ),
    fold=lambda X, shape, axes: _fold_broadcast(X, shape, axes),
    found="dZ = broadcast(dX); <G, broadcast(dX)> = <sum of G over the new axes, dX>.",
    defines=(
        r"$\operatorname{broadcast}_{a}(X)$ has the axes of $X$ as its axes $a$, counted from 0, and holds copies along the "
        r"others"
    ),
)


def _sum_shape(X: Node, *, axes: tuple[int, ...]) -> Shape:
    if any(not 0 <= a < X.ndim for a in axes):
        raise ShapeError(f"axes {axes} are not among the axes of shape {show_shape(X.shape)}")
    return tuple(d for i, d in enumerate(X.shape) if i not in axes)


def _sum_latex(node: Node, show: Any) -> Any:
    (x,), axes = node.args, node.params["axes"]
    if all(x.shape[a] == 1 for a in axes):
        return show.as_is(x)
    if len(axes) == x.ndim and x.op.name == "power" and x.params["exponent"] == 2:
        return f"{show.norm(x.args[0])}^{{2}}", POWER
    if len(axes) == x.ndim == 2 and x.op.name == "hadamard":
        return rf"\langle {show(x.args[0], 0)}, {show(x.args[1], 0)} \rangle", ATOM
    if x.ndim == 1:
        return rf"\mathbf{{1}}^{{{show.top}}} {show(x, CHAIN)}"
    if x.ndim == 2:
        left = rf"\mathbf{{1}}^{{{show.top}}} " if 0 in axes else ""
        right = r" \mathbf{1}" if 1 in axes else ""
        if axes == (0,):
            return rf"{show(x, ATOM)}^{{{show.top}}} \mathbf{{1}}"
        return f"{left}{show(x, CHAIN if value_of(x) is None else POWER)}{right}"
    return rf"\operatorname{{sum}}_{{{','.join(str(a) for a in axes)}}}({show(x, 0)})"


def _sum_python(node: Node, line: Any) -> str:
    (x,), axes = node.args, node.params["axes"]
    if all(x.shape[a] == 1 for a in axes):
        return str(line.call("copies_squeezed", node.args, axes=axes))
    if len(axes) == x.ndim and x.op.name == "power" and x.params["exponent"] == 2:
        return f"(norm({line(x.args[0])}) ** 2)"
    return f"sum({line(x)})" if len(axes) == x.ndim else f"sum({line(x)}, axis={axes})"


def _sum_length(node: Node, count: Any) -> int:
    """1^T x, X 1, X^T 1, 1^T X 1, |x|^2 and <X, Y>."""
    (x,), axes = node.args, node.params["axes"]
    if all(x.shape[a] == 1 for a in axes):
        return int(count[x])
    if len(axes) == x.ndim and x.op.name == "power" and x.params["exponent"] == 2:
        return int(count[x] + 1)
    if len(axes) == x.ndim == 2:
        return int(count[x] if x.op.name == "hadamard" else count[x] + 3)
    return int(count[x] + 1 + (x.ndim == 1 or axes == (0,)))


def _sum_numpy(node: Node) -> str:
    (x,), axes = node.args, node.params["axes"]
    if all(x.shape[a] == 1 for a in axes):
        return f"{{0}}[{', '.join('0' if a in axes else ':' for a in range(x.ndim))}]"
    if len(axes) == x.ndim:
        return "np.sum({0})"
    return f"np.sum({{0}}, axis={axes[0] if len(axes) == 1 else axes})"


def _sum_sympy(node: Node, x: Any) -> Any:
    """1^T X and X 1, as columns; the sum of all entries is the one of 1^T X 1."""
    rows, columns = x.shape
    left = x if rows == 1 else ones(1, rows) * x
    right = x if columns == 1 else x * ones(columns, 1)
    if not node.ndim:
        return number_in(left if columns == 1 else left * ones(columns, 1))
    return left.T if node.params["axes"] == (0,) else right


def _fold_sum(X: Node, axes: tuple[int, ...]) -> Node | None:
    """Nothing to add up: no axis, or those of size one that were inserted."""
    if not axes:
        return X
    inserted = X.op is broadcast and all(X.shape[a] == 1 for a in axes) and len(axes) + len(X.params["axes"]) == X.ndim
    return X.args[0] if inserted and not set(axes) & set(X.params["axes"]) else None


sum_: Op = linear(
    "sum",
    shape=_sum_shape,
    vjp=lambda Z, X, Z_bar, axes: (broadcast(Z_bar, shape=X.shape, axes=tuple(a for a in range(X.ndim) if a not in axes)),),
    axes=lambda node: contraction(f"{letters(node.args[0])}->{without(letters(node.args[0]), node.params['axes'])}"),
    latex=_sum_latex,
    python=_sum_python,
    length=_sum_length,
    sympy=_sum_sympy,
    precedence=CHAIN,
    numpy=_sum_numpy,
    flops=lambda X, **_: size(X),
    samples=(on("m n", axes=(0,)), on("m n", axes=(1,)), on("m n", axes=(0, 1)), on("n", axes=(0,)), on("k 1", axes=(1,))),
    fold=lambda X, axes: _fold_sum(X, axes),
    found="The adjoint of broadcast: <g, sum(dX)> = <broadcast(g), dX>.",
    defines=r"$\operatorname{sum}_{a}(X)$ is the sum over the axes $a$, counted from 0",
)


def fill(value: Any, shape: Shape) -> Node:
    """The array of this shape filled with one number."""
    number = as_node(value)
    return broadcast.node(number, shape=shape, axes=()) if shape else number


OPERATORS["fill"] = fill


def normal_axes(X: Node, axis: Any) -> tuple[int, ...]:
    """NumPy's `axis` (None, a number, a tuple, negatives) as a sorted tuple."""
    axes = range(X.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    for a in axes:
        if not -X.ndim <= a < X.ndim:
            raise InputError(f"axis {a} is out of range for shape {show_shape(X.shape)}")
    normal = sorted(a % X.ndim for a in axes)
    if len(set(normal)) != len(normal):
        raise InputError(f"axis {axis} names one axis twice")
    return tuple(normal)


def expand(X: Node, shape: Shape, axes: Sequence[int]) -> Node:
    """Put `X` back where its `axes` were summed away, with size one there (`keepdims`)."""
    kept = tuple(a for a in range(len(shape)) if a not in axes)
    return broadcast(X, shape=tuple(1 if a in axes else d for a, d in enumerate(shape)), axes=kept)


def in_front(X: Node, lead: Shape) -> Node:
    """The same array everywhere along further axes in front."""
    inner, axes = (X.args[0], X.params["axes"]) if X.op is broadcast else (X, tuple(range(X.ndim)))
    return broadcast(inner, shape=lead + X.shape, axes=tuple(len(lead) + a for a in axes)) if lead else X


def broadcast_to(X: Node, shape: Shape) -> Node:
    """NumPy's rule: align at the right, stretch axes of size one."""
    if X.shape == shape:
        return X
    offset = len(shape) - X.ndim
    if offset < 0:
        raise ShapeError(f"shape {show_shape(X.shape)} does not broadcast to {show_shape(shape)}")
    stretched = tuple(a for a in range(X.ndim) if X.shape[a] == 1 and shape[a + offset] != 1)
    axes = tuple(a + offset for a in range(X.ndim) if a not in stretched)
    return broadcast(sum_(X, axes=stretched), shape=shape, axes=axes)


def common_shape(*operands: Node) -> Shape:
    """The shape that NumPy broadcasts these operands to."""
    ndim = max(x.ndim for x in operands)
    padded = [(1,) * (ndim - x.ndim) + x.shape for x in operands]
    shape = []
    for dims in zip(*padded, strict=True):
        wide = list(dict.fromkeys(d for d in dims if d != 1))
        if len(wide) > 1:
            names = " and ".join(show_shape(x.shape) for x in operands)
            raise ShapeError(f"shapes {names} do not broadcast: {wide[0]} against {wide[1]}")
        shape.append(wide[0] if wide else 1)
    return tuple(shape)


def align(*operands: Any) -> list[Node]:
    """All operands broadcast to their common shape."""
    nodes = [as_node(x) for x in operands]
    if len({x.shape for x in nodes}) == 1:
        return nodes
    shape = common_shape(*nodes)
    return [broadcast_to(x, shape) for x in nodes]
