"""Functions that an exported module carries along when its equations call them; each stands alone over NumPy."""
# ruff: noqa: N803

import math

import numpy as np


def _sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def _erf(x):
    """The error function, entry by entry."""
    return np.vectorize(math.erf, otypes=[float])(x)[()]


def _logsumexp(x, axis):
    """log(sum(exp(x))) over the axes, without overflow."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.log(np.sum(np.exp(x - top), axis=axis)) + np.squeeze(top, axis=axis)


def _softmax(x, axis):
    """exp(x) / sum(exp(x)) over the axes, without overflow."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _log_softmax(x, axis):
    """x - logsumexp(x) over the axes, without overflow."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _arrays(**inputs):
    """The inputs as arrays, held against SHAPES: one name stands for one size throughout."""
    sizes, arrays = {}, []
    for name, given in inputs.items():
        dims = SHAPES[name]  # noqa: F821
        array = np.asarray(given)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
        if array.ndim != len(dims):
            raise ValueError(f"{name}: expected shape ({', '.join(map(str, dims))}), got {array.shape}")
        for dim, size in zip(dims, array.shape):
            if sizes.setdefault(dim, size) != size or (isinstance(dim, int) and dim != size):
                raise ValueError(f"{name}: dimension {dim} is {size}, elsewhere {dim if isinstance(dim, int) else sizes[dim]}")
        arrays.append(array if array.dtype.kind == "f" or name in LABELS else array.astype(float))  # noqa: F821
    return arrays


def _like(direction, *arrays):
    """The directions as arrays of the shapes of the variables they move."""
    if len(direction) != len(arrays):
        raise ValueError(f"expected {len(arrays)} directions, got {len(direction)}")
    moved = [np.asarray(v, dtype=float) for v in direction]
    for v, array in zip(moved, arrays):
        if v.shape != array.shape:
            raise ValueError(f"a direction has shape {v.shape}, its variable {array.shape}")
    return moved


def _columns(product, *arrays):
    """The matrix of a linear map from its products with the unit directions: one array a variable, its axes last."""
    zeros = [np.zeros_like(a, dtype=float) for a in arrays]
    blocks = []
    for j, zero in enumerate(zeros):
        columns = []
        for k in range(zero.size):
            unit = np.zeros_like(zero)
            unit.flat[k] = 1.0
            columns.append(product((*zeros[:j], unit, *zeros[j + 1 :])))
        blocks.append([np.stack(c, axis=-1).reshape(*c[0].shape, *zero.shape) for c in zip(*columns)])
    return blocks
