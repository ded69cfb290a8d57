"""Every printed equation, read back from its LaTeX by a reader that knows nothing of the package, has its value."""

import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy
from latex_reader import Eye, value_of

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.printing.equations import WHERE, rows
from symgrad.printing.latex import Show

SHOW = Show()
FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
CLOSED = [p for p in FILES if not re.search(r"\| (entrywise|loss)", p.read_text(encoding="utf-8"))]


def matrix(x):
    x = np.asarray(x, dtype=float)
    return x.reshape(len(x), -1) if x.ndim else x.reshape(1, 1)


def values(d):
    """The equations that are printed, and the value of every name in them, each as a matrix."""
    equations = tuple(eq for _, section in d.sections() for eq in section)
    program = replace(d.tangent, statements=equations, unsimplified=None)
    inputs = inputs_of(program.inputs)
    sizes = sizes_for(inputs)
    found = evaluate(program, sample_inputs(inputs, sizes, 0, "positive"))
    symbols = (*program.inputs, *(eq.symbol for eq in program.equations))
    names = {sympy.latex(sympy.Symbol(n)): matrix(size) for n, size in sizes.items()}
    return equations, names | {SHOW.text(v): matrix(found[str(v)]) for v in symbols}


def disagreement(right, wanted, names):
    got = value_of(right, names)
    got = got.scale * np.eye(len(wanted)) if isinstance(got, Eye) else np.broadcast_to(got, wanted.shape)
    return np.max(np.abs(got - wanted)) / max(1, np.max(np.abs(wanted)))


@pytest.mark.parametrize("path", CLOSED, ids=lambda p: p.stem)
def test_what_is_printed_reads_as_what_is_computed(path):
    equations, names = values(sg.forward(path).derive(*runpy.run_path(str(path))["WRT"]))
    checked = {left.removeprefix(WHERE): right for left, right in rows(equations, SHOW) if left.removeprefix(WHERE) in names}
    assert len(checked) == len(equations)
    for left, right in checked.items():
        assert disagreement(right, names[left], names) < 1e-10, f"{left} = {right}"


A, B, C = (np.random.default_rng(0).normal(size=(3, 3)) for _ in range(3))
x = A[:, :1]
LETTERS = {"A": A, "B": B, "C": C, "x": x, "W_1": 2 * A, r"\sigma": B[:1, :1]}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A - (B + C)", A - (B + C)),
        ("A - B + C", A - B + C),
        (r"A B \odot C", (A @ B) * C),
        (r"A (B \odot C)", A @ (B * C)),
        (r"-A B^{\top} - 2 W_1", -A @ B.T - 4 * A),
        (r"\frac{1}{2} (A + B)^{-1}", np.linalg.inv(A + B) / 2),
        (r"A^{\odot 2} \oslash B", A**2 / B),
        (r"\lVert A \rVert_F^{2}", np.sum(A**2)),
        (r"\langle A, B + C \rangle x", np.sum(A * (B + C)) * x),
        (r"x \mathbf{1}^{\top} - A", x - A),
        (r"(A \odot B) \mathbf{1} \mathbf{1}^{\top}", np.tile(np.sum(A * B, axis=1, keepdims=True), 3)),
        (r"A (I - 2 B)", A @ (np.eye(3) - 2 * B)),
        (r"\sigma (x)", B[0, 0] * x),
        (r"\sigma(x)", 1 / (1 + np.exp(-x))),
    ],
)
def test_the_reader_binds_as_mathematics_does(text, wanted):
    wanted = matrix(wanted)
    assert disagreement(text, wanted, LETTERS) < 1e-12


@pytest.mark.parametrize(
    ("printed", "meant"), [(r"A \odot B C", (A * B) @ C), ("A - B + C", A - (B + C)), (r"A B^{\top}", (A @ B).T)]
)
def test_a_lost_bracket_is_noticed(printed, meant):
    assert disagreement(printed, meant, LETTERS) > 1e-3
