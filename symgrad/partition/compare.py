"""Ways to work with many devices or less memory, side by side: each dimension split, and smaller minibatches on one device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy

from symgrad.cost import dimensions
from symgrad.errors import InputError
from symgrad.partition.report import Partition
from symgrad.printing.tables import Table, formula

if TYPE_CHECKING:
    from symgrad.derivation import Derivation


@dataclass(frozen=True)
class Way:
    """One way to work: bytes that a device holds and sends for a whole batch, and its flops."""

    name: str
    held: sympy.Expr
    sent: sympy.Expr
    flops: sympy.Expr


class Comparison:
    """Every dimension of a derivation split over the same devices, and the batch cut into as many minibatches on one device."""

    def __init__(
        self,
        derivation: Derivation,
        mesh: Mapping[str, int],
        batch: str,
        sizes: Mapping[str, Any] | None = None,
        dtype: str = "float64",
    ) -> None:
        names = dimensions(derivation.program)
        if batch not in names:
            raise InputError(
                f"{derivation.program.name} has no dimension {batch!r}; its dimensions are {', '.join(names) or 'none'}"
            )
        if len(mesh) != 1:
            raise InputError("the comparison is of one mesh axis, as in --mesh devices=4")
        (self.axis,) = mesh
        self.batch = sympy.Symbol(batch, integer=True, positive=True)
        self.whole = Partition(derivation, mesh, None, sizes, dtype)
        self.split = {
            name: Partition(derivation, mesh, {name: self.axis}, None, dtype) for name in (batch, *names) if name in names
        }

    @property
    def devices(self) -> sympy.Symbol:
        return self.whole.mesh.symbols[self.axis]

    def ways(self) -> list[Way]:
        """The batch split first, then the other dimensions, then one device with the whole batch and with smaller ones."""
        ways = [Way(f"{name} over {self.axis}", p.total, p.traffic, p.flops) for name, p in self.split.items()]
        one = self.whole
        small = sympy.expand(one.total.subs(self.batch, self.batch / self.devices))
        return [
            *ways,
            Way("one device", one.total, sympy.S.Zero, one.flops),
            Way(f"one device, {self.axis} minibatches", small, sympy.S.Zero, one.flops),
        ]

    def bounds(self) -> dict[str, sympy.Expr]:
        """For each other dimension the batch size below which splitting it sends less than splitting the batch."""
        data = _ring(self.split[str(self.batch)], self.devices)
        found = {}
        for name, p in self.split.items():
            more = sympy.expand(_ring(p, self.devices) - data)
            slope, rest = more.coeff(self.batch, 1), more.coeff(self.batch, 0)
            is_line = sympy.expand(more - slope * self.batch - rest) == 0
            if slope != 0 and is_line and all(c > 0 for c in slope.as_coefficients_dict().values()):
                found[name] = sympy.factor_terms(sympy.cancel(-rest / slope))
        return found

    def tables(self) -> list[Table]:
        rows = [(w.name, *self._cells(w.held), *self._cells(w.sent), formula(w.flops)) for w in self.ways()]
        number = () if self.whole.sizes is None else ("number",)
        header = ("way", "bytes held by a device", *number, "bytes sent by a device", *number, "flops of a device")
        limits = [(f"{name} over {self.axis}", formula(b), *self._cells(b)[1:]) for name, b in self.bounds().items()]
        title = f"{self.whole.whole.name} on {self.whole.mesh.devices} devices, and with as many minibatches"
        less = f"Sends less than {self.batch} over {self.axis} for a batch"
        return [Table(title, header, rows), Table(less, ("way", f"{self.batch} below", *number), limits)]

    def _cells(self, expr: sympy.Expr) -> tuple[str, ...]:
        return (formula(expr),) if self.whole.sizes is None else (formula(expr), f"{self.whole.at(expr):,}")


def _ring(p: Partition, devices: sympy.Symbol) -> sympy.Expr:
    """What goes round in a step, without the factor (k - 1) / k that all ways share."""
    return sympy.expand(sympy.simplify(p.traffic * devices / (devices - 1)).subs(p.mesh.symbols[next(iter(p.mesh.sizes))], devices))
