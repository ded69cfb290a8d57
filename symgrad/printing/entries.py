"""The entry of an expression at given indices, operation by operation: sums over letters, shifts, Kronecker deltas.

Indices count from 0, as in the code.  An axis of size one has no letter.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, TypeAlias

import sympy

from symgrad.core.graph import postorder
from symgrad.core.op import ATOM, CHAIN, CONSTANT, POWER, SUM, VARIABLE, Dim, Node, Op, Shape, constant, value_of
from symgrad.core.signature import Signature
from symgrad.core.source import symbolic
from symgrad.ops.arithmetic import HALF
from symgrad.ops.contraction import subscripted
from symgrad.ops.powers import power
from symgrad.printing.identifiers import DELTA
from symgrad.printing.latex import Show, bracket
from symgrad.printing.products import NONE, BoundLetters, Leaf, Letter, Product, closed, limited, piece, summed, under
from symgrad.printing.unravelling import unravelled

_Index: TypeAlias = tuple[sympy.Expr, ...]

ALPHABET = "ijklmpqrstuvwabcdegh"
MINUS_ONE = sympy.S.NegativeOne

_ENTRYWISE = frozenset({"add", "apply", "stop_gradient"})
"""Operations that act entry by entry, besides those with a scalar body."""

CHAINS = frozenset({"matmul", "dot", "outer", "transpose", "trace"})
"""Products that stay in matrix notation beside a factor that has no other: K^-1 y."""

SCALARS = frozenset({"scale", "take", "sum", "einsum"})
"""Scalars that are written by index even where matrix notation has a form: its letters are those in use here."""


def _is_entrywise(node: Node) -> bool:
    return node.op.scalar is not None or node.op.name in _ENTRYWISE


def has_rule(node: Node) -> bool:
    return _is_entrywise(node) or node.op.entry is not None or node.op in (VARIABLE, CONSTANT) or node.op.axes(node).is_contraction


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
        self.places: dict[sympy.Symbol, BoundLetters] = {}
        self.done: dict[Any, Product] = {}

    def at(self, node: Node, index: _Index, scope: BoundLetters) -> Product:
        key = (node, index, scope, frozenset((v, self.sizes[v]) for v in self.letters(index)))
        if key not in self.done:
            self.done[key] = self._at(node, index, scope)
        return self.done[key]

    def _at(self, node: Node, index: _Index, scope: BoundLetters) -> Product:
        value = value_of(node)
        if value is not None:
            self.note(value)
            return Product(value)
        if self._stands(node):
            return self.whole(node, index)
        if node.op is VARIABLE:
            return self.named(node, index)
        if node.op.entry is not None:
            found: Product = node.op.entry(node, index, Within(self, scope))
            return found
        if _is_entrywise(node):
            return self.applied(node, index, scope)
        signature = node.op.axes(node)
        return self.contracted(node, signature, index, scope) if signature.is_contraction else self.whole(node, index)

    def _stands(self, node: Node) -> bool:
        """Is it written as it is written elsewhere: scalars of matrices, norms, products with an inverse?"""
        if node.ndim == 0:
            return _is_norm(node) or (node not in self.high and node.op.name not in SCALARS)
        return node.op.name in CHAINS and node not in self.high and not all(has_rule(x) for x in postorder([node]))

    # parts of formulas ----------------------------------------------------------------------------------------------------

    def whole(self, node: Node, index: _Index) -> Product:
        """The expression in brackets, its indices outside."""
        if not node.ndim:
            return Product(factors=(Leaf(node),))
        below = self.subscript(index, node.shape)
        text = rf"\left[ {self.show(node, 0)} \right]"
        return self.array(f"{text}_{{{below}}}" if below else text, node, index)

    def named(self, node: Node, index: _Index) -> Product:
        below = self.subscript(index, node.shape)
        return self.array(subscripted(node, below, self.show) if below else self.show(node, ATOM), node, index)

    def array(self, text: str, node: Node, index: _Index) -> Product:
        told = (i for i, d in zip(index, node.shape, strict=True) if self.sizes.get(i) == d)
        return Product(factors=(Leaf(piece(text, ATOM), self.letters(index), told=frozenset(told)),))

    def leaf(self, text: str, precedence: int, index: Sequence[sympy.Expr]) -> Product:
        return Product(factors=(Leaf(piece(text, precedence), self.letters(index)),))

    def applied(self, node: Node, index: _Index, scope: BoundLetters) -> Product:
        """An entrywise operation, printed by its own record on scalars."""
        return self.joined(node.op, [self.closed(x, index, scope) for x in node.args], **node.params)

    def joined(self, op: Any, operands: Sequence[Leaf], **static: Any) -> Product:
        letters = (NONE.union(*(getattr(x, which) for x in operands)) for which in ("free", "bound", "told"))
        return Product(factors=(Leaf(op.node(*(x.node for x in operands), **static), *letters),))

    def closed(self, node: Node, index: _Index, scope: BoundLetters) -> Leaf:
        return closed(self.at(node, index, scope), self.show)

    def product(self, parts: Sequence[tuple[Node, _Index]], scope: BoundLetters) -> Product:
        found = Product()
        for node, index in parts:
            found = found.times(self.at(node, index, scope | found.over))
        return found

    def contracted(self, node: Node, signature: Signature, index: _Index, scope: BoundLetters) -> Product:
        """A sum of products over every letter that the result lacks; a letter that it has twice asks its indices to agree."""
        known: dict[str, sympy.Expr] = {}
        marks = Product()
        for c, i in zip(signature.result, index, strict=True):
            marks = marks.times(self.equal(known.setdefault(c, i), i))
        return marks.times(self._summed(list(zip(node.args, signature.reads, strict=True)), known, scope))

    def _summed(self, parts: list[tuple[Node, str]], known: dict[str, sympy.Expr], scope: BoundLetters) -> Product:
        """An identity makes two letters one."""
        sizes = {c: d for x, letters in parts for c, d in zip(letters, x.shape, strict=True)}
        bound = [c for c in sizes if c not in known]
        same = {c: c for c in sizes}
        for x, letters in parts:
            if x.op.name == "identity" and (gone := next((c for c in reversed(letters) if c in bound), None)):
                (other,) = set(letters) - {gone}
                same = {c: other if s == gone else s for c, s in same.items()}
                bound.remove(gone)
                parts = [p for p in parts if p[0] is not x or p[1] != letters]
        new = self.open(tuple(sizes[c] for c in bound), scope | self.letters(tuple(known.values())))
        places = known | dict(zip(bound, new, strict=True))
        indices = [(x, tuple(places[same[c]] for c in letters)) for x, letters in parts]
        return self.total(self.product(indices, scope | self.letters(new)), new)

    def total(self, product: Product, letters: Sequence[sympy.Expr]) -> Product:
        """The sum over those of the indices that are letters."""
        new = [v for v in letters if isinstance(v, sympy.Symbol)]
        found = summed(product, {v: self.sizes[v] for v in new}, self.show)
        self.note(found.number)
        for v in set(new) - product.told:
            self.note(symbolic(self.sizes[v]))
        return found

    # letters --------------------------------------------------------------------------------------------------------------

    def open(self, shape: Shape, scope: BoundLetters) -> _Index:
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

    def letters(self, index: Sequence[sympy.Expr]) -> BoundLetters:
        symbols = NONE.union(*(symbolic(e).free_symbols for e in index))
        return NONE.union(*(self.places.get(s, {s} if s in self.sizes else NONE) for s in symbols))

    def place(self, leaf: Leaf) -> sympy.Symbol:
        """The value of a scalar as an index."""
        symbol = sympy.Symbol(self.show(leaf.node, 0), integer=True)
        self.places[symbol] = leaf.free
        return symbol

    def note(self, number: sympy.Expr) -> None:
        self.dims |= {s.name for s in symbolic(number).free_symbols if s not in self.sizes and s not in self.places}

    def subscript(self, index: _Index, shape: Shape) -> str:
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
        terms = [self._term(t) for t in sympy.Add.make_args(e)]
        terms = [t for _, t in sorted(zip(map(_rank, sympy.Add.make_args(e)), terms, strict=True))]
        return re.sub(r"(?<=\d) (?=[a-z])", "", re.sub(r"\+- ?", "-", "+".join(terms)))

    def _term(self, e: sympy.Expr) -> str:
        if isinstance(e, sympy.Symbol):
            return str(e.name)
        number, rest = e.as_coeff_Mul()
        if not isinstance(rest, sympy.floor | sympy.Mod):
            return str(sympy.latex(e))
        part = f"({self.text(rest)})" if isinstance(rest, sympy.Mod) else self.text(rest)
        return {1: "", -1: "-"}.get(number, sympy.latex(number)) + part

    def _operand(self, e: sympy.Expr) -> str:
        return f"({self.text(e)})" if e.is_Add else self.text(e)

    def indicator(self, left: sympy.Expr, relation: str, right: sympy.Expr) -> Product:
        return self.leaf(rf"\mathbf{{1}}[{self.text(left)} {relation} {self.text(right)}]", ATOM, (left, right))

    def equal(self, i: sympy.Expr, j: sympy.Expr) -> Product:
        """1 where two indices agree."""
        if (i - j).is_number:
            return Product(sympy.Integer(i == j))
        return self.leaf(rf"{self.show.notation.letter(DELTA)}_{{{self.listed([i, j])}}}", ATOM, (i, j))


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
    kept = (_is_entrywise(y) or y.op is VARIABLE or y.op.name in ("scale", "hadamard") for y in postorder([x]) if y.ndim)
    return all(kept)


@dataclass(frozen=True)
class Within:
    """What a record writes entries of its operation with: products, of which it need know no more; `scope` are letters in use."""

    entries: Entries
    scope: BoundLetters

    # entries of operands, and what is made of them

    def at(self, x: Node, index: Sequence[Dim]) -> Product:
        return self.entries.at(x, tuple(map(symbolic, index)), self.scope)

    def of(self, op: Op, *operands: Product | int, **static: Any) -> Product:
        """An entrywise operation on entries and numbers, printed by its own record."""
        return self.entries.joined(op, [self._closed(x) for x in operands], **static)

    def applied(self, node: Node, index: _Index) -> Product:
        """The same of the operands of a node."""
        return self.entries.applied(node, index, self.scope)

    def whole(self, node: Node, index: _Index) -> Product:
        """The array in brackets, its indices outside: what has no form by index."""
        return self.entries.whole(node, index)

    def product(self, *factors: Product | int) -> Product:
        return reduce(Product.times, (x if isinstance(x, Product) else Product(sympy.Integer(x)) for x in factors), Product())

    def power(self, x: Product, exponent: sympy.Expr) -> Product:
        """A square of a root is what stands below it."""
        base = self._closed(x)
        if base.node.op is power and exponent.is_Integer and base.node.params["exponent"] == HALF:
            exponent, base = exponent / 2, replace(base, node=base.node.args[0])
        return Product(factors=(base,)) if exponent == 1 else self.entries.joined(power, [base], exponent=exponent)

    def over(self, above: Product, below: Product) -> Product:
        leaf = self._closed(below)
        value = value_of(leaf.node)
        return above.times(Product(1 / value) if value is not None else self.entries.joined(power, [leaf], exponent=MINUS_ONE))

    def after(self, product: Product) -> Within:
        """For a further factor, whose sums take other letters."""
        return Within(self.entries, self.scope | product.over)

    # letters

    def opened(self, shape: Shape, index: _Index) -> tuple[_Index, Within]:
        """A new letter an axis, and what is written where they are in use."""
        new = self.entries.open(shape, self.scope | self.entries.letters(index))
        return new, Within(self.entries, self.scope | self.entries.letters(new))

    def filled(self, x: Node, axes: Sequence[int], index: _Index) -> tuple[_Index, _Index, Within]:
        """The indices of x where `axes` are gone from `index`, the new letters among them, and the writer with these in use."""
        new, within = self.opened(tuple(x.shape[a] for a in axes), index)
        fresh, kept = iter(new), iter(index)
        return tuple(next(fresh if a in axes else kept) for a in range(x.ndim)), new, within

    def sum(self, product: Product, letters: _Index) -> Product:
        return self.entries.total(product, letters)

    def ranging(self, sign: str, x: Product, letters: _Index) -> Product:
        """A sign before an entry, such as max, with the letters that it runs over below it."""
        leaf = self._closed(x)
        over = [v for v in letters if isinstance(v, sympy.Symbol)]
        if not over:
            return Product(factors=(leaf,))
        below = under(over, list(limited(over, leaf.told, self.entries.sizes, self.entries.show)))
        return self.around(f"{sign}_{{{below}}} {self.text(x, POWER)}", CHAIN, x, bound=over)

    def along(self, word: str, node: Node, index: _Index) -> Product | None:
        """softmax_k(x_ijk), where each index along the axes is a letter that stands nowhere else; None where one is not."""
        e = self.entries
        along = [index[a] for a in node.params["axes"] if node.shape[a] != 1]
        others = tuple(i for a, i in enumerate(index) if a not in node.params["axes"])
        own = all(i in e.sizes for i in along) and len(set(along)) == len(along)
        if not own or e.letters(along) & e.letters(others):
            return None
        x = self.at(node.args[0], index)
        if not set(along) <= self._closed(x).told:
            return None
        return self.around(rf"\operatorname{{{word}}}_{{{e.listed(along)}}}{bracket(self.text(x))}", ATOM, x)

    # text

    def text(self, x: Product, level: int = 0) -> str:
        return self.entries.show(self._closed(x).node, level)

    def around(
        self, text: str, precedence: int, first: Product, *others: Product, bound: Sequence[Letter] = (), free: _Index = ()
    ) -> Product:
        """What is printed already, with these entries in it; it binds letters, and more may stand in it."""
        leaf, more = self._closed(first), [self._closed(x) for x in others]
        closing = NONE.union(bound, *(x.bound - leaf.free for x in more))
        letters = NONE.union(leaf.free, self.entries.letters(free), *(x.free for x in more)) - closing
        return Product(factors=(Leaf(piece(text, precedence), letters, leaf.bound | closing, leaf.told),))

    # indices

    def place(self, i: sympy.Expr) -> Product:
        """An index as a number."""
        return self.entries.leaf(self.entries.text(i), SUM if i.is_Add else ATOM, (i,))

    def index(self, i: sympy.Expr) -> str:
        return self.entries.text(i)

    def label(self, x: Node, index: _Index) -> sympy.Symbol:
        """The value of an integer array as an index."""
        return self.entries.place(self._closed(self.at(x, index)))

    def bound(self, size: Dim) -> Product:
        """A size in a condition."""
        self.entries.note(symbolic(size))
        return Product(symbolic(size))

    def unravelled(self, old: Shape, new: Shape, index: _Index) -> _Index | None:
        """The indices in the old shape of what has these in the new one, row by row; None where no quotients say it."""
        axes = [(d, i) for d, i in zip(new, index, strict=True) if d != 1]
        found = unravelled([d for d in old if d != 1], axes, self.entries.sizes)
        if found is None:
            return None
        places = iter(found)
        return tuple(next(places) if d != 1 else sympy.S.Zero for d in old)

    def indicator(self, left: sympy.Expr, relation: str, right: Dim) -> Product:
        return self.entries.indicator(left, relation, symbolic(right))

    def equal(self, i: sympy.Expr, j: Dim) -> Product:
        """1 where two indices agree."""
        return self.entries.equal(i, symbolic(j))

    def _closed(self, x: Product | int) -> Leaf:
        return Leaf(constant(x)) if isinstance(x, int) else closed(x, self.entries.show)
