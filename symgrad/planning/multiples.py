"""Scalar multiples where they cost least: one pass over an array for all its scalars, none where a smaller one takes them."""

from __future__ import annotations

from collections import Counter

from symgrad.core.graph import postorder
from symgrad.core.op import Node
from symgrad.core.program import Program
from symgrad.ops.arithmetic import hadamard, multiply, scale
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.contraction import einsum
from symgrad.ops.product import outer


def gathered(program: Program) -> Program:
    """The same program with the scalars of every nest of multiples multiplied first; what others read too stays whole."""
    exprs = [eq.expr for eq in program.equations]
    order = list(postorder(exprs))
    uses = Counter(a for node in order for a in node.args)
    uses.update(exprs)
    done: dict[Node, Node] = {}
    for node in order:
        if node.op is scale and node.ndim:
            done[node] = _multiple(node, uses, done)
        else:
            args = tuple(done[a] for a in node.args)
            done[node] = node if args == node.args else node.op.node(*args, **node.params)
    return program.map(lambda expr: done.get(expr, expr))


def _multiple(node: Node, uses: Counter[Node], done: dict[Node, Node]) -> Node:
    scalars, X = [node.args[0]], node.args[1]
    while X.op is scale and uses[X] == 1:
        scalars.append(X.args[0])
        X = X.args[1]
    c = done[scalars[0]]
    for s in scalars[1:]:
        c = multiply(c, done[s])
    return _taken(c, done[X]) if uses[X] == 1 else scale.node(c, done[X])


def _taken(c: Node, X: Node) -> Node:
    """c X, the multiple taken of a copied array, or of the smaller factor where X is a larger array than its factors."""
    if _is_copy(X):
        return broadcast.node(scale.node(c, X.args[0]), **X.params)
    if X.op is outer:
        return outer.node(scale.node(c, X.args[0]), X.args[1])
    if X.op is einsum and len(X.args) == 2 and _keeps_all(X):
        at = min((0, 1), key=lambda i: X.args[i].ndim)
        return einsum.node(*(scale.node(c, a) if i == at else a for i, a in enumerate(X.args)), **X.params)
    if X.op is hadamard and any(map(_is_copy, X.args)):
        return hadamard.node(*(_taken(c, a) if a is next(filter(_is_copy, X.args)) else a for a in X.args))
    return scale.node(c, X)


def _keeps_all(X: Node) -> bool:
    """Is it a product of two arrays that sums over nothing?"""
    inputs, _, output = X.params["spec"].partition("->")
    return set(inputs) - {","} <= set(output)


def _is_copy(X: Node) -> bool:
    return X.op is broadcast and X.args[0].ndim > 0
