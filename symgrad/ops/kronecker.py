"""Kronecker products, column-stacking vec and the commutation matrix: second derivatives in matrices are written with them."""

from __future__ import annotations

from typing import Any

import sympy

from symgrad.core.builders import bilinear, linear
from symgrad.core.explicit import by_entries, entry, index, rows_and_columns
from symgrad.core.language import named
from symgrad.core.op import ATOM, CHAIN, QUOTIENT, Node, Op, Shape, as_node, leaf, on, show_shape, size
from symgrad.core.source import dim_source, symbolic
from symgrad.errors import ShapeError
from symgrad.ops.product import IDENTITY

# Kronecker product ----------------------------------------------------------------------------------------------------------


def _kron_shape(X: Node, Y: Node) -> Shape:
    if X.ndim != 2 or Y.ndim != 2:
        raise ShapeError(f"kron needs two matrices, got shapes {show_shape(X.shape)} and {show_shape(Y.shape)}")
    return tuple(a * b for a, b in zip(X.shape, Y.shape, strict=True))


def _kron_latex(node: Node, show: Any) -> str:
    """Of other products only factors side by side go without brackets, as in every book: X^T X (x) I."""
    return r" \otimes ".join(show(x, QUOTIENT if x.op is kron else CHAIN) for x in node.args)


kron: Op = bilinear(
    "kron",
    shape=_kron_shape,
    vjp=lambda Z, X, Y, Z_bar: (blocks_with(Z_bar, Y), entries_with(Z_bar, X)),
    latex=_kron_latex,
    sympy=lambda node, x, y: sympy.KroneckerProduct(x, y),
    precedence=QUOTIENT,
    numpy="np.kron({0}, {1})",
    flops=lambda X, Y: size(X) * size(Y),
    samples=(on("m n", "k l"),),
    found="Block (i, j) of Z is x_ij Y: x_ij collects <G_ij, Y>, and Y collects the sum of x_ij G_ij.",
)


def _ratio(Z: Node, X: Node) -> Shape:
    """The shape whose Kronecker product with X's is Z's; raises `ShapeError` where there is none."""
    if Z.ndim != 2 or X.ndim != 2:
        raise ShapeError(f"two matrices are needed, got shapes {show_shape(Z.shape)} and {show_shape(X.shape)}")
    ratio = tuple(sympy.cancel(sympy.Integer(1) * a / b) for a, b in zip(Z.shape, X.shape, strict=True))
    if any(sympy.denom(d) != 1 for d in ratio):
        raise ShapeError(f"shape {show_shape(Z.shape)} is no multiple of {show_shape(X.shape)}")
    return tuple(int(d) if d.is_Integer else d for d in ratio)


def _kron_numpy(spec: str, blocks_first: bool) -> Any:
    def numpy(node: Node) -> str:
        outer, inner = (node, node.args[1]) if blocks_first else (node.args[1], node)
        dims = ", ".join(dim_source(d) for pair in zip(outer.shape, inner.shape, strict=True) for d in pair)
        return f'np.einsum("{spec}", {{0}}.reshape({dims}), {{1}})'

    return numpy


def _blocks_sympy(node: Node, G: Any, X: Any) -> Any:
    """Sums over the blocks of G."""
    i, j, k, m = map(index, "ijkm")
    if node.op is blocks_with:
        rows, columns = X.shape
        body = entry(G, [i * rows + k, j * columns + m]) * entry(X, [k, m])
    else:
        rows, columns = rows_and_columns(node.shape)
        body = entry(G, [k * rows + i, m * columns + j]) * entry(X, [k, m])
    return by_entries(node.shape, [i, j], body, [(k, X.shape[0]), (m, X.shape[1])])


blocks_with: Op = bilinear(
    "blocks_with",
    shape=_ratio,
    vjp=lambda Z, G, Y, Z_bar: (kron(Z_bar, Y), entries_with(G, Z_bar)),
    latex=r"\operatorname{tr}_{2}(#1 (#0 \otimes #2^{\top}))",
    letter=IDENTITY,
    precedence=ATOM,
    numpy=_kron_numpy("ikjl,kl->ij", True),
    sympy=_blocks_sympy,
    flops=lambda G, Y: 2 * size(G),
    samples=(on("m*k n*l", "k l"),),
    found="Adjoint of the Kronecker product in its left factor: entry (i, j) is <G_ij, Y> over the blocks of G.",
    defines=r"$\operatorname{tr}_{2}(G)$ is the matrix of the traces of the blocks of $G$; $#0$ is the identity matrix",
)

entries_with: Op = bilinear(
    "entries_with",
    shape=_ratio,
    vjp=lambda Z, G, X, Z_bar: (kron(X, Z_bar), blocks_with(G, Z_bar)),
    latex=r"\operatorname{tr}_{1}(#1 (#2^{\top} \otimes #0))",
    letter=IDENTITY,
    precedence=ATOM,
    numpy=_kron_numpy("ikjl,ij->kl", False),
    sympy=_blocks_sympy,
    flops=lambda G, X: 2 * size(G),
    samples=(on("m*k n*l", "m n"),),
    found="Adjoint of the Kronecker product in its right factor: the sum of x_ij G_ij over the blocks of G.",
    defines=r"$\operatorname{tr}_{1}(G)$ is the sum of the diagonal blocks of $G$; $#0$ is the identity matrix",
)


@named("kron")
def kron_of(a: Any, b: Any) -> Node:
    return kron(as_node(a), as_node(b))


# vec and the commutation matrix ---------------------------------------------------------------------------------------------


def _vec_shape(X: Node) -> Shape:
    if X.ndim != 2:
        raise ShapeError(f"vec needs a matrix, got shape {show_shape(X.shape)}")
    return _vec_shape_of(X.shape)


def _vec_shape_of(shape: Shape) -> Shape:
    return (shape[0] * shape[1],)


vec = linear(
    "vec",
    shape=_vec_shape,
    vjp=lambda Z, X, Z_bar: (unvec(Z_bar, shape=X.shape),),
    latex=r"\operatorname{vec}(#1)",
    precedence=ATOM,
    numpy="{0}.T.reshape(-1)",
    flops=lambda X: 0,
    samples=(on("m n"),),
    found="The columns of X below one another: a rearrangement, so its adjoint is the inverse.",
)


def _unvec_shape(X: Node, *, shape: Shape) -> Shape:
    if X.shape != _vec_shape_of(shape):
        raise ShapeError(f"shape {show_shape(X.shape)} does not fill {show_shape(shape)}")
    return shape


unvec: Op = linear(
    "unvec",
    shape=_unvec_shape,
    vjp=lambda Z, X, Z_bar, shape: (vec(Z_bar),),
    latex=r"\operatorname{vec}^{-1}(#1)",
    precedence=ATOM,
    numpy=lambda node: f"{{0}}.reshape({dim_source(node.shape[1])}, {dim_source(node.shape[0])}).T",
    flops=lambda X, **_: 0,
    samples=(on("m*n", shape=(sympy.Symbol("m", integer=True, positive=True), sympy.Symbol("n", integer=True, positive=True))),),
    found="The inverse of vec.",
    defines=r"$\operatorname{vec}^{-1}(x)$ is the matrix whose columns stand in $x$ one below the other",
)


def _commutation_numpy(node: Node) -> str:
    m, n = dim_source(node.params["m"]), dim_source(node.params["n"])
    return f"np.eye({m} * {n}, dtype=_dtype).reshape({n}, {m}, {m} * {n}).transpose(1, 0, 2).reshape({m} * {n}, {m} * {n})"


def _commutation_latex(node: Node, show: Any) -> str:
    return f"{show.letter(commutation)}_{{{show.number(symbolic(node.params['m']))},{show.number(symbolic(node.params['n']))}}}"


commutation: Op = leaf(
    "commutation",
    _commutation_latex,
    _commutation_numpy,
    lambda m, n: (m * n, m * n),
    letter=("K", r"\mathbf{K}"),
    defines=(
        r"$#0_{m,n}$ is the commutation matrix, $#0_{m,n} \operatorname{vec}(X) = \operatorname{vec}(X^{\top})$ for "
        r"$X \in \mathbb{R}^{m \times n}$"
    ),
    python=lambda node, line: f"K({line.size(node.params['m'])}, {line.size(node.params['n'])})",
)
"""K vec(X) = vec(X^T) for X of m rows and n columns."""
