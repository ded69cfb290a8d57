"""The libraries in whose words forward passes are written: a table each, and no reader of its own.

A further library is a further record in `DIALECTS`: where its functions stand, under which names its modules are known, what it
calls otherwise than NumPy, and whether its arrays change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Dialect:
    """What is its own about a library; all the rest is the language that they share, under NumPy's names."""

    name: str
    roots: frozenset[str]
    """Packages whose functions are its own."""
    aliases: Mapping[str, str]
    """Modules by their usual alias, for a text that imports nothing."""
    mutable: bool
    """Whether its arrays are memory, of which slices are views, and acts in place write into it."""
    axis: str = "axis"
    """Its keyword for an axis."""
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Its words for functions that the language knows under another."""
    updates: bool = False
    """Whether x.at[i].set(v) makes a new array."""


NUMPY = Dialect(
    name="numpy",
    roots=frozenset({"numpy", "scipy", "autograd"}),
    aliases={"np": "numpy", "numpy": "numpy", "scipy": "scipy", "sp": "scipy"},
    mutable=True,
)
JAX = Dialect(
    name="jax",
    roots=frozenset({"jax"}),
    aliases={
        "jnp": "jax.numpy", "jax": "jax", "jsp": "jax.scipy", "nn": "jax.nn", "linalg": "jax.numpy.linalg",
        "special": "jax.scipy.special", "lax": "jax.lax",
    },
    mutable=False,
    updates=True,
)  # fmt: skip

DIALECTS: dict[str, Dialect] = {d.name: d for d in (NUMPY, JAX)}
_OTHERS = {"math": "math"}
"""Modules of numbers, which make no arrays."""

EITHER = Dialect("either", frozenset(), {}, mutable=False, updates=True)
"""Of an argument of which nothing says whose it is, in a function with the words of several."""


def dialect_of(package: str) -> Dialect | None:
    """Whose a package is, by the first part of its dotted name."""
    return next((d for d in DIALECTS.values() if package.partition(".")[0] in d.roots), None)


def is_known(package: str) -> bool:
    """Whether the functions of a package are read by name; what any other package means by a name is not known."""
    return package.partition(".")[0] in _OTHERS or dialect_of(package) is not None


def module_known_as(alias: str) -> str | None:
    """The module that usually has this name."""
    return next((d.aliases[alias] for d in DIALECTS.values() if alias in d.aliases), _OTHERS.get(alias))


def dialects_together(dialects: Iterable[Dialect]) -> Dialect:
    """Whose the result of an operator is: of arrays that change and arrays that do not, one that does not."""
    found = list(dialects)
    settled = [d for d in found if d is not EITHER]
    frozen = next((d for d in settled if not d.mutable), None)
    return frozen or (EITHER if len(settled) < len(found) else settled[0] if settled else NUMPY)


def home_of(used: Iterable[Dialect]) -> Dialect:
    """Whose the arguments of a function are that uses the words of these."""
    words = {d.name: d for d in used}
    return EITHER if len(words) > 1 else next(iter(words.values()), NUMPY)
