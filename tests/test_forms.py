"""What we print has no more operations than the book's or the paper's right side, and the same value."""

import statistics

import numpy as np
import pytest
from compared import compared, rows
from forms import COOKBOOK, FORMS

import symgrad as sg
from symgrad.core.op import variable
from symgrad.derive.simplification import legible
from symgrad.ops.arithmetic import add, scale
from symgrad.ops.linalg import inv
from symgrad.ops.product import dot, matmul, outer
from symgrad.printing.latex import Show
from symgrad.reading.annotations import declare
from symgrad.rules.brevity import operations


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.name)
def test_no_longer_than_its_source(form):
    for row in compared(form):
        ours, theirs = row.counts
        assert ours <= theirs, f"{row.name}: {Show().text(row.printed)} has {ours} operations, {form.source} {theirs}"


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.name)
def test_same_value_as_its_source(form):
    for row in compared(form):
        for seed in (0, 1):
            ours, theirs = row.values(seed)
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=row.name)


def test_enough_forms_and_the_ratio():
    table = rows()
    ratios = [ours / theirs for ours, theirs in (row.counts for row in table) if theirs]
    assert len(table) >= 60 and len(COOKBOOK) >= 40
    assert max(ratios) <= 1.0 and statistics.mean(ratios) <= 1.0


def test_a_longer_form_fails_the_comparison():
    """The checker itself: the unsimplified gradient of a quadratic form is longer than the book's."""
    form = next(f for f in COOKBOOK if f.name == "quadratic")
    (row,) = compared(form)
    x, B = row.program.inputs
    assert operations(add(matmul(B, x), matmul(B.T, x))) > row.counts[1]


# counting --------------------------------------------------------------------------------------------------------------------


def v(name, spec):
    declared = declare(spec, name)
    return variable(name, declared.shape, declared.properties)


A, B, P, x, y = v("A", "n n"), v("B", "n n"), v("P", "n n | spd"), v("x", "n"), v("y", "n")


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        (x, 0),
        (scale(3, x), 1),
        (-x, 1),
        (scale(-3, x), 2),
        (add(x, -y), 1),
        (add(x, scale(-2, y)), 2),
        (matmul(A, x), 1),
        (matmul(A.T, x), 2),
        (matmul(P.T, x), 1),
        (matmul(matmul(A, B), x), 2),
        (matmul(matmul(A, A), A), 1),
        (outer(x, y), 2),
        (dot(x, y), 2),
        (dot(x, x), 2),
        (inv(A).T, 2),
        (matmul(A, B).T, 2),
        (matmul(add(A, A.T), x), 3),
        (x / dot(x, y), 3),
    ],
    ids=lambda e: Show().text(e) if hasattr(e, "op") else str(e),
)
def test_operations(expression, count):
    assert operations(expression) == count


def test_transposes_counted_are_those_printed():
    for row in rows():
        if row.form in COOKBOOK:
            printed = Show().text(row.printed)
            assert operations(row.printed) >= printed.count(r"\top")


# length in depth -------------------------------------------------------------------------------------------------------------


def network(depth):
    """A net of `depth` layers; numbered from 10, so that every name has two digits."""
    layers = range(10, 10 + depth)
    weights = ", ".join(f'W{i}: "d d"' for i in layers)
    hidden = [f"h{i} = tanh(W{i} @ {'x' if i == 10 else f'h{i - 1}'})" for i in layers]
    body = "\n    ".join([*hidden, f"return 0.5 * sum((h{layers[-1]} - y) ** 2)"])
    return f'def net(x: "d", y: "d", {weights}):\n    {body}\n'


def sizes(depth):
    d = sg.forward(network(depth)).derive(*[f"W{10 + i}" for i in range(depth)])
    adjoint = legible(d.adjoint)
    return len(d.latex()), sum(operations(eq.expr) for eq in adjoint.equations)


def test_length_grows_by_a_constant_per_layer():
    depths = (3, 4, 8, 16, 64)
    measured = [sizes(depth) for depth in depths]
    for kind in range(2):
        lengths = [m[kind] for m in measured]
        steps = {(b - a) / (k - j) for a, b, j, k in zip(lengths, lengths[1:], depths, depths[1:], strict=False)}
        assert len(steps) == 1, steps
