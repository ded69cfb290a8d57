"""Verification agrees where all is right, fails loudly where it is not, and says what it compared."""

import ast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symgrad as sg
from symgrad.op import REGISTRY
from symgrad.oracle import double_precision
from symgrad.sampling import IMPOSED, inputs_from, sample_array, sample_inputs, sizes_for
from symgrad.verify import STEPS, _order, compare, relative_error, verify

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
    report = verify(sg.forward(mlp).derive("W1", "W2"))
    expected = {("value", ""), ("gradient", "W1"), ("hvp", "W2"), ("hessian", "W1, W2"), ("adjoint equation", "z_bar")}
    expected |= {("forward equation", "h"), ("Taylor remainder", "order 3"), ("symmetry", "u'Hv = v'Hu")}
    assert expected <= quantities(report)
    assert report.ok and report and report.raise_for_failure() is report
    assert "on the function itself" in str(report) and "z_bar" in str(report) and "<table>" in report._repr_html_()


def test_sizes_all_differ_and_change_with_the_seed():
    report = compare(sg.forward(mlp).derive("W1"), seeds=(3, 4))
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
    report = compare(sg.forward(mlp).derive("W1"), seeds=(0,))
    failed = {row.quantity for row in report.rows if not row.ok}
    assert {"hvp", "hessian", "Taylor remainder"} <= failed and "gradient" not in failed and not report


def test_jax_keeps_its_configuration():
    before = jax.config.jax_enable_x64
    compare(sg.forward("def f(x: ''): return x ** 3").derive(), seeds=(0,))
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
    report = verify(sg.forward(loops).derive("W"), seeds=(0,))
    names = [block for quantity, block in quantities(report) if quantity == "forward equation"]
    assert {"h_2", "h_3", "out"} <= set(names)


def test_a_numpy_function_is_held_against_its_definition_and_its_own_values():
    report = verify(sg.forward(numpy_only).derive("x", "A"), seeds=(0,))
    assert "checked definition" in str(report) and ("value of the function itself", "") in quantities(report)


def test_source_text_is_verified_without_imports():
    text = 'K = 2\n\ndef f(x: "n", A: "m n", axis=0):\n    assert missing()\n    b: "m" = relu(A @ x) * K\n'
    text += "    return sum(b**2, axis=axis)\n"
    assert verify(sg.forward(text).derive("A"), seeds=(0,)).ok


def test_a_vector_value_is_held_by_its_jacobian():
    report = verify(sg.forward('def f(x: "n", A: "m n"): return tanh(A @ x)').derive("x", "A"))
    assert {("jacobian", "x"), ("jacobian", "A"), ("jvp", "")} <= quantities(report)


def test_points_outside_the_domain_are_drawn_again():
    report = verify(sg.forward('def f(x: "n"): return sum(log(x))').derive(), seeds=(0,))
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
    assert verify(sg.forward(text).derive(), seeds=(0,)).ok


def test_no_seeds_verify_nothing_and_say_so():
    with pytest.raises(sg.InputError, match="at least one seed"):
        sg.forward(mlp).derive("W1").verify(seeds=())


def test_without_jax_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jax", None)
    with pytest.raises(sg.UnsupportedError, match=r"pip install 'symgrad\[verify\]'"):
        sg.forward(mlp).derive("W1").verify()


def test_relative_error():
    assert relative_error([1.0, 2.0], [1.0, 4.0]) == 0.5
    assert relative_error([1.0], [[1.0]]) == relative_error([np.nan], [1.0]) == relative_error([np.inf], [1.0]) == np.inf
    assert relative_error([np.nan, np.inf], [np.nan, np.inf]) == 0


def test_sizes_grow_until_every_index_fits():
    report = verify(sg.forward('def f(x: "n"): return x[6] ** 3 + sum(x)').derive(), seeds=(0,))
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


@pytest.mark.parametrize(
    "power, kinked, order", [(3, False, 3), (2, False, 2), (1, False, 1), (4, False, 4), (1, True, 3)], ids=str
)
def test_the_order_of_a_remainder(power, kinked, order):
    remainders = [0.0 if kinked and t < 8e-4 else t**power for t in STEPS]
    found = _order([np.nan, *remainders], 1e-14)
    assert found >= 3 if kinked else abs(found - order) < 1e-6
    assert _order([1e-16] * 7, 1e-14) == 3 and _order([np.nan] * 7, 1e-14) == 0
