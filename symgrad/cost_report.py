"""What a derivation costs, as formulas in its dimensions and as numbers: flops, memory, recomputing, roofline; as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy

from symgrad.checkpoint import Chain, Plan, cheapest
from symgrad.cost import (
    Kept,
    argument_bytes,
    checked_sizes,
    entries,
    flops,
    itemsize_of,
    kept,
    number,
    ratio,
    traffic,
    working_set,
)
from symgrad.errors import InputError
from symgrad.export.association import TYPICAL, typical
from symgrad.export.memory import BLOCK, REUSED_FROM, Array, Point, dominating, held_by, totals
from symgrad.export.plan import WORTH
from symgrad.export.plan import Plan as WayThere
from symgrad.export.schedule import scheduled
from symgrad.graph import postorder
from symgrad.op import Node, Shape
from symgrad.ops.generic import functions_of
from symgrad.printing.latex import Show
from symgrad.printing.tables import Table, formula, html, markdown, plain
from symgrad.printing.text import unicode_of
from symgrad.program import Equation, Program
from symgrad.simplify import simplified

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

FUNCTIONS = {"prediction": "value", "training": "value_and_grad", "Hessian-vector product": "hvp", "Hessian": "hessian"}
ARRAY_FUNCTIONS = {"prediction": "value", "Jacobian-vector product": "jvp", "Jacobian": "jacobian"}
"""What the program is used for, and the function of the exported module that does it."""


@dataclass(frozen=True)
class Memory:
    """Bytes that one use of a program takes; `peak` is what the exported code holds beyond its arguments at the worst moment."""

    arguments: sympy.Expr
    results: sympy.Expr
    kept: sympy.Expr
    peak: sympy.Expr

    @property
    def temporaries(self) -> sympy.Expr:
        """What the code holds at its peak beside results and kept intermediates."""
        return self.peak - self.results - self.kept

    @property
    def total(self) -> sympy.Expr:
        return self.arguments + self.peak


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


class Cost:
    """Flops and memory of a derivation: SymPy formulas in the dimensions, and numbers where `sizes` are given.

    >>> import symgrad as sg
    >>> cost = sg.forward('def f(x: "n", A: "m n"): return jnp.sum((A @ x) ** 2)').derive("A").cost({"m": 3, "n": 4})
    >>> cost.flops["Hessian-vector product"], cost.memory["training"].results
    (3*m*n + m, 8*m*n)
    """

    def __init__(self, derivation: Derivation, sizes: Mapping[str, Any] | None = None, dtype: str = "float64") -> None:
        self.derivation, self.program, self.wrt = derivation, derivation.program, derivation.wrt
        self.itemsize, self.dtype = itemsize_of(dtype), dtype
        self.sizes = None if sizes is None else checked_sizes(self.program, sizes)

    def at(self, formula: Any) -> int:
        """A formula at the sizes of this cost."""
        return number(formula, self._sizes("a number"))

    def _sizes(self, purpose: str) -> dict[str, int]:
        if self.sizes is None:
            raise InputError(f"{purpose} needs the sizes of the dimensions: cost(sizes={{...}})")
        return self.sizes

    # flops --------------------------------------------------------------------------------------------------------------

    @cached_property
    def flops(self) -> dict[str, sympy.Expr]:
        """The flops of everything that is derived, as the exported code computes it, every shared operation once."""
        value, product = flops(self._value), flops(scheduled(self.derivation.tangent))
        if not self.derivation.is_scalar:
            return {"value": value, "Jacobian-vector product": product} | self._whole("Jacobian", product)
        adjoint = self.derivation.adjoint
        table = {
            "value": value,
            "gradient": flops(scheduled(adjoint.needed(adjoint.outputs[1:]))),
            "value and gradient": flops(scheduled(adjoint)),
            "Hessian-vector product": product,
            "Hessian diagonal": self._diagonal(product),
        }
        return table | self._whole("Hessian", product)

    @cached_property
    def ratios(self) -> dict[str, sympy.Expr]:
        """How the second order compares with the gradient, in leading terms."""
        if "gradient" not in self.flops:
            return {}
        names = [n for n in self.flops if n.startswith("Hessian")]
        return {f"{n} / gradient": ratio(self.flops[n], self.flops["gradient"]) for n in names}

    @cached_property
    def _value(self) -> Program:
        return scheduled(simplified(self.derivation._normal))

    def _whole(self, name: str, product: sympy.Expr) -> dict[str, sympy.Expr]:
        """All second (first) derivatives, one product for each entry of the variables, and by every plan there is."""
        table = {f"{name} by products": sympy.expand(entries(self.wrt) * product)}
        return table | {f"{name} {'in' if plan.has_forms else 'by'} {plan.name}": plan.flops for plan in self.derivation.plans}

    def _diagonal(self, product: sympy.Expr) -> sympy.Expr:
        """As exported: by one product for each entry of the variables where there is no other way."""
        found = self.derivation._diagonal
        return sympy.expand(entries(self.wrt) * product) if found is None else flops(scheduled(found))

    # memory -------------------------------------------------------------------------------------------------------------

    @cached_property
    def kept(self) -> list[Kept]:
        """The intermediates that training keeps and prediction does not, with the adjoint equations that read them."""
        return kept(self.program, self.derivation.adjoint) if self.derivation.is_scalar else []

    @cached_property
    def memory(self) -> dict[str, Memory]:
        """Bytes by use: prediction, training, Hessian-vector product, Hessian."""
        return {use: self._memory(use) for use in (FUNCTIONS if self.derivation.is_scalar else ARRAY_FUNCTIONS)}

    def _memory(self, use: str) -> Memory:
        moved = tuple(self.derivation.directions.values()) if use.endswith("product") else ()
        arguments = argument_bytes((*_arrays(self.program), *moved), self.itemsize)
        stored = [k.symbol for k in self.kept if k.symbol.ndim] if use != "prediction" else []
        kept_bytes = entries(stored) * self.itemsize
        return Memory(sympy.expand(arguments), self._results(use), sympy.expand(kept_bytes), self._peak(use))

    def _results(self, use: str) -> sympy.Expr:
        output, parameters = self.program.output, entries(self.wrt)
        value = entries([output]) if output.ndim else sympy.S.Zero
        count = {"prediction": value, "Jacobian-vector product": value, "Jacobian": entries([output]) * parameters}
        if use == "Hessian":
            return sympy.expand(self._blocks() * self.itemsize)
        return sympy.expand(count.get(use, parameters) * self.itemsize)

    def _blocks(self) -> sympy.Expr:
        """Entries of a Hessian; in closed form the blocks below the diagonal are views of those above."""
        if self.derivation._dense is None:
            return entries(self.wrt) ** 2
        return sympy.Add(*(entries([a]) * entries(self.wrt[i:]) for i, a in enumerate(self.wrt)))

    def _peak(self, use: str) -> sympy.Expr:
        if use in ("Hessian", "Jacobian") and self.derivation._dense is None:
            return self._peak_by_products(use)
        names = FUNCTIONS if self.derivation.is_scalar else ARRAY_FUNCTIONS
        inputs: dict[str, Any] = {str(v): _as_array(v) for v in _arrays(self.program)}
        if use.endswith("product"):
            inputs["direction"] = inputs["direction_"] = tuple(Array(v.shape) for v in self.wrt)
        return self._worst(
            held_by(self.derivation.numpy(), names[use], inputs, self._shapes, self.itemsize, self._is_large, self._is_block)
        )

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        """The shapes of everything that has a name in the code, and of what functions left open return."""
        d = self.derivation
        programs = [p for p in (self._value, d.adjoint if d.is_scalar else None, d.tangent, d._dense) if p is not None]
        symbols = {eq.name: eq.symbol.shape for p in programs for eq in p.equations}
        calls = functions_of(n for p in programs for n in postorder(eq.expr for eq in p.equations))
        return {name: n.shape for name, n in calls.items() if n.shape != n.args[0].shape} | symbols

    def _peak_by_products(self, use: str) -> sympy.Expr:
        """The columns of one variable, as products and stacked, beside the blocks that are done."""
        rows = self._results("Hessian-vector product" if use == "Hessian" else "Jacobian-vector product")
        done = [entries(self.wrt[:k]) for k in range(len(self.wrt))]
        held = [sympy.expand(rows * (before + 2 * entries([v]))) for before, v in zip(done, self.wrt, strict=True)]
        return self._greatest(held)

    def _is_large(self, size: sympy.Expr) -> bool:
        return self.sizes is None or number(size, self.sizes) >= REUSED_FROM

    def _is_block(self, count: sympy.Expr) -> bool:
        return self.sizes is not None and number(count, self.sizes) <= BLOCK

    def _worst(self, points: list[Point]) -> sympy.Expr:
        return self._greatest([sympy.expand(t) for t in totals(dominating(points))])

    def _greatest(self, sums: list[sympy.Expr]) -> sympy.Expr:
        """The greatest at the sizes of this cost; without sizes all that can be, as one maximum."""
        if not sums:
            return sympy.S.Zero
        if self.sizes is not None:
            return max(sums, key=lambda s: number(s, self.sizes or {}))
        own = list(dict.fromkeys(sums))
        best = [s for s in own if not any(t is not s and _at_most(s, t) for t in own)]
        return best[0] if len(best) == 1 else sympy.Max(*best, evaluate=False)

    @cached_property
    def compiled_temporaries(self) -> sympy.Expr:
        """Bytes that a compiler such as XLA holds for the value beside arguments and results, elementwise work done in place."""
        return self._greatest([sympy.expand(s * self.itemsize) for s in working_set(self._value)])

    # recomputing and roofline ---------------------------------------------------------------------------------------------

    def checkpoints(self, budget: int | None = None) -> list[Plan]:
        """Kept intermediates against flops done again: every choice worth having, or the cheapest one within a budget in bytes."""
        if not self.derivation.is_scalar:
            raise InputError(f"{self.program.name} has no backward pass to keep intermediates for: its value is no scalar")
        sizes = self._sizes("a choice of what to recompute")
        curve = Chain(self.program, [k.symbol for k in self.kept], sizes, self.itemsize).curve()
        return curve if budget is None else [cheapest(curve, budget)]

    def roofline(self, flops_per_second: float | None = None, bytes_per_second: float | None = None) -> list[Bound]:
        """Flops and bytes of every equation of the gradient (the value, where that is an array), and which it waits for."""
        sizes = self._sizes("the roofline")
        machine = None if flops_per_second is None or bytes_per_second is None else flops_per_second / bytes_per_second
        if machine is not None and not 0 < machine < float("inf"):
            raise InputError("the roofline needs positive flops and bytes a second")
        program = self.derivation.adjoint if self.derivation.is_scalar else self._value
        found = [(t.equation, number(t.flops, sizes), number(t.entries, sizes) * self.itemsize) for t in traffic(program)]
        return [
            Bound(eq, f, b, "" if machine is None else "memory" if f / b < machine else "arithmetic") for eq, f, b in found if f
        ]

    # printing -----------------------------------------------------------------------------------------------------------

    def tables(self) -> list[Table]:
        """Everything above as tables of text."""
        tables = [self._sizes_table(), self._flops_table(), self._plans_table(), self._memory_table()]
        if self.kept:
            rows = [
                (unicode_of(Show().text(k.symbol)), *self._bytes(entries([k.symbol]) * self.itemsize), _printed(k))
                for k in self.kept
            ]
            tables.append(Table("Kept for the backward pass", ("value", *self._columns(), "because it is read by"), rows))
        return tables

    def roofline_table(self, flops_per_second: float | None = None, bytes_per_second: float | None = None) -> Table:
        rows = [
            (_equation(b.equation), f"{b.flops:,}", f"{b.bytes:,}", f"{b.intensity:.3g}", b.waits_for)
            for b in self.roofline(flops_per_second, bytes_per_second)
        ]
        width = 4 if flops_per_second is None or bytes_per_second is None else 5
        header = ("equation", "flops", "bytes", "flops a byte", "bound by")
        return Table("Roofline", header[:width], [r[:width] for r in rows])

    def checkpoint_table(self, budget: int | None = None) -> Table:
        total = self.at(self.flops["value and gradient"])
        rows = [
            (f"{p.bytes:,}", f"{p.flops:,}", f"{100 * p.flops / total:.1f} %", ", ".join(map(str, p.held)) or "all")
            for p in self.checkpoints(budget)
        ]
        return Table("Recomputing", ("bytes kept", "flops again", "of a training step", "held"), rows)

    def _columns(self) -> tuple[str, ...]:
        return (f"{self.dtype} entries",) if self.sizes is None else (f"{self.dtype} entries", "bytes")

    def _bytes(self, size: sympy.Expr) -> tuple[str, ...]:
        shown = formula(size, self.itemsize)
        return (shown,) if self.sizes is None else (shown, f"{self.at(size):,}")

    def _sizes_table(self) -> Table:
        others = [v for v in _arrays(self.program) if v not in self.wrt]
        parts = [("parameters " + ", ".join(map(str, self.wrt)), argument_bytes(self.wrt, self.itemsize))]
        if others:
            parts.append(("inputs " + ", ".join(map(str, others)), argument_bytes(others, self.itemsize)))
        if self.derivation.is_scalar:
            parts.append(("gradients", self._results("training")))
        given = "" if self.sizes is None else " at " + ", ".join(f"{d} = {n}" for d, n in self.sizes.items())
        return Table(f"{self.program.name}{given}", ("arrays", *self._columns()), [(name, *self._bytes(b)) for name, b in parts])

    def _flops_table(self) -> Table:
        header = ("flops", "formula", *(() if self.sizes is None else ("number",)), "over the gradient")
        rows = []
        for name, f in self.flops.items():
            counted = () if self.sizes is None else (f"{self.at(f):,}",)
            rows.append((name, formula(f), *counted, self._over_gradient(name)))
        return Table("Flops", header if self.ratios else header[:-1], [r if self.ratios else r[:-1] for r in rows])

    def _over_gradient(self, name: str) -> str:
        if f"{name} / gradient" not in self.ratios:
            return ""
        shown = formula(self.ratios[f"{name} / gradient"])
        if self.sizes is None:
            return shown
        return f"{shown} ≈ {self.at(self.flops[name]) / max(1, self.at(self.flops['gradient'])):.4g}"

    def _plans_table(self) -> Table:
        """How the exported `hessian` (`jacobian`) goes about it: the plans there are, and the one that is taken."""
        what = "Hessian" if self.derivation.is_scalar else "Jacobian"
        chosen = self.derivation.plan
        reasons = {plan: self._reason(plan) if plan is chosen else "" for plan in self.derivation.plans}
        rows = [(plan.name, f"{typical(plan.flops):,}", reason) for plan, reason in reasons.items()]
        if chosen is None:
            rows = [("one product for each direction", "", "taken: an operation takes no more than one direction at a time")]
        return Table(f"Plan of the {what}", ("plan", f"flops with every dimension {TYPICAL}", "why"), rows)

    def _reason(self, plan: WayThere) -> str:
        if len(self.derivation.plans) == 1:
            return "taken: there is no other"
        fewest = min(self.derivation.plans, key=lambda other: typical(other.flops))
        return "taken: fewest flops" if fewest is plan else f"taken: no plan saves {1 - WORTH:.0%} of its flops"

    def _memory_table(self) -> Table:
        if self.sizes is None:
            names = ("arguments", "results", "kept", "peak")
            rows = [(use, *(formula(getattr(m, n), self.itemsize) for n in names)) for use, m in self.memory.items()]
            return Table(f"Memory of the exported code, in {self.dtype} entries", ("use", *names), rows)
        columns = ("arguments", "results", "kept", "temporaries", "peak", "total")
        numbers = [(use, *(f"{self.at(getattr(m, c)):,}" for c in columns)) for use, m in self.memory.items()]
        peaks = [formula(m.peak, self.itemsize) for m in self.memory.values()]
        rows = [(*cells, peak) for cells, peak in zip(numbers, peaks, strict=True)]
        return Table("Memory of the exported code, in bytes", ("use", *columns, "peak in entries"), rows)

    def __str__(self) -> str:
        return "\n\n".join(plain(t) for t in self.tables())

    def markdown(self) -> str:
        """The tables for a page in Markdown."""
        return "\n\n".join(markdown(t) for t in self.tables())

    def _repr_html_(self) -> str:
        return "\n".join(html(t) for t in self.tables())


def _arrays(program: Program) -> list[Node]:
    """The inputs that are arrays: functions left open have no memory."""
    return [v for v in program.inputs if not v.params["properties"] & {"entrywise", "loss"}]


def _as_array(v: Node) -> Array:
    return Array(v.shape, "int" if "int" in v.params["properties"] else "float")


def _at_most(a: sympy.Expr, b: sympy.Expr) -> bool:
    """Is a <= b for every positive size, as far as coefficients tell?"""
    return all(c >= 0 for c in sympy.expand(b - a).as_coefficients_dict().values())


def _equation(eq: Equation) -> str:
    show = Show()
    return f"{unicode_of(show.text(eq.symbol))} = {unicode_of(show.text(eq.expr))}"


def _printed(k: Kept) -> str:
    return "; ".join(_equation(eq) for eq in k.readers)
