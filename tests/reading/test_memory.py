"""Acts in place, each idiom run by NumPy and by jax: the value is theirs, or the act is refused with a way that works."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from symgrad.core.language import LANGUAGE, METHODS
from symgrad.derivation import forward
from symgrad.errors import SymgradError, UnsupportedError
from symgrad.reading.memory import sharing

POINT = {
    "A": np.arange(9.0).reshape(3, 3) + 1, "b": np.array([1.0, 2.0, 4.0]), "X": np.arange(12.0).reshape(4, 3) / 3,
    "k": np.array([1, 0, 2]), "c": 2.0,
}  # fmt: skip
HEAD = 'def f(A: "3 3", b: "3", X: "4 3", k: "3 | int", c: ""):'

READ = [
    "ys = [b]\nzs = ys\nzs *= 2\nreturn np.sum(np.stack(ys))",
    "s = 0.0\nfor i in range(4):\n    s += X[i]\nreturn s @ s + b @ b",
    "z = X @ A\nz += b\nh = np.tanh(z)\nh *= 0.5\nreturn np.sum(h * h)",
    "s = b[0]\ns += 5\nreturn s * s + b @ b",
    "r = A[0].copy()\nr *= 3.0\nreturn np.sum(A) + np.sum(r)",
    "B = np.array(A)\nB += 1.0\nreturn np.sum(A)",
    "xs = []\nh = b * 1.0\nfor i in range(4):\n    h += X[i]\n    xs.append(h * 2)\nreturn np.sum(np.stack(xs))",
    "a, C = np.zeros(3), np.zeros(3)\na += b\nC += 2 * b\nreturn np.sum(C) @ np.sum(a) if False else np.sum(C) * np.sum(a)",
    "b *= 2.0\nreturn np.sum(b)",
    "b2 = b\nb2 = b2 * 2.0\nreturn np.sum(b) + np.sum(b2)",
    "C = b + 0\nC += 1.0\nreturn np.sum(b) + np.sum(C)",
    "C = +b\nC += 1.0\nreturn np.sum(b) + np.sum(C)",
    "C = b * 1\nC += 1.0\nreturn np.sum(b) + np.sum(C)",
    "C = b[np.array([0, 1])]\nC += 1.0\nreturn np.sum(b) + np.sum(C)",
    "C = b[k]\nC += 1.0\nreturn np.sum(b) + np.sum(C)",
    "C = A.flatten()\nC += 1.0\nreturn np.sum(A)",
    "C = np.roll(b, 1)\nC += 1.0\nreturn np.sum(b)",
    "C = np.concatenate([b])\nC += 1.0\nreturn np.sum(b)",
    "C = np.where(True, b, b)\nC += 1.0\nreturn np.sum(b)",
    "C = np.clip(b, None, None)\nC += 1.0\nreturn np.sum(b)",
    "C = np.maximum(b, b)\nC += 1.0\nreturn np.sum(b)",
    "C = b.astype(float)\nC += 1.0\nreturn np.sum(b)",
    "C = np.sum(A[:, :1], axis=1)\nC += 1.0\nreturn np.sum(A)",
    "k *= 2\nreturn np.sum(b * k)",
    "A += b\nreturn np.sum(A)",
    "s = c\ns *= 2\nreturn s + c + np.sum(b)",
    "s = np.sum(b)\nt = s\nt *= 2\nreturn s + t",
    "m = b > 1\nm &= b < 3\nreturn np.sum(m * b)",
    "m = (b > 1) * (b > 0)\nreturn np.sum(m * b)",
    "m = np.where(b > 1, 1, 0) + np.where(b > 0, 1, 0)\nreturn np.sum(m * b)",
    "m = (b > 1) + 1\nreturn np.sum(m * b)",
    "return np.dot(b > 0, b) ",
    "m = ~(b > 1)\nreturn np.sum(m * b)",
    "def norm(h):\n    h -= np.mean(h)\n    return h\nz = norm(X @ A)\nreturn np.sum(z * z)",
    "def norm(h):\n    h = h - np.mean(h)\n    h *= 2.0\n    return h\nz = X @ A\nreturn np.sum((z + norm(z)) ** 2)",
    "def lin(h):\n    return h @ A\nz = lin(X)\nz += b\nw = lin(X)\nw -= b\nreturn np.sum(z * w)",
    "def two(h):\n    return h @ A, h @ A\nz, w = two(X)\nz += b\nw -= b\nreturn np.sum(z * w)",
    "t = (b * 2, A)\nr = t[0]\nr *= 3.0\nz = b * 2\nreturn np.sum(r) + np.sum(z)",
    "a = b * 2\na += 1\nC = b * 2\nC += 1\nreturn np.sum(a) + np.sum(C)",
    "A += A.T\nreturn np.sum(A * A)",
    "A -= A[0]\nreturn np.sum(A * A)",
    "A @= A\nreturn np.sum(A * A)",
    "b **= 2\nreturn np.sum(b)",
    "h = b * 1.0\ng = h\nh = h + 1.0\ng *= 3.0\nreturn np.sum(h) + np.sum(g)",
    "ys = [b]\nzs = ys\nzs += [A[0]]\nreturn np.sum(np.stack(ys))",
    "n = A.shape[0]\nr = A[0]\nr += 1.0\nreturn np.sum(r) * A.shape[0] + len(A) + np.sum(b)",
    "C = np.broadcast_to(b, (2, 3))\nC = C * 2\nC += 1.0\nreturn np.sum(C) + np.sum(b)",
    "C = np.zeros_like(A)\nC += A\nC += A.T\nreturn np.sum(C * A)",
    "C = A\nC += 1.0\nd = C\nreturn np.sum(d * C)",
    "total = np.zeros(3)\nfor x in X:\n    total += x\ntotal /= 4\nreturn total @ total",
    "x = X[0]\nfor i in range(1, 4):\n    x = x + X[i]\n    x *= 0.5\nreturn x @ x",
    "C = b\nC = C + 1\nC += b\nreturn np.sum(C * b)",
]
"""Read, with the value that NumPy gives."""

REFUSED = [
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
    "k2 = k\nk2 += 1\nreturn np.sum(b[k]) ",
    "k += 0.5\nreturn np.sum(b * k)",
    "k /= 2\nreturn np.sum(b * k)",
    "k += b\nreturn np.sum(k)",
    "b += A\nreturn np.sum(b)",
    "s = np.zeros(())\nt = s\nt += 1.0\nreturn s + t + np.sum(b)",
    "s = np.array(2.0)\nt = s\nt *= np.sum(b)\nreturn s + t",
    "s = np.where(c > 0, c, 1.0)\nt = s\nt *= 2\nreturn s + t + np.sum(b)",
    "s = A[0, 0, ...]\ns *= 2\nreturn np.sum(A)",
    "m = b > 1\nm *= 2\nreturn np.sum(m * b)",
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
"""Refused: NumPy would let one name see what is done to another, or fails."""


def text(body: str, library: str = "numpy as np") -> str:
    lines = [f"import {library}", HEAD, *(f"    {line}" for line in body.splitlines())]
    return "\n".join(lines) + "\n"


def own(source: str, array: Any = np.array) -> Any:
    """What the function itself gives, on arrays of a library that nobody else holds."""
    scope: dict[str, Any] = {}
    exec(source, scope)
    return scope["f"](**{name: array(x) if np.ndim(x) else x for name, x in POINT.items()})


def ours(source: str) -> Any:
    return forward(source).derive("A", "b", "X").compile().value(**POINT)


@pytest.mark.parametrize("body", READ)
def test_what_is_read_has_the_value_that_numpy_gives(body: str):
    np.testing.assert_allclose(ours(text(body)), own(text(body)), rtol=1e-12)


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_refused_names_a_way_that_numpy_and_we_take_alike(body: str):
    """Every act is written as its refusal says, until the body is read."""
    for _ in range(8):
        with pytest.raises(SymgradError, match=r"; write ") as refused:
            forward(text(body))
        line, way = place(str(refused.value))
        lines = body.splitlines()
        lines[line] = " " * (len(lines[line]) - len(lines[line].lstrip())) + way
        body = "\n".join(lines)
        if read(text(body)):
            break
    np.testing.assert_allclose(ours(text(body)), own(text(body)), rtol=1e-12)


def place(message: str) -> tuple[int, str]:
    """The line of the body that a refusal points to, and what it says to write there."""
    line = int(message.split(", line ")[1].split(")")[0]) - 3
    way = message.split("; write ")[1]
    return line, way


def read(source: str) -> bool:
    try:
        forward(source)
    except SymgradError:
        return False
    return True


@pytest.mark.parametrize("body", READ + REFUSED)
def test_in_jax_every_act_makes_a_new_array(body: str):
    source = text(body.replace("np.", "jnp.") + " + 0 * jnp.sum(b)", "jax.numpy as jnp")
    np.testing.assert_allclose(ours(source), own(source, jnp.array), rtol=1e-5)


def test_the_library_belongs_to_the_value():
    both = "import numpy as np\nimport jax.numpy as jnp\n"
    body = "    s = {}\n    t = s\n    s += b\n    return {}.sum(t * b)\n"
    jaxs, numpys, either = (
        body.format("jnp.ones(3)", "np"),
        body.format("np.ones(3)", "jnp"),
        body.format("b", "np") + "    # jnp.sum",
    )
    assert read(f"{both}{HEAD}\n{jaxs}") and not read(f"{both}{HEAD}\n{numpys}") and not read(f"{both}{HEAD}\n{either}")
    assert read(f"import jax.numpy as jnp\n{HEAD}\n{body.format('b', 'jnp')}") and not read(f"{HEAD}\n{body.format('b', 'np')}")
    assert read(f"import jax.numpy as jnp\nimport numpy as np\n{HEAD}\n    c = np.pi\n{body.format('b', 'jnp')}")
    assert not read(f"import numba\nimport jax.numpy as jnp\nimport numpy as np\n@numba.jit\n{HEAD}\n{body.format('b', 'np')}")
    assert not read(f"import numpy as np\ndef g(x):\n    return np.sum(x)\n{HEAD}\n{body.format('b', 'np').replace('np.sum', 'g')}")
    assert read(f"import jax\nimport numpy as np\n@jax.jit\n{HEAD}\n{body.format('b', 'np')}")


@pytest.mark.parametrize(
    "sum_",
    ["(b > 1) + (b > 0)", "(b > 1) - (b > 0)", "held + (b > 0)", "np.add(held, b > 0)", "np.dot(b > 0, b > 1)", "held @ held"],
)
def test_conditions_are_not_added(sum_: str):
    """NumPy's sum of two conditions is their or."""
    with pytest.raises(UnsupportedError, match=r"where\(condition, 1, 0\)"):
        forward(text(f"held = b > 1\nreturn np.sum(({sum_}) * b)"))
    counted = text("return np.sum((np.where(b > 1, 1, 0) + np.where(b > 0, 1, 0)) * b)")
    assert ours(counted) == own(counted)


@pytest.mark.parametrize(
    "view", ["np.diagonal(A)", "A.diagonal()", "np.broadcast_to(b, (2, 3))", "np.diagonal(A)[:2]", "np.broadcast_to(b, (2, 3)).T"]
)
def test_views_that_numpy_lets_nobody_write_into(view: str):
    body = f"r = {view}\nq = r\n{{}}\nreturn np.sum(q)"
    with pytest.raises(ValueError, match="read-only"):
        own(text(body.format("q += 1.0")))
    assert not read(text(body.format("q += 1.0"))) and read(text(body.format("q = q + 1.0\nq += 1.0")))


def test_integers_hold_no_decimals():
    with pytest.raises(UnsupportedError, match="full_like of integers"):
        forward(text("return np.sum(np.full_like(k, 0.5) * b)"))


# every function that may hand on the memory of its argument ------------------------------------------------------------------

SQUARE = np.arange(9.0).reshape(3, 3)
FURTHER = {
    "broadcast_to": ((3, 3),), "clip": (None, None), "diff": (0,), "expand_dims": (0,), "matrix_power": (1,), "moveaxis": (0, 1),
    "permute_dims": ((1, 0),), "repeat": (1,), "reshape": ((9,),), "roll": (0,), "split": (1,), "swapaxes": (0, 1),
    "take": ([0], 0), "tile": (1,), "astype": (float,),
}  # fmt: skip


def aliases(function: Any, *args: Any) -> bool:
    try:
        with np.errstate(all="ignore"):
            result = function(*args)
    except (TypeError, ValueError, IndexError, AttributeError, np.linalg.LinAlgError):
        return False
    pieces = result if isinstance(result, tuple | list) else [result]
    return any(isinstance(piece, np.ndarray) and np.shares_memory(piece, SQUARE) for piece in pieces)


@pytest.mark.parametrize("name", sorted(LANGUAGE))
def test_functions_that_share_memory_in_numpy_are_known_to(name: str):
    for place in (np, np.linalg):
        if hasattr(place, name) and aliases(getattr(place, name), SQUARE, *FURTHER.get(name, ())):
            assert LANGUAGE[name] in sharing()


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"__getitem__"}))
def test_methods_that_share_memory_in_numpy_are_known_to(name: str):
    if hasattr(SQUARE, name) and aliases(getattr(SQUARE, name), *FURTHER.get(name, ())):
        assert METHODS[name] in sharing()
