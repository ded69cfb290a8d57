"""Functions that an exported module carries along when its equations call them; each stands alone over NumPy."""

import math

import numpy as np


def _sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def _erf(x):
    """The error function: Cody's rational approximation near zero, 1 - erfc beyond."""
    x = np.asarray(x, dtype=float)
    y = np.minimum(np.abs(x), 0.5) ** 2
    over = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3)
    under = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
    near = x * np.polyval(over, y) / np.polyval(under, y)
    return np.where(np.abs(x) <= 0.5, near, np.sign(x) * (1.0 - _erfc(np.abs(x))))


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
        for dim, size in zip(dims, array.shape, strict=True):
            if sizes.setdefault(dim, size) != size or (isinstance(dim, int) and dim != size):
                raise ValueError(f"{name}: dimension {dim} is {size}, elsewhere {dim if isinstance(dim, int) else sizes[dim]}")
        arrays.append(array if array.dtype.kind == "f" or name in LABELS else array.astype(float))  # noqa: F821
    return arrays


def _like(direction, *arrays):
    """The directions as arrays of the shapes of the variables they move."""
    if len(direction) != len(arrays):
        raise ValueError(f"expected {len(arrays)} directions, got {len(direction)}")
    moved = [np.asarray(v, dtype=np.result_type(array, np.float32)) for v, array in zip(direction, arrays, strict=True)]
    for v, array in zip(moved, arrays, strict=True):
        if v.shape != array.shape:
            raise ValueError(f"a direction has shape {v.shape}, its variable {array.shape}")
    return moved


def _check(inputs):
    """Hold the inputs against what was declared of them; raises ValueError that names the first that does not fit."""
    for name, words in PROPERTIES.items():  # noqa: F821
        for word in words:
            if not _fits(np.asarray(inputs[name], dtype=float), word):
                raise ValueError(f"{name} is declared {word}, and is not")


def _fits(x, word):
    """Does an array have a declared property, up to rounding?"""
    if word in ("symmetric", "spd", "orthogonal", "diagonal", "lower"):
        near = x @ x.T if word == "orthogonal" else x
        other = {"orthogonal": np.eye(len(x)), "diagonal": np.diag(np.diagonal(x)), "lower": np.tril(x)}.get(word, x.T)
        return np.allclose(near, other) and (word != "spd" or np.linalg.eigvalsh(x)[0] > 0)
    if word in ("onehot", "simplex"):
        return np.allclose(x.sum(axis=-1), 1) and (np.isin(x, (0, 1)).all() if word == "onehot" else (x >= 0).all())
    known = {
        "positive": x > 0,
        "unit": (x > 0) & (x < 1),
        "binary": np.isin(x, (0, 1)),
        "sign": np.isin(x, (-1, 1)),
        "int": x == np.floor(x),
    }
    return bool(np.all(known[word]))


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
        blocks.append([np.stack(c, axis=-1).reshape(c[0].shape + zero.shape) for c in zip(*columns, strict=True)])
    return blocks


def _norm(x, axis):
    """The square root of the sum of squares over the axes, scaled by a power of two so that no square overflows."""
    top = np.max(np.abs(x), axis=axis, keepdims=True)
    exponent = np.frexp(np.where(np.isfinite(top), top, 1.0))[1]
    return np.ldexp(np.sqrt(np.sum(np.square(np.ldexp(x, -exponent)), axis=axis)), np.squeeze(exponent, axis=axis))


def _direction(x, axis):
    """x over its norm over the axes, 0 where x is 0; scaled by a power of two so that no square overflows."""
    top = np.max(np.abs(x), axis=axis, keepdims=True)
    scaled = np.ldexp(x, -np.frexp(np.where(np.isfinite(top), top, 1.0))[1])
    length = np.sqrt(np.sum(np.square(scaled), axis=axis, keepdims=True))
    return scaled / np.where(length == 0, 1.0, length)


def _highest(x, axis):
    """1 / count at the entries that attain the maximum over the axes, 0 elsewhere."""
    hit = x == np.max(x, axis=axis, keepdims=True)
    return hit / np.sum(hit, axis=axis, keepdims=True)


def _lowest(x, axis):
    """1 / count at the entries that attain the minimum over the axes, 0 elsewhere."""
    hit = x == np.min(x, axis=axis, keepdims=True)
    return hit / np.sum(hit, axis=axis, keepdims=True)


def _others(x):
    """For each entry along the last axis the product of all the others, without dividing."""
    ones = np.ones_like(x[..., :1])
    before = np.cumprod(np.concatenate([ones, x[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, x[..., :0:-1]], axis=-1), axis=-1)
    return before * after[..., ::-1]


def _prod_slope(axis, *arrays):
    """The product of the other entries over the axes, differentiated along the directions that follow the first array."""
    last = tuple(range(-len(axis), 0))
    moved = [np.moveaxis(a, axis, last) for a in np.broadcast_arrays(*arrays)]

    def along(x, *directions):
        if not directions:
            return _others(x)
        own = np.eye(x.shape[-1], dtype=bool)
        first, *rest = (np.where(own, 0.0, v[..., None, :]) for v in directions)
        return np.sum(first * along(np.where(own, 1.0, x[..., None, :]), *rest), axis=-1)

    result = along(*(a.reshape(*a.shape[: a.ndim - len(axis)], -1) for a in moved))
    return np.moveaxis(result.reshape(moved[0].shape), last, axis)


def _cofactor_unit(x, *directions):
    """`_cofactor` by singular values: x = U S V^H has the cofactors det(U V^H) conj(U) cof(S) conj(V^H)."""
    if len(directions) > 1:  # a polynomial of degree below n in t: roots of unity single out its linear term
        *rest, last = directions
        size = np.max(np.abs(last)) or 1.0
        roots = np.exp(2j * np.pi * np.arange(len(x) + 1) / (len(x) + 1))
        return size * sum(_cofactor_unit(x + t * last / size, *rest) / t for t in roots) / len(roots)
    u, s, vh = np.linalg.svd(x)
    inner = np.diag(_others(s))
    if directions:
        v = np.swapaxes(u.conj().T @ directions[0] @ vh.conj().T, -2, -1)
        pairs = _others(np.where(np.eye(len(s), dtype=bool), 1.0, s)) * (1.0 - np.eye(len(s)))
        inner = (np.diagonal(v, axis1=-2, axis2=-1) @ pairs)[..., None] * np.eye(len(s)) - pairs * v
    return np.linalg.det(u) * np.linalg.det(vh) * (u.conj() @ inner @ vh.conj())


def _cofactor(x, *directions):
    """The gradient of det in x, differentiated along the directions; right at singular matrices, scaled by a power of two."""
    n, exponent = len(x), np.frexp(np.max(np.abs(x)))[1]
    x = np.ldexp(x, -exponent)
    sign, log = np.linalg.slogdet(x)
    result = np.linalg.inv(x).T if log > -np.inf and len(directions) < 2 else None
    if result is not None and np.linalg.norm(x) * np.linalg.norm(result) < 50 * n:  # the textbook's quotient is as accurate
        if directions:
            (v,) = directions
            result = np.sum(result * v, axis=(-2, -1), keepdims=True) * result - result @ np.swapaxes(v, -2, -1) @ result
        result = sign * np.exp(log) * result
    else:
        result = _cofactor_unit(x, *directions).real
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
    """The solution of T z = b, T the lower or upper triangle of `a` or its transpose."""
    a = a.T if trans else a
    return _substitute(a, b) if lower != trans else _substitute(a[::-1, ::-1], b[::-1])[::-1]


def _erfc(x):
    """1 - erf(x) without cancellation: W. J. Cody, Rational Chebyshev approximations for the error function (1969)."""
    x = np.asarray(x, dtype=float)
    y = np.maximum(np.abs(x), 0.46875)
    m = np.minimum(y, 4.0)
    over = (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    )
    under = (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    )
    middle = np.polyval(over, m) / np.polyval(under, m)
    t = np.maximum(y, 4.0) ** -2.0
    over = (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    )
    under = (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3)
    tail = (0.5641895835477563 - t * np.polyval(over, t) / np.polyval(under, t)) / y
    head = np.floor(np.minimum(y, 30.0) * 16.0) / 16.0  # exp(-y * y) in two factors, the first of them exact
    scaled = np.exp(-head * head) * np.exp(-(np.minimum(y, 30.0) - head) * (np.minimum(y, 30.0) + head))
    far = scaled * np.where(y <= 4.0, middle, tail)
    near = x * x
    over = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3)
    under = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
    small = 1.0 - x * np.polyval(over, np.minimum(near, 0.25)) / np.polyval(under, np.minimum(near, 0.25))
    return np.where(np.abs(x) <= 0.46875, small, np.where(x < 0, 2.0 - far, far))


def _sinc(x, order):
    """The derivative of this order of sin(u) / u in x, u = pi x: a power series near zero, u f_n = sin_n - n f_(n-1) beyond."""
    u = np.pi * np.asarray(x, dtype=float)
    is_far = np.abs(u) > order + 1.0
    far, near = np.where(is_far, u, order + 2.0), np.where(is_far, 0.0, u)
    value = np.sin(far) / far
    for n in range(1, order + 1):
        value = (np.sin(far + n * np.pi / 2) - n * value) / far
    first = (order + 1) // 2
    term = (-1.0) ** first * near ** (2 * first - order) / (2 * first + 1)
    series = term
    for k in range(first + 1, first + 24):
        term = -term * near**2 * (2 * k - 1) / ((2 * k + 1) * (2 * k - order) * (2 * k - order - 1))
        series = series + term
    return np.pi**order * np.where(is_far, value, series)


def _log_cosh(x):
    """log(cosh(x)): near zero by 1 + 2 sinh(x/2)^2, beyond without overflow."""
    y = np.abs(x)
    near = np.log1p(2.0 * np.sinh(np.minimum(y, 1.0) / 2) ** 2)
    return np.where(y <= 1.0, near, y + np.log1p(np.exp(-2.0 * y)) - 0.6931471805599453)


def _ratio(x, y, at):
    """x / y, and `at` where both are zero."""
    both = (x == 0) & (y == 0)
    return np.where(both, at, x / np.where(both, 1.0, y))


def _put(block, shape, index):
    """Zeros of this shape with the block put in at the index."""
    whole = np.zeros(shape)
    whole[index] = block
    return whole


def _scatter(rows, labels, shape, axis):
    """Zeros of this shape to which every slice is added at its label along the axis."""
    whole = np.zeros(shape)
    np.add.at(np.moveaxis(whole, axis, 0), labels, np.moveaxis(rows, range(axis, axis + labels.ndim), range(labels.ndim)))
    return whole


def _removable(x, function, order):
    """Derivative of the given order of log(1 + x) / x, (exp(x) - 1) / x or sinh(x) / x, smooth at zero."""
    x = np.asarray(x, dtype=float)
    near = np.abs(x) < 0.25 * (order + 1) / (order + 2)
    small, series = np.where(near, x, 0.0), 0.0
    coefficient = {
        "log1p": lambda k: (-1.0) ** k / (k + 1),
        "expm1": lambda k: 1.0 / math.factorial(k + 1),
        "sinh": lambda k: (k + 1) % 2 / math.factorial(k + 1),
    }[function]
    for k in range(order + 30, order - 1, -1):
        series = series * small + coefficient(k) * math.perm(k, order)
    far = np.where(near, 1.0, x)
    slope = {
        "log1p": lambda k: -((-1.0) ** k) * math.factorial(k - 1) / (1.0 + far) ** k if k else np.log1p(far),
        "expm1": lambda k: np.exp(far) if k else np.expm1(far),
        "sinh": lambda k: np.cosh(far) if k % 2 else np.sinh(far),
    }[function]
    value = slope(0) / far
    for k in range(1, order + 1):
        value = (slope(k) - k * value) / far
    return np.where(near, series, value)[()]


def _log1p_square(x):
    """log(1 + x^2), where the square may overflow."""
    size = np.abs(x)
    return np.where(size > 1e8, 2.0 * np.log(np.maximum(size, 1.0)), np.log1p(np.minimum(size, 1e8) ** 2))[()]


def _sech2(x):
    """1 - tanh(x)^2, without the cancellation."""
    t = np.exp(-2.0 * np.abs(x))
    return 4.0 * t / (1.0 + t) ** 2


def _embed(x, spec, shape):
    """Zeros, but x where the repeated subscripts of the result agree."""
    inside, outside = spec.split("->")
    result = np.zeros(shape)
    np.einsum(f"{outside}->{inside}", result)[...] = x
    return result


def _diagonals(product, *arrays):
    """The diagonal of a symmetric linear map from its products with the unit directions."""
    zeros = [np.zeros_like(a, dtype=float) for a in arrays]
    diagonals = []
    for j, zero in enumerate(zeros):
        diagonal = np.zeros_like(zero)
        for k in range(zero.size):
            unit = np.zeros_like(zero)
            unit.flat[k] = 1.0
            diagonal.flat[k] = np.asarray(product((*zeros[:j], unit, *zeros[j + 1 :]))[j]).flat[k]
        diagonals.append(diagonal)
    return diagonals


class LinearMap:
    """A block of second derivatives that is never formed: a sum of terms, each a product of few small arrays.

    A term is a number and stages that act in turn on an array X of shape `columns`, a vector being one column:
    ("sandwich", L, R, flip) is L X R, with X transposed first where flip says so and None for an identity;
    ("diagonal", W) is W * X; ("rank one", H, G) is the inner product <G, X> times H.
    `matvec` and `solve` take arrays of shape `columns` (and `rows`); `toarray` is the dense block of shape rows + columns.
    """

    def __init__(self, rows, columns, terms):
        self.rows, self.columns, self.terms = tuple(rows), tuple(columns), tuple(terms)
        self.shape = (math.prod(self.rows), math.prod(self.columns))

    def matvec(self, v):
        """The block times a direction."""
        v = np.asarray(v, dtype=float)
        if v.shape != self.columns:
            raise ValueError(f"expected shape {self.columns}, got {v.shape}")
        return self._apply(v[None])[0]

    def _apply(self, batch):
        """Many directions at once, one a leading index."""
        plane = batch.reshape(len(batch), *(*self.columns, 1, 1)[:2])
        result = np.zeros((len(batch), *self.rows))
        for number, stages in self.terms:
            X = plane
            for stage in stages:
                X = self._stage(X, *stage)
            result += number * X.reshape(result.shape)
        return result

    @staticmethod
    def _stage(X, kind, *arrays):
        if kind == "diagonal":
            return X * np.reshape(arrays[0], X.shape[1:])
        if kind == "rank one":
            inner = X.reshape(len(X), -1) @ np.ravel(arrays[1])
            return inner.reshape(-1, 1, 1) * np.reshape(arrays[0], (*np.shape(arrays[0]), 1, 1)[:2])
        left, right, flip = arrays
        X = X.swapaxes(1, 2) if flip else X
        X = X if left is None else left @ X
        return X if right is None else X @ right

    def toarray(self):
        """The dense block, of shape rows + columns."""
        units = np.eye(self.shape[1]).reshape(self.shape[1], *self.columns)
        return np.moveaxis(self._apply(units), 0, -1).reshape(self.rows + self.columns)

    @property
    def T(self):
        """The transposed block, as structured as this one."""
        return LinearMap(self.columns, self.rows, [(c, [self._adjoint(*s) for s in reversed(stages)]) for c, stages in self.terms])

    @staticmethod
    def _adjoint(kind, *arrays):
        if kind == "diagonal":
            return kind, *arrays
        if kind == "rank one":
            return kind, arrays[1], arrays[0]
        left, right, flip = arrays
        if flip:
            return kind, right, left, True
        return kind, None if left is None else left.T, None if right is None else right.T, False

    @property
    def structure(self):
        """What kind of terms there are, in words."""
        kinds = []
        for _, stages in self.terms:
            kind = " ".join(self._word(*s) for s in stages) or "identity"
            kinds += [kind] if kind not in kinds else []
        return " + ".join(kinds) or "zero"

    @staticmethod
    def _word(kind, *arrays):
        if kind != "sandwich":
            return kind
        left, right, flip = arrays
        return ("commuted " if flip else "") + ("Kronecker" if left is not None and right is not None else "one-sided")

    def solve(self, b):
        """x with block x = b: term by term where there is one, by the Woodbury identity for low rank, else by the dense block.

        Raises numpy.linalg.LinAlgError where the block is singular.
        """
        b = np.asarray(b, dtype=float)
        if b.shape != self.rows:
            raise ValueError(f"expected shape {self.rows}, got {b.shape}")
        low = [(c, s[0]) for c, s in self.terms if len(s) == 1 and s[0][0] == "rank one"]
        base = [(c, s) for c, s in self.terms if not (len(s) == 1 and s[0][0] == "rank one")]
        if self.rows != self.columns or len(base) != 1 or not all(self._invertible(*s) for s in base[0][1]):
            return np.linalg.solve(self.toarray().reshape(self.shape), b.ravel()).reshape(self.columns)
        return self._woodbury(base[0], low, b)

    @staticmethod
    def _invertible(kind, *arrays):
        return kind == "diagonal" or all(a is None or a.shape[0] == a.shape[1] for a in arrays[:2])

    def _woodbury(self, base, low, b):
        """(B + sum of c h g^T)^-1 b from solutions with B alone."""
        x = self._undo(base, b)
        if not low:
            return x
        solved = [self._undo(base, np.reshape(h, b.shape)).ravel() for _, (_, h, _) in low]
        inner = np.array([np.ravel(g) for _, (_, _, g) in low])
        small = np.diag([1.0 / c for c, _ in low]) + inner @ np.array(solved).T
        return x - (np.array(solved).T @ np.linalg.solve(small, inner @ x.ravel())).reshape(x.shape)

    def _undo(self, term, b):
        number, stages = term
        X = b.reshape((*b.shape, 1, 1)[:2]) / number
        for kind, *arrays in reversed(stages):
            if kind == "diagonal":
                X = X / np.reshape(arrays[0], X.shape)
                continue
            left, right, flip = arrays
            X = X if left is None else np.linalg.solve(left, X)
            X = X if right is None else np.linalg.solve(right.T, X.T).T
            X = X.T if flip else X
        return X.reshape(self.columns)

    def aslinearoperator(self):
        """The same map for scipy.sparse.linalg; needs scipy."""
        from scipy.sparse.linalg import LinearOperator

        transposed = self.T
        return LinearOperator(
            self.shape,
            matvec=lambda v: self.matvec(np.reshape(v, self.columns)).ravel(),
            rmatvec=lambda v: transposed.matvec(np.reshape(v, self.rows)).ravel(),
            dtype=float,
        )
