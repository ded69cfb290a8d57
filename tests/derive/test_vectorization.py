"""vmap: the result on a stack of points is the stack of the results, for every operation, through loops, and for derivatives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import DISTINCT, case_of, generic, point, samples, symbol
from loops import CASES, Case, T

from symgrad.checking.evaluation import evaluate
from symgrad.core.loop import Loop
from symgrad.core.op import REGISTRY, Node, variable
from symgrad.core.program import Program
from symgrad.derive.adjoints import adjoint
from symgrad.derive.vectorization import vmap
from symgrad.ops.generic import functions_of

POINTS = 2
ALONE = frozenset(
    "inv pinv det logdet det_sign cholesky cofactor solve solve_triangular kron blocks_with entries_with vec unvec".split()
    + "gather scatter loss".split()
)
"""Operations on matrices, labels and open functions that take one operand at a time, at least where some of theirs move."""

SIZES = variable("sizes", tuple(map(symbol, DISTINCT)))
"""An input that is there for the sizes of its axes alone."""

SAMPLES = [(name, case_of(op, sample)) for name, op, sample in samples()]


def agrees(program: Program, moving: list[Node], singles: list[dict[str, Any]], functions: Any = None) -> Program:
    """Holds the program on all points against one after the other; what does not move is that of the first point."""
    names = {str(v) for v in moving}
    at = [{name: (single if name in names else singles[0])[name] for name in single} for single in singles]
    wanted = [evaluate(program, inputs, functions) for inputs in at]
    whole = vmap(program, moving, POINTS)
    found = evaluate(whole, at[0] | {name: np.array([inputs[name] for inputs in at]) for name in names}, functions)
    for v, out in zip(program.outputs, whole.outputs, strict=True):
        one_by_one = np.array([values[str(v)] for values in wanted])
        assert out.shape in (v.shape, (POINTS, *v.shape))
        np.testing.assert_allclose(np.broadcast_to(found[str(out)], one_by_one.shape), one_by_one, rtol=1e-10, atol=1e-12)
    return whole


@pytest.mark.parametrize(("name", "case"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_every_operation_on_a_stack(name, case):
    rng = np.random.default_rng(3)
    singles = [{**point(case, rng), "sizes": np.broadcast_to(np.nan, tuple(DISTINCT.values()))} for _ in range(POINTS)]
    functions = {name: generic(node) for name, node in functions_of([case.node]).items()}
    for moving in {frozenset({x}) for x in case.operands} | {frozenset(case.operands)}:
        agrees(replace(case.program, inputs=(*case.operands, SIZES)), list(moving), singles, functions)


def test_what_takes_no_stack_is_known():
    """Each of the operations that are left out runs in a loop for some operand; no other that says how it takes a stack does."""
    looped = {
        case.op.name
        for _, case in SAMPLES
        for x in case.operands
        if any(isinstance(s, Loop) for s in vmap(case.program, [x], POINTS).statements)
    }
    others = [REGISTRY[name] for name in looped - ALONE]
    assert ALONE <= looped and all(op.front is op.stacked is None for op in others)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_loops_and_their_gradients_on_a_stack(case: Case):
    singles = [case.point(3, seed) for seed in range(POINTS)]
    gradient = adjoint(case.program, case.program.inputs)
    for moving in ([case.program.inputs[0]], list(case.program.inputs)):
        whole = agrees(gradient, moving, singles)
        assert all(s.length == T for s in whole.statements if isinstance(s, Loop))
