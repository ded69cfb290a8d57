"""Arrays that are zero but for what is put into them."""

import numpy as np


def _put(block, shape, index):
    """Zeros of this shape with the block put in at the index."""
    whole = np.zeros(shape, dtype=np.result_type(block))
    whole[index] = block
    return whole


def _overwrite(array, block, index):
    """A copy of the array with the block in the place of its part at the index."""
    whole = np.array(array, dtype=np.result_type(array, block))
    whole[index] = block
    return whole


def _scatter(rows, labels, shape, axis):
    """Zeros of this shape to which every slice is added at its label along the axis."""
    whole = np.zeros(shape, dtype=np.result_type(rows))
    rows = np.moveaxis(rows, range(axis, axis + labels.ndim), range(labels.ndim))
    np.add.at(np.moveaxis(whole, axis, 0), labels, rows)
    return whole


def _embed(x, spec, shape):
    """Zeros, but x where the repeated subscripts of the result agree."""
    inside, outside = spec.split("->")
    result = np.zeros(shape, dtype=np.result_type(x))
    np.einsum(f"{outside}->{inside}", result)[...] = x
    return result
