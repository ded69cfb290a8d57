"""Equations with arrays of three or more axes, entry by entry: Z_ijk = sum over l of X_ijl W_lk."""

from __future__ import annotations

from symgrad.core.graph import postorder, variables
from symgrad.core.op import CONSTANT, VARIABLE, Node
from symgrad.printing.entries import Entries, has_rule
from symgrad.printing.latex import Show
from symgrad.printing.products import closed

_DEEPEST = 60
"""Operations within one another above which no form can be read, and the expression stays as it is."""


def sides(symbol: Node, expr: Node, show: Show) -> tuple[str, str]:
    """Both sides of an equation in print: by index where an array has more than two axes."""
    if not is_indexed(expr):
        return show.text(symbol), show.text(expr)
    left, right, _ = _entries((symbol, expr), show)
    return left, right


def whole_text(expr: Node, show: Show) -> str:
    """An expression that stands alone: the entries of an array in square brackets."""
    if not is_indexed(expr):
        return show.text(expr)
    text, below = _entries((expr,), show)
    return rf"\left[ {text} \right]_{{{below}}}" if below else text


def map_by_entries(left: str, expr: Node, show: Show) -> tuple[str, str]:
    """The value of a map as an equation of entries, where it is written by index: (D: V)_ij = ..., for the left side D: V."""
    text, below = _entries((expr,), show)
    return (rf"\left( {left} \right)_{{{below}}}" if below else left), text


def is_indexed(expr: Node) -> bool:
    """By index, unless it is one operation without an index form on names alone: that says it without."""
    if all(node.ndim < 3 for node in postorder([expr])) or _depth(expr) > _DEEPEST:
        return False
    return has_rule(expr) or any(a.op not in (VARIABLE, CONSTANT) for a in expr.args)


def _entries(nodes: tuple[Node, ...], show: Show) -> tuple[str, ...]:
    """The entries of these arrays of one shape, and their indices; no letter is a name's or a dimension's."""
    avoid = show.notation.taken | {str(v) for v in variables(*nodes)}
    while True:
        e = Entries(nodes, show, avoid)
        index = e.open(nodes[0].shape, frozenset())
        texts = [show(closed(e.at(x, index, e.letters(index)), show).node, 0) for x in nodes]
        below = e.subscript(index, nodes[0].shape)
        if not (clash := e.dims & e.given):
            return (*texts, below)
        avoid |= clash


def _depth(root: Node) -> int:
    depths: dict[Node, int] = {}
    for node in postorder([root]):
        depths[node] = 1 + max((depths[a] for a in node.args), default=0)
    return depths[root]
