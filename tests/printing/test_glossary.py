"""A document defines every sign that it uses and no other, keeps the letters of its boxes, and says which blocks it leaves out."""

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cases import case_of, samples

import symgrad as sg
from symgrad.core.graph import variables
from symgrad.core.op import REGISTRY
from symgrad.derivation import Derivation
from symgrad.printing.browser import mathml
from symgrad.printing.composition import content
from symgrad.printing.elements import Formulas, Heading, Math, Prose, TablePart
from symgrad.printing.equations import WHERE
from symgrad.printing.glossary import INDEXED, NOTATION, defined_by, inlines, sign_definitions, signs_in, told_by
from symgrad.printing.latex import Show, Theme
from symgrad.printing.notebooks import markdown_page, notebook
from symgrad.printing.typesetting import tex
from symgrad.printing.webpage import page

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
CASES = [case_of(op, sample) for _, op, sample in samples()]
KNOWN = frozenset({r"\operatorname{tr}", r"\nabla"})
"""What every reader knows, beside what TeX has a name for."""

SHARED = frozenset().union(*map(defined_by, NOTATION))
MANY = [
    'def f(X: "n t d", W: "d k"):\n    Z = X @ W\n    S = softmax(Z, axis=-1)\n    return sum(S**2)\n',
    'def f(Z: "n 4", y: "n | int"):\n    return -sum(log_softmax(Z, axis=1)[arange(Z.shape[0]), y])\n',
    'def f(E: "k d", y: "n | int", T: "n d"):\n    H = E[y]\n    return sum((H - T) ** 2)\n',
    'def f(A: "n n | spd", b: "n"):\n    L = cholesky(A)\n    z = solve_triangular(L, b, lower=True)\n    return sum(z**2)\n',
    'def f(x: "6", y: "6"):\n    z = x[1:4] * y[0]\n    return sum(tanh(z)) + sum(cumsum(x) * y)\n',
    'def f(x: "n", a: ""):\n    return sum(log1p(x**2)) * a + sum(erf(x)) + sum(sinc(x))\n',
    'def f(X: "m n", A: "n n"):\n    return trace(kron(A, A)) + det(A) * prod(X) + sum(pinv(X))\n',
]


@pytest.fixture(autouse=True)
def no_code(monkeypatch):
    """The module at the foot of a document has tests of its own."""
    monkeypatch.setattr(Derivation, "numpy", lambda self: '"""Docstring."""\n')


def derive(path):
    return sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])


def printed(case):
    """The signs under which an operation prints."""
    return signs_in(Show().text(case.node))


PENDING = frozenset().union(*(printed(c) for c in CASES if c.op.kink and not c.op.defines))
"""Signs of operations with kinks whose records do not define them."""


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.op.name}-{'-'.join(s or '1' for s in c.sample.specs)}")
def test_an_operation_defines_the_signs_under_which_it_prints(case):
    own = frozenset().union(*map(defined_by, sign_definitions(told_by(case.op))))
    assert not printed(case) - own - SHARED - KNOWN - PENDING, case.op.defines


def test_definitions_are_sentences_with_their_sign_in_front():
    for sentence in (*NOTATION, *(d for op in REGISTRY.values() for d in sign_definitions(told_by(op)))):
        assert sentence.count("$") % 2 == 0 and not sentence.endswith(".")
        assert sentence.startswith("$") or not defined_by(sentence)
        for piece in inlines(sentence):
            if isinstance(piece, Math):
                ElementTree.fromstring(mathml(piece.latex))


def formulas(parts):
    for part in parts:
        if isinstance(part, Formulas):
            yield from (side for line in part.lines for side in (line.left, line.right))
        if isinstance(part, Prose):
            yield from (p.latex for p in part.pieces if isinstance(p, Math))
        if isinstance(part, TablePart):
            yield from (c.latex for row in part.rows for c in row if isinstance(c, Math))


def undefined(parts):
    """Signs that a document uses and does not define, and definitions of signs that it does not use."""
    at = parts.index(Heading("Conventions"))
    text = "".join(f"${p.latex}$" if isinstance(p, Math) else p for p in parts[at + 1].pieces)
    entries = INDEXED if INDEXED in text else ""
    clauses = [clause.split("$") for clause in re.split(r"; |\. ", text.replace(INDEXED, "")) if "$" in clause]
    own = [signs_in(clause[1]) for clause in clauses]
    used = frozenset().union(*map(signs_in, formulas(parts[:at])))
    needed = used.union(*(signs_in(" ".join(clause[3::2])) for clause in clauses))
    unused = [clause for clause, defined in zip(clauses, own, strict=True) if defined and not defined & needed]
    return used - signs_in(entries).union(*own) - KNOWN - PENDING, unused


@pytest.mark.parametrize("source", [*FILES, *MANY], ids=lambda s: getattr(s, "stem", "text"))
def test_a_document_defines_every_sign_that_it_uses_and_no_other(source):
    d = derive(source) if isinstance(source, Path) else sg.forward(source).derive()
    assert undefined(content(d)) == (frozenset(), [])


@pytest.mark.parametrize("level", ["result", "steps"])
def test_so_it_does_at_every_level_and_in_every_style(level):
    d = derive(next(p for p in FILES if p.stem == "batch_norm"))
    assert undefined(content(d, level, theme=Theme("accent"))) == (frozenset(), [])


def test_a_sign_without_a_definition_is_noticed():
    parts = content(derive(next(p for p in FILES if p.stem == "d2l_mlp")))
    at = parts.index(Heading("Conventions")) + 1
    missing = [*parts[:at], Prose(("Nothing is defined.",)), *parts[at + 1 :]]
    more = [*parts[:at], Prose((*parts[at].pieces, " ", *inlines(r"$\operatorname{put}_{i}(x)$ is put"))), *parts[at + 1 :]]
    assert r"\odot" in undefined(missing)[0] and undefined(more)[1]


# boxes and what stands over the inputs alone ------------------------------------------------------------------------------


def boxes(parts):
    return [box for part in parts if isinstance(part, Formulas) and part.boxed for box in part.boxes()]


@pytest.mark.parametrize("level", ["result", "adjoints"])
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_box_says_what_its_letters_stand_for(path, level):
    d, show = derive(path), Show()
    asides = {eq.symbol: eq for _, equations in d.sections() for eq in equations if eq.aside}
    backward = dict(d.sections())["Backward pass"]
    ends = [eq for eq in backward if eq.symbol in d.adjoint.outputs[1:]]
    for eq, (first, *behind) in zip(ends, boxes(content(d, level)), strict=True):
        needed, read = [], [eq]
        for reader in read:
            new = [v for v in variables(reader.expr) if v in asides and v not in needed]
            needed += new
            read += [asides[v] for v in new]
        assert first.left == show.text(eq.symbol)
        assert {line.left for line in behind} == {WHERE + show.text(v) for v in needed}


def test_a_box_keeps_its_letters_in_every_format():
    parts = content(derive(next(p for p in FILES if p.stem == "batch_norm")), "result")
    for made, pattern in (
        (tex(parts), r"\\boxed\{\\begin\{aligned\}.*?\\end\{aligned\}\}"),
        (markdown_page(parts), r"\\boxed\{\\begin\{aligned\}.*?\\end\{aligned\}\}"),
        (notebook(parts), r"boxed\{.*?end\{aligned\}\}"),
        (page(parts), r'class="formulas boxed".*?</div>'),
    ):
        whole = re.findall(pattern, made, re.DOTALL)
        assert sum(box.count("where") for box in whole) == 2


PARTLY = """
def f(X: "n d", w: "d", y: "n", v: "n"):
    z = X @ w
    p = tanh(z)
    return sum((p - y) ** 2) + v @ v
"""


def test_over_the_inputs_alone_says_which_gradients_it_does_not_give():
    text = markdown_page(content(sg.forward(PARTLY).derive("w", "v")))
    assert "Over the inputs alone; the gradient with respect to $v$ is so already:" in text
    every = markdown_page(content(derive(next(p for p in FILES if p.stem == "attention"))))
    assert "Over the inputs alone:" in every


# the blocks of a Hessian --------------------------------------------------------------------------------------------------


def hessian(parts):
    """The prose and the left sides under the heading."""
    at = parts.index(Heading("Hessian"))
    below = parts[at + 1 : parts.index(Heading("Conventions"))]
    prose = markdown_page([p for p in below if isinstance(p, Prose)])
    return prose, [line.left for p in below if isinstance(p, Formulas) for line in p.lines if not line.aside]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_block_is_printed_or_said_to_be_left_out(path):
    d, show = derive(path), Show()
    if not d.is_scalar:
        return
    prose, lefts = hessian(content(d))
    pairs = [(show.text(a), show.text(b)) for i, a in enumerate(d.wrt) for b in d.wrt[i:]]
    if "So long a pass" in prose or "No block is short" in prose:
        assert not lefts
        return
    out = re.findall(r"\$\(([^$]*)\)\$", prose)
    listed = [pair for pair in pairs if f"{pair[0]}, {pair[1]}" in out]
    shown = [pair for pair in pairs if any(_is_block(left, *pair) for left in lefts)]
    assert sorted(listed + shown) == sorted(pairs) or "on the diagonal" in prose
    assert len(listed) == len(out) and "is the transpose" not in prose


def _is_block(left, row, column):
    below = left.partition("}{")[2].replace(r"\operatorname{vec} ", "")
    square = row == column and f"{{\\partial {row}^{{2}}}}" in "{" + below
    return square or f"\\partial {row} \\, \\partial {column}}}" in below


def test_what_stands_for_blocks_that_are_too_long_is_said():
    norm, _ = hessian(content(derive(next(p for p in FILES if p.stem == "batch_norm"))))
    assert (
        r"Left out, as too long to read: the blocks of $(X, X)$ and $(X, \gamma)$; "
        "the Hessian-vector product above stands for what is not printed." in norm
    )


def test_of_many_variables_the_diagonal_is_said_to_be_all():
    names = "abcdefg"
    declared = ", ".join(f'{name}: "k"' for name in names)
    text = f"def f({declared}):\n    return sum(({' * '.join(names)}) ** 2)\n"
    prose, lefts = hessian(content(sg.forward(text).derive()))
    assert "Of so many variables only the blocks on the diagonal are looked for" in prose and len(lefts) == 7
