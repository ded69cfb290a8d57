"""The program of one device, run for all devices of a mesh, is the whole program: on random plans, for every operation."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import sympy
from devices import Devices
from hypothesis import given, settings
from hypothesis import strategies as st

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import Input, inputs_of, sample_inputs
from symgrad.core.op import REGISTRY, variable
from symgrad.core.program import Equation, Program
from symgrad.core.signature import entrywise, together
from symgrad.ops.broadcasting import sum_
from symgrad.partition.mesh import Mesh, MeshPlan
from symgrad.partition.placing import place
from symgrad.planning.schedule import scheduled
from symgrad.reading.annotations import declare

FOLDER = Path(__file__).parents[2] / "derivations"
SQUARED = {
    "l": lambda o, y: 0.5 * np.sum((o - y) ** 2),
    "dl": lambda o, y: o - y,
    "phi": np.tanh,
    "dphi": lambda x: 1 - np.tanh(x) ** 2,
}
MESH = {"a": 2, "b": 3}


def derived(stem):
    path = FOLDER / f"{stem}.py"
    return sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])


def agree(program, mesh, plan, wanted, inputs, sizes, functions=None):
    """Every symbol, put together from the pieces, is that of the whole program."""
    placed = place(program, mesh, plan, wanted, sizes)
    devices = Devices(mesh, sizes)
    pieces = devices.run(placed, inputs, functions)
    whole = evaluate(program, inputs, functions)
    for symbol, local in zip(program.equations, placed.program.equations, strict=True):
        expected = whole[symbol.name]
        got = devices.joined(pieces[local.symbol], placed.splits[local.symbol], np.shape(expected))
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9, err_msg=f"{symbol.name} under {plan}")
    return placed


def random_split(draw, v):
    """Any mesh axes on any axes of the array, each once."""
    split = [[] for _ in v.shape]
    for m in MESH if v.ndim else ():
        k = draw(st.integers(-1, v.ndim - 1))
        if k >= 0:
            split[k].append(m)
    return tuple(map(tuple, split))


STEMS = """mlp_batch attention logistic softmax_mse softmax_regression layer_norm ridge rnn_three_steps d2l_generic
batch_norm info_nce lstm_cell poisson""".split()
DERIVATIONS = {stem: derived(stem) for stem in STEMS}


@pytest.mark.parametrize("stem", DERIVATIONS)
@settings(max_examples=6, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_plans_of_derivations(stem, data):
    """Inputs and named values split at random, all sizes multiples of the mesh; gradients lie as their variables."""
    d = DERIVATIONS[stem]
    program = scheduled(d.adjoint)
    arrays = [v for v in program.inputs if not v.params["properties"] & {"entrywise", "loss"}]
    names = dict.fromkeys(s.name for v in arrays for dim in v.shape for s in getattr(dim, "free_symbols", ()))
    sizes = {name: 6 * (k % 3 + 1) for k, name in enumerate(names)}
    fits = {v: all(not isinstance(dim, int) for dim in v.shape) for v in (*program.inputs, *(e.symbol for e in program.equations))}
    splits = {str(v): random_split(data.draw, v) for v in arrays if fits[v]}
    for eq in d.program.equations[:-1]:
        if fits.get(eq.symbol) and data.draw(st.booleans()):  # code may do without an equation
            splits[eq.name] = random_split(data.draw, eq.symbol)
    mesh = Mesh(MESH, program.names)
    plan = MeshPlan({}, splits)
    wanted = {g: plan.split(v) for v, g in zip(d.wrt, program.outputs[1:], strict=True)}
    placed = agree(program, mesh, plan, wanted, sample_inputs(inputs_of(arrays), sizes, 0, "unit"), sizes, SQUARED)
    locals_ = dict(zip(program.outputs, placed.program.outputs, strict=True))
    assert all(placed.splits[locals_[g]] == split for g, split in wanted.items())


SAMPLES = [(op, s) for op in REGISTRY.values() for s in op.samples if op.name not in ("apply", "loss", "removable")]
SIZES = dict.fromkeys("bmnkl", 6)
ANY = variable("any", tuple(sympy.symbols("b m n k l", integer=True, positive=True)))
"""An input that has every dimension, for operations whose result has some that their operands have not."""

SUMMED = {"positive", "unit"}


def operand(draw, name, text):
    """A variable, or where no property forbids it the mean of six arrays: split along the first axis, a partial sum."""
    declared = declare(text, name)
    if declared.properties <= SUMMED and draw(st.booleans()):
        v = variable(name, (sympy.Symbol("k", integer=True, positive=True), *declared.shape), declared.properties)
        return v, sum_(v, axes=(0,)) / 6
    v = variable(name, declared.shape, declared.properties)
    return v, v


@pytest.mark.parametrize(("op", "sample"), SAMPLES, ids=[f"{op.name}-{op.samples.index(s)}" for op, s in SAMPLES])
@settings(max_examples=3, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_placements_of_every_operation(op, sample, data):
    inputs, operands = zip(*(operand(data.draw, f"x{i}", text) for i, text in enumerate(sample.specs)), strict=True)
    expr = op.node(*operands, **sample.static)
    y = variable("y", expr.shape)
    program = Program("f", (*inputs, ANY), (Equation(y, expr),), (y,))
    splits = {str(x): random_split(data.draw, x) for x in inputs if all(not isinstance(d, int) for d in x.shape)}
    arrays = sample_inputs([Input(str(x), x.shape, x.params["properties"]) for x in inputs], SIZES, 1, "unit")
    arrays = {name: x % 3 if x.dtype.kind == "i" else x for name, x in arrays.items()}
    arrays["any"] = np.zeros((6,) * ANY.ndim)
    agree(program, Mesh(MESH, program.names), MeshPlan({}, splits), {}, arrays, SIZES)


def test_a_wrong_rule_is_found(monkeypatch):
    """tanh of a summand taken for the summand of a tanh."""
    monkeypatch.setitem(vars(REGISTRY["tanh"]), "axes", lambda node: entrywise(node, together(node.args), partial=True))
    text = "def f(X: 'n d', W: 'd h'): return sum(tanh(X @ W))"
    program = scheduled(sg.forward(text).derive("W").adjoint)
    inputs = sample_inputs(inputs_of(program.inputs), {"n": 3, "d": 6, "h": 4}, 0)
    with pytest.raises(AssertionError):
        agree(program, Mesh({"a": 2}, program.names), MeshPlan({"d": ("a",)}, {}), {}, inputs, {"n": 3, "d": 6, "h": 4})
