"""A derivation split over a mesh: its equations on one device, what is sent, what is held, how long a step takes; and its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sympy

from symgrad.checking.report import Report
from symgrad.core.counting import LABEL_BYTES, checked_sizes, flops, itemsize_of, kept, number
from symgrad.core.files import write_text
from symgrad.core.op import Node, size
from symgrad.core.program import Program
from symgrad.errors import InputError
from symgrad.partition.communication import Collective, collected, messages, ring_bytes, totals
from symgrad.partition.mesh import WHOLE, Mesh, check_divides, planned
from symgrad.partition.mesh_code import MeshParts, named_sharding_module, shard_map_module
from symgrad.partition.placing import Placed, place
from symgrad.partition.trial import check_partition
from symgrad.planning.schedule import scheduled
from symgrad.printing.derived import Derived
from symgrad.printing.equations import align_environment, listing, show_of
from symgrad.printing.tables import Table, formula, html, markdown, plain
from symgrad.printing.text import unicode_of


@dataclass(frozen=True)
class Machine:
    """What a step is estimated from: flops a second of a device, bytes a second and seconds a message between two of them."""

    flops: float
    bandwidth: float
    latency: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.flops < float("inf") and 0 < self.bandwidth < float("inf") and 0 <= self.latency < float("inf")):
            raise InputError("a machine has positive flops and bytes a second, and a latency in seconds")


class Partition:
    """A gradient split over a mesh of devices, as `d.partition(mesh=..., plan=...)` returns it.

    >>> import symgrad as sg
    >>> d = sg.forward('def f(X: "n d", y: "n", w: "d"): return jnp.sum((X @ w - y) ** 2)').derive("w")
    >>> p = d.partition(mesh={"data": 4}, plan={"n": "data"})
    >>> p.sent["all-reduce"]
    8*d + 8
    """

    def __init__(
        self,
        derivation: Derived,
        mesh: Mapping[str, int],
        plan: Mapping[str, Any] | None = None,
        sizes: Mapping[str, Any] | None = None,
        dtype: str = "float64",
    ) -> None:
        if not derivation.is_scalar:
            raise InputError(f"{derivation.program.name} has no gradient to partition: its value is no scalar")
        self.derivation, self.wrt = derivation, derivation.wrt
        self.itemsize, self.dtype = itemsize_of(dtype), dtype
        self.whole = scheduled(derivation.adjoint)
        self.mesh = Mesh(mesh, self.whole.names)
        self.plan = planned(self.whole, self.mesh, plan)
        self.sizes = None if sizes is None else checked_sizes(derivation.program, sizes)
        if self.sizes is not None:
            check_divides(self.mesh, self.plan, self._named(), self.sizes)

    def _named(self) -> list[Node]:
        """The symbols whose places the plan gives: inputs, and named values that it names."""
        others = [eq.symbol for eq in self.whole.equations if eq.name in self.plan.arrays]
        return [v for v in (*self.whole.inputs, *others) if not v.params["properties"] & WHOLE]

    @cached_property
    def placed(self) -> Placed:
        """The program of one device, where its symbols are split, and why its collectives are there."""
        wanted = {g: self.plan.split(v) for v, g in zip(self.wrt, self.whole.outputs[1:], strict=True)}
        return place(self.whole, self.mesh, self.plan, wanted, self.sizes)

    @property
    def program(self) -> Program:
        """The program of one device."""
        return self.placed.program

    def at(self, formula: Any) -> int:
        """A formula at the sizes of this partition."""
        return number(formula, self.mesh.numbers(self.known_sizes("a number")))

    def known_sizes(self, purpose: str) -> dict[str, int]:
        """The sizes of this partition; raises `InputError` where it has none."""
        if self.sizes is None:
            raise InputError(f"{purpose} needs the sizes of the dimensions: partition(..., sizes={{...}})")
        return self.sizes

    # what it costs --------------------------------------------------------------------------------------------------------

    @cached_property
    def collectives(self) -> list[Collective]:
        """What is sent, in the order of the equations."""
        return collected(self.placed, self.mesh)

    @cached_property
    def sent(self) -> dict[str, sympy.Expr]:
        """Bytes by kind of collective, as XLA lists them: of the results on one device."""
        return {kind: sympy.expand(e * self.itemsize) for kind, e in totals(self.collectives).items()}

    @cached_property
    def traffic(self) -> sympy.Expr:
        """Bytes that each device sends in a step, collectives running in rings."""
        return ring_bytes(self.collectives, self.mesh, self.itemsize)

    @cached_property
    def flops(self) -> sympy.Expr:
        """The flops of one device."""
        return sympy.expand(self.mesh.formula(flops(self.program)))

    @cached_property
    def memory(self) -> dict[str, sympy.Expr]:
        """Bytes on one device: parameters and their gradients, other inputs, values kept for the backward pass, gathered arrays."""
        forward = {eq.name for eq in self.derivation.program.equations}
        own = tuple(eq for eq in self.program.equations if eq.name in forward)
        held = kept(replace(self.program, statements=own, outputs=()), self.program)
        names = {str(v) for v in self.wrt}
        arrays = [v for v in self.program.inputs if not v.params["properties"] & WHOLE]
        gathered = [c.entries for c in self.collectives if c.kind == "all-gather"]
        table = {
            "parameters": self._bytes(v for v in arrays if str(v) in names),
            "gradients": self._bytes(v for v in arrays if str(v) in names),
            "inputs": self._bytes(v for v in arrays if str(v) not in names),
            "kept": self._bytes(k.symbol for k in held if k.symbol.ndim),
            "gathered": sympy.expand(sympy.Add(*gathered) * self.itemsize),
        }
        return {name: b for name, b in table.items() if b != 0}

    def _bytes(self, nodes: Any) -> sympy.Expr:
        each = (size(v) * (LABEL_BYTES if "int" in v.params["properties"] else self.itemsize) for v in nodes)
        return sympy.expand(self.mesh.formula(sympy.Add(*each)))

    @cached_property
    def total(self) -> sympy.Expr:
        """Bytes that one device holds."""
        return sympy.Add(*self.memory.values())

    def seconds(self, machine: Machine) -> dict[str, float]:
        """The estimated time of a step: arithmetic, and messages of which none hides behind arithmetic."""
        numbers = self.mesh.numbers(self.known_sizes("the time of a step"))
        arithmetic = number(self.flops, numbers) / machine.flops
        sending = (
            number(self.traffic, numbers) / machine.bandwidth
            + number(messages(self.collectives, self.mesh), numbers) * machine.latency
        )
        return {"arithmetic": arithmetic, "sending": sending, "step": arithmetic + sending}

    # printing -------------------------------------------------------------------------------------------------------------

    def equations(self) -> str:
        """The equations of one device as a terminal shows them, collectives among them."""
        return listing(self.program.equations, show_of(self.program))

    def latex(self) -> str:
        """The same as LaTeX."""
        return align_environment(self.program.equations, show_of(self.program))

    def tables(self, machine: Machine | None = None) -> list[Table]:
        """Where everything lies, what is sent and what is held; with a machine, the time of a step."""
        tables = [self._places_table(), self._sent_table(), self._memory_table()]
        return tables if machine is None else [*tables, self._time_table(machine)]

    def _columns(self) -> tuple[str, ...]:
        return ("bytes",) if self.sizes is None else ("bytes", "number")

    def _cells(self, expr: sympy.Expr) -> tuple[str, ...]:
        return (formula(expr),) if self.sizes is None else (formula(expr), f"{self.at(expr):,}")

    def _places_table(self) -> Table:
        show = self.derivation.show()
        arrays = [v for v in self.placed.splits if v.ndim and not v.params["properties"] & WHOLE]
        rows = [(unicode_of(show.text(v)), " × ".join(formula(self.mesh.formula(d)) for d in v.shape)) for v in arrays]
        return Table(f"{self.whole.name} on {self.mesh}: {self.plan}", ("array", "on each device"), rows)

    def _sent_table(self) -> Table:
        show = self.derivation.show()
        rows = []
        for c in self.collectives:
            name = unicode_of(show.text(c.equation.symbol))
            rows.append((name, f"{c.kind} over {', '.join(c.axes)}", *self._cells(c.entries * self.itemsize), c.why))
        rows += [("total", kind, *self._cells(b), "") for kind, b in self.sent.items()]
        rows.append(("each device sends", "in rings", *self._cells(self.traffic), ""))
        return Table(f"Sent in a step ({self.dtype})", ("equation", "collective", *self._columns(), "because"), rows)

    def _memory_table(self) -> Table:
        rows = [(name, *self._cells(b)) for name, b in self.memory.items()]
        return Table("Held by each device", ("arrays", *self._columns()), [*rows, ("total", *self._cells(self.total))])

    def _time_table(self, machine: Machine) -> Table:
        found = self.seconds(machine)
        one = number(flops(self.whole), self.known_sizes("the time of a step")) / machine.flops
        rows = [*((name, f"{1e6 * s:,.1f}") for name, s in found.items()), ("one device alone", f"{1e6 * one:,.1f}")]
        return Table("Estimated time of a step", ("part", "microseconds"), rows)

    def __str__(self) -> str:
        return "\n\n".join([self.equations(), *(plain(t) for t in self.tables())])

    def markdown(self) -> str:
        """The tables for a page in Markdown."""
        return "\n\n".join(markdown(t) for t in self.tables())

    def _repr_latex_(self) -> str:
        return self.latex()

    def _repr_html_(self) -> str:
        return "\n".join(html(t) for t in self.tables())

    # code -----------------------------------------------------------------------------------------------------------------

    def _parts(self) -> MeshParts:
        return MeshParts(self.whole, self.placed, self.mesh, self.wrt, str(self.plan), self.equations())

    def shard_map(self) -> str:
        """A module over `jax.shard_map` in which every collective is written out."""
        return shard_map_module(self._parts())

    def named_sharding(self) -> str:
        """A module over `NamedSharding`, in which XLA puts in the collectives."""
        return named_sharding_module(self._parts())

    def modules(self) -> dict[str, str]:
        """Both modules by the names of their files."""
        name = self.whole.name
        return {f"{name}_shard_map.py": self.shard_map(), f"{name}_named_sharding.py": self.named_sharding()}

    def save(self, folder: str | Path) -> list[Path]:
        """Write both modules."""
        texts = self.modules()
        for name, text in texts.items():
            write_text(Path(folder) / name, text)
        return [Path(folder) / name for name in texts]

    def verify(self, **functions: Callable[..., Any]) -> Report:
        """Run both modules on the devices that jax sees, against the gradient on one device, and hold the bytes against the HLO."""
        return check_partition(self, functions).raise_for_failure()
