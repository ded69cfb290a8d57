"""Letters for repeated parts: what is printed has the value of what is computed, and the letters are free and readable."""

import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.core.program import Program
from symgrad.printing.composition import content
from symgrad.printing.elements import Formulas
from symgrad.printing.equations import WHERE, rows
from symgrad.printing.identifiers import name_of
from symgrad.printing.latex import Show
from symgrad.printing.letters import Letters

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
CLOSED = [p for p in FILES if not re.search(r"\| (entrywise|loss)", p.read_text(encoding="utf-8"))]
THRICE = 'def f(A: "m n", x: "n", b: "m"): return sum(exp(A @ x + b) + sin(A @ x + b) + cos(A @ x + b))'


def derive(path):
    return sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])


def printed(d):
    """All sections as one program; its symbols are those of the programs that are computed."""
    equations = tuple(eq for _, section in d.sections() for eq in section)
    return replace(d.tangent, statements=equations, unsimplified=None)


@pytest.mark.parametrize("path", CLOSED, ids=lambda p: p.stem)
def test_what_is_printed_has_the_value_of_what_is_computed(path):
    """Backward pass and product, every symbol that both have."""
    d = derive(path)
    program = printed(d)
    given = inputs_of(program.inputs)
    at = sample_inputs(given, sizes_for(given, least=3), 0)
    ours, theirs = evaluate(program, at), evaluate(d.tangent, at)
    shared = [eq.name for eq in d.tangent.equations if eq.name in ours]
    assert {str(v) for v in d.tangent.outputs} <= set(shared)
    for name in shared:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_letters_are_free_and_read_as_letters(path):
    d = derive(path)
    author = {name_of(name).letter for name in d.program.names}
    for eq in (eq for _, section in d.sections() for eq in section if eq.aside):
        letter = name_of(eq.name).letter
        assert letter not in author and re.fullmatch(r"[A-Za-z]|\\[A-Za-z]+|\\(tilde|hat)\{.*\}", letter)
        index = eq.name.rstrip("0123456789")
        assert index == eq.name or any(name.endswith(eq.name[len(index) :]) for name in d.program.names)


def test_a_part_that_the_author_left_unnamed():
    """Vectors get lower case, and the line stands after the first equation that reads the letter."""
    d = sg.forward(THRICE).derive("x")
    lines = list(rows(dict(d.sections())["Backward pass"], Show()))
    assert lines[1] == (WHERE + "u", "A x + b") and "A x" not in lines[0][1]


def test_closed_forms_use_the_authors_names():
    d = derive(next(p for p in FILES if p.stem == "d2l_mlp"))
    lines = dict(rows(d.closed_equations("W1").equations, Show()))
    assert lines[WHERE + "h"] == r"\tanh(W_1 x)"
    assert isinstance(d.closed_equations(), Program) and len(d.closed_equations().outputs) == 2


def test_letters_give_way_to_the_author():
    letters = Letters(["u1", "P", "alpha"])
    x, X, c = sg.forward('def f(x: "n", X: "m n", c: ""): return x @ X.T @ X @ x * c').program.inputs
    assert [str(letters.symbol(v)) for v in (x, x, X, c)] == ["p", "q", "Q", "beta"]
    given = [str(letters.symbol(c)) for _ in range(60)]
    assert "gamma_tilde" in given and given.count("None") > 0 and len(set(given)) == len(given) - given.count("None") + 1


def test_constants_are_bold_where_the_author_has_their_letter():
    """I is the identity and K the commutation matrix, unless the model has an I or a K."""
    text = "def f({K}: 'n m', V: 'm n', {I}: 'n n'): return jnp.sum(({K} @ V) ** 2) + jnp.trace({I} @ {K} @ V)"

    def block(**names):
        d = sg.forward(text.format(**names)).derive(names["K"], "V")
        return "\n".join(line.right for part in content(d) if isinstance(part, Formulas) for line in part.lines)

    clashing, free = block(K="K", I="I"), block(K="P", I="Q")
    assert r"\mathbf{I} \otimes" in clashing and r"\mathbf{K}_{m,n}" in clashing
    assert r"I \otimes" in free and "K_{m,n}" in free and r"\mathbf{I}" not in free and r"\mathbf{K}" not in free
