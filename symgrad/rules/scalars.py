"""Sums of multiples: what scalars have in common, and the signs in front."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

import sympy

from symgrad.op import Node, constant
from symgrad.operations import operations
from symgrad.ops.arithmetic import add, coefficient, multiply, scale
from symgrad.rules.record import PRINT, Known, rule
from symgrad.rules.terms import Term, assembled, meaning, product, term


@rule("2 X + 4 Y + 2 Z = 2 (X + 2 Y + Z)", "add", ends="fewer multiples", since=PRINT)
def common_divisor(node: Node) -> Node | None:
    parts = [coefficient(t) for t in node.args]
    least = min((abs(c) for c, _ in parts if c.is_Rational), default=sympy.S.One)
    if least == 1 or any(not (c / least).is_Integer for c, _ in parts):
        return None
    merged = multiply(least, add(*(multiply(c / least, x) for c, x in parts)))
    return merged if operations(merged) < operations(node) else None


@rule("s X + t X = (s + t) X for scalars", "add", ends="fewer terms", since=PRINT, facts=True)
def like_arrays(node: Node, known: Known) -> Node | None:
    """Up to the orientation of what is symmetric, as for like terms."""
    terms = [term(t, known) for t in node.args]
    return _gathered(node, terms, lambda i: meaning(assembled(terms[i].chain), known) if terms[i].chain else None, _sum_of_scalars)


def _sum_of_scalars(group: list[Term]) -> Node:
    return multiply(add(*(_scalar(t) for t in group)), assembled(group[0].chain))


def _scalar(t: Term) -> Node:
    return product([constant(t.number), *t.scalars]) if t.scalars else constant(t.number)


@rule("s X + s Y + Z = s (X + Y) + Z", "add", ends="fewer factors", since=PRINT, facts=True)
def like_scalars(node: Node, known: Known) -> Node | None:
    terms = [term(t, known) for t in node.args]
    return _gathered(node, terms, lambda i: (abs(terms[i].number), terms[i].scalars) if terms[i].chain else None, _sum_of_arrays)


def _sum_of_arrays(group: list[Term]) -> Node:
    first = group[0]
    parts = (multiply(t.number / first.number, assembled(t.chain)) for t in group)
    return product([constant(first.number), *first.scalars, add(*parts)])


def _gathered(node: Node, terms: list[Term], key: Callable[[int], Hashable], merge: Callable[[list[Term]], Node]) -> Node | None:
    """The sum with its first group of terms of one key merged, where that is shorter."""
    groups: dict[Hashable, list[int]] = {}
    for i in range(len(terms)):
        groups.setdefault(key(i), []).append(i)
    for found, members in groups.items():
        if found is None or len(members) < 2:
            continue
        rest = [t for i, t in enumerate(node.args) if i not in members]
        merged = _total([merge([terms[i] for i in members]), *rest])
        if operations(merged) < operations(node):
            return merged
    return None


def _total(terms: list[Node]) -> Node:
    return add(*terms) if len(terms) > 1 else terms[0]


@rule("-c (-X - Y) = c (X + Y)", "scale", ends="fewer signs", since=PRINT)
def sign_of_sum(node: Node) -> Node | None:
    parts = list(_factors(node))
    sums = [i for i, x in enumerate(parts) if x.op is add and all(coefficient(t)[0].could_extract_minus_sign() for t in x.args)]
    if not sums:
        return None
    i = sums[0]
    parts[i] = add(*(-t for t in parts[i].args))
    return -product(parts)


def _factors(node: Node) -> Iterable[Node]:
    """The factors of a nest of multiples, first to last."""
    while node.op is scale:
        yield node.args[0]
        node = node.args[1]
    yield node
