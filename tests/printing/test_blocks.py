"""Second order in print: blocks as LaTeX, Pearlmutter's R, the Gauss-Newton product, diagonals, and what is said of a block."""

import numpy as np
import pytest
from numeric import numeric, point_of
from second_compared import FUNCTIONS, derivation
from second_forms import SECOND_FORMS

import symgrad as sg
from symgrad.derive.simplification import legible, readable
from symgrad.errors import InputError
from symgrad.printing.latex import Show

FORMS = {form.name: form for form in SECOND_FORMS}

# Typed from the books; where a sum could be written in either order, in the order of the contributions.
LATEX = {
    ("quadratic", "x", "x"): r"A^{\top} + A",
    ("least_squares", "w", "w"): r"X^{\top} X",
    ("logistic_from_logits", "w", "w"): r"X^{\top} \operatorname{diag}(\sigma(z) \odot (1 - \sigma(z))) X",
    ("logistic_from_probabilities", "w", "w"): r"X^{\top} \operatorname{diag}(\sigma(a) \odot (1 - \sigma(a))) X",
    ("poisson", "w", "w"): r"X^{\top} \operatorname{diag}(\exp(\eta)) X",
    ("squared_hinge", "w", "w"): r"2 C X^{\top} \operatorname{diag}([\![1 - m > 0]\!]_{1/4}) X + I",
    ("generic_sum", "w", "w"): r"X^{\top} \operatorname{diag}(\phi''(z)) X",
    ("squares_over_linear", "x", "t"): r"-\frac{2 x}{t^{2}}",
    ("smooth_norm", "x", "x"): r"\frac{I}{s} - \frac{x x^{\top}}{s^{3}}",
    ("gaussian_kernel", "x", "x"): r"k (r r^{\top} - I)",
    ("trace_quadratic", "X", "X"): r"I \otimes (A^{\top} + A)",
    ("trace_axbxt", "X", "X"): r"A^{\top} \otimes B + A \otimes B^{\top}",
    ("trace_of_square", "X", "X"): r"2 K_{n,n}",
    ("logdet", "X", "X"): r"-(X^{-1} \otimes X^{-\top}) K_{n,n}",
    ("logdet_spd", "X", "X"): r"-(X^{-1} \otimes X^{-1}) K_{n,n}",
    ("factorisation", "U", "U"): r"V^{\top} V \otimes I",
    ("factorisation", "U", "V"): r"(V^{\top} \otimes U) K_{n,k} - I \otimes \frac{\partial f}{\partial R}",
    ("many_outputs", "W", "W"): r"I \otimes X^{\top} X",
    ("squared_length", "W", "W"): r"2 (x x^{\top} \otimes I)",
    ("softmax_of_one", "W", "W"): r"x x^{\top} \otimes (\operatorname{diag}(\operatorname{softmax}(z))"
    r" - \operatorname{softmax}(z) \operatorname{softmax}(z)^{\top})",
    ("gaussian_precision", "X", "mu"): r"-\Lambda \otimes \mathbf{1}",
    ("d2l", "W2", "W2"): r"h h^{\top} \otimes \frac{\partial^{2} L}{\partial o^{2}} + \lambda I",
    ("d2l", "W1", "W1"): r"x x^{\top} \otimes \left( \operatorname{diag}(\phi'(z)) W_2^{\top} \frac{\partial^{2} L}{\partial o^{2}}"
    r" W_2 \operatorname{diag}(\phi'(z))"
    r" + \operatorname{diag}\left( \frac{\partial J}{\partial h} \odot \phi''(z) \right) \right) + \lambda I",
}  # fmt: skip


@pytest.mark.parametrize(("name", "row", "column"), LATEX)
def test_printed_block(name, row, column):
    assert Show().text(derivation(FORMS[name]).hessian[row, column].printed) == LATEX[name, row, column]


def lines(program):
    show = Show()
    return {show.text(eq.symbol): show.text(eq.expr) for eq in legible(program).equations}


NETWORK = """
def net(x: "d", y: "q", W1: "h d", b1: "h", W2: "q h", b2: "q", phi: "| entrywise"):
    z = W1 @ x + b1
    h = phi(z)
    o = W2 @ h + b2
    E = 0.5 * sum((o - y) ** 2)
    return E
"""


def R(inside):
    return rf"\mathcal{{R}}\!\left\{{{inside}\right\}}"


def bar(inside):
    return rf"\frac{{\partial E}}{{\partial {inside}}}"


def test_the_product_is_pearlmutters():
    """Pearlmutter 1994, section 4.1: R{.} of the forward pass, then of the backward pass; phi is left open."""
    printed = lines(sg.forward(NETWORK).derive("W1", "b1", "W2", "b2").tangent)
    assert {left: right for left, right in printed.items() if "R" in left} == {
        R("z"): "V_1 x + v_1",
        R("h"): rf"\phi'(z) \odot {R('z')}",
        R("o"): f"V_2 h + W_2 {R('h')} + v_2",
        R(bar("o")): R("o"),
        R(bar("W_2")): rf"{R(bar('o'))} h^{{\top}} + {bar('o')} {R('h')}^{{\top}}",
        R(bar("b_2")): R(bar("o")),
        R(bar("h")): rf"V_2^{{\top}} {bar('o')} + W_2^{{\top}} {R(bar('o'))}",
        R(bar("z")): rf"{R(bar('h'))} \odot \phi'(z) + {bar('h')} \odot \phi''(z) \odot {R('z')}",
        R(bar("W_1")): rf"{R(bar('z'))} x^{{\top}}",
        R(bar("b_1")): R(bar("z")),
    }


def test_the_gauss_newton_product_is_jacobian_curvature_jacobian():
    """J v by tangents, H_L of it, and back through the model by J^T: no phi'' anywhere."""
    d = sg.forward(FORMS["d2l"].program).derive("W1", "W2")
    printed, curved = lines(d.gauss_newton), R(r"\frac{\partial J}{\partial o}")
    assert {left: right for left, right in printed.items() if "R" in left or "G" in left} == {
        R("z"): "V_1 x",
        R("h"): rf"\phi'(z) \odot {R('z')}",
        R("o"): f"V_2 h + W_2 {R('h')}",
        curved: rf"\frac{{\partial^{{2}} L}}{{\partial o^{{2}}}} {R('o')}",
        "(G v)_{W_2}": rf"{curved} h^{{\top}} + \lambda V_2",
        "(G v)_{h}": rf"W_2^{{\top}} {curved}",
        "(G v)_{z}": r"(G v)_{h} \odot \phi'(z)",
        "(G v)_{W_1}": r"(G v)_{z} x^{\top} + \lambda V_1",
    }


def test_gauss_newton_blocks():
    d = derivation(FORMS["d2l"])
    curvature = r"W_2^{\top} \frac{\partial^{2} L}{\partial o^{2}} W_2"
    assert Show().text(d.gauss_newton_block("W1", "W1").printed) == (
        rf"x x^{{\top}} \otimes \operatorname{{diag}}(\phi'(z)) {curvature} \operatorname{{diag}}(\phi'(z)) + \lambda I"
    )
    assert d.gauss_newton_block("W1", "W2").latex().startswith("\\begin{align}\nG_{W_1 W_2} &= x h")


def test_gauss_newton_of_a_linear_model_is_the_hessian():
    d = derivation(FORMS["logistic_from_logits"])
    assert d.gauss_newton_block("w", "w").printed is d.hessian["w", "w"].printed


def test_no_gauss_newton_without_a_model():
    with pytest.raises(InputError, match="no model followed by a loss"):
        _ = derivation(FORMS["quadratic"]).gauss_newton


@pytest.mark.parametrize(
    ("source", "name", "latex"),
    [
        (
            'def f(X: "n d", w: "d", y: "n", lam: ""):\n    z = X @ w\n    return sum(softplus(z) - y * z) + lam / 2 * w @ w',
            "w",
            r"(X^{\odot 2})^{\top} (\sigma(z) \odot (1 - \sigma(z))) + \lambda \mathbf{1}",
        ),
        ('def f(x: "n"): return sum(x**4)', "x", r"12 x^{\odot 2}"),
        ('def f(X: "n d", w: "d"): return sum((X @ w) ** 2)', "w", r"2 (X^{\odot 2})^{\top} \mathbf{1}"),
        ('def f(x: "n", A: "n n"): return x @ A @ x', "x", r"2 \operatorname{diag}(A)"),
    ],
)
def test_printed_diagonal(source, name, latex):
    block = sg.forward(source).derive(name).hessian[name, name]
    assert Show().text(readable(block.diagonal)) == latex


# conventions said, and symmetry ------------------------------------------------------------------------------------------------


def test_a_block_prints_its_matrix_and_its_map():
    block = derivation(FORMS["squared_affine"]).hessian["X", "X"]
    assert str(block) == "∂²f/(∂vec X ∂vec X) = 2 (B Bᵀ ⊗ Aᵀ A)\n∂²f/(∂X ∂X): V ↦ 2 Aᵀ A V B Bᵀ"
    assert block.latex().count("&") == 2 and r"&{} \mapsto 2 A^{\top} A V B B^{\top}" in block.latex()
    assert "mapsto" not in derivation(FORMS["quadratic"]).hessian["x", "x"].latex()


def test_a_block_without_a_matrix_form_says_so():
    source = 'def f(x: "n", W: "n n"):\n    h = tanh(W @ x)\n    for _ in range(3): h = sin(W @ h)\n    return sum(h**2)'
    block = sg.forward(source).derive("W").hessian["W", "W"]
    assert block.printed is None and block.matrix is None
    assert str(block).endswith("no matrix form is short enough to read)") and "V ↦" in str(block)


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [("factorisation", "U", "V"), ("squared_length", "x", "W"), ("rbm", "v", "W"), ("d2l", "W1", "W2"), ("bilinear", "x", "A")],
)
def test_a_block_is_the_transpose_of_its_mirror_image(name, a, b):
    d = derivation(FORMS[name])
    one, other = (numeric(d, d.hessian[key].printed, point_of(d), FUNCTIONS) for key in ((a, b), (b, a)))
    np.testing.assert_allclose(one, other.T, rtol=1e-9, atol=1e-9)
    assert not np.allclose(one, 0)
