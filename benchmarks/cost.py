"""Flops as `d.cost()` counts them beside measured times, as a Markdown table: python benchmarks/cost.py.

One core, process time, the median of interleaved runs.  The Hessian is measured where it has a closed form and fits; by products it
is the time of one product for each parameter.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

import symgrad as sg  # noqa: E402

ROUNDS = 15
LARGEST_HESSIAN = 2 * 10**8
"""Bytes of a Hessian that is still measured."""

BATCH = """
def mlp_batch(X: "n d", Y: "n q", W1: "h d", W2: "q h", lam: " | positive"):
    Z = X @ W1.T
    H = jnp.tanh(Z)
    O = H @ W2.T
    L = 0.5 * jnp.sum((O - Y) ** 2) / X.shape[0]
    s = lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))
    J = L + s
    return J
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    one = sg.forward(Path(__file__).parents[1] / "derivations" / "d2l_mlp.py").derive("W1", "W2")
    batch = sg.forward(BATCH).derive("W1", "W2")
    for derivation, sizes in (
        (one, {"d": 784, "h": 256, "q": 10}),
        (batch, {"d": 784, "h": 256, "q": 10, "n": 64}),
        (batch, {"d": 30, "h": 20, "q": 10, "n": 64}),
    ):
        print(table(derivation, sizes, rounds), end="\n\n")


def table(derivation: Any, sizes: dict[str, int], rounds: int) -> str:
    cost = derivation.cost(sizes)
    inputs, directions = arrays(derivation, sizes)
    seconds = measured(jobs(derivation, cost, inputs, directions), rounds)
    title = f"**{derivation.program.name} at {', '.join(f'{d} = {n}' for d, n in sizes.items())}**"
    lines = [
        title,
        "",
        "| | flops | over the gradient | milliseconds | over the gradient | Gflops a second |",
        "| --- |" + " ---: |" * 5,
    ]
    return "\n".join([*lines, *(row(name, cost, seconds) for name in cost.flops)])


def row(name: str, cost: Any, seconds: dict[str, float]) -> str:
    counted, base = cost.at(cost.flops[name]), cost.at(cost.flops["value and gradient"])
    cells = [name, f"{counted:,}", f"{counted / base:.4g}"]
    if name not in seconds:
        return f"| {' | '.join([*cells, '', '', ''])} |"
    took, base_time = seconds[name], seconds["value and gradient"]
    return f"| {' | '.join([*cells, f'{1e3 * took:.4g}', f'{took / base_time:.4g}', f'{counted / took / 1e9:.3g}'])} |"


def jobs(derivation: Any, cost: Any, inputs: dict[str, Any], directions: tuple[Any, ...]) -> dict[str, Callable[[], Any]]:
    module = derivation.compile()
    table = {
        "value": lambda: module.value(**inputs),
        "value and gradient": lambda: module.value_and_grad(**inputs),
        "Hessian-vector product": lambda: module.hvp(directions, **inputs),
    }
    if "Hessian in closed form" in cost.flops and cost.at(cost.memory["Hessian"].peak) < LARGEST_HESSIAN:
        table["Hessian in closed form"] = lambda: module.hessian(**inputs)
        table["Hessian by products"] = lambda: products(module, inputs, directions)
    return table


def products(module: Any, inputs: dict[str, Any], directions: tuple[Any, ...]) -> None:
    for _ in range(sum(v.size for v in directions)):
        module.hvp(directions, **inputs)


def arrays(derivation: Any, sizes: dict[str, int]) -> tuple[dict[str, Any], tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    inputs = {str(v): 0.1 * rng.normal(size=tuple(sizes[str(s)] for s in v.shape)) for v in derivation.program.inputs}
    return inputs, tuple(rng.normal(size=inputs[str(v)].shape) for v in derivation.wrt)


def measured(jobs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Medians of process time, the contenders taking turns; what is quick is repeated within a turn."""
    repeats = {name: max(1, int(0.01 / max(_once(job, 1), 1e-6))) for name, job in jobs.items()}
    turns = [{name: _once(job, repeats[name]) for name, job in jobs.items()} for _ in range(rounds)]
    return {name: statistics.median(turn[name] for turn in turns) for name in jobs}


def _once(job: Callable[[], Any], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        job()
    return (time.process_time() - start) / repeats


if __name__ == "__main__":
    main()
