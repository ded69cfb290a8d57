"""What an exported module is written over: NumPy, jax, or NumPy under numba."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

import numpy as np

from symgrad.core.op import Node
from symgrad.errors import UnsupportedError, one_of
from symgrad.export.embedded import helper_source, with_needs
from symgrad.export.numba import in_numba
from symgrad.export.reuse import helpers_of
from symgrad.export.statements import ARRAY, in_numpy


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

    has: Callable[[str], bool]
    """Does the library have a function of NumPy's under the same name, such as "linalg.inv", that takes and gives the same?"""

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

    def code(self, node: Node) -> str:
        """The code of one operation; raises `UnsupportedError` where the library lacks a word of it or of the helpers it calls."""
        text = self.template(node)
        self._hold([*_words(text, "np"), *_words_of_helpers(helpers_of(node), self)], f"`{node.op.name}` needs")
        return text

    def hold(self, module: str, alias: str) -> None:
        """Raises `UnsupportedError` where a module reads a word that the library, which it calls `alias`, does not have."""
        self._hold(_words(module, alias), "its modules read")

    def _hold(self, words: Iterable[str], reader: str) -> None:
        if lacking := [word for word in words if not self.has(word)]:
            raise UnsupportedError(f"{self.name} has no {self.library}.{lacking[0]}, which {reader}; use target numpy")


def _words(text: str, *libraries: str) -> list[str]:
    """What a text reads of a library, in dotted names; `.T` and the like are of arrays that their author called so."""
    found = re.findall(rf"(?<![\w.])(?:{'|'.join(libraries)})\.(\w+(?:\.\w+)*)", text)
    return [word for word in found if word.partition(".")[0] not in ARRAY]


@cache
def _words_of_helpers(helpers: tuple[str, ...], target: Target) -> list[str]:
    texts = (helper_source(helper, target.name) for helper in sorted(with_needs(helpers, target.name)))
    return [word for text in texts for word in _words(text, "np", target.library)]


def _numpy_has(word: str) -> bool:
    try:
        return attrgetter(word)(np) is not None
    except AttributeError:
        return False


_IN_JAX = frozenset(
    "abs all arange arccos arcsin arcsinh arctan arctan2 arctanh array asarray broadcast_arrays broadcast_to cbrt "
    "complexfloating concatenate cos cosh cumprod cumsum diag diagonal dtype einsum empty exp exp2 expand_dims expm1 eye "
    "finfo flip float32 floating floor frexp full hypot indices inf integer isfinite issubdtype kron ldexp linalg.cholesky "
    "linalg.det linalg.inv linalg.pinv linalg.slogdet linalg.solve linalg.svd log log10 log1p log2 logaddexp max maximum min "
    "minimum moveaxis multiply.outer ndarray ndim ones ones_like pi prod ravel reshape result_type s_ shape sign sin sinh "
    "size sqrt square squeeze stack sum swapaxes take_along_axis tan tanh tensordot trace tril triu vdot where zeros "
    "zeros_like".split()
)


NUMPY = Target("numpy", "NumPy", "np", "np.ndarray", ("import numpy as {np}",), ("float", "{float}({0})"), _numpy_has, writes=True)

JAX = Target(
    "jax",
    "jax and NumPy",
    "jnp",
    "jax.Array",
    ("import jax", "import jax.numpy as {np}", "import jax.scipy.linalg", "import numpy as np"),
    ("np.ndarray", "{0}"),
    _IN_JAX.__contains__,
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
    _numpy_has,  # of what is compiled, `in_numba` says
    template=in_numba,
    compiled=True,
)

TARGETS: Mapping[str, Target] = {t.name: t for t in (NUMPY, JAX, NUMBA)}


def target_of(name: str) -> Target:
    return TARGETS[one_of("target", name, TARGETS)]
