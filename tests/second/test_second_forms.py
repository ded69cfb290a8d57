"""Hessian blocks as we print them have no more operations than the book's right side, and the same value."""

import statistics

import numpy as np
import pytest
from second_compared import FUNCTIONS, compared, derivation, rows
from second_forms import SECOND_FORMS

from symgrad.derive.simplification import simplify
from symgrad.printing.latex import Show
from symgrad.rules.brevity import operations

BY_NAME = {form.name: form for form in SECOND_FORMS}


def test_names_are_unique():
    assert len(BY_NAME) == len(SECOND_FORMS) >= 35


@pytest.mark.parametrize("form", SECOND_FORMS, ids=lambda f: f.name)
def test_no_longer_than_its_source(form):
    for row in compared(form):
        assert row.printed is not None, f"{row.name} has no matrix form"
        ours, theirs = row.counts
        assert ours <= theirs, f"{row.name}: {Show().text(row.printed)} has {ours} operations, {form.source} {theirs}"


@pytest.mark.parametrize("form", SECOND_FORMS, ids=lambda f: f.name)
def test_same_value_as_its_source(form):
    for row in compared(form):
        for seed in (0, 1):
            ours, theirs = row.values(seed, FUNCTIONS)
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=row.name)


def test_the_ratio():
    ratios = [ours / theirs for ours, theirs in (row.counts for row in rows()) if theirs]
    assert max(ratios) <= 1.0 and statistics.mean(ratios) <= 1.0


def test_a_longer_form_fails_the_comparison():
    """The checker itself: the block as code has it is longer than the book's."""
    form = BY_NAME["softmax_of_one"]
    row = next(r for r in compared(form) if r.name == "W, W")
    assert operations(simplify(derivation(form).hessian["W", "W"].matrix)) > row.counts[1]


def test_a_wrong_form_fails_the_comparison():
    """The checker itself: K X K and the block in place of its transpose are told apart."""
    ours, _ = next(r for r in compared(BY_NAME["trace_axbx"])).values()
    assert not np.allclose(ours, np.flip(ours))
