"""The product of entries and the determinant: polynomials whose derivatives of every order are one operation.

Both are linear in each entry, so their gradient is a polynomial again.  Dividing (prod(x) / x, det(X) X^-T) holds only where
nothing vanishes; the operations here are the polynomials themselves, right at zero entries and at singular matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from symgrad.core.explicit import by_entries, entry, index
from symgrad.core.language import named
from symgrad.core.op import ATOM, CHAIN, OPERATORS, POWER, Node, Op, Shape, as_node, is_zero, on, same_shape, size, zeros
from symgrad.core.signature import along, behind, each, opaque
from symgrad.ops.arithmetic import multiply, scale, subtract
from symgrad.ops.broadcasting import normal_axes, sum_
from symgrad.ops.extrema import label, ranging, reduced_shape
from symgrad.ops.linalg import inv, square_shape
from symgrad.ops.powers import divide, power
from symgrad.ops.product import matmul, trace
from symgrad.ops.reduction import reduced, spread


def _slope(name: str, **fields: Any) -> Op:
    """The gradient of a polynomial in X, differentiated further along any number of directions: op(X, V1, ..., Vk).

    Derivatives commute, so the value is symmetric and linear in the directions, and every one of these maps is its own adjoint:
    <G, op(X, V1, ..., Vk)> is the same whichever of G, V1, ..., Vk stands in front.
    """

    def vjp(Z: Node, X: Node, *rest: Node, **static: Any) -> tuple[Node, ...]:
        *V, Z_bar = rest
        return (op(X, *V, Z_bar, **static), *(op(X, *V[:i], *V[i + 1 :], Z_bar, **static) for i in range(len(V))))

    def jvp(Z: Node, X: Node, *rest: Node, **static: Any) -> Node:
        order = len(rest) // 2
        V, X_dot, V_dot = rest[:order], rest[order], rest[order + 1 :]
        terms = [op(X, *V[:i], dot, *V[i + 1 :], **static) for i, dot in enumerate(V_dot)]
        return OPERATORS["add"](op(X, *V, X_dot, **static), *terms)

    def fold(X: Node, *V: Node, **static: Any) -> Node | None:
        if any(map(is_zero, V)):
            return zeros(X.shape)
        for i, v in enumerate(V):
            if v.op is scale:
                return scale(v.args[0], op(X, *V[:i], v.args[1], *V[i + 1 :], **static))
        return None

    op = Op(name, vjp=vjp, jvp=jvp, fold=fold, **fields)
    return op


def _operands(node: Node) -> str:
    return "".join(f", {{{i}}}" for i in range(1, len(node.args)))


def _along(node: Node, show: Any, function: str) -> str:
    """The gradient of f differentiated along directions: nabla^k f(X)[V1, V2, ...]."""
    X, *V = node.args
    gradient = rf"{function}{show.argument(X)}"
    if not V:
        return rf"\nabla {gradient}"
    return rf"\nabla^{{{1 + len(V)}}} {gradient}[{', '.join(show(v, 0) for v in V)}]"


def _length(node: Node, count: Any) -> int:
    """Up to the second derivative a slope is printed as the textbook's quotient."""
    quotient = node.op.defined(node)
    return int(count.function(node) if quotient is None else count.whole(quotient))


DERIVATIVES = r"$\nabla^{k} f(x)[v, \ldots]$ is the derivative of $\nabla f$ along $k - 1$ directions, one after the other"


# the product of entries ---------------------------------------------------------------------------------------------------


def prod_quotient(X: Node, V: Node | None = None, *, axes: tuple[int, ...]) -> Node:
    """`prod_slope` as a quotient, equal to it where no entry is zero."""
    whole = spread(prod(X, axes=axes), X, axes)
    if V is None:
        return multiply(whole, power(X, exponent=sympy.S.NegativeOne))
    ratio = divide(V, X)
    others = subtract(spread(sum_(ratio, axes=axes), X, axes), ratio)
    return multiply(whole, divide(others, X))


prod_slope = _slope(
    "prod_slope",
    shape=same_shape,
    front=behind,
    latex=lambda node, show: _along(node, show, rf"\operatorname{{prod}}{label(node)}"),
    length=_length,
    precedence=POWER,
    definition=lambda X, *V, axes: prod_quotient(X, *V, axes=axes) if len(V) < 2 else None,
    numpy=lambda node: f"_prod_slope({node.params['axes']}, {{0}}{_operands(node)})",
    helpers=("_others", "_prod_slope"),
    flops=lambda X, *V, axes: 3 * size(X) * sympy.Mul(*(X.shape[a] for a in axes)) ** len(V),
    samples=(on("m n", axes=(1,)), on("m n", axes=(0, 1)), on("n", "n", axes=(0,)), on("m n", "m n", axes=(0,))),
    found="Entry i is the product of all the others; along v it changes by the sum over j of v_j times the product of the rest.",
    defines=r"$\operatorname{prod}(x)$ is the product of the entries; "
    r"$\nabla \operatorname{prod}(x)$ holds for every entry the product of all the others; "
    f"{DERIVATIVES}",
)


def _prod_sympy(node: Node, x: Any) -> Any:
    """The product over the entries along the axes; a number along both."""
    (X,), axes = node.args, node.params["axes"]
    places = [index("i"), index("j")][: X.ndim]
    body = sympy.Product(entry(x, places), *((places[a], 0, X.shape[a] - 1) for a in axes))
    return by_entries(node.shape, [i for a, i in enumerate(places) if a not in axes], body, [])


prod = Op(
    "prod",
    shape=reduced_shape,
    vjp=lambda Z, X, Z_bar, axes: (multiply(spread(Z_bar, X, axes), prod_slope(X, axes=axes)),),
    jvp=lambda Z, X, X_dot, axes: sum_(multiply(prod_slope(X, axes=axes), X_dot), axes=axes),
    axes=along,
    front=behind,
    latex=lambda node, show: rf"\operatorname{{prod}}{label(node)}{show.argument(node.args[0])}",
    sympy=_prod_sympy,
    entry=ranging("prod"),
    precedence=ATOM,
    numpy=lambda node: f"np.prod({{0}}, axis={node.params['axes']})",
    flops=lambda X, axes: size(X),
    samples=(on("m n", axes=(1,)), on("m n", axes=(0,)), on("m n", axes=(0, 1)), on("n", axes=(0,))),
    fold=lambda X, axes: X if not axes else None,
    found="d prod(x) is the sum over i of dx_i times the product of the others.",
    limits="Nowhere: with a zero entry only its own slope is left, with two the gradient vanishes and the Hessian need not.",
    defines=r"$\operatorname{prod}(x)$ is the product of the entries",
)


@named("prod", method=True)
def prod_of(a: Any, axis: Any = None, keepdims: bool = False) -> Node:
    """NumPy's product over axes."""
    X = as_node(a)
    axes = normal_axes(X, axis)
    return reduced(X, prod(X, axes=axes), axes, keepdims)


# the determinant ------------------------------------------------------------------------------------------------------------


def cofactor_quotient(X: Node, V: Node | None = None) -> Node:
    """`cofactor` as a multiple of X^-T, equal to it where X is regular.

    d(det(X) X^-T) = det(X) (tr(X^-1 dX) X^-T - X^-T dX^T X^-T).
    """
    Y = inv(X)
    if V is None:
        return multiply(det(X), Y.T)
    return multiply(det(X), subtract(multiply(trace(matmul(Y, V)), Y.T), Y.T @ (V.T @ Y.T)))


def _cofactor_shape(X: Node, *V: Node) -> Shape:
    """A single direction may be many, along axes in front."""
    square = square_shape("cofactor")(X)
    if len(V) == 1 and V[0].ndim > 2 and V[0].shape[-2:] == X.shape:
        return V[0].shape
    return same_shape(X, *V) and square


def _cofactor_latex(node: Node, show: Any) -> Any:
    """As the textbook's quotient up to the second derivative."""
    if len(node.args) > 2:
        return _along(node, show, r"\det"), POWER
    return show(cofactor_quotient(*node.args), 0), CHAIN


def _cofactor_stacked(node: Node, stacks: Mapping[Node, Node], lead: Shape) -> Node | None:
    X, *V = node.args
    return None if len(V) != 1 or X in stacks else cofactor(X, stacks[V[0]])


SINGULAR = r"at a singular $X$, $\det(X) X^{-\top}$ stands for its limit, the matrix of cofactors"

cofactor = _slope(
    "cofactor",
    shape=_cofactor_shape,
    axes=lambda node: opaque(node, each(node.args)[1:]),
    stacked=_cofactor_stacked,
    latex=_cofactor_latex,
    python=lambda node, line: line(cofactor_quotient(*node.args)) if len(node.args) < 3 else line.word(node),
    length=_length,
    precedence=CHAIN,
    definition=lambda X, *V: cofactor_quotient(X, *V) if len(V) < 2 else None,
    numpy=lambda node: f"_cofactor({{0}}{_operands(node)})",
    helpers=("_others", "_cofactor_unit", "_cofactor"),
    flops=lambda X, *V: 2 * X.shape[0] ** 3 * (1 + 2 * len(V)),
    samples=(on("n n"), on("n n", "n n")),
    found="Entry (i, j) is the signed minor without row i and column j; a minor is a polynomial, so it has derivatives everywhere.",
    source="Matrix Cookbook (41), (49)",
    limits="Printed as det(X) X^-T, at a singular X for its limit; there the code works on the singular values instead.",
    defines=rf"$\operatorname{{cof}}(X)$ is the matrix of cofactors; {SINGULAR}; {DERIVATIVES}",
)

det = Op(
    "det",
    shape=lambda X: square_shape("det")(X) and (),
    vjp=lambda Z, X, Z_bar: (scale(Z_bar, cofactor(X)),),
    jvp=lambda Z, X, X_dot: sum_(multiply(cofactor(X), X_dot), axes=(0, 1)),
    latex=r"\det(#1)",
    sympy=lambda node, x: sympy.Determinant(x),
    precedence=ATOM,
    numpy="np.linalg.det({0})",
    flops=lambda X: 2 * X.shape[0] ** 3 / sympy.Integer(3),
    samples=(on("n n"),),
    found="Expanding along row i, det X is the sum over j of x_ij times its cofactor: d det X = <cof X, dX>, cof X = det(X) X^-T.",
    source="Matrix Cookbook (41), (49)",
    defines=SINGULAR,
)


@named("det")
def det_of(a: Any) -> Node:
    """The determinant of a square matrix."""
    return det(as_node(a))
