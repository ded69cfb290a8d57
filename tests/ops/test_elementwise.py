"""Functions applied entry by entry, a row a function: value, gradient and HVP against jax."""

import math

import numpy as np
import pytest
from agreement import check_against_jax, check_gradient_against_jax, weighed

from symgrad.derivation import forward
from symgrad.export import helpers

ANY = [-1.3, 0.4, 2.1]
POSITIVE = [0.2, 0.7, 2.5]
UNIT = [0.15, 0.4, 0.85]
ABOVE_ONE = [1.2, 2.0, 3.7]

UNARY = {
    "abs(x)": ANY, "jnp.absolute(x)": ANY, "jnp.fabs(x)": ANY, "jnp.sign(x)": ANY, "jnp.sqrt(x)": POSITIVE, "jnp.square(x)": ANY,
    "jnp.reciprocal(x)": ANY, "lax.rsqrt(x)": POSITIVE, "jnp.cbrt(x)": ANY, "jnp.exp(x)": ANY, "jnp.expm1(x)": ANY,
    "jnp.exp2(x)": ANY, "jnp.log(x)": POSITIVE, "jnp.log1p(x)": POSITIVE, "jnp.log2(x)": POSITIVE, "jnp.log10(x)": POSITIVE,
    "jnp.sin(x)": ANY, "jnp.cos(x)": ANY, "jnp.tan(x)": ANY, "jnp.arcsin(x)": UNIT, "jnp.arccos(x)": UNIT, "jnp.arctan(x)": ANY,
    "jnp.asin(x)": UNIT, "jnp.acos(x)": UNIT, "jnp.atan(x)": ANY, "jnp.sinh(x)": ANY, "jnp.cosh(x)": ANY, "jnp.tanh(x)": ANY,
    "jnp.arcsinh(x)": ANY, "jnp.arccosh(x)": ABOVE_ONE, "jnp.arctanh(x)": UNIT, "jnp.acosh(x)": ABOVE_ONE, "jnp.sinc(x)": ANY,
    "jnp.positive(x)": ANY, "jnp.negative(x)": ANY, "special.entr(x)": UNIT,
}  # fmt: skip
BINARY = {
    "jnp.add(x, y)": (ANY, ANY), "jnp.subtract(x, y)": (ANY, POSITIVE), "jnp.multiply(x, y)": (ANY, POSITIVE),
    "jnp.divide(x, y)": (ANY, POSITIVE), "jnp.true_divide(2.0, y)": (ANY, POSITIVE), "jnp.power(x, y)": (POSITIVE, ANY),
    "jnp.float_power(x, 3)": (ANY, ANY), "jnp.hypot(x, y)": (ANY, POSITIVE), "jnp.arctan2(x, y)": (ANY, [0.3, -2.0, 1.1]),
    "jnp.atan2(x, y)": (ANY, POSITIVE), "special.xlogy(x, y)": (ANY, POSITIVE), "jnp.logaddexp(x, y)": (ANY, POSITIVE),
}  # fmt: skip


@pytest.mark.parametrize("expression", UNARY)
def test_unary(expression):
    check_against_jax(weighed(expression, {"x": "n"}), {"x": UNARY[expression]})


@pytest.mark.parametrize("expression", BINARY)
def test_binary(expression):
    x, y = BINARY[expression]
    check_against_jax(weighed(expression, {"x": "n", "y": "n"}), {"x": x, "y": y})


@pytest.mark.parametrize("expression", ["abs(x)", "jnp.sign(x)", "jnp.sinc(x)", "jnp.hypot(x, 0.0)"])
def test_kink_as_jax_has_it(expression):
    check_gradient_against_jax(weighed(expression, {"x": ""}), {"x": 0.0})


def test_binary_functions_broadcast():
    check_against_jax(weighed("jnp.hypot(x[:, None], y)", {"x": "m", "y": "n"}), {"x": ANY, "y": [0.5, 1.5, -2.0, 3.0]})


def gradient_at(formula, x):
    return forward(f'def f(x: ""):\n    return {formula}\n').derive("x").compile().grad(x=x)[0]


@pytest.mark.parametrize(
    ("formula", "x", "truth"),
    [
        ("arcsinh(x)", 1e200, 1e-200),
        ("arctan2(x, 1e200)", 1e200, 0.5e-200),
        ("hypot(x, 1e200)", 1e200, math.sqrt(0.5)),
        ("sinc(x)", 0.0, 0.0),
    ],
)
def test_derivatives_do_not_overflow(formula, x, truth):
    assert gradient_at(formula, x) == pytest.approx(truth, rel=1e-14)


def test_zero_times_log_zero_has_the_limit_for_a_derivative():
    grad = forward('def f(x: "", y: ""):\n    return xlogy(x, y)\n').derive("y").compile().grad(x=0.0, y=0.0)
    assert grad.y == 0.0


@pytest.mark.parametrize("order", [0, 1, 2])
def test_sinc_is_smooth_across_the_change_of_formula(order):
    edge, step = (order + 1.0) / np.pi, 1e-9
    low, high = helpers._sinc(np.array([edge - step, edge + step]), order)
    assert high - low == pytest.approx(2 * step * helpers._sinc(edge, order + 1), abs=1e-14)
