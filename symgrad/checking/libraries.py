"""jax, NumPy and SciPy, and what a dotted name of a definition means in them; each is imported when it is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from symgrad.core.language import LANGUAGE
from symgrad.errors import UnsupportedError
from symgrad.reading.acts import ACTS

NAMED_CONSTANTS = frozenset({"pi", "e", "inf", "newaxis"})
"""What a library has beside functions."""

WORDS = NAMED_CONSTANTS | frozenset(LANGUAGE) | frozenset(ACTS)
"""What a definition may call a library's: functions of the language, and those that write into arrays."""

Library = Callable[[list[str]], Any]
"""What a dotted name of the language means: a function of jax, or of NumPy."""


def import_jax() -> Any:
    """jax, or the one line that says how to get it."""
    try:
        import jax  # noqa: PLC0415  (an extra: most of symgrad never needs it)
        import jax.scipy.linalg  # noqa: PLC0415
        import jax.scipy.special  # noqa: PLC0415
    except ImportError:
        raise UnsupportedError("verification needs jax: pip install 'symgrad[verify]'") from None
    return jax


def double_precision() -> contextlib.AbstractContextManager[Any]:
    """A block in which jax computes in float64; the user's configuration is as before afterwards."""
    jax = import_jax()
    switch = jax.enable_x64 if hasattr(jax, "enable_x64") else import_module("jax.experimental").enable_x64  # before jax 0.8
    return switch(True)


def jax_function(path: list[str]) -> Any:
    """What a dotted name means in jax: the user's own path where jax has it, else the function of that name wherever it is."""
    jax = import_jax()
    places = [_walk(root, path[1:-1]) for root in (jax.numpy, jax, jax.scipy)]
    places += [jax.numpy, jax.nn, jax.numpy.linalg, jax.scipy.special, jax.scipy.linalg, jax.lax]
    return _first(places, path, "jax")


def numpy_function(path: list[str]) -> Any:
    """What a dotted name means in NumPy code: the user's own path in NumPy or SciPy, for jax's own functions in jax.

    A bare name that no import explains is NumPy's: SciPy means other things by softmax and cholesky than jax does.
    """
    path = path[1:] if path[0] == "autograd" else path
    if path[0] == "jax":
        return jax_function(path)
    if path[0] == "scipy":
        return _first([_walk(_scipy(), path[1:-1])], path, "SciPy")
    places = [_walk(np, path[1:-1]), *([np.linalg] if len(path) == 1 else [])]
    return _first(places, path, "NumPy")


def _scipy() -> Any:
    import scipy  # noqa: PLC0415  (it comes with jax, which only verification needs)
    import scipy.linalg  # noqa: PLC0415
    import scipy.special  # noqa: PLC0415

    return scipy


def _first(places: list[Any], path: list[str], library: str) -> Any:
    name = path[-1]
    if name not in WORDS:
        raise NameError(f"{'.'.join(path)} is outside the language of forward passes")
    for place in places:
        if place is not None and hasattr(place, name):
            return getattr(place, name)
    raise UnsupportedError(f"{library} has no function {name}, so nothing can vouch for it")


def _walk(place: Any, path: list[str]) -> Any:
    for part in path:
        place = getattr(place, part, None)
    return place
