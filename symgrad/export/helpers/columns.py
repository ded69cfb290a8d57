"""Whole matrices and diagonals from products with unit directions."""

import numpy as np


def _along(product, directions):
    """The products with many directions, one a leading index."""
    return np.array([product(v) for v in directions])


def _columns(product, *arrays):
    """The matrix of a linear map from its products with the unit directions.

    One array a variable, its axes last.
    """
    zeros = [np.zeros_like(a, dtype=np.result_type(a, np.float32)) for a in arrays]
    blocks = []
    for j, zero in enumerate(zeros):
        columns = []
        for k in range(zero.size):
            unit = np.zeros_like(zero)
            unit.flat[k] = 1.0
            columns.append(product((*zeros[:j], unit, *zeros[j + 1 :])))
        rows = zip(*columns, strict=True)
        made = [np.stack(c, axis=-1).reshape(c[0].shape + zero.shape) for c in rows]
        blocks.append(made)
    return blocks


def _diagonals(product, *arrays):
    """The diagonal of a symmetric linear map from its products with unit directions."""
    zeros = [np.zeros_like(a, dtype=np.result_type(a, np.float32)) for a in arrays]
    diagonals = []
    for j, zero in enumerate(zeros):
        diagonal = np.zeros_like(zero)
        for k in range(zero.size):
            unit = np.zeros_like(zero)
            unit.flat[k] = 1.0
            moved = product((*zeros[:j], unit, *zeros[j + 1 :]))[j]
            diagonal.flat[k] = np.asarray(moved).flat[k]
        diagonals.append(diagonal)
    return diagonals
