"""Flops and bytes of every equation, and which of the two a machine waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symgrad.core.counting import number, traffic
from symgrad.core.program import Equation, Program
from symgrad.errors import InputError


@dataclass(frozen=True)
class Bound:
    """One equation on the roofline: its flops for a byte of traffic, and what it waits for on a given machine."""

    equation: Equation
    flops: int
    bytes: int
    waits_for: str = ""

    @property
    def intensity(self) -> float:
        return self.flops / self.bytes


def bounds(
    program: Program, sizes: Mapping[str, int], itemsize: int, flops_per_second: float | None, bytes_per_second: float | None
) -> list[Bound]:
    """Every equation that computes anything; raises `InputError` for a machine that does nothing, or everything at once."""
    machine = None if flops_per_second is None or bytes_per_second is None else flops_per_second / bytes_per_second
    if machine is not None and not 0 < machine < float("inf"):
        raise InputError("the roofline needs positive flops and bytes a second")
    found = [(t.equation, number(t.flops, sizes), number(t.entries, sizes) * itemsize) for t in traffic(program)]
    return [Bound(eq, f, b, "" if machine is None else "memory" if f / b < machine else "arithmetic") for eq, f, b in found if f]
