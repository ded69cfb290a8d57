"""Central differences are right up to the doubt that they state, and say where they do not settle."""

import numpy as np
import pytest

from symgrad.checking.agreement import MARGIN
from symgrad.checking.differences import differenced, rounded, slope

SMOOTH = {
    "sin": (np.sin, np.cos, 0.7),
    "exp at a large number": (np.exp, np.exp, 30.0),
    "log near its edge": (np.log, lambda x: 1 / x, 1e-7),
    "a small slope beside a large value": (lambda x: 1 + 1e-8 * np.sin(x), lambda x: 1e-8 * np.cos(x), 0.7),
    "a tiny function": (lambda x: 1e-30 * x**3, lambda x: 3e-30 * x**2, 2.0),
    "zero": (lambda x: x * 0.0, lambda x: 0.0, 2.0),
    "cancelling terms": (lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, lambda x: 0.0, 0.7),
    "a length at 0": (np.abs, lambda x: 0.0, 0.0),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_doubt_covers_the_error(name):
    f, slope_of, x = SMOOTH[name]
    found = differenced(rounded(f), np.float64(x))
    assert abs(found.value - slope_of(x)) <= MARGIN * found.doubt
    assert found.doubt <= 1e-6 * max(abs(slope_of(x)), 1e-3 * abs(f(x)), 1e-300) or found.doubt < 1e-12


def test_second_derivatives_are_differences_of_differences():
    x = np.array([0.3, -1.2])

    def gradient(x):
        return differenced(rounded(lambda y: np.sin(y[0] * y[1])), x)

    found = differenced(gradient, x)
    s, c = np.sin(x[0] * x[1]), np.cos(x[0] * x[1])
    wanted = np.array([[-(x[1] ** 2) * s, c - x[0] * x[1] * s], [c - x[0] * x[1] * s, -(x[0] ** 2) * s]])
    assert (np.abs(found.value - wanted) <= MARGIN * found.doubt).all() and found.doubt.max() < 1e-7


def test_shapes_are_those_of_the_value_and_then_of_the_argument():
    A = np.arange(6.0).reshape(2, 3)
    found = differenced(rounded(lambda X: X @ np.ones((3, 4))), A)
    assert found.value.shape == (2, 4, 2, 3) and np.allclose(found.value[1, 2, 1], 1, atol=1e-10)


def test_along_symmetric_directions():
    found = differenced(rounded(lambda S: S[0, 1]), np.eye(2), lambda D: (D + D.T) / 2)
    assert np.allclose(found.value, [[0, 0.5], [0.5, 0]])


@pytest.mark.parametrize("f", [lambda t: np.sign(t), lambda t: np.sqrt(np.abs(t)) * np.sign(t), lambda t: np.log(t)])
def test_a_jump_and_an_edge_do_not_settle(f):
    with np.errstate(all="ignore"):
        assert np.isnan(slope(rounded(f)).doubt)
