"""A library is a table: its words, its keyword for axes, and whether its arrays change."""

from types import MappingProxyType

import numpy as np
import pytest

from symgrad.checking.evaluation import evaluate
from symgrad.derivation import forward
from symgrad.errors import SymgradError
from symgrad.reading.dialects import (
    DIALECTS,
    EITHER,
    JAX,
    NUMPY,
    Dialect,
    dialect_of,
    dialects_together,
    home_of,
    is_known,
    module_known_as,
)

TILES = Dialect(
    name="tiles",
    roots=frozenset({"tiles"}),
    aliases={"ti": "tiles"},
    mutable=True,
    axis="dim",
    renamed=MappingProxyType({"cat": "concatenate", "mm": "matmul", "absolute": "abs"}),
)
SOURCE = """
import tiles as ti
def f(A: "2 3", b: "3"):
    r = A[0]
    r *= 2.0
    C = ti.cat([A, b[None]], dim=0)
    return ti.sum(ti.absolute(ti.mm(C, C.T))) + ti.sum(A.sum(dim=1) ** 2)
"""
A, b = np.arange(6.0).reshape(2, 3) - 2, np.array([1.0, -2.0, 0.5])


def by_numpy() -> float:
    changed = A.copy()
    changed[0] *= 2
    C = np.concatenate([changed, b[None]])
    return float(np.abs(C @ C.T).sum() + (changed.sum(axis=1) ** 2).sum())


def test_a_further_library_needs_a_record_and_no_reader(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SymgradError, match="tiles"):
        forward(SOURCE)
    monkeypatch.setitem(DIALECTS, "tiles", TILES)
    assert evaluate(forward(SOURCE).program, {"A": A, "b": b})["f"] == pytest.approx(by_numpy())
    frozen = Dialect("tiles", TILES.roots, TILES.aliases, mutable=False, axis="dim", renamed=TILES.renamed)
    monkeypatch.setitem(DIALECTS, "tiles", frozen)
    assert evaluate(forward(SOURCE).program, {"A": A, "b": b})["f"] != pytest.approx(by_numpy())


def test_whose_words_and_arrays():
    assert dialect_of("scipy.special") is NUMPY and dialect_of("jax.numpy") is JAX and dialect_of("math") is None
    assert is_known("math") and not is_known("torch")
    assert (module_known_as("jnp"), module_known_as("sp"), module_known_as("nowhere")) == ("jax.numpy", "scipy", None)
    assert home_of([NUMPY, NUMPY]) is NUMPY and home_of([]) is NUMPY and home_of([NUMPY, JAX]) is EITHER
    assert (
        dialects_together([NUMPY, JAX]) is JAX
        and dialects_together([NUMPY, EITHER]) is EITHER
        and dialects_together([EITHER, JAX]) is JAX
    )
