"""Loops: value, gradient and second derivatives at every length agree with the same loop in plain Python under jax.

Both directions, several carries, nesting; the derivatives are loops again, as many as the theory says, whatever the length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy
from loops import CASES, Case, D, H, T, cell, looped, rnn, row, step, tanh, total, var

from symgrad.checking.evaluation import evaluate
from symgrad.core.counting import flops
from symgrad.core.loop import Feed, Loop
from symgrad.core.op import variable
from symgrad.core.program import Equation, Program
from symgrad.derive.adjoints import adjoint
from symgrad.derive.probabilities import by_name, differentiable
from symgrad.derive.simplification import legible, simplified
from symgrad.derive.tangents import tangent
from symgrad.errors import InputError, ShapeError, UnsupportedError

LENGTHS = (0, 1, 2, 3, 7)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def outputs(program: Program, point: dict[str, Any]) -> list[np.ndarray]:
    found = evaluate(program, point)
    return [found[str(v)] for v in program.outputs]


def agree(found: list[Any], wanted: Any) -> None:
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def gradients(case: Case) -> Program:
    return adjoint(differentiable(case.program), case.program.inputs)


def directions(program: Program, point: dict[str, Any]) -> tuple[dict[Any, Any], dict[str, Any]]:
    rng, inputs = np.random.default_rng(1), [v for v in program.inputs if str(v) in point]
    vs = {v: variable(f"v_{v}", v.shape) for v in inputs}
    return vs, {str(d): rng.normal(size=point[str(v)].shape) for v, d in vs.items()}


def loops(program: Program) -> list[Loop]:
    return [s for s in program.statements if isinstance(s, Loop)]


@each_case
@pytest.mark.parametrize("steps", LENGTHS)
def test_value_gradient_and_products_are_those_of_the_unrolled_loop(case: Case, steps: int):
    point = case.point(steps)
    names = list(point)
    whole = gradients(case)
    agree(outputs(whole, point)[:1], [case.plain(**point)])
    gradient = jax.grad(lambda moving: case.plain(**moving))
    agree(outputs(whole, point)[1:], [gradient(point)[n] for n in names])
    vs, given = directions(case.program, point)
    moved = tangent(whole, vs, whole.outputs[1:]).needed()
    _, wanted = jax.jvp(gradient, (point,), ({n: given[f"v_{n}"] for n in names},))
    agree(outputs(moved, point | given), [wanted[n] for n in names])


@each_case
def test_reverse_over_reverse_is_forward_over_reverse(case: Case):
    """The gradient of <gradient, v>, by the adjoint of the adjoint, is the Hessian times v."""
    point = case.point(3)
    whole = gradients(case)
    vs, given = directions(case.program, point)
    inner = var("inner")
    parts = [total(g * vs[v]) for v, g in zip(case.program.inputs, whole.outputs[1:], strict=True)]
    product = Program(
        "product", (*whole.inputs, *vs.values()), (*whole.statements, Equation(inner, sum(parts[1:], start=parts[0]))), (inner,)
    )
    forward = tangent(whole, vs, whole.outputs[1:]).needed()
    agree(outputs(adjoint(product, case.program.inputs), point | given)[1:], outputs(forward, point | given))


@each_case
def test_tangent_and_adjoint_are_dual(case: Case):
    """<w, J v> = <J^T w, v> for the loop's states, stacks and sums together."""
    point = case.point(3)
    vs, given = directions(case.program, point)
    (loop,) = loops(case.program)
    out, rng = var("out"), np.random.default_rng(2)
    weights = {variable(f"w_{v}", v.shape): v for v in loop.symbols}
    value = sum((total(w * v) for w, v in weights.items()), start=var("zero"))
    program = Program("dual", (*case.program.inputs, *weights, var("zero")), (loop, Equation(out, value)), (out,))
    found = evaluate(case.program, point)
    point |= {str(w): rng.normal(size=found[str(v)].shape) for w, v in weights.items()} | given | {"zero": 0.0}
    (pushed,) = outputs(tangent(program, vs), point)
    _, *pulled = outputs(adjoint(program, list(vs)), point)
    agree([sum(np.sum(g * given[str(v)]) for g, v in zip(pulled, vs.values(), strict=True))], [pushed])


@each_case
def test_simplified_and_legible_programs_compute_the_same(case: Case):
    point = case.point(3)
    whole = gradients(case)
    for change in (simplified, legible, by_name, Program.needed):
        agree(outputs(change(whole), point), outputs(whole, point))


def test_every_derivative_of_a_cell_with_two_carries_is_a_loop_or_two():
    case = cell()
    whole = gradients(case)
    vs, _ = directions(case.program, case.point(1))
    assert len(loops(whole)) == 2
    product = tangent(whole, vs, whole.outputs[1:])
    assert len(loops(product)) == 4
    backward = loops(whole)[1]
    assert backward.back and [str(v) for v in backward.states] == ["Hs_bar", "Cs_bar"]


def test_a_step_costs_its_body_and_the_gradient_a_multiple_of_it():
    """2 h (h + d) for the two products, h each for their sum and for tanh; the adjoint needs as many again for each factor."""
    case = rnn("Z")
    (loop,) = loops(case.program)
    assert flops(replace(case.program, statements=(loop,), outputs=())) == sympy.expand(T * (2 * H * (H + D) + 2 * H))
    whole = flops(simplified(gradients(case)))
    assert sympy.Poly(whole, T, D, H).coeff_monomial(T * H**2) == 3 * 2


def test_a_gradient_that_does_not_move_has_a_tangent_of_zeros():
    """Of sum_t x_t^T w the gradient in w is the sum of all x_t, whatever w is."""
    x, w, u, v, s = var("x", T, D), var("w", D), var("u", D), var("v", D), var("s")
    loop = looped(step([u, v], {s: u @ v}, [s]), [], [Feed(x)], [w], "", "", "tot")
    whole = adjoint(Program("linear", (x, w), (loop,), loop.sums), [w])
    (moved,) = outputs(
        tangent(whole, {w: variable("d", (D,))}, whole.outputs[1:]), {"x": np.ones((4, 3)), "w": np.ones(3), "d": np.ones(3)}
    )
    np.testing.assert_array_equal(moved, np.zeros(3))


def test_what_is_kept_is_read_and_the_rest_is_made_anew():
    kept, anew = (loops(gradients(rnn(stacks)))[1].body for stacks in ("Z", ""))
    assert "z" not in kept.names - {str(v) for v in kept.inputs} and "a" in {str(v) for v in kept.inputs}
    assert "z" not in {str(v) for v in anew.inputs}


def test_only_what_is_needed_stays():
    (loop,) = loops(cell().program)
    states, cells, _, s = loop.symbols
    assert loop.needed([]) is None
    assert loop.needed(loop.symbols) is loop
    only = loop.needed([cells])
    assert only is not None and only.symbols == (states, cells) and len(only.feeds) == 1
    assert [eq.name for eq in only.body.equations] == ["f", "c1", "h1"]
    assert loop.needed([s]).symbols == (states, cells, s)


def test_an_idle_carry_is_left_out_of_the_derivatives():
    whole = gradients(next(case for case in CASES if case.name == "idle"))
    backward = loops(whole.needed())[1]
    assert [str(v) for v in backward.states] == ["A_bar", "B_bar", "C_bar"]


def test_a_straight_pass_refuses_a_loop_by_name():
    with pytest.raises(UnsupportedError, match=r"program cell has a loop, which makes Hs"):
        _ = cell().program.equations


BODY = step([var("c", H), var("u", D)], {var("a", H): tanh(var("c", H))}, [var("a", H)])
FITTING: dict[str, Any] = {"body": BODY, "init": [var("x0", H)], "feeds": [Feed(var("X", T, D))], "constants": [], "states": "S"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init": [var("x0", D)]}, r"the carry c of a loop has shape \(h,\), and \(d,\)"),
        ({"feeds": [Feed(var("X", T, H))]}, r"the row u of a loop has shape \(d,\), and \(h,\)"),
        ({"feeds": [Feed(var("X", T, D), 1)]}, r"a loop of T steps reads rows from 1 on of an array of T"),
        ({"feeds": [Feed(var("X", T, D), -1)]}, r"a loop of T steps reads rows from -1 on"),
        ({"constants": [var("w")]}, r"has 2 inputs in its body, and not as many values"),
        ({"body": replace(BODY, outputs=BODY.outputs * 2)}, r"the loop that makes S has 2 outputs in its body, and not as many"),
    ],
)
def test_a_loop_that_does_not_fit_is_refused(changes: dict[str, Any], message: str):
    looped(**FITTING).check()
    with pytest.raises((InputError, ShapeError), match=message):
        looped(**FITTING | changes).check()


def test_lengths_that_a_number_says():
    """Three steps of a literal length, over an array of three rows."""
    x, h0 = var("x", 3, H), var("h0", H)
    c, u, a, J = var("c", H), var("u", H), var("a", H), var("J")
    loop = looped(step([c, u], {a: tanh(c) * u}, [a]), [h0], [Feed(x)], [], "S", length=3)
    program = Program("three", (x, h0), (loop, Equation(J, total(row(loop.states[0], 3)))), (J,))
    rng = np.random.default_rng(0)
    point = {"x": rng.normal(size=(3, 4)), "h0": rng.normal(size=4)}

    def plain(x: Any, h0: Any) -> Any:
        for t in range(3):
            h0 = jnp.tanh(h0) * x[t]
        return jnp.sum(h0)

    agree(outputs(adjoint(program, [x, h0]), point)[1:], jax.grad(plain, argnums=(0, 1))(*point.values()))
