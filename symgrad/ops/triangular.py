"""Triangles of matrices: taking one, solving with one, the Cholesky factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from symgrad.core.builders import linear
from symgrad.core.explicit import by_entries, entry, index
from symgrad.core.language import named
from symgrad.core.op import ATOM, CHAIN, VARIABLE, Node, Op, Shape, as_node, on, show_shape, size
from symgrad.core.signature import FIRST, Signature
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.arithmetic import HALF, hadamard, scale, subtract
from symgrad.ops.broadcasting import fill, in_front
from symgrad.ops.linalg import fold_system, inverse_latex, outside, solve, square_shape, stacked_system, system_axes, system_shape
from symgrad.ops.product import diag, diagonal, eye

# triangles ----------------------------------------------------------------------------------------------------------------


def _matrix_shape(X: Node, **_: Any) -> Shape:
    if X.ndim != 2:
        raise ShapeError(f"a triangle is of a matrix, got shape {show_shape(X.shape)}")
    return X.shape


def _weighed(node: Node) -> Signature:
    """What becomes of an entry depends on where it stands."""
    return Signature(("ij",), "ij", frozenset("ij"), FIRST, partial=True)


def _masked(node: Node, stacks: Mapping[Node, Node], lead: Shape) -> Node:
    """Entries are weighed one by one, the same in every matrix of a stack."""
    weights = node.op(fill(1, node.shape), **node.params)
    return hadamard(in_front(weights, lead), stacks[node.args[0]])


def _sympy(node: Node, x: Any) -> Any:
    i, j, k = index("i"), index("j"), node.params["k"]
    kept = j - i <= k if node.op is tril else j - i >= k
    return by_entries(x.shape, [i, j], sympy.Piecewise((entry(x, [i, j]), kept), (0, True)), [])


def _entry(node: Node, index: Any, show: Any) -> Any:
    relation = r"\ge" if node.op is tril else r"\le"
    return show.product(show.indicator(index[0] + node.params["k"], relation, index[1]), show.at(node.args[0], index))


def _triangle(name: str, side: str) -> Op:
    """The entries on and beyond the k-th diagonal, zero elsewhere: a projection, so its own adjoint."""

    def latex(node: Node, show: Any) -> str:
        k = node.params["k"]
        return rf"\operatorname{{{name}}}{f'_{{{k}}}' if k else ''}{show.argument(node.args[0])}"

    op: Op = linear(
        name,
        shape=_matrix_shape,
        vjp=lambda Z, X, Z_bar, k: (op(Z_bar, k=k),),
        axes=_weighed,
        stacked=_masked,
        latex=latex,
        sympy=_sympy,
        entry=_entry,
        precedence=ATOM,
        numpy=lambda node: f"np.{name}({{0}}{f', {k}' if (k := node.params['k']) else ''})",
        flops=lambda X, k: 0,
        samples=(on("m n", k=0), on("m n", k=-1), on("n n", k=1)),
        fold=lambda X, k: X if X.op is op and X.params["k"] == k else None,
        found="Entries are kept or dropped: <G, tril(dX)> = <tril(G), dX>.",
        defines=(
            rf"$\operatorname{{{name}}}(X)$ is the {side} triangle of $X$ with its diagonal, "
            rf"$\operatorname{{{name}}}_{{k}}(X)$ that bounded by the $k$-th diagonal above it"
        ),
    )
    return op


tril = _triangle("tril", "lower")
triu = _triangle("triu", "upper")

lower_half: Op = linear(
    "lower_half",
    shape=square_shape("lower_half"),
    vjp=lambda Z, X, Z_bar: (lower_half(Z_bar),),
    axes=_weighed,
    stacked=_masked,
    latex="#0(#1)",
    letter=(r"\Phi", r"\operatorname{tril}_{1/2}"),
    precedence=ATOM,
    definition=lambda X: subtract(tril(X, k=0), scale(HALF, diag(diagonal(X)))),
    numpy="_lower_half({0})",
    helpers=("_lower_half",),
    flops=lambda X: size(X),
    samples=(on("n n"),),
    found="The lower triangle with half the diagonal: X = Phi(X) + Phi(X)^T for symmetric X; entries are scaled one by one.",
    source="Murray, Differentiation of the Cholesky decomposition (2016), (8)",
    defines=r"$#0(X)$ is the lower triangle of $X$ with half its diagonal",
)


@named("tril")
def tril_of(m: Any, k: Any = 0) -> Node:
    """The lower triangle of a matrix, up to its k-th diagonal."""
    return tril(as_node(m), k=_offset(k))


@named("triu")
def triu_of(m: Any, k: Any = 0) -> Node:
    """The upper triangle of a matrix, from its k-th diagonal."""
    return triu(as_node(m), k=_offset(k))


def _offset(k: Any) -> int:
    if not isinstance(k, int) or isinstance(k, bool):
        raise UnsupportedError("the diagonal k must be a literal integer")
    return k


# triangular systems -------------------------------------------------------------------------------------------------------


def _read(A: Node, lower: bool) -> Node:
    """The triangle of A that a triangular system reads."""
    return (tril if lower else triu)(A, k=0)


def _triangular_vjp(Z: Node, A: Node, B: Node, Z_bar: Node, lower: bool, trans: bool) -> tuple[Node, Node]:
    B_bar = triangular(A, Z_bar, lower=lower, trans=not trans)
    return -_read(outside(Z, B_bar) if trans else outside(B_bar, Z), lower), B_bar


def _triangular_jvp(Z: Node, A: Node, B: Node, A_dot: Node, B_dot: Node, lower: bool, trans: bool) -> Node:
    T_dot = _read(A_dot, lower)
    return triangular(A, B_dot - (T_dot.T if trans else T_dot) @ Z, lower=lower, trans=trans)


def _as_solve(A: Node, B: Node, lower: bool, trans: bool) -> Node:
    T = _read(A, lower)
    return solve(T.T if trans else T, B)


def _triangular_latex(node: Node, show: Any) -> str:
    A, B = node.args
    upper = "" if node.params["lower"] else "triu"
    known = A.op is VARIABLE or A.op.name in ("cholesky", "tril", "triu", "transpose")
    T = A if known else _read(A, not upper)
    return f"{inverse_latex(T.T if node.params['trans'] else T, show)} {show(B, CHAIN)}"


triangular: Op = Op(
    "solve_triangular",
    shape=system_shape("solve_triangular"),
    vjp=_triangular_vjp,
    jvp=_triangular_jvp,
    axes=system_axes,
    stacked=stacked_system,
    latex=_triangular_latex,
    definition=_as_solve,
    precedence=CHAIN,
    numpy=lambda node: "_solve_triangular({0}, {1}, " + ", ".join(f"{k}={node.params[k]}" for k in ("lower", "trans")) + ")",
    helpers=("_substitute", "_solve_triangular"),
    flops=lambda A, B, **_: A.shape[0] ** 2 * sympy.Mul(*B.shape[1:]),
    samples=(
        on("n n | lower", "n", lower=True, trans=False),
        on("n n | lower", "n k", lower=True, trans=True),
        on("n n | spd", "n k", lower=False, trans=False),
        on("n n | spd", "n", lower=False, trans=True),
    ),
    fold=lambda A, B, **static: fold_system(triangular)(A, B, **static),
    found="As for solve, with the triangle T of A that is read: dT is that triangle of dA, so A_bar is that triangle of T_bar.",
    limits="Where a diagonal entry is zero.",
)

_TRANSPOSED = {0: False, 1: True, 2: True, "N": False, "T": True, "C": True}


@named("solve_triangular")
def solve_triangular_of(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Node:
    """SciPy's triangular solve, which reads one triangle of `a` alone."""
    A = as_node(a)
    if trans not in _TRANSPOSED:
        raise InputError(f"trans={trans!r} is none of 0, 1, 2, 'N', 'T', 'C'")
    if unit_diagonal:
        A = (tril(A, k=-1) if lower else triu(A, k=1)) + eye(A.shape[0])
    return triangular(A, as_node(b), lower=bool(lower), trans=_TRANSPOSED[trans])


# the Cholesky factor ------------------------------------------------------------------------------------------------------


def _symmetric_part(X: Node, symmetrized: bool) -> Node:
    return scale(HALF, X + X.T) if symmetrized else X


def _cholesky_vjp(L: Node, A: Node, L_bar: Node, symmetrized: bool) -> tuple[Node]:
    """A_bar = L^-T Phi(L^T L_bar) L^-1, in which Phi is its own adjoint; (Y L^-1) is (L^-T Y^T)^T."""
    inner = triangular(L, lower_half(L.T @ L_bar), lower=True, trans=True)
    return (_symmetric_part(triangular(L, inner.T, lower=True, trans=True).T, symmetrized),)


def _cholesky_jvp(L: Node, A: Node, A_dot: Node, symmetrized: bool) -> Node:
    left = triangular(L, _symmetric_part(A_dot, symmetrized), lower=True, trans=False)
    return L @ lower_half(triangular(L, left.T, lower=True, trans=False).T)


cholesky: Op = Op(
    "cholesky",
    shape=lambda A, symmetrized: square_shape("cholesky")(A),
    vjp=_cholesky_vjp,
    jvp=_cholesky_jvp,
    latex=r"\operatorname{chol}(#1)",
    precedence=ATOM,
    numpy=lambda node: "_cholesky({0})" if node.params["symmetrized"] else "np.linalg.cholesky({0})",
    helpers=("_cholesky",),
    flops=lambda A, symmetrized: A.shape[0] ** 3 / sympy.Integer(3),
    samples=(on("n n | spd", symmetrized=True),),
    found="L L^T = A: L^-1 dA L^-T = L^-1 dL + (L^-1 dL)^T, the first lower triangular, so dL = L Phi(L^-1 dA L^-T).",
    source="Murray, Differentiation of the Cholesky decomposition (2016), (8)-(10)",
    limits="Where A is not positive definite.  NumPy's counts (A + A^T) / 2 as its input, as jax's does; SciPy's reads one "
    "triangle, and its gradient, as jax's, holds for symmetric changes of A.",
    defines=r"$\operatorname{chol}(A)$ is the lower triangular $L$ with positive diagonal and $L L^{\top} = A$",
)


@named("cholesky")
def cholesky_of(a: Any, lower: bool | None = None, upper: bool = False) -> Node:
    """NumPy's Cholesky factor, lower unless `upper`; with `lower=` it is SciPy's."""
    A = as_node(a)
    if lower is not None:
        return _scipy_factor(A, lower)
    L = cholesky(A, symmetrized=True)
    return L.T if upper else L


def reads_one_triangle(node: Node) -> bool:
    """Is its derivative one along symmetric changes of the operand alone, whose second derivative commutes along those alone?"""
    return node.op is cholesky and not node.params["symmetrized"]


def _scipy_factor(A: Node, lower: bool) -> Node:
    return cholesky(A, symmetrized=False) if lower else cholesky(A.T, symmetrized=False).T


@named("cho_factor")
def cho_factor_of(a: Any, lower: bool = False) -> tuple[Node, bool]:
    """SciPy's Cholesky factor with the side it stands on, as `cho_solve` takes them."""
    return _scipy_factor(as_node(a), lower), lower


@named("cho_solve")
def cho_solve_of(c_and_lower: Any, b: Any) -> Node:
    """The solution of A Z = B from the Cholesky factor of A."""
    if not isinstance(c_and_lower, tuple) or len(c_and_lower) != 2 or not isinstance(c_and_lower[1], bool):
        raise InputError("cho_solve needs the pair (c, lower) that cho_factor returns")
    C, lower = as_node(c_and_lower[0]), c_and_lower[1]
    inner = triangular(C, as_node(b), lower=lower, trans=not lower)
    return triangular(C, inner, lower=lower, trans=lower)
