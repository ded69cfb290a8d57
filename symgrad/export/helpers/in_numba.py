"""What the helpers are under numba: loops over rows, and functions of one entry.

Printed into exported modules as it stands; nothing here is imported.  Compiled code
is given float64 arrays in C order, and its functions over axes the matrix whose rows
run along them.
"""

import functools
import math

import numba
import numpy as np

from symgrad.export.helpers.frame import _fit_shape


@functools.lru_cache
def _held(*inputs):
    """The dtype of results for inputs of these shapes and dtypes, held against SHAPES.

    Numbers, lists and integers take the dtype of the arrays of floats beside them.
    """
    sizes = {}
    for (name, dims), (shape, dtype, _) in zip(SHAPES.items(), inputs, strict=True):
        _fit_shape(name, shape, dims, sizes)
        if dtype.kind not in ("iub" if name in LABELS else "fiub"):
            wanted = "integer labels" if name in LABELS else "real numbers"
            raise TypeError(f"{name}: expected {wanted}, got dtype {dtype}")
        if dtype.itemsize > 8:
            raise TypeError(f"{name}: numba has no {dtype}, only float64 and narrower")
    floats = [(dtype, is_array) for _, dtype, is_array in inputs if dtype.kind == "f"]
    typed = [dtype for dtype, is_array in floats if is_array]
    return np.result_type(*(typed or [dtype for dtype, _ in floats] or [float]))


def _arrays(**inputs):
    """The inputs as compiled code takes them, and last the dtype of the results."""
    arrays = [np.asarray(given) for given in inputs.values()]
    known = zip(arrays, inputs.values(), strict=True)
    dtype = _held(
        *((a.shape, a.dtype, a is given and a.ndim > 0) for a, given in known)
    )
    pairs = zip(inputs, arrays, strict=True)
    made = [_native(a, np.int64 if name in LABELS else np.float64) for name, a in pairs]
    return [*made, dtype]


def _native(array, dtype):
    """A number, or an array in C order that may be written to: one type for numba."""
    if array.dtype != dtype or not array.flags.carray:
        array = np.array(array, dtype=dtype, order="C")
    return array if array.ndim else array.item()


def _results(made, dtype):
    """What compiled code returns, in the dtype of the arrays given."""
    return [
        dtype.type(x) if np.ndim(x) == 0 else x.astype(dtype, copy=False) for x in made
    ]


def _like(direction, /, **variables):
    """The directions as arrays of the shapes of the variables they move."""
    if len(direction) != len(variables):
        raise ValueError(
            f"expected {len(variables)} directions, got {len(direction)}",
        )
    moved = []
    for (name, x), given in zip(variables.items(), direction, strict=True):
        v = np.asarray(given, dtype=np.float64)
        if v.shape != np.shape(x):
            raise ValueError(f"direction in {name}: shape {v.shape}, not {np.shape(x)}")
        moved.append(_native(v, np.float64))
    return moved


@numba.vectorize
def _where(condition, x, y):
    """One of two numbers; np.where makes an array of it."""
    return x if condition else y


@numba.vectorize
def _erf(x):
    """The error function."""
    return math.erf(x)


@numba.vectorize
def _erfc(x):
    """1 - erf(x) without cancellation."""
    return math.erfc(x)


@numba.vectorize
def _log1p_square(x):
    """log(1 + x^2), where the square may overflow."""
    size = np.abs(x)
    return 2.0 * np.log(size) if size > 1e8 else np.log1p(size * size)


@numba.vectorize
def _tanh_slope(x, h):
    """1 - h^2 for h = tanh(x); where that is small and would cancel, as `_sech2`."""
    slope = 1.0 - h * h
    if slope < 0.01:
        t = np.exp(-2.0 * np.abs(x))
        slope = 4.0 * t / (1.0 + t) ** 2
    return slope


@numba.njit(error_model="numpy", boundscheck=True)
def _horner(coefficients, x):
    """The polynomial with these coefficients, the highest power first."""
    value = coefficients[0]
    for c in coefficients[1:]:
        value = value * x + c
    return value


@numba.njit(error_model="numpy", boundscheck=True)
def _max(rows):
    """The maximum of every row."""
    return np.array([np.max(row) for row in rows])


@numba.njit(error_model="numpy", boundscheck=True)
def _min(rows):
    """The minimum of every row."""
    return np.array([np.min(row) for row in rows])


@numba.njit(error_model="numpy", boundscheck=True)
def _prod(rows):
    """The product of every row."""
    return np.array([np.prod(row) for row in rows])


@numba.njit(error_model="numpy", boundscheck=True)
def _highest(rows):
    """1 / count at the entries that attain the maximum of their row, 0 elsewhere."""
    result = np.zeros(rows.shape)
    for i, row in enumerate(rows):
        hit = row == np.max(row)
        result[i] = hit / np.sum(hit)
    return result


@numba.njit(error_model="numpy", boundscheck=True)
def _lowest(rows):
    """1 / count at the entries that attain the minimum of their row, 0 elsewhere."""
    return _highest(-rows)


@numba.njit(error_model="numpy", boundscheck=True)
def _logsumexp(rows):
    """log(sum(exp(x))) of every row, without overflow."""
    result = np.empty(len(rows))
    for i, row in enumerate(rows):
        top = np.max(row)
        top = top if np.isfinite(top) else 0.0
        result[i] = np.log(np.sum(np.exp(row - top))) + top
    return result


@numba.njit(error_model="numpy", boundscheck=True)
def _softmax(rows):
    """exp(x) / sum(exp(x)) of every row, without overflow."""
    result = np.empty(rows.shape)
    for i, row in enumerate(rows):
        e = np.exp(row - np.max(row))
        result[i] = e / np.sum(e)
    return result


@numba.njit(error_model="numpy", boundscheck=True)
def _log_softmax(rows):
    """x - logsumexp(x) of every row, without overflow."""
    result = np.empty(rows.shape)
    for i, row in enumerate(rows):
        shifted = row - np.max(row)
        result[i] = shifted - np.log(np.sum(np.exp(shifted)))
    return result


@numba.njit(error_model="numpy", boundscheck=True)
def _norm(rows):
    """The root of the sum of squares, scaled by a power of two against overflow."""
    result = np.empty(len(rows))
    for i, row in enumerate(rows):
        top = np.max(np.abs(row))
        exponent = math.frexp(top if np.isfinite(top) else 1.0)[1]
        scaled = np.ldexp(row, -exponent)
        result[i] = np.ldexp(np.sqrt(np.sum(scaled * scaled)), exponent)
    return result


@numba.njit(error_model="numpy", boundscheck=True)
def _direction(rows):
    """Every row over its norm, 0 where it is 0; scaled as `_norm` is."""
    result = np.empty(rows.shape)
    for i, row in enumerate(rows):
        top = np.max(np.abs(row))
        scaled = np.ldexp(row, -math.frexp(top if np.isfinite(top) else 1.0)[1])
        length = np.sqrt(np.sum(scaled * scaled))
        result[i] = scaled / (length if length != 0.0 else 1.0)
    return result


@numba.njit(error_model="numpy", boundscheck=True)
def _cumsum(rows):
    """The running sum along every row."""
    result = np.empty(rows.shape)
    for i, row in enumerate(rows):
        result[i] = np.cumsum(row)
    return result


@numba.njit(error_model="numpy", boundscheck=True)
def _pick(rows, labels):
    """The entry at its label of every row."""
    return np.array([rows[i, labels[i]] for i in range(len(labels))])


@numba.njit(error_model="numpy", boundscheck=True)
def _put(block, shape, index):
    """Zeros of this shape with the block put in at the index."""
    whole = np.zeros(shape)
    whole[index] = block
    return whole


@numba.njit(error_model="numpy", boundscheck=True)
def _overwrite(array, block, index):
    """A copy of the array with the block in the place of its part at the index."""
    whole = array.copy()
    whole[index] = block
    return whole


@numba.njit(error_model="numpy", boundscheck=True)
def _scatter(rows, labels, shape):
    """Zeros of this shape to which every row is added at its label."""
    whole = np.zeros(shape)
    for i in range(len(labels)):
        whole[labels[i]] += rows[i]
    return whole


@numba.njit(error_model="numpy", boundscheck=True)
def _solve_triangular(a, b, lower, trans):
    """Solution of T z = b, T the lower or upper triangle of `a`, or its transpose."""
    a, n = np.ascontiguousarray(a.T) if trans else np.ascontiguousarray(a), len(a)
    if not np.all(np.diag(a)):
        raise np.linalg.LinAlgError("Singular matrix")
    z = b.copy()
    for k in range(n):
        i = k if lower != trans else n - 1 - k
        for j in range(n):
            if (j < i) == (lower != trans) and j != i:
                z[i] -= a[i, j] * z[j]
        z[i] /= a[i, i]
    return z


@numba.njit(error_model="numpy", boundscheck=True)
def _lower_half(x):
    """The lower triangle with half the diagonal."""
    return np.tril(x, -1) + np.diag(0.5 * np.diag(x))


@numba.njit(error_model="numpy", boundscheck=True)
def _cholesky(a):
    """The lower Cholesky factor of the symmetric part."""
    return np.linalg.cholesky(0.5 * (a + a.T))
