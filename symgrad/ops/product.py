"""Matrix products of matrices and columns, the transpose, the trace and diagonals.

A rank-1 array is a column: `matmul` takes a matrix and a matrix or column, `dot` is x^T y, `outer` is x y^T, and `w @ A` is A^T w.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import sympy

from symgrad.core.builders import bilinear, linear
from symgrad.core.explicit import number_in, ones
from symgrad.core.language import named
from symgrad.core.op import ATOM, CHAIN, OPERATORS, POWER, SYMMETRIC, VARIABLE, Node, Op, Shape, as_node, leaf, on, show_shape, size
from symgrad.core.signature import contraction, letters
from symgrad.core.source import dim_source
from symgrad.errors import ShapeError
from symgrad.ops.arithmetic import scale
from symgrad.ops.indexing import dimension

# transpose ------------------------------------------------------------------------------------------------------------


def _transpose_shape(X: Node, *, axes: tuple[int, ...]) -> Shape:
    if sorted(axes) != list(range(X.ndim)):
        raise ShapeError(f"axes {axes} do not permute the axes of shape {show_shape(X.shape)}")
    return tuple(X.shape[a] for a in axes)


def _fold_transpose(X: Node, axes: tuple[int, ...]) -> Node | None:
    if axes == tuple(range(X.ndim)):
        return X
    if X.op is transposition:
        return transposition(X.args[0], axes=tuple(X.params["axes"][a] for a in axes))
    if X.op is identity:
        return X
    return None


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axes.index(i) for i in range(len(axes)))


transposition: Op = linear(
    "transpose",
    shape=_transpose_shape,
    vjp=lambda Z, X, Z_bar, axes: (transposition(Z_bar, axes=_inverse(axes)),),
    axes=lambda node: contraction(f"{letters(node)}->{''.join(letters(node)[a] for a in node.params['axes'])}"),
    latex=lambda node, show: _transpose_latex(node, show),
    python=lambda node, line: _transpose_python(node, line),
    length=lambda node, count: _length(node, count),
    sympy=lambda node, x: x.T if node.ndim == 2 else x,
    precedence=CHAIN,
    numpy=lambda node: "{0}.T" if node.ndim == 2 else f"{{0}}.transpose({', '.join(map(str, node.params['axes']))})",
    flops=lambda X, **_: 0,
    samples=(on("m n", axes=(1, 0)), on("m n k", axes=(2, 0, 1))),
    fold=_fold_transpose,
    found="<G, dX^T> = <G^T, dX>.",
    defines=r"$\operatorname{transpose}_{a}(X)$ has the axes of $X$ in the order $a$, counted from 0",
)


def transpose(X: Node, axes: tuple[int, ...] | None = None) -> Node:
    return transposition(X, axes=tuple(axes) if axes is not None else tuple(reversed(range(X.ndim))))


OPERATORS["transpose"] = transpose


# printing a product as one chain ----------------------------------------------------------------------------------------


def factors(node: Node, flip: bool = False) -> list[tuple[Node, bool]]:
    """A product as the chain of its factors, each with whether it stands transposed."""
    if node.op is transposition and node.ndim == 2:
        return factors(node.args[0], not flip)
    if node.op is matmul:
        chain = [factors(x, flip) for x in node.args]
        return [f for part in (reversed(chain) if flip else chain) for f in part]
    if node.op is dot:
        return factors(node.args[0], True) + factors(node.args[1])
    if node.op is outer:
        chain = [factors(node.args[0]), factors(node.args[1], True)]
        return chain[0] + chain[1] if not flip else factors(node.args[1]) + factors(node.args[0], True)
    return [(node, flip)]


def as_typed(node: Node, flip: bool = False) -> list[tuple[Node, bool]]:
    """The same as typed: the transpose of a product keeps its brackets, (A B)^T."""
    if node.op is transposition and node.ndim == 2:
        inner = node.args[0]
        return [(inner, True)] if not flip and inner.op in (matmul, outer) else as_typed(inner, not flip)
    if node.op is matmul:
        left, right = (as_typed(x, flip) for x in node.args)
        return right + left if flip else left + right
    if node.op is dot:
        return as_typed(node.args[0], True) + as_typed(node.args[1])
    if node.op is outer:
        x, y = reversed(node.args) if flip else node.args
        return as_typed(x) + as_typed(y, True)
    return [(node, flip)]


def _product_latex(node: Node, show: Any) -> Any:
    """A chain; the same factor again and again is a power of it."""
    runs = [(x, flip, len(list(run))) for (x, flip), run in groupby(as_typed(node))]
    printed = [text for x, flip, length in runs for text in _run_latex(x, flip, length, show)]
    return show.side_by_side(printed) if len(printed) > 1 else (printed[0], POWER)


def _run_latex(x: Node, flip: bool, length: int, show: Any) -> list[str]:
    if length > 1 and x.op.name != "inv" and (not flip or show.transposed(x) == show(x, ATOM)):
        return [f"{show(x, ATOM)}^{{{length}}}"]
    return [show.transposed(x) if flip else show(x, CHAIN)] * length


def _length(node: Node, count: Any) -> int:
    """A product is printed as one chain; X X is X^2."""
    if node.op is dot and node.args[0] is node.args[1] and node.args[0].op not in (matmul, transposition):
        return int(count[node.args[0]] + 2)
    if node.ndim > 2:
        return int(count.function(node))
    runs = [(x, flip, len(list(run))) for (x, flip), run in groupby(as_typed(node))]
    return sum(_run_length(x, flip, length, count) for x, flip, length in runs) + len(runs) - 1


def _run_length(x: Node, flip: bool, length: int, count: Any) -> int:
    silent = x.op is VARIABLE and x.params["properties"] & SYMMETRIC
    each = int(count[x] + (flip and not silent))
    return each + (length > 1) if (not flip or silent) and x.op.name != "inv" else length * each + length - 1


def _transpose_latex(node: Node, show: Any) -> Any:
    if node.ndim == 2:
        return _product_latex(node, show)
    axes = ",".join(map(str, node.params["axes"]))
    return rf"\operatorname{{transpose}}_{{{axes}}}{show.argument(node.args[0])}", ATOM


def _flipped(node: Node, line: Any) -> str:
    """The transpose, in the order in which a chain prints it."""
    if node.op is transposition and node.ndim == 2:
        return str(line(node.args[0]))
    if node.op is matmul:
        return f"({_flipped(node.args[1], line)} @ {_flipped(node.args[0], line)})"
    if node.op is outer:
        return f"outer({line(node.args[1])}, {line(node.args[0])})"
    return f"{line(node)}.T"


def _transpose_python(node: Node, line: Any) -> str:
    """The transpose of a product as it is typed, (A B)^T."""
    x = node.args[0]
    if node.ndim != 2:
        return str(line.word(node))
    return f"{line(x)}.T" if x.op is matmul else _flipped(x, line)


# products ---------------------------------------------------------------------------------------------------------------


def _matmul_shape(X: Node, Y: Node) -> Shape:
    if X.ndim != 2 or Y.ndim not in (1, 2):
        raise ShapeError(f"shapes {show_shape(X.shape)} and {show_shape(Y.shape)} are no matrix and matrix or vector")
    if X.shape[1] != Y.shape[0]:
        raise ShapeError(f"inner dimensions differ: {show_shape(X.shape)} against {show_shape(Y.shape)}")
    return (X.shape[0], *Y.shape[1:])


def _fold_matmul(X: Node, Y: Node) -> Node | None:
    if X.op is identity:
        return Y
    return X if Y.op is identity else None


matmul = bilinear(
    "matmul",
    shape=_matmul_shape,
    vjp=lambda Z, X, Y, Z_bar: (Z_bar @ Y.T if Y.ndim == 2 else outer(Z_bar, Y), X.T @ Z_bar),
    axes=lambda node: contraction("ij,jk->ik" if node.ndim == 2 else "ij,j->i"),
    latex=_product_latex,
    python=lambda node, line: f"({line(node.args[0])} @ {line(node.args[1])})",
    length=_length,
    sympy=lambda node, x, y: sympy.MatMul(x, y),
    precedence=CHAIN,
    numpy="{0} @ {1}",
    flops=lambda X, Y: 2 * size(X) * sympy.Mul(*Y.shape[1:]),
    samples=(on("m n", "n k"), on("m n", "n")),
    fold=_fold_matmul,
    found="dZ = dX Y + X dY; <G, dX Y> = <G Y^T, dX> and <G, X dY> = <X^T G, dY>.",
    source="Matrix Cookbook (37)",
)


def _vectors(X: Node, Y: Node) -> None:
    if X.ndim != 1 or Y.ndim != 1:
        raise ShapeError(f"two vectors are needed, got shapes {show_shape(X.shape)} and {show_shape(Y.shape)}")


def _dot_shape(X: Node, Y: Node) -> Shape:
    _vectors(X, Y)
    if X.shape != Y.shape:
        raise ShapeError(f"vectors of shapes {show_shape(X.shape)} and {show_shape(Y.shape)} have no dot product")
    return ()


dot = bilinear(
    "dot",
    shape=_dot_shape,
    vjp=lambda Z, X, Y, Z_bar: (scale(Z_bar, Y), scale(Z_bar, X)),
    axes=lambda node: contraction("i,i->"),
    latex=lambda node, show: _dot_latex(node, show),
    python=lambda node, line: _dot_python(node, line),
    length=_length,
    sympy=lambda node, x, y: number_in(sympy.MatMul(x.T, y)),
    precedence=CHAIN,
    numpy="{0} @ {1}",
    flops=lambda X, Y: 2 * size(X),
    samples=(on("n", "n"),),
    found="d(x^T y) = y^T dx + x^T dy.",
    source="Matrix Cookbook (69)",
)


def _dot_latex(node: Node, show: Any) -> Any:
    X, Y = node.args
    if X is Y and X.op not in (matmul, transposition):
        return rf"{show.norm(X)}^{{2}}", POWER
    return _product_latex(node, show)


def _dot_python(node: Node, line: Any) -> str:
    X, Y = node.args
    if X is Y and X.op not in (matmul, transposition):
        return f"(norm({line(X)}) ** 2)"
    return f"({_flipped(X, line)} @ {line(Y)})"


def _outer_shape(X: Node, Y: Node) -> Shape:
    _vectors(X, Y)
    return (*X.shape, *Y.shape)


outer: Op = bilinear(
    "outer",
    shape=_outer_shape,
    vjp=lambda Z, X, Y, Z_bar: (Z_bar @ Y, Z_bar.T @ X),
    axes=lambda node: contraction("i,j->ij"),
    latex=_product_latex,
    python=lambda node, line: f"outer({line(node.args[0])}, {line(node.args[1])})",
    length=_length,
    sympy=lambda node, x, y: x * y.T,
    precedence=CHAIN,
    numpy="{0}[:, None] * {1}",
    flops=lambda X, Y: size(X) * size(Y),
    samples=(on("m", "n"),),
    found="dZ = dx y^T + x dy^T; <G, dx y^T> = <G y, dx> and <G, x dy^T> = <G^T x, dy>.",
)


# identity, trace, diagonals -----------------------------------------------------------------------------------------------

IDENTITY = ("I", r"\mathbf{I}")

identity = leaf(
    "identity",
    "#0",
    lambda node: f"np.eye({dim_source(node.shape[0])}, dtype=_dtype)",
    lambda n: (n, n),
    letter=IDENTITY,
    defines="$#0$ is the identity matrix",
    python=lambda node, line: f"eye({line.size(node.shape[0])})",
    sympy=lambda node: sympy.Identity(node.shape[0]),
    entry=lambda node, index, show: show.equal(*index),
)


def eye(n: Any) -> Node:
    return identity(n=n)


def square(name: str, X: Node) -> None:
    if X.ndim != 2 or X.shape[0] != X.shape[1]:
        raise ShapeError(f"{name} needs a square matrix, got shape {show_shape(X.shape)}")


def _trace_shape(X: Node) -> Shape:
    square("trace", X)
    return ()


trace = linear(
    "trace",
    shape=_trace_shape,
    vjp=lambda Z, X, Z_bar: (scale(Z_bar, eye(X.shape[0])),),
    axes=lambda node: contraction("ii->"),
    latex=r"\operatorname{tr}(#1)",
    sympy=lambda node, x: sympy.Trace(x),
    precedence=ATOM,
    numpy="np.trace({0})",
    flops=lambda X: X.shape[0],
    samples=(on("n n"),),
    fold=lambda X: as_node(X.shape[0]) if X.op is identity else None,
    found="tr(dX) = <I, dX>.",
    source="Matrix Cookbook (99)",
)


def _diag_shape(X: Node) -> Shape:
    if X.ndim != 1:
        raise ShapeError(f"diag needs a vector, got shape {show_shape(X.shape)}")
    return X.shape * 2


def _diag_latex(node: Node, show: Any) -> Any:
    """diag(x)^-1, not diag of x^-1."""
    (x,) = node.args
    if x.op.name == "power" and x.params["exponent"].is_negative:
        return rf"\operatorname{{diag}}{show.argument(x.args[0])}^{{{show.exponent(x.params['exponent'])}}}", POWER
    return rf"\operatorname{{diag}}{show.argument(x)}"


diag = linear(
    "diag",
    shape=_diag_shape,
    vjp=lambda Z, X, Z_bar: (diagonal(Z_bar),),
    axes=lambda node: contraction("i->ii"),
    latex=_diag_latex,
    sympy=lambda node, x: sympy.DiagMatrix(x),
    precedence=ATOM,
    numpy="np.diag({0})",
    flops=lambda X: 0,
    samples=(on("n"),),
    found="<G, diag(dx)> = <diagonal of G, dx>.",
)


def _diagonal_shape(X: Node) -> Shape:
    square("diagonal", X)
    return X.shape[:1]


diagonal: Op = linear(
    "diagonal",
    shape=_diagonal_shape,
    vjp=lambda Z, X, Z_bar: (diag(Z_bar),),
    axes=lambda node: contraction("ii->i"),
    latex=r"\operatorname{diag}(#1)",
    sympy=lambda node, x: sympy.HadamardProduct(x, sympy.Identity(x.shape[0])) * ones(x.shape[0], 1),
    precedence=ATOM,
    numpy="np.diagonal({0})",
    flops=lambda X: 0,
    samples=(on("n n"),),
    fold=lambda X: X.args[0] if X.op is diag else None,
    found="The adjoint of diag.",
)


@named("outer")
def outer_of(a: Any, b: Any) -> Node:
    return outer(as_node(a), as_node(b))


@named("trace", method=True)
def trace_of(a: Any) -> Node:
    return trace(as_node(a))


@named("diag")
def diag_of(v: Any) -> Node:
    X = as_node(v)
    return diag(X) if X.ndim == 1 else diagonal(X)


@named("diagonal", method=True)
def diagonal_of(a: Any) -> Node:
    return diagonal(as_node(a))


@named("eye", "identity")
def eye_of(N: Any) -> Node:
    return eye(dimension(N))


@named("transpose", "permute_dims", method=True)
def transpose_of(a: Any, *axes: Any) -> Node:
    X, order = as_node(a), axes[0] if len(axes) == 1 and isinstance(axes[0], tuple | list) else axes
    return transpose(X, tuple(i + X.ndim if isinstance(i, int) and i < 0 else i for i in order or ()) or None)
