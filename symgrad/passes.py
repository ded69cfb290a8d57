"""The Programs that follow from one forward pass and the variables it is derived in, each made once, when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from symgrad.core.op import Node, variable
from symgrad.core.program import Program, fresh
from symgrad.derive.adjoints import adjoint
from symgrad.derive.probabilities import differentiable
from symgrad.derive.simplification import Simplifier
from symgrad.derive.tangents import direction_names, tangent
from symgrad.errors import InputError
from symgrad.planning.plans import Plan, cheapest, diagonal_program, hessian_plans, jacobian_plans
from symgrad.second.assembly import Factors, commute, factored
from symgrad.second.curvature import gauss_newton
from symgrad.second.hessian import Block, block

MOST_READ = 120
"""Equations of a backward pass above which no second derivative has a closed form short enough to look for."""

MOST_MOVED = 1_000
"""Equations, those of the backward pass once a variable, above which products along one direction at a time are the only plan."""


def chosen(program: Program, names: Sequence[str]) -> tuple[Node, ...]:
    """The inputs of these names, in this order; without names, every input of real numbers."""
    floats = [v for v in program.inputs if "int" not in v.params["properties"]]
    wrt = tuple(program.input(n) for n in names) or tuple(floats)
    if len(set(wrt)) != len(wrt):
        raise InputError(f"a variable is named twice in {', '.join(names)}")
    if labels := [v for v in wrt if v not in floats]:
        raise InputError(f"{labels[0]} holds integer labels; there is no derivative in it")
    return wrt


class Passes:
    """The backward pass of a program, its tangent, blocks and plans of second derivatives, and what else is made of these."""

    def __init__(self, program: Program, wrt: tuple[Node, ...]) -> None:
        self.program, self.wrt = program, wrt
        self.simplifier = Simplifier()

    @property
    def is_scalar(self) -> bool:
        return self.program.output.ndim == 0

    # first derivatives and products -------------------------------------------------------------------------------------

    @cached_property
    def normal(self) -> Program:
        """The forward pass in the form that differentiates best; equal for any inputs, no property used."""
        return differentiable(self.program)

    @cached_property
    def forward(self) -> Program:
        """That form as code computes it."""
        return self.simplifier.simplified(self.normal)

    @cached_property
    def raw_adjoint(self) -> Program:
        """The adjoint before any property of a variable is used: what is differentiated again."""
        if not self.is_scalar:
            raise InputError(
                f"{self.program.name} has a value of shape {self.program.output.shape}, not a scalar; ask for its jacobian"
            )
        return adjoint(self.normal, self.wrt)

    @cached_property
    def adjoint(self) -> Program:
        """The forward equations followed by one adjoint equation each; outputs are the value and the gradients."""
        return self.simplifier.simplified(self.raw_adjoint)

    @cached_property
    def directions(self) -> dict[Node, Node]:
        """The direction that stands for each variable in products."""
        return direction_names(self.program, self.wrt)

    @cached_property
    def tangent(self) -> Program:
        """The Hessian-vector product of a scalar program, the Jacobian-vector product of any other."""
        if not self.is_scalar:
            return self.simplifier.simplified(tangent(self.normal, self.directions))
        raw = self.raw_adjoint
        return self.simplifier.simplified(tangent(raw, self.directions, raw.outputs[1:]).needed())

    def moved(self, column: int, rows: list[int]) -> tuple[Program, Node]:
        """Gradients moved in the direction of one variable, and that direction."""
        raw, b = self.raw_adjoint, self.wrt[column]
        if b not in self._columns:
            self._columns[b] = tangent(raw, {b: self.directions[b]}, raw.outputs[1:])
        whole = self._columns[b]
        return self.simplifier.simplified(whole.needed(whole.outputs[i] for i in rows)), self.directions[b]

    @cached_property
    def _columns(self) -> dict[Node, Program]:
        """All gradients moved in the direction of a variable, by the variable."""
        return {}

    def pushed(self, v: Node) -> Program:
        """The value of an array program moved in the direction of one variable."""
        return self.simplifier.simplified(tangent(self.normal, {v: self.directions[v]}))

    # blocks -------------------------------------------------------------------------------------------------------------

    def block(self, row: str, column: str) -> Block:
        """One block of the Hessian as a structured linear map; of the Jacobian where the value is no scalar (`row` is unused)."""
        b = self.program.input(column)
        v = self.directions[b]
        if not self.is_scalar:
            moved = self.pushed(b)
            return block(moved, moved.outputs[0], self.program.output, b, v, self.simplifier)
        a = self.program.input(row)
        moved, _ = self.moved(self.wrt.index(b), [self.wrt.index(a)])
        return block(moved, moved.outputs[0], a, b, v, self.simplifier, self.program.output)

    @cached_property
    def upper(self) -> dict[tuple[int, int], Block]:
        """The Hessian's blocks on and above the diagonal, those below are their transposes; none of a program too long for them."""
        if self._is_too_deep or self._is_too_long or not self.commutes:
            return {}
        return {(i, j): self.block(str(a), str(b)) for i, a in enumerate(self.wrt) for j, b in enumerate(self.wrt) if i <= j}

    @cached_property
    def commutes(self) -> bool:
        """Is the Hessian symmetric in every direction?  One that is not, as jax.hessian has it, comes column by column."""
        return not self.is_scalar or commute(self.normal, self.wrt)

    # all second derivatives, or first ones of an array ------------------------------------------------------------------

    @cached_property
    def plans(self) -> list[Plan]:
        """The ways to all second derivatives (first ones, where the value is no scalar) as dense arrays."""
        if self._is_too_long or not self.commutes:
            return []
        if self.is_scalar:
            return hessian_plans(self.adjoint, self.upper, self.wrt, self.moved)
        forward = [(self.pushed(v), self.directions[v]) for v in self.wrt]
        blocks = {} if self._is_too_deep else {j: self.block("", str(v)) for j, v in enumerate(self.wrt)}
        return jacobian_plans(self.forward, blocks, self.wrt, forward, self._pulled())

    def _pulled(self) -> tuple[Program, Node]:
        """The gradients of an array program by a cotangent of its value, and that cotangent."""
        seed = variable(fresh(f"{self.program.output}_bar", self.program.names), self.program.output.shape)
        raw = adjoint(self.normal, self.wrt, of=self.program.output, seed=seed)
        return self.simplifier.simplified(replace(raw, outputs=raw.outputs[1:]).needed()), seed

    @cached_property
    def plan(self) -> Plan | None:
        """The plan of fewest flops; None where products along one direction at a time are the only way."""
        return cheapest(self.plans)

    @property
    def dense(self) -> Program | None:
        """The program of that plan."""
        return None if self.plan is None else self.plan.program

    @cached_property
    def diagonal(self) -> Program | None:
        """The Hessian's diagonal, if it takes no loop over directions."""
        if not self.is_scalar or self._is_too_long:
            return None
        return diagonal_program(self.adjoint, self.upper, self.wrt, self.moved)

    @cached_property
    def factors(self) -> Factors | None:
        """The arrays that the Hessian's blocks are made of; none where it is not symmetric in every direction."""
        return factored(self.adjoint, self.upper, self.simplifier) if self.is_scalar and self.commutes else None

    @property
    def _is_too_deep(self) -> bool:
        """Is there no hope of a closed form that is short?"""
        return 2 * len(self.normal.equations) > MOST_READ

    @property
    def _is_too_long(self) -> bool:
        """Are products along one direction at a time the only way that ends soon?"""
        return len(self.wrt) * 2 * len(self.normal.equations) > MOST_MOVED

    # Gauss-Newton -------------------------------------------------------------------------------------------------------

    @cached_property
    def curvature(self) -> Program | None:
        """The product of the Gauss-Newton matrix with the directions; None where the program is no model followed by a loss."""
        return self._curvature(self.directions)

    @property
    def gauss_newton(self) -> Program:
        """The same; raises `InputError` where there is none."""
        return self._modelled(self.curvature)

    def gauss_newton_block(self, row: str, column: str) -> Block:
        """One block of that matrix; raises likewise."""
        a, b = self.program.input(row), self.program.input(column)
        v = self.directions[b]
        product = self._modelled(self._curvature({b: v}))
        return replace(block(product, product.outputs[self.wrt.index(a)], a, b, v, self.simplifier), letter="G")

    def _curvature(self, directions: dict[Node, Node]) -> Program | None:
        raw = gauss_newton(self.normal, self.wrt, directions) if self.is_scalar else None
        return None if raw is None else self.simplifier.simplified(raw)

    def _modelled(self, product: Program | None) -> Program:
        if product is None:
            raise InputError(
                f"{self.program.name} is no model followed by a loss: no array stands between the variables and the value"
            )
        return product
