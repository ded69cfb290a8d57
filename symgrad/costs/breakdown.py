"""What a derivation costs as tables of text: arrays, graph, flops, plans, memory, what is kept and why."""

from __future__ import annotations

import sympy

from symgrad.core.counting import Kept, argument_bytes, entries
from symgrad.core.graph import variables
from symgrad.core.op import Node
from symgrad.core.program import Equation
from symgrad.costs.counts import Counts
from symgrad.planning.association import TYPICAL, typical
from symgrad.planning.plans import WORTH, Plan
from symgrad.printing.indices import sides
from symgrad.printing.latex import Show
from symgrad.printing.tables import Table, formula
from symgrad.printing.text import unicode_of


def tables(cost: Counts) -> list[Table]:
    """Arrays, graph, flops, plans and memory, and what is kept."""
    found = [_sizes_table(cost), _graph_table(cost), _flops_table(cost), _plans_table(cost), _memory_table(cost)]
    if cost.kept:
        show = cost.formulas.show()
        rows = [
            (unicode_of(show.text(k.symbol)), *_bytes(cost, entries([k.symbol]) * cost.itemsize), _printed(k, show))
            for k in cost.kept
        ]
        found.append(Table("Kept for the backward pass", ("value", *_columns(cost), "because it is read by"), rows))
    return found


def roofline_table(cost: Counts, flops_per_second: float | None = None, bytes_per_second: float | None = None) -> Table:
    show = cost.formulas.show()
    rows = [
        (_equation(b.equation, show), f"{b.flops:,}", f"{b.bytes:,}", f"{b.intensity:.3g}", b.waits_for)
        for b in cost.roofline(flops_per_second, bytes_per_second)
    ]
    width = 4 if flops_per_second is None or bytes_per_second is None else 5
    header = ("equation", "flops", "bytes", "flops a byte", "bound by")
    return Table("Roofline", header[:width], [r[:width] for r in rows])


def checkpoint_table(cost: Counts, budget: int | None = None) -> Table:
    total = cost.at(cost.flops["value and gradient"])
    rows = [
        (f"{p.bytes:,}", f"{p.flops:,}", f"{100 * p.flops / total:.1f} %", ", ".join(map(str, p.held)) or "all")
        for p in cost.checkpoints(budget)
    ]
    return Table("Recomputing", ("bytes kept", "flops again", "of a training step", "held"), rows)


def _columns(cost: Counts) -> tuple[str, ...]:
    return (f"{cost.dtype} entries",) if cost.sizes is None else (f"{cost.dtype} entries", "bytes")


def _bytes(cost: Counts, size: sympy.Expr) -> tuple[str, ...]:
    shown = formula(size, cost.itemsize)
    return (shown,) if cost.sizes is None else (shown, f"{cost.at(size):,}")


def _sizes_table(cost: Counts) -> Table:
    others = [v for v in cost.arrays if v not in cost.wrt]
    parts = [("parameters " + ", ".join(map(str, cost.wrt)), argument_bytes(cost.wrt, cost.itemsize))]
    if others:
        parts.append(("inputs " + ", ".join(map(str, others)), argument_bytes(others, cost.itemsize)))
    if cost.passes.is_scalar:
        parts.append(("gradients", entries(cost.wrt) * cost.itemsize))
    given = "" if cost.sizes is None else " at " + ", ".join(f"{d} = {n}" for d, n in cost.sizes.items())
    return Table(f"{cost.program.name}{given}", ("arrays", *_columns(cost)), [(name, *_bytes(cost, b)) for name, b in parts])


def _graph_table(cost: Counts) -> Table:
    """What each pass adds to the graph: its equations, and the values of earlier passes that they read."""
    earlier: set[Node] = set()
    rows = []
    for title, equations in cost.formulas.sections.items():
        own = [eq for eq in equations if not eq.aside]
        read = {v for eq in equations for v in variables(eq.expr)} & earlier
        rows.append((title, str(len(own)), str(len(read))))
        earlier |= {eq.symbol for eq in own}
    return Table("Graph", ("pass", "equations", "values read of earlier passes"), rows)


def _flops_table(cost: Counts) -> Table:
    header = ("flops", "formula", *(() if cost.sizes is None else ("number",)), "over the gradient")
    rows = []
    for name, f in cost.flops.items():
        counted = () if cost.sizes is None else (f"{cost.at(f):,}",)
        rows.append((name, formula(f), *counted, _over_gradient(cost, name)))
    return Table("Flops", header if cost.ratios else header[:-1], [r if cost.ratios else r[:-1] for r in rows])


def _over_gradient(cost: Counts, name: str) -> str:
    if f"{name} / gradient" not in cost.ratios:
        return ""
    shown = formula(cost.ratios[f"{name} / gradient"])
    if cost.sizes is None:
        return shown
    return f"{shown} ≈ {cost.at(cost.flops[name]) / max(1, cost.at(cost.flops['gradient'])):.4g}"


def _plans_table(cost: Counts) -> Table:
    """How the exported `hessian` (`jacobian`) goes about it: the plans there are, and the one that is taken."""
    what = "Hessian" if cost.passes.is_scalar else "Jacobian"
    chosen = cost.passes.plan
    reasons = {plan: _reason(cost, plan) if plan is chosen else "" for plan in cost.passes.plans}
    rows = [(plan.name, f"{typical(plan.flops):,}", reason) for plan, reason in reasons.items()]
    if chosen is None:
        one = "an operation takes no more than one direction at a time"
        why = one if cost.passes.commutes else "the Hessian is symmetric along symmetric changes alone"
        rows = [("one product for each direction", "", f"taken: {why}")]
    return Table(f"Plan of the {what}", ("plan", f"flops with every dimension {TYPICAL}", "why"), rows)


def _reason(cost: Counts, plan: Plan) -> str:
    if len(cost.passes.plans) == 1:
        return "taken: there is no other"
    fewest = min(cost.passes.plans, key=lambda other: typical(other.flops))
    return "taken: fewest flops" if fewest is plan else f"taken: no plan saves {1 - WORTH:.0%} of its flops"


def _memory_table(cost: Counts) -> Table:
    if cost.sizes is None:
        names = ("arguments", "results", "kept", "peak")
        rows = [(use, *(formula(getattr(m, n), cost.itemsize) for n in names)) for use, m in cost.memory.items()]
        return Table(f"Memory of the exported code, in {cost.dtype} entries", ("use", *names), rows)
    columns = ("arguments", "results", "kept", "temporaries", "peak", "total")
    numbers = [(use, *(f"{cost.at(getattr(m, c)):,}" for c in columns)) for use, m in cost.memory.items()]
    peaks = [formula(m.peak, cost.itemsize) for m in cost.memory.values()]
    rows = [(*cells, peak) for cells, peak in zip(numbers, peaks, strict=True)]
    return Table("Memory of the exported code, in bytes", ("use", *columns, "peak in entries"), rows)


def _equation(eq: Equation, show: Show) -> str:
    return " = ".join(map(unicode_of, sides(eq.symbol, eq.expr, show)))


def _printed(k: Kept, show: Show) -> str:
    return "; ".join(_equation(eq, show) for eq in k.readers)
