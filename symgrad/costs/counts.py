"""What a derivation costs, counted: flops, memory, recomputing and roofline, as formulas in its dimensions and as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from symgrad.core.counting import (
    Kept,
    argument_bytes,
    checked_sizes,
    entries,
    flops,
    itemsize_of,
    kept,
    leading_ratio,
    number,
    working_set,
)
from symgrad.core.op import Node
from symgrad.core.program import Program
from symgrad.costs.checkpoint import KeptValues, Recomputing, within_budget
from symgrad.costs.roofline import Bound, bounds
from symgrad.errors import InputError, one_of
from symgrad.export.buffers import HeldArray, Instant
from symgrad.export.footprint import BLOCK, REUSED_FROM, dominating, held_by, total_bytes
from symgrad.modules import Modules
from symgrad.planning.plans import Plan
from symgrad.planning.schedule import scheduled

SCALAR_FUNCTIONS = {"prediction": "value", "training": "value_and_grad", "Hessian-vector product": "hvp", "Hessian": "hessian"}
ARRAY_FUNCTIONS = {"prediction": "value", "Jacobian-vector product": "jvp", "Jacobian": "jacobian"}
"""What the program is used for, and the function of the exported module that does it."""


@dataclass(frozen=True)
class BytesUsed:
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


class Counts:
    """Flops and memory of a derivation: SymPy formulas in the dimensions, and numbers where `sizes` are given."""

    def __init__(self, modules: Modules, sizes: Mapping[str, Any] | None = None, dtype: str = "float64") -> None:
        self.modules, self.formulas, self.passes = modules, modules.formulas, modules.passes
        self.program, self.wrt = self.passes.program, self.passes.wrt
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
        name, plan = "Hessian" if self.passes.is_scalar else "Jacobian", self.passes.plan
        return f"{name} by products" if plan is None else _named(name, plan)

    def resized(self, sizes: Mapping[str, int]) -> Counts:
        """The same at other sizes."""
        return Counts(self.modules, sizes, self.dtype)

    # flops --------------------------------------------------------------------------------------------------------------

    @cached_property
    def flops(self) -> dict[str, sympy.Expr]:
        """The flops of everything that is derived, as the exported code computes it, every shared operation once."""
        value, product = flops(self._value), flops(scheduled(self.passes.tangent))
        if not self.passes.is_scalar:
            return {"value": value, "Jacobian-vector product": product} | self._whole("Jacobian", product)
        adjoint = self.passes.adjoint
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
        return {f"{n} / gradient": leading_ratio(self.flops[n], self.flops["gradient"]) for n in names}

    @cached_property
    def _value(self) -> Program:
        return scheduled(self.passes.forward)

    def _whole(self, name: str, product: sympy.Expr) -> dict[str, sympy.Expr]:
        """All second (first) derivatives, one product for each entry of the variables, and by every plan there is."""
        table = {f"{name} by products": sympy.expand(entries(self.wrt) * product)}
        return table | {_named(name, plan): plan.flops for plan in self.passes.plans}

    def _diagonal(self, product: sympy.Expr) -> sympy.Expr:
        """As exported: by one product for each entry of the variables where there is no other way."""
        found = self.passes.diagonal
        return sympy.expand(entries(self.wrt) * product) if found is None else flops(scheduled(found))

    # memory -------------------------------------------------------------------------------------------------------------

    @cached_property
    def kept(self) -> list[Kept]:
        """The intermediates that training keeps and prediction does not, with the adjoint equations that read them."""
        return kept(self.program, self.passes.adjoint) if self.passes.is_scalar else []

    @cached_property
    def memory(self) -> dict[str, BytesUsed]:
        """Bytes by use: prediction, training, Hessian-vector product, Hessian."""
        return {use: self.memory_of(use) for use in self.uses}

    @property
    def uses(self) -> Mapping[str, str]:
        """What the program is used for, and the function of the exported module that does it."""
        return SCALAR_FUNCTIONS if self.passes.is_scalar else ARRAY_FUNCTIONS

    def memory_of(self, use: str) -> BytesUsed:
        """Bytes of one use alone."""
        one_of("the use", use, self.uses)
        moved = tuple(self.passes.directions.values()) if use.endswith("product") else ()
        arguments = argument_bytes((*self.arrays, *moved), self.itemsize)
        stored = [k.symbol for k in self.kept if k.symbol.ndim] if use != "prediction" else []
        kept_bytes = entries(stored) * self.itemsize
        return BytesUsed(sympy.expand(arguments), self._results(use), sympy.expand(kept_bytes), self._peak(use))

    def _results(self, use: str) -> sympy.Expr:
        output, parameters = self.program.output, entries(self.wrt)
        value = entries([output]) if output.ndim else sympy.S.Zero
        count = {"prediction": value, "Jacobian-vector product": value, "Jacobian": entries([output]) * parameters}
        if use == "Hessian":
            return sympy.expand(self._blocks() * self.itemsize)
        return sympy.expand(count.get(use, parameters) * self.itemsize)

    def _blocks(self) -> sympy.Expr:
        """Entries of a Hessian; in closed form the blocks below the diagonal are views of those above."""
        if self.passes.dense is None:
            return entries(self.wrt) ** 2
        return sympy.Add(*(entries([a]) * entries(self.wrt[i:]) for i, a in enumerate(self.wrt)))

    def _peak(self, use: str) -> sympy.Expr:
        if use in ("Hessian", "Jacobian") and self.passes.dense is None:
            return self._peak_by_products(use)
        module, inputs = self.modules.lowered(), {str(v): _as_array(v) for v in self.arrays}
        moved = tuple(HeldArray(v.shape) for v in self.wrt) if use.endswith("product") else ()
        shapes = {name: n.shape for name, n in module.open.items() if n.shape != n.args[0].shape}
        function = module.function(self.uses[use])
        return self._worst(held_by(function, inputs, moved, shapes, self.itemsize, self._is_large, self._is_block))

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

    def _worst(self, points: list[Instant]) -> sympy.Expr:
        return self._greatest([sympy.expand(t) for t in total_bytes(dominating(points))])

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

    def checkpoints(self, budget: int | None = None) -> list[Recomputing]:
        """Kept intermediates against flops done again: every choice worth having, or the cheapest one within a budget in bytes."""
        if not self.passes.is_scalar:
            raise InputError(f"{self.program.name} has no backward pass to keep intermediates for: its value is no scalar")
        sizes = self.known_sizes("a choice of what to recompute")
        curve = KeptValues(self.program, [k.symbol for k in self.kept], sizes, self.itemsize).curve()
        return curve if budget is None else [within_budget(curve, budget)]

    def roofline(self, flops_per_second: float | None = None, bytes_per_second: float | None = None) -> list[Bound]:
        """Flops and bytes of every equation of the gradient (the value, where that is an array), and which it waits for."""
        program = self.passes.adjoint if self.passes.is_scalar else self._value
        return bounds(program, self.known_sizes("the roofline"), self.itemsize, flops_per_second, bytes_per_second)


def _named(whole: str, plan: Plan) -> str:
    return f"{whole} {'in' if plan.has_forms else 'by'} {plan.name}"


def _as_array(v: Node) -> HeldArray:
    return HeldArray(v.shape, "int" if "int" in v.params["properties"] else "float")


def _at_most(a: sympy.Expr, b: sympy.Expr) -> bool:
    """Is a <= b for every positive size, as far as coefficients tell?"""
    return all(c >= 0 for c in sympy.expand(b - a).as_coefficients_dict().values())
