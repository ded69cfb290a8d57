"""What an exported module is written over: NumPy, jax, or NumPy under numba."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symgrad.errors import InputError
from symgrad.export.numba import in_numba
from symgrad.export.statements import in_numpy
from symgrad.op import Node


@dataclass(frozen=True)
class Target:
    """The words of one library, and what can be asked of it."""

    name: str
    title: str
    library: str
    array: str
    imports: tuple[str, ...]
    number: tuple[str, str]
    """The type of a scalar value, and how it is handed back."""

    writes: bool = False
    """Whether statements write to arrays in place."""

    shares: bool = True
    """Whether arrays can be written to, so that results must not share memory with the inputs."""

    template: Callable[[Node], str] = in_numpy
    """The code of one operation; raises `UnsupportedError` for what the library has no words for."""

    compiled: bool = False
    """Whether the statements of a function stand in a function of their own, under numba."""

    prepare: tuple[str, ...] = ()
    """Statements that the module's own test begins with."""


NUMPY = Target("numpy", "NumPy", "np", "np.ndarray", ("import numpy as {np}",), ("float", "{float}({0})"), writes=True)

JAX = Target(
    "jax",
    "jax and NumPy",
    "jnp",
    "jax.Array",
    ("import jax", "import jax.numpy as {np}", "import jax.scipy.linalg", "import numpy as np"),
    ("np.ndarray", "{0}"),
    shares=False,
    prepare=('jax.config.update("jax_enable_x64", True)',),
)

NUMBA = Target(
    "numba",
    "numba and NumPy",
    "np",
    "np.ndarray",
    ("import numba", "import numpy as {np}"),
    ("float", "{float}({0})"),
    template=in_numba,
    compiled=True,
)

TARGETS: Mapping[str, Target] = {t.name: t for t in (NUMPY, JAX, NUMBA)}


def target_of(name: str) -> Target:
    if name not in TARGETS:
        raise InputError(f"there is no target {name!r}; there are {', '.join(TARGETS)}")
    return TARGETS[name]
