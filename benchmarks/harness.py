"""Contenders side by side: one process, one core, interleaved rounds, medians of ratios; agreement is checked first."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from alone import THREADS  # isort: skip  (before anything reads the environment)
import jax
import numpy as np

import symgrad as sg

jax.config.update("jax_enable_x64", True)

SECONDS = float(os.environ.get("BENCHMARK_SECONDS", "2"))
"""Time that all contenders of one row take together."""

AGREEMENT = 1e-9

clock = time.process_time if THREADS == "1" else time.perf_counter

Thunk = Callable[[], Any]


@dataclass(frozen=True)
class Row:
    """One comparison: the first contender is ours, and the others' results must agree with it."""

    name: str
    contenders: Mapping[str, Thunk]
    medians: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)


def exported(source: Any, wrt: Sequence[str], inputs: Mapping[str, Any]) -> ModuleType:
    """Our module, written for the sizes of these inputs."""
    forward = sg.forward(source)
    sizes = {str(d): n for v in forward.program.inputs for d, n in zip(v.shape, np.shape(inputs[str(v)]), strict=True)}
    return forward.derive(*wrt).compile(sizes=sizes)


def flat(result: Any) -> np.ndarray:
    """All entries of a result, maps that are never formed as their dense arrays."""
    leaves = (leaf.toarray() if hasattr(leaf, "toarray") else leaf for leaf in jax.tree.leaves(result))
    return np.concatenate([np.ravel(np.asarray(leaf)) for leaf in leaves])


def error(got: Any, want: Any) -> float:
    got, want = flat(got), flat(want)
    return float(np.max(np.abs(got - want)) / max(1.0, np.max(np.abs(want))))


def measure(row: Row) -> Row:
    """Time every contender in turn until the time is up; ratios are medians over rounds of ours over theirs."""
    ours, *others = row.contenders
    first = row.contenders[ours]()
    for name in others:
        if (off := error(first, row.contenders[name]())) > AGREEMENT:
            raise AssertionError(f"{row.name}: {name} disagrees with ours by {off:.1e}")
    repeats = {name: _repeats(thunk) for name, thunk in row.contenders.items()}
    rounds: dict[str, list[float]] = {name: [] for name in row.contenders}
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(rounds[ours]) < 5:
        for name, thunk in row.contenders.items():
            rounds[name].append(_once(thunk, repeats[name]))
    row.medians.update({name: float(np.median(times)) for name, times in rounds.items()})
    row.ratios.update({name: float(np.median(np.array(rounds[ours]) / np.array(rounds[name]))) for name in others})
    return row


def _repeats(thunk: Thunk) -> int:
    """Enough calls for a clock of microseconds."""
    start = clock()
    thunk()
    return max(1, int(0.002 / max(clock() - start, 1e-7)))


def _once(thunk: Thunk, repeats: int) -> float:
    start = clock()
    for _ in range(repeats):
        thunk()
    return (clock() - start) / repeats


def ratio(r: float) -> str:
    """Two digits behind the point, or two that count."""
    return f"{r:.2f}" if r >= 0.1 else f"{float(f'{r:.2g}'):f}".rstrip("0")


def table(rows: Sequence[Row], title: str) -> str:
    """Markdown: medians in microseconds, and our time over each contender's."""
    names = list(rows[0].contenders)
    head = ["problem", *(f"{n} (us)" for n in names), *(f"ours / {n}" for n in names[1:])]
    lines = [f"## {title}", "", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        cells = [row.name, *(f"{1e6 * row.medians[n]:.4g}" for n in names), *(ratio(row.ratios[n]) for n in names[1:])]
        lines.append("| " + " | ".join(cells) + " |")
    means = [ratio(np.exp(np.mean([np.log(row.ratios[n]) for row in rows]))) for n in names[1:]]
    lines.append("| geometric mean | " + " | ".join([""] * len(names) + means)[2:] + " |")
    machine = f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, jax {jax.__version__}"
    return "\n".join(
        [*lines, "", f"One core of a shared machine ({machine}), float64, BLAS with one thread, CPU time of the process."]
    )


def jitted(fn: Callable[..., Any], *args: Any) -> Thunk:
    """A compiled jax function on arrays that it already holds."""
    compiled, held = jax.jit(fn), [jax.tree.map(jax.numpy.asarray, a) for a in args]
    jax.block_until_ready(compiled(*held))
    return lambda: jax.block_until_ready(compiled(*held))
