"""Mutants made, killed, equivalent and alive."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context

from symgrad.core.op import REGISTRY
from tests.mutation.equivalents import reason
from tests.mutation.laws import killed, laws_of, sound
from tests.mutation.sabotage import Mutant, mutants, sabotaged


@dataclass
class Score:
    """Names of mutants by what became of them; an equivalent one is never killed, or its reason is wrong."""

    killed: list[str] = field(default_factory=list)
    alive: list[str] = field(default_factory=list)
    equivalent: dict[str, str] = field(default_factory=dict)
    wrongly_excused: list[str] = field(default_factory=list)

    @property
    def made(self) -> int:
        return len(self.killed) + len(self.alive) + len(self.equivalent) + len(self.wrongly_excused)

    def __add__(self, other: Score) -> Score:
        return Score(
            self.killed + other.killed,
            self.alive + other.alive,
            self.equivalent | other.equivalent,
            self.wrongly_excused + other.wrongly_excused,
        )


def dies(mutant: Mutant) -> bool:
    with warnings.catch_warnings(), sabotaged(mutant):
        warnings.simplefilter("ignore")
        return killed(laws_of(mutant.record, mutant.field))


def scored(chosen: Iterable[Mutant]) -> Score:
    score = Score()
    for mutant in chosen:
        excuse = reason(mutant.name)
        if dies(mutant):
            (score.wrongly_excused if excuse else score.killed).append(mutant.name)
        elif excuse:
            score.equivalent[mutant.name] = excuse
        else:
            score.alive.append(mutant.name)
    return score


def sample(count: int, seed: int = 0) -> list[Mutant]:
    """As many mutants, drawn at random."""
    return random.Random(seed).sample(list(mutants()), count)


PARTS = 60
"""Shares of the mutants, so that the processes end together and the progress is seen."""


def _part(index: int) -> Score:
    """One share; the laws hold in this process without any sabotage, or nothing that they kill would mean a thing."""
    _check_laws()
    return scored(_all_mutants()[index::PARTS])


@cache
def _all_mutants() -> list[Mutant]:
    return list(mutants())


@cache
def _check_laws() -> None:
    if broken := sound(*(op for op in REGISTRY.values() if op.samples)):
        raise AssertionError(f"laws fail without any sabotage: {', '.join(broken)}")


def score_together(workers: int) -> Score:
    """All mutants, shared among processes."""
    total = Score()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for index, part in enumerate(pool.map(_part, range(PARTS))):
            total += part
            print(f"{index + 1} of {PARTS} parts, {len(total.alive)} alive", file=sys.stderr, flush=True)
    return total
