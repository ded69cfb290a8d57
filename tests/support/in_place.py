"""A function of a few arrays whose body is the matter of a test, and bodies in which one name shows what is done to another."""

import numpy as np

POINT = {
    "A": np.arange(9.0).reshape(3, 3) + 1, "b": np.array([1.0, 2.0, 4.0]), "X": np.arange(12.0).reshape(4, 3) / 3,
    "k": np.array([1, 0, 2]), "c": 2.0,
}  # fmt: skip
HEAD = 'def f(A: "3 3", b: "3", X: "4 3", k: "3 | int", c: ""):'


SHOWN = [
    "r = A[0]\nr *= 3.0\nreturn np.sum(A) + np.sum(r)",
    "s = b\nfor i in range(4):\n    s += X[i]\nreturn s @ s + b @ b",
    "B = A.T\nB += 1.0\nreturn np.sum(A) + np.sum(B)",
    "B = A.reshape(9)\nB += 1.0\nreturn np.sum(A) + np.sum(B)",
    "B = A.T.reshape(9)\nB += 1.0\nreturn np.sum(A) + np.sum(B)",
    "B = np.asarray(A)\nB += 1.0\nreturn np.sum(A)",
    "for row in A:\n    row *= 2.0\nreturn np.sum(A)",
    "t = 0.0\nfor row in A:\n    row *= 2.0\n    t += np.sum(row)\nreturn t",
    "xs = [b, A[0]]\nq = xs[0]\nq += 1.0\nreturn np.sum(xs[0])",
    "xs = []\nh = b\nfor i in range(4):\n    h = h + X[i]\n    xs.append(h)\n    h *= 0.5\nreturn np.sum(np.stack(xs))",
    "xs = []\nh = b * 1.0\nfor i in range(4):\n    h += X[i]\n    xs.append(h.copy())\nreturn np.sum(np.stack(xs))",
    "a = C = np.zeros(3)\na += b\nreturn np.sum(C) + np.sum(a)",
    "C = b\nb *= 2.0\nreturn np.sum(C)",
    "C = b if True else X[0]\nC += 1.0\nreturn np.sum(b) + np.sum(C)",
    "C = b[:]\nC += 1.0\nreturn np.sum(b)",
    "C = b[None]\nC += 1.0\nreturn np.sum(b)",
    "C = b[...]\nC += 1.0\nreturn np.sum(b)",
    "C = np.ravel(A)\nC += 1.0\nreturn np.sum(A)",
    "C = A.ravel()\nC += 1.0\nreturn np.sum(A)",
    "C, d = np.split(X, 2)\nC += 1.0\nreturn np.sum(X) + np.sum(d)",
    "C = np.squeeze(A[:1])\nC += 1.0\nreturn np.sum(A)",
    "C = np.expand_dims(b, 0)\nC += 1.0\nreturn np.sum(b)",
    "C = np.flip(b)\nC += 1.0\nreturn np.sum(b)",
    "C = b[::-1]\nC += 1.0\nreturn np.sum(b)",
    "C = np.atleast_2d(b)\nC += 1.0\nreturn np.sum(b)",
    "C = np.swapaxes(A, 0, 1)\nC += 1.0\nreturn np.sum(A)",
    "C = np.moveaxis(A, 0, 1)\nC += 1.0\nreturn np.sum(A)",
    "C = np.linalg.matrix_power(A, 1)\nC += 1.0\nreturn np.sum(A)",
    "C = np.diff(b, n=0)\nC += 1.0\nreturn np.sum(b)",
    "C = np.squeeze(A[:, :1], axis=1)\nC += 1.0\nreturn np.sum(A)",
    "s = np.zeros(())\nt = s\nt += 1.0\nreturn s + t + np.sum(b)",
    "s = np.array(2.0)\nt = s\nt *= np.sum(b)\nreturn s + t",
    "s = np.where(c > 0, c, 1.0)\nt = s\nt *= 2\nreturn s + t + np.sum(b)",
    "s = A[0, 0, ...]\ns *= 2\nreturn np.sum(A)",
    "def norm(h):\n    h -= np.mean(h)\n    return h\nz = X @ A\ny = norm(z)\nreturn np.sum(y * y) + np.sum(z)",
    "def norm(h):\n    h -= np.mean(h)\n    return h\nz = X @ A\nreturn np.sum((z + norm(z)) ** 2)",
    'd = {"w": b}\nv = d["w"]\nv += 1.0\nreturn np.sum(d["w"])',
    "t = (b * 2, A)\nr = t[0]\nr *= 3.0\nreturn np.sum(t[0])",
    "h = b\nfor i in range(3):\n    g = h\n    g *= 2.0\n    h = h + X[i]\nreturn np.sum(h)",
    "C = np.diagonal(A)\nA += 1.0\nreturn np.sum(C)",
    "C = np.diag(A)\nA += 1.0\nreturn np.sum(C)",
    "r1, r2, r3 = A\nr1 += 1.0\nreturn np.sum(r2)",
    "rows = [row for row in A]\nA *= 2.0\nreturn np.sum(rows[0])",
    "g = lambda v: v\nC = g(b)\nC += 1.0\nreturn np.sum(b)",
    "C = np.transpose(A)\nA *= 2\nreturn np.sum(C)",
    "(b2) = b\nb2 -= 1.0\nreturn np.sum(b2) + np.sum(np.exp(b))",
]
"""Read: one name shows in NumPy what is done to another."""


def text(body: str, library: str = "numpy as np") -> str:
    lines = [f"import {library}", HEAD, *(f"    {line}" for line in body.splitlines())]
    return "\n".join(lines) + "\n"
