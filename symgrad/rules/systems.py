"""Inverses, linear systems and determinants."""

from __future__ import annotations

from itertools import pairwise

import sympy

from symgrad.core.op import Node
from symgrad.linear.structure import Chain
from symgrad.ops.arithmetic import multiply, scale
from symgrad.ops.linalg import inv
from symgrad.ops.polynomial import cofactor_quotient, det, prod_quotient
from symgrad.ops.powers import power
from symgrad.ops.product import eye, identity, matmul, transposition
from symgrad.rules.record import CODE, PRINT, Known, flipped, rule
from symgrad.rules.terms import assembled, is_square

REGULAR = "where the matrix is singular"


@rule("(X^-1)^-1 = X", "inv", ends="fewer inverses", limits=REGULAR)
def inverse_of_inverse(node: Node) -> Node | None:
    (x,) = node.args
    return x.args[0] if x.op is inv else None


@rule("(X^T)^-1 = (X^-1)^T", "inv", ends="inverses move towards the leaves")
def inverse_of_transpose(node: Node) -> Node | None:
    (x,) = node.args
    return inv(x.args[0]).T if x.op is transposition else None


@rule("(c X)^-1 = X^-1 / c", "inv", ends="scalars come to the front", limits="where c is zero", since=CODE)
def inverse_of_multiple(node: Node) -> Node | None:
    (x,) = node.args
    return multiply(power(x.args[0], exponent=sympy.S.NegativeOne), inv(x.args[1])) if x.op is scale else None


@rule("A^-1 I = A^-1", "solve", ends="fewer products")
def system_of_identity(node: Node) -> Node | None:
    A, B = node.args
    return inv(A) if B.op is identity else None


@rule("solve(A, B) = A^-1 B", "solve", ends="fewer systems", since=PRINT)
def system_as_product(node: Node) -> Node | None:
    A, B = node.args
    return matmul(inv(A), B)


@rule(
    "cof X = det(X) X^-T, and its derivative along V", "cofactor", ends="fewer cofactors", since=PRINT, facts=True, limits=REGULAR
)
def cofactor_as_inverse(node: Node, known: Known) -> Node | None:
    if len(node.args) > 2:
        return None
    X, *V = node.args
    if V:
        return cofactor_quotient(X, *V)
    return multiply(det(X), inv(X) if known.symmetric(X) else inv(X).T)


@rule(
    "the slope of prod(x) = prod(x) / x, and its derivative along v, where x has no zero",
    "prod_slope",
    ends="fewer slopes",
    since=PRINT,
    facts=True,
)
def slope_as_quotient(node: Node, known: Known) -> Node | None:
    return prod_quotient(*node.args, **node.params) if len(node.args) < 3 and known.nonzero(node.args[0]) else None


@rule("X^-1 X = I = X X^-1", "matmul", "dot", "outer", ends="fewer factors", since=CODE, facts=True, limits=REGULAR)
def product_with_inverse(node: Node, known: Known) -> Node | None:
    chain = known.chain(node)
    for i, (one, other) in enumerate(pairwise(chain)):
        if one[1] == other[1] and (_inverts(one[0], other[0]) or _inverts(other[0], one[0])):
            rest = chain[:i] + chain[i + 2 :]
            return assembled(rest) if rest else eye(node.shape[0])
    return None


def _inverts(x: Node, y: Node) -> bool:
    return x.op is inv and x.args[0] is y


@rule("(A B)^-1 A = B^-1 for square matrices", "matmul", ends="fewer factors", since=PRINT, facts=True, limits=REGULAR)
def factor_beside_inverse(node: Node, known: Known) -> Node | None:
    chain = known.chain(node)
    for i, (x, flip) in enumerate(chain):
        inside = known.chain(x.args[0]) if x.op is inv else ()
        if len(inside) < 2 or not is_square(inside):
            continue
        outside = flipped(inside, known) if flip else inside
        if i and chain[i - 1] == outside[-1]:
            return assembled((*chain[: i - 1], *_inverse(outside[:-1]), *chain[i + 1 :]))
        if i + 1 < len(chain) and chain[i + 1] == outside[0]:
            return assembled((*chain[:i], *_inverse(outside[1:]), *chain[i + 2 :]))
    return None


def _inverse(chain: Chain) -> Chain:
    """The inverse of a chain as one factor, of a single factor with its transpose outside."""
    if len(chain) == 1:
        ((x, flip),) = chain
        return ((x.args[0], flip),) if x.op is inv else ((inv(x), flip),)
    return ((inv(assembled(chain)), False),)
