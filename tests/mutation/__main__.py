"""`python -m tests.mutation`: every rule sabotaged, and how many of the mutants the suite kills."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from tests.mutation.record import KILLED, recorded, written
from tests.mutation.sabotage import mutants
from tests.mutation.score import Score, score_together, scored


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="mutants whose names hold this")
    parser.add_argument("--record", action="store_true", help="keep the names of those that are killed")
    options = parser.parse_args()
    score = scored(m for m in mutants() if options.only in m.name) if options.only else score_together(options.workers)
    lost = set() if options.only else recorded(KILLED.read_text(encoding="utf-8")) - set(score.killed)
    if options.record:
        KILLED.write_text(written(score.killed), encoding="utf-8")
    print(table(score))
    print("".join(f"        {name} was killed before and is not now\n" for name in sorted(lost)), end="")
    return 1 if score.alive or score.wrongly_excused or (lost and not options.record) else 0


def table(score: Score) -> str:
    fields = Counter(name.split(": ")[0].rsplit(".", 1)[1] for name in score.killed)
    rows = [f"{n:6}  killed, of {what}" for what, n in sorted(fields.items())]
    rows += [f"{score.made:6}  made", f"{len(score.equivalent):6}  equivalent"]
    rows += [f"{len(score.killed):6}  killed of {len(score.killed) + len(score.alive)}"]
    rows += [f"        {name} is alive" for name in score.alive]
    rows += [f"        {name} is killed and was said to be equivalent" for name in score.wrongly_excused]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
