"""What an exported module is written over: NumPy, or jax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symgrad.errors import InputError


@dataclass(frozen=True)
class Target:
    """The words of one library, and what can be asked of it."""

    name: str
    title: str
    library: str
    array: str
    imports: tuple[str, ...]
    number: str
    """How a scalar is handed back."""

    writes: bool
    """Whether arrays may be written to in place."""

    omitted: frozenset[str] = frozenset()
    prepare: tuple[str, ...] = ()
    """Statements that the module's own test begins with."""


NUMPY = Target("numpy", "NumPy", "np", "np.ndarray", ("import numpy as {np}",), "{float}({0})", True)

JAX = Target(
    "jax",
    "jax and NumPy",
    "jnp",
    "jax.Array",
    ("import jax", "import jax.numpy as {np}", "import jax.scipy.linalg", "import numpy as np"),
    "{0}",
    False,
    frozenset({"check", "hessian_factors", "_diagonals"}),
    ('jax.config.update("jax_enable_x64", True)',),
)

TARGETS: Mapping[str, Target] = {t.name: t for t in (NUMPY, JAX)}


def target_of(name: str) -> Target:
    if name not in TARGETS:
        raise InputError(f"there is no target {name!r}; there are {', '.join(TARGETS)}")
    return TARGETS[name]
