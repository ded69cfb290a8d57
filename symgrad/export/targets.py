"""What an exported module is written over: NumPy, jax, or NumPy under numba."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

import numpy as np

from symgrad.core.op import Node
from symgrad.errors import UnsupportedError, one_of
from symgrad.export.embedded import forms, known, with_needs
from symgrad.export.numba import WORDS_OF_NUMPY, in_numba, of_entries
from symgrad.export.reuse import alternatives
from symgrad.export.statements import in_numpy
from symgrad.export.syntax import template_of

Reads = Mapping[str, Collection[str]]
"""What is read of words, in dotted names: "linalg.inv" of np."""


@dataclass(frozen=True)
class Target:
    """The words of one library, and what can be asked of it."""

    name: str
    title: str
    library: str
    array: str
    imports: tuple[str, ...]
    has: Callable[[str], bool]
    """Does the library have a function of NumPy's under the same name, such as "linalg.inv", that takes and gives the same?"""

    floats: bool = True
    """Whether a scalar value is handed back as a number of Python's."""

    writes: bool = False
    """Whether statements write to arrays in place."""

    shares: bool = True
    """Whether arrays can be written to, so that results must not share memory with the inputs."""

    own: Callable[[Node], str | None] = lambda _: None
    """The code of an operation where it is not NumPy's; raises `UnsupportedError` for what the library has no words for."""

    adapted: Callable[[str], str] = str
    """NumPy's code of an operation, as the library takes it."""

    compiled: bool = False
    """Whether the statements of a function stand in a function of their own, under numba."""

    prepare: tuple[str, ...] = ()
    """Statements that the module's own test begins with."""

    def template(self, node: Node) -> str:
        """The code of one operation over its operands."""
        return self.own(node) or self.adapted(in_numpy(node))

    def code(self, node: Node) -> str:
        """That code; raises `UnsupportedError` where the library lacks a word of it or of the helpers it calls."""
        own = self.own(node)
        text = own or self.adapted(in_numpy(node))
        for template in (text, *alternatives(node)):
            if lacking := _lacking(self, template, template == own):
                raise self.refusal(lacking, f"`{node.op.name}` needs")
        return text

    def refusal(self, lacking: str, reader: str) -> UnsupportedError:
        return UnsupportedError(f"{self.name} has no {lacking}, which {reader}; use target numpy")

    def lacks(self, reads: Reads, helpers: Iterable[str]) -> str | None:
        """The first of the words of NumPy, read by code or by helpers, that is none of the library's, or None.

        What is written for a target is in its words.
        """
        shared = {helper: known(self.name)[helper].reads for helper in sorted(set(helpers) - forms(self.name).keys())}
        lacking = [f"compiled {helper}" for helper, read in shared.items() if self.compiled and "numba" not in read]
        words = {word for read in (reads, *shared.values()) for library in ("np", self.library) for word in read.get(library, ())}
        lacking += [f"array.{method}" for method in sorted(reads.get("", ())) if self.compiled and method != "T"]
        lacking += sorted(f"{self.library}.{word}" for word in words if not self.has(word))
        return next(iter(lacking), None)


@cache
def _lacking(target: Target, template: str, is_own: bool) -> str | None:
    """What a target lacks of a template; of its own template only what its helpers read."""
    reads = template_of(template).reads
    return target.lacks({} if is_own else reads, with_needs(reads.keys() & known(target.name).keys(), target.name))


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


NUMPY_TARGET = Target("numpy", "NumPy", "np", "np.ndarray", ("import numpy as {np}",), _numpy_has, writes=True)

JAX_TARGET = Target(
    "jax",
    "jax and NumPy",
    "jnp",
    "jax.Array",
    ("import jax", "import jax.numpy as {np}", "import jax.scipy.linalg", "import numpy as np"),
    _IN_JAX.__contains__,
    floats=False,
    shares=False,
    prepare=('jax.config.update("jax_enable_x64", True)',),
)

NUMBA = Target(
    "numba",
    "numba and NumPy",
    "np",
    "np.ndarray",
    ("import numba", "import numpy as {np}"),
    WORDS_OF_NUMPY.__contains__,
    own=in_numba,
    adapted=of_entries,
    compiled=True,
)

TARGETS: Mapping[str, Target] = {t.name: t for t in (NUMPY_TARGET, JAX_TARGET, NUMBA)}


def target_of(name: str) -> Target:
    return TARGETS[one_of("target", name, TARGETS)]
