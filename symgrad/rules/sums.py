"""Sums over axes, copies along axes, traces and diagonals."""

from __future__ import annotations

import sympy

from symgrad.core.op import Node, size, value_of
from symgrad.ops.arithmetic import add, coefficient, hadamard, multiply
from symgrad.ops.broadcasting import broadcast, fill, sum_
from symgrad.ops.powers import divide, quotient
from symgrad.ops.product import diag, dot, eye, identity, matmul, outer, trace, transposition
from symgrad.ops.reduction import softmax
from symgrad.rules.record import CODE, FACTORED, PRINT, Known, rule
from symgrad.rules.terms import assembled

# sums -----------------------------------------------------------------------------------------------------------------------


@rule("sum(x * y) = x^T y for vectors", "sum", ends="fewer sums")
def sum_of_products(node: Node) -> Node | None:
    (x,) = node.args
    return dot(*x.args) if x.ndim == 1 and x.op is hadamard else None


@rule("sum(sum(X)) = sum(X) over all the axes", "sum", ends="fewer sums")
def sum_of_sum(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is not sum_:
        return None
    left = [a for a in range(x.args[0].ndim) if a not in x.params["axes"]]
    axes = sorted({*x.params["axes"], *(left[a] for a in node.params["axes"])})
    return sum_(x.args[0], axes=tuple(axes))


@rule("summing copies counts them: sum(broadcast(x)) = n x", "sum", ends="fewer sums")
def sum_of_broadcast(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op is not broadcast:
        return None
    kept, (inner,) = x.params["axes"], x.args
    copied = [a for a in axes if a not in kept]
    if not copied:
        return None
    count = sympy.Mul(*(x.shape[a] for a in copied))
    rest = [a for a in range(x.ndim) if a not in copied]
    spread = broadcast(inner, shape=tuple(x.shape[a] for a in rest), axes=tuple(rest.index(a) for a in kept))
    return multiply(count, sum_(spread, axes=tuple(rest.index(a) for a in axes if a in rest)))


@rule("copies of c s = c copies of s, c a number", "broadcast", ends="numbers move to the front", since=PRINT)
def copies_of_multiple(node: Node) -> Node | None:
    """a - (c / 2) 1, not a + (-c / 2) 1."""
    number, rest = coefficient(node.args[0])
    if node.args[0].ndim or number == 1 or value_of(rest) is not None:
        return None
    return multiply(number, broadcast(rest, **node.params))


@rule("sum(x - mean(x)) = 0 over the same axes", "sum", ends="fewer sums", since=CODE)
def sum_of_deviations(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op is not add or len(x.args) != 2:
        return None
    for one, other in (x.args, tuple(reversed(x.args))):
        (d, X), (c, copies) = coefficient(one), coefficient(other)
        b, total = coefficient(copies.args[0]) if copies.op is broadcast else (c, copies)
        kept = tuple(a for a in range(x.ndim) if a not in axes)
        count = sympy.Mul(*(X.shape[a] for a in axes))
        if total is sum_(X, axes=axes) and copies.params.get("axes") == kept and sympy.expand(b * c * count + d) == 0:
            return fill(0, node.shape)
    return None


@rule("sum(s X) = s sum(X), sum(X / s) = sum(X) / s for s the same along the axes", "sum", ends="smaller operand of the sum")
def factor_out_of_sum(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    inside: list[tuple[Node, bool]] = []
    outside: list[tuple[Node, bool]] = []
    for y, above in _parts(x):
        same = y.op is broadcast and not set(y.params["axes"]) & set(axes)
        full = same and len(y.params["axes"]) + len(axes) == x.ndim
        (outside if full else inside).append((y, above))
    if not outside or not any(above for _, above in inside):
        return None
    result = sum_(_quotient(inside), axes=axes)
    for y, above in outside:
        result = multiply(y.args[0], result) if above else divide(result, y.args[0])
    return result


def _parts(x: Node, above: bool = True) -> list[tuple[Node, bool]]:
    """The factors of a nest of entrywise products and quotients, each with whether it multiplies."""
    if x.op is hadamard:
        return [part for a in x.args for part in _parts(a, above)]
    return _parts(x.args[0], above) + _parts(x.args[1], not above) if x.op is quotient else [(x, above)]


def _quotient(parts: list[tuple[Node, bool]]) -> Node:
    top, *rest = sorted(parts, key=lambda part: not part[1])
    result = top[0]
    for y, above in rest:
        result = multiply(result, y) if above else divide(result, y)
    return result


@rule("X Y 1 = X (Y 1), (X Y)^T 1 = Y^T (X^T 1)", "sum", ends="sums move towards the leaves", since=CODE)
def sum_of_matrix_product(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op not in (matmul, outer) or x.ndim != 2 or any(d == 1 for d in x.shape):
        return None
    if len(axes) == 2:
        return dot(sum_(x.args[0], axes=(0,)), sum_(x.args[1], axes=(1,))) if x.op is matmul else None
    X, Y = x.args if axes == (1,) else (y.T if y.ndim == 2 else y for y in reversed(x.args))
    total = sum_(Y, axes=(Y.ndim - 1,))
    return matmul(X, total) if X.ndim == 2 else multiply(total, X)


@rule("diag(x) 1 = x, I 1 = 1", "sum", ends="fewer sums")
def sum_of_diagonal(node: Node) -> Node | None:
    (x,) = node.args
    if x.op not in (diag, identity):
        return None
    entries = x.args[0] if x.op is diag else fill(1, x.shape[:1])
    return entries if len(node.params["axes"]) == 1 else sum_(entries, axes=(0,))


@rule("<I, X> = tr(X)", "sum", ends="fewer products")
def inner_product_with_identity(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is not hadamard or len(node.params["axes"]) != 2 or not any(y.op is identity for y in x.args):
        return None
    return trace(next((y for y in x.args if y.op is not identity), x.args[0]))


@rule("softmax sums to one along its axes", "sum", ends="fewer sums")
def sum_of_softmax(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op is not softmax or not set(x.params["axes"]) <= set(axes):
        return None
    summed = x.params["axes"]
    ones = fill(1, tuple(d for a, d in enumerate(x.shape) if a not in summed))
    kept = [a for a in range(x.ndim) if a not in summed]
    return sum_(ones, axes=tuple(kept.index(a) for a in axes if a in kept))


@rule("a product with ones is a sum of rows or columns", "matmul", "dot", ends="fewer products")
def product_with_ones(node: Node) -> Node | None:
    X, Y = node.args
    if value_of(Y) == 1 and Y.ndim == 1:
        return sum_(X, axes=(X.ndim - 1,))
    return sum_(Y, axes=(0,)) if node.op is dot and value_of(X) == 1 else None


@rule("f(x) without an axis of size one is f of x without it", "sum", ends="sums move towards the leaves", since=PRINT)
def dropped_axis(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if any(x.shape[a] != 1 for a in axes) or not _is_entrywise(x):
        return None
    return x.op(*(sum_(a, axes=axes) if a.ndim else a for a in x.args), **x.params)


@rule("an axis of size one is inserted last", "add", "hadamard", "divide", "power", ends="copies move to the root", since=PRINT)
def inserted_axis(node: Node) -> Node | None:
    one = next((x for x in node.args if x.op is broadcast and x.ndim and x.args[0].ndim and size(x) == size(x.args[0])), None)
    if one is None:
        return None
    axes = tuple(a for a in range(one.ndim) if a not in one.params["axes"])
    return broadcast(node.op(*(sum_(x, axes=axes) for x in node.args), **node.params), **one.params)


def _is_entrywise(x: Node) -> bool:
    return x.op.scalar is not None or x.op.name in ("add", "scale", "hadamard")


# traces ---------------------------------------------------------------------------------------------------------------------


@rule("tr(X^T) = tr(X), tr(x y^T) = x^T y", "trace", ends="fewer operations")
def trace_of_transpose(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is transposition:
        return trace(x.args[0])
    return dot(*x.args) if x.op is outer else None


@rule("tr(A x y^T B) = y^T B A x", "trace", ends="fewer traces", since=CODE, facts=True)
def trace_of_outer(node: Node, known: Known) -> Node | None:
    chain = known.chain(node.args[0])
    for i, (x, flip) in enumerate(chain):
        if flip and x.ndim == 1:
            return assembled(chain[i:] + chain[:i])
    return None


@rule("a 1 x 1 matrix is its own trace", "trace", ends="fewer operations")
def trace_of_scalar(node: Node) -> Node | None:
    (x,) = node.args
    return sum_(x.args[0], axes=tuple(range(x.args[0].ndim))) if x.op is broadcast and x.shape == (1, 1) else None


@rule("tr(X (x) Y) = tr(X) tr(Y)", "trace", ends="fewer operations")
def trace_of_kron(node: Node) -> Node | None:
    (x,) = node.args
    if x.op.name != "kron" or any(a.shape[0] != a.shape[1] for a in x.args):
        return None
    return multiply(trace(x.args[0]), trace(x.args[1]))


@rule("tr(X^T Y) = <X, Y>", "trace", ends="fewer traces", since=PRINT, facts=True)
def trace_of_product(node: Node, known: Known) -> Node | None:
    chain = known.chain(node.args[0])
    if len(chain) != 2 or not chain[0][1]:
        return None
    return sum_(hadamard(chain[0][0], assembled(chain[1:])), axes=(0, 1))


# diagonals ------------------------------------------------------------------------------------------------------------------


@rule("diag(c 1) = c I", "diag", ends="fewer diagonals")
def diagonal_of_number(node: Node) -> Node | None:
    value = value_of(node.args[0])
    return None if value is None else multiply(value, eye(node.shape[0]))


@rule("diag(x) y = x * y, diag(x) Y = rows of Y times x", "matmul", ends="fewer operations", until=FACTORED)
def product_with_diagonal(node: Node) -> Node | None:
    """In print only for a vector: beside a matrix, diag(x) is one factor of the chain."""
    X, Y = node.args
    if X.op is diag and Y.op is diag:
        return diag(hadamard(X.args[0], Y.args[0]))
    if X.op is diag and Y.ndim == 2:
        return hadamard(broadcast(X.args[0], shape=Y.shape, axes=(0,)), Y)
    if Y.op is diag:
        return hadamard(X, broadcast(Y.args[0], shape=X.shape, axes=(1,)))
    return None


@rule("diag(x) y = x * y for a vector y", "matmul", ends="fewer operations")
def diagonal_on_vector(node: Node) -> Node | None:
    X, y = node.args
    return hadamard(X.args[0], y) if X.op is diag and y.ndim == 1 else None


@rule("rows of X times y = diag(y) X", "hadamard", ends="fewer entrywise products", since=PRINT)
def scaled_rows(node: Node) -> Node | None:
    """So that the chain that it stands in needs no brackets; in code it costs less as an entrywise product."""
    for one, other in (node.args, tuple(reversed(node.args))):
        if one.op is broadcast and node.ndim == 2 and one.args[0].ndim == 1 and size(one) != size(one.args[0]):
            D = diag(one.args[0])
            return matmul(D, other) if one.params["axes"] == (0,) else matmul(other, D)
    return None


@rule("x 1^T * 1 y^T = x y^T", "hadamard", ends="smaller products")
def product_of_copies(node: Node) -> Node | None:
    X, Y = node.args
    if X.op is not broadcast or Y.op is not broadcast or node.ndim != 2 or {X.params["axes"], Y.params["axes"]} != {(0,), (1,)}:
        return None
    column, row = (X, Y) if X.params["axes"] == (0,) else (Y, X)
    return outer(column.args[0], row.args[0])


@rule("rows of I times x = diag(x), rows of diag(x) times y = diag(x * y)", "hadamard", ends="smaller products")
def scaled_diagonal(node: Node) -> Node | None:
    for one, other in (node.args, tuple(reversed(node.args))):
        if one.op is broadcast and one.args[0].ndim == 1 and other.op in (diag, identity):
            (x,) = one.args
            return diag(hadamard(x, other.args[0]) if other.op is diag else x)
    return None


@rule("diag(x) over rows or columns of y = diag(x / y)", "divide", "ratio", ends="smaller quotients", limits="where y is zero")
def divided_diagonal(node: Node) -> Node | None:
    D, copies = node.args
    if D.op not in (diag, identity) or copies.op is not broadcast or copies.args[0].ndim != 1 or node.params.get("at"):
        return None
    x, (y,) = D.args[0] if D.op is diag else fill(1, D.shape[:1]), copies.args
    return diag(node.op(x, y, **node.params))
