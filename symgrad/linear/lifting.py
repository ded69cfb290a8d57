"""Many directions in one pass: the tangent of a vector in each unit direction is a column of its Jacobian.

A node that is linear in a vector u is lifted to its matrix by u: entries of the node down, entries of u across.  A scalar's matrix
is a row and is kept as the vector it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from symgrad.core.op import Node, zeros
from symgrad.core.signature import Signature
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.contraction import contract
from symgrad.ops.linalg import solve

ACROSS = "u"
"""The letter of the directions in contractions."""

Jacobians = Mapping[Node, Node]


class NotLifted(Exception):
    """An operation on arrays that has no form for many directions at once."""


def lifted(node: Node, known: Jacobians) -> Node:
    """The matrix of a node by u, given those of its operands; raises `NotLifted` where the operation has none."""
    signature = node.op.axes(node)
    moving = frozenset(i for i, a in enumerate(node.args) if a in known)
    jointly = next((s for s in signature.linear if moving <= s), None)
    if jointly is None or any(x.ndim > 1 for x in (node, *(node.args[i] for i in moving))):
        raise NotLifted(node.op.name)
    if node.op is solve:  # the directions are further right sides
        return solve(node.args[0], known[node.args[1]])
    if signature.whole:
        raise NotLifted(node.op.name)
    if signature.is_contraction and not (signature.is_entrywise and node.ndim):
        return _contracted(node, signature, known)
    J = next(known[a] for a in node.args if a in known)
    operands = (known.get(a) or (zeros(J.shape) if i in jointly else _spread(a, J)) for i, a in enumerate(node.args))
    return node.op(*operands, **node.params)


def _contracted(node: Node, signature: Signature, known: Jacobians) -> Node:
    """A sum of products, or copies of a number."""
    reads = [s + ACROSS if a in known else s for s, a in zip(signature.reads, node.args, strict=True)]
    operands = [known.get(a, a) for a in node.args]
    if not set(signature.result) <= set("".join(reads)):
        (row,) = operands
        return broadcast(row, shape=(*node.shape, *row.shape), axes=(1,))
    return contract(f"{','.join(reads)}->{signature.result}{ACROSS}", *operands)


def _spread(X: Node, J: Node) -> Node:
    """A vector beside its Jacobian, or a number beside its row: one copy a direction."""
    return broadcast(X, shape=J.shape, axes=tuple(range(X.ndim)))
