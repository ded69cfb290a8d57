"""Matrix products in every mix of rank 1 and 2, the transpose, the trace, diagonals, Kronecker products and einsum.

A rank-1 array is a column: `matmul` takes a matrix and a matrix or column, `dot` is x^T y, `outer` is x y^T, and `w @ A` is A^T w.
"""

from __future__ import annotations

import string
from typing import Any

import sympy

from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.language import named
from symgrad.op import (
    ATOM,
    CHAIN,
    OPERATORS,
    PRODUCT,
    Node,
    Op,
    Shape,
    _leaf,
    as_node,
    bilinear,
    is_zero,
    linear,
    on,
    show_shape,
    size,
    zeros,
)
from symgrad.ops.arithmetic import hadamard, scale
from symgrad.ops.broadcasting import broadcast, sum_
from symgrad.source import dim_source

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


transposition = linear(
    "transpose",
    shape=_transpose_shape,
    vjp=lambda Z, X, Z_bar, axes: (transposition(Z_bar, axes=_inverse(axes)),),
    latex=lambda node, show: _product_latex(node, show) if node.ndim == 2 else rf"\operatorname{{transpose}}({show(node.args[0], 0)})",
    precedence=CHAIN,
    numpy=lambda node: "{0}.T" if node.ndim == 2 else f"np.transpose({{0}}, {node.params['axes']})",
    flops=lambda X, **_: 0,
    samples=(on("m n", axes=(1, 0)), on("m n k", axes=(2, 0, 1))),
    fold=_fold_transpose,
    found="<G, dX^T> = <G^T, dX>.",
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


def _product_latex(node: Node, show: Any) -> str:
    return " ".join(show.transposed(f) if flip else show(f, CHAIN) for f, flip in factors(node))


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
    latex=_product_latex,
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
    latex=lambda node, show: _dot_latex(node, show),
    precedence=CHAIN,
    numpy="{0} @ {1}",
    flops=lambda X, Y: 2 * size(X),
    samples=(on("n", "n"),),
    found="d(x^T y) = y^T dx + x^T dy.",
    source="Matrix Cookbook (69)",
)


def _dot_latex(node: Node, show: Any) -> str:
    X, Y = node.args
    if X is Y and X.op not in (matmul, transposition):
        return rf"{show.norm(X)}^{{2}}"
    return _product_latex(node, show)


def _outer_shape(X: Node, Y: Node) -> Shape:
    _vectors(X, Y)
    return (*X.shape, *Y.shape)


outer = bilinear(
    "outer",
    shape=_outer_shape,
    vjp=lambda Z, X, Y, Z_bar: (Z_bar @ Y, Z_bar.T @ X),
    latex=_product_latex,
    precedence=CHAIN,
    numpy="np.outer({0}, {1})",
    flops=lambda X, Y: size(X) * size(Y),
    samples=(on("m", "n"),),
    found="dZ = dx y^T + x dy^T; <G, dx y^T> = <G y, dx> and <G, x dy^T> = <G^T x, dy>.",
)


def product(X: Any, Y: Any) -> Node:
    """NumPy's `@` for operands of rank 1 and 2, batched above."""
    X, Y = as_node(X), as_node(Y)
    if X.ndim == 0 or Y.ndim == 0:
        raise ShapeError(f"a scalar has no matrix product: shapes {show_shape(X.shape)} and {show_shape(Y.shape)}; use *")
    if X.ndim > 2 or Y.ndim > 2:
        return _batched(X, Y)
    if X.ndim == 1 and Y.ndim == 1:
        return dot(X, Y)
    if X.ndim == 1:
        if X.shape[0] != Y.shape[0]:
            raise ShapeError(f"inner dimensions differ: {show_shape(X.shape)} against {show_shape(Y.shape)}")
        return matmul(Y.T, X)
    return matmul(X, Y)


def _batched(X: Node, Y: Node) -> Node:
    letters = string.ascii_lowercase
    batch = max(X.ndim, Y.ndim) - 2
    x = letters[batch - (X.ndim - 2) : batch] + "yz" if X.ndim > 1 else "z"
    y = letters[batch - (Y.ndim - 2) : batch] + "zw" if Y.ndim > 1 else "z"
    out = letters[:batch] + ("y" if X.ndim > 1 else "") + ("w" if Y.ndim > 1 else "")
    return contract(f"{x},{y}->{out}", X, Y)


OPERATORS["matmul"] = product


# identity, trace, diagonals -----------------------------------------------------------------------------------------------

identity = _leaf("identity", lambda node, show: "I", lambda node: f"np.eye({dim_source(node.shape[0])})", lambda n: (n, n))


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
    latex=r"\operatorname{tr}(#1)",
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


diag = linear(
    "diag",
    shape=_diag_shape,
    vjp=lambda Z, X, Z_bar: (diagonal(Z_bar),),
    latex=r"\operatorname{diag}(#1)",
    precedence=ATOM,
    numpy="np.diag({0})",
    flops=lambda X: 0,
    samples=(on("n"),),
    found="<G, diag(dx)> = <diagonal of G, dx>.",
)


def _diagonal_shape(X: Node) -> Shape:
    square("diagonal", X)
    return X.shape[:1]


diagonal = linear(
    "diagonal",
    shape=_diagonal_shape,
    vjp=lambda Z, X, Z_bar: (diag(Z_bar),),
    latex=r"\operatorname{diag}(#1)",
    precedence=ATOM,
    numpy="np.diagonal({0})",
    flops=lambda X: 0,
    samples=(on("n n"),),
    fold=lambda X: X.args[0] if X.op is diag else None,
    found="The adjoint of diag.",
)


# Kronecker product ----------------------------------------------------------------------------------------------------------


def _kron_shape(X: Node, Y: Node) -> Shape:
    if X.ndim != 2 or Y.ndim != 2:
        raise ShapeError(f"kron needs two matrices, got shapes {show_shape(X.shape)} and {show_shape(Y.shape)}")
    return tuple(a * b for a, b in zip(X.shape, Y.shape, strict=True))


kron = bilinear(
    "kron",
    shape=_kron_shape,
    vjp=lambda Z, X, Y, Z_bar: (blocks_with(Z_bar, Y), entries_with(Z_bar, X)),
    latex=r"#1 \otimes #2",
    precedence=PRODUCT,
    numpy="np.kron({0}, {1})",
    flops=lambda X, Y: size(X) * size(Y),
    samples=(on("m n", "k l"),),
    found="Block (i, j) of Z is x_ij Y: x_ij collects <G_ij, Y>, and Y collects the sum of x_ij G_ij.",
)


def _ratio(Z: Node, X: Node) -> Shape:
    return tuple(sympy.cancel(sympy.Integer(1) * a / b) for a, b in zip(Z.shape, X.shape, strict=True))



def _kron_numpy(spec: str, blocks_first: bool) -> Any:
    def numpy(node: Node) -> str:
        Z, X = node.args
        (m, n), (k, l) = (node.shape, X.shape) if blocks_first else (X.shape, node.shape)
        dims = ", ".join(dim_source(d) for d in (m, k, n, l))
        return f'np.einsum("{spec}", {{0}}.reshape({dims}), {{1}})'

    return numpy


blocks_with = bilinear(
    "blocks_with",
    shape=_ratio,
    vjp=lambda Z, G, Y, Z_bar: (kron(Z_bar, Y), entries_with(G, Z_bar)),
    latex=r"\operatorname{tr}_{2}(#1 (I \otimes #2^{\top}))",
    precedence=ATOM,
    numpy=_kron_numpy("ikjl,kl->ij", True),
    flops=lambda G, Y: 2 * size(G),
    samples=(on("m*k n*l", "k l"),),
    found="Adjoint of the Kronecker product in its left factor: entry (i, j) is <G_ij, Y> over the blocks of G.",
)

entries_with = bilinear(
    "entries_with",
    shape=_ratio,
    vjp=lambda Z, G, X, Z_bar: (kron(X, Z_bar), blocks_with(G, Z_bar)),
    latex=r"\operatorname{tr}_{1}(#1 (#2^{\top} \otimes I))",
    precedence=ATOM,
    numpy=_kron_numpy("ikjl,ij->kl", False),
    flops=lambda G, X: 2 * size(G),
    samples=(on("m*k n*l", "m n"),),
    found="Adjoint of the Kronecker product in its right factor: the sum of x_ij G_ij over the blocks of G.",
)


# einsum -----------------------------------------------------------------------------------------------------------------------


def _parse(spec: str) -> tuple[list[str], str]:
    inputs, _, output = spec.partition("->")
    return inputs.split(","), output


def _sizes(inputs: list[str], operands: tuple[Node, ...]) -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    for letters, X in zip(inputs, operands, strict=True):
        if len(letters) != X.ndim:
            raise ShapeError(f"subscripts {letters!r} do not fit shape {show_shape(X.shape)}")
        for letter, d in zip(letters, X.shape, strict=True):
            if sizes.setdefault(letter, d) != d:
                raise ShapeError(f"subscript {letter!r} is {sizes[letter]} and {d}")
    return sizes


def _einsum_shape(*operands: Node, spec: str) -> Shape:
    inputs, output = _parse(spec)
    sizes = _sizes(inputs, operands)
    return tuple(sizes[letter] for letter in output)


def _einsum_vjp(Z: Node, *rest: Node, spec: str) -> tuple[Node, ...]:
    """Each operand collects the contraction of all the others with the cotangent; letters found nowhere else are spread."""
    *X, Z_bar = rest
    inputs, output = _parse(spec)

    def cotangent(i: int) -> Node:
        others = [s for j, s in enumerate(inputs) if j != i] + [output]
        found = "".join(c for c in inputs[i] if any(c in s for s in others))
        part = contract(",".join(others) + "->" + found, *X[:i], *X[i + 1 :], Z_bar)
        return broadcast(part, shape=X[i].shape, axes=tuple(k for k, c in enumerate(inputs[i]) if c in found))

    return tuple(cotangent(i) for i in range(len(X)))


def _einsum_jvp(Z: Node, *rest: Node, spec: str) -> Node:
    X, dots = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    terms = [einsum(*X[:i], d, *X[i + 1 :], spec=spec) for i, d in enumerate(dots)]
    return OPERATORS["add"](*terms) if len(terms) > 1 else terms[0]


def _einsum_latex(node: Node, show: Any) -> str:
    inputs, output = _parse(node.params["spec"])
    bound = "".join(sorted({c for s in inputs for c in s} - set(output)))
    terms = " ".join(f"{show.bracketed(x)}_{{{s}}}" if s else show(x, CHAIN) for x, s in zip(node.args, inputs, strict=True))
    body = rf"\sum_{{{bound}}} {terms}" if bound else terms
    return rf"\left[ {body} \right]_{{{output}}}" if output else body


einsum = Op(
    "einsum",
    shape=_einsum_shape,
    vjp=_einsum_vjp,
    jvp=_einsum_jvp,
    latex=_einsum_latex,
    precedence=CHAIN,
    numpy=lambda node: f'np.einsum("{node.params["spec"]}", {", ".join(f"{{{i}}}" for i in range(len(node.args)))})',
    flops=lambda *X, spec: len(X) * sympy.Mul(*_sizes(_parse(spec)[0], X).values()),
    samples=(
        on("b m n", "b n k", spec="amn,ank->amk"),
        on("m n", "n k", "m", spec="mn,nk,m->k"),
        on("m n k", spec="mnk->n"),
        on("m n", "m n", "m n", spec="mn,mn,mn->m"),
    ),
    fold=lambda *X, spec: zeros(_einsum_shape(*X, spec=spec)) if any(map(is_zero, X)) else None,
    found="Linear in every operand: each collects the contraction of the others with the cotangent.",
)


def contract(spec: str, *operands: Node) -> Node:
    """A contraction, as one of the named products where it is one."""
    inputs, output = _parse(spec)
    _sizes(inputs, operands)
    inputs, operands = _sum_private(inputs, output, operands)
    if len(operands) == 1:
        return transpose(operands[0], tuple(inputs[0].index(c) for c in output))
    if len(operands) == 2 and max(len(s) for s in (*inputs, output)) <= 2:
        named = _named_product(inputs, output, *operands)
        if named is not None:
            return named
    return einsum(*operands, spec=_canonical(inputs, output))


def _sum_private(inputs: list[str], output: str, operands: tuple[Node, ...]) -> tuple[list[str], tuple[Node, ...]]:
    """Sum away the letters that stand in one operand alone."""
    kept, summed = [], []
    for i, (s, X) in enumerate(zip(inputs, operands, strict=True)):
        elsewhere = output + "".join(inputs[:i] + inputs[i + 1 :])
        axes = tuple(k for k, c in enumerate(s) if c not in elsewhere)
        summed.append(sum_(X, axes=axes))
        kept.append("".join(c for c in s if c in elsewhere))
    return kept, tuple(summed)


def _named_product(inputs: list[str], output: str, X: Node, Y: Node) -> Node | None:
    x, y = inputs
    shared = [c for c in x if c in y]
    if not x or not y:
        scalar, array, letters = (X, Y, y) if not x else (Y, X, x)
        return scale(scalar, transpose(array, tuple(letters.index(c) for c in output)))
    if sorted(x) == sorted(y):
        Y = transpose(Y, tuple(y.index(c) for c in x))
        if sorted(output) == sorted(x):
            return transpose(hadamard(X, Y), tuple(x.index(c) for c in output))
        return sum_(hadamard(X, Y), axes=tuple(k for k, c in enumerate(x) if c not in output)) if output in x or len(output) < 2 else None
    if not shared and len(x) == len(y) == 1:
        return outer(X, Y) if output == x + y else outer(Y, X)
    if len(shared) != 1 or shared[0] in output:
        return None
    (c,) = shared
    X = X.T if x.index(c) == 0 and X.ndim == 2 else X
    Y = Y.T if y.index(c) == 1 else Y
    Z = product(X, Y)
    rows = x.replace(c, "") + y.replace(c, "")
    return Z if rows == output else Z.T


def _canonical(inputs: list[str], output: str) -> str:
    names: dict[str, str] = {}
    for c in "".join(inputs):
        names.setdefault(c, string.ascii_lowercase[len(names)])
    return ",".join("".join(names[c] for c in s) for s in inputs) + "->" + "".join(names[c] for c in output)


@named("einsum")
def einsum_of(subscripts: Any, *operands: Any) -> Node:
    """NumPy's einsum: explicit or implicit output, repeated letters as diagonals."""
    if not isinstance(subscripts, str):
        raise InputError("einsum needs its subscripts as a literal string first, such as 'ij,jk->ik'")
    spec = subscripts.replace(" ", "")
    if "..." in spec:
        raise UnsupportedError("einsum with an ellipsis is not read; write the letters out")
    inputs, arrow, output = spec.partition("->")
    parts = inputs.split(",")
    letters = "".join(parts)
    if not all(c in string.ascii_letters for c in letters + output):
        raise InputError(f"einsum subscripts {subscripts!r} hold something else than letters")
    if len(parts) != len(operands):
        raise InputError(f"einsum subscripts {subscripts!r} name {len(parts)} operands, {len(operands)} are given")
    if not arrow:
        output = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if len(set(output)) != len(output) or not set(output) <= set(letters):
        raise InputError(f"einsum output {output!r} repeats a letter or holds one that no operand has")
    nodes = [as_node(x) for x in operands]
    for i in range(len(operands)):
        while repeated := next((c for c in parts[i] if parts[i].count(c) > 1), None):
            free = next(c for c in string.ascii_letters if c not in "".join(parts))
            k = parts[i].index(repeated)
            parts[i] = parts[i][:k] + free + parts[i][k + 1 :]
            parts.append(free + repeated)
            nodes.append(eye(nodes[i].shape[k]))
    return contract(",".join(parts) + "->" + output, *nodes)



@named("matmul", "dot", method=True)
def dot_of(a: Any, b: Any) -> Node:
    """`dot` is the matrix product up to rank 2, and a plain product with a scalar."""
    X, Y = as_node(a), as_node(b)
    return OPERATORS["multiply"](X, Y) if 0 in (X.ndim, Y.ndim) else product(X, Y)


@named("inner", "vdot")
def inner_of(a: Any, b: Any) -> Node:
    X, Y = as_node(a), as_node(b)
    return product(X, Y.T) if X.ndim == Y.ndim == 2 else dot_of(X, Y)


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


@named("kron")
def kron_of(a: Any, b: Any) -> Node:
    return kron(as_node(a), as_node(b))


@named("eye", "identity")
def eye_of(N: Any) -> Node:
    return eye(N)


@named("transpose", "permute_dims", method=True)
def transpose_of(a: Any, *axes: Any) -> Node:
    order = axes[0] if len(axes) == 1 and isinstance(axes[0], tuple) else axes
    return transpose(as_node(a), tuple(order) or None)
