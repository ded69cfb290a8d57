"""The printed formula as one line of NumPy: it gives the numbers of the exported code, and shows what the print shows."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from cases import case_of, function_of, point, samples

import symgrad as sg
from symgrad.checking.evaluation import evaluate as values_of
from symgrad.checking.sampling import inputs_of, sample_inputs, size_of, sizes_for
from symgrad.core.op import constant
from symgrad.inspection import filling, functions, measure, python, signs, variables

FILES = [
    f
    for f in sorted((Path(__file__).parents[1] / "derivations").glob("*.py"))
    if "| loss" not in f.read_text() and "| entrywise" not in f.read_text()
]
"""Those without functions left open."""

WORDS = {
    **functions,
    **{name: getattr(np, name) for name in "exp log sqrt abs sign sum max min where outer eye cosh matmul".split()},
    "norm": np.linalg.norm,
    "solve": np.linalg.solve,
    "sigmoid": scipy.special.expit,
    "PI": np.pi,
    "K": lambda m, n: np.eye(m * n).reshape(n, m, m * n).transpose(1, 0, 2).reshape(m * n, m * n),
}


def value(text, names, sizes):
    return eval(text, {**WORDS, **{f"dim_{k}": n for k, n in sizes.items()}, **names})


OPERATIONS = [(label, case_of(op, sample)) for label, op, sample in samples() if not op.name.startswith(("apply", "loss"))]


@pytest.mark.parametrize(("label", "case"), OPERATIONS, ids=[label for label, _ in OPERATIONS])
def test_every_operation(label, case):
    at = point(case, np.random.default_rng(0))
    text = python(case.node)
    assert isinstance(ast.parse(text, mode="eval"), ast.Expression) and variables(case.node) == list(case.operands)
    np.testing.assert_allclose(
        value(text, at, case.sizes), function_of(case.program, case.sizes)(at)[0], rtol=1e-9, atol=1e-9, err_msg=text
    )


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_line_of_a_derivation(path):
    """Read one after the other, the printed lines give the numbers of the backward pass."""
    d = sg.forward(path).derive()
    given = inputs_of(d.program.inputs)
    sizes = sizes_for(given, least=4)
    names = {k: v for k, v in sample_inputs(given, sizes, 0).items() if not callable(v)}
    wanted = values_of(d.adjoint if d.is_scalar else d.program, names)
    lines = [eq for _, equations in d.sections()[: 1 + d.is_scalar] for eq in equations]
    symbols = {v: f"v{i}" for i, v in enumerate([*d.program.inputs, *(eq.symbol for eq in lines)])}
    numbers = {symbols[v]: names[str(v)] for v in d.program.inputs}
    for eq in lines:
        found = value(python(eq.expr, symbols), numbers, sizes)
        numbers[symbols[eq.symbol]] = np.broadcast_to(found, tuple(size_of(n, sizes) for n in eq.symbol.shape))
        if eq.name in wanted:
            np.testing.assert_allclose(numbers[symbols[eq.symbol]], wanted[eq.name], rtol=1e-8, atol=1e-9, err_msg=eq.name)


def test_what_is_printed_is_shown_and_nothing_else():
    d = sg.forward('def f(W: "m n", x: "n", y: "m"): return 0.5 * jnp.mean((W @ x - y) ** 2)').derive("W", "x")
    assert python(d.gradient["W"]) == "((1/dim_m) * outer(((W @ x) - y), x))"
    bars = [eq for eq in dict(d.sections())["Backward pass"] if not eq.aside]
    assert python(bars[-1].expr, {d.wrt[0]: "weights"}) == "((1/dim_m) * (weights.T @ ((weights @ x) - y)))"
    assert filling(constant(2)) == 2 and filling(d.wrt[0]) is None
    lines, characters = measure(d)
    assert lines == len(str(d).split("Backward pass\n")[1].split("\n\n")[0].splitlines()) and characters > 100
    assert ("W", "W") in signs(d) and any(meaning == "the dimension m" for _, meaning in signs(d))
