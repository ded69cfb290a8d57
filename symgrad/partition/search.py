"""The best plan for a mesh: every way to split the dimensions over its axes, by estimated time, within a budget of memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from symgrad.core.counting import checked_sizes, dimensions
from symgrad.core.op import Node
from symgrad.errors import InputError, UnsupportedError
from symgrad.partition.mesh import Axes
from symgrad.partition.sharding import Machine, Partition
from symgrad.printing.derived import Derived
from symgrad.printing.tables import Table

_MOST_TRIED = 2000
"""Plans beyond which the search is refused."""


@dataclass(frozen=True)
class Candidate:
    """A plan with the bytes that a device holds and sends in a step, and the seconds that the step is estimated to take."""

    partition: Partition
    bytes: int
    sent: int
    seconds: float


def candidates(
    derivation: Derived, mesh: Mapping[str, int], sizes: Mapping[str, Any], machine: Machine, dtype: str = "float64"
) -> list[Candidate]:
    """All plans that divide the dimensions, fastest first, of equals the one that holds less.

    A mesh axis splits one dimension, wherever it stands, or none; one that splits a batch alone may split the parameters too.
    """
    checked = checked_sizes(derivation.program, sizes)
    names = dimensions(derivation.program)
    if (count := 2 * (len(names) + 1) ** len(mesh)) > _MOST_TRIED:
        raise UnsupportedError(
            f"{count} plans for {len(names)} dimensions on {len(mesh)} mesh axes; more than {_MOST_TRIED} are not tried"
        )
    found = [
        _candidate(p, machine)
        for plan in _plans(derivation, mesh, names, checked)
        if (p := _fitting(derivation, mesh, plan, checked, dtype))
    ]
    return sorted(found, key=lambda c: (c.seconds, c.bytes))


def best(found: list[Candidate], budget: float) -> Candidate:
    """The fastest plan within this many bytes a device; raises `InputError` with the least that is possible."""
    fitting = [c for c in found if c.bytes <= budget]
    if not fitting:
        raise InputError(f"no plan fits into {budget:,.0f} bytes a device; the least possible is {min(c.bytes for c in found):,}")
    return fitting[0]


def plan_table(found: list[Candidate], chosen: Candidate) -> Table:
    rows = [
        (str(c.partition.plan), f"{c.bytes:,}", f"{c.sent:,}", f"{1e6 * c.seconds:,.1f}", "chosen" * (c is chosen)) for c in found
    ]
    return Table("Plans, fastest first", ("plan", "bytes held", "bytes sent", "microseconds", ""), rows)


def _plans(
    derivation: Derived, mesh: Mapping[str, int], names: tuple[str, ...], sizes: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    """For each mesh axis a dimension or none; then the same with parameters split over the axes that split none of them."""
    for choice in product((None, *names), repeat=len(mesh)):
        plan: dict[str, Any] = {}
        for m, name in zip(mesh, choice, strict=True):
            if name is not None:
                plan[name] = f"{plan[name]}+{m}" if name in plan else m
        yield plan
        own = {str(d) for v in derivation.wrt for d in v.shape}
        free = [m for m, name in zip(mesh, choice, strict=True) if name is not None and name not in own]
        if free:
            yield plan | {
                str(v): split for v in derivation.wrt if (split := _sharded(v, plan, mesh, tuple(free), sizes)) is not None
            }


def _sharded(
    v: Node, plan: Mapping[str, str], mesh: Mapping[str, int], free: Axes, sizes: Mapping[str, int]
) -> tuple[str | None, ...] | None:
    """A parameter split over these axes along its first axis that they divide and nothing else splits; None for no such axis."""
    count = 1
    for m in free:
        count *= mesh[m]
    split: list[str | None] = [plan.get(str(d)) for d in v.shape]
    for k, d in enumerate(v.shape):
        n = d if isinstance(d, int) else int(d.subs({s: sizes[s.name] for s in d.free_symbols}))
        if split[k] is None and n % count == 0:
            split[k] = "+".join(free)
            return tuple(split)
    return None


def _fitting(
    derivation: Derived, mesh: Mapping[str, int], plan: Mapping[str, Any], sizes: Mapping[str, int], dtype: str
) -> Partition | None:
    """The partition by this plan, unless the mesh does not divide a dimension."""
    try:
        return Partition(derivation, mesh, plan, sizes, dtype)
    except InputError:
        return None


def _candidate(p: Partition, machine: Machine) -> Candidate:
    return Candidate(p, p.at(p.total), p.at(p.traffic), p.seconds(machine)["step"])
