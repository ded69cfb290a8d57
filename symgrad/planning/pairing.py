"""Contractions of many arrays as products of two at a time, in the order that costs least; identities only rename subscripts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import TypeAlias

from symgrad.core.graph import rewrite
from symgrad.core.op import Dim, Node, constant, value_of
from symgrad.core.program import Program
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.contraction import contract, einsum
from symgrad.ops.embedding import embed
from symgrad.ops.product import diagonal, identity, outer, transposition
from symgrad.planning.association import UNKNOWN, Sizes, typical

CONTRACTIONS = 512
"""Contractions whose plan is kept: the functions of a module have most of theirs in common."""

_EXPRESSIONS = 2_048
"""Right sides that are kept taken apart, for the same reason."""

_MOST_OPERANDS = 8
"""Contractions of more arrays are left to NumPy."""


def in_pairs(program: Program, numbers: Sizes = UNKNOWN) -> Program:
    """The same program with every contraction taken apart."""
    known = tuple(numbers.items())
    return program.map(lambda expr: _paired(expr, known))


@lru_cache(maxsize=_EXPRESSIONS)
def _paired(expr: Node, known: tuple[tuple[Dim, int], ...]) -> Node:
    return rewrite(expr, lambda n: _planned(n, known) if n.op is einsum else n)


@lru_cache(maxsize=CONTRACTIONS)
def _planned(node: Node, known: tuple[tuple[Dim, int], ...]) -> Node:
    numbers = dict(known)
    inputs, _, output = node.params["spec"].partition("->")
    sizes = dict(zip(output, node.shape, strict=True))
    letters, operands = _as_stored(inputs.split(","), list(node.args))
    letters, operands, result = _without_identities(letters, operands, output)
    letters, operands = _without_ones(letters, operands)
    if len(operands) > _MOST_OPERANDS:
        return node
    inside = "".join(dict.fromkeys(result))
    held = "".join(c for c in inside if any(c in s for s in letters))
    whole = _best(letters, operands, held, numbers) if operands else constant(1)
    spread = broadcast(whole, shape=tuple(sizes[c] for c in inside), axes=tuple(inside.index(c) for c in held))
    return spread if inside == result else embed(spread, spec=f"{inside}->{result}")


def _as_stored(letters: list[str], operands: list[Node]) -> tuple[list[str], list[Node]]:
    """Transposes undone by their subscripts, so that a matrix and its transpose are one operand."""
    turned = [x.op is transposition and x.ndim == 2 for x in operands]
    subscripts = [s[::-1] if t else s for s, t in zip(letters, turned, strict=True)]
    return subscripts, [x.args[0] if t else x for x, t in zip(operands, turned, strict=True)]


def _without_identities(letters: list[str], operands: list[Node], output: str) -> tuple[list[str], list[Node], str]:
    """Drop identity matrices: their two subscripts are one."""
    for i, x in enumerate(operands):
        if x.op is not identity:
            continue
        kept, dropped = tuple(letters[i] if letters[i][0] in output else reversed(letters[i]))
        others = [_tied(y, s, kept, dropped) for j, (y, s) in enumerate(zip(operands, letters, strict=True)) if j != i]
        held = kept in output or any(kept in s for _, s in others)
        if held and all(len(set(s)) == len(s) for _, s in others):
            return _without_identities([s for _, s in others], [y for y, _ in others], output.replace(dropped, kept))
    return letters, operands, output


def _without_ones(letters: list[str], operands: list[Node]) -> tuple[list[str], list[Node]]:
    """Drop arrays of ones whose subscripts others hold."""
    kept = list(range(len(operands)))
    for i, x in enumerate(operands):
        elsewhere = {c for j in kept if j != i for c in letters[j]}
        if _is_ones(x) and set(letters[i]) <= elsewhere:
            kept.remove(i)
    return [letters[i] for i in kept], [operands[i] for i in kept]


def _is_ones(x: Node) -> bool:
    return value_of(x) == 1 or (x.op is outer and all(map(_is_ones, x.args)))


def _tied(y: Node, s: str, kept: str, dropped: str) -> tuple[Node, str]:
    """An operand with two subscripts made one."""
    return (diagonal(y), kept) if sorted(s) == sorted(kept + dropped) else (y, s.replace(dropped, kept))


_Part: TypeAlias = tuple[int, str, Node]
"""The product of a set of operands: what it costs, its subscripts, the array."""


def _best(letters: list[str], operands: list[Node], output: str, numbers: Sizes) -> Node:
    """Dynamic programming over sets of operands: each set's cheapest product, by the sizes of all subscripts it runs over."""
    first = {x: i for i, x in reversed(list(enumerate(operands)))}
    everything = (1 << len(operands)) - 1
    sizes = {c: typical(d, numbers) for s, x in zip(letters, operands, strict=True) for c, d in zip(s, x.shape, strict=True)}
    best: dict[int, _Part] = {1 << i: (0, s, x) for i, (s, x) in enumerate(zip(letters, operands, strict=True))}
    for some in _subsets(len(operands)):
        outside = "".join(s for i, s in enumerate(letters) if not some >> i & 1) + output
        ways = [(_cost(best[a], best[some ^ a], sizes), a) for a in _halves(some)]
        least = min(cost for cost, _ in ways)
        kept = output if some == everything else None
        options = [_pair(best[a], best[some ^ a], outside, kept, cost, first) for cost, a in ways if cost == least]
        best[some] = min(options, key=lambda option: not _is_square(option[2]))
    _, found, node = best[everything]
    return node if len(operands) > 1 else contract(f"{found}->{output}", node)


def _is_square(node: Node) -> bool:
    """Is it a product of an array with itself?  BLAS takes half the time for it."""
    return len(node.args) == 2 and node.args[0] is node.args[1]


def _cost(a: _Part, b: _Part, sizes: dict[str, int]) -> int:
    """What two parts cost, and their product."""
    return a[0] + b[0] + math.prod(sizes[c] for c in {*a[1], *b[1]})


def _pair(a: _Part, b: _Part, outside: str, output: str | None, cost: int, first: dict[Node, int]) -> _Part:
    """Two parts multiplied, in the order of their operands, so that equal parts become the same array."""
    if first.get(b[2], len(first)) < first.get(a[2], len(first)):
        a, b = b, a
    union = "".join(dict.fromkeys(a[1] + b[1]))
    kept = output if output is not None else "".join(c for c in union if c in outside)
    return cost, kept, contract(f"{a[1]},{b[1]}->{kept}", a[2], b[2])


def _subsets(n: int) -> Iterator[int]:
    for count in range(2, n + 1):
        for members in combinations(range(n), count):
            yield sum(1 << i for i in members)


def _halves(some: int) -> Iterator[int]:
    """Each way to split a set in two, once."""
    part = (some - 1) & some
    while part:
        if part > some ^ part:
            yield part
        part = (part - 1) & some
