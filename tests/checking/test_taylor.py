"""The order of a Taylor remainder, and what a kink or rounding makes of it."""

import numpy as np
import pytest

from symgrad.checking.taylor import SLOPE, STEPS, is_kink, order, shortfall


@pytest.mark.parametrize(
    "power, kinked, wanted", [(3, False, 3), (2, False, 2), (1, False, 1), (4, False, 4), (1, True, 3)], ids=str
)
def test_the_order_of_a_remainder(power, kinked, wanted):
    remainders = [0.0 if kinked and t < 8e-4 else t**power for t in STEPS]
    found = order([np.nan, *remainders], 1e-14)
    assert found >= 3 if kinked else abs(found - wanted) < 1e-6
    assert order([1e-16] * 7, 1e-14) == 3 and order([np.nan] * 7, 1e-14) == 0


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_a_wrong_slope_or_curvature_is_found_at_any_size(size):
    def along(t):
        return size * np.exp(t)

    assert shortfall(along, size, size, 0.0) <= SLOPE
    assert shortfall(along, 1.001 * size, size, 0.0) > SLOPE and shortfall(along, size, 1.1 * size, 0.0) > SLOPE
    assert shortfall(along, 0.0, size, 0.0) > SLOPE


def test_rounding_is_no_remainder():
    rng = np.random.default_rng(0)
    noise = {t: 1e-16 * rng.normal() for t in (0.0, *STEPS)}
    assert shortfall(noise.__getitem__, 0.0, 0.0, 1e-16) <= SLOPE < shortfall(noise.__getitem__, 0.0, 0.0, 0.0)


def test_a_kink_has_two_slopes():
    assert is_kink(abs) and is_kink(lambda t: max(t, 0.0) + t**2)
    assert not is_kink(np.exp) and not is_kink(lambda t: abs(t - 0.1))
    assert not any(is_kink(lambda t, c=c: c * t / 3 + c) for c in (1e-20, 1.0, 7.0))
