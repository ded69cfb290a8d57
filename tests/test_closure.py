"""Closure: what is derived is made of registered operations, so it can be derived again, to any order."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import evaluate

from symgrad.core.graph import postorder
from symgrad.core.op import REGISTRY, Node, variable
from symgrad.core.program import Program
from symgrad.derive.adjoints import adjoint
from symgrad.derive.tangents import tangent
from symgrad.reading.door import read_text

SOURCE = """
def model(x: "n", A: "m n"):
    z = tanh(A @ x)
    p = softmax(z)
    J = sum(p * exp(z)) + log(sum(x ** 2))
    return J
"""


def model(x, A):
    z = jnp.tanh(A @ x)
    p = jax.nn.softmax(z)
    return jnp.sum(p * jnp.exp(z)) + jnp.log(jnp.sum(x**2))


def moved(program: Program, x: Node, order: int) -> Program:
    """The derivative of that order in x, along u1, u2, ..., every one a tangent of the one before."""
    for k in range(1, order + 1):
        program = tangent(program, {x: variable(f"u{k}", x.shape)})
    return program


@pytest.mark.parametrize("order", [1, 2, 3])
def test_tangents_of_tangents_are_jax_jvps_of_jvps(order: int):
    program = read_text(SOURCE, {})
    rng = np.random.default_rng(order)
    at = {"x": rng.normal(size=4), "A": rng.normal(size=(3, 4))}
    dots = {f"u{k}": rng.normal(size=4) for k in range(1, order + 1)}

    def along(function, u):
        return lambda x: jax.jvp(function, (x,), (u,))[1]

    function = lambda x: model(x, at["A"])  # noqa: E731
    for u in dots.values():
        function = along(function, u)
    (found,) = evaluate(moved(program, program.input("x"), order), {**at, **dots})
    np.testing.assert_allclose(found, function(at["x"]), rtol=1e-11)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_adjoint_of_tangents_holds_registered_operations_alone(order: int):
    program = moved(read_text(SOURCE, {}), variable("x", read_text(SOURCE, {}).input("x").shape), order)
    backward = adjoint(program, [program.input("A")])
    for node in postorder(eq.expr for eq in backward.equations):
        assert REGISTRY[node.op.name] is node.op
