"""The largest programs: process time to read, derive, print and export chains of 100, 1,000 and 10,000 equations, and memory.

    python benchmarks/largest.py [EQUATIONS ...]

Every row is a process of its own.  Behind each time stands, from the second size on, the exponent of its growth: 1 is linear.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import symgrad as sg

SIZES = (100, 1_000, 10_000)


def scalar_chain(n: int) -> str:
    """z_i = sin(w z_{i-1}) + z_{i-1}."""
    steps = "".join(f"    z{i} = sin(w * z{i - 1}) + z{i - 1}\n" for i in range(1, n))
    return f'def scalars(z0: "", w: ""):\n{steps}    J = z{n - 1} ** 2\n    return J\n'


def shared_weights(n: int) -> str:
    """h_i = tanh(W h_{i-1} + b)."""
    steps = "".join(f"    h{i} = tanh(W @ h{i - 1} + b)\n" for i in range(1, n))
    return f'def shared(h0: "d", W: "d d", b: "d"):\n{steps}    J = sum(h{n - 1} ** 2)\n    return J\n'


def own_weights(n: int) -> str:
    """h_i = tanh(W_i h_{i-1})."""
    weights = ", ".join(f'W{i}: "d d"' for i in range(1, n))
    steps = "".join(f"    h{i} = tanh(W{i} @ h{i - 1})\n" for i in range(1, n))
    return f'def own(h0: "d", {weights}):\n{steps}    J = sum(h{n - 1} ** 2)\n    return J\n'


CHAINS = (scalar_chain, shared_weights, own_weights)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def measured(text: str) -> dict[str, float]:
    """Seconds of each pass, in the order in which they build on one another, and the most memory in MB that all of them took."""
    with sg.limits(**dict.fromkeys(("characters", "syntax", "steps", "equations", "formula", "seconds", "nodes"), 10**9)):
        seconds, forward = timed(lambda: sg.forward(text))
        d, table = forward.derive(), {"read": seconds}  # type: ignore[attr-defined]
        passes: dict[str, Callable[[], object]] = {
            "gradient": lambda: d.adjoint,
            "HVP": lambda: d.tangent,
            "print": d.latex,
            "export": d.numpy,
        }
        table |= {name: timed(work)[0] for name, work in passes.items()}
    return table | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def exponent(name: str, table: dict[str, float], n: int, before: dict[str, float], m: int) -> str:
    return f" ({math.log(table[name] / before[name]) / math.log(n / m):.2f})"


def main(sizes: tuple[int, ...]) -> None:
    print("| chain | equations | read | gradient | HVP | print | export | memory |\n| --- " + "| ---: " * 7 + "|")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for chain in CHAINS:
            before: dict[str, float] = {}
            for n, m in zip(sizes, (0, *sizes), strict=False):
                table = pool.submit(measured, chain(n)).result()
                memory = f"{table.pop('memory'):.0f} MB"
                cells = [f"{s:.2f} s" + (exponent(name, table, n, before, m) if before else "") for name, s in table.items()]
                print(f"| {chain.__name__.replace('_', ' ')} | {n:,} | {' | '.join(cells)} | {memory} |", flush=True)
                before = table


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
