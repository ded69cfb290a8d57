"""What one piece of work may take: length, parts, exponents, time and memory; beyond it there is one clear line, never a wait.

A unit of work is a `limits` block, or, outside of any, one pass: reading, deriving, printing, exporting.  What it builds is counted
by `tick`, which looks at the clock and at the memory now and then; nothing is interrupted half done, and nothing global is changed.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any, ParamSpec, TypeVar

from symgrad.errors import InputError, UnsupportedError

try:
    import resource
except ImportError:  # Windows: memory is not looked at
    resource = None  # type: ignore[assignment]

P = ParamSpec("P")
R = TypeVar("R")

TICKS = 512
"""Steps between two looks at the clock."""


@dataclass(frozen=True)
class Limits:
    """The largest that is taken on, each by its name in `symgrad.limits(...)` and in `--limit NAME=N`."""

    characters: float = 1_000_000
    """Characters of a source text."""
    syntax: float = 500_000
    """Parts of a function's syntax tree."""
    steps: float = 100_000
    """Steps of reading, loops unrolled and helper functions inlined."""
    equations: float = 12_000
    """Equations of a forward pass."""
    items: float = 100_000
    """Items of one loop, tuple or list."""
    entries: float = 100_000_000
    """Entries of one array, as far as numbers say its size."""
    exponent: float = 64
    """The largest power of a dimension or of a matrix."""
    nodes: float = 20_000_000
    """Nodes that one unit of work builds or prints."""
    formula: float = 200_000
    """Characters of one printed formula."""
    seconds: float = 300
    """Time of one unit of work."""
    memory: float = 8e9
    """Bytes by which one unit of work lets the process grow."""
    tools: float = 60
    """Seconds that pdflatex or Graphviz may take."""


_NAMES = tuple(f.name for f in fields(Limits))


@dataclass
class _Work:
    """A unit of work under way: what it has taken so far."""

    what: str
    limits: Limits
    start: float
    memory: int
    ticks: int = 0

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks > self.limits.nodes:
            self._refuse("nodes", "builds more than {} nodes")
        if self.ticks % TICKS:
            return
        if time.monotonic() - self.start > self.limits.seconds:
            self._refuse("seconds", "takes longer than {} s")
        if _peak_memory() - self.memory > self.limits.memory:
            self._refuse("memory", "takes more than {} bytes of memory")

    def _refuse(self, name: str, says: str) -> None:
        raise UnsupportedError(f"{self.what} {says.format(f'{getattr(self.limits, name):g}')}; {way_out(name)}")


_DEFAULT = Limits()
_limits: ContextVar[Limits] = ContextVar("symgrad_limits", default=_DEFAULT)
_work: ContextVar[_Work | None] = ContextVar("symgrad_work", default=None)


def way_out(name: str) -> str:
    return f"shorten the forward pass, or raise the limit with symgrad.limits({name}=...)"


def limit(name: str) -> int:
    """The limit of this name, as it is here and now."""
    return int(getattr(_limits.get(), name))


@contextmanager
def limits(**changes: float) -> Iterator[Limits]:
    """A block with other limits; its `seconds`, `memory` and `nodes` are those of the whole block.

    Holds for the current thread (and for tasks started from the block).  The names are the fields of `Limits`; raises `InputError`
    for any other, and for what is no positive number.

    >>> import symgrad as sg
    >>> with sg.limits(equations=2):
    ...     sg.forward('def f(x: "n"): return sum(x * x)').program.name
    'f'
    """
    if unknown := sorted(set(changes) - set(_NAMES)):
        raise InputError(f"there is no limit {unknown[0]!r}; limits are {', '.join(_NAMES)}")
    if wrong := [
        n for n, v in changes.items() if isinstance(v, bool) or not isinstance(v, int | float) or not 0 < v < float("inf")
    ]:
        raise InputError(f"the limit {wrong[0]} is a positive number, not {str(changes[wrong[0]])[:40]}")
    new = replace(_limits.get(), **changes)
    tokens = _limits.set(new), _work.set(_started("this block", new))
    try:
        yield new
    finally:
        _limits.reset(tokens[0])
        _work.reset(tokens[1])


def budgeted(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A pass that is a unit of work of its own, unless it is part of another; running out of stack or memory is one line too."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            token = None if _work.get() else _work.set(_started(what, _limits.get()))
            try:
                return function(*args, **kwargs)
            except (RecursionError, MemoryError):
                raise UnsupportedError(f"{what} is nested too deeply or too large; name intermediate results") from None
            finally:
                if token is not None:
                    _work.reset(token)

        return run

    return decorate


def tick() -> None:
    """One more node is built or printed; raises `UnsupportedError` where the unit of work is over its limits."""
    if (work := _work.get()) is not None:
        work.tick()


def _started(what: str, limits: Limits) -> _Work:
    return _Work(what, limits, time.monotonic(), _peak_memory())


def _peak_memory() -> Any:
    """Bytes of the process at their highest (macOS counts bytes, the others KiB)."""
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
