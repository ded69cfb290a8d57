"""Arrays of three and more axes in print: every equation in index notation, by hand, and each read back and evaluated."""

from dataclasses import replace

import numpy as np
import pytest
from cases import case_of, function_of, point, samples
from index_reader import value_of

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.core.op import ATOM, variable
from symgrad.core.program import Equation, Program
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.elementwise import tanh
from symgrad.printing.browser import mathml
from symgrad.printing.entries import high_nodes
from symgrad.printing.equations import WHERE, rows
from symgrad.printing.indices import sides
from symgrad.printing.latex import Show
from symgrad.printing.picture import pictured

SHOW = Show()


def source(head, *body):
    return f"def f({head}):\n" + "".join(f"    {line}\n" for line in body)


MODELS = {
    "distances": source(
        'X: "n d", Y: "n n"', "D = jnp.sum((X[:, None, :] - X[None, :, :])**2, axis=-1)", "return jnp.sum(D * Y)"
    ),
    "linear": source('X: "b t d", W: "d k", c: "k", Y: "b t k"', "Z = X @ W + c", "return sum((Z - Y)**2)"),
    "attention": source(
        'Q: "h t d", K: "h s d", V: "h s d"',
        'S = einsum("htd,hsd->hts", Q, K)',
        "P = softmax(S, axis=-1)",
        'O = einsum("hts,hsd->htd", P, V)',
        "return sum(O**2)",
    ),
    "heads": source(
        'X: "n 6", W: "6 6"',
        "Q = (X @ W).reshape(X.shape[0], 3, 2).transpose(1, 0, 2)",
        "P = softmax(Q @ Q.transpose(0, 2, 1) / 2, axis=-1)",
        "O = (P @ Q).transpose(1, 0, 2).reshape(X.shape[0], 6)",
        "return sum(O**2)",
    ),
    "layer norm": source(
        'X: "b t d", g: "d", c: "d"',
        "M = X - mean(X, axis=-1, keepdims=True)",
        "V = mean(M**2, axis=-1, keepdims=True)",
        "O = g * M / sqrt(V + 0.1) + c",
        "return sum(O**3)",
    ),
    "convolution": source(
        'X: "b n 6", w: "3"',
        "Z = X[:, :, 0:4] * w[0] + X[:, :, 1:5] * w[1] + X[:, :, 2:6] * w[2]",
        "return sum(tanh(Z))",
    ),
    "choices": source(
        'X: "b t d", a: ""',
        "Z = where(X > 0, X, a * X)",
        "R = relu(Z) + Z",
        "m = max(R, axis=-1)",
        "l = logsumexp(R, axis=1)",
        "return sum(m**2) + sum(l**2)",
    ),
    "broadcasting": source('X: "b t d", u: "d", v: "b"', "Z = X * u + v[:, None, None]", "return mean(exp(Z))"),
    "softmax": source('X: "b t d", Y: "b t d"', "L = log_softmax(X, axis=-1)", "return -sum(Y * L)"),
    "norms": source('X: "b t d"', "U = X / norm(X, axis=-1, keepdims=True)", "return sum(U**3)"),
    "pieces": source(
        'X: "b t d", Y: "b t d"', "Z = concatenate([X, Y], axis=1)", "C = cumsum(Z, axis=2)", "return sum(C**2 / (1 + Z**2))"
    ),
    "ranges": source(
        'X: "b n 6", Y: "b n"',
        "Z = sum(X[:, :, 0:4]**2, axis=2) + Y",
        "P = softmax(X[:, :, 1:5], axis=2)",
        "m = max(X[:, :, 0:2], axis=2)",
        "S = sum(Y.reshape(Y.shape[0], 1, Y.shape[1]) * X.transpose(0, 2, 1), axis=2)",
        "T = sum(S.reshape(S.shape[0], 3, 2), axis=2)",
        "U = Y * sum(X, axis=2) + sum(X[:, :, 0:4], axis=2)",
        "return sum(Z**2) + sum(P**3) + sum(m**2) + sum(T**2) + sum(U**2)",
    ),
    "labels": source(
        'E: "4 d", y: "b t | int", W: "d d"', "H = E[y]", "Z = H @ W", "return sum(tanh(Z)**2)"
    ),
    "inverse": source(
        'K: "n n | spd", X: "n n"', "A = inv(K) @ X", "D = sum((A[:, None, :] - X[None, :, :])**2, axis=2)", "return sum(D**2)"
    ),
    "diagonals": source('x: "n", X: "n n n"', 'Z = einsum("iij->ij", X)', "return sum((diag(x)[:, :, None] + Z) * X)"),
}  # fmt: skip


def derived(name):
    d = sg.forward(MODELS[name]).derive()
    return d, [eq for _, section in d.sections() for eq in section]


def latex(name):
    return {left.removeprefix(WHERE): right for left, right in rows(derived(name)[1], SHOW)}


def bar(name):
    return rf"\left( \frac{{\partial f}}{{\partial {name}}} \right)"


def dot(name):
    return rf"\mathcal{{R}}\!\left\{{{name}\right\}}"


PINNED = [
    ("distances", "D_{ij}", r"\sum_{k} (X_{ik} - X_{jk})^{2}"),
    ("distances", "P_{ijk}", rf"(X_{{ik}} - X_{{jk}}) {bar('D')}_{{ij}}"),
    ("distances", f"{bar('X')}_{{ij}}", r"2 \left( \sum_{k} P_{ikj} - \sum_{k} P_{kij} \right)"),
    ("distances", f"{dot('D')}_{{ij}}", r"2 \sum_{k} Q_{ijk} S_{ijk}"),
    ("distances", "S_{ijk}", "(V_{X})_{ik} - (V_{X})_{jk}"),
    ("linear", "Z_{ijk}", r"\sum_{l} X_{ijl} W_{lk} + c_{k}"),
    ("linear", f"{bar('X')}_{{ijk}}", rf"\sum_{{l}} W_{{kl}} {bar('Z')}_{{ijl}}"),
    ("linear", f"{bar('W')}_{{ij}}", rf"\sum_{{kl}} X_{{kli}} {bar('Z')}_{{klj}}"),
    ("linear", f"{bar('c')}_{{i}}", rf"\sum_{{jk}} {bar('Z')}_{{jki}}"),
    ("linear", "f", r"\lVert Z - Y \rVert_F^{2}"),
    ("attention", "S_{ijk}", r"\sum_{l} Q_{ijl} K_{ikl}"),
    ("attention", "P_{ijk}", r"\operatorname{softmax}_{k}(S_{ijk})"),
    ("attention", f"{bar('K')}_{{ijk}}", rf"\sum_{{l}} Q_{{ilk}} {bar('S')}_{{ilj}}"),
    (
        "attention",
        f"{bar('S')}_{{ijk}}",
        rf"P_{{ijk}} \left( {bar('P')}_{{ijk}} - \sum_{{l}} P_{{ijl}} {bar('P')}_{{ijl}} \right)",
    ),
    ("heads", "Q_{ijk}", r"\sum_{l} X_{jl} W_{l,2i+k}"),
    ("heads", "O_{ij}", r"\sum_{k} P_{\lfloor j / 2 \rfloor,i,k} Q_{\lfloor j / 2 \rfloor,k,j \bmod 2}"),
    ("softmax", "L_{ijk}", r"\operatorname{log\,softmax}_{k}(X_{ijk})"),
    (
        "softmax",
        f"{bar('X')}_{{ijk}}",
        rf"{bar('L')}_{{ijk}} - \operatorname{{softmax}}_{{k}}(X_{{ijk}}) \sum_{{l}} {bar('L')}_{{ijl}}",
    ),
    ("layer norm", "M_{ijk}", r"X_{ijk} - \frac{1}{d} \sum_{l} X_{ijl}"),
    ("layer norm", "V_{ij}", r"\frac{1}{d} \sum_{k} M_{ijk}^{2}"),
    ("layer norm", "O_{ijk}", r"\frac{g_{k} M_{ijk}}{\sqrt{V_{ij} + 0.1}} + c_{k}"),
    ("convolution", "Z_{ijk}", "w_{0} X_{ijk} + w_{1} X_{i,j,k+1} + w_{2} X_{i,j,k+2}"),
    (
        "convolution",
        f"{bar('X')}_{{ijk}}",
        rf"w_{{2}} \mathbf{{1}}[k \ge 2] {bar('Z')}_{{i,j,k-2}}"
        rf" + w_{{1}} \mathbf{{1}}[k \ge 1] \mathbf{{1}}[k < 5] {bar('Z')}_{{i,j,k-1}}"
        rf" + w_{{0}} \mathbf{{1}}[k < 4] {bar('Z')}_{{ijk}}",
    ),
    ("broadcasting", "Z_{ijk}", "X_{ijk} u_{k} + v_{i}"),
    ("broadcasting", "f", r"\frac{1}{b d t} \sum_{ijk} \exp(Z_{ijk})"),
    ("broadcasting", f"{bar('u')}_{{i}}", rf"\sum_{{jk}} X_{{jki}} {bar('Z')}_{{jki}}"),
    ("choices", "R_{ijk}", r"\operatorname{relu}(Z_{ijk}) + Z_{ijk}"),
    ("choices", "m_{ij}", r"\max_{k} R_{ijk}"),
    ("choices", "l_{ij}", r"\log\left( \sum_{k} \exp(R_{ikj}) \right)"),
    ("norms", "U_{ijk}", r"\frac{X_{ijk}}{\sqrt{\sum_{l} X_{ijl}^{2}}}"),
    ("pieces", "C_{ijk}", r"\sum_{l \le k} Z_{ijl}"),
    ("ranges", "Z_{ij}", r"\sum_{k < 4} X_{ijk}^{2} + Y_{ij}"),
    ("ranges", "U_{ij}", r"Y_{ij} \sum_{k} X_{ijk} + \sum_{k < 4} X_{ijk}"),
    ("ranges", "m_{ij}", r"\max_{k < 2} X_{ijk}"),
    ("ranges", "P_{ijk}", r"\frac{\exp(X_{i,j,k+1})}{\sum_{l < 4} \exp(X_{i,j,l+1})}"),
    ("ranges", "T_{ij}", r"\sum_{k < 2} S_{i,2j+k}"),
    ("labels", "H_{ijk}", "E_{y_{ij},k}"),
    ("labels", f"{bar('E')}_{{ij}}", rf"\sum_{{kl}} \mathbf{{1}}[y_{{kl}} = i] {bar('H')}_{{klj}}"),
    ("inverse", "A", "K^{-1} X"),
    ("inverse", f"{bar('X')}_{{ij}}", r"\left[ K^{-1} \frac{\partial f}{\partial A} \right]_{ij} - 2 \sum_{k} P_{kij}"),
    ("diagonals", "Z_{ij}", "X_{iij}"),
    ("diagonals", "f", r"\sum_{ijk} (\delta_{ij} x_{i} + Z_{jk}) X_{ijk}"),
]


@pytest.mark.parametrize(("name", "left", "right"), PINNED, ids=lambda text: text[:24])
def test_by_hand(name, left, right):
    assert latex(name).get(left) == right


def names_and_values(d, equations):
    """Every name as it may be printed, with its array; all axes of size one gone."""
    program = replace(d.tangent, statements=tuple(equations), unsimplified=None)
    inputs = inputs_of(program.inputs)
    sizes = sizes_for(inputs)
    found = evaluate(program, sample_inputs(inputs, sizes, 0, "positive"))
    return sizes | known((*program.inputs, *(eq.symbol for eq in equations)), found)


def known(symbols, values):
    names = {}
    for v in symbols:
        text, value = SHOW(v, ATOM), np.squeeze(np.asarray(values[str(v)], dtype=float))
        names |= {SHOW.text(v): value, text: value, f"{{{text}}}": value, f"({text})": value}
    return names


@pytest.mark.parametrize("name", MODELS)
def test_what_is_printed_reads_as_what_is_computed(name):
    d, equations = derived(name)
    names = names_and_values(d, equations)
    checked = 0
    for eq in equations:
        if high_nodes([eq.expr]) or eq.symbol.ndim > 2:
            left, right = next(iter(rows([replace(eq, aside=False, parts=())], SHOW)))
            wanted, got = value_of(left, right, names)
            assert np.max(np.abs(got - wanted)) < 1e-9 * max(1, np.max(np.abs(wanted))), f"{left} = {right}"
            checked += 1
    assert checked > 2


RULED = [(name, op, sample) for name, op, sample in samples() if op.entry is not None and case_of(op, sample).node.ndim]


@pytest.mark.parametrize(("op", "sample"), [(op, sample) for _, op, sample in RULED], ids=[name for name, *_ in RULED])
def test_every_operation_with_a_rule_reads_as_what_it_computes(op, sample):
    """Each sample, copied along further axes so that it is printed by index."""
    case = case_of(op, sample)
    copied = broadcast(case.node, shape=(*case.node.shape, 2, 3, 2), axes=tuple(range(case.node.ndim)))
    Z = variable("Z", copied.shape)
    at = point(case, np.random.default_rng(0))
    (found,) = function_of(Program("f", case.operands, (Equation(Z, copied),), (Z,)), case.sizes)(at)
    left, right = sides(Z, copied, SHOW)
    wanted, got = value_of(left, right, dict(case.sizes) | known((*case.operands, Z), {**at, "Z": found}))
    assert np.max(np.abs(got - wanted)) < 1e-9 * max(1, np.max(np.abs(wanted))), f"{left} = {right}"


def test_the_terminal():
    assert "Zᵢⱼₗ = ∑ₘ Xᵢⱼₘ Wₘₗ + cₗ" in str(derived("linear")[0])
    assert "Oᵢⱼ = ∑ₖ P_{⌊j/2⌋,i,k} Q_{⌊j/2⌋,k,j%2}" in str(derived("heads")[0])


def test_the_browser():
    assert mathml(latex("linear")["Z_{ijk}"]).startswith("<math><mrow><munder><mo>∑</mo><mi>l</mi></munder>")


@pytest.mark.parametrize("ending", ["tex", "html", "md", "ipynb"])
def test_every_document(ending, tmp_path):
    text = derived("heads")[0].save(tmp_path / f"heads.{ending}").read_text(encoding="utf-8")
    assert "broadcast(" not in text and "entry by entry" in text


def test_parts_of_a_flat_index_leave_brackets_in_pairs(tmp_path):
    text = derived("ranges")[0].save(tmp_path / "ranges.tex").read_text(encoding="utf-8")
    assert r"\left\lfloor" not in text and text.count(r"\left") == text.count(r"\right")


def test_long_lines_are_cut_before_a_sign_outside_brackets():
    printed = derived("attention")[0].latex()
    assert r" \nonumber\\" + "\n" + r"&\quad + P_{ijk} \left(" in printed


def test_no_letter_is_the_name_of_a_number():
    scaled = sg.forward(source('X: "n t d", k: ""', "Z = k * X", "return sum(Z**3)")).derive()
    counted = sg.forward(source('X: "n t d", Y: "k"', "Z = mean(Y) * X", "return sum(Z**3)")).derive()
    assert "Zᵢⱼₗ = k Xᵢⱼₗ" in str(scaled) and "Zᵢⱼₗ = (1/k)" in str(counted)


def test_what_is_nested_too_deep_to_read_stays_as_it_is():
    x = X = variable("X", (2, 2, 2))
    for _ in range(100):
        x = tanh(x)
    assert sides(X, tanh(X), SHOW) == ("X_{ijk}", r"\tanh(X_{ijk})")
    assert sides(X, x, SHOW) == ("X", SHOW.text(x))


def test_a_matrix_stays_a_matrix():
    assert latex("inverse")["A"] == "K^{-1} X"
    assert latex("distances")["f"] == r"\langle D, Y \rangle"


X, W = (np.random.default_rng(0).normal(size=(3, 3)) for _ in range(2))
NAMES = {"X": X, "W": W, "Z": X @ W}


@pytest.mark.parametrize("wrong", [r"\sum_{k} X_{ik} W_{jk}", r"\sum_{k} X_{ki} W_{kj}", r"\sum_{k} (X_{ik} + W_{kj})"])
def test_a_wrong_index_is_noticed(wrong):
    _, right = value_of("Z_{ij}", r"\sum_{k} X_{ik} W_{kj}", NAMES)
    _, got = value_of("Z_{ij}", wrong, NAMES)
    assert np.allclose(right, X @ W) and np.max(np.abs(got - X @ W)) > 1e-3


@pytest.mark.parametrize("wrong", [r"\sum_{k} X_{ik} + W_{kj}", r"\sum_{i} X_{ik} W_{kj}", r"X_{i,j+1}", "X_{ijk}"])
def test_what_has_no_meaning_is_refused(wrong):
    with pytest.raises(AssertionError):
        value_of("Z_{ij}", wrong, NAMES)


def test_an_index_parted_and_put_together_again_is_itself():
    text = """def f(X: "t 2*e", W: "2*e 2*e"):
    t, d = X.shape
    Q = (X @ W).reshape(t, 2, d // 2).transpose(1, 0, 2)
    O = (2.0 * Q).transpose(1, 0, 2).reshape(t, d) @ W
    return sum(O ** 2)
"""
    d = sg.forward(text).derive()
    assert r"\left\lfloor" not in d.latex()
    for row, column in d.hessian:
        assert r"\left\lfloor" not in d.hessian[row, column].latex()


def test_a_graph_draws_no_indices_of_indices():
    text = """def f(X: "t 2*e", W_q: "2*e 2*e", Y: "t e"):
    Q = (X @ W_q).reshape(X.shape[0], 2, X.shape[1] // 2).transpose(1, 0, 2)
    D = Q - Y
    return sum(D ** 2)
"""
    labels = [gate.label for gate in pictured(sg.forward(text).derive(), None, "equations", {}, None).gates]
    assert labels[0] == "f" and not any("_{" in label for label in labels)
