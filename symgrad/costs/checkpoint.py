"""Recomputing in place of keeping: which intermediates of a forward pass to hold for the backward pass, and what the rest costs.

The forward values that the backward pass reads stand in their order; the chosen ones are held.  Backward goes from the last held
value to the first, and before each stretch between two held values the values in it are computed again, from what is held, into
memory that the stretch before gives back.  The stretch after the last held value is at hand when the forward pass ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

from symgrad.core.counting import equation_flops, number
from symgrad.core.graph import variables
from symgrad.core.op import Node, size
from symgrad.core.program import Program
from symgrad.errors import InputError, UnsupportedError

_MOST_TRIED = 12
"""Kept values up to which every choice is tried; beyond, the program has to be a chain."""

State: TypeAlias = tuple[int, int, int, tuple[int, ...]]


@dataclass(frozen=True)
class Recomputing:
    """The values held, the bytes of intermediates at the worst moment, and the flops done a second time."""

    held: tuple[Node, ...]
    bytes: int
    flops: int


class KeptValues:
    """The kept values of a forward pass in their order, with their bytes and what it takes to compute each again."""

    def __init__(self, forward: Program, kept: Iterable[Node], sizes: Mapping[str, int], itemsize: int) -> None:
        self.values = [v for v in kept if v.ndim]
        self.needed = {eq.symbol: tuple(v for v in variables(eq.expr) if v in forward.defined) for eq in forward.equations}
        self.bytes = {v: number(size(v), sizes) * itemsize for v in self.needed}
        self.flops = {eq.symbol: number(f, sizes) for eq, f in equation_flops(forward)}

    def again(self, stretch: Iterable[Node], held: frozenset[Node]) -> set[Node]:
        """Everything that must be computed to have these values, from the inputs and what is held."""
        found: set[Node] = set()
        stack = list(stretch)
        while stack:
            v = stack.pop()
            if v not in found and v not in held:
                found.add(v)
                stack.extend(self.needed[v])
        return found

    def plan(self, held: Iterable[Node]) -> Recomputing:
        """What holding these values costs."""
        kept = frozenset(held)
        stretches = self.stretches(kept)
        redone = [self.again(s, kept) for s in stretches[:-1]]
        worst = max(self.held_for_backward(s) for s in (*redone, stretches[-1]))
        order = tuple(v for v in self.values if v in kept)
        return Recomputing(order, sum(self.bytes[v] for v in kept) + worst, sum(self.flops[v] for s in redone for v in s))

    def held_for_backward(self, stretch: Iterable[Node]) -> int:
        """Bytes of the values that backward reads; what else is computed on the way to them is gone at once."""
        return sum(self.bytes[v] for v in stretch if v in self.values)

    def stretches(self, held: frozenset[Node]) -> list[list[Node]]:
        stretches: list[list[Node]] = [[]]
        for v in self.values:
            if v in held:
                stretches.append([])
            else:
                stretches[-1].append(v)
        return stretches

    def curve(self) -> list[Recomputing]:
        """The plans that no other one beats in both memory and flops, from everything kept to the least memory.

        Raises `UnsupportedError` for a program of many kept values that is no chain.
        """
        return front(self._every() if len(self.values) <= _MOST_TRIED else self._chained())

    def _every(self) -> list[Recomputing]:
        count = len(self.values)
        return [self.plan(held) for k in range(count + 1) for held in combinations(self.values, k)]

    def _chained(self) -> list[Recomputing]:
        """All plans worth having, built value by value; of two that end in the same value, one that is worse in all is dropped."""
        if not self.is_chain():
            raise UnsupportedError(
                f"{len(self.values)} kept intermediates that form no chain: choices are tried for {_MOST_TRIED} at most"
            )
        states: dict[int, list[State]] = {-1: [(0, 0, 0, ())]}
        count = len(self.values)
        for i in range(count + 1):
            found = [self._extended(s, j, i) for j, ends in states.items() for s in ends]
            states[i] = _undominated(found)
        return [self.plan(self.values[k] for k in held if k < count) for *_, held in states[count]]

    def _extended(self, state: State, j: int, i: int) -> State:
        """The state (held bytes, worst stretch, flops again, held) that holds value i next after value j; past the end nothing."""
        total, worst, flops, held = state
        last = i == len(self.values)
        kept = frozenset(self.values[k] for k in held)
        stretch = set(self.values[j + 1 : i]) if last else self.again(self.values[j + 1 : i], kept)
        own = 0 if last else self.bytes[self.values[i]]
        again = 0 if last else sum(self.flops[v] for v in stretch)
        return total + own, max(worst, self.held_for_backward(stretch)), flops + again, (*held, i)

    def is_chain(self) -> bool:
        """Does each kept value follow from the one before it and the inputs alone?"""
        pairs = zip(self.values, self.values[1:], strict=False)
        return all(self.again([b], frozenset({a})) & set(self.values) == {b} for a, b in pairs)


def _undominated(states: list[State]) -> list[State]:
    kept: list[State] = []
    for s in sorted(states, key=lambda s: s[:3]):
        if not any(t[0] <= s[0] and t[1] <= s[1] and t[2] <= s[2] for t in kept):
            kept.append(s)
    return kept


def front(plans: Iterable[Recomputing]) -> list[Recomputing]:
    """The plans that no other one beats, most memory first."""
    best: list[Recomputing] = []
    for plan in sorted(plans, key=lambda p: (p.bytes, p.flops, len(p.held))):
        if not best or plan.flops < best[-1].flops:
            best.append(plan)
    return best[::-1]


def within_budget(curve: list[Recomputing], budget: int) -> Recomputing:
    """The plan of the fewest flops within this many bytes; raises `InputError` with the least that is possible."""
    fitting = [p for p in curve if p.bytes <= budget]
    if not fitting:
        raise InputError(
            f"no choice fits into {budget} bytes of intermediates; the least possible is {min(p.bytes for p in curve)}"
        )
    return min(fitting, key=lambda p: p.flops)
