"""Probabilities that the author named: their logarithm is read through the name, and nothing else is."""

import jax
import numpy as np
import pytest

import symgrad as sg
from symgrad.ops.reduction import logsumexp
from symgrad.printing.composition import content
from symgrad.printing.elements import Formulas, Math, Prose

jax.config.update("jax_enable_x64", True)

CROSS_ENTROPY = 'def f(z: "k", y: "k | onehot"):\n    p = softmax(z)\n    L = -sum(y * log(p))\n    return L\n'
LOGISTIC = 'def f(a: "n", t: "n"):\n    y = sigmoid(a)\n    E = -sum(t * log(y) + (1 - t) * log(1 - y))\n    return E\n'


def test_softmax_and_cross_entropy():
    d = sg.forward(CROSS_ENTROPY).derive("z")
    assert str(d.gradient["z"]) == "p - y"
    assert "R{∂L/∂z} = p ⊙ (v - (pᵀ v) 𝟏)" in str(d)
    (block,) = [line.right for part in content(d) if isinstance(part, Formulas) for line in part.lines if "^{2}" in line.left]
    assert block == r"\operatorname{diag}(p) - p p^{\top}"
    assert d.verify(seeds=(0,)).ok


def test_sigmoid_and_binary_cross_entropy_of_any_target():
    d = sg.forward(LOGISTIC).derive("a")
    assert str(d.gradient["a"]) == "y - t" and d.verify(seeds=(0,)).ok


def test_a_target_that_need_not_sum_to_one_keeps_its_sum():
    assert str(sg.forward(CROSS_ENTROPY.replace(" | onehot", "")).derive("z").gradient["z"]) == "(𝟏ᵀ y) p - y"


@pytest.mark.parametrize("loss", ["sum((p - y) ** 2)", "sum(p * log(p))", "-sum(y * log(p)) + sum(p**2)"])
def test_a_probability_that_is_read_for_itself_keeps_its_adjoint(loss):
    d = sg.forward(CROSS_ENTROPY.replace("-sum(y * log(p))", loss)).derive("z")
    assert "p_bar" in {eq.name for eq in d.adjoint.equations} and d.verify(seeds=(0,)).ok


def test_where_the_probability_is_zero_in_float64():
    """As typed, log(p) and 1 / p overflow at once."""
    f = sg.forward(CROSS_ENTROPY).derive("z").compile()
    z, y = np.array([0.0, 2000.0, -50.0]), np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(f.grad(z=z, y=y).z, [-1.0, 1.0, 0.0], atol=1e-15)


def test_the_stable_form_is_named_and_the_typed_one_printed():
    d = sg.forward('def f(x: "n"):\n    L = log(sum(exp(x)))\n    return L\n').derive("x")
    assert [(eq.name, eq.expr.op) for eq in d.stable_forms] == [("L", logsumexp)]
    assert r"% differentiated as L = \operatorname{logsumexp}(x)" in d.latex()
    assert r"\log(\mathbf{1}^{\top} \exp(x))" in d.latex()
    notes = [part.pieces for part in content(d) if isinstance(part, Prose)]
    assert any(Math(r"L = \operatorname{logsumexp}(x)") in pieces for pieces in notes)


def test_no_note_where_the_typed_form_is_differentiated():
    assert not sg.forward('def f(x: "n"):\n    L = sum(exp(x))\n    return L\n').derive("x").stable_forms


@pytest.mark.parametrize(
    "lines",
    [
        "p = softmax(z)\n    q = softmax(z)\n    L = sum(p * y) + sum(q ** 2)",
        "s = sum(softmax(z) * y)\n    p = softmax(z)\n    L = s + sum(p ** 2)",
    ],
    ids=["twice under a name", "read before it has one"],
)
def test_a_probability_is_read_by_name_only_once_it_has_one(lines):
    d = sg.forward(f'def f(z: "k", y: "k"):\n    {lines}\n    return L\n').derive("z")
    assert d.latex() and not d.stable_forms and d.verify(seeds=(0,)).ok


def test_of_two_names_of_one_probability_the_gradient_reads_each_where_it_stood():
    d = sg.forward('def f(a: ""):\n    p = sigmoid(a)\n    q = sigmoid(a)\n    L = p + q ** 2\n    return L\n').derive("a")
    a, s = 0.3, 1 / (1 + np.exp(-0.3))
    assert float(d.compile().grad(a=a).a) == pytest.approx(s * (1 - s) + 2 * s * s * (1 - s))
    assert {eq.name: str(eq.expr) for eq in d.formulas.legible_adjoint.equations}["q"] == "σ(a)"
