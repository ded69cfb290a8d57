"""The assertions accept right derivatives, refuse wrong ones, and work without jax."""

import re
import sys

import jax.numpy as jnp
import numpy as np
import pytest

import symgrad as sg
from symgrad import testing
from symgrad.errors import InputError
from symgrad.testing import assert_gradient, assert_hessian, assert_hvp, assert_module

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
    with pytest.raises(sg.VerificationError, match=r"hvp in argument 1 \(x\)"):
        assert_hvp(fn, lambda v, W, x: W.T @ (W @ v) + 0.01, W, X, argnums=1)
    with pytest.raises(sg.VerificationError, match=r"hessian argument 1 \(x\), argument 1 \(x\)"):
        assert_hessian(fn, lambda W, x: 2 * hessian_in_x(W, x), W, X, argnums=1)


# small gradients --------------------------------------------------------------------------------------------------------------

TINY = 1e-10


def tiny(x):
    return TINY * (x**2).sum() / 2


def tiny_numpy(x):
    """The same for NumPy alone."""
    return np.float64(TINY * np.sum(np.square(np.asarray(x)))) / 2


@pytest.mark.parametrize("function", [tiny, tiny_numpy])
@pytest.mark.parametrize("factor", [0.0, 4.0, -1.0, 1.001])
def test_a_small_gradient_has_to_be_as_right_as_a_large_one(function, factor):
    """Zeros, another sign and a factor are wrong at any size; so are products and Hessians."""
    x = np.array([0.3, -1.2, 2.0])
    assert_gradient(function, lambda x: TINY * x, x)
    assert_hvp(function, lambda v, x: TINY * v, x)
    assert_hessian(function, lambda x: TINY * np.eye(3), x)
    with pytest.raises(sg.VerificationError, match=r"gradient in argument 0 \(x\): relative error"):
        assert_gradient(function, lambda x: factor * TINY * x, x)
    with pytest.raises(sg.VerificationError, match=r"hvp in argument 0 \(x\): relative error"):
        assert_hvp(function, lambda v, x: factor * TINY * v, x)
    with pytest.raises(sg.VerificationError, match=r"hessian argument 0 \(x\), argument 0 \(x\): relative error"):
        assert_hessian(function, lambda x: factor * TINY * np.eye(3), x)


@pytest.mark.parametrize("quantity", testing.QUANTITIES)
def test_a_module_with_a_small_gradient(quantity):
    def f(x):
        return TINY * (x**3).sum()

    module = sg.forward(f'def f(x: "n"): return {TINY} * sum(x**3)').derive().compile()
    assert_module(module, f, {"x": "n"}, quantity=quantity)
    with pytest.raises(sg.VerificationError, match=f"^{quantity}.*relative error 1.0e\\+00"):
        assert_module(module, lambda x: f(x) / 2, {"x": "n"}, quantity=quantity)


def test_a_small_gradient_beside_a_large_one():
    """Each argument is measured against itself."""

    def f(x, y):
        return (x**2).sum() / 2 + TINY * (y**2).sum() / 2

    x, y = np.array([1e3, 2.0]), np.array([0.5, 0.7, 1.0])
    assert_gradient(f, lambda x, y: (x, TINY * y), x, y, argnums=(0, 1))
    with pytest.raises(sg.VerificationError, match=r"^gradient in argument 1 \(y\): relative error 1.0e\+00 at \[2\]"):
        assert_gradient(f, lambda x, y: (x, 0 * y), x, y, argnums=(0, 1))


def test_every_wrong_argument_is_named_with_its_worst_entry(fn):
    def wrong(W, x):
        gW, gx = gradient(W, x)
        gW[1, 2] += 0.5
        return gW, 4 * gx

    with pytest.raises(sg.VerificationError) as failure:
        assert_gradient(fn, wrong, W, X, argnums=(0, 1))
    first, second = str(failure.value).splitlines()
    right = np.outer(W @ X, X)[1, 2]
    assert "argument 0 (W): relative error" in first and "at [1, 2]" in first
    assert f"got {right + 0.5:.6g}, wanted {right:.6g}" in first
    assert "argument 1 (x): relative error 3.0e+00" in second


def test_an_argument_without_influence():
    """Zero is wanted, so the error is absolute; what is no rounding of the terms fails."""

    def f(x, y):
        return (x**2).sum() / 2 + 0 * y.sum()

    x, y = np.array([0.3, 0.7]), np.array([0.5, 0.7, 1.0])
    assert_gradient(f, lambda x, y: (x, 0 * y), x, y, argnums=(0, 1))
    with pytest.raises(sg.VerificationError, match=r"argument 1 \(y\): absolute error 1.0e-12 at \[0\], got 1e-12, wanted 0"):
        assert_gradient(f, lambda x, y: (x, 0 * y + 1e-12), x, y, argnums=(0, 1))


def test_terms_that_cancel_are_zero_up_to_their_rounding():
    """Softmax does not see a shift: the gradient of its entropy in a bias added to all entries is 0 up to rounding."""

    def entropy(z, shift):
        p = jnp.exp(z + shift) / jnp.exp(z + shift).sum()
        return -(p * jnp.log(p)).sum()

    def by_hand(z, shift):
        p = np.exp(z + shift) / np.exp(z + shift).sum()
        g = -p * (np.log(p) - (p * np.log(p)).sum())
        return g, g.sum()

    z = np.array([0.3, -1.1, 0.9, 2.3])
    assert_gradient(entropy, by_hand, z, np.float64(0.4), argnums=(0, 1))
    with pytest.raises(sg.VerificationError, match=r"^gradient in argument 1 \(shift\)"):
        assert_gradient(entropy, lambda z, b: (by_hand(z, b)[0], 1e-11), z, np.float64(0.4), argnums=(0, 1))


def test_differences_judge_where_jax_has_nan():
    """Distances of all pairs, each point to itself among them, where jax divides 0 by 0."""

    def distances(X):
        return jnp.sqrt(((X[:, None] - X[None]) ** 2).sum(-1)).sum()

    def by_hand(X):
        D = X[:, None] - X[None]
        length = np.sqrt((D**2).sum(-1, keepdims=True))
        return 2 * (D / np.where(length > 0, length, 1.0)).sum(1)

    points = np.random.default_rng(0).normal(size=(4, 3))
    assert_gradient(distances, by_hand, points)
    with pytest.raises(sg.VerificationError, match=r"relative error 1\.0e-03"):
        assert_gradient(distances, lambda X: 1.001 * by_hand(X), points)


def test_no_witness_is_said():
    with pytest.raises(sg.VerificationError, match="differences do not settle, as at a kink; choose another point"):
        assert_gradient(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0), lambda x: 1.0, np.float64(0.0))


def test_a_function_that_changes_its_argument_spoils_none():
    def f(x):
        x *= 1.0
        x += 0.5
        return np.float64(np.sum(np.square(np.asarray(x))))

    def by_hand(x):
        x += 0.5
        return 2 * x

    x = np.array([0.25, 1.5])
    assert_gradient(f, by_hand, x)
    assert (x == [0.25, 1.5]).all()


# modules ----------------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("x", "argnums", "says"),
    [
        ("3", 0, "argument 0 (x) holds <U1, and a derivative needs real numbers"),
        (np.array([1, 2]), 0, "argument 0 (x) holds int64, and a derivative needs real numbers"),
        (np.ones(2), 1, "argument 1: there is no such argument among the 1 that are given"),
    ],
)
def test_what_cannot_be_differentiated_is_said_to_be_so(x, argnums, says):
    for check in (assert_gradient, assert_hvp, assert_hessian):
        with pytest.raises(InputError, match=re.escape(says)):
            check(lambda x: (x**2).sum(), lambda *a: a[-1], x, argnums=argnums)
