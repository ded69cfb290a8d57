"""The programs of a derivation need a Program and its variables alone, and each is made once."""

import pytest

import symgrad as sg
import symgrad.passes
from symgrad.passes import Passes, chosen

MLP = 'def f(x: "d", W: "h d", v: "h", y: "n | int"):\n    h = tanh(W @ x)\n    return v @ h'
MADE = ("differentiable", "adjoint", "direction_names", "gauss_newton", "hessian_plans", "diagonal_program", "factored", "commute")


def test_each_is_made_once(monkeypatch):
    """Whatever is asked of a derivation, and however often."""
    made = dict.fromkeys(MADE, 0)

    def counting(name, function):
        def counted(*args, **kwargs):
            made[name] += 1
            return function(*args, **kwargs)

        return counted

    for name in MADE:
        monkeypatch.setattr(symgrad.passes, name, counting(name, getattr(symgrad.passes, name)))
    d = sg.forward(MLP).derive("W", "v")
    for _ in range(2):
        assert str(d) and d.latex() and d.numpy() and d.code("jax") and d.cost().tables() and d.gauss_newton
    assert made == dict.fromkeys(MADE, 1)


def test_they_need_no_derivation():
    program = sg.forward(MLP).program
    passes = Passes(program, chosen(program, ["W"]))
    d = sg.forward(MLP).derive("W")
    assert passes.adjoint == d.adjoint and passes.tangent == d.tangent and passes.plan.name == d.passes.plan.name


@pytest.mark.parametrize(
    ("names", "found"), [((), ["x", "W", "v"]), (("v", "x"), ["v", "x"])], ids=["every input of real numbers", "as they are named"]
)
def test_what_is_derived_in(names, found):
    assert list(map(str, chosen(sg.forward(MLP).program, names))) == found


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("W", "W"), "^a variable is named twice in W, W$"),
        (("y",), "^y holds integer labels; there is no derivative in it$"),
        (("z",), "^program f has no input 'z'; its inputs are x, W, v, y$"),
    ],
)
def test_what_is_no_variable_is_refused(names, message):
    with pytest.raises(sg.InputError, match=message):
        chosen(sg.forward(MLP).program, names)
