"""What a dotted name means: jnp.linalg.norm is LANGUAGE's norm if jnp is one of the packages whose functions are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from symgrad.errors import UnsupportedError
from symgrad.language import LANGUAGE, REFUSED
from symgrad.reading.messages import suggest
from symgrad.reading.module import KNOWN_ROOTS, TRANSFORMS

OPERATIONS = "the operations read are listed in docs/operations.md"

BARE_MODULES = {
    "np": "numpy", "numpy": "numpy", "jnp": "jax.numpy", "jax": "jax", "scipy": "scipy", "sp": "scipy", "jsp": "jax.scipy",
    "nn": "jax.nn", "linalg": "jax.numpy.linalg", "special": "jax.scipy.special", "lax": "jax.lax", "math": "math",
}  # fmt: skip
"""Modules by their usual alias, for a text that imports nothing."""

CONSTANTS: dict[str, Any] = {"pi": sympy.pi, "e": sympy.E, "inf": sympy.oo, "newaxis": None}
FLOATS = frozenset({"float32", "float64", "float16", "bfloat16", "float_", "double", "single"})
_SUBMODULES = frozenset("numpy nn linalg scipy special lax random stats fft tree tree_util ops debug experimental".split())
_LAX = frozenset(
    "stop_gradient exp expm1 log log1p sin cos tan sinh cosh tanh asin acos atan asinh logistic erf sqrt rsqrt square abs sign dot "
    "add sub mul div".split()
)
_DIFFERENT = {
    ("special", "softmax"): "SciPy's softmax runs over all axes; write jax.nn.softmax(x, axis=...)",
    ("special", "log_softmax"): "SciPy's log_softmax runs over all axes; write jax.nn.log_softmax(x, axis=...)",
    ("linalg", "cholesky", "scipy"): "SciPy's cholesky is the upper factor; write jnp.linalg.cholesky, the lower one",
    ("lax", "max"): "lax.max is elementwise; write jnp.maximum",
    ("lax", "min"): "lax.min is elementwise; write jnp.minimum",
}
"""Names that mean something else in one of the packages: never read as the usual one."""


@dataclass(frozen=True)
class ModuleName:
    """A module under whatever alias: its attributes are functions of the language."""

    path: str

    def attribute(self, name: str) -> Any:
        parts = self.path.split(".")
        if parts[0] not in KNOWN_ROOTS:
            raise UnsupportedError(f"{name} comes from {self.path}, which is not read; put it into the same file")
        if "random" in parts or name == "random":
            raise UnsupportedError(f"random draws are not read; {REFUSED['random']}")
        if name in CONSTANTS and "lax" not in parts:
            return CONSTANTS[name]
        if name in FLOATS:
            return name
        if name == "nan":
            raise UnsupportedError("nan is no number to compute with; leave it out")
        if why := _DIFFERENT.get((parts[-1], name)) or _DIFFERENT.get((parts[-1], name, "scipy" if "scipy" in parts else "")):
            raise UnsupportedError(why)
        if parts[-1] == "lax" and name not in _LAX and name not in REFUSED:
            raise UnsupportedError(f"lax.{name} is not read; write the jax.numpy function{suggest(name, LANGUAGE)}")
        if name in _SUBMODULES:
            return ModuleName(f"{self.path}.{name}")
        return function_named(name)


def function_named(name: str) -> Any:
    """The function of the language, or the reason why there is none."""
    if name in LANGUAGE:
        return LANGUAGE[name]
    if name in ("jit", "checkpoint", "remat"):
        return lambda function, **_: function
    if name in REFUSED:
        raise UnsupportedError(f"it is not read; {REFUSED[name]}")
    if name in TRANSFORMS:
        raise UnsupportedError("it is a transformation of functions and is not read; write the equations out")
    raise UnsupportedError(f"the function {name} is not known, {OPERATIONS}{suggest(name, LANGUAGE)}")
