"""Factorisations, triangular systems and the derivatives of the determinant."""

import numpy as np

from symgrad.export.helpers.reductions import _others


def _cofactor_unit(x, *directions):
    """`_cofactor` by singular values.

    x = U S V^H has the cofactors det(U V^H) conj(U) cof(S) conj(V^H).  With more than
    one direction it is a polynomial of degree below n in t along the last of them, and
    roots of unity single out its linear term.
    """
    if len(directions) > 1:
        *rest, last = directions
        size = np.max(np.abs(last)) or 1.0
        roots = np.exp(2j * np.pi * np.arange(len(x) + 1) / (len(x) + 1))
        total = sum(_cofactor_unit(x + t * last / size, *rest) / t for t in roots)
        return size * total / len(roots)
    u, s, vh = np.linalg.svd(x)
    inner = np.diag(_others(s))
    if directions:
        v = np.swapaxes(u.conj().T @ directions[0] @ vh.conj().T, -2, -1)
        eye = np.eye(len(s), dtype=s.dtype)
        pairs = _others(np.where(eye == 1, 1.0, s)) * (1.0 - eye)
        along = np.diagonal(v, axis1=-2, axis2=-1) @ pairs
        inner = along[..., None] * eye - pairs * v
    return np.linalg.det(u) * np.linalg.det(vh) * (u.conj() @ inner @ vh.conj())


def _cofactor(x, *directions):
    """The gradient of det in x, differentiated along the directions.

    Right at singular matrices too; scaled by a power of two so that nothing overflows.
    Well away from them the textbook's quotient is as accurate.
    """
    n, exponent = len(x), np.frexp(np.max(np.abs(x)))[1]
    x = np.ldexp(x, -exponent)
    sign, log = np.linalg.slogdet(x)
    result = np.linalg.inv(x).T if log > -np.inf and len(directions) < 2 else None
    size = np.inf if result is None else np.linalg.norm(x) * np.linalg.norm(result)
    if size < 50 * n:
        for V in directions:
            inner = np.sum(result * V, axis=(-2, -1), keepdims=True)
            result = inner * result - result @ np.swapaxes(V, -2, -1) @ result
        result = sign * np.exp(log) * result
    else:
        result = _cofactor_unit(x, *directions).real.astype(x.dtype)
    return np.ldexp(result, exponent * (n - 1 - len(directions)))


def _lower_half(x):
    """The lower triangle with half the diagonal."""
    return np.tril(x, -1) + np.diag(0.5 * np.diagonal(x))


def _cholesky(a):
    """The lower Cholesky factor of the symmetric part."""
    return np.linalg.cholesky(0.5 * (a + a.T))


def _substitute(a, b):
    """Forward substitution by halves; only the lower triangle of `a` is read."""
    if len(a) <= 32:
        return np.linalg.solve(np.tril(a), b)
    k = len(a) // 2
    top = _substitute(a[:k, :k], b[:k])
    return np.concatenate([top, _substitute(a[k:, k:], b[k:] - a[k:, :k] @ top)])


def _solve_triangular(a, b, lower, trans):
    """Solution of T z = b, T the lower or upper triangle of `a`, or its transpose."""
    a = a.T if trans else a
    if lower != trans:
        return _substitute(a, b)
    return _substitute(a[::-1, ::-1], b[::-1])[::-1]
