"""`hessian_factors` of every derivation, whatever its blocks look like: the blocks of `hessian`, and their transposes."""

import runpy
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.core.graph import postorder
from symgrad.export.helpers import LinearMap
from symgrad.export.selftest import example
from symgrad.ops.generic import functions_of

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))

DEEP = 'def f(x: "n", W: "n n"):\n' + "    x = tanh(W @ x)\n" * 70 + "    return x @ x"

SOURCES = {
    "attention": 'def f(Q: "n d", K: "m d", V: "m e"): return sum((softmax(Q @ K.T, axis=1) @ V) ** 2)',
    "layer norm": """
def f(X: "n d", g: "d", b: "d"):
    m = mean(X, axis=1, keepdims=True)
    return sum(tanh(g * (X - m) / std(X, axis=1, keepdims=True) + b))
""",
    "Gaussian process": """
def f(D: "n n | symmetric", y: "n", ell: " | positive", sigma: " | positive"):
    K = exp(-D / ell) + sigma * eye(y.shape[0])
    return 0.5 * y @ solve(K, y) + 0.5 * log(det(K))
""",
    "a deep net": DEEP,
    "a net of matrices": 'def f(X: "n d", W: "d h", V: "h q"): return sum(tanh(tanh(X @ W) @ V) ** 2)',
    "entries of rank 3": 'def f(X: "a b c", s: ""): return s * sum(X ** 4) + sum(X) ** 2',
    "maps of rank 3": 'def f(X: "a b c", W: "c d"): return sum(tanh(X @ W) ** 2)',
    "a determinant": 'def f(A: "n n", x: "n"): return det(A) * x @ x',
    "no symmetric Hessian": """
def f(A: "n n", x: "n"):
    L, lower = scipy.linalg.cho_factor(A + 20 * eye(x.shape[0]), lower=True)
    return sum(L ** 2 * (x @ x)) + sum(L ** 3)
""",
    "names of ours": 'def f(maps: "n", v: "n", hessian: "n n", LinearMap: "n n", H_0_0: ""): '
    "return H_0_0 * sum(exp(maps @ hessian * v)) + det(LinearMap) * v @ v",
}


def case(d):
    """A point, and functions for what is left open."""
    inputs = inputs_of(d.program.inputs)
    at = sample_inputs(inputs, sizes_for(inputs), 0)
    nodes = postorder(eq.expr for p in (d.adjoint, d.tangent) for eq in p.equations)
    return at | {name: example(node) for name, node in functions_of(list(nodes)).items()}


def directions(variables, at, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=np.shape(at[str(v)])) for v in variables]


def holds(d, f, at):
    """Every block, and its transpose, times a direction is a part of a Hessian-vector product."""
    v, zeros = directions(d.wrt, at, 1), [0 * x for x in directions(d.wrt, at, 1)]
    factors = f.hessian_factors(**at)
    for j, direction in enumerate(v):
        product = f.hvp((*zeros[:j], direction, *zeros[j + 1 :]), **at)
        for i, wanted in enumerate(product):
            close(factors[i][j].matvec(direction), wanted)
            close(np.sum(factors[i][j].T.matvec(v[i]) * direction), np.sum(v[i] * wanted))
            close(np.sum(factors[i][j].T.T.matvec(direction) * v[i]), np.sum(v[i] * wanted))


def close(got, wanted):
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9 * max(1.0, np.max(np.abs(wanted), initial=0.0)))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_of_every_derivation(path):
    d = sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])
    holds(d, d.compile(), case(d))


@pytest.mark.parametrize("source", SOURCES.values(), ids=list(SOURCES))
def test_whatever_the_blocks_look_like(source):
    d = sg.forward(source).derive()
    f, at = d.compile(), case(d)
    if d.passes.commutes:
        holds(d, f, at)
    hessian, factors = f.hessian(**at), f.hessian_factors(**at)
    for wanted, got in zip(hessian, factors, strict=True):
        for array, block in zip(wanted, got, strict=True):
            close(block.toarray(), array)
            close(block.T.toarray().reshape(block.shape[::-1]), array.reshape(block.shape).T)


@pytest.mark.parametrize("number, weights", [(2.0, [1.0, 0.0, 3.0]), (0.0, [1.0, 2.0, 3.0])])
def test_a_part_that_is_singular_alone_does_no_harm(number, weights):
    """diag(w) with a zero in it is singular, diag(w) + h h^T is not."""
    h, one = np.ones(3), np.float64(1.0)
    whole = LinearMap((3,), (3,), [(number, [("diagonal", np.array(weights))]), (one, [("rank one", h, h)])])
    b = np.array([1.0, 2.0, 3.0])
    if number:
        close(whole.matvec(whole.solve(b)), b)
    else:
        with pytest.raises(np.linalg.LinAlgError):
            whole.solve(b)


def test_where_there_is_a_hessian_there_are_factors():
    """The value of `f(x) = A x` is a vector, whose module has a Jacobian in the place of both."""
    f = sg.forward('def f(x: "n", A: "m n"): return tanh(A @ x)').derive("x").compile()
    assert not hasattr(f, "hessian") and not hasattr(f, "hessian_factors") and hasattr(f, "jacobian")


def test_shapes_are_held_when_the_blocks_are_asked_for():
    f = sg.forward(SOURCES["layer norm"]).derive("X").compile()
    with pytest.raises(ValueError, match=r"^g: dimension d is 2, elsewhere 3$"):
        f.hessian_factors(X=np.ones((4, 3)), g=np.ones(2), b=np.ones(3))


def test_single_precision_stays_single():
    f = sg.forward(SOURCES["layer norm"]).derive("X", "g").compile()
    at = {
        name: np.linspace(-1, 1, np.prod(shape), dtype=np.float32).reshape(shape) ** 3
        for name, shape in {"X": (4, 3), "g": 3, "b": 3}.items()
    }
    for row in f.hessian_factors(**at):
        assert {block.matvec(np.ones(block.columns)).dtype for block in row} == {np.dtype(np.float32)}


def test_maps_by_products_under_jax():
    d = sg.forward(SOURCES["layer norm"]).derive("X", "g")
    at = case(d)
    ours, theirs = d.compile().hessian_factors(**at), d.compile("jax").hessian_factors(**at)
    for wanted, got in zip(ours, theirs, strict=True):
        for mine, block in zip(wanted, got, strict=True):
            v = np.ones(mine.columns)
            close(block.matvec(v), mine.matvec(v))
            assert block.structure == mine.structure
    close(theirs[0][0].toarray(), ours[0][0].toarray())


def test_maps_by_products_under_numba():
    pytest.importorskip("numba", reason="numba is not installed")
    d = sg.forward(SOURCES["entries of rank 3"]).derive()
    at = {"X": np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 4), "s": 2.0}
    ours, theirs = d.compile().hessian_factors(**at), d.compile("numba").hessian_factors(**at)
    for mine, block in zip(sum(ours, ()), sum(theirs, ()), strict=True):
        assert block.structure == mine.structure and block.dtype == mine.dtype
        np.testing.assert_allclose(block.toarray(), mine.toarray(), rtol=1e-5, atol=1e-5)


def test_some_hessian_is_not_symmetric():
    assert [name for name, source in SOURCES.items() if not sg.forward(source).derive().passes.commutes] == ["no symmetric Hessian"]
