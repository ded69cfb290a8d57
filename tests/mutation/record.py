"""The mutants that are known to be killed, kept as a file: a change of the tests or of the sabotages that loses one is noticed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

KILLED = Path(__file__).with_name("killed.txt")
"""A line a field of a record, `tanh.vjp: sign of term 1 | ...`."""

BETWEEN = " | "


def written(names: Iterable[str]) -> str:
    fields: dict[str, list[str]] = defaultdict(list)
    for name in names:
        field, _, what = name.partition(": ")
        fields[field].append(what)
    return "".join(f"{field}: {BETWEEN.join(sorted(fields[field]))}\n" for field in sorted(fields))


def recorded(text: str) -> set[str]:
    lines = (line.partition(": ") for line in text.splitlines())
    return {f"{field}: {what}" for field, _, whats in lines for what in whats.split(BETWEEN)}
