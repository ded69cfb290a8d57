"""What a derivation costs, as formulas in its dimensions and as numbers: flops, memory, recomputing, roofline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sympy

from symgrad.core.flops import (
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
from symgrad.core.graph import postorder
from symgrad.core.op import Node, Shape
from symgrad.core.program import Equation, Program
from symgrad.costs import breakdown
from symgrad.costs.checkpoint import Chain, Plan, cheapest
from symgrad.costs.plots import plot
from symgrad.derive.simplification import simplified
from symgrad.errors import InputError, one_of
from symgrad.export.footprint import BLOCK, REUSED_FROM, Array, Point, dominating, held_by, totals
from symgrad.ops.generic import functions_of
from symgrad.planning.plans import Plan as WayThere
from symgrad.planning.schedule import scheduled
from symgrad.printing.tables import Table, html, markdown, plain

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
        return number(formula, self.known_sizes("a number"))

    def known_sizes(self, purpose: str) -> dict[str, int]:
        """The sizes of this cost; raises `InputError` where it has none."""
        if self.sizes is None:
            raise InputError(f"{purpose} needs the sizes of the dimensions: cost(sizes={{...}})")
        return self.sizes

    @property
    def arrays(self) -> list[Node]:
        """The inputs that are arrays: functions left open have no memory."""
        return [v for v in self.program.inputs if not v.params["properties"] & {"entrywise", "loss"}]

    @property
    def whole(self) -> str:
        """What `flops` calls all second (first) derivatives, in the way that the exported code takes."""
        name, plan = "Hessian" if self.derivation.is_scalar else "Jacobian", self.derivation.plan
        return f"{name} by products" if plan is None else _named(name, plan)

    def resized(self, sizes: Mapping[str, int]) -> Cost:
        """The same at other sizes."""
        return Cost(self.derivation, sizes, self.dtype)

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
        return table | {_named(name, plan): plan.flops for plan in self.derivation.plans}

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
        return {use: self.memory_of(use) for use in self.uses}

    @property
    def uses(self) -> Mapping[str, str]:
        """What the program is used for, and the function of the exported module that does it."""
        return FUNCTIONS if self.derivation.is_scalar else ARRAY_FUNCTIONS

    def memory_of(self, use: str) -> Memory:
        """Bytes of one use alone."""
        one_of("the use", use, self.uses)
        moved = tuple(self.derivation.directions.values()) if use.endswith("product") else ()
        arguments = argument_bytes((*self.arrays, *moved), self.itemsize)
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
        inputs: dict[str, Any] = {str(v): _as_array(v) for v in self.arrays}
        if use.endswith("product"):
            inputs["direction"] = inputs["direction_"] = tuple(Array(v.shape) for v in self.wrt)
        source, large, block = self.derivation.numpy(), self._is_large, self._is_block
        return self._worst(held_by(source, self.uses[use], inputs, self._shapes, self.itemsize, large, block))

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
        sizes = self.known_sizes("a choice of what to recompute")
        curve = Chain(self.program, [k.symbol for k in self.kept], sizes, self.itemsize).curve()
        return curve if budget is None else [cheapest(curve, budget)]

    def roofline(self, flops_per_second: float | None = None, bytes_per_second: float | None = None) -> list[Bound]:
        """Flops and bytes of every equation of the gradient (the value, where that is an array), and which it waits for."""
        sizes = self.known_sizes("the roofline")
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
        return breakdown.tables(self)

    def roofline_table(self, flops_per_second: float | None = None, bytes_per_second: float | None = None) -> Table:
        return breakdown.roofline_table(self, flops_per_second, bytes_per_second)

    def checkpoint_table(self, budget: int | None = None) -> Table:
        return breakdown.checkpoint_table(self, budget)

    def plot(self, path: str | Path, against: str | None = None, values: Sequence[int] = ()) -> Path:
        """Draw memory and flops against these sizes of a dimension; without one, along the equations of a training step."""
        return plot(self, path, against, values)

    def __str__(self) -> str:
        return "\n\n".join(plain(t) for t in self.tables())

    def markdown(self) -> str:
        """The tables for a page in Markdown."""
        return "\n\n".join(markdown(t) for t in self.tables())

    def _repr_html_(self) -> str:
        return "\n".join(html(t) for t in self.tables())


def _named(whole: str, plan: WayThere) -> str:
    return f"{whole} {'in' if plan.has_forms else 'by'} {plan.name}"


def _as_array(v: Node) -> Array:
    return Array(v.shape, "int" if "int" in v.params["properties"] else "float")


def _at_most(a: sympy.Expr, b: sympy.Expr) -> bool:
    """Is a <= b for every positive size, as far as coefficients tell?"""
    return all(c >= 0 for c in sympy.expand(b - a).as_coefficients_dict().values())
