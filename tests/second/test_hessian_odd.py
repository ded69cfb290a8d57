"""Odd blocks against jax.hessian: nothing there, one by one, axes of size one, kinks, a variable met often; and the third order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numeric import numeric, point_of, stacked
from second_compared import derivation
from second_forms import SECOND_FORMS

import symgrad as sg
from symgrad.core.graph import postorder
from symgrad.core.op import is_zero
from symgrad.ops.kronecker import commutation

CLOSE = dict(rtol=1e-9, atol=1e-9)
FORMS = {form.name: form for form in SECOND_FORMS}

# Source, the same in jax's words, and how each block of the upper triangle prints on a terminal (None: only a map).
ODD = {
    "nothing there": (
        'def f(a: "n", x: "n", y: "n"): return a @ x + sum(y**2)',
        lambda a, x, y: a @ x + jnp.sum(y**2),
        {("a", "a"): "𝟎", ("a", "x"): "I", ("a", "y"): "𝟎", ("x", "x"): "𝟎", ("x", "y"): "𝟎", ("y", "y"): "2 I"},
    ),
    "one by one": (
        'def f(x: "", y: "", z: ""): return x**2 * y + sin(z) * x',
        lambda x, y, z: x**2 * y + jnp.sin(z) * x,
        {("x", "x"): "2 y", ("x", "y"): "2 x", ("x", "z"): "cos(z)", ("y", "y"): "0", ("y", "z"): "0", ("z", "z"): "-x sin(z)"},
    ),
    "used once, linearly": (
        'def f(X: "n d", w: "d", c: "n"): return c @ X @ w',
        lambda X, w, c: c @ X @ w,
        {("X", "X"): "𝟎", ("X", "w"): "I ⊗ c", ("X", "c"): "w ⊗ I", ("w", "w"): "𝟎", ("w", "c"): "Xᵀ", ("c", "c"): "𝟎"},
    ),
    "met often": (
        'def f(x: "n", A: "n n"): return x @ A @ x + x @ A.T @ x + x @ x',
        lambda x, A: x @ A @ x + x @ A.T @ x + x @ x,
        {("x", "x"): "2 (I + A + Aᵀ)"},
    ),
    "a scalar times an array": (
        'def f(c: "", X: "m n"): return c * sum(X**2)',
        lambda c, X: c * jnp.sum(X**2),
        {("c", "c"): "0", ("c", "X"): "2 X", ("X", "X"): "2 c I"},
    ),
    "a row": (
        'def f(A: "1 n", x: "n"): return sum((A @ x) ** 2)',
        lambda A, x: jnp.sum((A @ x) ** 2),
        {("A", "A"): "2 x xᵀ", ("x", "x"): "2 Aᵀ A"},
    ),
    "a column and a row": (
        'def f(A: "n 1", B: "1 m"): return sum((A @ B) ** 2)',
        lambda A, B: jnp.sum((A @ B) ** 2),
        {("A", "A"): "2 tr(B Bᵀ) I"},
    ),
    "one entry": (
        'def f(A: "1 1", x: "1"): return sum((A @ x) ** 3)',
        lambda A, x: jnp.sum((A @ x) ** 3),
        {},
    ),
    "a sum over rows": (
        'def f(X: "n d", b: "d"): return sum((X + b) ** 2)',
        lambda X, b: jnp.sum((X + b) ** 2),
        {("X", "X"): "2 I", ("X", "b"): "2 (I ⊗ 𝟏)", ("b", "b"): "2 n I"},
    ),
    "a transposed copy": (
        'def f(X: "n n"): return sum(X * X.T) + sum(X**2)',
        lambda X: jnp.sum(X * X.T) + jnp.sum(X**2),
        {("X", "X"): "2 (I + K_{n,n})"},
    ),
}

PAIRS = [(name, pair) for name, (_, _, blocks) in ODD.items() for pair in blocks]


def derived(name):
    return sg.forward(ODD[name][0]).derive()


@pytest.mark.parametrize(("name", "pair"), PAIRS)
def test_odd_blocks_print(name, pair):
    text = str(derived(name).hessian[pair]).splitlines()[0]
    assert text.partition(" = ")[2] == ODD[name][2][pair]


def test_zero_blocks_are_zero_and_have_no_map():
    d = derived("nothing there")
    for pair in (("a", "a"), ("x", "y"), ("y", "x")):
        block = d.hessian[pair]
        assert is_zero(block.printed) and is_zero(block.array) and block.terms == () and "↦" not in str(block)


@pytest.mark.parametrize("name", ODD)
def test_odd_blocks_have_the_numbers_of_jax(name):
    d = derived(name)
    agree(d, ODD[name][1], point_of(d))


@pytest.mark.parametrize("name", ["used once, linearly", "a sum over rows"])
def test_every_dimension_one(name):
    d = derived(name)
    agree(d, ODD[name][1], {str(v): np.full((1,) * v.ndim, 0.7) for v in d.program.inputs})


def agree(d, function, point):
    """Matrix, array and diagonal of every block against jax.hessian."""
    hessian = jax.hessian(lambda args: function(**args))({k: jnp.asarray(v) for k, v in point.items()})
    for (a, b), block in ((pair, d.hessian[pair]) for pair in d.hessian):
        want = np.asarray(hessian[a][b])
        np.testing.assert_allclose(numeric(d, block.array, point), want, **CLOSE)
        if block.row.ndim and block.column.ndim:
            np.testing.assert_allclose(numeric(d, block.printed, point), stacked(want, block.row.ndim, block.column.ndim), **CLOSE)
        if a == b:
            entries = np.diagonal(want.reshape(int(np.prod(np.shape(point[a]))), -1)).reshape(np.shape(point[a]))
            np.testing.assert_allclose(numeric(d, block.diagonal, point), entries, **CLOSE)


KINKS = {
    "relu": ('def f(x: "n"): return sum(relu(x) ** 2)', lambda x: jnp.sum(jax.nn.relu(x) ** 2), "2 diag(𝟏[x > 0])"),
    "abs": ('def f(x: "n"): return sum(abs(x) * x)', lambda x: jnp.sum(jnp.abs(x) * x), "2 diag(sign₊(x))"),
    "largest entry": ('def f(x: "n"): return max(x) ** 2', lambda x: jnp.max(x) ** 2, "2 ⟦x = max(x)⟧ ⟦x = max(x)⟧ᵀ"),
    "piecewise linear": ('def f(x: "n"): return sum(relu(x))', lambda x: jnp.sum(jax.nn.relu(x)), "𝟎"),
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_have_the_hessian_of_jax(name):
    """At the kink itself too: relu'(0) = 0, abs'(0) = 1, and no curvature comes from the jump of the slope."""
    source, function, printed = KINKS[name]
    d = sg.forward(source).derive("x")
    assert str(d.hessian["x", "x"]).partition(" = ")[2] == printed
    for x in (np.array([0.3, -1.2, 0.7, 0.1]), np.array([0.0, -1.2, 0.7, 0.0])):
        want = np.asarray(jax.hessian(function)(jnp.asarray(x)))
        np.testing.assert_allclose(d.compile().hessian(x=x)[0][0], want, **CLOSE)


def test_a_symmetric_variable_keeps_the_unconstrained_block():
    """The commutation matrix stays: along (V, V^T) the two parts would merge, and the numbers would not be jax's."""
    for name in ("logdet_spd", "trace_of_inverse", "gaussian_covariance"):
        d = derivation(FORMS[name])
        (v,) = (v for v in d.wrt if v.ndim == 2)
        assert any(n.op is commutation for n in postorder([d.hessian[str(v), str(v)].printed]))
    d = derivation(FORMS["logdet_spd"])
    X = point_of(d)["X"]
    want = np.asarray(jax.hessian(lambda X: jnp.linalg.slogdet(X)[1])(jnp.asarray(X)))
    np.testing.assert_allclose(numeric(d, d.hessian["X", "X"].printed, {"X": X}), stacked(want, 2, 2), **CLOSE)


# third order ------------------------------------------------------------------------------------------------------------------

CUBIC = {
    "cube": ('def f(A: "m n", x: "n"): return sum((A @ x) ** 3)', lambda A, x: jnp.sum((A @ x) ** 3)),
    "log-sum-exp": ('def f(A: "m n", x: "n"): return logsumexp(A @ x)', lambda A, x: jax.scipy.special.logsumexp(A @ x)),
}


@pytest.mark.parametrize("name", CUBIC)
def test_third_order_by_deriving_the_product_again(name):
    """The Jacobian in x of the Hessian-vector product is the third derivative along the direction."""
    source, function = CUBIC[name]
    d = sg.forward(source).derive("x")
    again = d.tangent.derive("x")
    point = point_of(again)
    third = jax.jacfwd(jax.hessian(function, argnums=1), argnums=1)(jnp.asarray(point["A"]), jnp.asarray(point["x"]))
    (found,) = again.compile().jacobian(**point)
    np.testing.assert_allclose(found, np.einsum("ijk,j->ik", third, point["v"]), **CLOSE)
    assert again.hessian["x", "x"].printed is not None


def test_third_order_in_closed_form():
    """d(A^T diag(6 A x) A v) = A^T diag(6 A v) A dx: symmetric in direction and variable."""
    d = sg.forward(CUBIC["cube"][0]).derive("x").tangent.derive("x")
    assert str(d.hessian["x", "x"]).partition(" = ")[2] == "6 Aᵀ diag(A v) A"


def test_a_wrong_block_is_noticed():
    """The checker itself: an odd function against another one's numbers."""
    d = derived("met often")
    with pytest.raises(AssertionError):
        agree(d, lambda x, A: x @ A @ x, point_of(d))
