"""Sums of products: like terms and common factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace

import sympy

from symgrad.core.op import Node, constant, value_of
from symgrad.core.source import is_minus
from symgrad.linear.structure import Chain
from symgrad.ops.arithmetic import add, coefficient, hadamard, multiply
from symgrad.ops.broadcasting import broadcast, fill
from symgrad.ops.product import diag, eye, transposition
from symgrad.rules.brevity import operations
from symgrad.rules.record import CODE, FACTORED, PRINT, Known, flipped, rule
from symgrad.rules.terms import Term, assembled, entrywise_product, hadamard_factors, is_row, is_square, meaning, product, term


@rule("a X + b X = (a + b) X up to order, association and orientation", "add", ends="fewer terms", since=CODE, facts=True)
def like_terms(node: Node, known: Known) -> Node | None:
    merged: dict[Hashable, tuple[sympy.Expr, Node]] = {}
    for t in node.args:
        number, rest = coefficient(t)
        key = meaning(rest, known)
        before, first = merged.get(key, (sympy.S.Zero, rest))
        merged[key] = before + number, first
    if len(merged) == len(node.args):
        return None
    return _total([multiply(number, rest) for number, rest in merged.values()])


@rule("X + (Y + Z)^T = X + Y^T + Z^T", "add", ends="fewer sums", since=CODE)
def sum_of_transposed_sum(node: Node) -> Node | None:
    """So that like terms meet."""
    parts = [coefficient(t) for t in node.args]
    if not any(x.op is transposition and x.args[0].op is add for _, x in parts):
        return None
    return add(*(multiply(c, y) for c, x in parts for y in _terms(x)))


def _terms(x: Node) -> list[Node]:
    inside = x.args[0] if x.op is transposition else x
    return [transposition(y, **x.params) for y in inside.args] if x is not inside and inside.op is add else [x]


def _total(terms: list[Node]) -> Node:
    return add(*terms) if len(terms) > 1 else terms[0]


@rule("X - (Y - X) = 2 X - Y", "add", ends="fewer terms", since=CODE, facts=True)
def like_terms_inside(node: Node, known: Known) -> Node | None:
    """A sum inside a sum is opened only where like terms meet: a residual stays one."""
    parts = [coefficient(t) for t in node.args]
    if not any(x.op is add for _, x in parts):
        return None
    opened = [(c * d, y) for c, x in parts for d, y in (map(coefficient, x.args) if x.op is add else [(sympy.S.One, x)])]
    found = add(*(multiply(c, y) for c, y in opened))
    if found.op is add and len(found.args) == len(opened):
        found = like_terms(found, known) or node
    return found if operations(found) <= operations(node) else None


@rule("x 1^T + y 1^T = (x + y) 1^T", "add", ends="copies move to the root", since=CODE)
def sum_of_copies(node: Node) -> Node | None:
    parts = [coefficient(t) for t in node.args]
    ways = {tuple(x.params.items()) if x.op is broadcast and x.args[0].ndim else None for _, x in parts}
    if len(ways) > 1 or None in ways:
        return None
    return broadcast(add(*(multiply(c, x.args[0]) for c, x in parts)), **parts[0][1].params)


@rule("c X + c Y = c (X + Y), c a number", "add", ends="fewer multiples")
def common_number(node: Node) -> Node | None:
    parts = [coefficient(t) for t in node.args]
    size = abs(parts[0][0])
    if size == 1 or any(abs(c) != size or value_of(rest) is not None for c, rest in parts):
        return None
    sign = sympy.S.NegativeOne if all(is_minus(c) for c, _ in parts) else sympy.S.One
    return multiply(sign * size, add(*(multiply(sign * c / size, rest) for c, rest in parts)))


@rule("s X + s Y = s (X + Y), s a scalar", "add", ends="fewer factors", since=PRINT, facts=True)
def common_scalar(node: Node, known: Known) -> Node | None:
    terms = [term(t, known) for t in node.args]
    if not all(t.scalars for t in terms):
        return None
    shared = Counter(terms[0].scalars)
    for t in terms[1:]:
        shared &= Counter(t.scalars)
    if not shared:
        return None
    rest = add(*(Term(t.number, tuple((Counter(t.scalars) - shared).elements()), t.chain).node() for t in terms))
    return product([*shared.elements(), rest])


@rule("X * Y + X * Z = X * (Y + Z), X * Y + X = X * (Y + 1)", "add", ends="fewer factors", since=FACTORED)
def common_entrywise_factor(node: Node) -> Node | None:
    parts = [coefficient(t) for t in node.args]
    factors = [hadamard_factors(x) for _, x in parts]
    common = next((f for f in factors[0] if all(f in others for others in factors[1:])), None)
    if common is None or all(len(f) < 2 for f in factors):
        return None
    for others in factors:
        others.remove(common)
    left = (entrywise_product(f) if f else fill(1, node.shape) for f in factors)
    return hadamard(common, add(*(multiply(c, x) for (c, _), x in zip(parts, left, strict=True))))


@rule("X * Y + X * Z + W = X * (Y + Z) + W", "add", ends="fewer operations in print", since=PRINT, facts=True)
def some_common_entrywise_factor(node: Node, known: Known) -> Node | None:
    """Only where the sum left over closes, as in x * p - x * (1 - p) = x * (2 p - 1)."""
    parts = [coefficient(t) for t in node.args]
    holders = Counter(f for _, x in parts if x.op is hadamard for f in set(hadamard_factors(x)))
    for factor, count in holders.items():
        if count < 2:
            continue
        sharing = [x.op is hadamard and factor in hadamard_factors(x) for _, x in parts]
        inside = add(*(multiply(c, _without(x, factor)) for (c, x), shared in zip(parts, sharing, strict=True) if shared))
        closed = like_terms_inside(inside, known) if inside.op is add else inside
        rest = [t for t, shared in zip(node.args, sharing, strict=True) if not shared]
        if closed is not None and operations(found := _total([hadamard(factor, closed), *rest])) < operations(node):
            return found
    return None


def _without(x: Node, factor: Node) -> Node:
    factors = hadamard_factors(x)
    factors.remove(factor)
    return entrywise_product(factors)


# common factors of chains -------------------------------------------------------------------------------------------------


@rule("A X B + A Y B = A (X + Y) B for matrices", "add", ends="fewer products", since=FACTORED, facts=True)
def common_matrix(node: Node, known: Known) -> Node | None:
    """Only where it costs nothing in code: the sum replaces products of whole matrices."""
    terms = [term(t, known) for t in node.args]
    if any(x.ndim != 2 for t in terms for x, _ in t.chain) or not all(t.chain for t in terms):
        return None
    first, last = _shared(terms, 1)
    if any(len(t.chain) - first - last != 1 for t in terms):
        return None
    return _factored(terms, first, last)


@rule("A X B + A Y B = A (X + Y) B", "add", ends="fewer operations in print", since=PRINT, facts=True)
def common_chain(node: Node, known: Known) -> Node | None:
    """Also c B + X B = (c I + X) B, where that is shorter; x * y beside diag(x) is diag(x) y."""
    terms = _opened([term(t, known) for t in node.args], known)
    if not all(t.chain for t in terms):
        return None
    first, last = _shared(terms, 1)
    splits = {_shared(terms, 0), (first, last), (0, last), (first, 0)} - {(0, 0)}
    found = [f for split in sorted(splits) if (f := _factored(terms, *split)) is not None]
    shortest = min(found, key=operations, default=None)
    return shortest if shortest is not None and operations(shortest) < operations(node) else None


LEAST_SAVED = 2
"""Operations that a factor common to some of the terms must save: taking it out hides how the terms are alike."""


@rule("A X + A Y + Z = A (X + Y) + Z", "add", ends="fewer operations in print", since=PRINT, facts=True)
def some_common_chain(node: Node, known: Known) -> Node | None:
    terms = _opened([term(t, known) for t in node.args], known)
    for end in (0, -1):
        for group in _alike(terms, end):
            merged = common_chain(add(*(node.args[i] for i in group)), known)
            rest = [t for i, t in enumerate(node.args) if i not in group]
            if merged is not None and operations(found := add(merged, *rest)) + LEAST_SAVED < operations(node):
                return found
    return None


def _alike(terms: list[Term], end: int) -> Iterator[list[int]]:
    """Some of the terms, by place, whose chains begin (0) or end (-1) with one factor."""
    groups: dict[Hashable, list[int]] = {}
    for i, t in enumerate(terms):
        if t.chain:
            groups.setdefault(t.chain[end], []).append(i)
    yield from (group for group in groups.values() if 1 < len(group) < len(terms))


def _opened(terms: list[Term], known: Known) -> list[Term]:
    """Terms with diag(x) y in place of vectors x * y where another term has the factor diag(x)."""
    weights = dict.fromkeys(x.args[0] for t in terms for x, _ in t.chain if x.op is diag)
    if not weights:
        return terms
    return [replace(t, chain=tuple(f for x in t.chain for f in _open(*x, weights, known))) for t in terms]


def _open(x: Node, flip: bool, weights: Iterable[Node], known: Known) -> Chain:
    parts = Counter(hadamard_factors(x)) if x.ndim == 1 else Counter()
    for weight in weights:
        if Counter(hadamard_factors(weight)) < parts:
            rest = entrywise_product(list((parts - Counter(hadamard_factors(weight))).elements()))
            inside = ((diag(weight), False), *known.chain(rest))
            return flipped(inside, known) if flip else inside
    return ((x, flip),)


def _shared(terms: list[Term], least: int) -> tuple[int, int]:
    """How many factors all chains begin and end with, so that each keeps `least`."""
    room = min(len(t.chain) for t in terms) - least
    first = _common([t.chain for t in terms], room)
    return first, _common([t.chain[::-1] for t in terms], room - first)


def _common(chains: list[Chain], room: int) -> int:
    count = 0
    while count < room and len({c[count] for c in chains}) == 1:
        count += 1
    return count


def _factored(terms: list[Term], first: int, last: int) -> Node | None:
    inner = [t.chain[first : len(t.chain) - last] for t in terms]
    before, after = terms[0].chain[:first], terms[0].chain[len(terms[0].chain) - last :]
    empty = [not chain for chain in inner]
    if all(empty):
        return None
    if any(empty) and not all(is_square(chain) for chain in inner if chain):
        return None
    rows = {is_row(chain) for chain in inner if chain}
    whole = [assembled(chain) if chain else None for chain in inner]
    n = next(x.shape[0] for x in whole if x is not None and x.ndim) if any(empty) else None
    if len(rows) > 1 or len({x.shape for x in whole if x is not None}) > 1:
        return None
    minus = all(is_minus(t.number) for t in terms)
    parts = [
        product([constant(-t.number if minus else t.number), *t.scalars, eye(n) if x is None else x])
        for t, x in zip(terms, whole, strict=True)
    ]
    result = assembled((*before, (add(*parts), rows.pop()), *after))
    return -result if minus else result
