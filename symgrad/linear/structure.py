"""Read a linear expression E(v) as a sum of structured maps: the matrix of a tangent program without its products.

Arrays of one axis are columns.  Matrix products, outer products, sums over one axis and copies along one are all the same kind of
stage, the sandwich X -> A X B (or A X^T B); an entrywise product is a diagonal stage; what passes through a scalar is an inner
product followed by a multiple of a fixed array.  With column-stacking vec, A X B is (B^T (x) A) vec X, A X^T B is
(B^T (x) A) K vec X, and U * X is diag(vec U) vec X.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

from symgrad.core.op import Dim, Node, constant, value_of, zeros
from symgrad.core.signature import Signature
from symgrad.linear.lifting import NotLifted, lifted
from symgrad.ops.arithmetic import inner, multiply
from symgrad.ops.broadcasting import fill
from symgrad.ops.product import dot, eye, factors, matmul, outer

MOST_TERMS = 32
"""Above this the expression is no formula anybody reads; products take its place."""

Chain = tuple[tuple[Node, bool], ...]


class Unreadable(Exception):
    """No structured form: an operation without one, or too many terms."""


@dataclass(frozen=True)
class Sandwich:
    """X -> left X right, with X transposed first where `flip` says so; factors as (node, transposed)."""

    left: Chain = ()
    right: Chain = ()
    flip: bool = False

    def then(self, other: Sandwich) -> Sandwich:
        """This one first, the other after it."""
        if other.flip:
            return Sandwich(other.left + transposed(self.right), transposed(self.left) + other.right, not self.flip)
        return Sandwich(other.left + self.left, self.right + other.right, self.flip)

    def of(self, X: Node) -> Node:
        return assemble(self.left + chain_of(X, self.flip) + self.right)

    def adjoint(self) -> Sandwich:
        """<G, A X B> = <A^T G B^T, X>, and with X^T in place of X the transpose of that."""
        if self.flip:
            return Sandwich(self.right, self.left, True)
        return Sandwich(transposed(self.left), transposed(self.right))


@dataclass(frozen=True)
class Diagonal:
    """X -> weight * X, entry by entry; its own adjoint."""

    weight: Node

    def of(self, X: Node) -> Node:
        return multiply(self.weight, X)

    def adjoint(self) -> Diagonal:
        return self


MapStage = Sandwich | Diagonal


@dataclass(frozen=True)
class LinearTerm:
    """`coefficient` times the stages, first to last; with `inner`, their end is <inner, v> `spread` instead.

    A term that passes through a scalar has no stages left: they are absorbed into the two arrays.
    """

    coefficient: Node
    stages: tuple[MapStage, ...] = ()
    inner: Node | None = None
    spread: Node | None = None

    def then(self, stage: MapStage) -> LinearTerm:
        if self.inner is not None:
            assert self.spread is not None
            return replace(self, spread=stage.of(self.spread))
        last = self.stages[-1] if self.stages else None
        if isinstance(stage, Sandwich) and isinstance(last, Sandwich):
            return replace(self, stages=(*self.stages[:-1], last.then(stage)))
        if isinstance(stage, Diagonal) and isinstance(last, Diagonal):
            return replace(self, stages=(*self.stages[:-1], Diagonal(multiply(stage.weight, last.weight))))
        return replace(self, stages=(*self.stages, stage))

    def times(self, scalar: Node) -> LinearTerm:
        return replace(self, coefficient=multiply(scalar, self.coefficient))

    def measured(self, G: Node) -> LinearTerm:
        """Followed by the inner product with G."""
        if self.inner is not None:
            assert self.spread is not None
            return replace(self, spread=constant(1)).times(inner(G, self.spread))
        for stage in reversed(self.stages):
            G = stage.adjoint().of(G)
        return LinearTerm(self.coefficient, (), G, constant(1))

    def spreading(self, H: Node) -> LinearTerm:
        """A scalar followed by its multiple of H."""
        if self.inner is None:
            raise Unreadable("a scalar that is no inner product")
        return replace(self, spread=multiply(self.spread, H))


def transposed(chain: Chain) -> Chain:
    return tuple((x, not flip) for x, flip in reversed(chain))


def chain_of(node: Node, flip: bool = False) -> Chain:
    return tuple(factors(node, flip))


def multiplied(chain: Chain) -> tuple[Node, bool]:
    """A chain of matrices and columns multiplied out, and whether it is a row; a row comes as the column it is the transpose of."""
    node, row = oriented(*chain[0])
    for x, flip in chain[1:]:
        node, row = times(node, row, *oriented(x, flip))
    return node, row


def assemble(chain: Chain) -> Node:
    return multiplied(chain)[0]


def oriented(x: Node, flip: bool) -> tuple[Node, bool]:
    return (x.T if flip and x.ndim == 2 else x), flip and x.ndim == 1


def times(a: Node, a_row: bool, b: Node, b_row: bool) -> tuple[Node, bool]:
    if 0 in (a.ndim, b.ndim):
        return multiply(a, b), a_row or b_row
    if a_row:
        return (dot(a, b), False) if b.ndim == 1 else (matmul(b.T, a), True)
    if a.ndim == 1:
        return outer(a, b), False
    return matmul(a, b), False


# reading --------------------------------------------------------------------------------------------------------------------


def read(root: Node, v: Node) -> list[LinearTerm]:
    """The terms of `root`, linear in `v`.

    Raises `Unreadable` where an operation has no structured form or the terms are more than anybody reads.
    """
    start = LinearTerm(constant(1)) if v.ndim else LinearTerm(constant(1), (), constant(1), constant(1))
    terms: dict[Node, list[LinearTerm]] = {v: [start]}
    for node in _dependent(root, v):
        if node in terms:
            continue
        terms[node] = [_act(node, i, t) for i, a in enumerate(node.args) if a in terms for t in terms[a]]
        if len(terms[node]) > MOST_TERMS:
            raise Unreadable(f"more than {MOST_TERMS} terms")
    return terms.get(root, [])


def read_through(root: Node, v: Node) -> list[LinearTerm]:
    """The terms of `root` with whole Jacobian matrices for what lies between vectors, where `read` would multiply paths out.

    All paths from v to a vector that pass through one earlier vector u count as one: the entry to u, then the Jacobian by u.
    """
    order = _dependent(root, v)
    terms: dict[Node, list[LinearTerm]] = {v: [LinearTerm(constant(1))]}
    jacobians: dict[Node, Node] = {}
    u: Node | None = None
    for node in order:
        if node not in terms:
            terms[node] = [_act(node, i, t) for i, a in enumerate(node.args) if a in terms for t in terms[a]]
        if u is None and node.ndim == 1 and len(terms[node]) == 1:
            u = node
            jacobians[u] = eye(u.shape[0])
        elif u is not None and all(a in jacobians for a in node.args if a in terms):
            _lift(node, u, terms, jacobians)
        if len(terms[node]) > MOST_TERMS:
            raise Unreadable(f"more than {MOST_TERMS} terms")
    return terms.get(root, [])


def _lift(node: Node, u: Node, terms: dict[Node, list[LinearTerm]], jacobians: dict[Node, Node]) -> None:
    try:
        jacobians[node] = J = lifted(node, jacobians)
    except NotLifted:
        return
    if node.ndim == 1:
        terms[node] = [t.then(Sandwich(left=((J, False),))) for t in terms[u]]
    else:
        terms[node] = [t.measured(J) for t in terms[u]]


def _dependent(root: Node, v: Node) -> list[Node]:
    """The nodes below the root that depend on v, operands first."""
    order: list[Node] = []
    depends: dict[Node, bool] = {}
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in depends:
            continue
        if not ready:
            stack.append((node, True))
            stack.extend((a, False) for a in node.args)
            continue
        depends[node] = node is v or any(depends[a] for a in node.args)
        if depends[node]:
            order.append(node)
    return order


def _act(node: Node, i: int, term: LinearTerm) -> LinearTerm:
    """What a node does to the term of its operand i, by its signature, or by that of the product that it is by definition."""
    signature = node.op.axes(node)
    jointly = next((s for s in signature.linear if i in s), None)
    if jointly is None or any(x.ndim > 2 for x in (node, *node.args)):
        raise Unreadable(f"{node.op.name} has no matrix form")
    if not node.args[i].ndim and node.ndim:
        return term.spreading(_at(node, i, jointly, constant(1)))
    if signature.is_entrywise:
        return _weighed(term, _at(node, i, jointly, fill(1, node.shape)))
    if signature.is_contraction:
        return _contracted(node, signature, i, term)
    if (product := node.op.defined(node)) is not None:
        signature = product.op.axes(product)
        if signature.is_contraction and node.args[i] in product.args:
            return _contracted(product, signature, product.args.index(node.args[i]), term)
    raise Unreadable(f"{node.op.name} has no matrix form")


def _contracted(node: Node, signature: Signature, i: int, term: LinearTerm) -> LinearTerm:
    """A sum of products: a multiple, an inner product, or a product with matrices from the left and the right."""
    others = [(x, s) for k, (x, s) in enumerate(zip(node.args, signature.reads, strict=True)) if k != i]
    if signature.reads[i] == signature.result and all(not x.ndim for x, _ in others):
        return reduce(LinearTerm.times, (x for x, _ in others), term)
    if not node.ndim:
        weight = node.op.vjp(node, *node.args, constant(1), **node.params)[i]
        assert weight is not None
        return term.measured(weight)
    return term.then(_sandwich(node, signature, i, others))


def _sandwich(node: Node, signature: Signature, i: int, others: list[tuple[Node, str]]) -> Sandwich:
    """The matrix of operand i, as it stands or transposed, between factors of which the other operand is one."""
    (row, column), (top, side) = _sides(signature.reads[i]), _sides(signature.result)
    kept = {*signature.reads[i]} & {*signature.result}
    sizes = dict(zip(signature.result + signature.reads[i], node.shape + node.args[i].shape, strict=True))
    for flip, (a, b) in ((False, (row, column)), (True, (column, row))):
        left, right = (_factor(*pair, others, kept, sizes) for pair in ((top, a), (b, side)))
        if left is not None and right is not None and left[1] + right[1] == len(others):
            return Sandwich(left[0], right[0], flip)
    raise Unreadable(f"{node.op.name} has no matrix form")


def _sides(letters: str) -> tuple[str, str]:
    """The letters of rows and columns; an axis of size one has none."""
    first, second = (*letters, "", "")[:2]
    return first, second


def _factor(
    row: str, column: str, others: list[tuple[Node, str]], kept: set[str], sizes: dict[str, Dim]
) -> tuple[Chain, bool] | None:
    """The matrix with these letters, and whether it is the other operand; or an identity, or ones where a letter is new or gone."""
    if row == column:
        return (), False
    for x, s in others:
        if {*s} == {*(row + column)}:
            return chain_of(x, not (row and s.startswith(row))), True
    letter = row + column
    if len(letter) > 1 or letter in kept or any(letter in s for _, s in others):
        return None
    ones = ((fill(1, (sizes[letter],)), False),)
    return (ones if row else transposed(ones)), False


def _at(node: Node, i: int, jointly: frozenset[int], value: Node) -> Node:
    """The operation with this in the place of operand i, and zero in the others in which it is linear together with that."""
    operands = (value if k == i else zeros(a.shape) if k in jointly else a for k, a in enumerate(node.args))
    return node.op(*operands, **node.params)


def _weighed(term: LinearTerm, weight: Node) -> LinearTerm:
    """Entries times weights; a number is a multiple."""
    if not weight.ndim:
        return term.times(weight)
    return term if value_of(weight) == 1 else term.then(Diagonal(weight))
