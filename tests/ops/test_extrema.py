"""Maxima and minima against jax, with ties split equally."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import check_against_jax, compiled, forward_source

import symgrad as sg

AGREE = {
    "max": ('x: "n"', "jnp.max(x) ** 2"),
    "max_rows": ('X: "m n", w: "m"', "w @ jnp.max(X, axis=1) ** 2"),
    "max_columns_kept": ('X: "m n"', "jnp.sum((X - X.max(axis=0, keepdims=True)) ** 2)"),
    "amax_negative_axis": ('X: "m n k"', "jnp.sum(jnp.amax(X, axis=(-1, 0)) ** 3)"),
    "min": ('X: "m n"', "jnp.min(X) * jnp.amin(X, axis=1) @ X.min(-1) ** 2"),
}


@pytest.mark.parametrize("name", AGREE)
def test_agrees_with_jax(name: str):
    check_against_jax(forward_source(*AGREE[name]))


TIES = {
    "max": ('X: "m n"', "jnp.max(X) ** 2"),
    "max_rows": ('X: "m n"', "jnp.sum(jnp.max(X, axis=1) ** 2)"),
    "min_columns": ('X: "m n"', "jnp.sum(jnp.min(X, axis=0) ** 2)"),
}
TIED = {"X": np.array([[1.0, 3.0, 3.0, 0.0], [3.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])}


@pytest.mark.parametrize("name", TIES)
def test_ties_as_jax_splits_them(name: str):
    check_against_jax(forward_source(*TIES[name]), TIED)


def test_three_that_tie_share_equally():
    gradient = compiled(forward_source('x: "n"', "max(x)")).grad(x=np.array([2.0, 5.0, 5.0, 5.0]))
    np.testing.assert_allclose(gradient.x, [0, 1 / 3, 1 / 3, 1 / 3])


def test_prints():
    text = sg.forward(forward_source('X: "m n"', "sum(max(X, axis=1))")).derive().latex()
    assert r"\max_{\mathrm{rows}}(X)" in text
    assert r"[\![X = \max_{\mathrm{rows}}(X)]\!]" in text
