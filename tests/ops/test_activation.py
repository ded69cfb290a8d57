"""Activations, a row a function: value, gradient and HVP against jax, kinks as jax has them, and the error function by itself."""

import math

import numpy as np
import pytest
from agreement import check_against_jax, weighed

from symgrad.derivation import forward
from symgrad.export import helpers

X = [-4.5, -0.8, 0.35, 0.7, 7.2]
ACTIVATIONS = [
    "jax.nn.relu(x)", "jax.nn.relu6(x)", "jax.nn.leaky_relu(x)", "jax.nn.leaky_relu(x, negative_slope=0.2)", "jax.nn.elu(x)",
    "jax.nn.elu(x, alpha=0.5)", "jax.nn.selu(x)", "jax.nn.celu(x)", "jax.nn.celu(x, alpha=2.0)", "jax.nn.gelu(x)",
    "jax.nn.gelu(x, approximate=False)", "jax.nn.silu(x)", "jax.nn.swish(x)", "jax.nn.mish(x)", "jax.nn.hard_tanh(x)",
    "jax.nn.hard_sigmoid(x)", "jax.nn.hard_silu(x)", "jax.nn.soft_sign(x)", "jax.nn.squareplus(x)", "jax.nn.softplus(x)",
    "jax.nn.sigmoid(x)", "special.expit(x)", "jax.nn.log_sigmoid(x)", "special.erf(x)", "special.erfc(x)", "special.ndtr(x)",
]  # fmt: skip
KINKS = {
    "jax.nn.relu(x)": [0.0], "jax.nn.relu6(x)": [0.0, 6.0], "jax.nn.leaky_relu(x)": [0.0], "jax.nn.elu(x)": [0.0],
    "jax.nn.selu(x)": [0.0], "jax.nn.celu(x)": [0.0], "jax.nn.hard_tanh(x)": [-1.0, 1.0], "jax.nn.hard_sigmoid(x)": [-3.0, 3.0],
    "jax.nn.soft_sign(x)": [0.0],
}  # fmt: skip


@pytest.mark.parametrize("expression", ACTIVATIONS)
def test_activation(expression):
    check_against_jax(weighed(expression, {"x": "n"}), {"x": X}, tolerance=1e-9)


def test_logit():
    check_against_jax(weighed("special.logit(x)", {"x": "n"}), {"x": [0.1, 0.5, 0.8]})


@pytest.mark.parametrize("expression", KINKS)
def test_kinks(expression):
    check_against_jax(weighed(expression, {"x": "n"}), {"x": KINKS[expression]})


@pytest.mark.parametrize(
    "formula", ["elu(x)", "selu(x)", "celu(x)", "gelu(x)", "silu(x)", "mish(x)", "softplus(x)", "log_sigmoid(x)", "log_cosh(x)"]
)
@pytest.mark.parametrize("x", [-800.0, 800.0])
def test_far_out_nothing_overflows(formula, x):
    module = forward(f'def f(x: ""):\n    return {formula}\n').derive("x").compile()
    assert math.isfinite(module.value(x=x)) and math.isfinite(module.grad(x=x).x) and math.isfinite(module.hvp((1.0,), x=x).x)


def test_gelu_does_not_cancel_far_below_zero():
    # d(x Phi(x)) = Phi(x) + x phi(x), at -10 by 50 digits
    module = forward('def f(x: ""):\n    return gelu(x, approximate=False)\n').derive("x").compile()
    assert module.grad(x=-10.0).x == pytest.approx(-7.618397918e-22, rel=1e-8)


@pytest.mark.parametrize("x", [-3.0, -0.5, -0.2, 0.0, 1e-300, 0.3, 0.46875, 0.5, 1.7, 4.0, 4.1, 9.0, 26.0, math.inf])
def test_error_function(x):
    assert helpers._erf(x) == pytest.approx(math.erf(x), rel=1e-15, abs=0)
    assert helpers._erfc(x) == pytest.approx(math.erfc(x), rel=3e-15, abs=0)


@pytest.mark.parametrize("x", [1e-8, 0.01, 0.99, 1.01, 30.0])
def test_log_cosh_against_its_series(x):
    exact = math.log1p(2 * math.sinh(x / 2) ** 2) if x < 1 else x + math.log((1 + math.exp(-2 * x)) / 2)
    assert helpers._log_cosh(np.float64(x)) == pytest.approx(exact, rel=1e-14)
