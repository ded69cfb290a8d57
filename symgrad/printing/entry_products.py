"""Entries of products, sums and diagonals: sums over letters and Kronecker deltas."""

from __future__ import annotations

from dataclasses import replace

from symgrad.core.op import ATOM, SUM, Node, constant, value_of
from symgrad.ops.arithmetic import HALF
from symgrad.ops.contraction import subscripted
from symgrad.ops.powers import power
from symgrad.ops.selection import RELATIONS, select
from symgrad.printing.entries import ENTRY_RULES, Entries, EntryRule, Index
from symgrad.printing.products import BoundLetters, Leaf, Product


def _variable(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    below = e.subscript(index, node.shape)
    return e.array(subscripted(node, below, e.show) if below else e.show(node, ATOM), node, index)


def _quotient(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    above = e.at(node.args[0], index, scope)
    return e.over(above, e.closed(node.args[1], index, scope | above.over))


def _power(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    """A square of a root is what stands below it."""
    x, p = e.closed(node.args[0], index, scope), node.params["exponent"]
    if x.node.op is power and p.is_Integer and x.node.params["exponent"] == HALF:
        p, x = p / 2, replace(x, node=x.node.args[0])
    return Product(factors=(x,)) if p == 1 else e.joined(power, [x], exponent=p)


def _select(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    """1[a > b] x where the other branch is zero."""
    (A, B, X, Y), relation = node.args, node.params["relation"]
    for kept, other, held in ((X, Y, relation), (Y, X, RELATIONS[relation][1])):
        if value_of(other) == 0:
            test = [e.closed(A, index, scope), e.closed(B, index, scope), Leaf(constant(1)), Leaf(constant(0))]
            mark = e.joined(select, test, relation=held)
            return mark.times(e.at(kept, index, scope))
    return e.applied(node, index, scope)


def _arange(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    text = e.text(index[0])
    return e.leaf(text, SUM if index[0].is_Add else ATOM, index)


def _triangle(relation: str) -> EntryRule:
    def rule(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
        i, j = index
        return e.indicator(i + node.params["k"], relation, j).times(e.at(node.args[0], index, scope))

    return rule


ENTRY_RULES.update(
    {
        "variable": _variable,
        "divide": _quotient,
        "power": _power,
        "select": _select,
        "identity": lambda e, node, index, scope: e.equal(*index),
        "arange": _arange,
        "tril": _triangle(r"\ge"),
        "triu": _triangle(r"\le"),
    }
)
