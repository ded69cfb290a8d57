"""Writing into parts of arrays: NumPy's own value and its differences judge what is read, law by law."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from in_place import HEAD, POINT, SHOWN, text

from symgrad.checking.evaluation import evaluate
from symgrad.checking.witness import mutable_witness
from symgrad.core.dimensions import size_of
from symgrad.derivation import forward
from symgrad.errors import SymgradError, UnsupportedError

WRITES = [
    "A[0] = b\nreturn np.sum(A * A)",
    "A[0, 1] = 5.0\nreturn np.sum(A * A)",
    "A[0][1] = c\nreturn np.sum(A * A)",
    "r = A[0]\nr[1] = c * 2\nreturn np.sum(A * A) + np.sum(r)",
    "A[:, 1] *= b\nreturn np.sum(A * A)",
    "A[1:, :2] -= 1.0\nreturn np.sum(A * A)",
    "A.T[0] = b\nreturn np.sum(A * A)",
    "B = A.reshape(9)\nB[3:5] = c\nreturn np.sum(A * A)",
    "B = A.T.reshape(9)\nB[3:5] = c\nreturn np.sum(A * A) + np.sum(B ** 3)",
    "B = A[1:].reshape(6)\nB[1] = c\nreturn np.sum(A * A)",
    "B = A[:, 1:].reshape(6)\nB[1] = c\nreturn np.sum(A * A) + np.sum(B**3)",
    "B = X.reshape(2, 2, 3)\nB[1, 0] = b\nreturn np.sum(X * X)",
    "out = np.zeros(3)\nfor i in range(3):\n    out[i] = b[i] * c\nreturn np.sum(out ** 2)",
    "out = np.empty(3)\nfor i in range(3):\n    out[i] = b[i] * c\nreturn np.sum(out ** 2)",
    "out = np.empty((2, 2))\nfor i in range(2):\n    for j in range(2):\n        out[i, j] = A[i, j] * c\nreturn np.sum(out ** 2)",
    "h = np.zeros((4, 3))\np = b\nfor t in range(4):\n    p = np.tanh(X[t] + p @ A)\n    h[t] = p\nreturn np.sum(h * X)",
    "h = np.zeros((4, 3))\nh[0] = b\nfor t in range(1, 4):\n    h[t] = np.tanh(X[t] - h[t - 1])\nreturn np.sum(h * X)",
    "h = np.zeros((3, 4, 2))\nfor t in range(4):\n    h[:, t, :] = np.outer(b, X[t, :2])\nreturn np.sum(h ** 2)",
    "z = X @ A\nz -= z.max(axis=1, keepdims=True)\nz = np.exp(z)\nz /= z.sum(axis=1, keepdims=True)\nreturn np.sum(z ** 2)",
    "s = A * 1\ns[np.arange(3), k] -= 1\nreturn np.sum(s * s)",
    "s = A * 1\ns[np.arange(3), k] = 0\nreturn np.sum(s * s)",
    "s = A * 1\ns[k, np.arange(3)] *= b\nreturn np.sum(s * s)",
    "s = A * 1\ns[range(3), k] = b\nreturn np.sum(s * s)",
    "s = A * 1\ns[range(3), range(3)] = 0.\nreturn np.sum(s * s)",
    "s = A * 1\ns[np.arange(3), np.arange(3)] += b\nreturn np.sum(s * s)",
    "np.fill_diagonal(A, 0)\nreturn np.sum(A * A)",
    "np.fill_diagonal(A, b)\nreturn np.sum(A * A)",
    "w = b * 1.5\nw[w > 2] = 1\nreturn np.sum(w * w)",
    "w = b * 1.5\nw[w > 2] *= 3\nreturn np.sum(w * w)",
    "A[A > 4] = c\nreturn np.sum(A * A)",
    "A[b > 1] = 0\nreturn np.sum(A * A)",
    "np.exp(b, out=b)\nreturn np.sum(b * b)",
    "v = np.empty(3)\nnp.multiply(b, c, out=v)\nreturn np.sum(v * v)",
    "v = np.empty_like(b)\nv[:] = b\nreturn np.sum(v * v) + np.sum(b)",
    "v = np.zeros_like(b)\nv[...] = b * 2\nreturn np.sum(v * v)",
    "b[0] += 1\nreturn np.sum(b * b)",
    "b[-1] = b[0] * c\nreturn np.sum(b * b)",
    "b[1:] = b[:-1]\nreturn np.sum(b * A[0])",
    "b[::-1] = b\nreturn np.sum(b * A[0])",
    "b[::2] = 0\nreturn np.sum(b * A[0])",
    "A[0], A[1] = A[1], A[0]\nreturn np.sum(A * A * b)",
    "A[0, 0], A[1, 1] = A[1, 1], A[0, 0]\nreturn np.sum(A * A * b)",
    "A[[0, 2]] = 1.0\nreturn np.sum(A * A)",
    "A[[0, 0]] += 1\nreturn np.sum(A * A)",
    "for row in A:\n    row *= 2.0\nreturn np.sum(A * A)",
    "for i, row in enumerate(A):\n    row[i] = 0\nreturn np.sum(A * A)",
    "for row, x in zip(A, b):\n    row += x\nreturn np.sum(A * A)",
    "def scale(v):\n    v *= 2\nscale(b)\nreturn np.sum(b * b)",
    "def scale(v):\n    v[0] = 2\nscale(A[1])\nreturn np.sum(A * A)",
    "lap = np.zeros_like(X)\nlap[1:-1] = X[2:] - 2 * X[1:-1] + X[:-2]\nreturn np.sum(lap ** 2)",
    "xs = [b, A[0]]\nxs[1] += 1\nreturn np.sum(A * A)",
    "d = {'w': b}\nd['w'] *= 2\nd['v'] = b\nd['v'][0] = 1\nreturn np.sum(b * b)",
    "n = 2\nn += 1\nxs = [1, 2]\nxs[0] = 5\nxs[1] += 2\nreturn np.sum(b) * xs[0] * xs[1] * n",
    "a = np.array([1.0, 2.0, 3.0])\na[0] = c\nreturn np.sum(a * b)",
    "a = np.arange(3.0)\na[0] = c\nreturn np.sum(a * b)",
    "temp = b.copy()\ntemp[0] = 0\nreturn np.sum(temp ** 2) + np.sum(b)",
    "signs = -np.ones(3)\nsigns[0] = 1\nreturn np.sum(signs * b)",
    "v = np.ones((2, 3))\nv[0] += b\nv[1] -= b\nreturn np.sum(v ** 3)",
    "B = np.asarray(A)\nB[0] = 0\nreturn np.sum(A * A)",
    "C, D = np.split(X, 2)\nC[0] = 0\nreturn np.sum(X * X) + np.sum(D)",
    "C = np.flip(b)\nC[0] = 0\nreturn np.sum(b * A[0])",
    "C = np.moveaxis(A, 0, 1)\nC[0] = 0\nreturn np.sum(A * A)",
    "C = b[None]\nC[0, 1] = 0\nreturn np.sum(b * A[0])",
    "C = b[:, None]\nC[1] = 0\nreturn np.sum(b * A[0])",
    "s = np.zeros(())\nt = s\nt += c\nreturn s + t + np.sum(b)",
    "A[0] = A[1] = b\nA[1, 0] = 7\nreturn np.sum(A * A)",
    "a = np.full(3, 0.5)\na[1] = c\nreturn np.sum(a * b)",
    "p = np.exp(A)\nreturn np.sum(p[range(3), k])",
    "u = X[[0, 2, 2]]\nu[0] = 0\nreturn np.sum(u * A) + np.sum(X)",
    "b.fill(c)\nreturn np.sum(b * A[0])",
    "np.copyto(b, A[0])\nreturn np.sum(b * A[0])",
    "m = b > 1\nm[0] = True\nreturn np.sum(m * b)",
    "A[k == 1] = c\nreturn np.sum(A * A)",
    "g = np.zeros((3, 3))\ng[:, 0] = b\ng[:, 1:] = A[:, 1:]\nreturn np.sum(g ** 2)",
    "g = np.empty((3, 3))\ng[0, :] = b\ng[1:, 0] = c\ng[1:, 1:] = A[1:, 1:]\nreturn np.sum(g ** 2)",
]
"""Read, with the value and the derivative of NumPy's own run."""

AT = {name: x + 0.3 if name in "AbX" else x for name, x in POINT.items()}
"""Off the kinks of conditions."""


def run(source: str, point: dict[str, Any], array: Any = np.array) -> Any:
    scope: dict[str, Any] = {}
    exec(source, scope)
    return scope["f"](**{name: array(x) if np.ndim(x) else x for name, x in point.items()})


def slope(source: str, direction: dict[str, Any]) -> float:
    """Central differences of order 4 of NumPy's own value."""

    def moved(t: float) -> Any:
        return run(source, {name: x + t * direction[name] if name in direction else x for name, x in AT.items()})

    return (8 * (moved(1e-4) - moved(-1e-4)) - (moved(2e-4) - moved(-2e-4))) / 1.2e-3


@pytest.mark.parametrize("body", WRITES + SHOWN)
def test_a_write_changes_what_numpy_changes(body: str):
    source, rng = text(body), np.random.default_rng(0)
    derivation = forward(source).derive("A", "b", "X")
    found = evaluate(derivation.adjoint, AT)
    np.testing.assert_allclose(found[str(derivation.program.output)], run(source, AT), rtol=1e-12)
    direction = {name: rng.normal(size=np.shape(AT[name])) for name in ("A", "b", "X")}
    along = sum(np.sum(found[str(v)] * d) for v, d in zip(derivation.adjoint.outputs[-3:], direction.values(), strict=True))
    np.testing.assert_allclose(along, slope(source, direction), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("body", WRITES + SHOWN[::4])
def test_the_witness_of_verification_changes_what_numpy_changes(body: str):
    """jax's arrays in a memory of their own: another reading of the same lines, which shares nothing with the first."""
    program = forward(text(body)).program
    with jax.enable_x64(True):
        value = mutable_witness(program, {})({name: np.asarray(x) for name, x in AT.items()})
    np.testing.assert_allclose(value, run(text(body), AT), rtol=1e-12)


REFUSED = {
    "z = np.zeros_like(k)\nz[0] = c": "may cut decimals off",
    "a = np.array([1, 2, 3])\na[0] = c": "may cut decimals off",
    "a = np.arange(3)\na[1:] = b[1:]": "may cut decimals off",
    "a = np.full(3, 1)\na[0] = 0.5": "may cut decimals off",
    "a = np.zeros(3, dtype=int)\na[0] = c": "may cut decimals off",
    "k[0] = c": "may cut decimals off",
    "e = np.empty(3)\nq = e * b": "np.empty holds no numbers before it is filled",
    "e = np.empty(3)\ne[0] = c\nq = e * b": "np.empty holds no numbers before it is filled",
    "e = np.empty(3)\ne[0] = c\nq = e[1]": "np.empty holds no numbers before it is filled",
    "A[k] += 1": "may name a place twice",
    "A[k] = b": "may name a place twice",
    "A[k, k] = b": "may name a place twice",
    "np.diagonal(A)[0] = c": "lets nobody write into this view",
    "np.broadcast_to(b, (2, 3))[0] = c": "lets nobody write into this view",
    "np.broadcast_to(b, (3,))[0] = c": "lets nobody write into this view",
    "for x in b:\n    b[2] = x": "the loop writes into the array that it runs over",
    "b[0] = A": r"nothing of shape \(3, 3\) into a place of \(\)",
    "b[:2] = b": r"nothing of shape \(3,\) into a place of \(2,\)",
    "m = b > 1\nm[0] = c": "keeps truth values alone",
    "b[b > 1] = A": r"nothing of shape \(3, 3\)",
    "b[5] = c": "out of range",
    "c[0] = 1": "too many indices",
    "np.exp(A, out=b)": r"no result of shape \(3, 3\) into an array of \(3,\)",
    "np.fill_diagonal(X, 0)": "the diagonal of a square matrix",
    "b.at[0].set(1)": r"NumPy's arrays have no \.at",
    "np.exp(b)": "a value that is dropped is not read",
    "xs = [b]\nxs[3] = b": "no such entry",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_numpy_would_do_otherwise_is_refused_by_name(body: str):
    with pytest.raises(SymgradError, match=REFUSED[body]) as refused:
        forward(text(f"{body}\nreturn np.sum(b)"))
    assert re.search(r"\(<string>, line \d+\): ", str(refused.value)) and "\n" not in str(refused.value)


# how NumPy lays arrays out --------------------------------------------------------------------------------------------------

TURNED = 'def f(A: "n m"):\n    B = A.T.reshape(A.size)\n    B[0] = 1.0\n    return np.sum({}) + np.sum(B ** 2)\n'


def test_a_reshape_that_is_a_copy_for_some_sizes_alone_is_refused_where_it_matters():
    with pytest.raises(UnsupportedError, match=r"in NumPy it may change A, which is read in line 4"):
        forward(TURNED.format("A"))
    assert forward(TURNED.format("1.0")).program.outputs


@pytest.mark.parametrize("made", ["np.exp(A.T)", "np.einsum('ij->ji', A) * 1", "A.T + A.T", "np.where(A.T > 1, A.T, 2.0)"])
def test_results_need_not_lie_row_by_row(made: str):
    """NumPy keeps the order of its operands, and then the reshape copies."""
    body = f"C = {made}\nB = C.reshape(9)\nB[0] = 7\nreturn np.sum(B * B){{}}"
    with pytest.raises(UnsupportedError, match="in NumPy it may change"):
        forward(text(body.format(" + np.sum(C)")))
    alone = text(body.format(""))
    np.testing.assert_allclose(evaluate(forward(alone).program, AT)["f"], run(alone, AT))


# exported, and by the book --------------------------------------------------------------------------------------------------

SVM = """
import numpy as np
def svm(W: "d c", X: "n d", y: "n | int", reg: ""):
    scores = X.dot(W)
    correct = scores[np.arange(len(y)), y]
    margins = np.maximum(0, scores - correct[:, np.newaxis] + 1.0)
    margins[np.arange(len(y)), y] = 0
    loss = np.sum(margins) / len(y)
    loss += reg * np.sum(W * W)
    return loss
"""
HEAT = """
import numpy as np
def heat(u: "n", k: "n-2", steps: "2"):
    for i in range(2):
        lap = np.zeros_like(u)
        lap[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
        lap[0] = lap[-1] = 0.0
        u[1:-1] += steps[i] * k * lap[1:-1]
    return np.sum(u ** 2)
"""


def twin_of_svm(W: Any, X: Any, y: Any, reg: Any) -> Any:
    hit = jax.nn.one_hot(y, W.shape[1])
    scores = X @ W
    margins = jnp.maximum(0, scores - jnp.sum(scores * hit, axis=1, keepdims=True) + 1.0)
    return jnp.sum(jnp.where(hit == 1, 0, margins)) / len(y) + reg * jnp.sum(W**2)


def twin_of_heat(u: Any, k: Any, steps: Any) -> Any:
    u = jnp.asarray(u)
    for i in range(2):
        u = u.at[1:-1].add(steps[i] * k * (u[2:] - 2 * u[1:-1] + u[:-2]))
    return jnp.sum(u**2)


@pytest.mark.parametrize("target", ["numpy", "jax", "numba"])
@pytest.mark.parametrize(("source", "twin", "wrt"), [(SVM, twin_of_svm, ["W"]), (HEAT, twin_of_heat, ["u", "k"])])
def test_exported_derivatives_are_those_of_a_functional_twin(target: str, source: str, twin: Any, wrt: list[str]):
    derivation, rng = forward(source).derive(*wrt), np.random.default_rng(1)
    module, sizes = derivation.compile(target), {"d": 4, "c": 3, "n": 5}
    shapes = {str(v): [size_of(d, sizes) for d in v.shape] for v in derivation.program.inputs}
    point = {name: rng.integers(3, size=s) if name == "y" else rng.normal(size=s) for name, s in shapes.items()}
    direction = tuple(rng.normal(size=shapes[w]) for w in wrt)
    at = tuple(point[w] for w in wrt)
    with jax.enable_x64(True):
        gradient = jax.grad(lambda *x: twin(**{**point, **dict(zip(wrt, x, strict=True))}), tuple(range(len(wrt))))
        wanted = (*gradient(*at), *jax.jvp(gradient, at, direction)[1])
        value, found = module.value_and_grad(**point)
        np.testing.assert_allclose(float(value), float(twin(**point)), rtol=1e-10)
        for got, want in zip((*found, *module.hvp(direction, **point)), wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("source", [SVM, text("r = A[0]\nr *= 3.0\nreturn np.sum(A * A) + np.sum(r)")])
def test_verification_follows_acts_in_place(source: str):
    report = forward(source).derive().verify()
    assert report.ok and "arrays that change as NumPy's do" in str(report)


def test_the_callers_array_stays_as_it_is():
    """In NumPy the function would change it."""
    given = np.arange(3.0)
    module = forward(f"import numpy as np\n{HEAD}\n    b[0] = 5.0\n    return np.sum(b)").derive("b").compile()
    assert module.value(**{**POINT, "b": given}) == 8.0 and given[0] == 0.0


def test_what_was_written_prints_as_one_array():
    rows = forward(text("h = np.empty((2, 3))\nh[0] = b\nh[1] = h[0] * c\nreturn np.sum(h * h)")).program
    assert [(str(eq.symbol), eq.expr.op.name) for eq in rows.equations] == [("h", "stack"), ("f", "sum")]
    block = forward(text("z = np.zeros((4, 3))\nz[1:3] = A[:2]\nreturn np.sum(z * X)")).program
    assert [eq.expr.op.name for eq in block.equations] == ["put", "sum"]
    steps = forward(
        text("h = np.zeros((3, 3))\nfor t in range(3):\n    h[t] = np.tanh(h[t - 1] + X[t]) if t else b\nreturn np.sum(h)")
    )
    assert [str(eq.symbol) for eq in steps.program.equations] == ["h_1", "h_2", "h", "f"]
    more = forward(text("A[1:] += X[:2]\nreturn np.sum(A * A)")).program
    assert {x.op.name for x in more.equations[0].expr.args} == {"variable", "put"}


# jax's updates --------------------------------------------------------------------------------------------------------------

UPDATES = [
    "x = b.at[0].set(c)\nreturn jnp.sum(x * x) + jnp.sum(b)",
    "x = A.at[1].add(b)\nreturn jnp.sum(x * x) + jnp.sum(A)",
    "x = A.at[:, 0].multiply(b)\nreturn jnp.sum(x * x)",
    "x = A.at[0, 1].divide(c)\nreturn jnp.sum(x * x)",
    "x = A.at[1:].max(b)\nreturn jnp.sum(x * x)",
    "x = A.at[1:, 1:].min(4.0)\nreturn jnp.sum(x * x)",
    "x = A.at[k].add(1.0)\nreturn jnp.sum(x * x)",
    "x = A.at[jnp.array([0, 0, 1])].add(A)\nreturn jnp.sum(x * x)",
    "x = A.at[jnp.arange(3), k].set(0.0)\nreturn jnp.sum(x * x)",
    "x = A.at[jnp.arange(3), k].add(b)\nreturn jnp.sum(x * x)",
    "x = A.at[jnp.diag_indices(3)].set(0.0)\nreturn jnp.sum(x * x)",
    "x = A.at[A > 4].set(0.0)\nreturn jnp.sum(x * x)",
    "h = jnp.zeros((4, 3))\nfor t in range(4):\n    h = h.at[t].set(X[t] * b)\nreturn jnp.sum(h * h)",
    "b += 1.0\nx = b.at[0].get()\nreturn x * jnp.sum(b)",
]


@pytest.mark.parametrize("body", UPDATES)
def test_updates_of_jax_make_new_arrays(body: str):
    source = text(body, "jax.numpy as jnp")
    derivation = forward(source).derive("A", "b", "X")
    found = evaluate(derivation.adjoint, AT)
    with jax.enable_x64(True):
        np.testing.assert_allclose(found[str(derivation.program.output)], run(source, AT, jnp.array), rtol=1e-12)
        arrays = {name: jnp.array(AT[name]) for name in ("A", "b", "X")}
        wanted = jax.grad(lambda given: run(source, {**AT, **given}, jnp.asarray))(arrays)
    for v, name in zip(derivation.adjoint.outputs[-3:], ("A", "b", "X"), strict=True):
        np.testing.assert_allclose(found[str(v)], wanted[name], rtol=1e-12, atol=1e-12)


def test_an_update_at_labels_that_may_agree_is_refused():
    with pytest.raises(UnsupportedError, match="may name a place twice"):
        forward(text("return jnp.sum(A.at[k].set(b))", "jax.numpy as jnp"))
    with pytest.raises(SymgradError, match=r"jax's arrays do not change; write x = x\.at"):
        forward(text("b[0] = 1.0\nreturn jnp.sum(b)", "jax.numpy as jnp"))
