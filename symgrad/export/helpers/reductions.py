"""Functions over axes, in forms that do not overflow."""

import numpy as np


def _classes_first(x, axis):
    """The array stored so that a short last axis varies slowest.

    NumPy reduces along it many times faster then.
    """
    is_short = axis == (x.ndim - 1,) and x.shape[-1] <= 32 < x.size // 32
    return np.asfortranarray(x) if is_short else x


def _logsumexp(x, axis):
    """log(sum(exp(x))) over the axes, without overflow."""
    x = _classes_first(x, axis)
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.log(np.sum(np.exp(x - top), axis=axis)) + np.squeeze(top, axis=axis)


def _softmax(x, axis):
    """exp(x) / sum(exp(x)) over the axes, without overflow."""
    x = _classes_first(x, axis)
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    e /= np.sum(e, axis=axis, keepdims=True)
    return e


def _log_softmax(x, axis):
    """x - logsumexp(x) over the axes, without overflow."""
    x = _classes_first(x, axis)
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _norm(x, axis):
    """The root of the sum of squares, scaled by a power of two against overflow."""
    top = np.max(np.abs(x), axis=axis, keepdims=True)
    exponent = np.frexp(np.where(np.isfinite(top), top, 1.0))[1]
    length = np.sqrt(np.sum(np.square(np.ldexp(x, -exponent)), axis=axis))
    return np.ldexp(length, np.squeeze(exponent, axis=axis))


def _direction(x, axis):
    """x over its norm over the axes, 0 where x is 0; scaled as `_norm` is."""
    top = np.max(np.abs(x), axis=axis, keepdims=True)
    scaled = np.ldexp(x, -np.frexp(np.where(np.isfinite(top), top, 1.0))[1])
    length = np.sqrt(np.sum(np.square(scaled), axis=axis, keepdims=True))
    return scaled / np.where(length == 0, 1.0, length)


def _highest(x, axis):
    """1 / count at the entries that attain the maximum over the axes, 0 elsewhere."""
    hit = (x == np.max(x, axis=axis, keepdims=True)).astype(x.dtype)
    return hit / np.sum(hit, axis=axis, keepdims=True)


def _lowest(x, axis):
    """1 / count at the entries that attain the minimum over the axes, 0 elsewhere."""
    hit = (x == np.min(x, axis=axis, keepdims=True)).astype(x.dtype)
    return hit / np.sum(hit, axis=axis, keepdims=True)


def _others(x):
    """For each entry along the last axis the product of the others, by no division."""
    ones = np.ones_like(x[..., :1])
    before = np.cumprod(np.concatenate([ones, x[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, x[..., :0:-1]], axis=-1), axis=-1)
    return before * after[..., ::-1]


def _prod_slope(axis, *arrays):
    """The product of the other entries over the axes, along what follows the array."""
    last = tuple(range(-len(axis), 0))
    moved = [np.moveaxis(a, axis, last) for a in np.broadcast_arrays(*arrays)]

    def along(x, *directions):
        if not directions:
            return _others(x)
        own = np.eye(x.shape[-1], dtype=bool)
        first, *rest = (np.where(own, 0.0, v[..., None, :]) for v in directions)
        others = np.where(own, 1.0, x[..., None, :])
        return np.sum(first * along(others, *rest), axis=-1)

    result = along(*(a.reshape(*a.shape[: a.ndim - len(axis)], -1) for a in moved))
    return np.moveaxis(result.reshape(moved[0].shape), last, axis)
