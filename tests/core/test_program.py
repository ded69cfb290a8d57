"""A Program checks its equations when it is made: names, order, shapes, known operations."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.op import REGISTRY, variable
from symgrad.core.program import Equation, Program, fresh
from symgrad.errors import InputError, ShapeError

exp, tanh = REGISTRY["exp"], REGISTRY["tanh"]
N = sympy.Symbol("n", integer=True, positive=True)
x, z, h = (variable(name, (N,)) for name in "xzh")


def program(*equations: Equation, outputs=(h,)) -> Program:
    return Program("model", (x,), equations, outputs)


def test_every_symbol_is_assigned_once():
    with pytest.raises(InputError, match=r"^z is assigned twice$"):
        program(Equation(z, exp(x)), Equation(z, tanh(x)))


def test_an_input_is_not_assigned():
    with pytest.raises(InputError, match=r"^x is assigned twice$"):
        program(Equation(x, exp(x)))


def test_nothing_is_read_before_it_is_assigned():
    with pytest.raises(InputError, match=r"^h reads z before it is assigned$"):
        program(Equation(h, tanh(z)), Equation(z, exp(x)))


def test_both_sides_have_one_shape():
    with pytest.raises(ShapeError, match=r"^h has shape \(n,\), its right side \(\)$"):
        program(Equation(h, variable("x", (N,)) @ x))


def test_outputs_are_assigned():
    with pytest.raises(InputError, match=r"^program model: output h is never assigned$"):
        program(Equation(z, exp(x)))


def test_operations_are_registered():
    stray = replace(REGISTRY["cos"], name="stray")
    del REGISTRY["stray"]
    with pytest.raises(InputError, match=r"^h uses the unregistered operation stray$"):
        program(Equation(h, stray(x)))


def test_needed_drops_what_the_output_does_not_read():
    whole = program(Equation(z, exp(x)), Equation(h, tanh(x)))
    assert [eq.name for eq in whole.needed().equations] == ["h"]
    assert [eq.name for eq in whole.needed([z]).equations] == ["z"]


def test_names_hold_the_dimensions_too():
    assert program(Equation(h, tanh(x))).names == {"x", "h", "n"}


def test_an_unknown_input_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"^program model has no input 'y'; its inputs are x$"):
        program(Equation(h, tanh(x))).input("y")


def test_fresh_gives_way():
    assert fresh("z_bar", []) == "z_bar"
    assert fresh("z_bar", ["z_bar", "z_bar_2"]) == "z_bar_3"
