"""Derivatives by central differences, each with how uncertain it is; of differences again, for second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.checking.agreement import EPS, MARGIN, largest

_STEPS = tuple(2.0**-10 * 8.0**-k for k in range(8))
"""Steps, as parts of an argument's size: smaller ones are tried until rounding outweighs what is left out of the series."""

SETTLED = 1e-4
"""How much of a derivative the step may change; what changes more, and is no rounding, lies at a kink or on an edge."""


@dataclass(frozen=True)
class Measured:
    """Numbers, and how far each may be off; a doubt that is nan says that they did not settle."""

    value: Any
    doubt: Any


Measurement = Callable[[Any], Measured]


def rounded(function: Callable[[Any], Any]) -> Measurement:
    """A function whose values are off by their rounding."""

    def measured(x: Any) -> Measured:
        value = np.asarray(function(x), dtype=float)
        return Measured(value, EPS * np.abs(value))

    return measured


def differenced(function: Measurement, x: Any, unit: Callable[[Any], Any] = lambda direction: direction) -> Measured:
    """The derivative in every entry of x, of the value's shape followed by that of x.

    `unit` makes of the direction of one entry the one in which x is moved.
    """
    x = np.asarray(x, dtype=float)
    size = float(np.max(np.abs(x), initial=0.0)) or 1.0
    columns = [slope(_line(function, x, unit(direction)), size) for direction in np.eye(x.size).reshape(x.size, *x.shape)]
    value, doubt = (np.stack(parts, axis=-1) for parts in zip(*((c.value, c.doubt) for c in columns), strict=True))
    shape = (*value.shape[:-1], *x.shape)
    return Measured(value.reshape(shape), doubt.reshape(shape))


def _line(function: Measurement, x: Any, direction: Any) -> Measurement:
    return lambda t: function(x + t * direction)


def slope(function: Measurement, size: float = 1.0) -> Measured:
    """The derivative of a function of one number at 0, in which steps are parts of `size`."""
    found = []
    with np.errstate(invalid="ignore", over="ignore"):
        for step in _STEPS:
            value, cut, noise = _at_step(function, step * size)
            settled = cut <= np.maximum(SETTLED * largest(value), MARGIN * noise)
            found.append(Measured(value, np.where(settled, cut + noise, np.nan)))
            if np.all(cut <= noise):
                break
    return min(found, key=lambda m: np.max(np.nan_to_num(m.doubt, nan=np.inf, posinf=np.inf), initial=0.0))


def _at_step(function: Measurement, h: float) -> tuple[Any, Any, Any]:
    """The difference of fourth order at this step, how far that at twice the step is from it, and what rounding makes of it.

    f'(0) = (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h + O(h^4), in which the weights add up to 18.
    """
    points = {k: (function(k * h), function(-k * h)) for k in (1, 2, 4)}
    odd = {k: up.value - down.value for k, (up, down) in points.items()}
    fine, coarse = ((8 * odd[k] - odd[2 * k]) / (12 * k * h) for k in (1, 2))
    doubt = np.max([p.doubt for pair in points.values() for p in pair], axis=0)
    return fine, np.abs(fine - coarse), 18 * doubt / (12 * h)
