"""Entries of products, sums and diagonals: sums over letters and Kronecker deltas."""

from __future__ import annotations

from dataclasses import replace

import sympy

from symgrad.op import ATOM, SUM, Node, constant, value_of
from symgrad.ops.arithmetic import HALF
from symgrad.ops.contraction import subscripted
from symgrad.ops.powers import power
from symgrad.ops.selection import RELATIONS, select
from symgrad.printing.entries import RULES, Entries, Index, Rule
from symgrad.printing.products import Leaf, Letters, Product


def _variable(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    below = e.subscript(index, node.shape)
    return e.array(subscripted(node, below, e.show) if below else e.show(node, ATOM), node, index)


def _scale(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    return e.product([(node.args[0], ()), (node.args[1], index)], scope)


def _hadamard(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    return e.product([(x, index) for x in node.args], scope)


def _quotient(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    above = e.at(node.args[0], index, scope)
    return e.over(above, e.closed(node.args[1], index, scope | above.over))


def _power(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    """A square of a root is what stands below it."""
    x, p = e.closed(node.args[0], index, scope), node.params["exponent"]
    if x.node.op is power and p.is_Integer and x.node.params["exponent"] == HALF:
        p, x = p / 2, replace(x, node=x.node.args[0])
    return Product(factors=(x,)) if p == 1 else e.joined(power, [x], exponent=p)


def _select(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    """1[a > b] x where the other branch is zero."""
    (A, B, X, Y), relation = node.args, node.params["relation"]
    for kept, other, held in ((X, Y, relation), (Y, X, RELATIONS[relation][1])):
        if value_of(other) == 0:
            test = [e.closed(A, index, scope), e.closed(B, index, scope), Leaf(constant(1)), Leaf(constant(0))]
            mark = e.joined(select, test, relation=held)
            return mark.times(e.at(kept, index, scope))
    return e.applied(node, index, scope)


def _sum(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    (x,) = node.args
    full, new = e.opened(x, node.params["axes"], index, scope)
    return e.total(e.at(x, full, scope | e.letters(new)), new)


def _broadcast(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    return e.at(node.args[0], tuple(index[a] for a in node.params["axes"]), scope)


def _transpose(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    axes = node.params["axes"]
    return e.at(node.args[0], tuple(index[axes.index(a)] for a in range(node.ndim)), scope)


def _einsum(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    inputs, _, output = node.params["spec"].partition("->")
    return _contracted(e, list(zip(node.args, inputs.split(","), strict=True)), dict(zip(output, index, strict=True)), scope)


def _contracted(e: Entries, parts: list[tuple[Node, str]], known: dict[str, sympy.Expr], scope: Letters) -> Product:
    """Sum over every letter that is not known; an identity makes two of them one."""
    sizes = {c: d for x, letters in parts for c, d in zip(letters, x.shape, strict=True)}
    bound = [c for c in sizes if c not in known]
    same = {c: c for c in sizes}
    for x, letters in parts:
        if x.op.name == "identity" and (gone := next((c for c in reversed(letters) if c in bound), None)):
            (other,) = set(letters) - {gone}
            same = {c: other if s == gone else s for c, s in same.items()}
            bound.remove(gone)
            parts = [p for p in parts if p[0] is not x or p[1] != letters]
    new = e.open(tuple(sizes[c] for c in bound), scope | e.letters(tuple(known.values())))
    places = known | dict(zip(bound, new, strict=True))
    indices = [(x, tuple(places[same[c]] for c in letters)) for x, letters in parts]
    return e.total(e.product(indices, scope | e.letters(new)), new)


def _spelled(*operands: str) -> Rule:
    """A named product as the contraction that it is; b for the second operand is left out where that is a vector."""

    def rule(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
        parts = [(x, letters[: x.ndim]) for x, letters in zip(node.args, operands, strict=True)]
        return _contracted(e, parts, dict(zip("ab", index, strict=False)), scope)

    return rule


def _trace(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    (k,) = e.open(node.args[0].shape[:1], scope)
    return e.total(e.at(node.args[0], (k, k), scope | e.letters((k,))), (k,))


def _diag(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    return e.equal(*index).times(e.at(node.args[0], index[:1], scope))


def _embed(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    inside, _, outside = node.params["spec"].partition("->")
    first = {c: index[outside.index(c)] for c in inside}
    found = Product()
    for c, i in zip(outside, index, strict=True):
        found = found.times(e.equal(first[c], i))
    return found.times(e.at(node.args[0], tuple(first[c] for c in inside), scope))


def _arange(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    text = e.text(index[0])
    return e.leaf(text, SUM if index[0].is_Add else ATOM, index)


def _triangle(relation: str) -> Rule:
    def rule(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
        i, j = index
        return e.indicator(i + node.params["k"], relation, j).times(e.at(node.args[0], index, scope))

    return rule


RULES.update(
    {
        "variable": _variable,
        "scale": _scale,
        "hadamard": _hadamard,
        "divide": _quotient,
        "power": _power,
        "select": _select,
        "sum": _sum,
        "broadcast": _broadcast,
        "transpose": _transpose,
        "einsum": _einsum,
        "matmul": _spelled("ac", "cb"),
        "dot": _spelled("c", "c"),
        "outer": _spelled("a", "b"),
        "identity": lambda e, node, index, scope: e.equal(*index),
        "trace": _trace,
        "diag": _diag,
        "diagonal": lambda e, node, index, scope: e.at(node.args[0], index * 2, scope),
        "embed": _embed,
        "arange": _arange,
        "tril": _triangle(r"\ge"),
        "triu": _triangle(r"\le"),
    }
)
