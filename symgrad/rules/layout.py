"""How transposes are printed: the last pass, over whole chains and whole sums, since a part does not know what it is part of."""

from __future__ import annotations

from typing import cast

import sympy

from symgrad.core.op import Node, constant
from symgrad.linear.structure import Chain
from symgrad.ops.arithmetic import add, scalar_product, scale
from symgrad.ops.powers import power
from symgrad.ops.product import dot, factors, matmul, outer, transposition
from symgrad.rules.record import Known, flipped
from symgrad.rules.terms import Term, assembled, product, term

LEAST = 2
"""Transposes that must be saved: A^T B^T stays, A^T B^T C^T is (C B A)^T."""


def with_fewer_transposes(root: Node, known: Known, done: dict[Node, Node]) -> Node:
    """The same products and sums with fewer transposes: none of what is symmetric, one of a whole for all of its parts.

    `done` holds what was laid out before, by the same knowledge.
    """
    stack: list[Node | None] = [root]
    while stack:
        node = stack.pop()
        if node is None:  # its parts are done
            node = cast(Node, stack.pop())
            done[node] = _chain(node, done, known) if _is_chain(node) else _other(node, done, known)
        elif node not in done:
            stack += (node, None, *([x for x, _ in factors(node)] if _is_chain(node) else node.args))
    return done[root]


def _is_chain(node: Node) -> bool:
    return node.op in (matmul, dot, outer) or (node.op is transposition and node.ndim == 2)


def _chain(node: Node, done: dict[Node, Node], known: Known) -> Node:
    chain = tuple((done[x], flip) for x, flip in known.chain(node))
    if node.op is dot:
        return dot(chain[0][0], assembled(chain[1:]))
    if node.ndim == 2 and _saved(chain, known) >= LEAST:
        return assembled(flipped(chain, known)).T
    return assembled(_repeated(chain))


def _saved(chain: Chain, known: Known) -> int:
    """The transposes that transposing the whole saves, if none stays inside."""
    turned = sum(flip for _, flip in chain)
    return turned - 1 if all(flip or known.symmetric(x) for x, flip in chain) else 0


def _repeated(chain: Chain) -> Chain:
    """X^T X^T as (X X)^T, printed (X^2)^T."""
    result: list[tuple[Node, bool]] = []
    i = 0
    while i < len(chain):
        end = next((k for k in range(len(chain), i, -1) if len(set(chain[i:k])) == 1), i + 1)
        x, flip = chain[i]
        together = end - i > 1 and flip and x.ndim == 2
        result += [(assembled(((x, False),) * (end - i)), True)] if together else chain[i:end]
        i = end
    return tuple(result)


def _other(node: Node, done: dict[Node, Node], known: Known) -> Node:
    rebuilt = node.op.rebuild(node, (done[a] for a in node.args))
    if rebuilt.op is scale:
        return _multiple(rebuilt)
    return rebuilt if rebuilt.op is not add or rebuilt.ndim != 2 else _sum(rebuilt, known)


def _multiple(node: Node) -> Node:
    """x x = x^2 for scalars; last of all, so that factors of a sum were counted one by one."""
    number, scalars, arrays = scalar_product(node)
    exponents: dict[Node, sympy.Expr] = {}
    for x in scalars:
        base, p = (x.args[0], x.params["exponent"]) if x.op is power else (x, sympy.S.One)
        exponents[base] = exponents.get(base, sympy.S.Zero) + p
    if len(exponents) == len(scalars):
        return node
    return product([constant(number), *(power(x, exponent=p) if p != 1 else x for x, p in exponents.items()), *arrays])


def _sum(node: Node, known: Known) -> Node:
    """X^T + Y^T = (X + Y)^T where every term is a transpose."""
    terms = [term(t, known) for t in node.args]
    turned = [sum(flip for _, flip in t.chain) for t in terms]
    if not all(turned) or sum(turned) <= LEAST or any(not (flip or known.symmetric(x)) for t in terms for x, flip in t.chain):
        return node
    return add(*(Term(t.number, t.scalars, flipped(t.chain, known)).node() for t in terms)).T
