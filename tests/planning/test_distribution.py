"""With sizes given, products are taken in the order that costs least at these sizes."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.core.counting import flops
from symgrad.planning.schedule import scheduled

FACTORISATION = 'def f(T: "m n", U: "m k", V: "n k"):\n    R = U @ V.T - T\n    return sum(R ** 2)\n'
THIN, THICK = {"m": 300, "n": 200, "k": 5}, {"m": 6, "n": 5, "k": 40}


def counted(derivation, sizes):
    """Flops of the product as it is, and as it is scheduled for these sizes."""
    program = derivation.tangent
    numbers = {s: sizes[s.name] for v in program.inputs for d in v.shape for s in d.free_symbols}
    return [flops(p).subs(numbers) for p in (scheduled(program), scheduled(program, numbers))]


def test_a_thin_sum_is_never_formed():
    plain, known = counted(sg.forward(FACTORISATION).derive("U", "V"), THIN)
    assert known < 0.5 * plain


def test_a_thick_sum_is_formed_once():
    plain, known = counted(sg.forward(FACTORISATION).derive("U", "V"), THICK)
    assert known == plain


def test_a_sum_that_is_read_entry_by_entry_is_formed():
    text = 'def f(T: "m n", U: "m k", V: "n k"):\n    R = U @ V.T\n    return sum(exp(R) * T)\n'
    plain, known = counted(sg.forward(text).derive("U"), THIN)
    assert known == plain


@pytest.mark.parametrize("sizes", [THIN, THICK])
def test_the_same_numbers(sizes):
    d = sg.forward(FACTORISATION).derive("U", "V")
    rng = np.random.default_rng(0)
    arrays = {v: rng.normal(size=[sizes[str(s)] for s in shape]) for v, shape in (("T", "mn"), ("U", "mk"), ("V", "nk"))}
    direction = rng.normal(size=arrays["U"].shape), rng.normal(size=arrays["V"].shape)
    for got, want in zip(d.compile(sizes=sizes).hvp(direction, **arrays), d.compile().hvp(direction, **arrays), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_sizes_are_held_against_the_dimensions():
    d = sg.forward(FACTORISATION).derive("U", "V")
    with pytest.raises(sg.InputError, match="has no dimension 'r'"):
        d.code("numpy", sizes={"r": 3})
    with pytest.raises(sg.InputError, match="positive whole number"):
        d.code("numpy", sizes={"k": 0})


def test_the_module_says_for_which_sizes():
    d = sg.forward(FACTORISATION).derive("U", "V")
    assert "Products are in the order that costs least for m = 300, n = 200, k = 5." in d.code("numpy", sizes=THIN)
    assert "costs least" not in d.code("numpy")
