"""The record of a rewrite, and what a rewrite may know of the expressions that it reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any

from symgrad.core.op import SYMMETRIC, VARIABLE, Node, value_of
from symgrad.linear.structure import Chain
from symgrad.ops.arithmetic import coefficient
from symgrad.ops.product import factors

_Rule = Callable[[Node, "Known"], Node | None]

NORMAL, CODE, FACTORED, PRINT = range(4)
"""From when on a rewrite is used: before differentiation; after the last one; once like terms have met; in print alone, where it
would cost in code or divide by what may vanish."""


@dataclass(frozen=True)
class Rewrite:
    """One equation read from left to right; `ends` says what it makes smaller, `facts` whether it reads a variable's properties.

    `since` and `until` are the first and the last stage that use it; `limits` says where the two sides differ, nowhere if it is
    empty.
    """

    name: str
    equation: str
    ends: str
    apply: _Rule
    since: int = NORMAL
    facts: bool = False
    limits: str = ""
    until: int = PRINT

    def used_at(self, stage: int) -> bool:
        return self.since <= stage <= self.until


RULES: dict[str, list[Rewrite]] = {}
"""The rewrites by the operation at the root of their left side."""


def rule(
    equation: str, *heads: str, ends: str, since: int = NORMAL, facts: bool = False, limits: str = "", until: int = PRINT
) -> Callable[[Callable[..., Node | None]], Callable[..., Node | None]]:
    """Register a rewrite under the operations at its root; with `facts` the function also takes what is `Known`."""

    def register(function: Callable[..., Node | None]) -> Callable[..., Node | None]:
        apply = function if facts else lambda node, _: function(node)
        entry = Rewrite(function.__name__, equation, ends, apply, since, facts, limits, until)
        for head in heads:
            RULES.setdefault(head, []).append(entry)
        return function

    return register


def rules_at(stage: int, before: int | None = None) -> dict[str, list[Rewrite]]:
    """Those of them that one stage uses, and this one before it does not."""
    return {
        head: [entry for entry in entries if entry.used_at(stage) and not (before is not None and entry.used_at(before))]
        for head, entries in RULES.items()
    }


_DEEPEST = 12
"""How far down a symmetry or a zero is looked for."""

NONZERO = frozenset({"positive", "unit", "sign"})
"""Properties of arrays without a zero."""


@dataclass(frozen=True)
class Known:
    """What may be used of variables: nothing before the last differentiation (`properties` False), everything after it.

    `symbols` are named intermediates that their equations show to be symmetric, `apart` those that are nowhere zero.  `read` keeps
    what rules read of an expression, by the function that reads it.
    """

    properties: bool
    symbols: Set[Node] = field(default_factory=set)
    apart: Set[Node] = field(default_factory=set)
    read: defaultdict[str, dict[Node, Any]] = field(default_factory=lambda: defaultdict(dict))
    _symmetric: dict[Node, bool] = field(default_factory=dict)
    _chains: dict[Node, Chain] = field(default_factory=dict)

    def of(self, x: Node) -> frozenset[str]:
        return x.params["properties"] if self.properties and x.op is VARIABLE else frozenset()

    def symmetric(self, x: Node, depth: int = 0) -> bool:
        """Whether a matrix is its own transpose, as far as its form shows it."""
        if x.ndim != 2 or x.shape[0] != x.shape[1] or depth > _DEEPEST:
            return False
        if x not in self._symmetric:
            self._symmetric[x] = self._is_symmetric(x, depth + 1)
        return self._symmetric[x]

    def _is_symmetric(self, x: Node, depth: int) -> bool:
        if x.op is VARIABLE:
            return bool(self.of(x) & SYMMETRIC) or (self.properties and x in self.symbols)
        if x.op.name in ("identity", "diag"):
            return True
        if x.op.name in ("matmul", "outer", "transpose"):
            chain = self.chain(x, depth)
            return chain == flipped(chain, self, depth)
        if x.op.name == "broadcast":
            return x.args[0].ndim == 0
        kept = x.op.name in ("scale", "add", "hadamard", "divide", "inv", "cofactor") or x.op.scalar is not None
        return kept and all(self.symmetric(a, depth) for a in x.args if a.ndim)

    def nonzero(self, x: Node, depth: int = 0) -> bool:
        """Whether no entry is zero, as far as the form shows it."""
        if (value := value_of(x)) is not None:
            return value.is_nonzero is True
        if x.op is VARIABLE or depth > _DEEPEST:
            return bool(self.of(x) & NONZERO) or x in self.apart
        parts = (self.nonzero(a, depth + 1) for a in x.args)
        if x.op.name == "hypot":
            return any(parts)
        if x.op.name == "add":
            return all(map(_is_square, x.args)) and any(parts)
        return x.op.name in ("power", "broadcast", "scale", "hadamard") and all(parts)

    def chain(self, x: Node, depth: int = 0) -> Chain:
        """A product as its factors, each with whether it stands transposed; what is symmetric never does."""
        if depth:
            return self._chain(x, depth)
        if x not in self._chains:
            self._chains[x] = self._chain(x, depth)
        return self._chains[x]

    def _chain(self, x: Node, depth: int) -> Chain:
        return tuple([(f, flip and not self.symmetric(f, depth)) for f, flip in factors(x)])


def _is_square(x: Node) -> bool:
    """Nowhere negative: an even power, or a positive number of them."""
    number, rest = coefficient(x)
    value = value_of(rest)
    square = value.is_nonnegative if value is not None else rest.op.name == "power" and rest.params["exponent"].is_even
    return number.is_positive is True and square is True


def flipped(chain: Chain, known: Known, depth: int = 0) -> Chain:
    """The chain of the transpose."""
    return tuple((x, not flip and not known.symmetric(x, depth)) for x, flip in reversed(chain))
