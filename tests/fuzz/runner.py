"""Runs for a time, batch after batch; a batch that fails is shrunk, kept, and the run goes on with another."""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count, takewhile
from multiprocessing import get_context

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz import layers  # noqa: F401  (registers the dearer oracles)
from tests.fuzz.oracles import Session, check
from tests.fuzz.programs import Drawn, programs
from tests.fuzz.rows import FAMILIES

BATCH = 200
MOST_SKIPPED = 0.05


@dataclass
class Result:
    """Counts by what was done, and the shrunk failures."""

    tally: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def skipped(self) -> float:
        """The share of the programs that no oracle judged."""
        count = sum(n for what, n in self.tally.items() if what.startswith("skipped"))
        return count / max(1, self.tally["programs"])

    def __add__(self, other: Result) -> Result:
        return Result(self.tally + other.tally, self.failures + other.failures)


def batch(session: Session, number: int, examples: int = BATCH) -> str | None:
    """Some programs under every oracle; the shrunk failure, if there is one."""

    @seed(number)
    @settings(max_examples=examples, database=None, deadline=None, report_multiple_bugs=False,
              phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(programs(FAMILIES))
    def examine(drawn: Drawn) -> None:
        check(drawn, session)

    try:
        examine()
    except Exception as error:
        session.failed.clear()
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {last.name}: {error}\n" + "\n".join(getattr(error, "__notes__", [])[:1])[:1500]
    return None


def run(numbers: Iterable[int]) -> Result:
    """The batches with these seeds."""
    session, result = Session(), Result()
    for number in numbers:
        failure = batch(session, number)
        if failure is not None:
            result.failures.append(f"batch {number}: {failure}")
    return result + Result(session.tally)


def run_for(seconds: float, start: int = 0) -> Result:
    """Batches from this seed on until the time is up."""
    end = time.monotonic() + seconds
    return run(takewhile(lambda _: time.monotonic() < end, count(start)))


def run_together(seconds: float, workers: int, start: int = 0) -> Result:
    """The same in several processes, each with seeds of its own."""
    if workers == 1:
        return run_for(seconds, start)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        parts = pool.map(run_for, [seconds] * workers, [start + 1_000_000 * w for w in range(workers)])
        return sum(parts, start=Result())
