"""`python -m tests.fuzz --minutes 20`: random programs under every oracle, and the figures."""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests.fuzz.runner import MOST_SKIPPED, Result, run_together


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    result = run_together(60 * options.minutes, options.workers, options.seed)
    print(table(result))
    return 1 if result.failures or result.skipped > MOST_SKIPPED else 0


def table(result: Result) -> str:
    counts = [(what, n) for what, n in result.tally.most_common() if not what.startswith("log: ")]
    logs = [what.removeprefix("log: ") for what in result.tally if what.startswith("log: ")]
    lines = [f"{n:8}  {what}" for what, n in counts]
    lines += [f"{100 * result.skipped:7.2f}%  skipped", f"{len(result.failures):8}  failures"]
    return "\n".join(
        [*lines, *(f"\n--- disagreement\n{text}" for text in logs), *(f"\n--- failure\n{text}" for text in result.failures)]
    )


if __name__ == "__main__":
    sys.exit(main())
