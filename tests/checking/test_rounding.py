"""A jax function in arithmetic with fewer digits shows what rounding does to it, and moves no tie."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symgrad.checking.agreement import DIGITS, EPS
from symgrad.checking.libraries import double_precision
from symgrad.checking.rounding import roughened


def seen(function, *args):
    with double_precision():
        return np.array([roughened(function, digits)(*args) for digits in DIGITS])


def test_what_does_not_cancel_moves_by_a_few_roundings():
    x = np.array([0.3, 1.7, -2.2])
    moved = seen(lambda x: jnp.exp(x) * 3, x)
    part = np.abs(moved / (np.exp(x) * 3) - 1)
    assert 0 < part.max() < 200 * EPS


@pytest.mark.parametrize(
    "cancels",
    [lambda X: 7 * (0.1 * X / X + X / X / 7) - 1.7, lambda X: jnp.sum(jax.nn.softmax(X, 1), 1) - 1, lambda X: (1e3 + X) - 1e3 - X],
)
def test_terms_that_cancel_show_their_rounding(cancels):
    """Also those that are the same at all inputs."""
    moved = seen(cancels, np.random.default_rng(0).normal(size=(5, 3)))
    assert np.ptp(moved, axis=0).max() > EPS / 4 and np.abs(moved).max() < 1e-11


def test_ties_zeros_and_whole_numbers_stay():
    x = np.array([0.3, 0.3, 0.0])
    assert (seen(lambda x: (2 * x)[0] - (2 * x)[1], x) == 0).all() and (seen(lambda x: x - x, x) == 0).all()
    assert (seen(lambda x: jax.grad(jnp.max)(x), x) == [0.5, 0.5, 0]).all() and (seen(lambda x: x[2] * 5, x) == 0).all()
    assert (seen(lambda x: jnp.where(-x == -x[0], 1.0, 2.0), x) == [1, 1, 2]).all()
    assert (seen(lambda k: k * 2, np.array([1, 2])) == [2, 4]).all() and (
        seen(lambda x: x * 3, np.array([7.0, 0.5])) == [21, 1.5]
    ).all()


def test_functions_inside_and_loops_give_what_they_gave():
    def f(x):
        y = jax.lax.fori_loop(0, 3, lambda _, z: jnp.tanh(z), x)
        z, _ = jax.lax.scan(lambda c, a: (c + a, a), 0.0, y)
        return {"a": jax.jit(jax.nn.relu)(z), "b": (jax.lax.cond(z > 0, jnp.sin, jnp.cos, z), jax.scipy.special.logsumexp(x))}

    with double_precision():
        x = jnp.asarray([0.3, 1.7, -0.2])
        got, wanted = jax.jit(roughened(f, DIGITS[0]))(x), f(x)
    assert jax.tree.structure(got) == jax.tree.structure(wanted)
    assert all(np.allclose(a, b, rtol=1e-12) for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True))
