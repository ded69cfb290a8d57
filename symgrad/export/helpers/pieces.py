"""Long entrywise work in pieces that stay in the cache."""

import math

import numpy as np


def _by_blocks(entries, *arrays):
    """Entrywise equations on blocks that stay in the cache.

    The numbers that they return add up, the arrays are put together.
    """
    shape, block = max((np.shape(a) for a in arrays), key=len), 8192
    size = math.prod(shape)
    if size <= block:
        return entries(*arrays)
    flat = [np.reshape(a, -1) if np.ndim(a) else a for a in arrays]
    results = []
    for start in range(0, size, block):
        stop = start + block
        parts = entries(*(a[start:stop] if np.ndim(a) else a for a in flat))
        if not results:
            results = [np.empty(size, p.dtype) if p.ndim else 0.0 for p in parts]
        for k, part in enumerate(parts):
            if part.ndim:
                results[k][start:stop] = part
            else:
                results[k] = results[k] + part
    return [np.reshape(r, shape) if np.ndim(r) else r for r in results]
