"""Formulas as typed, at points where the naive derivative cancels, overflows or divides by zero, against many digits."""

import numpy as np
import pytest
from mpmath import mp, mpf

import symgrad as sg
from symgrad.derive.meaning import MEANINGS
from symgrad.printing.latex import Show

ROUNDING = 1e-13
CASES = [
    ("log1p(exp(x))", 300.0),
    ("log(1 / (1 + exp(-x)))", -300.0),
    ("log(1 - 1 / (1 + exp(-x)))", 300.0),
    ("log(exp(x) + exp(2 * x))", 400.0),
    ("(1 - exp(-x)) / (1 + exp(-x))", 50.0),
    ("exp(x) / (1 + exp(x))", 300.0),
    ("exp(x) / (1 + exp(x)) ** 2", 150.0),
    ("1 / (1 + exp(x))", 50.0),
    ("(exp(x) - 1) / x", 1e-10),
    ("x / (exp(x) - 1)", 1e-9),
    ("sinh(x) / x", 1e-8),
    ("sin(x) / x", 1e-8),
    ("(1 - cos(x)) / x", 1e-8),
    ("(1 - cos(x)) / x ** 2", 1e-7),
    ("log(1 - x) / x", 1e-10),
    ("(sqrt(1 + x) - 1) / x", 1e-10),
    ("sqrt(x + 1) - sqrt(x)", 1e16),
    ("log(x + 1) - log(x)", 1e16),
    ("log(exp(x) + exp(-x))", -300.0),
    ("tanh(x) ** 2", 20.0),
    ("1 - tanh(x) ** 2", 20.0),
    ("1 / cosh(x) ** 2", 100.0),
    ("sinh(x) / cosh(x)", 20.0),
    ("1 - erf(x)", 6.0),
    ("log(1 - exp(-x))", 1e-10),
    ("log(exp(x) - 1)", 300.0),
    ("log1p(-exp(-x))", 1e-10),
    ("sqrt(4 + x ** 2)", 1e200),
    ("log(1 + x ** 2)", 1e200),
    ("log(x + sqrt(1 + x ** 2))", 1e100),
    ("log(cosh(x))", 1e-10),
    ("x ** 3 * log(x)", 1e-200),
    ("1 - sigmoid(x)", 50.0),
    ("softplus(x) - x", 50.0),
    ("sigmoid(x) - 0.5", 1e-10),
    ("exp(2 * x) / exp(x)", 300.0),
    ("tanh(x) / x", 1e-8),
    ("tanh(x) / x", 1e-3),
    ("tanh(x) / x", 30.0),
    ("x / tanh(x)", 1e-8),
    ("tan(x) / x", 1e-8),
    ("tan(x) / x", 0.2),
    ("arctan(3 * x) / x", 1e-8),
    ("log(erfc(x))", 30.0),
    ("log(erfc(x))", -3.0),
    ("exp(x**2) * erfc(x)", 30.0),
    ("exp(x**2) * erfc(x)", 0.9),
    ("x / sqrt(1 + x**2)", 1e5),
    ("x / sqrt(2 + 3 * x**2)", 1e100),
    ("x**2 / (1 + x**2)", 1e5),
    ("x**2 / (2 + 3 * x**2)", 1e200),
    ("1 / (4 + x**2) ** 2", 1e60),
    ("1 - 1 / (1 + x**2)", 1e100),
    ("1 - 1 / (1 + x**2)", 1e-9),
    ("1 / x - 1 / (x + 1)", 1e12),
    ("2 / x - 2 / (x + 3)", 1e12),
    ("x - log(1 + x)", 1e-9),
    ("exp(x) - 1 - x", 1e-9),
    ("x - sin(x)", 1e-4),
    ("x - tanh(x)", 1e-4),
    ("x / (1 + x)", 1e10),
    ("x / (2 + 3 * abs(x))", -1e10),
    ("x / (1 + abs(x))", 1e200),
]


def _sigmoid(t):
    return 1 / (1 + mp.exp(-t))


FUNCTIONS = {name: getattr(mp, name) for name in "exp log sqrt sin cos tan tanh sinh cosh erf erfc expm1 log1p".split()}
FUNCTIONS |= {"abs": abs, "arctan": mp.atan, "sigmoid": _sigmoid, "softplus": lambda t: mp.log(1 + mp.exp(t))}


def truth(formula: str, at: float, order: int) -> tuple[mpf, mpf]:
    """The derivative, and what the last bit of the point does to it."""
    with mp.workdps(900):

        def f(t):
            return eval(formula, {**FUNCTIONS, "x": t})

        def derivative(t):
            h = abs(t) * mpf(10) ** -200
            return (f(t + h) - f(t - h)) / (2 * h) if order == 1 else (f(t + h) - 2 * f(t) + f(t - h)) / h**2

        x = mpf(at)
        return derivative(x), abs(derivative(x * (1 + mpf(2) ** -52)) - derivative(x))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("formula", "at"), CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_derivatives_are_right_where_the_formula_is_not(formula, at, order):
    f = sg.forward(f'def f(x: ""):\n    return {formula}\n').derive("x").compile()
    got = f.grad(x=np.float64(at))[0] if order == 1 else f.hessian(x=np.float64(at))[0][0]
    want, attainable = truth(formula, at, order)
    assert np.isfinite(got)
    assert abs(mpf(float(got)) - want) <= max(ROUNDING * abs(want), 100 * attainable, mpf(2) ** -1074)


def test_the_checker_finds_a_derivative_that_cancels():
    want, _ = truth("(1 - cos(x)) / x ** 2", 1e-7, 1)
    x = 1e-7
    naive = np.sin(x) / x**2 - 2 * (1 - np.cos(x)) / x**3
    assert abs(mpf(naive) - want) > abs(want)


def test_the_author_s_formula_is_printed_and_its_names_stay():
    d = sg.forward('def f(x: ""):\n    e = exp(-x)\n    s = 1 / (1 + e)\n    return s').derive("x")
    assert [eq.name for eq in d.adjoint.equations] == ["e", "s", "e_bar", "x_bar"]
    whole = sg.forward('def f(x: ""):\n    return 1 / (1 + exp(-x))').derive("x")
    assert Show().text(whole.program.equations[0].expr) == r"\frac{1}{1 + \exp(-x)}"
    assert Show().text(whole.gradient["x"]) == r"f (1 - f)"


def test_every_meaning_says_what_is_written_and_what_is_meant():
    assert all(m.written and m.meant and m.written != m.meant for entries in MEANINGS.values() for m in entries)
