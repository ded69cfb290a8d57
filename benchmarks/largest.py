"""The largest programs: seconds of process time to read, derive, print and export chains of 100, 1,000 and 10,000 equations.

    python benchmarks/largest.py [EQUATIONS ...]

Each column after the first size also says how many times longer it took than the size before.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

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
    """Seconds of each pass, in the order in which they build on one another; a pass that is refused counts as not a number."""
    seconds, forward = timed(lambda: sg.forward(text))
    d, table = forward.derive(), {"read": seconds}  # type: ignore[attr-defined]
    passes: dict[str, Callable[[], object]] = {
        "adjoint": lambda: d.adjoint,
        "tangent": lambda: d.tangent,
        "print": d.latex,
        "export": d.numpy,
    }
    for name, work in passes.items():
        try:
            table[name] = timed(work)[0]
        except sg.UnsupportedError as error:
            print(f"{name}: {error}", file=sys.stderr)
            table[name] = float("nan")
    return table


def main(sizes: tuple[int, ...]) -> None:
    print("| chain | equations | read | adjoint | tangent | print | export |\n| --- " + "| ---: " * 6 + "|")
    for chain in CHAINS:
        before: dict[str, float] = {}
        for n in sizes:
            with sg.limits(seconds=3600, characters=10_000_000, syntax=5_000_000):
                table = measured(chain(n))
            cells = [f"{s:.2f}" + (f" (x{s / before[name]:.0f})" if before else "") for name, s in table.items()]
            print(f"| {chain.__name__.replace('_', ' ')} | {n:,} | {' | '.join(cells)} |", flush=True)
            before = table


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
