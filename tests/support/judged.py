"""Derivatives of entrywise operations at adversarial points: ours and jax's, judged by mpmath with many digits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import mpmath
import numpy as np
import sympy
from witnesses import WITNESSES

import symgrad.ops  # noqa: F401  (registers the operations)
from symgrad.checking.evaluation import evaluate
from symgrad.core.op import REGISTRY, Op, variable
from symgrad.core.program import Equation, Program
from symgrad.derive.adjoints import adjoint
from symgrad.derive.simplification import simplified
from symgrad.planning.schedule import scheduled

POINTS = (-1e100, -40.0, -1e-100, 0.0, 1e-100, 1e-8, 0.5, 40.0, 1e100)
TOLERANCE = 1e-13
DIGITS = 420


@dataclass(frozen=True)
class Judgement:
    """One derivative at one point: what mpmath, we and jax say."""

    operation: str
    point: float
    truth: float
    ours: float
    theirs: float

    @property
    def ours_agrees(self) -> bool:
        return agrees(self.ours, self.truth)

    @property
    def theirs_agrees(self) -> bool:
        return agrees(self.theirs, self.truth)


def agrees(got: float, truth: float) -> bool:
    return abs(got - truth) <= max(TOLERANCE * abs(truth), 5e-324)


def judgements(*ops: Op) -> Iterator[Judgement]:
    """Every entrywise operation of one operand that has a scalar body and a counterpart in jax, where its derivative is finite."""
    for op in ops or REGISTRY.values():
        scalars = [s for s in op.samples if s.specs and not s.specs[0].partition("|")[0].strip() and len(s.specs) == 1]
        if op.scalar is None or op.name not in WITNESSES or not scalars or scalars[0].static:
            continue
        for point in (p for p in POINTS if p or not op.kink):  # what counts at a kink is a convention
            truth = true_derivative(op, point)
            if truth is not None:
                yield Judgement(op.name, point, truth, our_derivative(op, point), their_derivative(op, point))


def true_derivative(op: Op, point: float) -> float | None:
    """By SymPy's own derivative of the scalar body, in mpmath; None outside the domain, at kinks and beyond float64."""
    t = sympy.Symbol("t", real=True)
    assert op.scalar is not None
    slope = sympy.lambdify(t, sympy.diff(op.scalar(t), t), "mpmath")
    with mpmath.mp.workdps(DIGITS):
        try:
            value = slope(mpmath.mpf(point))
        except (ValueError, ZeroDivisionError, OverflowError, TypeError, NameError):
            return None
        if not isinstance(value, mpmath.mpf) or not mpmath.isfinite(value) or abs(value) > 1e300:
            return None
        return float(value)


def our_derivative(op: Op, point: float) -> float:
    """As exported code computes it."""
    x, y = variable("x"), variable("y")
    program = scheduled(simplified(adjoint(Program("f", (x,), (Equation(y, op(x)),), (y,)), [x])))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return float(evaluate(program, {"x": np.float64(point)})["x_bar"])


def their_derivative(op: Op, point: float) -> float:
    return float(jax.grad(lambda x: WITNESSES[op.name](x))(point))


def listed() -> str:
    """Markdown: the points where one of the two is not right to 13 digits."""
    rows = [
        f"| `{j.operation}` | {j.point:g} | {j.truth:.6g} | {j.ours:.6g} | {j.theirs:.6g} |"
        for j in judgements()
        if not (j.ours_agrees and j.theirs_agrees)
    ]
    return "\n".join(["| operation | at | derivative | ours | jax |", "| --- | --- | --- | --- | --- |", *rows])
