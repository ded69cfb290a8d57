"""No two names, dimensions, constants, letters of operations or indices of a derivation look alike."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

import symgrad as sg
from symgrad.core.op import REGISTRY
from symgrad.inspection import signs
from symgrad.printing.browser import mathml
from symgrad.printing.composition import content
from symgrad.printing.elements import Formulas
from symgrad.printing.identifiers import DELTA, FUNCTION_WORDS, TANGENT, name_of
from symgrad.printing.latex import Theme
from symgrad.printing.letters import MATRICES, NUMBERS, VECTORS
from symgrad.printing.text import unicode_of

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
THEMES = (Theme(), Theme("accent"), Theme(superscript=True))

PAIRS = (
    ("m", "m_"), ("m_", "m__"), ("d1", "d_1"), ("W_1", "W1"), ("x2", "x_2"), ("lam", "lambda_"), ("lmbda", "lam"),
    ("eps", "epsilon"), ("sig", "sigma"), ("Wxh", "W_xh"), ("z_hat", "z_hat_"), ("loss1", "loss_1"),
    ("log_risk", "log_risk_"), ("dL", "L"), ("x1", "x_1_"), ("W_1", "W_1_"), ("softmax", "p"), ("log", "max"), ("pi", "mu"),
    ("theta0", "theta_0"), ("Wx", "W_x"), ("P", "P_"), ("e", "E"),
)  # fmt: skip
"""Names that are easily printed alike, in both orders."""

TEXT = """
def f({a}: "n n | spd", {b}: "n n", u0: "n"):
    v = {a} @ u0 + {b} @ jax.nn.sigmoid(u0) + jnp.linalg.solve({a} + jnp.eye(u0.shape[0]), u0)
    w = jax.nn.softmax({b} @ v)
    return jnp.mean(v**2) * jnp.log(2 * jnp.pi) + jnp.sum(w**2) + jnp.max({b}) + jnp.sum(jnp.linalg.cholesky({a}))
"""


def clashes(d):
    table = defaultdict(set)
    for latex, meaning in signs(d):
        table[unicode_of(latex)].add(meaning)
    return {sign: meanings for sign, meanings in table.items() if len(meanings) > 1}


@pytest.mark.parametrize("pair", [*PAIRS, *(p[::-1] for p in PAIRS)], ids="-".join)
def test_names_that_are_easily_printed_alike(pair):
    a, b = pair
    d = sg.forward(TEXT.format(a=a, b=b)).derive(a, b)
    assert clashes(d) == {}
    for theme in THEMES:
        show = d.show(theme)
        for form in (unicode_of, mathml):
            printed = [form(show.text(v)) for v in d.program.symbols]
            assert len(set(printed)) == len(printed) and not re.search(
                r"\\|boldsymbol|mathrm|operatorname|mathcal", "".join(printed)
            )


LETTERED = sorted({name for op in REGISTRY.values() if op.letter for name in [op.letter[0]]} | {TANGENT[0], DELTA[0]})


@pytest.mark.parametrize("letter", LETTERED)
def test_the_letter_of_an_operation_gives_way_to_the_authors(letter):
    """Every operation that prints as a letter, in a program whose author has that letter."""
    name = unicode_of(letter)
    d = sg.forward(TEXT.format(a=name, b="B")).derive(name, "B")
    assert clashes(d) == {} and unicode_of(d.show().text(d.wrt[0])) == name
    assert not re.search(r"boldsymbol|mathrm|mathcal", "".join(mathml(latex) for latex, _ in signs(d)))
    assert name not in {unicode_of(d.show().notation.letter(op.letter)) for op in REGISTRY.values() if op.letter}


@pytest.mark.parametrize("letters", [MATRICES, VECTORS, NUMBERS], ids=["matrices", "vectors", "numbers"])
def test_generated_letters_are_no_authors(letters):
    """Each letter that is given to a repeated part, in a program whose author has it already."""
    for letter in letters:
        text = (
            f"def f({letter}: 'n', M0: 'n n', k0: 'n'): y = jnp.exp(M0 @ {letter} + k0); return jnp.sum(y * jnp.sin(y * k0) ** 2)"
        )
        d = sg.forward(text).derive(letter, "M0")
        assert clashes(d) == {}, letter


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_derivations(path):
    d = sg.forward(path).derive()
    assert clashes(d) == {}
    dims = {
        unicode_of(d.show().notation.dim(str(s)).latex())
        for v in d.program.inputs
        for x in v.shape
        for s in getattr(x, "free_symbols", ())
    }
    names = {unicode_of(d.show().text(v)) for v in d.program.symbols}
    assert not dims & names, "a dimension looks like a name"


def test_indices_are_neither_names_nor_dimensions():
    d = sg.forward("def f(i: 'b k', T: 'b k j', l: 'j'): return jnp.sum(jnp.einsum('bkj,bk->bj', T, i) ** 2 * l)").derive("T")
    backward = "\n".join(str(d).split("Backward pass")[1].splitlines()[:4])
    indices = set(re.findall(r"[ᵢⱼₖₗₘₙₚᵣₛ]", backward))
    assert indices and not indices & set("ᵢⱼₖₗ")


def test_a_block_alone_keeps_the_authors_letters():
    """P is another input of the model: what a block repeats is named otherwise."""
    text = (
        "def f(P: 'n n', u: 'n', X: 'm n'): return jnp.sum(jnp.log(1 + jnp.exp(jnp.tanh(X @ P @ u) * jnp.sin(X @ u)))) + jnp.sum(P)"
    )
    d = sg.forward(text).derive("u", "X")
    for key in d.hessian:
        lefts = [
            line.strip().split(" = ")[0].removeprefix("where ") for line in str(d.hessian[key]).splitlines() if "where" in line
        ]
        assert not {"P", "u", "X"} & set(lefts)


@pytest.mark.parametrize(
    ("identifier", "latex"),
    [
        ("lambda_", r"\lambda"), ("lmbda", r"\lambda"), ("lambd", r"\lambda"),
        ("log_risk", r"\mathrm{log\_risk}"),
        ("distance_expr", r"\mathrm{distance\_expr}"), ("loss_1", r"\mathrm{loss}_1"), ("log_2", r"\mathrm{log\_2}"),
        ("W1", "W_1"), ("Wxh", "W_{xh}"), ("W_xh", "W_{xh}"),
        ("mu_new", r"\mu_{\mathrm{new}}"), ("z_hat", r"\hat{z}"), ("φ", r"\phi"),
    ],
)  # fmt: skip
def test_words_are_words_and_letters_letters(identifier, latex):
    assert name_of(identifier).latex() == latex


def test_a_variable_named_like_a_function_that_is_printed():
    d = sg.forward("def f(x: 'n', log: 'n'): return jnp.sum(log * jnp.log(1 + x**2))").derive("x")
    assert "log" in FUNCTION_WORDS and clashes(d) == {}
    assert unicode_of(d.show().text(d.program.input("log"))) == "𝐥𝐨𝐠"


def test_a_document_prints_no_two_symbols_alike():
    d = sg.forward(TEXT.format(a="m", b="m_")).derive("m", "m_")
    lefts = [
        line.left for part in content(d) if isinstance(part, Formulas) and not part.boxed for line in part.lines if line.number
    ]
    assert len(lefts) == len(set(lefts))
