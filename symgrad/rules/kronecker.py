"""Kronecker products, vec and the commutation matrix, which Hessian blocks of matrices are written with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from itertools import product as pairs

from symgrad.core.op import Node, constant, value_of
from symgrad.linear.structure import Chain
from symgrad.ops.arithmetic import add, hadamard
from symgrad.ops.broadcasting import broadcast, fill
from symgrad.ops.kronecker import commutation, kron, vec
from symgrad.ops.product import diag, eye, identity, matmul, outer, transposition
from symgrad.rules.brevity import operations
from symgrad.rules.chains import LEAST_SAVED, common_chain
from symgrad.rules.record import PRINT, Known, rule
from symgrad.rules.terms import Term, assembled, product, term


@rule("(X (x) Y)^T = X^T (x) Y^T", "transpose", ends="transposes move towards the leaves")
def transpose_of_kron(node: Node) -> Node | None:
    (x,) = node.args
    return kron(*(a.T for a in x.args)) if x.op is kron else None


@rule("I (x) I = I, and a 1 x 1 identity is no factor", "kron", ends="fewer products")
def kron_of_identities(node: Node) -> Node | None:
    X, Y = node.args
    if X.op is identity and Y.op is identity:
        return eye(node.shape[0])
    return next((b for a, b in ((X, Y), (Y, X)) if a.op is identity and a.shape == (1, 1)), None)


@rule("x^T (x) y = y x^T = y (x) x^T for columns", "kron", ends="fewer Kronecker products")
def kron_of_vectors(node: Node) -> Node | None:
    for row, column in (node.args, tuple(reversed(node.args))):
        if (x := _line(row, 0)) is not None and (y := _line(column, 1)) is not None:
            return outer(y, x)
    return None


@rule("a column times a row is x y^T", "matmul", ends="fewer axes of size one", since=PRINT)
def product_of_lines(node: Node) -> Node | None:
    x, y = _line(node.args[0], 1), _line(node.args[1], 0)
    return outer(x, y) if x is not None and y is not None and node.ndim == 2 else None


@rule("(a 1) (b 1)^T = a b 1 1^T", "outer", ends="fewer products")
def outer_of_ones(node: Node) -> Node | None:
    a, b = (value_of(x) for x in node.args)
    return None if a is None or b is None else fill(a * b, node.shape)


@rule("vec(x y^T) = y (x) x, which stays one beside another", "outer", ends="fewer stacked matrices", since=PRINT)
def outer_of_stacked(node: Node) -> Node | None:
    """vec(a b^T) vec(c d^T)^T = b d^T (x) a c^T."""
    (a, b), (c, d) = (_rank_one(x) for x in node.args)
    if b is None and d is None:
        return None
    if b is None or d is None:
        line = _as_row(d) if d is not None else _as_column(b)
        return kron(line, outer(a, c))
    return kron(outer(b, d), outer(a, c))


def _rank_one(v: Node) -> tuple[Node, Node | None]:
    """The columns of vec(x y^T); of any other vector itself, alone."""
    if v.op is vec and v.args[0].op is outer:
        return v.args[0].args[0], v.args[0].args[1]
    return v, None


def _as_row(x: Node | None) -> Node:
    assert x is not None
    return broadcast(x, shape=(1, *x.shape), axes=(1,))


def _as_column(x: Node | None) -> Node:
    assert x is not None
    return broadcast(x, shape=(*x.shape, 1), axes=(0,))


def _line(X: Node, axis: int) -> Node | None:
    """The vector of a matrix of one row (axis 0) or one column (axis 1)."""
    if X.ndim == 2 and X.shape[axis] == 1 and (value := value_of(X)) is not None:
        return fill(value, (X.shape[1 - axis],))
    if X.op is broadcast and X.args[0].ndim == 1 and X.shape[axis] == 1:
        return X.args[0]
    return _line(X.args[0], 1 - axis) if X.op is transposition else None


# beside one another in a product -----------------------------------------------------------------------------------------


def _merged(node: Node, known: Known, merge: Callable[[Node, Node], Node | None]) -> Node | None:
    """The chain with its first two neighbours that merge as one."""
    chain = known.chain(node)
    for i, ((x, x_flip), (y, y_flip)) in enumerate(pairwise(chain)):
        if x.ndim < 2 or y.ndim < 1:
            continue
        together = merge(x.T if x_flip else x, y.T if y_flip and y.ndim == 2 else y)
        if together is not None:
            return _product((*chain[:i], (together, False), *chain[i + 2 :]))
    return None


def _product(chain: Chain) -> Node:
    return assembled(chain) if len(chain) > 1 else chain[0][0]


@rule("(X (x) Y) (Z (x) W) = X Z (x) Y W, with a matrix Z = 1 (x) Z", "matmul", ends="fewer products", since=PRINT, facts=True)
def product_of_krons(node: Node, known: Known) -> Node | None:
    return _merged(node, known, _mixed)


def _mixed(X: Node, Y: Node) -> Node | None:
    if Y.ndim != 2 or kron not in (X.op, Y.op):
        return None
    for (a, b), (c, d) in pairs(_split(X), _split(Y)):
        if a.shape[1] == c.shape[0] and b.shape[1] == d.shape[0] and not (X in (a, b) and Y in (c, d)):
            return kron(matmul(a, c), matmul(b, d))
    return None


def _split(X: Node) -> Iterator[tuple[Node, Node]]:
    """X as a Kronecker product; any matrix is one with 1 on either side."""
    if X.op is kron:
        yield X.args[0], X.args[1]
    yield from ((eye(1), X), (X, eye(1)))


@rule("(X (x) Y) vec(Z) = vec(Y Z X^T)", "matmul", ends="fewer Kronecker products", since=PRINT, facts=True)
def kron_of_stacked(node: Node, known: Known) -> Node | None:
    return _merged(node, known, _stacked)


def _stacked(X: Node, v: Node) -> Node | None:
    return vec(X.args[1] @ v.args[0] @ X.args[0].T) if X.op is kron and v.op is vec else None


@rule("(X (x) Y) K = Y (x) X where X or Y is a row", "matmul", ends="fewer products", since=PRINT, facts=True)
def kron_of_commuted(node: Node, known: Known) -> Node | None:
    return _merged(node, known, _commuted)


def _commuted(X: Node, K: Node) -> Node | None:
    if X.op is not kron or K.op is not commutation or all(x.shape[0] != 1 for x in X.args):
        return None
    return kron(X.args[1], X.args[0])


@rule("diag(x) diag(y) = diag(x * y)", "matmul", ends="fewer products", since=PRINT, facts=True)
def product_of_diagonals(node: Node, known: Known) -> Node | None:
    return _merged(node, known, lambda X, Y: diag(hadamard(X.args[0], Y.args[0])) if X.op is Y.op is diag else None)


@rule("diag(vec(x 1^T)) = I (x) diag(x), diag(vec(1 x^T)) = diag(x) (x) I", "diag", ends="fewer stacked arrays", since=PRINT)
def diagonal_of_stacked_copies(node: Node) -> Node | None:
    stacked = node.args[0].args[0] if node.args[0].op.name == "vec" else None
    if stacked is None or stacked.op is not broadcast or stacked.args[0].ndim != 1:
        return None
    (x,), (rows, columns) = stacked.args, stacked.shape
    return kron(eye(columns), diag(x)) if stacked.params["axes"] == (0,) else kron(diag(x), eye(rows))


# sums --------------------------------------------------------------------------------------------------------------------


@rule("X (x) Y + X (x) Z = X (x) (Y + Z)", "add", ends="fewer Kronecker products", since=PRINT, facts=True)
def common_kron_factor(node: Node, known: Known) -> Node | None:
    """Also among some of the terms, where that is shorter and no other has the factor: A (x) B + B (x) A is left alone."""
    terms = [term(t, known) for t in node.args]
    krons = [t for t in terms if len(t.chain) == 1 and t.chain[0][0].op is kron]
    for side in (0, 1):
        for shared, group in _grouped(krons, side):
            rest = [t for t in terms if t not in group]
            if any(shared in _kron(t).args for t in krons if t in rest):
                continue
            whole = add(*(product([constant(t.number), *t.scalars, _kron(t).args[1 - side]]) for t in group))
            whole = common_chain(whole, known) or whole
            found = add(kron(shared, whole) if side == 0 else kron(whole, shared), *(t.node() for t in rest))
            if operations(found) + (LEAST_SAVED if rest else 0) < operations(node):
                return found
    return None


def _kron(t: Term) -> Node:
    return t.chain[0][0]


def _grouped(krons: list[Term], side: int) -> Iterator[tuple[Node, list[Term]]]:
    """Terms whose Kronecker products share a factor on one side."""
    for shared in dict.fromkeys(_kron(t).args[side] for t in krons):
        group = [t for t in krons if _kron(t).args[side] is shared]
        if len(group) > 1:
            yield shared, group
