"""The entry of an expression at given indices, operation by operation: sums over letters, shifts, Kronecker deltas.

Indices count from 0, as in the code.  An axis of size one has no letter.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import sympy

from symgrad.graph import postorder
from symgrad.op import ATOM, CHAIN, CONSTANT, POWER, SUM, VARIABLE, Dim, Node, Shape, constant, value_of
from symgrad.ops.arithmetic import HALF, add
from symgrad.ops.contraction import subscripted
from symgrad.ops.elementwise import exp, log
from symgrad.ops.indexing import exact
from symgrad.ops.powers import power
from symgrad.ops.selection import RELATIONS, select
from symgrad.printing.latex import Show, bracket
from symgrad.printing.products import NONE, Leaf, Letter, Letters, Product, closed, limited, piece, summed, under
from symgrad.source import symbolic

Index: TypeAlias = tuple[sympy.Expr, ...]
Rule: TypeAlias = Callable[["Entries", Node, Index, Letters], Product]

ALPHABET = "ijklmpqrstuvwabcdegh"
TWO, MINUS_ONE = sympy.Integer(2), sympy.S.NegativeOne

ENTRYWISE = frozenset({"add", "apply", "stop_gradient"})
"""Operations that act entry by entry, besides those with a scalar body."""

CHAINS = frozenset({"matmul", "dot", "outer", "transpose", "trace"})
"""Products that stay in matrix notation beside a factor that has no other: K^-1 y."""

SCALARS = frozenset({"scale", "take", "sum", "einsum"})
"""Scalars that are written by index even where matrix notation has a form: its letters are those in use here."""


def is_entrywise(node: Node) -> bool:
    return node.op.scalar is not None or node.op.name in ENTRYWISE


def has_rule(node: Node) -> bool:
    return is_entrywise(node) or node.op.name in RULES or node.op in (VARIABLE, CONSTANT)


class Entries:
    """Prints entries of expressions; every letter that is bound is new where it is bound.

    `given` are the letters in use, `sizes` how far each runs where it was bound last, `dims` the names of dimensions in print.
    """

    def __init__(self, roots: Iterable[Node], show: Show, avoid: frozenset[str]) -> None:
        self.show, self.avoid = show, avoid
        self.high = high_nodes(roots)
        self.given: set[str] = set()
        self.dims: set[str] = set()
        self.sizes: dict[Letter, Dim] = {}
        self.places: dict[sympy.Symbol, Letters] = {}
        self.done: dict[Any, Product] = {}

    def at(self, node: Node, index: Index, scope: Letters) -> Product:
        key = (node, index, scope)
        if key not in self.done:
            self.done[key] = self._at(node, index, scope)
        return self.done[key]

    def _at(self, node: Node, index: Index, scope: Letters) -> Product:
        value = value_of(node)
        if value is not None:
            self.note(value)
            return Product(value)
        if self._stands(node):
            return self.whole(node, index)
        if is_entrywise(node) and node.op.name not in RULES:
            return self.applied(node, index, scope)
        return RULES.get(node.op.name, _whole)(self, node, index, scope)

    def _stands(self, node: Node) -> bool:
        """Is it written as it is written elsewhere: scalars of matrices, norms, products with an inverse?"""
        if node.ndim == 0:
            return _is_norm(node) or (node not in self.high and node.op.name not in SCALARS)
        return node.op.name in CHAINS and node not in self.high and not all(has_rule(x) for x in postorder([node]))

    # parts of formulas ----------------------------------------------------------------------------------------------------

    def whole(self, node: Node, index: Index) -> Product:
        """The expression in brackets, its indices outside."""
        if not node.ndim:
            return Product(factors=(Leaf(node),))
        below = self.subscript(index, node.shape)
        text = rf"\left[ {self.show(node, 0)} \right]"
        return self.array(f"{text}_{{{below}}}" if below else text, node, index)

    def array(self, text: str, node: Node, index: Index) -> Product:
        told = (i for i, d in zip(index, node.shape, strict=True) if self.sizes.get(i) == d)
        return Product(factors=(Leaf(piece(text, ATOM), self.letters(index), told=frozenset(told)),))

    def leaf(self, text: str, precedence: int, index: Sequence[sympy.Expr]) -> Product:
        return Product(factors=(Leaf(piece(text, precedence), self.letters(index)),))

    def around(self, text: str, precedence: int, inner: Leaf, bound: Letters = NONE, free: Letters = NONE) -> Product:
        """A printed function of a scalar."""
        free = (inner.free | free) - bound
        return Product(factors=(Leaf(piece(text, precedence), free, inner.bound | bound, inner.told),))

    def applied(self, node: Node, index: Index, scope: Letters) -> Product:
        """An entrywise operation, printed by its own record on scalars."""
        return self.joined(node.op, [self.closed(x, index, scope) for x in node.args], **node.params)

    def joined(self, op: Any, operands: Sequence[Leaf], **static: Any) -> Product:
        letters = (NONE.union(*(getattr(x, which) for x in operands)) for which in ("free", "bound", "told"))
        return Product(factors=(Leaf(op.node(*(x.node for x in operands), **static), *letters),))

    def closed(self, node: Node, index: Index, scope: Letters) -> Leaf:
        return closed(self.at(node, index, scope), self.show)

    def product(self, parts: Sequence[tuple[Node, Index]], scope: Letters) -> Product:
        found = Product()
        for node, index in parts:
            found = found.times(self.at(node, index, scope | found.over))
        return found

    def over(self, above: Product, below: Leaf) -> Product:
        value = value_of(below.node)
        return above.times(Product(1 / value) if value is not None else self.joined(power, [below], exponent=MINUS_ONE))

    def total(self, product: Product, letters: Sequence[sympy.Expr]) -> Product:
        """The sum over those of the indices that are letters."""
        new = [v for v in letters if isinstance(v, sympy.Symbol)]
        found = summed(product, {v: self.sizes[v] for v in new}, self.show)
        self.note(found.number)
        for v in set(new) - product.told:
            self.note(symbolic(self.sizes[v]))
        return found

    # letters --------------------------------------------------------------------------------------------------------------

    def open(self, shape: Shape, scope: Letters) -> Index:
        """New letters for axes of these sizes."""
        fresh = (v for v in self._alphabet() if v not in scope)
        return tuple(self._given(next(fresh), d) if d != 1 else sympy.S.Zero for d in shape)

    def _alphabet(self) -> Iterator[Letter]:
        for prime in itertools.count():
            names = (c + "'" * prime for c in ALPHABET)
            yield from (sympy.Symbol(c, integer=True, nonnegative=True) for c in names if c not in self.avoid)

    def _given(self, letter: Letter, size: Dim) -> Letter:
        self.given.add(letter.name)
        self.sizes[letter] = size
        return letter

    def opened(self, x: Node, axes: Sequence[int], index: Index, scope: Letters) -> tuple[Index, Index]:
        """The indices of x where `axes` are gone from `index`, and the new letters among them."""
        fresh = iter(new := self.open(tuple(x.shape[a] for a in axes), scope | self.letters(index)))
        kept = iter(index)
        return tuple(next(fresh if a in axes else kept) for a in range(x.ndim)), new

    def letters(self, index: Sequence[sympy.Expr]) -> Letters:
        symbols = NONE.union(*(symbolic(e).free_symbols for e in index))
        return NONE.union(*(self.places.get(s, {s} if s in self.sizes else NONE) for s in symbols))

    def place(self, leaf: Leaf) -> sympy.Symbol:
        """The value of a scalar as an index."""
        symbol = sympy.Symbol(self.show(leaf.node, 0), integer=True)
        self.places[symbol] = leaf.free
        return symbol

    def note(self, number: sympy.Expr) -> None:
        self.dims |= {s.name for s in symbolic(number).free_symbols if s not in self.sizes and s not in self.places}

    def subscript(self, index: Index, shape: Shape) -> str:
        return self.listed([e for e, d in zip(index, shape, strict=True) if d != 1])

    def listed(self, index: Sequence[sympy.Expr]) -> str:
        parts = [self.text(e) for e in index]
        return ("" if all(len(p) == 1 and p.isalpha() for p in parts) else ",").join(parts)

    def text(self, e: sympy.Expr) -> str:
        """An index: a letter, a shift i+1, a part of a flat index."""
        self.note(e)
        if isinstance(e, sympy.floor):
            above, below = e.args[0].as_numer_denom()
            return rf"\lfloor {self._operand(above)} / {self.text(below)} \rfloor"
        if isinstance(e, sympy.Mod):
            return rf"{self._operand(e.args[0])} \bmod {self.text(e.args[1])}"
        terms = [e.name if isinstance(e, sympy.Symbol) else sympy.latex(e) for e in sympy.Add.make_args(e)]
        terms = [t for _, t in sorted(zip(map(_rank, sympy.Add.make_args(e)), terms, strict=True))]
        return re.sub(r"(?<=\d) (?=[a-z])", "", re.sub(r"\+- ?", "-", "+".join(terms)))

    def _operand(self, e: sympy.Expr) -> str:
        return f"({self.text(e)})" if e.is_Add else self.text(e)

    def indicator(self, left: sympy.Expr, relation: str, right: sympy.Expr) -> Product:
        return self.leaf(rf"\mathbf{{1}}[{self.text(left)} {relation} {self.text(right)}]", ATOM, (left, right))

    def equal(self, i: sympy.Expr, j: sympy.Expr) -> Product:
        """1 where two indices agree."""
        if (i - j).is_number:
            return Product(sympy.Integer(i == j))
        return self.leaf(rf"\delta_{{{self.listed([i, j])}}}", ATOM, (i, j))


def _rank(term: sympy.Expr) -> tuple[bool, bool, str]:
    """Positive terms before negative ones, letters before numbers."""
    return (term.could_extract_minus_sign(), term.is_number, str(term))


def high_nodes(roots: Iterable[Node]) -> set[Node]:
    """What holds an array of more than two axes."""
    found: set[Node] = set()
    for node in postorder(roots):
        if node.ndim > 2 or any(a in found for a in node.args):
            found.add(node)
    return found


def _is_norm(node: Node) -> bool:
    """A norm or its square, of an array that is made entry by entry."""
    x = node.args[0] if node.args else node
    squares = node.op.name == "sum" and x.op.name == "power" and x.params["exponent"] == 2
    if not (squares or node.op.name == "norm"):
        return False
    kept = (is_entrywise(y) or y.op is VARIABLE or y.op.name in ("scale", "hadamard") for y in postorder([x]) if y.ndim)
    return all(kept)


# the rules ------------------------------------------------------------------------------------------------------------------


def _whole(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    return e.whole(node, index)


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


# blocks, pieces, shapes -----------------------------------------------------------------------------------------------------


def _take(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    kept = iter(index)
    places = (entry[0] + entry[2] * next(kept) if isinstance(entry, tuple) else entry for entry in node.params["index"])
    return e.at(node.args[0], tuple(symbolic(p) for p in places), scope)


def _put(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    marks, inner = Product(), []
    for entry, i, d in zip(node.params["index"], index, node.shape, strict=True):
        if not isinstance(entry, tuple):
            marks = marks.times(e.equal(i, symbolic(entry)))
            continue
        start, count, step = entry
        if step not in (1, -1) or (step == -1 and count != d):
            return e.whole(node, index)
        inner.append(sympy.expand((i - start) * step))
        if step == 1:
            marks = marks.times(_within(e, i, start, exact(start + count), d))
    return marks.times(e.at(node.args[0], tuple(inner), scope))


def _within(e: Entries, i: sympy.Expr, start: Dim, stop: Dim, d: Dim) -> Product:
    """Does the index lie in a block?"""
    low = e.indicator(i, r"\ge", symbolic(start)) if start != 0 else Product()
    return low.times(e.indicator(i, "<", symbolic(stop))) if stop != d else low


def _reshape(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
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
        found = sympy.expand(found * d + i)
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


def _joined(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
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
    return e.at(node.args[which], _inside(index, axis, None if stacked else i - starts[which]), scope)


def _cases(e: Entries, node: Node, index: Index, scope: Letters, starts: list[sympy.Expr]) -> Product:
    axis, i = node.params["axis"], index[node.params["axis"]]
    stacked = node.op.name == "stack"
    entries = [
        e.closed(x, _inside(index, axis, None if stacked else i - s), scope) for x, s in zip(node.args, starts[:-1], strict=True)
    ]
    letter = Leaf(piece(e.text(i), ATOM), e.letters((i,)))
    found = entries.pop()
    for x, s, end in reversed(list(zip(entries, starts, starts[1:], strict=False))):
        e.note(end)
        bound = Leaf(constant(s if stacked else end))
        found = closed(e.joined(select, [letter, bound, x, found], relation="==" if stacked else "<"), e.show)
    return Product(factors=(found,))


def _inside(index: Index, axis: int, place: sympy.Expr | None) -> Index:
    return (*index[:axis], *([] if place is None else [place]), *index[axis + 1 :])


# along axes -----------------------------------------------------------------------------------------------------------------


def _exponentials(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    """The sum of exp over the axes; `index` is that of what is left."""
    (x,) = node.args
    full, new = e.opened(x, node.params["axes"], index, scope)
    return e.total(e.joined(exp, [e.closed(x, full, scope | e.letters(new))]), new)


def _logsumexp(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    return e.joined(log, [closed(_exponentials(e, node, index, scope), e.show)])


def _rest(node: Node, index: Index) -> Index:
    return tuple(i for a, i in enumerate(index) if a not in node.params["axes"])


def _along(name: str, expanded: Rule) -> Rule:
    """softmax_k(x_ijk), where k is a letter of its own; written out elsewhere."""

    def rule(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
        along = [index[a] for a in node.params["axes"] if node.shape[a] != 1]
        own = all(i in e.sizes for i in along) and len(set(along)) == len(along)
        if not own or e.letters(along) & e.letters(_rest(node, index)):
            return expanded(e, node, index, scope)
        x = e.closed(node.args[0], index, scope)
        if not set(along) <= x.told:
            return expanded(e, node, index, scope)
        return e.around(rf"\operatorname{{{name}}}_{{{e.listed(along)}}}{bracket(e.show(x.node, 0))}", ATOM, x)

    return rule


def _softmax(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    above = e.joined(exp, [e.closed(node.args[0], index, scope)])
    return e.over(above, closed(_exponentials(e, node, _rest(node, index), scope), e.show))


def _log_softmax(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    total = _logsumexp(e, node, _rest(node, index), scope)
    return e.joined(add, [e.closed(node.args[0], index, scope), closed(Product(MINUS_ONE).times(total), e.show)])


def _extremum(word: str) -> Rule:
    def rule(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
        (x,) = node.args
        full, new = e.opened(x, node.params["axes"], index, scope)
        inner = e.closed(x, full, scope | e.letters(new))
        over = [v for v in new if isinstance(v, sympy.Symbol)]
        below = under(over, list(limited(over, inner.told, e.sizes, e.show)))
        text = rf"\{word}_{{{below}}} {e.show(inner.node, POWER)}"
        return e.around(text, CHAIN, inner, frozenset(over)) if over else Product(factors=(inner,))

    return rule


def _attained(word: str) -> Rule:
    extremum = _extremum(word)

    def rule(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
        x, best = e.closed(node.args[0], index, scope), closed(extremum(e, node, _rest(node, index), scope), e.show)
        return e.around(rf"\mathbf{{1}}[{e.show(x.node, 0)} = {e.show(best.node, 0)}]", ATOM, x, best.bound - x.free, best.free)

    return rule


def _norm(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    (x,) = node.args
    full, new = e.opened(x, node.params["axes"], index, scope)
    squares = e.joined(power, [e.closed(x, full, scope | e.letters(new))], exponent=TWO)
    return e.joined(power, [closed(e.total(squares, new), e.show)], exponent=HALF)


def _direction(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    above = e.at(node.args[0], index, scope)
    return e.over(above, closed(_norm(e, node, _rest(node, index), scope | above.over), e.show))


def _cumsum(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    axis, (x,) = node.params["axis"], node.args
    if x.shape[axis] == 1:
        return e.at(x, index, scope)
    (k,) = e.open((x.shape[axis],), scope | e.letters(index))
    inner = e.closed(x, _inside(index, axis, k), scope | {k})
    relation = r"\ge" if node.params["backward"] else r"\le"
    text = rf"\sum_{{{k.name} {relation} {e.text(index[axis])}}} {e.show(inner.node, CHAIN)}"
    return e.around(text, CHAIN, inner, frozenset({k}), e.letters(index))


# labels ---------------------------------------------------------------------------------------------------------------------


def _one_hot(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    return e.indicator(e.place(e.closed(node.args[0], index[:-1], scope)), "=", index[-1])


def _pick(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    (X, y), axis = node.args, node.params["axis"]
    return e.at(X, (*index[:axis], e.place(e.closed(y, index, scope)), *index[axis:]), scope)


def _gather(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    (X, y), axis = node.args, node.params["axis"]
    label = e.place(e.closed(y, index[axis : axis + y.ndim], scope))
    return e.at(X, (*index[:axis], label, *index[axis + y.ndim :]), scope)


def _scatter(e: Entries, node: Node, index: Index, scope: Letters) -> Product:
    (G, y), axis = node.args, node.params["axis"]
    new = e.open(y.shape, scope | e.letters(index))
    inner = scope | e.letters(new)
    mark = e.indicator(e.place(e.closed(y, new, inner)), "=", index[axis])
    return e.total(mark.times(e.at(G, (*index[:axis], *new, *index[axis + 1 :]), inner)), new)


RULES: dict[str, Rule] = {
    "variable": _variable,
    "scale": _scale,
    "hadamard": _hadamard,
    "divide": _quotient,
    "ratio": _quotient,
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
    "take": _take,
    "put": _put,
    "reshape": _reshape,
    "concatenate": _joined,
    "stack": _joined,
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
    "one_hot": _one_hot,
    "pick": _pick,
    "gather": _gather,
    "scatter": _scatter,
}
"""How an entry is written, by the name of the operation; entrywise operations need no row."""
