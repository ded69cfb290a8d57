"""Cumulative sums against jax."""

import pytest
from agreement import check_against_jax, forward_source

import symgrad as sg

AGREE = {
    "vector": ('x: "n"', "jnp.sum(jnp.cumsum(x) ** 3)"),
    "axes": ('X: "m n"', "jnp.sum(jnp.cumsum(X, axis=1) ** 2 * X.cumsum(axis=0))"),
}


@pytest.mark.parametrize("name", AGREE)
def test_agrees_with_jax(name):
    check_against_jax(forward_source(*AGREE[name]), tolerance=1e-9)


def test_an_axis_is_asked_for():
    with pytest.raises(sg.UnsupportedError, match="name the axis"):
        sg.forward(forward_source('A: "m n"', "sum(cumsum(A))"))
