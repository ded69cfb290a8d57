"""Memory and flops as a picture: against a dimension, or along the equations of a training step; needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symgrad.core.counting import entries, equation_flops, number
from symgrad.core.files import write_bytes
from symgrad.core.graph import variables
from symgrad.core.op import Node
from symgrad.costs.counts import Counts
from symgrad.errors import InputError, UnsupportedError
from symgrad.planning.schedule import scheduled
from symgrad.printing.text import unicode_of

_KINDS = ("svg", "png", "pdf")

HESSIANS = ("Hessian", "Jacobian")
"""What grows with the square of the parameters, and would hide everything else."""

MOST_NAMED = 40
"""Equations that still have their names below the axis."""


@dataclass(frozen=True)
class Moment:
    """After one equation of a training step: its left side, the flops done so far, and the bytes of values that are read later."""

    name: str
    flops: int
    bytes: int
    is_backward: bool


def doubled(least: int, most: int) -> list[int]:
    """From the least to the most by doubling.

    >>> doubled(1, 12)
    [1, 2, 4, 8, 12]
    """
    return [least << k for k in range(most.bit_length()) if least << k < most] + [most]


def step(cost: Counts) -> Iterator[Moment]:
    """A training step equation by equation: what is held grows with every layer forward and shrinks backward.

    Parameters, inputs and gradients are not counted: they are there whatever the depth.
    """
    sizes = cost.known_sizes("a plot")
    if not cost.passes.is_scalar:
        raise InputError(f"{cost.program.name} has no training step to plot: its value is no scalar")
    program, forward = scheduled(cost.passes.adjoint), {eq.name for eq in cost.program.equations}
    last = {v: k for k, eq in enumerate(program.equations) for v in variables(eq.expr)}
    done, show = 0, cost.formulas.show()
    live: list[Node] = []
    for k, (eq, flops) in enumerate(equation_flops(program)):
        live = [v for v in (*live, eq.symbol) if last.get(v, k) > k]
        done += number(flops, sizes)
        held = number(entries(live), sizes) * cost.itemsize
        yield Moment(unicode_of(show.text(eq.symbol)), done, held, eq.name not in forward)


def curves(cost: Counts, against: str, values: Sequence[int]) -> tuple[Mapping[str, list[int]], Mapping[str, list[int]]]:
    """Bytes in all of every use, and flops of everything that is derived, but for whole Hessians, at each size of one dimension."""
    sizes = cost.known_sizes("a plot")
    if against not in sizes:
        raise InputError(f"{cost.program.name} has no dimension {against!r}; its dimensions are {', '.join(sizes) or 'none'}")
    costs = [cost.resized({**sizes, against: n}) for n in values]
    uses = [use for use in cost.uses if use not in HESSIANS]
    names = [name for name in cost.flops if not name.startswith(HESSIANS) or name.endswith("product")]
    memory = {use: [c.at(c.memory_of(use).total) for c in costs] for use in uses}
    return memory, {name: [c.at(cost.flops[name]) for c in costs] for name in names}


def plot(cost: Counts, path: str | Path, against: str | None = None, values: Sequence[int] = ()) -> Path:
    """Write the picture; raises `InputError` for a suffix that is not known and `UnsupportedError` where matplotlib is missing."""
    kind = Path(path).suffix.lstrip(".")
    if kind not in _KINDS:
        raise InputError(f"a plot is written as .{', .'.join(_KINDS)}, not {Path(path).name!r}")
    matplotlib = _matplotlib()
    figure = matplotlib.figure.Figure(figsize=(10, 3.8), layout="constrained")
    if against is None:
        _draw_step(figure, list(step(cost)))
    else:
        _draw_curves(figure, against, values, *curves(cost, against, values))
    found = io.BytesIO()
    dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with matplotlib.rc_context({"svg.hashsalt": "symgrad"}):  # the same plot is the same bytes
        figure.savefig(found, format=kind, metadata=dates[kind])
    return write_bytes(path, found.getvalue())


def _matplotlib() -> Any:
    try:
        import matplotlib.figure  # noqa: PLC0415  (heavy, and optional)
    except ImportError as error:
        raise UnsupportedError("a plot needs matplotlib: pip install 'symgrad[plots]'") from error
    return matplotlib


def _draw_curves(figure: Any, against: str, values: Sequence[int], *panels: Mapping[str, list[int]]) -> None:
    """Two panels with both axes logarithmic: a power of the dimension is a straight line."""
    for axes, panel, title in zip(figure.subplots(1, 2), panels, ("bytes in all", "flops"), strict=True):
        for name, numbers in panel.items():
            axes.loglog(values, numbers, marker="o", markersize=3, label=name)
        _labelled(axes, against, title)


def _draw_step(figure: Any, moments: Sequence[Moment]) -> None:
    """Two panels over the equations in their order, the backward ones in another colour."""
    at, colours = range(len(moments)), ["tab:red" if m.is_backward else "tab:blue" for m in moments]
    panels = {"bytes kept for later": [m.bytes for m in moments], "flops so far": [m.flops for m in moments]}
    for axes, (title, heights) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        axes.bar(at, heights, color=colours, width=0.8)
        if len(moments) <= MOST_NAMED:
            axes.set_xticks(at, [m.name for m in moments], rotation=90)
        axes.bar(0, 0, color="tab:blue", label="forward")
        axes.bar(0, 0, color="tab:red", label="backward")
        _labelled(axes, "after the equation of", title)


def _labelled(axes: Any, below: str, title: str) -> None:
    axes.set_xlabel(below)
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
