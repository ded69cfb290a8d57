"""Blocks of second derivatives that are never formed."""

import math

import numpy as np


class LinearMap:
    """A block of second derivatives that is never formed: a sum of structured terms.

    A term is a number and stages that act in turn on an array X of shape `columns`, a
    vector being one column.  ("sandwich", L, R, flip) is L X R, X transposed before if
    flip says so, None an identity; ("diagonal", W) is W * X; ("rank one",
    H, G) is the inner product <G, X> times H.  `matvec` takes an array of shape
    `columns`, `solve` one of shape `rows`; `toarray` is of shape rows + columns.
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
        plane = batch.reshape(len(batch), *(*self.columns, 1, 1)[:2])
        result = np.zeros((len(batch), *self.rows), dtype=self.dtype)
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
            plane = (*np.shape(arrays[0]), 1, 1)[:2]
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
        if kind == "rank one":
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
        the dense block.  Raises numpy.linalg.LinAlgError where the block is singular.
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
        if is_plain and all(self._invertible(*s) for s in base[0][1]):
            return self._woodbury(base[0], low, b)
        dense = self.toarray().reshape(self.shape)
        return np.linalg.solve(dense, b.ravel()).reshape(self.columns)

    @staticmethod
    def _invertible(kind, *arrays):
        if kind == "diagonal":
            return True
        return all(a is None or a.shape[0] == a.shape[1] for a in arrays[:2])

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
            dtype=self.dtype,
        )
