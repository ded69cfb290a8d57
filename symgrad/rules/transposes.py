"""Transposes move towards the leaves, or disappear."""

from __future__ import annotations

from symgrad.core.op import Node
from symgrad.ops.arithmetic import add, hadamard
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.product import matmul, outer
from symgrad.rules.brevity import operations
from symgrad.rules.record import Known, flipped, rule
from symgrad.rules.terms import Term, term


@rule("(X Y)^T = Y^T X^T", "transpose", ends="transposes move towards the leaves")
def transpose_of_product(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is matmul and x.ndim == 2:
        return matmul(x.args[1].T, x.args[0].T)
    return outer(x.args[1], x.args[0]) if x.op is outer else None


@rule("(X^T + Y^T)^T = X + Y, (X^T * Y^T)^T = X * Y", "transpose", ends="fewer transposes in print", facts=True)
def transpose_of_sum(node: Node, known: Known) -> Node | None:
    """Only where that is shorter: the transpose of a residual stays the residual's."""
    (x,) = node.args
    if x.op not in (add, hadamard) or x.ndim != 2:
        return None
    inside = x.op(*(_turned(a, known) for a in x.args))
    return inside if operations(inside) < operations(node) else None


def _turned(x: Node, known: Known) -> Node:
    """The transpose of a term, that of a product factor by factor."""
    t = term(x, known)
    return Term(t.number, t.scalars, flipped(t.chain, known)).node()


@rule("the transpose of copied columns is copied rows", "transpose", ends="transposes move towards the leaves")
def transpose_of_copies(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is broadcast and node.ndim == 2:
        return broadcast(x.args[0], shape=node.shape, axes=tuple(1 - a for a in x.params["axes"]))
    return None


@rule("X^T = X for diag(x), X^T X, a symmetric variable and what is made of them", "transpose", ends="fewer transposes", facts=True)
def transpose_of_symmetric(node: Node, known: Known) -> Node | None:
    (x,) = node.args
    return x if known.symmetric(x) else None
