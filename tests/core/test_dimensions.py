"""Dimensions that no axis has alone: they are read off 2*e, T+1 or n-k+1, and held against every such axis."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.checking.sampling import inputs_from, program_sizes, sizes_for
from symgrad.core.dimensions import constraints, is_hopeless, is_sure, places, size_of
from symgrad.reading.annotations import declare

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
    with pytest.raises(ValueError, match=r"X: axis 1 is 5, and 2\*e is 4"):
        sg.forward(HEADS).derive().compile().value(X=rng.normal(size=(3, 5)), Wq=np.eye(5), Wk=np.eye(5))
    with pytest.raises(ValueError, match=r"X: axis 0 is 7, and 2\*n is 6"):
        sg.forward(HALVES).derive().compile().value(X=rng.normal(size=7), y=rng.normal(size=3))


def test_a_size_that_need_not_be_whole_says_the_way_out():
    with pytest.raises(sg.UnsupportedError, match=r"floor\(d/2\) need not be a whole number; declare the axis as a multiple"):
        sg.forward('def f(x: "d"): return sum(x.reshape(2, x.shape[0] // 2))')


def test_a_product_of_dimensions_alone_is_refused_by_name():
    with pytest.raises(sg.UnsupportedError, match="the dimension n is no axis of any input"):
        sg.forward('def f(x: "n*m", y: "m"): return sum(x.reshape(x.shape[0] // y.shape[0], y.shape[0]) @ y)').derive().compile()


def test_memory_of_differences():
    assert str(sg.forward(STEPS).derive().cost().memory["training"].peak) == "24*T + 16"


# differences ------------------------------------------------------------------------------------------------------------------

WINDOWS = """
def windows(x: "n", w: "k", y: "n-k+1"):
    m = x.shape[0] - w.shape[0] + 1
    r = x[:m] * x[w.shape[0] - 1:] - y
    return sum(r * sin(y)) + sum(w ** 3) * r[0]
"""
BEHIND = 'def behind(x: "n-k+1", w: "k", A: "2*n-1 n"):\n    return sum(exp(x[1:])) * sum(A[w.shape[0]:, :-1] ** 2)\n'


@pytest.mark.parametrize("text", [WINDOWS, BEHIND], ids=["an axis that is checked", "an axis that gives n away"])
def test_differences_are_derived_as_jax_has_them(text):
    """Value, gradient, Hessian-vector product and Hessian, at random sizes that fit."""
    assert sg.forward(text).derive().verify().ok


@pytest.mark.parametrize("target", ["numpy", "jax", "numba"])
@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((5, 2, 3), r"y: axis 0 is 3, and n - k \+ 1 is 4"),
        ((4, 4, 2), r"y: axis 0 is 2, and n - k \+ 1 is 1"),
        ((2, 5, 0), r"y: axis 0 is 0, and n - k \+ 1 is -2"),
    ],
)
def test_exported_code_holds_an_axis_against_the_others(target, sizes, said):
    module = sg.forward(WINDOWS).derive().compile(target)
    x, w, y = map(np.ones, sizes)
    for call in (module.value, module.value_and_grad, module.check):
        with pytest.raises(ValueError, match=said):
            call(x=x, w=w, y=y)
    with pytest.raises(ValueError, match=said):
        module.hvp((x, w, y), x=x, w=w, y=y)
    assert float(module.value(x=2 * np.ones(5), w=np.ones(2), y=np.ones(4))) == pytest.approx(12 * np.sin(1.0) + 6)


@pytest.mark.parametrize("target", ["numpy", "jax", "numba"])
def test_a_slice_that_leaves_nothing_of_its_axis_is_said(target):
    """NumPy would cut x[:k] short where k is beyond n, and the formulas would be of another function."""
    module = sg.forward('def f(x: "n", w: "k"):\n    return sum(x[:w.shape[0]] ** 2) + sum(w)').derive().compile(target)
    assert float(module.value(x=np.ones(3), w=np.ones(3))) == pytest.approx(6.0)
    with pytest.raises(ValueError, match=r"n - k is -2 at these sizes, and has to be 0 or more"):
        module.value(x=np.ones(3), w=np.ones(5))


def test_a_dimension_is_read_off_a_difference_after_those_that_it_needs():
    program = sg.forward('def f(x: "n-k+1", w: "k"): return sum(x) + sum(w)').program
    assert {name: (str(p.input), str(p.offset), p.needs) for name, p in places(program.inputs).items()} == {
        "k": ("w", "0", []),
        "n": ("x", "1 - k", ["k"]),
    }
    code = sg.forward('def f(x: "n-k+1", w: "k"): return sum(x) / (x.shape[0] + w.shape[0] - 1) + sum(w)').derive().numpy()
    assert "n = x.shape[0] + (k - 1)" in code


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize(
    "text", ["x: 'n', y: 'n-k-3'", "x: 'n', y: 'n-2*k', z: 'k-m+1'", "x: 'n', y: '2*k-n', z: 'm'", "x: '9-n', y: '3-n'"]
)
def test_random_sizes_leave_an_entry_on_every_axis(text, shift):
    program = sg.forward(f"def f({text}): return sum(x)").program
    sizes = program_sizes(program, shift)
    dims = [size_of(d, sizes) for v in program.inputs for d in v.shape]
    assert min(dims) >= 1 and len(set(sizes.values())) == len(sizes)


def test_random_sizes_follow_what_the_function_takes_of_an_axis():
    """Of x[k + 6:] an entry is left, and the sizes are the usual ones where nothing asks for others."""
    text = 'def f(w: "k", x: "n"): return sum(x[w.shape[0] + 6:]) * sum(w)'
    assert program_sizes(sg.forward(text).program) == {"k": 5, "n": 12}
    assert sizes_for(inputs_from({"x": "n d", "y": "d"})) == {"n": 5, "d": 4}


def test_shapes_that_contradict_one_another_are_refused():
    with pytest.raises(sg.InputError, match=r"the dimension '1-n' is 0 or less whatever the sizes"):
        sg.forward('def f(x: "1-n"): return sum(x)')
    with pytest.raises(sg.InputError, match=r"no sizes were found at which every axis has an entry: n - k - 1, k - n - 1"):
        sg.forward('def f(x: "n-k", y: "k-n"): return sum(x) + sum(y)').derive().verify()
    with pytest.raises(sg.ShapeError, match=r"x is \(n - k,\) and y is \(n - k \+ 1,\)"):
        sg.forward('def f(x: "n-k", y: "n-k+1"): return sum(x * y)')


def test_a_given_point_is_held_against_differences():
    d, x = sg.forward('def f(x: "n-k+1", w: "k", z: "n"): return sum(x * 2) + sum(w) + sum(z)').derive(), np.ones
    assert d.verify(at={"x": x(3), "w": x(2), "z": x(4)}).ok
    with pytest.raises(sg.InputError, match=r"gives x the shape \(2,\), and it is \(n - k \+ 1,\) with k = 2, n = 4"):
        d.verify(at={"x": x(2), "w": x(2), "z": x(4)})


@pytest.mark.parametrize(
    ("text", "sure", "hopeless"),
    [("n+1", True, False), ("n-1", True, False), ("n-k", False, False), ("n*k-1", True, False), ("n*k-k-n+1", True, False)],
)
def test_what_is_known_of_a_difference_without_sizes(text, sure, hopeless):
    (dim,) = declare(text, "x").shape
    assert (is_sure(dim), is_hopeless(dim), is_hopeless(-dim - 1)) == (sure, hopeless, sure)


def test_constraints_name_the_strongest():
    program = sg.forward(WINDOWS).program
    assert [str(c) for c in constraints(eq.expr for eq in program.equations)] == ["-k + n + 1"]
