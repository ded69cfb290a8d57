"""Indices of an array in another shape: quotients and remainders of a flat index."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, TypeAlias

import sympy

from symgrad.core.op import Dim
from symgrad.ops.indexing import exact

_Sizes: TypeAlias = Mapping[Any, Dim]
"""How far each letter runs."""


def unravelled(old: list[Dim], new: list[tuple[Dim, sympy.Expr]], sizes: _Sizes) -> list[sympy.Expr] | None:
    """Indices of the old shape, run by run of axes that hold as many entries on both sides."""
    if not old or not new:
        return [] if not old and not new else None
    runs = itertools.product(range(1, len(old) + 1), range(1, len(new) + 1))
    for a, b in sorted(runs, key=sum):
        if exact(sympy.Mul(*old[:a]) - sympy.Mul(*(d for d, _ in new[:b]))) == 0:
            rest = unravelled(old[a:], new[b:], sizes)
            return None if rest is None else [*_split(old[:a], _flat(new[:b]), sizes), *rest]
    return None


def _flat(axes: list[tuple[Dim, sympy.Expr]]) -> sympy.Expr:
    found: sympy.Expr = sympy.S.Zero
    for d, i in axes:
        parted = found.args[0] * d if isinstance(found, sympy.floor) else None  # quotient and remainder of one index
        found = parted if parted is not None and i == sympy.Mod(parted, d, evaluate=False) else sympy.expand(found * d + i)
    return found


def _split(dims: list[Dim], flat: sympy.Expr, sizes: _Sizes) -> list[sympy.Expr]:
    """A flat index as one index an axis: quotients and remainders."""
    found: list[sympy.Expr] = []
    for d in reversed(dims[1:]):
        flat, last = _divided(flat, d, sizes)
        found.insert(0, last)
    return [flat, *found]


def _divided(flat: sympy.Expr, d: Dim, sizes: _Sizes) -> tuple[sympy.Expr, sympy.Expr]:
    terms = sympy.Add.make_args(flat)
    whole = [t / d for t in terms if (t / d).is_polynomial() and sympy.denom(t / d) == 1]
    rest = sympy.Add(*(t for t in terms if t / d not in whole))
    if rest == 0 or (rest in sizes and sizes[rest] == d):
        return sympy.Add(*whole), rest
    return sympy.floor(flat / d, evaluate=False), sympy.Mod(flat, d, evaluate=False)
