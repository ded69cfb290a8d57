"""Sums of multiples: what scalars have in common, and the signs in front."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace

import sympy

from symgrad.core.op import Node, constant
from symgrad.core.source import is_minus
from symgrad.ops.arithmetic import add, coefficient, multiply, scalar_product, scale
from symgrad.ops.powers import power
from symgrad.rules.brevity import operations
from symgrad.rules.record import PRINT, Known, rule
from symgrad.rules.terms import Term, as_power, assembled, meaning, product, term


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
    return _gathered(node, terms, lambda i: _factor(terms[i]), _sum_of_arrays)


def _factor(t: Term) -> Hashable:
    """What the multiple of an array may have in common with others; 1 is nothing."""
    number = abs(t.number)
    return (number, t.scalars) if t.chain and (t.scalars or number != 1) else None


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
    sums = [i for i, x in enumerate(parts) if x.op is add and all(is_minus(coefficient(t)[0]) for t in x.args)]
    if not sums:
        return None
    i = sums[0]
    parts[i] = add(*(-t for t in parts[i].args))
    return -product(parts)


@rule("s (X / s + Y) = X + s Y", "scale", ends="fewer operations in print", since=PRINT, facts=True, limits="where s is zero")
def multiple_of_sum(node: Node, known: Known) -> Node | None:
    """A scalar goes into a sum where it cancels."""
    number, scalars, arrays = scalar_product(node)
    sums = [x for x in (*scalars, *arrays) if x.op is add]
    for total in sums:
        others = [s for s in (*scalars, *arrays) if s is not total]
        for s in others:
            if s.ndim or not any(_divides(s, t, known) for t in total.args):
                continue
            rest = [x for x in others if x is not s]
            found = product([constant(number), *rest, add(*(_times(s, term(t, known)) for t in total.args))])
            if operations(found) < operations(node):
                return found
    return None


def _divides(s: Node, t: Node, known: Known) -> bool:
    base, exponent = as_power(s)
    return any(x is base and (k < 0) != (exponent < 0) for x, k in map(as_power, term(t, known).scalars))


def _times(s: Node, t: Term) -> Node:
    """The multiple of a term, with one power of each base."""
    base, exponent = as_power(s)
    same = [x for x in t.scalars if as_power(x)[0] is base]
    merged = power(base, exponent=exponent + sum(as_power(x)[1] for x in same))
    return replace(t, scalars=(merged, *(x for x in t.scalars if x not in same))).node()


def _factors(node: Node) -> Iterable[Node]:
    """The factors of a nest of multiples, first to last."""
    while node.op is scale:
        yield node.args[0]
        node = node.args[1]
    yield node
