"""Measured times beside counted flops: every function of the module runs, at the sizes and in the dtype that are counted."""

from pathlib import Path

import jax.numpy as jnp
import pytest

import symgrad as sg
from symgrad.command.cli import main
from symgrad.costs import timing
from symgrad.costs.timing import runs, timing_table

TOP = Path(__file__).parents[2] / "derivations"
SIZES = {"d": 5, "h": 4, "q": 3}


def test_every_function_is_run_and_counted():
    cost = sg.forward(TOP / "d2l_mlp_bias.py").derive("W1", "b1", "W2", "b2").cost(SIZES, "float32")
    found = list(runs(cost, {}))
    names = ["value", "value and gradient", "Hessian-vector product", "Hessian diagonal", "Hessian in closed form"]
    assert [r.name for r in found] == names and all(r.seconds > 0 for r in found)
    assert [r.flops for r in found] == [cost.at(cost.flops[name]) for name in names]
    rows = timing_table(found).rows
    assert rows[1][3] == "1" and rows[0][1] == f"{found[0].flops:,}"


def test_of_an_array_the_jacobian_is_run():
    cost = sg.forward('def f(x: "n", A: "m n"): return jnp.tanh(A @ x)').derive("x").cost({"m": 3, "n": 4})
    assert [r.name for r in runs(cost, {})][:2] == ["value", "Jacobian-vector product"]


def test_what_does_not_fit_is_not_run(monkeypatch):
    monkeypatch.setattr(timing, "MOST_BYTES", 2000)
    cost = sg.forward(TOP / "d2l_mlp_bias.py").derive("W1", "b1", "W2", "b2").cost(SIZES)
    *_, last = runs(cost, {})
    assert last.seconds is None and last.why == f"not run: {cost.at(cost.memory['Hessian'].total):,} bytes"


def test_functions_left_open_are_bound():
    cost = sg.forward(TOP / "d2l_generic.py").derive("W1", "W2").cost(SIZES)
    with pytest.raises(sg.InputError, match="leaves l, phi generic"):
        list(runs(cost, {}))
    assert all(r.seconds for r in runs(cost, {"phi": jnp.tanh, "l": lambda o, y: 0.5 * jnp.sum((o - y) ** 2)}))


def test_the_command_line_answers_in_one_table(capsys):
    assert main(["cost", str(TOP / "d2l_mlp_bias.py"), "--sizes", "d=5,h=4,q=3", "--measure"]) == 0
    assert "Measured on this machine" in capsys.readouterr().out
