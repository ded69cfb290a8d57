"""What the helpers are under jax: arrays are never written to, and no value decides.

Printed into exported modules as it stands; nothing here is imported.
"""

import jax
import jax.numpy as jnp
import jax.scipy.linalg

from symgrad.export.helpers.frame import _fit_shape
from symgrad.export.helpers.reductions import _others


def _arrays(**inputs):
    """The inputs as arrays, held against SHAPES: one name stands for one size.

    Integers take the dtype of the arrays of floats beside them.
    """
    arrays = {name: jnp.asarray(given) for name, given in inputs.items()}
    real = [a for a in arrays.values() if jnp.issubdtype(a.dtype, jnp.floating)]
    dtype = jnp.result_type(*(real or [float]))
    sizes = {}
    for name, array in arrays.items():
        _fit_shape(name, array.shape, SHAPES[name], sizes)
        if name in LABELS and not jnp.issubdtype(array.dtype, jnp.integer):
            raise TypeError(f"{name}: expected integer labels, got dtype {array.dtype}")
        if jnp.issubdtype(array.dtype, jnp.complexfloating):
            raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
        if name not in LABELS and not jnp.issubdtype(array.dtype, jnp.floating):
            arrays[name] = array.astype(dtype)
    return list(arrays.values())


def _columns(product, *arrays):
    """The matrix of a linear map from its products with all unit directions at once.

    One array a variable, its axes last.
    """
    zeros = [jnp.zeros_like(a, dtype=jnp.result_type(a, float)) for a in arrays]
    blocks = []
    for j, zero in enumerate(zeros):
        units = jnp.eye(zero.size, dtype=zero.dtype).reshape(-1, *zero.shape)

        def column(unit, j=j):
            return tuple(product((*zeros[:j], unit, *zeros[j + 1 :])))

        made = jax.vmap(column, out_axes=-1)(units)
        blocks.append([c.reshape(c.shape[:-1] + zero.shape) for c in made])
    return blocks


def _along(product, directions):
    """The products with many directions at once, one a leading index."""
    return jax.vmap(product)(directions)


def _nowhere_zero(x):
    """Unknown while a function is traced, and so are systems that have no solution."""
    return True


def _put(block, shape, index):
    """Zeros of this shape with the block put in at the index."""
    return jnp.zeros(shape, dtype=jnp.result_type(block)).at[index].set(block)


def _overwrite(array, block, index):
    """A copy of the array with the block in the place of its part at the index."""
    return jnp.asarray(array, dtype=jnp.result_type(array, block)).at[index].set(block)


def _scatter(rows, labels, shape, axis):
    """Zeros of this shape to which every slice is added at its label along the axis."""
    whole = jnp.moveaxis(jnp.zeros(shape, dtype=jnp.result_type(rows)), axis, 0)
    rows = jnp.moveaxis(rows, range(axis, axis + labels.ndim), range(labels.ndim))
    return jnp.moveaxis(whole.at[labels].add(rows), 0, axis)


def _embed(x, spec, shape):
    """Zeros, but x where the repeated subscripts of the result agree."""
    inside, outside = spec.split("->")
    places = jnp.indices([shape[outside.index(c)] for c in inside], sparse=True)
    index = tuple(places[inside.index(c)] for c in outside)
    return jnp.zeros(shape, dtype=jnp.result_type(x)).at[index].set(x)


def _solve_triangular(a, b, lower, trans):
    """Solution of T z = b, T the lower or upper triangle of `a`, or its transpose."""
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower, trans=int(trans))


def _cofactor(x, *directions):
    """The gradient of det in x, differentiated along the directions.

    x = U S V^T has the cofactors det(U V^T) U cof(S) V^T.
    """
    u, s, vt = jnp.linalg.svd(x)
    n, sign = len(s), jnp.linalg.det(u) * jnp.linalg.det(vt)
    if not directions:
        return sign * (u @ jnp.diag(_others(s)) @ vt)
    if len(directions) > 1:
        *rest, last = directions
        return jax.jvp(lambda y: _cofactor(y, *rest), (x,), (last,))[1]
    v, eye = jnp.swapaxes(u.T @ directions[0] @ vt.T, -2, -1), jnp.eye(n, dtype=s.dtype)
    pairs = _others(jnp.where(eye == 1, 1.0, s)) * (1.0 - eye)
    along = jnp.diagonal(v, axis1=-2, axis2=-1) @ pairs
    return sign * (u @ (along[..., None] * eye - pairs * v) @ vt)


def _classes_first(x, axis):
    """XLA chooses where an axis lies."""
    return x


def _tanh_slope(x, h):
    """1 - h^2 for h = tanh(x); where that is small and would cancel, as `_sech2`."""
    slope = 1.0 - h * h
    t = jnp.exp(-2.0 * jnp.abs(x))
    return jnp.where(slope < 0.01, 4.0 * t / (1.0 + t) ** 2, slope)
