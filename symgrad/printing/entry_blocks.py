"""Entries of blocks, pieces side by side, reshaped arrays and what labels pick: shifts, indicators, quotients and remainders."""

from __future__ import annotations

import itertools

import sympy

from symgrad.core.op import ATOM, Dim, Node, constant
from symgrad.core.source import symbolic
from symgrad.ops.indexing import exact
from symgrad.ops.selection import select
from symgrad.printing.entries import ENTRY_RULES, Entries, Index, inside
from symgrad.printing.products import BoundLetters, Leaf, Product, closed, piece


def _take(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    kept = iter(index)
    places = (entry[0] + entry[2] * next(kept) if isinstance(entry, tuple) else entry for entry in node.params["index"])
    return e.at(node.args[0], tuple(symbolic(p) for p in places), scope)


def _put(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    marks, inner = Product(), []
    for entry, i, d in zip(node.params["index"], index, node.shape, strict=True):
        if not isinstance(entry, tuple):
            marks = marks.times(e.equal(i, symbolic(entry)))
            continue
        start, count, step = entry
        if step not in (1, -1) or (step == -1 and count != d):
            return e.whole(node, index)
        inner.append(sympy.S.Zero if count == 1 else sympy.expand((i - start) * step))
        if step == 1:
            marks = marks.times(_within(e, i, start, exact(start + count), d))
    return marks.times(e.at(node.args[0], tuple(inner), scope))


def _within(e: Entries, i: sympy.Expr, start: Dim, stop: Dim, d: Dim) -> Product:
    """Does the index lie in a block?"""
    low = e.indicator(i, r"\ge", symbolic(start)) if start != 0 else Product()
    return low.times(e.indicator(i, "<", symbolic(stop))) if stop != d else low


def _reshape(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    (x,) = node.args
    new = [(d, i) for d, i in zip(node.shape, index, strict=True) if d != 1]
    found = _unravelled(e, [d for d in x.shape if d != 1], new)
    if found is None:
        return e.whole(node, index)
    places = iter(found)
    return e.at(x, tuple(next(places) if d != 1 else sympy.S.Zero for d in x.shape), scope)


def _unravelled(e: Entries, old: list[Dim], new: list[tuple[Dim, sympy.Expr]]) -> list[sympy.Expr] | None:
    """Indices of the old shape, run by run of axes that hold as many entries on both sides."""
    if not old or not new:
        return [] if not old and not new else None
    runs = itertools.product(range(1, len(old) + 1), range(1, len(new) + 1))
    for a, b in sorted(runs, key=sum):
        if exact(sympy.Mul(*old[:a]) - sympy.Mul(*(d for d, _ in new[:b]))) == 0:
            rest = _unravelled(e, old[a:], new[b:])
            return None if rest is None else [*_split(e, old[:a], _flat(new[:b])), *rest]
    return None


def _flat(axes: list[tuple[Dim, sympy.Expr]]) -> sympy.Expr:
    found: sympy.Expr = sympy.S.Zero
    for d, i in axes:
        parted = found.args[0] * d if isinstance(found, sympy.floor) else None  # quotient and remainder of one index
        found = parted if parted is not None and i == sympy.Mod(parted, d, evaluate=False) else sympy.expand(found * d + i)
    return found


def _split(e: Entries, dims: list[Dim], flat: sympy.Expr) -> list[sympy.Expr]:
    """A flat index as one index an axis: quotients and remainders."""
    found: list[sympy.Expr] = []
    for d in reversed(dims[1:]):
        flat, last = _divided(e, flat, d)
        found.insert(0, last)
    return [flat, *found]


def _divided(e: Entries, flat: sympy.Expr, d: Dim) -> tuple[sympy.Expr, sympy.Expr]:
    terms = sympy.Add.make_args(flat)
    whole = [t / d for t in terms if (t / d).is_polynomial() and sympy.denom(t / d) == 1]
    rest = sympy.Add(*(t for t in terms if t / d not in whole))
    if rest == 0 or (rest in e.sizes and e.sizes[rest] == d):
        return sympy.Add(*whole), rest
    return sympy.floor(flat / d, evaluate=False), sympy.Mod(flat, d, evaluate=False)


def _joined(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    """Pieces side by side: cases along the axis."""
    axis, starts, start = node.params["axis"], [], sympy.S.Zero
    stacked = node.op.name == "stack"
    for x in node.args:
        starts.append(start)
        start = symbolic(exact(start + (1 if stacked else x.shape[axis])))
    i = index[axis]
    if not i.is_number:
        return _cases(e, node, index, scope, [*starts, start])
    if not all(s.is_number for s in starts):
        return e.whole(node, index)
    which = max(n for n, s in enumerate(starts) if s <= i)
    return e.at(node.args[which], inside(index, axis, None if stacked else i - starts[which]), scope)


def _cases(e: Entries, node: Node, index: Index, scope: BoundLetters, starts: list[sympy.Expr]) -> Product:
    axis, i = node.params["axis"], index[node.params["axis"]]
    stacked = node.op.name == "stack"
    entries = [
        e.closed(x, inside(index, axis, None if stacked else i - s), scope) for x, s in zip(node.args, starts[:-1], strict=True)
    ]
    letter = Leaf(piece(e.text(i), ATOM), e.letters((i,)))
    found = entries.pop()
    for x, s, end in reversed(list(zip(entries, starts, starts[1:], strict=False))):
        e.note(end)
        bound = Leaf(constant(s if stacked else end))
        found = closed(e.joined(select, [letter, bound, x, found], relation="==" if stacked else "<"), e.show)
    return Product(factors=(found,))


# labels -------------------------------------------------------------------------------------------------------------------


def _one_hot(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    return e.indicator(e.place(e.closed(node.args[0], index[:-1], scope)), "=", index[-1])


def _pick(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    (X, y), axis = node.args, node.params["axis"]
    return e.at(X, (*index[:axis], e.place(e.closed(y, index, scope)), *index[axis:]), scope)


def _gather(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    (X, y), axis = node.args, node.params["axis"]
    label = e.place(e.closed(y, index[axis : axis + y.ndim], scope))
    return e.at(X, (*index[:axis], label, *index[axis + y.ndim :]), scope)


def _scatter(e: Entries, node: Node, index: Index, scope: BoundLetters) -> Product:
    (G, y), axis = node.args, node.params["axis"]
    new = e.open(y.shape, scope | e.letters(index))
    inner = scope | e.letters(new)
    mark = e.indicator(e.place(e.closed(y, new, inner)), "=", index[axis])
    return e.total(mark.times(e.at(G, (*index[:axis], *new, *index[axis + 1 :]), inner)), new)


ENTRY_RULES.update(
    {
        "take": _take,
        "put": _put,
        "reshape": _reshape,
        "concatenate": _joined,
        "stack": _joined,
        "one_hot": _one_hot,
        "pick": _pick,
        "gather": _gather,
        "scatter": _scatter,
    }
)
