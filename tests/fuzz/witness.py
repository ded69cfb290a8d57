"""The same text over jax, operation by operation and in float64: a witness on a share of the programs, and the convention at kinks.

Nothing is compiled but single operations, which come back from one program to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import jax.scipy.special
import numpy as np

if TYPE_CHECKING:
    from tests.fuzz.oracles import Subject

jax.config.update("jax_enable_x64", True)
_PLACES = (jax.lax, jax.scipy.special, jax.scipy.linalg, jnp.linalg, jax.nn, jnp)
NAMES: dict[str, Any] = {name: getattr(place, name) for place in _PLACES for name in dir(place) if not name.startswith("_")}


def function(subject: Subject) -> Any:
    """f(inputs that move), or None where jax has no function of a name that the text calls."""
    scope: dict[str, Any] = {**NAMES, "jnp": jnp, "jax": jax}
    exec(compile(re.sub(r"(?m)^import .*$", "", subject.drawn.text), "<jax>", "exec"), scope)
    fixed = {name: jnp.asarray(a) for name, a in subject.at.items() if name not in subject.moving}
    fixed |= {"phi": jnp.sin} if subject.functions else {}
    return lambda moving: scope["f"](**moving, **fixed)


def gradient(subject: Subject) -> dict[str, Any] | None:
    return _found(subject, lambda f, at: jax.grad(f)(at))


def hvp(subject: Subject, v: Mapping[str, Any]) -> dict[str, Any] | None:
    moved = {name: jnp.asarray(a) for name, a in v.items()}
    return _found(subject, lambda f, at: jax.jvp(jax.grad(f), (at,), (moved,))[1])


def has_numbers(found: Mapping[str, Any] | None) -> bool:
    return found is not None and all(np.all(np.isfinite(a)) for a in found.values())


def _found(subject: Subject, derivative: Callable[[Any, Any], Any]) -> dict[str, Any] | None:
    """None where jax has no such function, or no derivative of it."""
    f, at = function(subject), {name: jnp.asarray(subject.at[name]) for name in subject.moving}
    try:
        with jax.disable_jit():
            return {name: np.asarray(a) for name, a in derivative(f, at).items()}
    except (NameError, AttributeError, TypeError, NotImplementedError):
        return None
