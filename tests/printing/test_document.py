"""Documents: every derivation in every format, well-formed and escaped; what they say at each level."""

import json
import re
import runpy
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import symgrad as sg
from symgrad.errors import InputError
from symgrad.printing import breaking
from symgrad.printing import typesetting as tex_module
from symgrad.printing.breaking import broken
from symgrad.printing.browser import THIN, mathml
from symgrad.printing.composition import content
from symgrad.printing.elements import Code, CodeName, Formulas, Heading, Math, Prose, TablePart
from symgrad.printing.glossary import INDEXED, NOTATION, inlines
from symgrad.printing.notebooks import markdown_page, notebook
from symgrad.printing.text import parts, unicode_of
from symgrad.printing.typesetting import tex
from symgrad.printing.webpage import fragment
from symgrad.printing.webpage import page as whole_page
from symgrad.printing.wording import worded

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
TEXTS = [".tex", ".md", ".html", ".ipynb"]
VOID = {"meta", "br", "hr", "img", "link", "input"}
MLP = next(p for p in FILES if p.stem == "d2l_mlp")


@pytest.fixture(autouse=True)
def no_graphviz(monkeypatch):
    """The pictures have tests of their own."""
    monkeypatch.setattr("symgrad.printing.document.has_dot", lambda: False)


def derive(path):
    return sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])


class Balance(HTMLParser):
    """Raises where an element is closed that is not the one open."""

    def __init__(self):
        super().__init__()
        self.open, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(html):
    balance = Balance()
    balance.feed(html)
    balance.close()
    assert balance.open == []
    return balance.tags


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_derivation_in_every_format(path):
    derivation = derive(path)
    parts = content(derivation)
    page = whole_page(parts)
    tags = parsed(page)
    assert not {"src", "href", "srcset"} & {name for _, attributes in tags for name in attributes}, "a page loads nothing"
    assert not re.search(r"@import|url\(|https?:", page.replace("http://www.w3.org", ""))
    for inside in re.findall(r"<math.*?</math>", page, re.DOTALL):
        ElementTree.fromstring(re.sub(r"&(?!amp;|lt;|gt;|quot;|#)\w+;", "", inside))
        assert "\\" not in inside
    cells = json.loads(notebook(parts))["cells"]
    assert [c["cell_type"] for c in cells][-1] == "code" and "".join(cells[-1]["source"]).strip() == derivation.numpy().strip()
    assert tex(parts).isascii() and derivation.program.name.replace("_", r"\_") in markdown_page(parts)


@pytest.mark.parametrize("suffix", TEXTS)
def test_saves_by_suffix(suffix, tmp_path):
    assert derive(MLP).save(tmp_path / f"saved{suffix}").stat().st_size > 500


def test_the_check_of_a_page_can_fail():
    with pytest.raises(AssertionError):
        parsed("<p><b>x</p>")


@pytest.mark.parametrize("level", ["result", "adjoints", "steps"])
def test_levels(level):
    parts = content(derive(MLP), level)
    headings = [p.text for p in parts if isinstance(p, Heading)]
    boxed = [line for p in parts if isinstance(p, Formulas) and p.boxed for line in p.lines]
    assert [line.left for line in boxed] == [r"\frac{\partial J}{\partial W_2}", r"\frac{\partial J}{\partial W_1}"]
    assert ("Hessian-vector product" in headings) == (level != "result")
    steps = [h for h in headings if h.startswith("Step ")]
    assert len(steps) == {"result": 0, "adjoints": 7}.get(level, len(steps)) and (level != "steps" or len(steps) > 7)
    assert isinstance(parts[-1], Code)


def test_a_step_has_its_differential_rule_and_shapes():
    text = markdown_page(content(derive(MLP)))
    step = text.partition("### Step 4")[2].partition("### Step 5")[0]
    assert r"\mathrm{d}o &= \mathrm{d}W_2 \, h + W_2 \, \mathrm{d}h" in step
    assert r"$\langle G, \mathrm{d}X \, Y \rangle = \langle G Y^{\top}, \mathrm{d}X \rangle$ and" in step
    assert r"\frac{\partial J}{\partial W_2} &= \frac{\partial J}{\partial o} h^{\top} + \lambda W_2" in step
    assert r"$h \in \mathbb{R}^{n_h}$" in step and r"\frac{\partial J}{\partial W_2} \in \mathbb{R}^{q \times n_h}" in step


def test_numbers_of_equations_are_those_that_tex_counts():
    parts = content(derive(MLP))
    numbers = [line.number for p in parts if isinstance(p, Formulas) for line in p.lines if line.number]
    assert numbers == list(range(1, len(numbers) + 1))
    labels = re.findall(r"\\label\{(.*?)\}", tex(parts))
    assert len(labels) == len(set(labels)) == len(numbers)


def test_the_stamp_of_a_verification():
    class Row:
        quantity, error, tol, ok, excess = "gradient", 1e-16, 1e-9, True, 1e-7

    class Report:
        rows, points, witness = [Row], ["seed 0: d = 3"], "jax <0.10>"

    page = fragment(content(derive(MLP), report=Report))
    assert "1 quantities agree with jax &lt;0.10&gt; (seed 0: d = 3)" in page and "1.0e-16" in page and "1.0e-09" in page
    assert "Verification" not in fragment(content(derive(MLP)))


HOSTILE = "</p><script>alert('x')</script> \\input{x} %$#&_^~ $$ `"


def test_no_text_gets_through_unescaped():
    parts = [Heading(HOSTILE, 1), Prose((HOSTILE, CodeName(HOSTILE))), TablePart((HOSTILE,), ((HOSTILE,),)), Code(HOSTILE)]
    page = fragment(parts)
    assert "<script" not in page and page.count("&lt;script&gt;") == 6
    source = tex(parts[:-1])
    wanted = r"$<$/p$>$$<$script$>$alert('x')$<$/script$>$ "
    wanted += r"\textbackslash{}input\{x\} \%\$\#\&\_\textasciicircum{}\textasciitilde{} \$\$ `"
    assert r"\input" not in source and source.count(wanted) == 5
    assert "<script" not in markdown_page(parts[:1]).replace(r"\<", "")


@pytest.mark.parametrize("option", [{"level": "all"}, {"point": {}}, {"colour": 1}])
def test_an_unknown_option_is_named_and_nothing_is_written(option, tmp_path):
    with pytest.raises(InputError, match=next(iter(option))):
        derive(MLP).save(tmp_path / "a" / "saved.html", **option)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_pdflatex_is_said_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(tex_module.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="pdflatex is not installed") as error:
        derive(MLP).save(tmp_path / "saved.pdf")
    assert "\n" not in str(error.value) and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_pdf_at_the_deepest_level(tmp_path):
    assert derive(MLP).save(tmp_path / "saved.pdf", level="steps").read_bytes().startswith(b"%PDF")


def test_rich_display():
    derivation = derive(MLP)
    assert derivation._repr_latex_().count(r"\begin{align}") == 3
    parsed(derivation._repr_html_())


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("A constant: labels", "A constant: labels"),
        ("so A_bar = -B_bar Z^T", r"so $\bar{A} = -\bar{B} Z^{\top}$"),
        ("dx / (2 sqrt x), the others do not", r"$\mathrm{d}x / (2 \sqrt{x})$, the others do not"),
        ("d(x^p) = p x^(p-1) dx; and x", r"$\mathrm{d}(x^{p}) = p x^{p-1} \, \mathrm{d}x$; and $x$"),
        ("<G, dX Y> is <X^-1 G, dY>", r"$\langle G, \mathrm{d}X \, Y \rangle$ is $\langle X^{-1} G, \mathrm{d}Y \rangle$"),
    ],
)
def test_formulas_in_the_words_of_a_record(typed, wanted):
    assert "".join(p if isinstance(p, str) else f"${p.latex}$" for p in worded(typed)) == wanted


# MathML -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latex", "wanted"),
    [
        (r"W_1 x", "<mrow><msub><mi>W</mi><mn>1</mn></msub><mo>&#x2062;</mo><mi>x</mi></mrow>"),
        (r"h^{\top}", "<msup><mi>h</mi><mo>⊤</mo></msup>"),
        (r"\frac{1}{2}", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        (r"-y", '<mrow><mo form="prefix">−</mo><mi>y</mi></mrow>'),
        (r"10^{-3}", '<msup><mn>10</mn><mrow><mo form="prefix">−</mo><mn>3</mn></mrow></msup>'),
        (r"\phi''", "<msup><mi>φ</mi><mrow><mo>′</mo><mo>′</mo></mrow></msup>"),
        (r"\operatorname{log\,softmax}", "<mi>log softmax</mi>"),
        (
            r"A \operatorname{diag}(u)",
            f"<mrow><mi>A</mi><mo>&#x2062;</mo>{THIN}<mi>diag</mi><mo>&#x2061;</mo>"
            '<mo form="prefix" stretchy="false">(</mo><mi>u</mi><mo form="postfix" stretchy="false">)</mo></mrow>',
        ),
        (  # a sign behind brackets stands between two terms, and brackets grow around what is tall alone
            r"\left( \frac{a}{b} \right) + \left\{S\right\}",
            '<mrow><mrow><mo form="prefix">(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo form="postfix">)</mo></mrow><mo>+</mo>'
            '<mrow><mo form="prefix" stretchy="false">{</mo><mi>S</mi><mo form="postfix" stretchy="false">}</mo></mrow></mrow>',
        ),
        (r"\mathbf{1}", "<mn>𝟏</mn>"),
        (r"\mathbf{K}_{m}", "<msub><mn>𝐊</mn><mi>m</mi></msub>"),
        (r"\log x", f"<mrow><mi>log</mi><mo>&#x2061;</mo>{THIN}<mi>x</mi></mrow>"),
    ],
)
def test_mathml(latex, wanted):
    assert mathml(latex) == f"<math>{wanted}</math>"


@pytest.mark.parametrize("latex", [p.latex for sentence in (*NOTATION, INDEXED) for p in inlines(sentence) if isinstance(p, Math)])
def test_mathml_of_the_conventions_is_xml(latex):
    ElementTree.fromstring(mathml(latex))


# long lines -------------------------------------------------------------------------------------------------------------


def test_a_sum_is_cut_before_its_signs():
    assert broken("aaaa + bbbb - cccc", 11) == ["aaaa + bbbb", "- cccc"]


def test_brackets_are_cut_as_a_last_resort_and_keep_one_size():
    pieces = broken(r"x \odot \left( \frac{a}{b} + cccccccccc + dddddddddd \right)", 22)
    assert all(len(unicode_of(p)) <= 22 for p in pieces) and len(pieces) > 1
    assert r"\left(" not in "".join(pieces) and "".join(pieces).count(r"\Bigl(") == "".join(pieces).count(r"\Bigr)") == 1


def test_nothing_is_cut_inside_a_group():
    assert broken("x_{aaaaaa + bbbbbb}", 5) == ["x_{aaaaaa + bbbbbb}"]


def test_a_long_fraction_is_a_product_that_can_be_cut():
    assert broken(r"-\frac{aaaaaa + bbbbbb}{c}", 14) == [r"-\frac{1}{c} \Bigl( aaaaaa", r"+ bbbbbb \Bigr)"]


def test_a_sum_twice_as_long_is_cut_in_twice_the_work(monkeypatch):
    def work(terms):
        read = []
        monkeypatch.setattr(breaking, "parts", lambda text: read.append(len(text)) or parts(text))
        assert len(broken(" + ".join([r"\bar{z} \odot w"] * terms), 80)) > terms / 20
        return sum(read)

    assert work(400) < 2.5 * work(200)


def test_a_second_derivative_in_the_terminal():
    assert unicode_of(r"\frac{\partial^{2} L}{\partial o^{2}}") == "∂²L/∂o²"
