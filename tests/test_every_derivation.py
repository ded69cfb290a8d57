"""Every file in derivations/: agrees with jax, reproduces the numbers its source prints, and prints as its source does."""

import ast
import runpy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.core.roles import Adjoint
from symgrad.printing.equations import rows
from symgrad.printing.latex import Show

jax.config.update("jax_enable_x64", True)

FILES = sorted((Path(__file__).parents[1] / "derivations").glob("*.py"))
GENERIC = {"phi": jnp.tanh, "l": lambda o, y: 0.5 * jnp.sum((o - y) ** 2)}


def module(path):
    return runpy.run_path(str(path))


def derive(stem):
    """The derivation of a file read as text, with respect to the variables the file names."""
    path = next(p for p in FILES if p.stem == stem)
    return sg.forward(path).derive(*module(path)["WRT"])


def printed(equations):
    """Left sides and right sides as LaTeX."""
    return dict(rows(equations, Show()))


def section(derivation, title):
    return printed(dict(derivation.sections())[title])


def backward(derivation):
    return section(derivation, "Backward pass")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_agrees_with_jax(path):
    names = module(path)
    forward = names[path.stem]
    generics = {n: f for n, f in GENERIC.items() if n in forward.function.__annotations__}
    report = forward.derive(*names["WRT"]).verify(seeds=(0,), **generics)
    assert report.ok, str(report)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_reads_as_the_paper(path):
    """A docstring that names the source, one equation a line with its number or name, at most 40 lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    (function,) = [s for s in ast.parse("\n".join(lines)).body if isinstance(s, ast.FunctionDef)]
    *equations, returned = function.body
    assert ast.get_docstring(ast.parse("\n".join(lines))) and len(lines) <= 40
    assert function.name == path.stem and isinstance(returned, ast.Return)
    assert all("  # " in lines[e.lineno - 1] and e.lineno == e.end_lineno for e in equations)


# numbers that the sources print -----------------------------------------------------------------------------------------

WITH_NUMBERS = [p for p in FILES if "VALUES = " in p.read_text(encoding="utf-8")]


def agrees(got, printed_number, digits):
    np.testing.assert_array_equal(np.round(np.asarray(got, dtype=float), digits) + 0.0, printed_number)


@pytest.mark.parametrize("path", WITH_NUMBERS, ids=lambda p: p.stem)
def test_reproduces_the_numbers_of_its_source(path):
    """Every intermediate value and every adjoint, to the digits that are printed."""
    names = module(path)
    digits = names.get("DIGITS", 12)
    adjoint = sg.forward(path).derive(*names["WRT"]).adjoint
    values = evaluate(adjoint, names["POINT"])
    of = adjoint.outputs[0]
    for name, number in names["VALUES"].items():
        agrees(values[name], number, digits)
    bars = {
        eq.symbol.params["role"].of: values[eq.name] for eq in adjoint.equations if isinstance(eq.symbol.params["role"], Adjoint)
    }
    for name, number in names["ADJOINTS"].items():
        agrees(1.0 if name == str(of) else bars[name], number, digits)


def test_four_sources_print_numbers():
    assert [p.stem for p in WITH_NUMBERS] == ["cs231n_circuit", "cs231n_neuron", "cs231n_sigmoid", "cs231n_squared_length"]


# formulas that the sources print, by hand ---------------------------------------------------------------------------------


def d(of, by):
    return rf"\frac{{\partial {of}}}{{\partial {by}}}"


def R(what):
    return rf"\mathcal{{R}}\!\left\{{{what}\right\}}"


T = r"^{\top}"


def test_d2l_backward_pass_is_the_books():
    """(5.3.8) to (5.3.14), phi and l generic."""
    assert backward(derive("d2l_generic")) == {
        d("J", "L"): "1",  # (5.3.8)
        d("J", "s"): "1",  # (5.3.8)
        d("J", "o"): d("L", "o"),  # (5.3.9)
        d("s", "W_1"): r"\lambda W_1",  # (5.3.10)
        d("s", "W_2"): r"\lambda W_2",  # (5.3.10)
        d("J", "W_2"): rf"{d('J', 'o')} h{T} + \lambda W_2",  # (5.3.11)
        d("J", "h"): rf"W_2{T} {d('J', 'o')}",  # (5.3.12)
        d("J", "z"): rf"{d('J', 'h')} \odot \phi'(z)",  # (5.3.13)
        d("J", "W_1"): rf"{d('J', 'z')} x{T} + \lambda W_1",  # (5.3.14)
    }


def test_d2l_second_order_is_the_tangent_of_that():
    """The R-operator applied to each equation of the book: product and chain rule, phi'' and the Hessian of l appear."""
    assert section(derive("d2l_generic"), "Hessian-vector product") == {
        R("z"): "V_1 x",
        R("h"): rf"\phi'(z) \odot {R('z')}",
        R("o"): rf"V_2 h + W_2 {R('h')}",
        R(d("J", "o")): rf"\frac{{\partial^{{2}} L}}{{\partial o^{{2}}}} {R('o')}",
        R(d("J", "W_2")): rf"{R(d('J', 'o'))} h{T} + {d('J', 'o')} {R('h')}{T} + \lambda V_2",
        R(d("J", "h")): rf"V_2{T} {d('J', 'o')} + W_2{T} {R(d('J', 'o'))}",
        R(d("J", "z")): rf"{R(d('J', 'h'))} \odot \phi'(z) + {d('J', 'h')} \odot \phi''(z) \odot {R('z')}",
        R(d("J", "W_1")): rf"{R(d('J', 'z'))} x{T} + \lambda V_1",
    }


def test_bias_gradients_are_the_adjoints_of_their_sums():
    equations = backward(derive("d2l_mlp_bias"))
    assert equations[d("J", "b_1")] == d("J", "z")
    assert equations[d("J", "b_2")] == d("J", "o")
    assert equations[d("J", "o")] == "o - y"
    assert equations[d("J", "z")] == rf"(1 - h^{{\odot 2}}) \odot {d('J', 'h')}"


def test_cross_entropy_collapses_to_the_residual():
    """dL/dh2 = softmax(h2) - y, because the entries of a one-hot y sum to one."""
    assert backward(derive("softmax_cross_entropy"))[d("L", "h_2")] == r"\operatorname{softmax}(h_2) - y"


def test_cross_entropy_of_any_y_does_not_collapse():
    text = next(p for p in FILES if p.stem == "softmax_cross_entropy").read_text(encoding="utf-8")
    free = sg.forward(text.replace(" | onehot", "")).derive("W2")
    assert backward(free)[d("L", "h_2")] != r"\operatorname{softmax}(h_2) - y"


def test_gradients_of_shared_weights_add_over_time():
    """D2L 9.7.2: the adjoints of o_t and h_t, and one term a time step in each weight."""
    equations = backward(derive("rnn_three_steps"))
    for t in (1, 2, 3):
        assert equations[d("L", f"o_{t}")] == rf"\frac{{1}}{{3}} {d('l', f'o_{t}')}"
    assert equations[d("L", "h_3")] == rf"W_{{qh}}{T} {d('L', 'o_3')}"
    for t in (1, 2):
        assert equations[d("L", f"h_{t}")] == rf"W_{{qh}}{T} {d('L', f'o_{t}')} + W_{{hh}}{T} {d('L', f'h_{t + 1}')}"
    sums = {"W_{qh}": ("o_{}", "h_{}", 0), "W_{hx}": ("h_{}", "x_{}", 0), "W_{hh}": ("h_{}", "h_{}", -1)}
    for weight, (adjoint, factor, shift) in sums.items():
        terms = [f"{d('L', adjoint.format(t))} {factor.format(t + shift)}{T}" for t in (1, 2, 3)]
        assert equations[d("L", weight)] == " + ".join(terms)


def test_circuit_gates():
    """An add gate hands the gradient on, a multiply gate swaps its inputs."""
    assert backward(derive("cs231n_circuit")) == {
        d("f", "q"): "z",
        d("f", "x"): d("f", "q"),
        d("f", "y"): d("f", "q"),
        d("f", "z"): "q",
    }


def test_squared_length_has_the_shapes_of_its_variables():
    assert backward(derive("cs231n_squared_length")) == {
        d("f", "q"): "2 q",
        d("f", "W"): rf"{d('f', 'q')} x{T}",
        d("f", "x"): rf"W{T} {d('f', 'q')}",
    }


def hessian(derivation, row, column):
    return Show().text(derivation.hessian[row, column].matrix)


def test_score_of_logistic_regression():
    """Hastie, Tibshirani and Friedman, 4.4.1: X^T (p - y), here with the penalty's term."""
    equations, residual = backward(derive("logistic_hessian")), d("J", r"\eta")
    assert equations[residual] == r"\sigma(\eta) - y"
    assert equations[d("J", r"\beta")] == rf"X{T} {residual} + \lambda \beta"


def test_softmax_regression_has_the_residual_of_probabilities():
    """Bishop (4.109): Phi^T (Y - T)."""
    equations = backward(derive("softmax_regression"))
    assert equations[d("E", "A")] == r"\operatorname{softmax}_{\mathrm{rows}}(A) - T"
    assert equations[d("E", "W")] == rf"\Phi{T} {d('E', 'A')}"


def test_hessian_of_log_sum_exp():
    """Boyd and Vandenberghe, 3.1.5: diag(p) - p p^T."""
    p = d("f", "x")
    assert hessian(derive("softmax_hessian"), "x", "x") == rf"\operatorname{{diag}}\left( {p} \right) - {p} \left( {p} \right){T}"


def test_diagonal_blocks_of_a_factorisation_are_kronecker_products():
    derivation = derive("factorisation_hessian")
    assert hessian(derivation, "U", "U") == rf"V{T} V \otimes I"
    assert hessian(derivation, "V", "V") == rf"U{T} U \otimes I"


def test_free_energy_is_differentiated_to_probabilities():
    """Hinton (2012): -sigma(x) and its outer product with v."""
    equations = backward(derive("rbm_free_energy"))
    assert equations[d("F", "a")] == "-v"
    assert equations[d("F", "x")] == r"-\sigma(x)"
