"""Verification agrees where all is right, fails loudly where it is not, and says what it compared."""

import ast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symgrad as sg
from symgrad.checking.libraries import double_precision
from symgrad.checking.sampling import IMPOSED, inputs_from, sample_array, sample_inputs, sizes_for
from symgrad.checking.witness import library, numpy_witness
from symgrad.core.op import REGISTRY

SCALE = 3


def mlp(x: "d", W1: "h d", W2: "q h", y: "q", lam: " | positive"):
    z = W1 @ x
    h = jnp.tanh(z)
    o = W2 @ h
    return 0.5 * jnp.sum((o - y) ** 2) + lam / 2 * jnp.sum(W1**2)


def generic(x: "d", W: "h d", y: "h", phi: " | entrywise", l: " | loss"):  # noqa: E741
    h = phi(W @ x)
    L = l(h, y)
    return L


def helper(v, times=SCALE):
    out = v * times
    return out


def loops(x: "d", W: "d d"):
    h = x
    for _ in range(2):
        h = jnp.tanh(W @ h)
        h = helper(h)
    h += x
    return jnp.sum(h**2)


def numpy_only(x: "n", A: "m n"):
    r = np.exp(np.tanh(A @ x))
    return np.sum(r)


def quantities(report):
    return {(row.quantity, row.block) for row in report.rows}


def test_everything_about_a_scalar_is_compared():
    report = sg.forward(mlp).derive("W1", "W2").verify()
    expected = {("value", ""), ("gradient", "W1"), ("hvp", "W2"), ("hessian", "W1, W2"), ("adjoint equation", "z_bar")}
    expected |= {("forward equation", "h"), ("Taylor remainder", "order 3"), ("symmetry", "u'Hv = v'Hu")}
    assert expected <= quantities(report)
    assert report.ok and report and report.raise_for_failure() is report
    assert "on the function itself" in str(report) and "z_bar" in str(report) and "<table>" in report._repr_html_()


def test_sizes_all_differ_and_change_with_the_seed():
    report = sg.forward(mlp).derive("W1").compare(seeds=(3, 4))
    assert report.seeds == (3, 4) and report.sizes[0] != report.sizes[1]
    assert all(len(set(sizes.values())) == len(sizes) for sizes in report.sizes)


def test_a_wrong_rule_fails_by_name(monkeypatch):
    right = REGISTRY["tanh"].vjp
    monkeypatch.setitem(REGISTRY["tanh"].__dict__, "vjp", lambda *operands, **static: (2 * right(*operands, **static)[0],))
    with pytest.raises(sg.VerificationError, match="FAILED") as failure:
        sg.forward(mlp).derive("W1").verify(seeds=(0,))
    summary = str(failure.value).splitlines()[-1]
    assert all(name in summary for name in ("adjoint equation z_bar", "gradient W1", "hessian W1, W1", "Taylor remainder"))
    assert "o_bar" not in summary and "value" not in summary


def test_a_wrong_second_derivative_fails(monkeypatch):
    right = REGISTRY["tanh"].jvp
    monkeypatch.setitem(REGISTRY["tanh"].__dict__, "jvp", lambda *operands, **static: 2 * right(*operands, **static))
    report = sg.forward(mlp).derive("W1").compare(seeds=(0,))
    failed = {row.quantity for row in report.rows if not row.ok}
    assert {"hvp", "hessian", "Taylor remainder"} <= failed and "gradient" not in failed and not report


def test_jax_keeps_its_configuration():
    before = jax.config.jax_enable_x64
    sg.forward("def f(x: ''): return x ** 3").derive().compare(seeds=(0,))
    assert jax.config.jax_enable_x64 == before
    with double_precision():
        assert jnp.zeros(2).dtype == "float64"


def test_generic_functions_are_bound_on_both_sides():
    d = sg.forward(generic).derive("W")
    report = d.verify(phi=jnp.tanh, l=lambda o, y: jnp.sum((o - y) ** 2) / 2)
    assert report.ok and ("adjoint equation", "h_bar") in quantities(report)


def test_generic_functions_left_unbound_are_named():
    with pytest.raises(sg.InputError, match="l, phi generic"):
        sg.forward(generic).derive("W").verify()
    with pytest.raises(sg.InputError, match="no generic function 'psi'"):
        sg.forward(mlp).derive("W1").verify(psi=jnp.tanh)


def test_intermediates_of_loops_and_helpers_are_matched_by_name():
    report = sg.forward(loops).derive("W").verify(seeds=(0,))
    names = [block for quantity, block in quantities(report) if quantity == "forward equation"]
    assert {"h_2", "h_3", "out"} <= set(names)


def test_a_numpy_function_is_held_against_its_definition_and_its_own_values():
    report = sg.forward(numpy_only).derive("x", "A").verify(seeds=(0,))
    assert "checked definition over jax; NumPy" in str(report) and ("value on NumPy arrays", "") in quantities(report)


def test_source_text_is_verified_without_imports():
    text = 'K = 2\n\ndef f(x: "n", A: "m n", axis=0):\n    assert missing()\n    b: "m" = relu(A @ x) * K\n'
    text += "    return sum(b**2, axis=axis)\n"
    assert sg.forward(text).derive("A").verify(seeds=(0,)).ok


def test_a_vector_value_is_held_by_its_jacobian():
    report = sg.forward('def f(x: "n", A: "m n"): return tanh(A @ x)').derive("x", "A").verify()
    assert {("jacobian", "x"), ("jacobian", "A"), ("jvp", "")} <= quantities(report)


def test_points_outside_the_domain_are_drawn_again():
    report = sg.forward('def f(x: "n"): return sum(log(x))').derive().verify(seeds=(0,))
    assert "drawn positive" in str(report)
    with pytest.raises(sg.InputError, match="not finite at any random point"):
        sg.forward('def f(x: "n"): return sum(log(-x**2))').derive().verify(seeds=(0,))


@pytest.mark.parametrize("hostile", ["x.__class__", "().__class__.__base__", "x.sum().tofile('here')", "x if (y := x) else x"])
def test_code_that_was_not_read_is_never_compiled(hostile):
    d = sg.forward('def f(x: "n"):\n    return sum(x)\n').derive()
    d.program.origin.definition.body[:0] = ast.parse(f"if False:\n    y = {hostile}").body
    with pytest.raises(sg.UnsupportedError, match="never compiled"):
        d.verify()


def test_imports_and_constants_keep_their_meaning():
    text = "import numpy.linalg as la\nfrom jax.scipy.special import logsumexp as lse\n"
    text += "from jax import numpy as jnp\nfrom math import pi\n"
    text += 'C = 2 * pi\n\ndef f(x: "n"):\n    return lse(C * x) + la.norm(x) + jnp.sum(x) + sum([1.0, 2.0])\n'
    assert sg.forward(text).derive().verify(seeds=(0,)).ok


def test_no_seeds_verify_nothing_and_say_so():
    with pytest.raises(sg.InputError, match="at least one seed"):
        sg.forward(mlp).derive("W1").verify(seeds=())


def test_without_jax_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jax", None)
    with pytest.raises(sg.UnsupportedError, match=r"pip install 'symgrad\[verify\]'"):
        sg.forward(mlp).derive("W1").verify()


def test_sizes_grow_until_every_index_fits():
    report = sg.forward('def f(x: "n"): return x[6] ** 3 + sum(x)').derive().verify(seeds=(0,))
    assert report.sizes[0]["n"] > 6 and "enlarged" in str(report)


def test_what_jax_cannot_run_is_said_in_one_line():
    def f(x: "n"):
        return jnp.sum(x**2)

    d = sg.forward(f).derive()
    d.forward.function = lambda x: jnp.sum(x).no_such_attribute
    with pytest.raises(sg.UnsupportedError, match="jax cannot run f: AttributeError"):
        d.verify()


def test_integer_labels_are_sampled_below_every_size():
    inputs = inputs_from({"X": "n k", "y": "n | int", "l": " | loss"})
    sizes = sizes_for(inputs)
    arrays = sample_inputs(inputs, sizes, 0)
    assert set(arrays) == {"X", "y"} and arrays["y"].dtype.kind == "i" and arrays["y"].max() < min(sizes.values())


def test_sizes_avoid_the_numbers_among_the_dimensions():
    sizes = sizes_for(inputs_from({"X": "n 5", "w": "3 d"}), shift=1)
    assert len({*sizes.values(), 5, 3}) == 4


@pytest.mark.parametrize("word", sorted(IMPOSED))
def test_samples_have_their_property(word):
    array = sample_array(np.random.default_rng(0), (4, 4), frozenset({word}))
    holds = {
        "positive": lambda a: (a > 0).all(),
        "unit": lambda a: ((a > 0) & (a < 1)).all(),
        "binary": lambda a: np.isin(a, (0, 1)).all(),
        "sign": lambda a: np.isin(a, (-1, 1)).all(),
        "onehot": lambda a: np.isin(a, (0, 1)).all() and (a.sum(-1) == 1).all(),
        "simplex": lambda a: (a > 0).all() and np.allclose(a.sum(-1), 1),
        "orthogonal": lambda a: np.allclose(a.T @ a, np.eye(4)),
        "symmetric": lambda a: (a == a.T).all(),
        "spd": lambda a: (a == a.T).all() and (np.linalg.eigvalsh(a) > 0).all(),
        "lower": lambda a: (a == np.tril(a)).all() and (np.diagonal(a) > 0).all(),
        "diagonal": lambda a: (a == np.diag(np.diagonal(a))).all(),
    }
    assert holds[word](array)


# NumPy arrays ---------------------------------------------------------------------------------------------------------------


def plain(A: "m n", b: "n"):
    return np.sum(A * 1.0) + np.sum(b * 2.0)


def changes_a_row(A: "m n", b: "n"):
    r = A[0]
    r *= 3.0
    return np.sum(A) + np.sum(b * 2.0)


def changes_by_another_name(A: "m n", b: "n"):
    s = b
    s += A[0]
    return np.sum(A * 1.0) + np.sum(b * 2.0)


def changes_a_transpose(A: "m n", b: "n"):
    A.T[0] += b[0]
    return np.sum(A) + np.sum(b * 2.0)


def changes_by_operators_alone(A: "m n", b: "n"):
    s = b
    s += A[0]
    return A.sum() + 2.0 * b.sum()


def rows_of(report, quantity):
    return [row for row in report.rows if row.quantity == quantity]


@pytest.mark.parametrize("function", [changes_a_row, changes_by_another_name, changes_a_transpose, changes_by_operators_alone])
def test_a_function_that_means_something_else_on_numpy_arrays_is_never_ok(function):
    """The program is that of the same lines on arrays which never change."""
    d = sg.forward(plain).derive()
    d.forward.function = function
    report = d.compare(seeds=1)
    assert not report.ok and "value on NumPy arrays" in str(report).splitlines()[-1]
    assert "changes its argument" in str(report)


def test_text_that_means_something_else_on_numpy_arrays_is_never_ok():
    """Its definition runs over NumPy, and over jax on arrays that change alike: `r` is a part of A."""
    text = "import numpy as np\n\ndef f(A: 'm n'):\n    r = A[0] * 1.0\n    return np.sum(A) + 0 * np.sum(r)\n"
    assert sg.forward(text).derive().compare(seeds=1).ok
    d = sg.forward(text).derive()
    d.program.origin.definition.body[:1] = ast.parse("r = A[0]\nr *= 3.0").body
    report = d.compare(seeds=1)
    assert [row.quantity for row in report.rows if not row.ok] == ["value", "value on NumPy arrays", "gradient"]


@pytest.mark.parametrize(
    "hostile", ["np.load('x')", "np.sum.__globals__", "np.random.rand(3)", "np.fromfile('x')", "scipy.io.loadmat('x')"]
)
def test_code_over_numpy_has_the_same_whitelist(hostile):
    text = "import numpy as np\nimport scipy\n\ndef f(x: 'n'):\n    return np.sum(x)\n"
    d = sg.forward(text).derive()
    d.program.origin.definition.body[:0] = ast.parse(f"y = {hostile}").body
    with pytest.raises(sg.UnsupportedError, match="never compiled"):
        numpy_witness(d.program, None, {})


def test_jax_code_is_not_judged_on_numpy_arrays():
    """There a row is changed in place; on jax's own arrays, for which the code is written, it is a copy."""

    def f(A: "m n"):
        r = A[0] * 1.0
        return jnp.sum(A) + jnp.sum(r)

    report = sg.forward(f).derive().compare(seeds=1)
    assert report.ok and not rows_of(report, "value on NumPy arrays") and "NumPy" not in report.witness


@pytest.mark.parametrize(
    "text, whose",
    [
        ("import numpy as np\ndef f(x: 'n'): return np.sum(x)", "numpy"),
        ("from numpy import exp\ndef f(x: 'n'): return exp(x).sum()", "numpy"),
        ("import scipy.special as s\ndef f(x: 'n'): return s.logsumexp(x)", "numpy"),
        ("import numpy as np\ndef g(x): return np.sum(x)\ndef f(x: 'n'): return g(x)", "numpy"),
        ("import jax.numpy as jnp\ndef f(x: 'n'): return jnp.sum(x)", "jax"),
        ("from jax import numpy as jnp\ndef f(x: 'n'): return jnp.sum(x)", "jax"),
        ("import jax\nimport numpy as np\ndef f(x: 'n'): return jax.numpy.sum(x)", "jax"),
        ("import jax.numpy as jnp\nimport numpy as np\ndef f(x: 'n'): return jnp.sum(x) / np.sqrt(2)", ""),
        ("def f(x: 'n'): return jnp.sum(x)", "jax"),
        ("def f(x: 'n'): return np.sum(x)", "numpy"),
        ("def f(x: 'n'): return sum(x)", ""),
    ],
)
def test_whose_code_it_is(text, whose):
    assert library(sg.forward(text.replace("def f", "@sg.forward\ndef f")).program) == whose


def test_whose_code_a_live_function_is():
    assert library(sg.forward(mlp).program) == "jax" and library(sg.forward(numpy_only).program) == "numpy"


def test_code_of_both_libraries_runs_where_it_can():
    """What numbers come from NumPy makes of no code one that must run on its arrays."""

    def f(x: "n"):
        return jnp.sum(x.at[0].set(2.0)) / np.sqrt(2.0)

    d = sg.forward("import jax.numpy as jnp\nimport numpy as np\ndef f(x: 'n'): return jnp.sum(x * 1.0) / np.sqrt(2.0)").derive()
    assert rows_of(d.compare(seeds=1), "value on NumPy arrays")
    d.forward.function = f
    assert not rows_of(d.compare(seeds=1), "value on NumPy arrays")


def test_numpy_code_that_does_not_run_says_so():
    def broken(x: "n"):
        return np.sum(x) + np.no_such_function(x)

    d = sg.forward("import numpy as np\ndef f(x: 'n'): return np.sum(x)").derive()
    d.forward.function = broken
    d.forward.program = d.program
    with pytest.raises(sg.UnsupportedError, match="AttributeError"):
        d.verify(seeds=1)


def test_a_symmetric_input_stays_symmetric_for_numpys_cholesky():
    """NumPy's factor reads one triangle; entry by entry its derivative would be another."""
    text = "import numpy as np\ndef f(S: 'n n | spd', y: 'n'):\n    L = np.linalg.cholesky(S)\n"
    text += "    return np.sum(np.linalg.solve(L, y) ** 2) + np.linalg.norm(S - S)\n"
    report = sg.forward(text).derive().verify(seeds=1)
    assert rows_of(report, "value on NumPy arrays") and rows_of(report, "gradient by differences")
    assert {row.block for row in rows_of(report, "hessian by differences")} == {"S, S", "S, y"}


# what cannot start ----------------------------------------------------------------------------------------------------------


def test_lists_that_are_appended_to():
    text = "import jax.numpy as jnp\ndef f(x: 'n'):\n    xs = []\n    for k in range(3):\n        xs.append((k + 1) * x)\n"
    text += "    return jnp.sum(jnp.stack(xs) ** 2)\n"
    assert sg.forward(text).derive().verify(seeds=1).ok
    assert sg.forward(text.replace("jax.numpy", "numpy")).derive().verify(seeds=1).ok


@pytest.mark.parametrize("library", ["numpy", "jax.numpy"])
def test_a_dtype_is_no_obstacle(library):
    text = (
        f"import {library} as np\ndef f(x: 'n'): return np.sum(x.astype(np.float64) ** 2) + np.sum(np.zeros(3, dtype=np.float32))\n"
    )
    assert sg.forward(text).derive().verify(seeds=1).ok


def test_whatever_stops_the_comparison_is_one_line():
    def f(x: "n"):
        raise ValueError("no\nsuch luck")

    d = sg.forward("def f(x: 'n'): return sum(x)").derive()
    d.forward.function = f
    with pytest.raises(sg.UnsupportedError, match=r"^f cannot be run for the comparison: ValueError: no$"):
        d.verify()
    with pytest.raises(sg.UnsupportedError, match=r"^f cannot be run for the comparison: ValueError: no$"):
        d.verify(at={"x": [1.0, 2.0]})


def test_seeds_are_counted_as_on_the_command_line():
    d = sg.forward('def f(x: "n"): return sum(x ** 3)').derive()
    assert d.verify(seeds=3).seeds == (0, 1, 2) and d.verify().seeds == (0, 1) and d.verify(seeds=(4,)).seeds == (4,)
    with pytest.raises(sg.InputError, match="at least one seed"):
        d.verify(seeds=0)


# where jax has nan ----------------------------------------------------------------------------------------------------------

DISTANCES = "def f(X: 'n d'): return sum(norm(X[:, None, :] - X[None, :, :], axis=-1))"


def test_differences_judge_where_jax_alone_has_nan():
    report = sg.forward(DISTANCES).derive().verify(seeds=1)
    (row,) = rows_of(report, "gradient by differences")
    assert row.remark == "jax has nan" and row.error < 1e-9
    assert "f is finite at any random point, only jax's gradient in X is not" in str(report)
    assert "not compared, hvp X: nan as derived and in jax" in report.notes and not rows_of(report, "hvp")


@pytest.mark.parametrize("rule, failed", [("vjp", "gradient by differences"), ("jvp", "hvp by differences")])
def test_differences_find_a_wrong_rule(monkeypatch, rule, failed):
    right = getattr(REGISTRY["tanh"], rule)
    wrong = {"vjp": lambda *a, **k: (2 * right(*a, **k)[0],), "jvp": lambda *a, **k: 2 * right(*a, **k)}
    d = sg.forward("def f(x: 'n'): return sum(tanh(x)) + norm(x - x)").derive()
    assert d.compare(seeds=1).ok
    monkeypatch.setitem(REGISTRY["tanh"].__dict__, rule, wrong[rule])
    report = sg.forward("def f(x: 'n'): return sum(tanh(x)) + norm(x - x)").derive().compare(seeds=1)
    assert failed in {row.quantity for row in report.rows if not row.ok}


def test_differences_of_a_jacobian_and_of_an_adjoint():
    report = sg.forward("def f(x: 'n'): return tanh(x) + norm(x - x)").derive().verify(seeds=1)
    assert rows_of(report, "jacobian by differences") and rows_of(report, "jvp by differences")
    text = "def f(x: 'n'):\n    D = x[:, None] - x[None, :]\n    return sum(D**4) + sum(norm(D[:, :, None], axis=-1))"
    report = sg.forward(text).derive().verify(seeds=1)
    assert [row.block for row in rows_of(report, "adjoint equation by differences")] == ["D_bar"]


def test_a_point_at_a_kink():
    """The slopes to both sides differ, so there is no Taylor test; a wrong gradient still fails by the others."""
    d = sg.forward("def f(x: 'n'): return sum(abs(x)) + sum(x**3)").derive()
    report = d.verify(at={"x": np.zeros(3)})
    assert "no Taylor test: the point lies at a kink" in report.notes and not rows_of(report, "Taylor remainder")
    report = sg.forward("def f(x: 'n'): return norm(x)").derive().verify(at={"x": np.zeros(3)})
    assert rows_of(report, "gradient by differences") and not rows_of(report, "hessian")
    with pytest.raises(sg.InputError, match="nothing can judge gradient x: jax has nan, and central differences do not settle"):
        sg.forward("def f(x: ''): return where(x > 0, sqrt(x), 0.0)").derive().verify(at={"x": 0.0})


# points of the user's -------------------------------------------------------------------------------------------------------

BARRIER = "def f(x: 'n', A: 'm n', b: 'm'): return -sum(log(b - A @ x - 5))"
FEASIBLE = {"x": [0.1, 0.2], "A": np.ones((3, 2)), "b": np.array([7, 8, 9])}


def test_a_point_of_the_users_where_no_random_one_is_feasible():
    d = sg.forward(BARRIER).derive("x")
    with pytest.raises(
        sg.InputError, match=r"f is not finite at any random point; .* give a point: verify\(at=\{...\}\), --at FILE.npz"
    ):
        d.verify()
    report = d.verify(at=FEASIBLE)
    assert report.sizes == ({"n": 2, "m": 3},) and report.seeds == () and "the given point: n = 2, m = 3" in str(report)
    with pytest.raises(sg.InputError, match="f is not finite at the given point; give another point"):
        d.verify(at=FEASIBLE | {"b": np.zeros(3)})


def test_a_function_without_gradient_says_which_of_the_two_it_is():
    with pytest.raises(
        sg.InputError, match="finite at the given point, but its gradient is not, neither jax's nor the derived one"
    ):
        sg.forward("def f(x: 'n'): return sum(sqrt(x))").derive().verify(at={"x": np.zeros(2)})


def test_a_wrong_rule_fails_at_a_point_of_the_users(monkeypatch):
    right = REGISTRY["log"].vjp
    monkeypatch.setitem(REGISTRY["log"].__dict__, "vjp", lambda *a, **k: (2 * right(*a, **k)[0],))
    assert not sg.forward(BARRIER).derive("x").compare(at=FEASIBLE).ok


# small numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0, 4, -1])
def test_a_wrong_rule_fails_however_small_what_it_gives(monkeypatch, factor):
    """Every comparison of first order sees it: adjoint equation, gradient, Hessian-vector product, Hessian, Taylor remainder."""
    right = REGISTRY["tanh"].vjp
    text = "def f(x: 'n'):\n    z = 1e-10 * x\n    h = tanh(z)\n    return 1e-10 * sum(h) + 1e-10 * sum(h**2)"
    assert sg.forward(text).derive().compare(seeds=1).ok
    monkeypatch.setitem(REGISTRY["tanh"].__dict__, "vjp", lambda *a, **k: (factor * right(*a, **k)[0],))
    failed = {row.quantity for row in sg.forward(text).derive().compare(seeds=1).rows if not row.ok}
    assert {"adjoint equation", "gradient", "hvp", "hessian", "Taylor remainder"} <= failed and "value" not in failed


def test_a_small_value_is_compared_too():
    d = sg.forward("def f(x: 'n'): return 1e-12 * sum(x**2)").derive()
    d.forward.function = lambda x: 2e-12 * (x**2).sum()
    failed = {row.quantity for row in d.compare(seeds=1).rows if not row.ok}
    assert {"value", "value on NumPy arrays", "gradient", "hvp", "hessian"} <= failed


def test_a_small_jacobian_is_compared_too(monkeypatch):
    right = REGISTRY["tanh"].jvp
    monkeypatch.setitem(REGISTRY["tanh"].__dict__, "jvp", lambda *a, **k: 4 * right(*a, **k))
    failed = {
        row.quantity for row in sg.forward("def f(x: 'n'): return 1e-12 * tanh(x)").derive().compare(seeds=1).rows if not row.ok
    }
    assert "jvp" in failed


@pytest.mark.parametrize("text", ["sum(softmax(x + b))", "logsumexp(x + b) - b", "sum((x - mean(x)) * b)", "0 * sum(x) + b"])
def test_what_cancels_is_zero_up_to_rounding(text):
    report = sg.forward(f"def f(x: 'n', b: ''): return {text}").derive().verify(seeds=1)
    assert all(row.tol < 1e-12 for row in report.rows if row.remark == "absolute")


def test_every_row_shows_its_own_tolerance():
    report = sg.forward(mlp).derive("W1").verify(seeds=1)
    lines = str(report).splitlines()
    (taylor,) = [line for line in lines if line.startswith("Taylor")]
    (value,) = [line for line in lines if line.startswith("value")]
    assert taylor.split()[5:7] == ["5.0e-01", "ok"] and value.split()[2:4] == ["1.0e-09", "ok"]
    assert lines[-1] == f"{len(report.rows)} checks, each within its tolerance"
    assert all(row.error <= row.tol for row in report.rows)
