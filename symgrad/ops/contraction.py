"""Contractions of arrays of any rank: einsum, and the named products it comes down to."""

from __future__ import annotations

import re
import string
from typing import Any

import sympy

from symgrad.core.language import named
from symgrad.core.op import ATOM, CHAIN, OPERATORS, Node, Op, Shape, as_node, is_zero, on, show_shape, zeros
from symgrad.core.signature import contraction
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.arithmetic import hadamard, inner, scale
from symgrad.ops.broadcasting import broadcast, sum_
from symgrad.ops.product import dot, eye, matmul, outer, transpose

# einsum -----------------------------------------------------------------------------------------------------------------------


def _parse(spec: str) -> tuple[list[str], str]:
    inputs, _, output = spec.partition("->")
    return inputs.split(","), output


def _sizes(inputs: list[str], operands: tuple[Node, ...]) -> dict[str, Any]:
    sizes: dict[str, Any] = {}
    for letters, X in zip(inputs, operands, strict=True):
        if len(letters) != X.ndim:
            raise ShapeError(f"subscripts {letters!r} do not fit shape {show_shape(X.shape)}")
        if len(set(letters)) != len(letters):
            raise ShapeError(f"subscripts {letters!r} repeat a letter; take the diagonal first")
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


def _einsum_latex(node: Node, show: Any) -> Any:
    inputs, output = _parse(node.params["spec"])
    if len(inputs) == 2 and inputs[0] == inputs[1] and not output:
        return rf"\langle {show(node.args[0], 0)}, {show(node.args[1], 0)} \rangle", ATOM
    bound = "".join(sorted({c for s in inputs for c in s} - set(output)))
    terms = " ".join(subscripted(x, s, show) if s else show.factor(x) for x, s in zip(node.args, inputs, strict=True))
    body = rf"\sum_{{{bound}}} {terms}" if bound else terms
    return (rf"\left[ {body} \right]_{{{output}}}", ATOM) if output else body


def subscripted(x: Node, letters: str, show: Any) -> str:
    """W_{ij}; a letter that has an index of its own gets brackets, (W_1)_{ij}, or it would be an entry of W."""
    text = show.bracketed(x)
    has_index = "_" in re.sub(r"\\left.*\\right", "", text)
    return f"({text})_{{{letters}}}" if has_index else f"{text}_{{{letters}}}"


def _einsum_numpy(node: Node) -> str:
    inputs, output = _parse(node.params["spec"])
    if len(inputs) == 2:
        return _pair_numpy(inputs[0], inputs[1], output)
    operands = ", ".join(f"{{{i}}}" for i in range(len(node.args)))
    optimize = ", optimize=True" if len(node.args) > 2 else ""
    return f'np.einsum("{node.params["spec"]}", {operands}{optimize})'


def _pair_numpy(x: str, y: str, output: str) -> str:
    """Two arrays by the quickest of NumPy's products that fits their subscripts."""
    summed = [c for c in x if c in y and c not in output]
    if x == y and not output:
        return "np.vdot({0}, {1})"
    if not summed:
        return f"{transposed_operand('{0}', x, output)} * {transposed_operand('{1}', y, output)}"
    shared = [c for c in x if c in y and c in output]
    if (product := _matmul_numpy(x, y, output) or _matmul_numpy(y, x, output, "{1}", "{0}")) is not None:
        return product
    if summed and not shared:
        free = "".join(c for c in x + y if c not in summed)
        product = f"np.tensordot({{0}}, {{1}}, axes=({[x.index(c) for c in summed]}, {[y.index(c) for c in summed]}))"
        return product if free == output else f"{product}.transpose({', '.join(str(free.index(c)) for c in output)})"
    return f'np.einsum("{x},{y}->{output}", {{0}}, {{1}})'


def _matmul_numpy(x: str, y: str, output: str, first: str = "{0}", second: str = "{1}") -> str | None:
    """Stacks of matrices multiplied; an array times one matrix on its last axis is left to tensordot, which calls BLAS once."""
    summed = {*x} & {*y} - {*output}
    if len(summed) != 1 or min(len(x), len(y)) < 2 or max(len(x), len(y)) < len(output) or len(output) < 3:
        return None
    (c,), batch, r, k = summed, output[:-2], output[-2], output[-1]
    stacked = batch.endswith(x[:-2]) and batch.endswith(y[:-2]) and {*x[-2:]} == {r, c} and {*y[-2:]} == {c, k}
    if not stacked or (len(y) == 2 and x == batch + r + c):
        return None
    return f"{_rows_first(first, x, r + c)} @ {_rows_first(second, y, c + k)}"


def _rows_first(operand: str, letters: str, wanted: str) -> str:
    """A stack of matrices with its last two axes in this order."""
    if letters.endswith(wanted):
        return operand
    axes = (*range(len(letters) - 2), len(letters) - 1, len(letters) - 2)
    return f"{operand}.T" if len(letters) == 2 else f"{operand}.transpose({', '.join(map(str, axes))})"


def transposed_operand(operand: str, letters: str, output: str) -> str:
    """An operand with its axes in the order and the places of the result."""
    order = sorted(letters, key=output.index)
    if order != list(letters):
        operand += ".T" if len(letters) == 2 else f".transpose({', '.join(str(letters.index(c)) for c in order)})"
    return operand + _index(letters, output)


def _index(letters: str, output: str) -> str:
    """None where the result has a subscript that this operand has not; leading ones NumPy adds itself."""
    marks = [":" if c in letters else "None" for c in output]
    while marks and marks[0] == "None":
        marks.pop(0)
    return f"[{', '.join(marks)}]" if "None" in marks else ""


einsum = Op(
    "einsum",
    shape=_einsum_shape,
    vjp=_einsum_vjp,
    jvp=_einsum_jvp,
    axes=lambda node: contraction(node.params["spec"]),
    latex=_einsum_latex,
    precedence=CHAIN,
    numpy=lambda node: _einsum_numpy(node),
    flops=lambda *X, spec: len(X) * sympy.Mul(*_sizes(_parse(spec)[0], X).values()),
    samples=(
        on("b m n", "b n k", spec="amn,ank->amk"),
        on("m n", "n k", "m", spec="mn,nk,m->k"),
        on("m n", "n k", "k m", spec="mn,nk,km->"),
        on("m n k", spec="mnk->n"),
        on("m n", "m n", "m n", spec="mn,mn,mn->m"),
    ),
    fold=lambda *X, spec: zeros(_einsum_shape(*X, spec=spec)) if any(map(is_zero, X)) else None,
    found="Linear in every operand: each collects the contraction of the others with the cotangent.",
    defines=r"$\left[ x_{ij} \right]_{ij}$ is the array with these entries",
)


def contract(spec: str, *operands: Node) -> Node:
    """A contraction, as one of the named products where it is one."""
    inputs, output = _parse(spec)
    _sizes(inputs, operands)
    inputs, operands = _sum_private(inputs, output, operands)
    if len(operands) == 1:
        return transpose(operands[0], tuple(inputs[0].index(c) for c in output))
    if len(operands) == 2 and (min(map(len, inputs)) == 0 or max(len(s) for s in (*inputs, output)) <= 2):
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
        if len(output) < 2:
            return sum_(hadamard(X, Y), axes=tuple(k for k, c in enumerate(x) if c not in output))
        return None
    if not shared and len(x) == len(y) == 1:
        return outer(X, Y) if output == x + y else outer(Y, X)
    if len(shared) != 1 or shared[0] in output:
        return None
    (c,) = shared
    X = X.T if x.index(c) == 0 and X.ndim == 2 else X
    Y = Y.T if y.index(c) == 1 else Y
    Z = _product(X, Y)
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


# NumPy's products --------------------------------------------------------------------------------------------------------


def _product(X: Any, Y: Any) -> Node:
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


OPERATORS["matmul"] = _product


named("matmul", method=True)(_product)


def _over(X: Node, Y: Node, axis: int) -> Node:
    """The sum over the last axis of X and one of Y's; what is left of both stands side by side."""
    letters = string.ascii_letters
    x, rest = letters[: X.ndim], letters[X.ndim : X.ndim + Y.ndim - 1]
    y = rest[:axis] + x[-1] + rest[axis:]
    return contract(f"{x},{y}->{x[:-1]}{rest}", X, Y)


@named("dot", method=True)
def dot_of(a: Any, b: Any) -> Node:
    """The matrix product up to rank 2, a plain product with a scalar; above, every row of `a` meets every matrix of `b`."""
    X, Y = as_node(a), as_node(b)
    if 0 in (X.ndim, Y.ndim):
        return OPERATORS["multiply"](X, Y)
    return _product(X, Y) if max(X.ndim, Y.ndim) <= 2 else _over(X, Y, max(Y.ndim - 2, 0))


@named("inner")
def inner_of(a: Any, b: Any) -> Node:
    """The sum over the last axes of both."""
    X, Y = as_node(a), as_node(b)
    if 0 in (X.ndim, Y.ndim):
        return OPERATORS["multiply"](X, Y)
    if X.ndim == Y.ndim == 2:
        return _product(X, Y.T)
    return dot(X, Y) if X.ndim == Y.ndim == 1 else _over(X, Y, Y.ndim - 1)


@named("vdot")
def vdot_of(a: Any, b: Any) -> Node:
    """The sum of the products of all entries."""
    X, Y = as_node(a), as_node(b)
    if X.ndim == Y.ndim == 1:
        return dot(X, Y)
    if X.shape != Y.shape:
        raise ShapeError(f"vdot needs arrays of one shape, got {show_shape(X.shape)} and {show_shape(Y.shape)}; ravel them first")
    return inner(X, Y)
