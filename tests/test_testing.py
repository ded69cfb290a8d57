"""The assertions accept right derivatives, refuse wrong ones, and work without jax."""

import sys

import jax.numpy as jnp
import numpy as np
import pytest

import symgrad as sg
from symgrad import testing
from symgrad.testing import assert_gradient, assert_hessian, assert_hvp, assert_module, differences

RNG = np.random.default_rng(0)
W, X = RNG.normal(size=(3, 4)), RNG.normal(size=4)


def energy(W, x):
    return ((W @ x) ** 2).sum() / 2


def gradient(W, x):
    return np.outer(W @ x, x), W.T @ (W @ x)


def hvp(v, W, x):
    dW, dx = v
    r, dr = W @ x, dW @ x + W @ dx
    return np.outer(dr, x) + np.outer(r, dx), dW.T @ r + W.T @ dr


def hessian_in_x(W, x):
    return W.T @ W


def cubic(W, x):
    """NumPy only: jax cannot trace it."""
    return np.float64(np.sum(np.power(np.asarray(W) @ np.asarray(x), 2))) / 2


@pytest.fixture(params=["jax", "differences", "numpy function"])
def fn(request, monkeypatch):
    if request.param == "differences":
        monkeypatch.setitem(sys.modules, "jax", None)
    return cubic if request.param == "numpy function" else energy


def test_right_derivatives_pass(fn):
    assert_gradient(fn, gradient, W, X, argnums=(0, 1))
    assert_gradient(fn, lambda W, x: gradient(W, x)[1], W, X, argnums=1)
    assert_hvp(fn, hvp, W, X, argnums=(0, 1))
    assert_hvp(fn, lambda v, W, x: W.T @ (W @ v), W, X, argnums=1)
    assert_hessian(fn, hessian_in_x, W, X, argnums=1)


def test_wrong_derivatives_fail(fn):
    with pytest.raises(sg.VerificationError, match="relative error"):
        assert_gradient(fn, lambda W, x: 1.001 * gradient(W, x)[1], W, X, argnums=1)
    with pytest.raises(sg.VerificationError, match=r"shape \(4, 3\), expected \(3, 4\)"):
        assert_gradient(fn, lambda W, x: gradient(W, x)[0].T, W, X)
    with pytest.raises(sg.VerificationError, match="1 arrays, expected 2"):
        assert_gradient(fn, lambda W, x: gradient(W, x)[:1], W, X, argnums=(0, 1))
    with pytest.raises(sg.VerificationError, match="hvp 0"):
        assert_hvp(fn, lambda v, W, x: W.T @ (W @ v) + 0.01, W, X, argnums=1)
    with pytest.raises(sg.VerificationError, match="hessian 0"):
        assert_hessian(fn, lambda W, x: 2 * hessian_in_x(W, x), W, X, argnums=1)


def test_differences_are_of_fourth_order():
    (got,) = differences(np.sin, [np.float64(0.7)], (0,))
    assert abs(got - np.cos(0.7)) < 1e-11


def net(x: "d", W: "h d", y: "h", phi: " | entrywise", l: " | loss"):  # noqa: E741
    return l(phi(W @ x), y)


SHAPES = {"x": "d", "W": "h d", "y": "h", "phi": " | entrywise", "l": " | loss"}


def squared(o, y):
    return jnp.sum((o - y) ** 2) / 2


@pytest.mark.parametrize("quantity", testing.QUANTITIES)
def test_a_module_with_generic_functions(quantity):
    module = sg.forward(net).derive("W", "x").compile()
    assert_module(module, net, SHAPES, quantity=quantity, phi=jnp.tanh, l=squared)


def test_a_module_of_another_function_fails():
    module = sg.forward('def f(x: "n"): return sum(x**2)').derive().compile()
    assert_module(module, lambda x: (x**2).sum(), {"x": "n"})
    for quantity in testing.QUANTITIES:
        with pytest.raises(sg.VerificationError):
            assert_module(module, lambda x: (x**4).sum(), {"x": "n"}, quantity=quantity)


def test_a_module_of_a_vector_value():
    module = sg.forward('def f(x: "n", A: "m n"): return tanh(A @ x)').derive("x").compile()
    assert_module(module, lambda x, A: jnp.tanh(A @ x), {"x": "n", "A": "m n"})


def test_load_module_needs_a_file(tmp_path):
    with pytest.raises(sg.InputError, match="no Python file"):
        testing.load_module(tmp_path / "none.py")
