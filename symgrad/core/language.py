"""The names a forward pass may use: NumPy's and JAX's, each bound to a function over nodes by the file of its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LANGUAGE: dict[str, Callable[..., Any]] = {}
"""Functions by the last part of their dotted name: exp stands for np.exp, jnp.exp and a bare exp."""

METHODS: dict[str, Callable[..., Any]] = {}
"""Array methods by name; the array comes first."""

_LOOP = "it is not read; write the steps as a for loop over a literal range"
_STEPS = "it is piecewise constant, so its derivative is zero wherever it has one; pass its result in as an input"
_SORTED = "sorting is not supported yet; pass sorted data in as an input"
_DATA = "how long its result is depends on the values, which are not known on reading; pass the result in as an input"
_CHECKS = "numbers are taken to be finite here; leave it out of the forward pass"
_DRAWS = "random draws are not read; draw outside and pass the numbers in as an input"
_FILES = "no file is opened on reading; pass its arrays in as inputs"
_OUTSIDE = "what a callback computes cannot be read; write its formula inside the function"
_EIGENVALUES = "eigenvalues are not supported yet; use trace, det, slogdet or matrix_power, which are functions of them"
_COMPLEX = "its result is complex, and numbers are real here; multiply by a matrix of cosines and one of sines"

REFUSED: dict[str, str] = {
    "vmap": "it is not read; write the batch as a matrix product or with einsum",
    "lax.cond": "it is not read; compute both branches, if both are finite, and use where",
    "lax.switch": "it is not read; compute all branches, if all are finite, and use where",
    "grad": "a gradient inside a forward pass is not read; differentiate with derive",
    "clamp": "it is not supported yet; write clip(x, lower, upper)",
    "lstsq": "it is not supported yet; write solve(A.T @ A, A.T @ b), which is the same where A has full column rank",
    "expm": "a matrix exponential is not supported yet; for few terms write the series with matrix_power",
    "svd": "singular values are not supported yet; use the Frobenius norm or slogdet(X.T @ X)",
    "qr": "it is not supported yet; use solve or cholesky",
    "lu": "it is not supported yet; use solve or slogdet",
    "eig": "its results may be complex, and numbers are real here; of a symmetric matrix use trace, det, slogdet or matrix_power",
    "eigh": "eigenvectors are not supported yet; use trace, det, slogdet or matrix_power",
    "minimize": "what a minimiser finds cannot be read; find it outside and pass it in as an input",
    "quad": "an integral is not read; write its closed form, or a sum over nodes and weights",
    "gradient": "it is not supported yet; write the differences with diff or slices",
    "remainder": "it is not supported yet; write x - y * q with the whole quotients q passed in as an input",
    **dict.fromkeys(("scan", "fori_loop", "while_loop"), _LOOP),
    **dict.fromkeys(("random", "normal", "uniform", "randn", "rand", "default_rng", "PRNGKey"), _DRAWS),
    **dict.fromkeys(("eigvals", "eigvalsh"), _EIGENVALUES),
    **dict.fromkeys("sort argsort median percentile quantile partition argpartition top_k lexsort".split(), _SORTED),
    **dict.fromkeys("unique nonzero argwhere flatnonzero extract compress".split(), _DATA),
    **dict.fromkeys("isnan isinf isfinite nan_to_num".split(), _CHECKS),
    **{
        f"nan{word}": f"numbers are taken to be finite here; write {word}"
        for word in ("sum", "mean", "std", "var", "max", "min", "prod")
    },
    **dict.fromkeys("load loadtxt genfromtxt fromfile memmap save savez savetxt".split(), _FILES),
    **dict.fromkeys("pure_callback io_callback host_callback".split(), _OUTSIDE),
    **dict.fromkeys("fft ifft rfft irfft fft2 ifft2 fftn ifftn".split(), _COMPLEX),
    **dict.fromkeys(
        "argmax argmin nanargmax nanargmin round around rint fix floor ceil trunc floor_divide heaviside searchsorted digitize "
        "histogram bincount count_nonzero matrix_rank".split(),
        _STEPS,
    ),
}
"""What is refused by name, and why or the way out, as one sentence; of a name that means two things, the last part of its module
stands before it."""


def named(*names: str, method: bool = False) -> Callable[[Any], Any]:
    """Register a function under the names users write; with `method`, also as an array method."""

    def register(function: Any) -> Any:
        for name in names:
            LANGUAGE[name] = function
            if method:
                METHODS[name] = function
        return function

    return register
