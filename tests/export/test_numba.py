"""Every operation in the words of numba, run by Python: the same numbers as in NumPy's (test_targets.py compiles whole modules)."""

import functools
import math

import cases
import numpy as np
import pytest

from symgrad.errors import UnsupportedError
from symgrad.export.embedded import forms, helper_source, known
from symgrad.export.statements import Statements
from symgrad.export.targets import NUMBA
from symgrad.export.writer import Writer

numba = pytest.importorskip("numba", reason="numba is not installed")

PIECES = {"_removable", "_removed_slope", "_riccati", "_riccati_slope"}
"""Of quotients with a removable zero, which the target refuses."""

WORDS = {f"_dim_{dim}": str(size) for dim, size in cases.DISTINCT.items()} | {"_dtype": "np.float64"}

COMPILED = {name for name, helper in known("numba").items() if "numba" in helper.reads}


@pytest.fixture(scope="module")
def scope():
    """The helpers, whose loops Python runs; but for the one that compiled functions of one entry call."""
    found = {"np": np, "math": math, "numba": numba, "functools": functools, "SHAPES": {}, "LABELS": ()}
    exec(helper_source("_horner", "numba"), found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "DISABLE_JIT", True)
        for name in sorted({*forms("numba"), *COMPILED} - PIECES - {"_horner"}):
            exec(helper_source(name, "numba"), found)
        yield found


@pytest.mark.parametrize("name, op, sample", list(cases.samples()), ids=[name for name, *_ in cases.samples()])
def test_the_same_numbers_as_in_numpy(name, op, sample, scope):
    case = cases.case_of(op, sample)
    statements = Statements(case.program, {"np"}, None, False, NUMBA.code)
    try:
        lines = Writer(WORDS).body(statements.emit())
    except UnsupportedError as refusal:
        assert str(refusal).startswith("numba has no ")
        return
    at = cases.point(case, np.random.default_rng(3))
    local = scope | {str(X): at[str(X)] if np.ndim(at[str(X)]) else float(at[str(X)]) for X in case.operands}
    exec("\n".join(lines), local)
    (wanted,) = cases.function_of(case.program, cases.DISTINCT)(at)
    got = local[statements.names[case.program.outputs[0]]]
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-13)
