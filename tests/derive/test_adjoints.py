"""Reverse mode: contributions add, adjoints come in the order of the book, and cost grows with the program alone."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from cases import evaluate
from models import D2L

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.graph import postorder
from symgrad.core.op import REGISTRY, is_zero, variable
from symgrad.core.program import Equation, Program
from symgrad.derive.adjoints import adjoint
from symgrad.reading.door import read_text

exp, tanh = REGISTRY["exp"], REGISTRY["tanh"]
N = sympy.Symbol("n", integer=True, positive=True)


def names(program: Program) -> list[str]:
    return [eq.name for eq in program.equations]


def test_contributions_add_where_a_value_branches():
    x, z, J = variable("x"), variable("z"), variable("J")
    forward = Program("branch", (x,), (Equation(z, exp(x)), Equation(J, z * tanh(z) + 3 * z)), (J,))
    backward = adjoint(forward, [x])
    z_bar = backward.defined[backward.outputs[1]].parts
    assert len(z_bar) == 1
    t = 0.7
    z_value = np.exp(t)
    expected = (np.tanh(z_value) + z_value * (1 - np.tanh(z_value) ** 2) + 3) * z_value
    np.testing.assert_allclose(evaluate(backward, {"x": t})[1], expected, rtol=1e-14)


def test_parts_are_named_by_the_equations_they_come_from():
    backward = adjoint(read_text(D2L, {}), [read_text(D2L, {}).input("W1")])
    parts = backward.defined[backward.outputs[1]].parts
    assert [str(source) for source, _ in parts] == ["z", "s"]


def test_an_inputs_adjoint_follows_its_first_use():
    program = read_text(D2L, {})
    backward = adjoint(program, [program.input("W1"), program.input("W2")])
    assert names(backward)[6:] == ["s_bar", "L_bar", "o_bar", "W2_bar", "h_bar", "z_bar", "W1_bar"]
    assert [str(v) for v in backward.outputs] == ["J", "W1_bar", "W2_bar"]


def test_the_forward_equations_stay_untouched():
    program = read_text(D2L, {})
    assert adjoint(program, [program.input("x")]).equations[:6] == program.equations


def test_a_variable_that_nothing_depends_on_gets_zeros():
    x, w, J = variable("x"), variable("w", (N,)), variable("J")
    forward = Program("idle", (x, w), (Equation(J, exp(x)),), (J,))
    backward = adjoint(forward, [w])
    expr = backward.defined[backward.outputs[1]].expr
    assert is_zero(expr) and expr.shape == (N,)


def test_generated_names_give_way_to_the_authors():
    x, z, z_bar, J = variable("x"), variable("z"), variable("z_bar"), variable("J")
    equations = (Equation(z, exp(x)), Equation(z_bar, tanh(z)), Equation(J, z * z_bar))
    backward = adjoint(Program("clash", (x,), equations, (J,)), [x])
    assert len(set(names(backward))) == len(names(backward))
    assert "z_bar_2" in names(backward)


def net(depth: int) -> Program:
    h, equations, weights = variable("x", (N,)), [], []
    inputs = [h]
    for k in range(1, depth + 1):
        W, z, a = variable(f"W{k}", (N, N)), variable(f"z{k}", (N,)), variable(f"h{k}", (N,))
        equations += [Equation(z, W @ h), Equation(a, tanh(z))]
        weights.append(W)
        h = a
    J = variable("J")
    return Program("net", (*inputs, *weights), (*equations, Equation(J, h @ h)), (J,))


def counts(depth: int) -> tuple[int, int]:
    program = net(depth)
    backward = adjoint(program, program.inputs[1:])
    return len(backward.equations), len(list(postorder(eq.expr for eq in backward.equations)))


@pytest.mark.parametrize("depth", [64, 512])
def test_equations_and_nodes_grow_linearly_with_depth(depth: int):
    (few, few_nodes), (more, more_nodes), (many, many_nodes) = counts(8), counts(9), counts(depth)
    assert more - few == 5  # z, h and the adjoints of z, h and W
    assert many == few + (depth - 8) * (more - few)
    assert many_nodes == few_nodes + (depth - 8) * (more_nodes - few_nodes)
