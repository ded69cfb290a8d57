"""What a dotted name means: jnp.linalg.norm is LANGUAGE's norm if jnp is one of the packages whose functions are known."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy

from symgrad.core.language import LANGUAGE, REFUSED
from symgrad.errors import UnsupportedError
from symgrad.reading.dialects import dialect_of, is_known
from symgrad.reading.messages import suggest
from symgrad.reading.module import TRANSFORMS

OPERATIONS = "the operations read are listed in docs/operations.md"

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
        if not is_known(self.path):
            raise UnsupportedError(elsewhere(name, self.path))
        if (dialect := dialect_of(self.path)) is not None:
            name = dialect.renamed.get(name, name)
        for module in ("random", "fft"):
            if module in parts:
                raise UnsupportedError(REFUSED[module])
        if name in CONSTANTS and "lax" not in parts:
            return CONSTANTS[name]
        if name in FLOATS:
            return name
        if name == "nan":
            raise UnsupportedError("nan is no number to compute with; leave it out")
        if why := _DIFFERENT.get((parts[-1], name)) or _DIFFERENT.get((parts[-1], name, "scipy" if "scipy" in parts else "")):
            raise UnsupportedError(why)
        if way := REFUSED.get(f"{parts[-1]}.{name}"):
            raise UnsupportedError(way)
        if parts[-1] == "lax" and name in LANGUAGE and name not in _LAX:
            raise UnsupportedError(f"the arguments of lax.{name} are its own; write jnp.{name}")
        if name in _SUBMODULES:
            return ModuleName(f"{self.path}.{name}")
        return function_named(name)


def elsewhere(name: str, package: str) -> str:
    """Why a name of a package that is not read is refused."""
    if package.partition(".")[0] in sys.stdlib_module_names:
        return f"the module {package} is not read; pass what {name} gives in as an input"
    return f"{name} comes from {package}, which is not read; put it into the same file"


def function_named(name: str) -> Any:
    """The function of the language, or the reason why there is none."""
    if name in LANGUAGE:
        return LANGUAGE[name]
    if name in ("jit", "checkpoint", "remat"):
        return lambda function, **_: function
    if name in REFUSED:
        raise UnsupportedError(REFUSED[name])
    if name in TRANSFORMS:
        raise UnsupportedError("a transformation of functions is not read; write the equations out")
    if not is_word(name) and (close := suggest(name, LANGUAGE)):
        raise UnsupportedError(f"the function {name} is not known, {OPERATIONS}{close}")
    raise UnsupportedError(f"{name} is not supported, {OPERATIONS}")


@cache
def _numpys_words() -> frozenset[str]:
    return frozenset({*dir(np), *dir(np.linalg), *dir(np.ndarray)})


_WORDS = frozenset(
    "Array ad bdtr chndtr coshm cosm dft erfcx erfi exp1 expi expm expn fdtr gdtr glu iv log1mexp log1p_p logm lu map nbdtr nbdtrc "
    "nbdtri ncfdtr nctdtr ndtri pdtr pinvh pmax pmean pmin psum pswapaxes reshard signm sinhm sinm sqrtm switch tanhm tanm "
    "xlog1py".split()
)
"""Words of jax and SciPy alone that lie near a word of the language: no slips of the pen."""


def is_word(name: str) -> bool:
    """Whether NumPy, jax or SciPy means something by this name, so that it is no misspelt word of the language."""
    return name in _numpys_words() or name in _WORDS or name.endswith("_p")
