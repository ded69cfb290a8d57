"""Write the tables that pages include, into docs/made/: `python docs/make_fragments.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import house
from symgrad import ops as _ops  # noqa: F401
from symgrad.core.op import REGISTRY


def kinks() -> str:
    """What every record says of its kink."""
    rows = [f"| `{op.name}` | {op.kink} |" for op in sorted(REGISTRY.values(), key=lambda op: op.name) if op.kink]
    return "\n".join(["| operation | at its kink |", "| --- | --- |", *rows])


FRAGMENTS: dict[str, Callable[[], str]] = {"kinks": kinks, "figures": house.figures}


def main() -> None:
    folder = Path(__file__).with_name("made")
    folder.mkdir(exist_ok=True)
    for name, made in FRAGMENTS.items():
        (folder / f"{name}.md").write_text(made() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
