"""Blocks of second derivatives that are never formed."""

import math

import numpy as np

from symgrad.export.helpers.columns import _along


class LinearMap:
    """A block of second derivatives that is never formed: a sum of structured terms.

    A term is a number and stages that act in turn on an array X of shape `columns`, a
    vector being one column.  ("sandwich", L, R, flip) is L X R, X transposed before if
    flip says so, None an identity; ("diagonal", W) is W * X; ("rank one",
    H, G) is the inner product <G, X> times H; ("product", f, g) is f(X), where g is the
    transpose of f.  `matvec` takes an array of shape `columns`, `solve` one of shape
    `rows`; `toarray` is of shape rows + columns.
    """

    def __init__(self, rows, columns, terms):
        self.rows, self.columns, self.terms = tuple(rows), tuple(columns), tuple(terms)
        self.shape = (math.prod(self.rows), math.prod(self.columns))

    @property
    def dtype(self):
        """That of the arrays of its terms."""
        parts = [(number, *sum(stages, ())) for number, stages in self.terms]
        kinds = np.ndarray | np.floating
        known = [x for part in parts for x in part if isinstance(x, kinds)]
        return np.result_type(*known) if known else np.dtype(float)

    def matvec(self, v):
        """The block times a direction."""
        v = np.asarray(v, dtype=self.dtype)
        if v.shape != self.columns:
            raise ValueError(f"expected shape {self.columns}, got {v.shape}")
        return self._apply(v[None])[0]

    def _apply(self, batch):
        """Many directions at once, one a leading index."""
        plane = batch.reshape(len(batch), *self._plane(self.columns))
        result = np.zeros((len(batch), *self.rows), dtype=self.dtype)
        for number, stages in self.terms:
            X = plane
            for stage in stages:
                X = self._stage(X, *stage)
            result += number * X.reshape(result.shape)
        return result

    @staticmethod
    def _plane(shape):
        """The rows and columns that stages see, all axes behind the first as one."""
        return (*shape, 1)[0], math.prod(shape[1:])

    def _stage(self, X, kind, *arrays):
        if kind == "product":
            return _along(arrays[0], X)
        if kind == "diagonal":
            return X * np.reshape(arrays[0], X.shape[1:])
        if kind == "rank one":
            inner = X.reshape(len(X), -1) @ np.ravel(arrays[1])
            plane = self._plane(np.shape(arrays[0]))
            return inner.reshape(-1, 1, 1) * np.reshape(arrays[0], plane)
        left, right, flip = arrays
        X = X.swapaxes(1, 2) if flip else X
        X = X if left is None else left @ X
        return X if right is None else X @ right

    def toarray(self):
        """The dense block, of shape rows + columns."""
        units = np.eye(self.shape[1], dtype=self.dtype)
        units = units.reshape(self.shape[1], *self.columns)
        return np.moveaxis(self._apply(units), 0, -1).reshape(self.rows + self.columns)

    @property
    def T(self):
        """The transposed block, as structured as this one."""
        terms = []
        for number, stages in self.terms:
            terms.append((number, [self._adjoint(*s) for s in reversed(stages)]))
        return LinearMap(self.columns, self.rows, terms)

    @staticmethod
    def _adjoint(kind, *arrays):
        if kind == "diagonal":
            return kind, *arrays
        if kind in ("rank one", "product"):
            return kind, arrays[1], arrays[0]
        left, right, flip = arrays
        if flip:
            return kind, right, left, True
        left, right = (None if a is None else a.T for a in (left, right))
        return kind, left, right, False

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
        sides = "one-sided" if left is None or right is None else "Kronecker"
        return ("commuted " if flip else "") + sides

    def solve(self, b):
        """x with block x = b.

        Term by term where there is one, by the Woodbury identity for low rank, else by
        the dense block.  Raises numpy.linalg.LinAlgError where that or a term of full
        rank is singular.
        """
        b = np.asarray(b, dtype=self.dtype)
        if b.shape != self.rows:
            raise ValueError(f"expected shape {self.rows}, got {b.shape}")
        low, base = [], []
        for number, stages in self.terms:
            if len(stages) == 1 and stages[0][0] == "rank one":
                low.append((number, stages[0]))
            else:
                base.append((number, stages))
        is_plain = self.rows == self.columns and len(base) == 1
        is_plain = is_plain and _nowhere_zero(base[0][0])
        if is_plain and all(self._invertible(*s) for s in base[0][1]):
            return self._woodbury(base[0], low, b)
        dense = self.toarray().reshape(self.shape)
        return np.linalg.solve(dense, b.ravel()).reshape(self.columns)

    @staticmethod
    def _invertible(kind, *arrays):
        if kind == "diagonal":
            return _nowhere_zero(arrays[0])
        sides = [a for a in arrays[:2] if a is not None]
        return kind == "sandwich" and all(a.shape[0] == a.shape[1] for a in sides)

    def _woodbury(self, base, low, b):
        """(B + sum of c h g^T)^-1 b from solutions with B alone."""
        x = self._undo(base, b)
        if not low:
            return x
        solved = [self._undo(base, np.reshape(h, b.shape)) for _, (_, h, _) in low]
        inner = np.array([np.ravel(g) for _, (_, _, g) in low])
        solved = np.array([s.ravel() for s in solved]).T
        small = np.diag(np.array([1.0 / c for c, _ in low], b.dtype)) + inner @ solved
        change = solved @ np.linalg.solve(small, inner @ x.ravel())
        return x - change.reshape(x.shape)

    def _undo(self, term, b):
        number, stages = term
        X = b.reshape(self._plane(b.shape)) / number
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
            dtype=self.dtype,
        )


def _nowhere_zero(x):
    """Can be divided by."""
    return bool(np.all(np.asarray(x) != 0))


def _by_products(product, *arrays):
    """The blocks of a symmetric map that is known by its products alone.

    `product` takes one direction a variable and gives one array a variable.
    """
    zeros = [np.zeros_like(a) for a in arrays]

    def part(i, j):
        def moved(v):
            v = np.reshape(v, zeros[j].shape)
            return product((*zeros[:j], v, *zeros[j + 1 :]))[i]

        return moved

    return _maps(lambda i, j: (part(i, j), part(j, i)), arrays)


def _by_arrays(blocks, *arrays):
    """The blocks of a map that is not symmetric, which are formed."""

    def pair(i, j):
        matrix = np.reshape(blocks[i][j], (arrays[i].size, arrays[j].size))
        return lambda v: matrix @ np.ravel(v), lambda v: np.ravel(v) @ matrix

    return _maps(pair, arrays)


def _maps(pair, arrays):
    """One map a block, from its products with directions and those of its transpose."""
    one, rows = np.ones((), dtype=np.result_type(*arrays)), []
    for i, x in enumerate(arrays):
        terms = [[(one, [("product", *pair(i, j))])] for j in range(len(arrays))]
        columns = zip(arrays, terms, strict=True)
        rows.append(tuple(LinearMap(x.shape, y.shape, term) for y, term in columns))
    return tuple(rows)
