"""No printed formula can be read in two ways: every pair of operations, one within the other, and every derivation."""

import runpy
from pathlib import Path

import pytest
from cases import case_of, samples
from one_reading import complaints

import symgrad as sg
from symgrad.core.op import constant, variable
from symgrad.errors import ShapeError, SymgradError
from symgrad.ops.arithmetic import scale
from symgrad.ops.broadcasting import fill
from symgrad.printing.equations import WHERE, rows
from symgrad.printing.latex import Show
from symgrad.printing.text import unicode_of

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
CASES = [case_of(op, sample) for _, op, sample in samples()]


def columns(shape):
    """An array as rows and columns; what has more axes is not a matrix."""
    return () if not shape else (shape[0], shape[1] if len(shape) > 1 else 1)


def shapes_of(symbols, show, latex):
    found = {show.text(v): columns(v.shape) for v in symbols if v.ndim < 3}
    return found if latex else {unicode_of(name): shape for name, shape in found.items()}


def judged(printed, symbols, show):
    """The complaints about a formula in both notations."""
    return complaints(printed, shapes_of(symbols, show, True), True) + complaints(
        unicode_of(printed), shapes_of(symbols, show, False), False
    )


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_derivations_have_one_reading(path):
    d, show = sg.forward(path).derive(*runpy.run_path(str(path))["WRT"]), Show()
    equations = [eq for _, section in d.sections() for eq in section]
    symbols = {*d.tangent.inputs, *(eq.symbol for eq in equations)}
    for left, right in rows(equations, show):
        assert not judged(right, symbols, show), f"{left.removeprefix(WHERE)} = {right}"


INDEXED = [
    """def f(X: "n t d", W1: "d k", b: "k"):
    Z = tanh(X @ W1 + b)
    S = softmax(Z, axis=-1)
    m = mean(Z, axis=1)
    q = max(Z, axis=2)
    return sum(S**2) + sum(m**3) + sum(log(exp(q) + 1)) + sum(norm(Z, axis=2))
""",
    """def f(X: "n t d", A: "n t d | positive"):
    Y = X / A - (X + A) / sum(A, axis=2, keepdims=True)
    Z = where(Y > 0, Y * cumsum(X, axis=1), exp(Y))
    return sum(Z * prod(A, axis=0)) + var(Y)
""",
]


@pytest.mark.parametrize("source", INDEXED, ids=["layers", "quotients"])
def test_entries_have_one_reading(source):
    d, show = sg.forward(source).derive(), Show()
    equations = [eq for _, section in d.sections() for eq in section]
    symbols = {*d.tangent.inputs, *(eq.symbol for eq in equations)}
    for left, right in rows(equations, show):
        assert not judged(right, symbols, show), f"{left.removeprefix(WHERE)} = {right}"


def fitting(shape):
    """An expression of every operation, and numbers, of this shape."""
    yield from (case.node for case in CASES if case.node.shape == shape)
    yield from (fill(value, shape) for value in (constant(2).params["value"] / 3, constant(-1).params["value"]))
    yield scale(variable("c"), variable("Z", shape))
    yield -variable("Z", shape)


def nested(case):
    """The operation with every other one in the place of each operand."""
    for i, X in enumerate(case.operands):
        if "int" in X.params["properties"]:
            continue
        for inner in fitting(X.shape):
            try:
                yield case.op.node(*(inner if k == i else Y for k, Y in enumerate(case.operands)), **case.sample.static)
            except (ShapeError, SymgradError):
                continue


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.op.name}-{'-'.join(s or '1' for s in c.sample.specs)}")
def test_an_operation_within_another_has_one_reading(case):
    show = Show()
    wrong = [(show.text(node), found) for node in nested(case) if (found := judged(show.text(node), (), show))]
    assert not wrong, f"{len(wrong)}: {wrong[:3]}"


AMBIGUOUS = [
    r"a \oslash b \odot c", r"a \oslash b \oslash c", r"A \otimes B \odot C", r"A x \odot y", r"x \odot A y",
    r"x^{\top} y \mathbf{1}", r"A x^{\top} y", r"\mathbf{1}^{\top} x \mathbf{1}", r"\log \cosh(x)", r"2 2^{c}",
    r"\lvert c \lvert c \rvert c \rvert", r"\frac{1}{2} x^{\top} y z", "{W_1}_{ij}",
]  # fmt: skip
AMBIGUOUS_TEXT = [
    "1/n x", "a/b c", "c a/b", "x ⊘ a/b", "x^⊙3/2", "x^⊙-1", "√x²", "√f(x)", "xᵀ y 𝟏", "a ⊘ b ⊙ c", "|c |c| c|", "W₁ᵢⱼ", "V_Xᵢⱼ",
]  # fmt: skip
CLEAR = [
    r"(a \oslash b) \odot c", r"a \odot b \odot x", r"(x^{\top} y) \mathbf{1}", r"x y^{\top} z", r"A x + b",
    r"\frac{1}{2} A x", r"2 \cdot 2^{c}", r"\log(\cosh(x))", r"\log \lvert \det(A) \rvert",
    r"\mathbf{1} x^{\top} \mathbf{1}", r"(A x) \odot y", r"A x \otimes B",
]  # fmt: skip
CLEAR_TEXT = [
    "(1/n) x", "a/b + c", "-a/b", "∂f/∂x xᵀ", "x^⊙(3/2)", "x^⊙2", "√(x²)", "√x y", "∑ₖ xₖ", "c/(2 c)", "(W₁)ᵢⱼ", "diag(u)^{-1/2}",
]  # fmt: skip
COLUMN, SQUARE = ("n", 1), ("n", "n")
KNOWN = {name: COLUMN for name in "xyzab"} | {name: SQUARE for name in "ABC"} | {"c": ()}


@pytest.mark.parametrize(("text", "latex"), [*((t, True) for t in AMBIGUOUS), *((t, False) for t in AMBIGUOUS_TEXT)])
def test_what_has_two_readings_is_noticed(text, latex):
    assert complaints(text, KNOWN, latex)


@pytest.mark.parametrize(("text", "latex"), [*((t, True) for t in CLEAR), *((t, False) for t in CLEAR_TEXT)])
def test_what_has_one_reading_passes(text, latex):
    assert not complaints(text, KNOWN, latex)
