"""Loops of random bodies: gradients and products by central differences, forms that are equal, and stacks of points."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from loops import H, T, looped, row, sigmoid, step, tanh, total, var

import symgrad.derivation  # noqa: F401  (registers how programs print)
from symgrad.checking.evaluation import evaluate
from symgrad.core.loop import Feed
from symgrad.core.op import Node, variable
from symgrad.core.program import Equation, Program
from symgrad.derive.adjoints import adjoint
from symgrad.derive.probabilities import differentiable
from symgrad.derive.simplification import legible, simplified
from symgrad.derive.tangents import tangent
from symgrad.derive.vectorization import vmap
from symgrad.ops.indexing import take, whole

SEEDS = range(24)
LENGTHS = (0, 1, 3)
LONG = sympy.Add(T, 2)
X, W = (var("x0", LONG, H), var("x1", LONG, H)), (var("w0", H), var("w1", H))


class Drawn:
    """A loop with up to three carries, three fed arrays, two constants, two stacks and two sums, in either direction."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def one(self, *choices: Callable[[], Node]) -> Node:
        return self.draw.choice(choices)()

    def body(self, carries: list[Node], others: list[Node], stacks: int, sums: int) -> Program:
        pool, equations = [*carries, *others], dict[Node, Node]()
        for i in range(self.draw.randint(1, 4)):
            a, b = self.draw.choice(pool), self.draw.choice(pool)
            forms = (
                lambda a=a, b=b: tanh(a) * b,
                lambda a=a, b=b: a + tanh(b) / 2,
                lambda a=a, b=b: sigmoid(a + b),
                lambda a=a, b=b: total(a * b) * tanh(b) / 5,
                lambda a=a, b=b: a - b / 2,
            )
            equations[v := var(f"e{i}", H)] = self.one(*forms)
            pool.append(v)
        return step([*carries, *others], equations, self.draw.choices(pool, k=len(carries) + stacks + sums))

    def outside(self) -> Node:
        return self.one(lambda: W[0], lambda: W[0] + W[1], lambda: W[0] * tanh(W[1]), lambda: 0 * W[0])

    def program(self) -> Program:
        carries, fed, held = (
            [var(f"{c}{i}", H) for i in range(self.draw.randint(least, most))]
            for c, least, most in (("c", 0, 3), ("f", 1, 3), ("k", 0, 2))
        )
        stacks, sums = self.draw.randint(0 if carries else 1, 2), self.draw.randint(0, 2)
        arrays = (lambda: X[0], lambda: X[1], lambda: X[0] + X[1], lambda: tanh(X[0]))
        loop = looped(
            self.body(carries, [*fed, *held], stacks, sums),
            [self.outside() for _ in carries],
            [Feed(self.one(*arrays), self.draw.randint(0, 2)) for _ in fed],
            [self.outside() for _ in held],
            *(" ".join(f"{c}{i}" for i in range(n)) for c, n in (("S", len(carries)), ("Y", stacks), ("Z", sums))),
            back=self.draw.random() < 0.4,
        )
        value = total(W[0]) * 0
        for s in loop.states:
            turned = take(s, index=((T, sympy.Add(T, 1), -1), whole(H)))
            forms = (lambda s=s: total(s**2), lambda s=s: total(row(s, T) * W[0]), lambda s=s: total(row(s, 0) ** 3))
            value += self.one(*forms, lambda s=s, turned=turned: total(turned * s), lambda s=s: 0 * total(s))
        value += sum((total(tanh(s) * s) for s in loop.stacks), start=0) + sum((total(s * W[1]) for s in loop.sums), start=0)
        J = var("J")
        return Program("random", (*X, *W), (loop, Equation(J, value)), (J,))


def at(program: Program, point: dict[str, Any], move: dict[str, Any], by: float) -> list[np.ndarray]:
    found = evaluate(program, {name: x + by * move[name] for name, x in point.items()})
    return [np.asarray(found[str(v)]) for v in program.outputs]


def slopes(program: Program, point: dict[str, Any], move: dict[str, Any]) -> list[np.ndarray]:
    return [(a - b) / 2e-6 for a, b in zip(at(program, point, move, 1e-6), at(program, point, move, -1e-6), strict=True)]


@pytest.mark.parametrize("seed", SEEDS)
def test_derivatives_forms_and_stacks(seed: int):
    program = Drawn(seed).program()
    gradient = adjoint(differentiable(program), program.inputs)
    directions = {v: variable(f"d_{v}", v.shape) for v in program.inputs}
    product = tangent(gradient, directions, gradient.outputs[1:]).needed()
    stack = vmap(gradient, [X[0], W[0]], 2)
    assert str(legible(product)) and legible(gradient.needed()).latex()
    rng = np.random.default_rng(seed)
    for steps in LENGTHS:
        sizes = {LONG: steps + 2, H: 4}
        point, move = ({str(v): 0.5 * rng.normal(size=[sizes[d] for d in v.shape]) for v in program.inputs} for _ in range(2))
        still = dict.fromkeys(point, 0.0)
        _, *found = at(gradient, point, still, 0)
        along = sum(np.sum(g * move[str(v)]) for v, g in zip(program.inputs, found, strict=True))
        np.testing.assert_allclose(along, slopes(program, point, move)[0], rtol=1e-6, atol=1e-7)
        inputs = point | {f"d_{name}": x for name, x in move.items()}
        products = at(product, inputs, dict.fromkeys(inputs, 0.0), 0)
        for a, b in zip(products, slopes(gradient, point, move)[1:], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        for change in (simplified, legible):
            for a, b in zip(at(change(product), inputs, dict.fromkeys(inputs, 0.0), 0), products, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)
        other = point | {name: point[name] + 0.1 for name in ("x0", "w0")}
        both = point | {name: np.array([point[name], other[name]]) for name in ("x0", "w0")}
        for a, b, c in zip(
            at(stack, both, dict.fromkeys(both, 0.0), 0),
            [*at(gradient, point, still, 0)],
            at(gradient, other, still, 0),
            strict=True,
        ):
            np.testing.assert_allclose(np.broadcast_to(a, (2, *b.shape)), np.array([b, c]), rtol=1e-10, atol=1e-12)
