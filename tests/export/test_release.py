"""Long functions give their arrays up after the last use, and compute the same."""

import ast
import tracemalloc

import numpy as np
import pytest

import symgrad as sg
from symgrad.export.lowered import Assign, Return
from symgrad.export.release import SHORTEST, released
from symgrad.export.syntax import filled, name, tuple_of
from symgrad.export.writer import Writer

LAYERS = 16
N = 128


@pytest.fixture(scope="module")
def deep():
    weights = ", ".join(f'W{i}: "n n"' for i in range(1, LAYERS + 1))
    body = "".join(f"    H{i} = tanh({f'H{i - 1}' if i > 1 else 'X'} @ W{i})\n" for i in range(1, LAYERS + 1))
    source = f'def deep(X: "n n", {weights}):\n{body}    return sum(H{LAYERS} ** 2)\n'
    return sg.forward(source).derive(*(f"W{i}" for i in range(1, LAYERS + 1)))


def functions(source):
    return {f.name: f for f in ast.parse(source).body if isinstance(f, ast.FunctionDef)}


@pytest.mark.parametrize("name", ["value_and_grad", "hvp"])
def test_what_is_given_up_is_never_read_again(deep, name):
    gone = set()
    for statement in functions(deep.code("numpy"))[name].body:
        assert not gone & {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        if isinstance(statement, ast.Delete):
            gone |= {target.id for target in statement.targets}
    assert {f"H{i}" for i in range(1, LAYERS)} <= gone


def test_a_deep_network_holds_its_values_and_its_gradient_alone(deep):
    rng = np.random.default_rng(0)
    inputs = {name: rng.normal(size=(N, N)) / N**0.5 for name in ["X", *(f"W{i}" for i in range(1, LAYERS + 1))]}
    module = deep.compile()
    module.value_and_grad(**inputs)
    tracemalloc.start()
    module.value_and_grad(**inputs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Z and H of every layer, given up as the gradients come; a few temporaries.
    assert peak <= (2 * LAYERS + 4) * 8 * N * N * 1.02


def test_short_functions_stay_as_they_are():
    body = [Assign(f"a{i}", filled("{0} @ {1}", name("b"), name("c"))) for i in range(SHORTEST - 1)]
    assert released(body, {"b", "c"}) == body


def test_nothing_is_given_up_after_the_result():
    a, b, c, d = map(name, "abcd")
    body = [Assign("a", filled("{0} @ {1}", b, c)), *[Assign("d", filled("{0} + 1", c))] * SHORTEST, Return(tuple_of([a, d]))]
    lines = map(Writer({}).line, released(body, {"a", "b", "c"}))
    assert list(lines) == ["a = b @ c", "del b", *["d = c + 1"] * SHORTEST, "del c", "return a, d"]
