"""A derivation in stages, one a device, which work on microbatches one after the other: cost, schedule and code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import sympy

from symgrad.checking.report import Report
from symgrad.core.counting import checked_sizes, entries, flops, itemsize_of, number
from symgrad.core.files import write_text
from symgrad.core.graph import variables
from symgrad.core.op import Node
from symgrad.errors import InputError
from symgrad.partition.mesh import WHOLE, Mesh, check_divides, planned
from symgrad.partition.pipeline_code import PipelineParts, pipeline_module
from symgrad.partition.sharding import Machine
from symgrad.partition.stages import MICRO, Stage, Stages, staged
from symgrad.partition.trial import check_pipeline
from symgrad.planning.schedule import scheduled
from symgrad.printing.derived import Derived
from symgrad.printing.equations import listing
from symgrad.printing.tables import Table, formula, html, markdown, plain
from symgrad.printing.text import unicode_of


class Pipeline:
    """A gradient in stages, as `d.pipeline(ends=["H"], batch="n", microbatches=4)` returns it: the first stage ends with H.

    Every stage computes its forward equations again before its backward ones; it keeps what it received, for every microbatch.
    """

    def __init__(
        self,
        derivation: Derived,
        ends: Sequence[str],
        batch: str,
        microbatches: int = 1,
        sizes: Mapping[str, Any] | None = None,
        dtype: str = "float64",
    ) -> None:
        if not derivation.is_scalar:
            raise InputError(f"{derivation.program.name} has no gradient to cut into stages: its value is no scalar")
        if not ends:
            raise InputError("name the value that ends each stage but the last")
        self.derivation, self.wrt, self.batch = derivation, derivation.wrt, batch
        self.itemsize, self.dtype = itemsize_of(dtype), dtype
        self.whole = scheduled(derivation.adjoint)
        self.mesh = Mesh({MICRO: microbatches}, self.whole.names)
        forward = [eq.name for eq in derivation.program.equations]
        self.staged: Stages = staged(self.whole, self.wrt, self.mesh, batch, ends, forward)
        self.sizes = None if sizes is None else checked_sizes(derivation.program, sizes)
        if self.sizes is not None:
            arrays = [v for v in self.whole.inputs if not v.params["properties"] & WHOLE]
            check_divides(self.mesh, planned(self.whole, self.mesh, {batch: MICRO}), arrays, self.sizes)

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self.staged.stages

    @property
    def microbatches(self) -> int:
        return self.mesh.devices

    def at(self, formula: Any) -> int:
        """A formula at the sizes of this pipeline."""
        return number(formula, self.mesh.numbers(self.known_sizes("a number")))

    def known_sizes(self, purpose: str) -> dict[str, int]:
        """The sizes of this pipeline; raises `InputError` where it has none."""
        if self.sizes is None:
            raise InputError(f"{purpose} needs the sizes of the dimensions: pipeline(..., sizes={{...}})")
        return self.sizes

    # what it costs --------------------------------------------------------------------------------------------------------

    @property
    def ticks(self) -> sympy.Expr:
        """Microbatches that a stage could work on while the pipeline fills, runs and drains, in each direction."""
        return self.mesh.symbols[MICRO] + len(self.stages) - 1

    @property
    def bubble(self) -> sympy.Expr:
        """The part of the time that a stage waits."""
        return (len(self.stages) - 1) / self.ticks

    @cached_property
    def messages(self) -> dict[str, sympy.Expr]:
        """Bytes of one message in each direction; where the boundaries differ, of the largest, as all stages send alike."""
        onward = [self._bytes(s.received) for s in self.stages[1:]]
        homeward = [self._bytes(s.returned) for s in self.stages[1:]]
        return {"onward": _greatest(onward), "homeward": _greatest(homeward)}

    @cached_property
    def sent(self) -> dict[str, sympy.Expr]:
        """Bytes by kind, as XLA lists them: a message each tick but the last, in both directions, and the value's all-reduce."""
        sends = (self.ticks - 1) * sympy.Add(*self.messages.values())
        return {"send/receive": sympy.factor_terms(sends), "all-reduce": sympy.Integer(self.itemsize)}

    def memory(self, i: int) -> dict[str, sympy.Expr]:
        """Bytes on the device of stage i."""
        s = self.stages[i]
        forward = {eq.name for eq in self.derivation.program.equations}
        read = {v for eq in s.backward.equations if eq.name not in forward for v in variables(eq.expr)}
        return {
            "parameters": self._bytes(s.params),
            "gradients": self._bytes(s.params),
            "inputs": self._whole_bytes(self.staged.data),
            "received": self._whole_bytes(s.received),
            "kept": self._bytes([eq.symbol for eq in s.backward.equations if eq.name in forward and eq.symbol in read]),
        }

    def _whole_bytes(self, nodes: Sequence[Node]) -> sympy.Expr:
        """Bytes for all microbatches together."""
        splits, micro = self.staged.placed.splits, self.mesh.symbols[MICRO]
        return sympy.Add(*(self._bytes([v]) * (micro if any(splits[v]) else 1) for v in nodes))

    def _bytes(self, nodes: Sequence[Node]) -> sympy.Expr:
        return sympy.expand(self.mesh.formula(entries(nodes)) * self.itemsize)

    def flops(self, i: int) -> dict[str, sympy.Expr]:
        """Flops of stage i for one microbatch, and once at the end."""
        s = self.stages[i]
        found = {"forward": flops(s.forward), "backward": flops(s.backward), "last": flops(s.last)}
        return {name: sympy.expand(self.mesh.formula(f)) for name, f in found.items()}

    def seconds(self, machine: Machine) -> dict[str, float]:
        """The estimated time of a step: in each tick the slowest stage, then the message."""
        names, ticks = ("forward", "backward", "last"), self.at(self.ticks)
        slowest = {name: max(self.at(self.flops(i)[name]) for i in range(len(self.stages))) for name in names}
        work = ((slowest["forward"] + slowest["backward"]) * ticks + slowest["last"]) / machine.flops
        sending = sum(self.at(b) / machine.bandwidth + machine.latency for b in self.messages.values()) * (ticks - 1)
        return {"arithmetic": work, "sending": sending, "step": work + sending}

    # printing -------------------------------------------------------------------------------------------------------------

    def equations(self) -> str:
        """What each stage computes of one microbatch, and at the end."""
        parts, show = [], self.derivation.show()
        for i, s in enumerate(self.stages):
            every = dict.fromkeys((*s.forward.equations, *s.backward.equations))
            parts.append(f"Stage {i}, for every microbatch\n{listing(every, show)}")
            parts.append(f"Stage {i}, at the end\n{listing(s.last.equations, show)}")
        return "\n\n".join(parts)

    def tables(self, machine: Machine | None = None) -> list[Table]:
        tables = [self._stage_table(), self._sent_table()]
        return tables if machine is None else [*tables, self._time_table(machine)]

    def _cells(self, expr: sympy.Expr) -> tuple[str, ...]:
        return (formula(expr),) if self.sizes is None else (formula(expr), f"{self.at(expr):,}")

    def _columns(self) -> tuple[str, ...]:
        return ("bytes",) if self.sizes is None else ("bytes", "number")

    def _stage_table(self) -> Table:
        rows = [(str(i), name, *self._cells(b)) for i in range(len(self.stages)) for name, b in self.memory(i).items() if b != 0]
        title = f"{self.whole.name} in {len(self.stages)} stages, {self.microbatches} microbatches of {self.batch}: held"
        return Table(title, ("stage", "arrays", *self._columns()), rows)

    def _sent_table(self) -> Table:
        show = self.derivation.show()
        crossing = {
            "onward": [v for s in self.stages for v in s.received],
            "homeward": [v for s in self.stages for v in s.returned],
        }
        names = {way: ", ".join(unicode_of(show.text(v)) for v in vs) for way, vs in crossing.items()}
        rows = [(f"a message {way}", names[way], *self._cells(b)) for way, b in self.messages.items()]
        rows += [("total", kind, *self._cells(b)) for kind, b in self.sent.items()]
        title = f"Sent in a step ({self.dtype}); a stage waits {formula(self.bubble)} of the time"
        return Table(title, ("what", "of", *self._columns()), rows)

    def _time_table(self, machine: Machine) -> Table:
        rows = [(name, f"{1e6 * s:,.1f}") for name, s in self.seconds(machine).items()]
        return Table("Estimated time of a step", ("part", "microseconds"), rows)

    def __str__(self) -> str:
        return "\n\n".join([self.equations(), *(plain(t) for t in self.tables())])

    def markdown(self) -> str:
        return "\n\n".join(markdown(t) for t in self.tables())

    def _repr_html_(self) -> str:
        return "\n".join(html(t) for t in self.tables())

    # code -----------------------------------------------------------------------------------------------------------------

    def shard_map(self) -> str:
        """A module over `jax.shard_map` in which every device is a stage."""
        return pipeline_module(PipelineParts(self.whole, self.staged, self.mesh, self.wrt, self.equations()))

    def modules(self) -> dict[str, str]:
        return {f"{self.whole.name}_pipeline.py": self.shard_map()}

    def save(self, folder: str | Path) -> list[Path]:
        """Write the module."""
        return [write_text(Path(folder) / name, text) for name, text in self.modules().items()]

    def verify(self, **functions: Callable[..., Any]) -> Report:
        """Run the module on the devices that jax sees, against the gradient on one device, and hold the bytes against the HLO."""
        return check_pipeline(self, functions).raise_for_failure()


def _greatest(sums: Sequence[sympy.Expr]) -> sympy.Expr:
    own = list(dict.fromkeys(sums))
    return own[0] if len(own) == 1 else sympy.Max(*own, evaluate=False)
