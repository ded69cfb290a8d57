"""Entries of what runs along axes: softmax and its kin, extrema, norms, cumulative sums."""

from __future__ import annotations

import sympy

from symgrad.core.op import ATOM, CHAIN, POWER, Node
from symgrad.ops.arithmetic import HALF, add
from symgrad.ops.elementwise import exp, log
from symgrad.ops.powers import power
from symgrad.ops.selection import shared_sign
from symgrad.printing.entries import ENTRY_RULES, MINUS_ONE, TWO, Entries, EntryRule, Index, inside
from symgrad.printing.latex import bracket
from symgrad.printing.products import BoundLetters, Product, closed, limited, under


def _exponentials(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    """The sum of exp over the axes; `index` is that of what is left."""
    (x,) = node.args
    full, new = e.opened(x, node.params["axes"], index, scope)
    return e.total(e.joined(exp, [e.closed(x, full, scope | e.letters(new))]), new)


def _logsumexp(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    return e.joined(log, [closed(_exponentials(e, node, index, scope), e.show)])


def _rest(node: Node, index: Index) -> Index:
    return tuple(i for a, i in enumerate(index) if a not in node.params["axes"])


def _along(name: str, expanded: EntryRule) -> EntryRule:
    """softmax_k(x_ijk), where k is a letter of its own; written out elsewhere."""

    def rule(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
        along = [index[a] for a in node.params["axes"] if node.shape[a] != 1]
        own = all(i in e.sizes for i in along) and len(set(along)) == len(along)
        if not own or e.letters(along) & e.letters(_rest(node, index)):
            return expanded(e, node, index, scope)
        x = e.closed(node.args[0], index, scope)
        if not set(along) <= x.told:
            return expanded(e, node, index, scope)
        return e.around(rf"\operatorname{{{name}}}_{{{e.listed(along)}}}{bracket(e.show(x.node, 0))}", ATOM, x)

    return rule


def _softmax(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    above = e.joined(exp, [e.closed(node.args[0], index, scope)])
    return e.over(above, closed(_exponentials(e, node, _rest(node, index), scope), e.show))


def _log_softmax(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    total = _logsumexp(e, node, _rest(node, index), scope)
    return e.joined(add, [e.closed(node.args[0], index, scope), closed(Product(MINUS_ONE).times(total), e.show)])


def _extremum(word: str) -> EntryRule:
    def rule(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
        (x,) = node.args
        full, new = e.opened(x, node.params["axes"], index, scope)
        inner = e.closed(x, full, scope | e.letters(new))
        over = [v for v in new if isinstance(v, sympy.Symbol)]
        below = under(over, list(limited(over, inner.told, e.sizes, e.show)))
        text = rf"\{word}_{{{below}}} {e.show(inner.node, POWER)}"
        return e.around(text, CHAIN, inner, frozenset(over)) if over else Product(factors=(inner,))

    return rule


def _attained(word: str) -> EntryRule:
    extremum = _extremum(word)

    def rule(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
        x, best = e.closed(node.args[0], index, scope), closed(extremum(e, node, _rest(node, index), scope), e.show)
        return e.around(shared_sign(f"{e.show(x.node, 0)} = {e.show(best.node, 0)}"), ATOM, x, best.bound - x.free, best.free)

    return rule


def _norm(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    (x,) = node.args
    full, new = e.opened(x, node.params["axes"], index, scope)
    squares = e.joined(power, [e.closed(x, full, scope | e.letters(new))], exponent=TWO)
    return e.joined(power, [closed(e.total(squares, new), e.show)], exponent=HALF)


def _direction(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    above = e.at(node.args[0], index, scope)
    return e.over(above, closed(_norm(e, node, _rest(node, index), scope | above.over), e.show))


def _cumsum(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    axis, (x,) = node.params["axis"], node.args
    if x.shape[axis] == 1:
        return e.at(x, index, scope)
    (k,) = e.open((x.shape[axis],), scope | e.letters(index))
    inner = e.closed(x, inside(index, axis, k), scope | {k})
    relation = r"\ge" if node.params["backward"] else r"\le"
    text = rf"\sum_{{{k.name} {relation} {e.text(index[axis])}}} {e.show(inner.node, CHAIN)}"
    return e.around(text, CHAIN, inner, frozenset({k}), e.letters(index))


ENTRY_RULES.update(
    {
        "logsumexp": _logsumexp,
        "softmax": _along("softmax", _softmax),
        "log_softmax": _along(r"log\,softmax", _log_softmax),
        "max": _extremum("max"),
        "min": _extremum("min"),
        "prod": _extremum("prod"),
        "highest": _attained("max"),
        "lowest": _attained("min"),
        "norm": _norm,
        "direction": _direction,
        "cumsum": _cumsum,
    }
)
