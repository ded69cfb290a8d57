"""The same module over other libraries: held against jax on the user's own function, and compiled."""

import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symgrad as sg
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.checking.witness import checked_witness
from symgrad.core.graph import postorder
from symgrad.core.op import REGISTRY
from symgrad.errors import InputError, UnsupportedError
from symgrad.export.numba import ODD
from symgrad.export.targets import NUMBA
from symgrad.ops.generic import functions_of

jax.config.update("jax_enable_x64", True)

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
DERIVATIVES = {
    "phi": jnp.tanh,
    "dphi": lambda z: 1 - jnp.tanh(z) ** 2,
    "d2phi": lambda z: -2 * jnp.tanh(z) * (1 - jnp.tanh(z) ** 2),
    "l": lambda o, y: 0.5 * jnp.sum((o - y) ** 2),
    "dl": lambda o, y: o - y,
    "d2l": lambda o, y: jnp.eye(o.size),
}


def case(path):
    """A derivation, a point, functions for what is left open, and directions."""
    d = sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])
    inputs = inputs_of(d.program.inputs)
    at = sample_inputs(inputs, sizes_for(inputs), 0)
    nodes = list(postorder(eq.expr for p in (d.adjoint, d.tangent) for eq in p.equations))
    functions = {name: DERIVATIVES[name] for name in functions_of(nodes)}
    directions = tuple(np.cos(np.arange(np.size(at[str(v)])) + 1.0).reshape(np.shape(at[str(v)])) for v in d.wrt)
    return d, at, functions, directions


def close(got, want):
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert np.shape(g) == np.shape(w)
        np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_jax_module_compiles_whole_and_agrees(path):
    """With the NumPy module, which tests/test_every_derivation.py holds against jax.grad of the user's function."""
    d, at, functions, v = case(path)
    ours, theirs = d.compile(), d.compile("jax")
    got = jax.jit(lambda v, at: (theirs.value_and_grad(**at, **functions), theirs.hvp(v, **at, **functions)))(v, at)
    functions = {name: lambda *x, f=f: np.asarray(f(*x)) for name, f in functions.items()}
    close(got, (ours.value_and_grad(**at, **functions), ours.hvp(v, **at, **functions)))


@pytest.mark.parametrize("stem", ["d2l_mlp", "gaussian_covariance", "softmax_hessian", "svm_squared_hinge"])
def test_a_jax_module_agrees_with_jax_grad_of_the_function(stem):
    d, at, _, v = case(next(p for p in FILES if p.stem == stem))
    witness, names = checked_witness(d.program, {}), [str(w) for w in d.wrt]
    every, x = tuple(range(len(names))), tuple(at[name] for name in names)

    def f(*x):
        return witness({**at, **dict(zip(names, x, strict=True))})

    module = d.compile("jax")
    value, (gradient, product) = f(*x), jax.jvp(jax.grad(f, every), x, v)
    close([module.value_and_grad(**at), module.hvp(v, **at)], [(value, gradient), product])
    close(jax.jit(module.hessian)(**at), jax.hessian(f, every)(*x))


OPERATIONS = [
    'def f(A: "n n"): return det(A)',
    'def f(A: "n n | spd", b: "n"): return b @ jax.scipy.linalg.solve_triangular(cholesky(A), b, lower=True)',
    'def f(x: "n", k: "m | int"): return sum(exp(x[k]))',
    'def f(x: "n"): return sum(prod(x) * x) + erf(x[0]) + x[1] * log(1 - x[1]) / x[1]',
    'def f(X: "m n"): return sum(max(X, axis=1)) + norm(X) + logsumexp(X) + sum(sinc(X)) + sum(log(cosh(X)))',
    'def f(x: "n", W: "m n"): return tanh(W @ x) / sqrt(x @ x)',
    'def f(x: "n"): return concatenate([x[1:], x[:-1] ** 2]) * pi',
]


@pytest.mark.parametrize("source", OPERATIONS)
def test_helpers_under_jax_are_those_under_numpy(source):
    """Every helper that is written anew for jax, and those that are printed as they stand."""
    d = sg.forward(source).derive()
    inputs = inputs_of(d.program.inputs)
    at = sample_inputs(inputs, sizes_for(inputs), 1, "unit")
    v = tuple(np.cos(np.arange(np.size(at[str(w)])) + 1.0).reshape(np.shape(at[str(w)])) for w in d.wrt)
    ours, theirs = d.compile(), d.compile("jax")
    for name in ("value", "grad", "hessian") if d.is_scalar else ("value", "jacobian"):
        close(jax.jit(getattr(theirs, name))(**at), getattr(ours, name)(**at))
    product = "hvp" if d.is_scalar else "jvp"
    close(getattr(theirs, product)(v, **at), getattr(ours, product)(v, **at))


def test_a_jax_module_keeps_float32_and_tests_itself(tmp_path):
    d = sg.forward('def f(x: "n", W: "m n"): return sum(tanh(W @ x) ** 2) / W.shape[0]').derive()
    at = {"x": np.ones(3, np.float32), "W": np.ones((2, 3), np.float32)}
    module = d.compile("jax")
    parts = [module.value(**at), *module.grad(**at), *(b for row in module.hessian(**at) for b in row)]
    assert {p.dtype for p in parts} == {np.dtype(np.float32)}
    (tmp_path / "module.py").write_text(d.code("jax"), encoding="utf-8")
    done = subprocess.run([sys.executable, "module.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("ok") == 6, done.stderr


def test_an_unknown_target_is_refused():
    with pytest.raises(InputError, match=r"^target 'torch' is unknown; known are numpy, jax, numba$"):
        sg.forward('def f(x: "n"): return sum(x)').derive().code("torch")


def test_saved_code_is_that_of_its_target(tmp_path):
    d = sg.forward('def f(x: "n"): return sum(tanh(x))').derive()
    assert d.save(tmp_path / "f.py", target="jax").read_text(encoding="utf-8") == d.code("jax") != d.numpy()
    assert "import jax" not in d.numpy()


@pytest.mark.parametrize("name", ["math", "np", "jax", "jnp", "numba", "functools"])
@pytest.mark.parametrize("target", ["numpy", "jax"])
def test_an_input_may_be_called_as_a_library(target, name):
    source = 'def f({0}: "n", W: "m n"): return sum(tanh(W @ {0}) ** 2) * pi + sum(erf({0})) * sqrt(2)'
    ours, plain = sg.forward(source.format(name)).derive().compile(target), sg.forward(source.format("x")).derive().compile()
    x, W = np.linspace(0.1, 0.5, 3), np.cos(np.arange(6.0)).reshape(2, 3)
    close(ours.value_and_grad(**{name: x, "W": W}), plain.value_and_grad(x=x, W=W))
    close(ours.hessian(**{name: x, "W": W}), plain.hessian(x=x, W=W))


def test_a_jax_module_has_every_function_of_the_numpy_module():
    d = sg.forward('def f(x: "n", s: " | positive"): return s * sum(x**2) + sum(tanh(x))').derive()
    ours, theirs, at = d.compile(), d.compile("jax"), {"x": np.linspace(0.1, 0.5, 3), "s": 2.0}
    for line in d.numpy().splitlines():
        assert not line.startswith("def ") or line.startswith("def _") or hasattr(theirs, line[4 : line.index("(")])
    close(theirs.hessian_diag(**at), ours.hessian_diag(**at))
    for got, want in zip(theirs.hessian_factors(**at), ours.hessian_factors(**at), strict=True):
        close([block.toarray() for block in got], [block.toarray() for block in want])
    with pytest.raises(ValueError, match="s is declared positive"):
        theirs.check(**{**at, "s": -2.0})


# numba ----------------------------------------------------------------------------------------------------------------------


def test_every_odd_operation_is_one():
    assert {*ODD} <= {*REGISTRY}


def new(template):
    """An operation of one entry that no table knows."""
    return SimpleNamespace(op=SimpleNamespace(name="new", numpy=template), params={}, args=())


@pytest.mark.parametrize(
    "template, code",
    [
        ("np.tanh({0}) ** 2", "np.tanh({0}) ** 2"),
        ("np.where({0} > 0, _softplus({0}), 0.0).astype(_dtype)", "_where({0} > 0, _softplus({0}), 0.0)"),
    ],
)
def test_a_new_operation_of_one_entry_needs_no_row(template, code):
    assert NUMBA.code(new(template)) == code


@pytest.mark.parametrize(
    "template, lacking",
    [
        ("np.fft.fft({0})", "np.fft.fft"),
        ("{0}.reshape(-1)", "array.reshape"),
        ("_softmax({0}) * np.einsum({0})", "np.einsum"),
        ("_prod_slope({0})", "compiled _others"),
    ],
)
def test_what_is_written_over_words_that_numba_lacks_is_refused(template, lacking):
    with pytest.raises(UnsupportedError, match=f"^numba has no {re.escape(lacking)}, which `new` needs; use target numpy$"):
        NUMBA.code(new(template))


@pytest.mark.parametrize(
    "source, name",
    [
        ('def f(A: "n n"): return det(A)', "cofactor"),
        ('def f(x: "n"): return prod(x)', "prod_slope"),
        ('def f(x: "n", phi: "| entrywise"): return sum(phi(x))', "phi"),
    ],
)
def test_what_numba_has_no_words_for_is_refused_by_name(source, name):
    with pytest.raises(UnsupportedError, match=rf"^numba has no [^\n]*, which `{name}` needs; use target numpy$"):
        sg.forward(source).derive().code("numba")


@pytest.mark.parametrize("stem", ["d2l_mlp", "softmax_regression", "gaussian_precision"])
def test_a_numba_module_agrees(stem):
    pytest.importorskip("numba", reason="numba is not installed")
    d, at, _, v = case(next(p for p in FILES if p.stem == stem))
    ours, theirs = d.compile(), d.compile("numba")
    agree(theirs.value_and_grad(**at), ours.value_and_grad(**at))
    agree(theirs.hvp(v, **at), ours.hvp(v, **at))
    agree(theirs.hessian(**at), ours.hessian(**at))


def agree(got, want):
    for g, w in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert np.shape(g) == np.shape(w)
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-12 * np.max(np.abs(w)))


def test_a_numba_module_keeps_dtypes_and_owns_its_results():
    pytest.importorskip("numba", reason="numba is not installed")
    d = sg.forward('def f(math: "n", np: "n", k: "m | int"): return math @ np + sum(exp(np[k])) * pi').derive()
    module, x = d.compile("numba"), np.linspace(0.1, 0.5, 3).astype(np.float32)
    at = {"math": x, "np": 2 * x, "k": np.array([2, 0])}
    gradient = module.grad(**at)
    assert {g.dtype for g in gradient} == {np.dtype(np.float32)} and isinstance(module.value(**at), float)
    np.testing.assert_allclose(gradient.math, at["np"], rtol=1e-6)
    assert not any(np.shares_memory(g, a) for g in gradient for a in at.values())
    assert module.grad(**{**at, "math": x.astype(float), "np": 2 * x.astype(float)}).math.dtype == np.float64
    x.flags.writeable = False
    assert module.value(**{**at, "math": x}) == module.value(**at) and len(module._value.signatures) == 1
    with pytest.raises(ValueError, match="np: dimension n is 4, elsewhere 3"):
        module.value(**{**at, "np": np.ones(4)})
    with pytest.raises(IndexError):
        module.value(**{**at, "k": np.array([3, 0])})
