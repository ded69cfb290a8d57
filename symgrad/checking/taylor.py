"""The Taylor test, which needs no witness: beside slope and curvature a value changes with the third power of the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from symgrad.checking.agreement import EPS

STEPS = tuple(0.02 * 0.5**k for k in range(7))
"""Step sizes of the test."""

SLOPE = 0.5
"""How far the order of the remainder may stay below 3: an error in the gradient makes it 1, one in the Hessian 2."""

ROUNDINGS = 4096
"""How many roundings of the numbers that are subtracted count as no remainder."""


def shortfall(along: Callable[[float], float], slope: float, curvature: float, noise: float) -> float:
    """How far the order stays below 3 of J(t) - J(0) - t J'(0) - t^2 J''(0) / 2, where J is the value along a direction.

    `noise` is what rounding makes of J.
    """
    value = along(0.0)
    remainders = [abs(along(t) - value - t * slope - t * t / 2 * curvature) for t in STEPS]
    floor = ROUNDINGS * max(EPS * abs(value), EPS * abs(slope), EPS * abs(curvature), noise)
    return max(0.0, 3.0 - order(remainders, floor))


def order(remainders: Sequence[float], floor: float) -> float:
    """The power of t with which the remainder falls, at the smallest steps well above rounding; 3 if it is all rounding.

    Large steps that leave the domain do not count, and beyond a kink only the side of the point itself does.
    """
    finite = [r for r in remainders if np.isfinite(r)]
    orders = [np.log2(a / max(b, floor)) for a, b in pairwise(finite) if a > 16 * floor]
    if len(finite) < 2:
        return 0.0
    return float(orders[-1]) if orders else 3.0


def is_kink(along: Callable[[float], float]) -> bool:
    """Do the slopes to both sides differ, by no rounding, and as much at half the smallest step?  Where J is smooth, by half."""
    value, h = along(0.0), STEPS[-1]
    far, near = (abs((along(t) - value) - (value - along(-t))) / t for t in (h, h / 2))
    floor = ROUNDINGS * EPS * max(abs(value), abs(along(h)), abs(along(-h))) / h
    return near > max(0.75 * far, floor)
