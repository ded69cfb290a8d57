"""Forward mode; of the adjoint program it is the Hessian-vector product, held against jax on the D2L network."""

from __future__ import annotations

import jax
import numpy as np
import sympy
from cases import evaluate
from models import D2L, d2l

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.op import REGISTRY, is_zero, variable
from symgrad.core.program import Equation, Program
from symgrad.derive.adjoints import adjoint
from symgrad.derive.tangents import direction_names, tangent
from symgrad.reading.door import read_text

exp, tanh = REGISTRY["exp"], REGISTRY["tanh"]
N = sympy.Symbol("n", integer=True, positive=True)


def test_every_equation_is_followed_by_its_tangent():
    x, z, h, v = (variable(name, (N,)) for name in "xzhv")
    forward = Program("chain", (x,), (Equation(z, exp(x)), Equation(h, tanh(z))), (h,))
    moved = tangent(forward, {x: v})
    assert [eq.name for eq in moved.equations] == ["z", "z_dot", "h", "h_dot"]
    z_dot = moved.equations[1].symbol
    assert moved.equations[1].expr is z * v
    assert moved.equations[3].expr is (1 - h**2) * z_dot
    assert moved.inputs == (x, v)


def test_what_does_not_move_has_no_tangent_and_an_output_has_zeros():
    x, w, z, h, v = (variable(name, (N,)) for name in "xwzhv")
    forward = Program("idle", (x, w), (Equation(z, exp(x)), Equation(h, tanh(x))), (h,))
    moved = tangent(forward, {w: v})
    assert [eq.name for eq in moved.equations] == ["z", "h", "h_dot"]
    assert is_zero(moved.equations[-1].expr)


def test_the_tangent_of_the_adjoint_is_the_hessian_vector_product():
    program = read_text(D2L, {})
    wrt = [program.input(name) for name in ("x", "W1", "W2", "lam")]
    backward = adjoint(program, wrt)
    directions = {v: variable(f"v_{v}", v.shape) for v in wrt}
    rng = np.random.default_rng(0)
    shapes = {"x": 4, "y": 2, "W1": (3, 4), "W2": (2, 3), "lam": ()}
    at = {k: rng.normal(size=s) for k, s in shapes.items()}
    dots = {str(v): rng.normal(size=shapes[str(v)]) for v in wrt}
    found = evaluate(tangent(backward, directions, backward.outputs[1:]), {**at, **{f"v_{k}": v for k, v in dots.items()}})
    gradient = jax.grad(lambda moving: d2l(y=at["y"], **moving))
    _, expected = jax.jvp(gradient, ({k: at[k] for k in dots},), (dots,))
    for name, product in zip(dots, found, strict=True):
        np.testing.assert_allclose(product, expected[name], rtol=1e-12, atol=1e-13)


def test_directions_are_named_as_the_literature_does():
    W1, w, V = variable("W1", (N, N)), variable("w", (N,)), variable("V", (N, N))
    program = Program("names", (W1, w), (), ())
    assert [str(d) for d in direction_names(program, [W1, w]).values()] == ["V1", "v"]
    taken = Program("names", (W1, V), (), ())
    assert len({str(d) for d in direction_names(taken, [W1, V]).values()} | {"W1", "V"}) == 4
