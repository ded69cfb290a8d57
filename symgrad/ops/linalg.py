"""The inverse, linear systems and the logarithm of the determinant; no rule uses that an operand is symmetric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import sympy

from symgrad.core.language import named
from symgrad.core.op import ATOM, CHAIN, POWER, Node, Op, Shape, as_node, is_zero, on, show_shape, zeros
from symgrad.core.signature import Signature
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.arithmetic import scale
from symgrad.ops.layout import reshape
from symgrad.ops.product import eye, identity, outer, square, trace, transpose, transposition

LARGEST_POWER = 100


def square_shape(name: str) -> Callable[[Node], Shape]:
    """The shape rule of a function of one square matrix."""

    def shape(X: Node) -> Shape:
        if X.ndim > 2:
            raise UnsupportedError(f"{name} of a stack of matrices, shape {show_shape(X.shape)}, is not read; loop over the stack")
        square(name, X)
        return X.shape

    return shape


# the inverse ------------------------------------------------------------------------------------------------------------


def inverse_latex(A: Node, show: Any) -> str:
    if A.op is transposition:
        return rf"{show.bracketed(A.args[0])}^{{-{show.top}}}"
    return rf"{show.bracketed(A)}^{{-1}}"


inv: Op = Op(
    "inv",
    shape=square_shape("inv"),
    vjp=lambda Z, X, Z_bar: (-(Z.T @ Z_bar @ Z.T),),
    jvp=lambda Z, X, X_dot: -(Z @ X_dot @ Z),
    latex=lambda node, show: inverse_latex(node.args[0], show),
    sympy=lambda node, x: sympy.Inverse(x),
    precedence=POWER,
    numpy="np.linalg.inv({0})",
    flops=lambda X: 2 * X.shape[0] ** 3,
    samples=(on("n n"),),
    fold=lambda X: X if X.op is identity else None,
    found="X Z = I: dX Z + X dZ = 0, so dZ = -Z dX Z; <G, Z dX Z> = <Z^T G Z^T, dX>.",
    source="Matrix Cookbook (59)",
    limits="Where X is singular.",
)


@named("inv")
def inv_of(a: Any) -> Node:
    """The inverse of a square matrix."""
    return inv(as_node(a))


# linear systems ---------------------------------------------------------------------------------------------------------


def system_shape(name: str) -> Callable[..., Shape]:
    """The shape rule of A^-1 B: a square matrix and a vector or matrix beside it."""

    def shape(A: Node, B: Node, **_: Any) -> Shape:
        square_shape(name)(A)
        if B.ndim not in (1, 2):
            raise ShapeError(f"the right side of {name} is a vector or a matrix, got shape {show_shape(B.shape)}")
        if A.shape[:1] != B.shape[:1]:
            raise ShapeError(f"a system of shape {show_shape(A.shape)} does not fit a right side of shape {show_shape(B.shape)}")
        return B.shape

    return shape


def system_axes(node: Node) -> Signature:
    """A^-1 B: each column of B is solved for by itself, with the whole of A."""
    columns = "c" * (node.ndim - 1)
    return Signature(("ij", f"k{columns}"), f"l{columns}", frozenset("ijkl"), (frozenset({1}),))


def stacked_system(node: Node, stacks: Mapping[Node, Node], lead: Shape) -> Node | None:
    """Right sides of one matrix are further columns of a single one; several matrices are several systems."""
    A, b = node.args
    if A in stacks:
        return None
    if not lead:
        return node.op(A, stacks[b], **node.params)
    k, B = len(lead), stacks[b]
    columns = transpose(B, (k, *range(k), *range(k + 1, B.ndim)))
    shape = (b.shape[0], sympy.Mul(*lead, *b.shape[1:]))
    solved = reshape(node.op(A, reshape(columns, shape=shape), **node.params), shape=(b.shape[0], *lead, *b.shape[1:]))
    return transpose(solved, (*range(1, k + 1), 0, *range(k + 1, B.ndim)))


def outside(X: Node, Y: Node) -> Node:
    """X Y^T, for columns and for matrices of columns."""
    return outer(X, Y) if X.ndim == 1 else X @ Y.T


def fold_system(system: Callable[..., Node]) -> Callable[..., Node | None]:
    """What A^-1 B allows because it is linear in B."""

    def fold(A: Node, B: Node, **static: Any) -> Node | None:
        if is_zero(B):
            return zeros(B.shape)
        if A.op is identity:
            return B
        return scale(B.args[0], system(A, B.args[1], **static)) if B.op is scale else None

    return fold


def _solve_vjp(Z: Node, A: Node, B: Node, Z_bar: Node) -> tuple[Node, Node]:
    B_bar = solve(A.T, Z_bar)
    return -outside(B_bar, Z), B_bar


solve: Op = Op(
    "solve",
    shape=system_shape("solve"),
    vjp=_solve_vjp,
    jvp=lambda Z, A, B, A_dot, B_dot: solve(A, B_dot - A_dot @ Z),
    axes=system_axes,
    stacked=stacked_system,
    latex=lambda node, show: f"{inverse_latex(node.args[0], show)} {show(node.args[1], CHAIN)}",
    python=lambda node, line: line.call("solve", node.args),
    length=lambda node, count: sum(count[x] for x in node.args) + 2,
    precedence=CHAIN,
    numpy="np.linalg.solve({0}, {1})",
    flops=lambda A, B: 2 * A.shape[0] ** 3 / sympy.Integer(3) + 2 * A.shape[0] ** 2 * sympy.Mul(*B.shape[1:]),
    samples=(on("n n", "n"), on("n n", "n k")),
    fold=lambda A, B: fold_system(solve)(A, B),
    definition=lambda A, B: inv(A) @ B,
    found="A Z = B: dA Z + A dZ = dB, so dZ = A^-1 (dB - dA Z); B_bar = A^-T G and A_bar = -B_bar Z^T.",
    source="Matrix Cookbook (59)",
    limits="Where A is singular.",
)


@named("solve")
def solve_of(a: Any, b: Any) -> Node:
    """The solution Z of A Z = B, for a vector or a matrix B."""
    return solve(as_node(a), as_node(b))


# the logarithm of the determinant ---------------------------------------------------------------------------------------

logdet = Op(
    "logdet",
    shape=lambda X: square_shape("slogdet")(X) and (),
    # d log|det X| = tr(X^-1 dX), hence X_bar = g X^-T.
    vjp=lambda Z, X, Z_bar: (scale(Z_bar, inv(X).T),),
    jvp=lambda Z, X, X_dot: trace(inv(X) @ X_dot),
    latex=r"\log \lvert \det(#1) \rvert",
    sympy=lambda node, x: sympy.log(sympy.Abs(sympy.Determinant(x))),
    precedence=POWER,
    numpy="np.linalg.slogdet({0})[1]",
    flops=lambda X: 2 * X.shape[0] ** 3 / sympy.Integer(3),
    samples=(on("n n"), on("n n | spd")),
    found="d log|det X| = d det X / det X = tr(X^-1 dX).",
    source="Matrix Cookbook (43), (57)",
    limits="Where X is singular.",
)

det_sign = Op(
    "det_sign",
    shape=lambda X: square_shape("slogdet")(X) and (),
    vjp=lambda Z, X, Z_bar: (zeros(X.shape),),
    jvp=lambda Z, X, X_dot: zeros(()),
    latex=r"\operatorname{sign}(\det(#1))",
    sympy=lambda node, x: sympy.sign(sympy.Determinant(x)),
    precedence=ATOM,
    numpy="np.linalg.slogdet({0})[0]",
    flops=lambda X: 2 * X.shape[0] ** 3 / sympy.Integer(3),
    samples=(on("n n"),),
    found="Constant between singular matrices.",
    limits="Where X is singular.",
    kink="its derivative counts as 0 everywhere",
)


class SlogdetResult(NamedTuple):
    """What slogdet returns: the determinant is sign * exp(logabsdet)."""

    sign: Node
    logabsdet: Node


@named("slogdet")
def slogdet_of(a: Any) -> SlogdetResult:
    """The sign of the determinant and the logarithm of its absolute value."""
    X = as_node(a)
    return SlogdetResult(det_sign(X), logdet(X))


# composite functions ----------------------------------------------------------------------------------------------------


# the pseudo-inverse -----------------------------------------------------------------------------------------------------


def _pinv_shape(X: Node) -> Shape:
    if X.ndim != 2:
        raise ShapeError(f"pinv needs a matrix, got shape {show_shape(X.shape)}")
    return X.shape[1], X.shape[0]


def _beside(P: Node, X: Node) -> tuple[Node, Node]:
    """I - X X^+ and I - X^+ X, the projections beside the columns and beside the rows."""
    return eye(X.shape[0]) - X @ P, eye(X.shape[1]) - P @ X


def _pinv_vjp(P: Node, X: Node, P_bar: Node) -> tuple[Node]:
    R, S = _beside(P, X)
    return (R @ P_bar.T @ P @ P.T + P.T @ P @ P_bar.T @ S - P.T @ P_bar @ P.T,)


def _pinv_jvp(P: Node, X: Node, X_dot: Node) -> Node:
    R, S = _beside(P, X)
    return P @ P.T @ X_dot.T @ R + S @ X_dot.T @ P.T @ P - P @ X_dot @ P


pinv: Op = Op(
    "pinv",
    shape=_pinv_shape,
    vjp=_pinv_vjp,
    jvp=_pinv_jvp,
    latex=lambda node, show: rf"{show.bracketed(node.args[0])}^{{+}}",
    precedence=POWER,
    numpy="np.linalg.pinv({0})",
    flops=lambda X: 6 * X.shape[0] * X.shape[1] ** 2 + 20 * X.shape[1] ** 3,  # of a tall X: Golub and Van Loan, table 8.6.1
    samples=(on("m n"), on("n m")),
    found="Where the rank stays: dP = -P dX P + P P^T dX^T (I - X P) + (I - P X) dX^T P^T P.",
    source="Golub and Pereyra (1973), theorem 4.3",
    limits="Where the rank changes: there X^+ jumps.",
    defines=r"$X^{+}$ is the Moore-Penrose inverse",
)


@named("pinv")
def pinv_of(a: Any) -> Node:
    """The Moore-Penrose pseudo-inverse."""
    return pinv(as_node(a))


@named("matrix_power")
def matrix_power_of(a: Any, n: Any) -> Node:
    """A whole power of a square matrix, by repeated squaring; negative powers through the inverse."""
    X = as_node(a)
    square_shape("matrix_power")(X)
    if not isinstance(n, int) or isinstance(n, bool):
        raise UnsupportedError("matrix_power needs its exponent as a literal integer")
    if abs(n) > LARGEST_POWER:
        raise UnsupportedError(f"the matrix power {n} is beyond {LARGEST_POWER}")
    return _squared(inv(X) if n < 0 else X, abs(n))


def _squared(X: Node, n: int) -> Node:
    if n < 2:
        return X if n else eye(X.shape[0])
    half = _squared(X, n // 2)
    return half @ half @ X if n % 2 else half @ half


@named("multi_dot")
def multi_dot_of(arrays: Any) -> Node:
    """The matrix product of several arrays."""
    if not isinstance(arrays, tuple | list) or len(arrays) < 2:
        raise InputError("multi_dot needs a list of two arrays or more")
    result = as_node(arrays[0])
    for other in arrays[1:]:
        result = result @ other
    return result
