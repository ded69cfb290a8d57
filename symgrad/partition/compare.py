"""Ways to work with many devices or less memory, side by side: each dimension split, two at once, and smaller minibatches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy

from symgrad.core.counting import dimensions, leading
from symgrad.errors import InputError
from symgrad.partition.communication import messages
from symgrad.partition.sharding import Machine, Partition
from symgrad.printing.derived import Derived
from symgrad.printing.tables import Table, formula


@dataclass(frozen=True)
class Way:
    """One way to work: bytes that a device holds and sends for a whole batch, messages that it waits for, and its flops."""

    name: str
    held: sympy.Expr
    sent: sympy.Expr
    messages: sympy.Expr
    flops: sympy.Expr


class Comparison:
    """Every dimension split over the devices, and the batch cut into as many minibatches on one device.

    On a mesh of two axes the batch is split over the first and each other dimension over the second as well: hybrid plans.
    """

    def __init__(
        self,
        derivation: Derived,
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
        if len(mesh) > 2:
            raise InputError("the comparison is of one mesh axis or two, as in --mesh devices=4 and --mesh data=2,model=2")
        self.batch = sympy.Symbol(batch, integer=True, positive=True)
        self.whole = Partition(derivation, mesh, None, sizes, dtype)
        others = [name for name in names if name != batch]
        everywhere = "+".join(mesh)
        self.split = {name: Partition(derivation, mesh, {name: everywhere}, None, dtype) for name in (batch, *others)}
        self.hybrid: dict[str, Partition] = {}
        if len(mesh) == 2:
            data, model = mesh
            self.hybrid = {name: Partition(derivation, mesh, {batch: data, name: model}, None, dtype) for name in others}

    @property
    def devices(self) -> sympy.Expr:
        return sympy.Mul(*self.whole.mesh.symbols.values())

    def ways(self) -> list[Way]:
        """The batch split first, then the other dimensions, then one device with the whole batch and with smaller ones."""
        axes = [str(m) for m in self.whole.mesh.symbols.values()]
        ways = [_way(f"{name} over {' and '.join(axes)}", p) for name, p in self.split.items()]
        ways += [_way(f"{self.batch} over {axes[0]}, {name} over {axes[1]}", p) for name, p in self.hybrid.items()]
        one = _way("one device", self.whole)
        small = sympy.expand(one.held.subs(self.batch, self.batch / self.devices))
        return [*ways, one, replace(one, name=f"one device, {' × '.join(axes)} minibatches", held=small)]

    def bounds(self) -> dict[str, sympy.Expr]:
        """For each other dimension the batch size below which splitting it sends less than splitting the batch."""
        data, found = self._ring(self.split[str(self.batch)]), {}
        for name, p in self.split.items():
            more = sympy.expand(self._ring(p) - data)
            slope, rest = more.coeff(self.batch, 1), more.coeff(self.batch, 0)
            is_line = sympy.expand(more - slope * self.batch - rest) == 0
            if slope != 0 and is_line and all(c > 0 for c in slope.as_coefficients_dict().values()):
                found[name] = sympy.factor_terms(sympy.cancel(-rest / slope))
        return found

    def _ring(self, p: Partition) -> sympy.Expr:
        """What goes round in a step, without the factor (k - 1) / k that these ways share."""
        return sympy.expand(sympy.simplify(p.traffic * self.devices / (self.devices - 1)))

    def tables(self, machine: Machine | None = None) -> list[Table]:
        """What each way holds, sends and computes: formulas, or numbers where sizes are given, and the time on a machine."""
        title = f"{self.whole.whole.name} on {self.whole.mesh.devices} devices, and with as many minibatches"
        flops = "flops of a device" if self.whole.sizes else "leading flops of a device"
        header = ("way", "bytes held by a device", "bytes sent by a device", "messages", flops)
        time = () if machine is None else ("microseconds",)
        table = Table(title, (*header, *time), [self._row(w, machine) for w in self.ways()])
        everywhere = " and ".join(str(m) for m in self.whole.mesh.symbols.values())
        numbers = () if self.whole.sizes is None else ("number",)
        rows = [(f"{name} over {everywhere}", formula(b), *self._numbers(b)) for name, b in self.bounds().items()]
        less = f"Sends less than {self.batch} over {everywhere} for a batch"
        return [table, Table(less, ("way", f"{self.batch} below", *numbers), rows)]

    def _row(self, w: Way, machine: Machine | None) -> tuple[str, ...]:
        if self.whole.sizes is None:
            return (w.name, formula(w.held), formula(w.sent), formula(sympy.factor_terms(w.messages)), formula(leading(w.flops)))
        cells = (w.name, *self._numbers(w.held, w.sent, w.messages, w.flops))
        return cells if machine is None else (*cells, f"{1e6 * self.seconds(w, machine):,.1f}")

    def seconds(self, w: Way, machine: Machine) -> float:
        """The estimated time of a step: arithmetic, and messages of which none hides behind it."""
        flops, sent, sends = (self.whole.at(x) for x in (w.flops, w.sent, w.messages))
        return flops / machine.flops + sent / machine.bandwidth + sends * machine.latency

    def _numbers(self, *formulas: sympy.Expr) -> tuple[str, ...]:
        return () if self.whole.sizes is None else tuple(f"{self.whole.at(f):,}" for f in formulas)


def _way(name: str, p: Partition) -> Way:
    return Way(name, p.total, p.traffic, messages(p.collectives, p.mesh), p.flops)
