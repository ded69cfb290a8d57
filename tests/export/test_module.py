"""The exported module as a user meets it: names, shapes, errors, structure, and life without us."""

import ast
import subprocess
import sys

import numpy as np
import pytest

import symgrad as sg
from symgrad.errors import InputError
from symgrad.export.docstrings import spelled_out
from symgrad.export.loading import check_code, load

MLP = """
def mlp(X: "n d", Y: "n q", W1: "d h", b1: "h", W2: "h q", lam: " | positive"):
    H = tanh(X @ W1 + b1)
    R = H @ W2 - Y
    return 0.5 * sum(R**2) / X.shape[0] + lam / 2 * (sum(W1**2) + sum(W2**2))
"""


@pytest.fixture(scope="module")
def mlp():
    rng = np.random.default_rng(0)
    inputs = {
        name: rng.normal(size=shape) for name, shape in {"X": (7, 5), "Y": (7, 3), "W1": (5, 4), "b1": (4,), "W2": (4, 3)}.items()
    }
    return sg.forward(MLP).derive("W1", "b1", "W2").compile(), {**inputs, "lam": 0.3}


def test_results_are_named_and_shaped_as_declared(mlp):
    f, inputs = mlp
    value, gradient = f.value_and_grad(**inputs)
    assert isinstance(value, float) and gradient._fields == ("W1", "b1", "W2")
    assert [g.shape for g in gradient] == [(5, 4), (4,), (4, 3)]
    assert f.value(**inputs) == value and all(np.array_equal(a, b) for a, b in zip(f.grad(**inputs), gradient, strict=True))


def test_a_wrong_shape_names_the_argument(mlp):
    f, inputs = mlp
    with pytest.raises(ValueError, match=r"^b1: dimension h is 3, elsewhere 4$"):
        f.value(**{**inputs, "b1": np.zeros(3)})
    with pytest.raises(ValueError, match=r"^X: expected shape \(n, d\), got \(7,\)$"):
        f.value(**{**inputs, "X": np.zeros(7)})
    with pytest.raises(ValueError, match=r"^expected 3 directions, got 1$"):
        f.hvp((inputs["W1"],), **inputs)


def test_factors_are_the_hessian():
    text = 'def f(X: "n d", w: "d", y: "n | sign", lam: ""): return sum(log(1 + exp(-y * (X @ w)))) + lam / 2 * w @ w'
    f = sg.forward(text).derive("w", "lam").compile()
    rng = np.random.default_rng(1)
    inputs = {"X": rng.normal(size=(9, 4)), "w": rng.normal(size=4), "y": np.sign(rng.normal(size=9)), "lam": 0.7}
    dense, factors = f.hessian(**inputs), f.hessian_factors(**inputs)
    for i, row in enumerate(factors):
        for j, block in enumerate(row):
            np.testing.assert_allclose(block.toarray(), dense[i][j], atol=1e-12)
            np.testing.assert_allclose(block.T.toarray(), factors[j][i].toarray(), atol=1e-12)
    b = rng.normal(size=4)
    np.testing.assert_allclose(dense[0][0] @ factors[0][0].solve(b), b, atol=1e-10)
    assert factors[0][0].structure.split(" + ") == ["identity", "one-sided diagonal one-sided"]


def test_low_rank_is_solved_by_woodbury():
    f = sg.forward('def f(x: "n", a: "n"): return norm(x - a)').derive("x").compile()
    g = sg.forward('def f(x: "n", a: "n", c: ""): return c * x @ x + (a @ x) ** 2').derive("x").compile()
    rng = np.random.default_rng(2)
    x, a, b = rng.normal(size=(3, 6))
    block = g.hessian_factors(x=x, a=a, c=2.0)[0][0]
    assert "rank one" in block.structure
    np.testing.assert_allclose(block.matvec(block.solve(b)), b, atol=1e-12)
    np.testing.assert_allclose(f.hessian_factors(x=x, a=a)[0][0].matvec(b), f.hvp((b,), x=x, a=a)[0], atol=1e-12)


def test_a_diagonal_without_closed_form_comes_from_products():
    f = sg.forward('def f(A: "n n"): return det(A)').derive("A").compile()
    A = np.random.default_rng(3).normal(size=(3, 3))
    np.testing.assert_allclose(f.hessian_diag(A=A)[0], np.einsum("ijij->ij", f.hessian(A=A)[0][0]), atol=1e-12)


def test_gauss_newton_keeps_the_curvature_of_the_loss_alone():
    text = """
def f(x: "d", y: "q", W1: "h d", W2: "q h"):
    o = W2 @ tanh(W1 @ x)
    return 0.5 * sum((o - y) ** 2)
"""
    f = sg.forward(text).derive("W1", "W2").compile()
    J = sg.forward(text.replace("    return 0.5 * sum((o - y) ** 2)", "    return o")).derive("W1", "W2").compile()
    rng = np.random.default_rng(4)
    inputs = {"x": rng.normal(size=5), "y": rng.normal(size=3), "W1": rng.normal(size=(4, 5)), "W2": rng.normal(size=(3, 4))}
    v = (rng.normal(size=(4, 5)), rng.normal(size=(3, 4)))
    (moved,) = J.jvp(v, **inputs)
    jacobian = J.jacobian(**inputs)
    for got, j in zip(f.gnvp(v, **inputs), jacobian, strict=True):
        np.testing.assert_allclose(got, np.tensordot(moved, j, axes=1), atol=1e-12)


def test_declared_properties_are_checked_on_request():
    f = sg.forward('def f(S: "n n | spd", y: "n | sign"): return y @ S @ y').derive("S").compile()
    S, y = np.eye(3) * 2, np.array([1.0, -1.0, 1.0])
    f.check(S=S, y=y)
    for wrong, message in (
        ({"S": -S, "y": y}, "S is declared spd, and is not"),
        ({"S": S, "y": 2 * y}, "y is declared sign, and is not"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            f.check(**wrong)


@pytest.mark.parametrize("name", ["np", "value", "grad", "Gradient", "direction", "SHAPES", "v", "float"])
def test_generated_names_give_way_to_the_authors(name):
    f = (
        sg.forward(f'def f({name}: "n", A: "n n"):\n    z_bar = A @ {name}\n    z = tanh(z_bar)\n    return z @ z')
        .derive(name)
        .compile()
    )
    rng = np.random.default_rng(5)
    inputs = {name: rng.normal(size=4), "A": rng.normal(size=(4, 4))}
    v = rng.normal(size=4)
    H = f.hessian(**inputs)[0][0]
    np.testing.assert_allclose(f.hvp((v,), **inputs)[0], H @ v, atol=1e-12)


@pytest.mark.parametrize("name", ["float", "Gradient", "hvp"])
def test_a_function_left_open_may_be_called_as_one_of_the_module(name):
    text = f'def f(x: "n", {name}: "| entrywise"): return sum({name}(x)) * pi + sum(exp(x))'
    f, x = sg.forward(text).derive().compile(), np.array([0.5, 1.0])
    square = {name: lambda x: x**2, f"d{name}": lambda x: 2 * x, f"d2{name}": lambda x: np.full_like(x, 2)}
    value, (gradient,) = f.value_and_grad(x=x, **square)
    np.testing.assert_allclose(value, np.pi * x @ x + np.exp(x).sum())
    np.testing.assert_allclose(gradient, 2 * np.pi * x + np.exp(x))
    np.testing.assert_allclose(f.hessian(x=x, **square)[0][0], np.diag(2 * np.pi + np.exp(x)))


def test_dimensions_have_their_own_names():
    f = sg.forward('def f(x: "d", W: "h d"):\n    h = tanh(W @ x)\n    return sum(h) / W.shape[0]').derive("W").compile()
    assert f.grad(x=np.ones(3), W=np.zeros((2, 3)))[0].tolist() == [[0.5] * 3] * 2


def test_results_share_no_memory_with_inputs():
    f = sg.forward('def f(x: "n", a: "n"): return a @ x').derive("x").compile()
    a = np.ones(3)
    f.grad(x=a, a=a)[0][:] = 7
    assert a.tolist() == [1, 1, 1]


def test_what_several_equations_share_is_not_written_into():
    text = """
def f(D: "n n | symmetric", y: "n", ell: " | positive", sigma: " | positive"):
    K = exp(-D / ell) + sigma * eye(y.shape[0])
    return y @ solve(K, y)
"""
    f = sg.forward(text).derive("ell", "sigma").compile()
    D, y = np.ones((3, 3)) - np.eye(3), np.arange(3.0)
    step = 1e-6
    for name, got in zip(("ell", "sigma"), f.grad(D=D, y=y, ell=1.3, sigma=0.4), strict=True):
        at = {"ell": 1.3, "sigma": 0.4}
        up, down = ({**at, name: at[name] + s} for s in (step, -step))
        assert abs((f.value(D=D, y=y, **up) - f.value(D=D, y=y, **down)) / (2 * step) - got) < 1e-7


def test_products_are_taken_in_the_cheapest_order():
    text = sg.forward('def f(A: "m n", B: "n k", x: "k", y: "m"): return y @ (A @ B @ x)').derive("x").numpy()
    assert "B.T @ (A.T @ y)" in text and "A @ B" not in text.partition("def value")[2]


def test_the_module_stands_alone(tmp_path):
    (tmp_path / "mlp.py").write_text(sg.forward(MLP).derive("W1").numpy())
    code = (
        "import sys\nfor name in ('sympy', 'jax', 'symgrad', 'scipy'): sys.modules[name] = None\n"
        "import mlp\nfrom numpy import ones, zeros\n"
        "print(mlp.value(ones((2, 3)), ones((2, 1)), zeros((3, 4)), zeros(4), zeros((4, 1)), 1.0))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "0.5"


def test_the_same_input_gives_the_same_bytes():
    assert sg.forward(MLP).derive("W1", "W2").numpy() == sg.forward(MLP).derive("W1", "W2").numpy()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = [1]\ndel x[0]", "generated code deletes more than a local, which is never written"),
        ("import os", "generated code imports os, which is never written"),
        ("x = ().__class__", "generated code reads __class__, which is never written"),
        ("def f():\n    global x", "generated code holds Global, which is never written"),
    ],
)
def test_code_that_the_exporter_never_writes_does_not_run(source, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        load(source, "hostile")
    ast.parse(source)


def test_what_the_exporter_writes_passes():
    check_code(sg.forward(MLP).derive().numpy())


def test_a_vector_of_ones_is_a_word_in_a_docstring():
    assert spelled_out("(2/n) 𝟏 𝟏ᵀ + 𝟏[x > 0]") == "(2/n) ones onesᵀ + 1[x > 0]"
