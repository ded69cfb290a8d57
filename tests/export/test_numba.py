"""Every operation in the words of numba, run by Python: the same numbers as in NumPy's (test_targets.py compiles whole modules)."""

import functools
import math

import cases
import numpy as np
import pytest

from symgrad.errors import UnsupportedError
from symgrad.export import helpers
from symgrad.export.embedded import forms, helper_source
from symgrad.export.numba import in_numba
from symgrad.export.statements import Statements, tidy

numba = pytest.importorskip("numba", reason="numba is not installed")

PIECES = {"_removable", "_removed_slope", "_riccati", "_riccati_slope"}
"""Of quotients with a removable zero, which the target refuses."""

ENTRYWISE = {n for n in helpers.__all__ if getattr(helpers, n).__module__.endswith((".stable", ".special"))}


@pytest.fixture(scope="module")
def scope():
    """The helpers, whose loops Python runs; but for the one that compiled functions of one entry call."""
    found = {"np": np, "math": math, "numba": numba, "functools": functools, "SHAPES": {}, "LABELS": ()}
    exec(helper_source("_horner", "numba"), found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "DISABLE_JIT", True)
        for name in sorted({*forms("numba"), *ENTRYWISE} - PIECES - {"_horner"}):
            exec(helper_source(name, "numba"), found)
        yield found


@pytest.mark.parametrize("name, op, sample", list(cases.samples()), ids=[name for name, *_ in cases.samples()])
def test_the_same_numbers_as_in_numpy(name, op, sample, scope):
    case = cases.case_of(op, sample)
    statements = Statements(case.program, {"np"}, None, False, in_numba)
    try:
        lines = statements.emit()
    except UnsupportedError as refusal:
        assert str(refusal).startswith("numba has no ")
        return
    at = cases.point(case, np.random.default_rng(3))
    words = {f"_dim_{dim}": str(size) for dim, size in cases.DISTINCT.items()} | {"_dtype": "np.float64", "np": "np"}
    local = scope | {str(X): at[str(X)] if np.ndim(at[str(X)]) else float(at[str(X)]) for X in case.operands}
    for line in lines:
        exec(tidy(line, words), local)
    (wanted,) = cases.function_of(case.program, cases.DISTINCT)(at)
    got = local[statements.names[case.program.outputs[0]]]
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)
