"""The entry of an expression at given indices, operation by operation: sums over letters, shifts, Kronecker deltas.

Indices count from 0, as in the code.  An axis of size one has no letter.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import sympy

from symgrad.core.graph import postorder
from symgrad.core.op import ATOM, CONSTANT, VARIABLE, Dim, Node, Shape, value_of
from symgrad.core.signature import Signature
from symgrad.core.source import symbolic
from symgrad.ops.powers import power
from symgrad.printing.identifiers import DELTA
from symgrad.printing.latex import Show
from symgrad.printing.products import NONE, BoundLetters, Leaf, Letter, Product, closed, piece, summed

Index: TypeAlias = tuple[sympy.Expr, ...]
EntryRule: TypeAlias = Callable[["Entries", Node, Index, BoundLetters], Product]

ALPHABET = "ijklmpqrstuvwabcdegh"
TWO, MINUS_ONE = sympy.Integer(2), sympy.S.NegativeOne

ENTRY_RULES: dict[str, EntryRule] = {}
"""How an entry is written where the operation's signature does not say it, by name, filled by entry_*.py."""

_ENTRYWISE = frozenset({"add", "apply", "stop_gradient"})
"""Operations that act entry by entry, besides those with a scalar body."""

CHAINS = frozenset({"matmul", "dot", "outer", "transpose", "trace"})
"""Products that stay in matrix notation beside a factor that has no other: K^-1 y."""

SCALARS = frozenset({"scale", "take", "sum", "einsum"})
"""Scalars that are written by index even where matrix notation has a form: its letters are those in use here."""


def _is_entrywise(node: Node) -> bool:
    return node.op.scalar is not None or node.op.name in _ENTRYWISE


def has_rule(node: Node) -> bool:
    return (
        _is_entrywise(node) or node.op.name in ENTRY_RULES or node.op in (VARIABLE, CONSTANT) or node.op.axes(node).is_contraction
    )


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

    def at(self, node: Node, index: Index, scope: BoundLetters) -> Product:
        key = (node, index, scope, frozenset((v, self.sizes[v]) for v in self.letters(index)))
        if key not in self.done:
            self.done[key] = self._at(node, index, scope)
        return self.done[key]

    def _at(self, node: Node, index: Index, scope: BoundLetters) -> Product:
        value = value_of(node)
        if value is not None:
            self.note(value)
            return Product(value)
        if self._stands(node):
            return self.whole(node, index)
        if node.op.name in ENTRY_RULES:
            return ENTRY_RULES[node.op.name](self, node, index, scope)
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

    def around(self, text: str, precedence: int, inner: Leaf, bound: BoundLetters = NONE, free: BoundLetters = NONE) -> Product:
        """A printed function of a scalar."""
        free = (inner.free | free) - bound
        return Product(factors=(Leaf(piece(text, precedence), free, inner.bound | bound, inner.told),))

    def applied(self, node: Node, index: Index, scope: BoundLetters) -> Product:
        """An entrywise operation, printed by its own record on scalars."""
        return self.joined(node.op, [self.closed(x, index, scope) for x in node.args], **node.params)

    def joined(self, op: Any, operands: Sequence[Leaf], **static: Any) -> Product:
        letters = (NONE.union(*(getattr(x, which) for x in operands)) for which in ("free", "bound", "told"))
        return Product(factors=(Leaf(op.node(*(x.node for x in operands), **static), *letters),))

    def closed(self, node: Node, index: Index, scope: BoundLetters) -> Leaf:
        return closed(self.at(node, index, scope), self.show)

    def product(self, parts: Sequence[tuple[Node, Index]], scope: BoundLetters) -> Product:
        found = Product()
        for node, index in parts:
            found = found.times(self.at(node, index, scope | found.over))
        return found

    def contracted(self, node: Node, signature: Signature, index: Index, scope: BoundLetters) -> Product:
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

    def open(self, shape: Shape, scope: BoundLetters) -> Index:
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

    def opened(self, x: Node, axes: Sequence[int], index: Index, scope: BoundLetters) -> tuple[Index, Index]:
        """The indices of x where `axes` are gone from `index`, and the new letters among them."""
        fresh = iter(new := self.open(tuple(x.shape[a] for a in axes), scope | self.letters(index)))
        kept = iter(index)
        return tuple(next(fresh if a in axes else kept) for a in range(x.ndim)), new

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


def inside(index: Index, axis: int, place: sympy.Expr | None) -> Index:
    """The same indices with another one on an axis, or none."""
    return (*index[:axis], *([] if place is None else [place]), *index[axis + 1 :])
