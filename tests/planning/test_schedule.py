"""What the exporter does for speed: values at hand, one inverse, multiples gathered, blocks; and that the numbers stay."""

import ast

import numpy as np
import pytest
from mpmath import mp

import symgrad as sg
from symgrad.export import helpers
from symgrad.export.blocking import parted
from symgrad.planning.schedule import scheduled

CHAIN = """
def chain(x: "n", y: "n", c: ""):
    u = tanh(x * y)
    v = exp(-c * x**2)
    w = u * v + y
    return 0.5 * sum(w**2) + c * sum(u)
"""
LARGE = 20_001


def body(derivation, name):
    source = derivation.numpy()
    function = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == name)
    return ast.get_source_segment(source, function)


def chain_by_hand(x, y, c):
    """J = |w|^2 / 2 + c 1^T u with w = u v + y; w_bar = w, u_bar = w v + c, v_bar = w u."""
    u, v = np.tanh(x * y), np.exp(-c * x**2)
    w = u * v + y
    p = (w * v + c) * (1 - u**2)
    x_bar = p * y - 2 * c * x * v * w * u
    return 0.5 * w @ w + c * u.sum(), x_bar, p * x + w, u.sum() - (x**2 * v * w * u).sum()


@pytest.fixture(scope="module")
def chain():
    return sg.forward(CHAIN).derive()


def points(n):
    x, y = np.random.default_rng(n).normal(size=(2, n))
    return {"x": x, "y": y, "c": 0.3}


# blocks of entries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", (1, 5, 8192, 8193, LARGE))
def test_blocks_give_the_whole(chain, n):
    inputs = points(n)
    value, (x_bar, y_bar, c_bar) = chain.compile().value_and_grad(**inputs)
    for got, want in zip((value, x_bar, y_bar, c_bar), chain_by_hand(**inputs), strict=True):
        assert np.shape(got) == np.shape(want)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


def test_blocks_of_a_product_agree_with_differences_of_gradients(chain):
    f, inputs = chain.compile(), points(LARGE)
    v = tuple(points(LARGE + 1)[name][: np.size(inputs[name])] if np.ndim(inputs[name]) else 0.7 for name in inputs)
    moved = [{k: inputs[k] + s * 1e-6 * d for k, d in zip(inputs, v, strict=True)} for s in (1, -1)]
    above, below = (f.grad(**m) for m in moved)
    for got, a, b in zip(f.hvp(v, **inputs), above, below, strict=True):
        np.testing.assert_allclose(got, (a - b) / 2e-6, rtol=1e-5, atol=1e-5 * np.max(np.abs(got)))


def test_blocks_leave_the_inputs_and_own_their_results(chain):
    inputs = points(LARGE)
    before = {k: np.copy(v) for k, v in inputs.items()}
    first = chain.compile().grad(**inputs)
    assert all(np.array_equal(inputs[k], before[k]) for k in inputs)
    assert not any(np.shares_memory(g, x) for g in first for x in inputs.values())
    kept = [np.copy(g) for g in first]
    chain.compile().grad(**points(LARGE))
    assert all(np.array_equal(a, b) for a, b in zip(first, kept, strict=True))


def test_blocks_of_matrices_in_any_layout():
    text = 'def f(A: "m n", B: "m n"): return sum(exp(tanh(A) * B) * tanh(A * B) + exp(-A * B))'
    f = sg.forward(text).derive().compile()
    A, B = np.random.default_rng(1).normal(size=(2, 150, 130))
    wanted = f.grad(A=A, B=B)
    for a, b in ((np.asfortranarray(A), B), (A, np.repeat(B, 2, axis=1)[:, ::2]), (A, np.asfortranarray(B))):
        np.testing.assert_allclose(f.grad(A=a, B=b), wanted, rtol=1e-14)


def test_what_reads_a_sum_over_entries_comes_after_the_blocks():
    text = """
def f(x: "n", y: "n"):
    u = tanh(x * y) * exp(-x**2)
    s = sum(u * exp(u))
    w = exp(-u) * s
    return sum(w * tanh(y * u) * y)
"""
    derivation = sg.forward(text).derive()
    parts = parted(scheduled(derivation.adjoint))
    inside, outside = ({eq.name for eq in p.equations} for p in (parts.entries, parts.rest))
    assert {"u", "s"} <= inside and {"w", "u_bar"} <= outside
    inputs = {"x": points(LARGE)["x"], "y": points(LARGE)["y"]}
    for x in inputs:
        moved = [{**inputs, x: inputs[x] + h * 1e-7 * np.eye(1, LARGE, 7)[0]} for h in (1, -1)]
        slope = (derivation.compile().value(**moved[0]) - derivation.compile().value(**moved[1])) / 2e-7
        np.testing.assert_allclose(getattr(derivation.compile().grad(**inputs), x)[7], slope, rtol=1e-4)


def test_few_operations_are_not_put_in_blocks():
    assert "_by_blocks" not in sg.forward('def f(x: "n"): return sum(tanh(x))').derive().numpy()


# values at hand ---------------------------------------------------------------------------------------------------------------


def test_the_slope_of_tanh_does_not_cancel():
    x = np.array([0.0, 1e-9, -0.3, 1.0, -2.9, 3.1, 8.0, -19.0, 25.0, 300.0, -350.0, -0.0]).reshape(3, 4)
    mp.dps = 400
    want = {float(at): 1 / mp.cosh(mp.mpf(float(at))) ** 2 for at in x.flat}
    many = np.tile(x, (10, 10))  # beyond the size up to which another formula is taken
    for z in (x, many, np.asfortranarray(many), np.repeat(many, 2, axis=1)[:, ::2], many.T):
        for at, got in set(zip(z.flat, helpers._tanh_slope(z, np.tanh(z)).flat, strict=True)):
            assert abs(mp.mpf(float(got)) - want[float(at)]) <= 1e-13 * want[float(at)]


def test_the_slope_of_tanh_comes_from_tanh():
    code = body(sg.forward('def f(A: "m n", x: "n"): return sum(tanh(A @ x))').derive("A"), "value_and_grad")
    assert code.count("np.tanh") == 1 and "_tanh_slope(" in code


def test_softmax_comes_from_log_softmax():
    text = 'def f(X: "n d", W: "d k", Y: "n k | onehot"): return -sum(Y * log_softmax(X @ W, axis=1))'
    code = body(sg.forward(text).derive("W"), "value_and_grad")
    assert "np.exp(log_softmax" in code and "_softmax(" not in code.replace("_log_softmax(", "")


def test_one_inverse_serves_every_system():
    text = 'def f(A: "n n", b: "n", S: "n n"): return b @ solve(A, b) + slogdet(A)[1] + trace(solve(A, S))'
    derivation = sg.forward(text).derive("A")
    assert body(derivation, "value_and_grad").count("np.linalg.inv") == 1
    assert all("np.linalg.solve" not in body(derivation, name) for name in ("value_and_grad", "hvp"))
    assert "np.linalg.solve" in body(derivation, "value")


def test_a_shared_expression_is_computed_once():
    """(Sigma^-1 S)^T stands in two terms of the product: Sigma^-1 S is made once."""
    text = 'def f(S: "d d | spd", Sigma: "d d | spd"): return trace(solve(Sigma, S)) + slogdet(Sigma)[1]'
    assert body(sg.forward(text).derive("Sigma"), "hvp").count("inv_Sigma @ S") == 1


ATTENTION = """
def attention(Q: "n k", K: "m k", V: "m v", G: "n v"):
    A = softmax(Q @ K.T, axis=1)
    O = A @ V
    return sum(G * O)
"""


@pytest.mark.parametrize("wrt, inner", ((("Q", "K", "V"), "np.vdot(V, V_bar)"), (("Q", "K"), "np.vdot(A, A_bar)")))
def test_the_value_is_taken_from_an_adjoint(wrt, inner):
    """<G, A V> = <V, A^T G> = <A, G V^T>."""
    derivation = sg.forward(ATTENTION).derive(*wrt)
    code = body(derivation, "value_and_grad")
    assert inner in code and "A @ V" not in code and "A @ V" in body(derivation, "value")
    rng = np.random.default_rng(4)
    inputs = {n: rng.normal(size=s) for n, s in {"Q": (5, 3), "K": (4, 3), "V": (4, 2), "G": (5, 2)}.items()}
    f = derivation.compile()
    np.testing.assert_allclose(f.value_and_grad(**inputs)[0], f.value(**inputs), rtol=1e-13)


def test_the_slope_of_a_sigmoid_takes_one_exponential():
    """sigma(x) sigma(-x) = sech(x / 2)^2 / 4."""
    f = sg.forward('def f(x: "n"): return sum(log(1 + exp(x)))').derive("x")
    assert body(f, "hvp").count("_sech2") == 1 and "_sigmoid" not in body(f, "hvp")
    x = np.array([-300.0, -2.0, 0.0, 0.5, 40.0])
    mp.dps = 400
    wanted = [float(mp.exp(t) / (1 + mp.exp(t)) ** 2) for t in map(mp.mpf, x)]
    np.testing.assert_allclose(f.compile().hvp((np.ones(5),), x=x)[0], wanted, rtol=1e-13)


# fewer passes over arrays ------------------------------------------------------------------------------------------------------


def test_scalars_are_multiplied_before_arrays():
    text = 'def f(X: "m n", a: "", b: ""): return sum(exp(2 * a * b * X))'
    line = next(x for x in body(sg.forward(text).derive("X"), "value").splitlines() if "np.exp" in x)
    assert ast.unparse(ast.parse("np.exp(2 * (a * b) * X)")) in line or "np.exp(2 * a * b * X)" in line


def test_sums_of_products_make_no_array_of_products():
    text = 'def f(X: "m n", Y: "m n"): return sum(X * Y) + sum(sum(X * Y, axis=1) ** 2)'
    code = body(sg.forward(text).derive("X"), "value")
    assert "np.vdot(X, Y)" in code and 'np.einsum("ab,ab->a", X, Y)' in code


@pytest.mark.parametrize("name", ("_softmax", "_log_softmax", "_logsumexp"))
def test_a_short_last_axis_gives_the_same(name):
    X = np.random.default_rng(2).normal(size=(2000, 7))
    long = getattr(helpers, name)(np.tile(X, 1)[:40], axis=(1,))
    np.testing.assert_allclose(getattr(helpers, name)(X, axis=(1,))[:40], long, rtol=1e-14)
    assert helpers._classes_first(X, (1,)).flags.f_contiguous and helpers._classes_first(X, (0,)) is X


def test_even_functions_leave_signs_out():
    text = 'def f(X: "n d", w: "d", y: "n | sign"): return sum(log(1 + exp(-y * (X @ w))))'
    d = sg.forward(text).derive("w")
    assert "X, w, _ = _arrays(" in body(d, "hvp")
    assert d.verify(seeds=(0,)).ok
    assert "np.cos(3 * (x * y))" in body(sg.forward('def f(x: "n", y: "n"): return sum(cos(-3 * x * y))').derive("x"), "value")
