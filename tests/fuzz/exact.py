"""The language of forward passes once more, over arrays of mpmath numbers: what every expression is judged by.

A source text is executed with these names in place of NumPy's; nothing of the package's rules or records is used.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
from mpmath import mp

DIGITS = 60
SINGULAR = mpmath.mpf(10) ** (10 - DIGITS)
"""What a pivot is at least, relative to the largest entry; a difference by 10^-15 in a Gram matrix leaves 10^-30."""

Array = Any


def array(x: Any) -> Array:
    """An array of mpmath numbers; truth values count as 0 and 1, labels stay integers."""
    if isinstance(x, tuple | list):
        return np.stack([array(a) for a in x])
    x = np.asarray(x)
    return x if x.dtype in (object, np.int64) else np.asarray(_lift(x), dtype=object)


_lift = np.frompyfunc(lambda x: mpmath.mpf(float(x)), 1, 1)


def entrywise(function: Callable[..., Any], operands: int = 1) -> Callable[..., Array]:
    apply = np.frompyfunc(function, operands, 1)
    return lambda *x: np.asarray(apply(*map(array, x)), dtype=object)


# functions of one number ----------------------------------------------------------------------------------------------------

sqrt, exp, log = entrywise(mp.sqrt), entrywise(mp.exp), entrywise(mp.log)
sigmoid = entrywise(lambda x: 1 / (1 + mp.exp(-x)))
softplus = entrywise(lambda x: mp.log1p(mp.exp(x)))
absolute = entrywise(abs)
ndtr = entrywise(mp.ncdf)
TWO, THREE = mpmath.mpf(2), mpmath.mpf(3)

ONE: dict[str, Callable[..., Array]] = {
    "exp": exp,
    "log": log,
    "sqrt": sqrt,
    "abs": absolute,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "ndtr": ndtr,
    "expm1": entrywise(mp.expm1),
    "exp2": entrywise(lambda x: TWO**x),
    "log1p": entrywise(mp.log1p),
    "log2": entrywise(lambda x: mp.log(x) / mp.log(2)),
    "log10": entrywise(mp.log10),
    "sin": entrywise(mp.sin),
    "cos": entrywise(mp.cos),
    "tan": entrywise(mp.tan),
    "arcsin": entrywise(mp.asin),
    "arccos": entrywise(mp.acos),
    "arctan": entrywise(mp.atan),
    "sinh": entrywise(mp.sinh),
    "cosh": entrywise(mp.cosh),
    "tanh": entrywise(mp.tanh),
    "arcsinh": entrywise(mp.asinh),
    "arccosh": entrywise(mp.acosh),
    "arctanh": entrywise(mp.atanh),
    "sinc": entrywise(lambda x: mp.sincpi(x)),
    "cbrt": entrywise(mp.cbrt),
    "sign": entrywise(mp.sign),
    "square": entrywise(lambda x: x * x),
    "reciprocal": entrywise(lambda x: 1 / x),
    "rsqrt": entrywise(lambda x: 1 / mp.sqrt(x)),
    "negative": entrywise(operator.neg),
    "erf": entrywise(mp.erf),
    "erfc": entrywise(mp.erfc),
    "log_sigmoid": entrywise(lambda x: -mp.log1p(mp.exp(-x))),
    "logit": entrywise(lambda x: mp.log(x / (1 - x))),
    "entr": entrywise(lambda x: -x * mp.log(x) if x else mpmath.mpf(0)),
    "relu": entrywise(lambda x: max(x, mpmath.mpf(0))),
    "relu6": entrywise(lambda x: min(max(x, mpmath.mpf(0)), mpmath.mpf(6))),
    "leaky_relu": entrywise(lambda x: x if x >= 0 else x * mpmath.mpf(0.01)),
    "elu": entrywise(lambda x: x if x > 0 else mp.expm1(x)),
    "celu": entrywise(lambda x: x if x > 0 else mp.expm1(x)),
    "selu": entrywise(lambda x: mpmath.mpf(1.0507009873554805) * (x if x > 0 else mpmath.mpf(1.6732632423543772) * mp.expm1(x))),
    "gelu": entrywise(lambda x: x * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mpmath.mpf(0.044715) * x**3))) / 2),
    "silu": entrywise(lambda x: x / (1 + mp.exp(-x))),
    "mish": entrywise(lambda x: x * mp.tanh(mp.log1p(mp.exp(x)))),
    "hard_tanh": entrywise(lambda x: min(max(x, mpmath.mpf(-1)), mpmath.mpf(1))),
    "hard_sigmoid": entrywise(lambda x: min(max(x + 3, mpmath.mpf(0)), mpmath.mpf(6)) / 6),
    "hard_silu": entrywise(lambda x: x * min(max(x + 3, mpmath.mpf(0)), mpmath.mpf(6)) / 6),
    "soft_sign": entrywise(lambda x: x / (1 + abs(x))),
    "squareplus": entrywise(lambda x: (x + mp.sqrt(x * x + 4)) / 2),
    "log_cosh": entrywise(lambda x: mp.log(mp.cosh(x))),
}

TWO_OPERANDS: dict[str, Callable[..., Array]] = {
    "add": entrywise(operator.add, 2),
    "subtract": entrywise(operator.sub, 2),
    "multiply": entrywise(operator.mul, 2),
    "divide": entrywise(operator.truediv, 2),
    "power": entrywise(operator.pow, 2),
    "maximum": entrywise(max, 2),
    "minimum": entrywise(min, 2),
    "hypot": entrywise(lambda x, y: mp.sqrt(x * x + y * y), 2),
    "arctan2": entrywise(mp.atan2, 2),
    "logaddexp": entrywise(lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), 2),
    "xlogy": entrywise(lambda x, y: x * mp.log(y) if x else mpmath.mpf(0), 2),
    "greater": entrywise(lambda x, y: mpmath.mpf(x > y), 2),
    "greater_equal": entrywise(lambda x, y: mpmath.mpf(x >= y), 2),
    "less": entrywise(lambda x, y: mpmath.mpf(x < y), 2),
    "less_equal": entrywise(lambda x, y: mpmath.mpf(x <= y), 2),
    "equal": entrywise(lambda x, y: mpmath.mpf(x == y), 2),
    "not_equal": entrywise(lambda x, y: mpmath.mpf(x != y), 2),
    "logical_and": entrywise(lambda x, y: mpmath.mpf(bool(x) and bool(y)), 2),
    "logical_or": entrywise(lambda x, y: mpmath.mpf(bool(x) or bool(y)), 2),
    "logical_xor": entrywise(lambda x, y: mpmath.mpf(bool(x) is not bool(y)), 2),
}


def logical_not(x: Any) -> Array:
    return np.logical_not(np.asarray(x, dtype=bool))


def where(condition: Any, x: Any, y: Any) -> Array:
    return np.where(np.asarray(condition, dtype=bool), array(x), array(y))


def clip(x: Any, low: Any, high: Any) -> Array:
    return TWO_OPERANDS["minimum"](TWO_OPERANDS["maximum"](x, low), high)


# reductions -----------------------------------------------------------------------------------------------------------------


def axes_of(x: Array, axis: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else tuple(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))


def reduction(combine: Callable[[Sequence[Any]], Any]) -> Callable[..., Array]:
    """A function of the entries along axes."""

    def reduce(x: Any, axis: Any = None, keepdims: bool = False) -> Array:
        x = array(x)
        axes = axes_of(x, axis)
        kept = [a for a in range(x.ndim) if a not in axes]
        rows = x.transpose(*kept, *axes).reshape(*(x.shape[a] for a in kept), -1)
        out = np.empty(rows.shape[:-1], dtype=object)
        for index in np.ndindex(*out.shape):
            out[index] = combine(list(rows[index]))
        return out.reshape([1 if a in axes else d for a, d in enumerate(x.shape)]) if keepdims else out

    return reduce


def variance(x: Sequence[Any]) -> Any:
    middle = mpmath.fsum(x) / len(x)
    return mpmath.fsum((a - middle) ** 2 for a in x) / len(x)


total, largest = reduction(mpmath.fsum), reduction(max)
length = reduction(lambda x: mp.sqrt(mpmath.fsum(a * a for a in x)))
REDUCTIONS: dict[str, Callable[..., Array]] = {
    "sum": total,
    "max": largest,
    "min": reduction(min),
    "prod": reduction(mpmath.fprod),
    "mean": reduction(lambda x: mpmath.fsum(x) / len(x)),
    "var": reduction(variance),
    "std": reduction(lambda x: mp.sqrt(variance(x))),
    "logsumexp": reduction(lambda x: mp.log(mpmath.fsum(map(mp.exp, x)))),
}


def softmax(x: Any, axis: Any = -1) -> Array:
    e = exp(x)
    return e / total(e, axis=axis, keepdims=True)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """The lengths and p-norms of vectors, and the Frobenius norm of matrices."""
    if ord in (None, 2, "fro"):
        return length(x, axis=axis, keepdims=keepdims)
    if ord == np.inf:
        return largest(absolute(x), axis=axis, keepdims=keepdims)
    p = mpmath.mpf(ord)
    return reduction(lambda v: mpmath.fsum(abs(a) ** p for a in v) ** (1 / p))(x, axis=axis, keepdims=keepdims)


# matrices -------------------------------------------------------------------------------------------------------------------


def matrix(A: Array) -> mpmath.matrix:
    return mpmath.matrix(array(A).tolist())


def solve(A: Any, B: Any) -> Array:
    """Gauss and Jordan with the largest pivot; one that rounding alone keeps from zero is a zero."""
    A, B = array(A).copy(), array(B).copy()
    n, right, zero = len(A), B.reshape(len(A), -1), SINGULAR * max(map(abs, A.flat))
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(A[r, i]))
        A[[i, p]], right[[i, p]] = A[[p, i]], right[[p, i]]
        if abs(A[i, i]) <= zero:
            raise ZeroDivisionError
        right[i], A[i] = right[i] / A[i, i], A[i] / A[i, i]
        for r in range(n):
            if r != i:
                right[r], A[r] = right[r] - A[r, i] * right[i], A[r] - A[r, i] * A[i]
    return right.reshape(B.shape)


def inv(A: Any) -> Array:
    return solve(A, eye(len(A)))


def det(A: Any) -> Array:
    """By Laplace, which divides nothing."""
    A = array(A)
    if len(A) == 1:
        return np.asarray(A[0, 0], dtype=object)
    minors = (np.delete(A[1:], j, axis=1) for j in range(len(A)))
    return np.asarray(mpmath.fsum((-1) ** j * A[0, j] * det(m).item() for j, m in enumerate(minors)), dtype=object)


def slogdet(A: Any) -> SimpleNamespace:
    d = det(A).item()
    return SimpleNamespace(sign=np.asarray(mp.sign(d), dtype=object), logabsdet=np.asarray(mp.log(abs(d)), dtype=object))


def factor(A: Array, lower: bool) -> Array:
    """The Cholesky factor of the matrix with this triangle of A on both sides."""
    n, source = len(A), A if lower else A.T
    L = np.full((n, n), mpmath.mpf(0), dtype=object)
    for i in range(n):
        for j in range(i + 1):
            rest = source[i, j] - mpmath.fsum(L[i, k] * L[j, k] for k in range(j))
            L[i, j] = mp.sqrt(rest) if i == j else rest / L[j, j]
    return L if lower else L.T


def cholesky(A: Any, lower: bool | None = None) -> Array:
    A = array(A)
    return factor((A + A.T) / 2, True) if lower is None else factor(A, lower)


def solve_triangular(A: Any, B: Any, trans: int = 0, lower: bool = False) -> Array:
    T = np.tril(array(A)) if lower else np.triu(array(A))
    return solve(T.T if trans else T, B)


def cho_solve(c_and_lower: tuple[Array, bool], B: Any) -> Array:
    C, lower = c_and_lower
    T = np.tril(C) if lower else np.triu(C)
    return solve(T @ T.T if lower else T.T @ T, B)


def pinv(A: Any) -> Array:
    A = array(A)
    return solve(A.T @ A, A.T) if A.shape[0] >= A.shape[1] else solve(A @ A.T, A).T


def matrix_power(A: Any, n: int) -> Array:
    base, result = inv(A) if n < 0 else array(A), eye(len(A))
    for _ in range(abs(n)):
        result = result @ base
    return result


def kron(A: Any, B: Any) -> Array:
    A, B = array(A), array(B)
    return np.einsum("ij,kl->ikjl", A, B).reshape(A.shape[0] * B.shape[0], A.shape[1] * B.shape[1])


def multi_dot(arrays: Sequence[Any]) -> Array:
    product = array(arrays[0])
    for x in arrays[1:]:
        product = product @ x
    return product


# everything by name ---------------------------------------------------------------------------------------------------------


def eye(n: int) -> Array:
    return array(np.eye(n))


def one_hot(labels: Any, classes: int) -> Array:
    return array(np.eye(classes)[np.asarray(labels)])


def lifted(name: str) -> Callable[..., Array]:
    """NumPy's own, which moves entries or adds and multiplies them, over arrays of mpmath numbers."""
    function = getattr(np, name)

    def call(x: Any, *rest: Any, **options: Any) -> Array:
        operand = [array(a) for a in x] if isinstance(x, tuple | list) else array(x)
        return function(operand, *rest, **options)

    return call


MOVED = """ravel reshape transpose swapaxes moveaxis squeeze expand_dims broadcast_to atleast_1d atleast_2d concatenate stack hstack
vstack column_stack split flip roll diff repeat tile tril triu cumsum trace diag diagonal take take_along_axis append
zeros_like ones_like full_like outer""".split()

NAMES: dict[str, Any] = {
    **{name: lifted(name) for name in MOVED},
    **ONE,
    **TWO_OPERANDS,
    **REDUCTIONS,
    **dict(logical_not=logical_not, where=where, clip=clip, softmax=softmax, norm=norm, kron=kron, multi_dot=multi_dot),
    **dict(solve=solve, inv=inv, det=det, slogdet=slogdet, cholesky=cholesky, solve_triangular=solve_triangular),
    **dict(cho_solve=cho_solve, pinv=pinv, matrix_power=matrix_power, eye=eye, one_hot=one_hot, array=array, pi=mp.pi),
    "log_softmax": lambda x, axis=-1: log(softmax(x, axis)),
    "vector_norm": lambda x, axis=None, keepdims=False, ord=2: norm(x, ord, axis, keepdims),
    "matrix_norm": lambda x: length(x),
    "cho_factor": lambda A, lower=False: (cholesky(A, lower=lower), lower),
    "matmul": lambda x, y: array(x) @ array(y),
    "dot": lambda x, y: np.asarray(np.dot(array(x), array(y)), dtype=object),
    "inner": lambda x, y: np.asarray(np.inner(array(x), array(y)), dtype=object),
    "vdot": lambda x, y: total(array(x) * array(y)),
    "einsum": lambda spec, *x: np.asarray(np.einsum(spec, *map(array, x)), dtype=object),
    "zeros": lambda shape: array(np.zeros(shape)),
    "ones": lambda shape: array(np.ones(shape)),
    "full": lambda shape, value: np.broadcast_to(array(value), shape),
    "arange": lambda *n: np.arange(*n),
    "linspace": lambda a, b, n: array(np.linspace(a, b, n)),
}
"""Every name of the language that a generated text may call."""


# a text as a function of numbers --------------------------------------------------------------------------------------------


class Path:
    """A module under any name: its functions are these."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return self._names.get(name, self)


class Stopped:
    """stop_gradient: the values of the first evaluation, whatever is put in later."""

    def __init__(self) -> None:
        self.kept: list[Array] = []
        self.next, self.recording = 0, True

    def __call__(self, x: Any) -> Array:
        if self.recording:
            self.kept.append(array(x))
        self.next += 1
        return self.kept[self.next - 1]

    def again(self) -> None:
        self.recording, self.next = not self.kept and not self.next, 0


def function(text: str) -> Callable[..., Any]:
    """The scalar function of a text; what stands under stop_gradient keeps its value from the first call."""
    stopped = Stopped()
    names = {**NAMES, "stop_gradient": stopped}
    scope: dict[str, Any] = {**names, "jnp": Path(names), "jax": Path(names)}
    exec(compile(re.sub(r"(?m)^import .*$", "", text), "<exact>", "exec"), scope)

    def run(**inputs: Array) -> Any:
        stopped.again()
        return array(scope["f"](**inputs)).item()

    return run
