"""Acts in place, each idiom run by NumPy and by jax: the value is theirs, or the act is refused with a way that works."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from in_place import HEAD, POINT, SHOWN, text

from symgrad.checking.evaluation import evaluate
from symgrad.core.language import LANGUAGE, METHODS
from symgrad.derivation import forward
from symgrad.errors import SymgradError, UnsupportedError
from symgrad.reading.memory import sharing

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
    "k += 0.5\nreturn np.sum(b * k)",
    "k /= 2\nreturn np.sum(b * k)",
    "k += b\nreturn np.sum(k)",
    "b += A\nreturn np.sum(b)",
    "m = b > 1\nm *= 2\nreturn np.sum(m * b)",
]
"""Refused: NumPy has no room for it."""


def own(source: str, array: Any = np.array) -> Any:
    """What the function itself gives, on arrays of a library that nobody else holds."""
    scope: dict[str, Any] = {}
    exec(source, scope)
    return scope["f"](**{name: array(x) if np.ndim(x) else x for name, x in POINT.items()})


def ours(source: str) -> Any:
    program = forward(source).program
    return evaluate(program, POINT)[str(program.output)]


@pytest.mark.parametrize("body", READ + SHOWN)
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


@pytest.mark.parametrize("body", READ + SHOWN + REFUSED)
def test_in_jax_every_act_makes_a_new_array(body: str):
    source = text(body.replace("np.", "jnp.") + " + 0 * jnp.sum(b)", "jax.numpy as jnp")
    np.testing.assert_allclose(ours(source), own(source, jnp.array), rtol=1e-5)


BOTH = "import numpy as np\nimport jax.numpy as jnp\n"
ALIASED = "    s = {}\n    t = s\n    s += b\n    return {}(t * b)\n"


@pytest.mark.parametrize(
    ("head", "made", "word", "whose"),
    [
        (BOTH, "jnp.ones(3)", "np.sum", jnp),
        (BOTH, "np.ones(3)", "jnp.sum", np),
        (BOTH, "b * np.pi", "jnp.sum", jnp),
        (f"import numba\n{BOTH}@numba.jit\n", "b", "np.sum", np),
        ("import numpy as np\ndef g(x):\n    return np.sum(x)\n", "b", "g", np),
        ("import jax\nimport numpy as np\n@jax.jit\n", "b", "np.sum", jnp),
    ],
)
def test_the_library_belongs_to_the_value(head: str, made: str, word: str, whose: Any):
    """The value that the same lines have where every array is of that library: jax's leave the alias as it was."""
    source = (
        f"{HEAD}\n    s = whose.multiply({made.replace('jnp', 'whose').replace('np.', 'whose.').replace('wwhose', 'whose')}, 1.0)"
    )
    wanted = run_with(whose, f"{source}\n    t = s\n    s += b\n    return whose.sum(t * b)")
    np.testing.assert_allclose(ours(f"{head}{HEAD}\n{ALIASED.format(f'{made} * 1.0', word)}"), wanted, rtol=1e-6)


def run_with(whose: Any, source: str) -> Any:
    scope: dict[str, Any] = {"whose": whose}
    exec(source, scope)
    return scope["f"](**{name: whose.array(x) if np.ndim(x) else x for name, x in POINT.items()})


def test_where_nothing_says_whose_an_array_is_both_readings_have_to_agree():
    shown = f"{BOTH}{HEAD}\n    s = b\n    t = s\n    s += 1.0\n    return np.sum(t) + jnp.sum(s)\n"
    with pytest.raises(UnsupportedError, match=r"in NumPy it may change b, which is read in line 7; write s = s \+ 1.0"):
        forward(shown)
    assert read(shown.replace("    t = s\n", "").replace("np.sum(t)", "np.sum(A)"))
    assert read(shown.replace("s = b", "s = np.exp(b)")) and read(shown.replace("s = b", "s = jnp.exp(b)"))


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
