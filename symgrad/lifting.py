"""Many directions in one pass: the tangent of a vector in each unit direction is a column of its Jacobian.

A node that is linear in a vector u is lifted to its matrix by u: entries of the node down, entries of u across.  A scalar's matrix
is a row and is kept as the vector it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symgrad.op import Node, zeros
from symgrad.ops.arithmetic import add, hadamard, multiply, scale
from symgrad.ops.broadcasting import broadcast, sum_
from symgrad.ops.elementwise import ratio
from symgrad.ops.linalg import solve
from symgrad.ops.powers import quotient
from symgrad.ops.product import dot, matmul, outer
from symgrad.ops.selection import select

Lift = Callable[[Node, Mapping[Node, Node]], Node]


class NotLifted(Exception):
    """An operation on arrays that has no form for many directions at once."""


def lifted(node: Node, known: Mapping[Node, Node]) -> Node:
    """The matrix of a node by u, given those of its operands; raises `NotLifted` where the operation has none."""
    lift = _LIFTS.get(node.op.name)
    if lift is None or any(x.ndim > 1 for x in (node, *(a for a in node.args if a in known))):
        raise NotLifted(node.op.name)
    return lift(node, known)


def _spread(X: Node, J: Node) -> Node:
    """A vector beside its Jacobian, or a number beside its row: one copy a direction."""
    return broadcast(X, shape=J.shape, axes=tuple(range(X.ndim)))


def _scale(node: Node, known: Mapping[Node, Node]) -> Node:
    c, X = node.args
    parts = []
    if X in known:
        parts.append(scale(c, known[X]))
    if c in known:
        parts.append(outer(X, known[c]) if X.ndim else scale(X, known[c]))
    return add(*parts) if len(parts) > 1 else parts[0]


def _hadamard(node: Node, known: Mapping[Node, Node]) -> Node:
    X, Y = node.args
    moving, other = (X, Y) if X in known else (Y, X)
    return multiply(_spread(other, known[moving]), known[moving])


def _quotient(node: Node, known: Mapping[Node, Node]) -> Node:
    X, Y = node.args
    if Y in known:
        raise NotLifted("a divisor that moves")
    return node.op(known[X], _spread(Y, known[X]), **node.params)


def _matmul(node: Node, known: Mapping[Node, Node]) -> Node:
    A, x = node.args
    if A in known:
        raise NotLifted("a matrix that moves")
    return matmul(A, known[x])


def _dot(node: Node, known: Mapping[Node, Node]) -> Node:
    X, Y = node.args
    moving, other = (X, Y) if X in known else (Y, X)
    return matmul(known[moving].T, other)


def _solve(node: Node, known: Mapping[Node, Node]) -> Node:
    A, b = node.args
    if A in known:
        raise NotLifted("a system matrix that moves")
    return solve(A, known[b])


def _broadcast(node: Node, known: Mapping[Node, Node]) -> Node:
    (x,) = node.args
    if x.ndim:
        raise NotLifted("a vector that is copied")
    return broadcast(known[x], shape=(*node.shape, *known[x].shape), axes=(1,))


def _select(node: Node, known: Mapping[Node, Node]) -> Node:
    A, B, X, Y = node.args
    J = known.get(X) or known[Y]
    branches = [known.get(x) or zeros(J.shape) for x in (X, Y)]
    return select(_spread(A, J), _spread(B, J), *branches, **node.params)


_LIFTS: dict[str, Lift] = {
    add.name: lambda node, known: add(*(known[a] for a in node.args)),
    scale.name: _scale,
    hadamard.name: _hadamard,
    quotient.name: _quotient,
    ratio.name: _quotient,
    matmul.name: _matmul,
    dot.name: _dot,
    solve.name: _solve,
    sum_.name: lambda node, known: sum_(known[node.args[0]], axes=(0,)),
    broadcast.name: _broadcast,
    select.name: _select,
}
"""The forms for many directions, by operation."""
