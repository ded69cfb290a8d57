"""Dimensions that no axis has alone: they are read off 2*e or T+1, and held against every such axis."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.core.dimensions import places

HEADS = """
def heads(X: "t 2*e", Wq: "2*e 2*e", Wk: "2*e 2*e"):
    t, d = X.shape
    Q = (X @ Wq).reshape(t, 2, d // 2).transpose(1, 0, 2)
    K = (X @ Wk).reshape(t, 2, d // 2).transpose(1, 0, 2)
    return sum(softmax(Q @ K.transpose(0, 2, 1) / sqrt(d // 2), axis=-1)[:, :, 0] ** 2)
"""
STEPS = 'def f(x: "T+1"):\n    T = x.shape[0] - 1\n    return sum((x[1:] - x[:-1]) ** 2) / T\n'
HALVES = 'def f(X: "2*n", y: "n"):\n    return sum(X[:y.shape[0]] * y)\n'


@pytest.mark.parametrize("text", [HEADS, STEPS], ids=["2*e", "T+1"])
def test_code_knows_the_dimension(text):
    assert sg.forward(text).derive().verify().ok


def test_an_axis_of_the_dimension_itself_goes_first():
    found = places(sg.forward('def f(a: "2*n+1", b: "3*m", c: "n", d: "n*m"): return sum(c)').program.inputs)
    assert {name: (str(p.input), p.axis, p.factor, p.offset) for name, p in found.items()} == {
        "n": ("c", 0, 1, 0),
        "m": ("b", 0, 3, 0),
    }


def test_a_size_that_does_not_fit_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"X: dimension 2\*e is 5, elsewhere 4"):
        sg.forward(HEADS).derive().compile().value(X=rng.normal(size=(3, 5)), Wq=np.eye(5), Wk=np.eye(5))
    with pytest.raises(ValueError, match=r"X: dimension 2\*n is 7, elsewhere 6"):
        sg.forward(HALVES).derive().compile().value(X=rng.normal(size=7), y=rng.normal(size=3))


def test_a_size_that_need_not_be_whole_says_the_way_out():
    with pytest.raises(sg.UnsupportedError, match=r"floor\(d/2\) need not be a whole number; declare the axis as a multiple"):
        sg.forward('def f(x: "d"): return sum(x.reshape(2, x.shape[0] // 2))')


def test_a_product_of_dimensions_alone_is_refused_by_name():
    with pytest.raises(sg.UnsupportedError, match="the dimension n is no axis of any input"):
        sg.forward('def f(x: "n*m", y: "m"): return sum(x.reshape(x.shape[0] // y.shape[0], y.shape[0]) @ y)').derive().compile()


def test_memory_of_differences():
    assert str(sg.forward(STEPS).derive().cost().memory["training"].peak) == "24*T + 24"
