"""How long the exported NumPy code takes at given sizes, beside the flops that are counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from symgrad.checking.generics import bind
from symgrad.checking.sampling import inputs_of, sample_inputs
from symgrad.costs.counts import Counts
from symgrad.printing.tables import Table

MOST_BYTES, MOST_FLOPS = 2**30, 10**11
"""What is not run: it would take minutes, or more memory than a small machine has."""

ROUNDS, SECONDS = 5, 0.02
"""Rounds of which the quickest counts, and how long a round lasts at least."""


@dataclass(frozen=True)
class Run:
    """One function of the exported module: its flops, and its seconds or why it was not run."""

    name: str
    flops: int
    seconds: float | None
    why: str = ""


def runs(cost: Counts, functions: Mapping[str, Callable[..., Any]]) -> Iterator[Run]:
    """Value, gradient, product, diagonal and Hessian (value, product and Jacobian of an array), one after the other.

    `functions` stand for those that the forward pass leaves open.  Raises `InputError` where one is missing, or the sizes are.
    """
    sizes = cost.known_sizes("a measurement")
    arrays = sample_inputs(inputs_of(cost.arrays), sizes, seed=0)
    typed = {name: x.astype(cost.dtype) if x.dtype.kind == "f" else x for name, x in arrays.items()}
    directions = tuple(np.ones_like(typed[str(v)]) for v in cost.wrt)
    module, bound = cost.modules.loaded(), bind(cost.passes, functions)
    for name, function, use in _asked(cost):
        flops, needed = cost.at(cost.flops[name]), cost.at(cost.memory_of(use).total)
        if needed > MOST_BYTES or flops > MOST_FLOPS:
            yield Run(name, flops, None, f"not run: {needed:,} bytes" if needed > MOST_BYTES else "not run: too long")
            continue
        moved = (directions,) if use.endswith("product") and function in ("hvp", "jvp") else ()
        yield Run(name, flops, _quickest(partial(getattr(module, function), *moved, **typed, **bound)))


def _asked(cost: Counts) -> Iterator[tuple[str, str, str]]:
    """What is counted, the function that does it, and the use whose memory it takes."""
    yield "value", "value", "prediction"
    if not cost.passes.is_scalar:
        yield "Jacobian-vector product", "jvp", "Jacobian-vector product"
        yield cost.whole, "jacobian", "Jacobian"
        return
    yield "value and gradient", "value_and_grad", "training"
    yield "Hessian-vector product", "hvp", "Hessian-vector product"
    yield "Hessian diagonal", "hessian_diag", "Hessian-vector product"
    yield cost.whole, "hessian", "Hessian"


def _quickest(job: Callable[[], Any]) -> float:
    """Seconds of one call in the quickest round; what is quick is repeated within a round."""
    repeats = max(1, int(SECONDS / max(_once(job, 1), 1e-7)))
    return min(_once(job, repeats) for _ in range(ROUNDS))


def _once(job: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        job()
    return (time.perf_counter() - start) / repeats


def timing_table(found: list[Run]) -> Table:
    """Times in milliseconds, beside those of value and gradient."""
    base = next((r.seconds for r in found if r.name == "value and gradient"), None)
    rows = [(r.name, f"{r.flops:,}", *_cells(r, base)) for r in found]
    return Table("Measured on this machine", ("run", "flops", "milliseconds", "over value and gradient", "Gflops a second"), rows)


def _cells(r: Run, base: float | None) -> tuple[str, str, str]:
    if r.seconds is None:
        return r.why, "", ""
    over = "" if base is None else f"{r.seconds / base:.3g}"
    return f"{1e3 * r.seconds:.3g}", over, f"{r.flops / r.seconds / 1e9:.3g}"
