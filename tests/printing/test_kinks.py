"""At ties and zeros too, what is printed is what is computed: every line, read literally, against the exported code.

A sign is read as the document defines it (`Op.defines`).  Where the code has no number, nothing is claimed.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import sympy
from cases import symbol
from index_reader import value_of as entries
from latex_reader import Eye, value_of

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.core.graph import postorder
from symgrad.core.language import LANGUAGE
from symgrad.core.op import ATOM, REGISTRY, Node, Op, variable
from symgrad.core.program import Equation, Program
from symgrad.derivation import Forward
from symgrad.ops.arithmetic import multiply
from symgrad.ops.broadcasting import sum_
from symgrad.printing.entries import high_nodes
from symgrad.printing.indices import sides
from symgrad.printing.latex import Show
from symgrad.reading.annotations import declare

SHOW, SIZES = Show(), {"m": 2, "n": 3}
KINKED = [op for op in REGISTRY.values() if op.kink or op.name in ("prod", "prod_slope")]
"""All but the two that are defined by a limit, which nobody reads off a formula."""

VANISHING = {"select", "norm", "direction", "xlogy"}
"""Those whose definition says that 0 times what has no value is 0."""


# programs -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Built:
    """An operation on operands of its own; where `inside` is given, that stands in the place of the first."""

    node: Node
    moving: tuple[str, ...]

    def derivation(self) -> sg.Derivation:
        """Of the sum of its entries with weights."""
        Z, W = variable("Z", self.node.shape), variable("W", self.node.shape)
        weighted = multiply(W, Z)
        f = variable("f")
        total = sum_(weighted, axes=tuple(range(Z.ndim))) if Z.ndim else weighted
        inputs = (*dict.fromkeys(v for v in postorder([self.node]) if v.op.name == "variable"), W)
        return Forward(Program("f", inputs, (Equation(Z, self.node), Equation(f, total)), (f,))).derive(*self.moving)


def operands(sample, letter: str) -> tuple[Node, ...]:
    """Variables of which nothing is known; the name of what must not be negative ends in p."""
    declared = [declare(spec, "x") for spec in sample.specs]
    return tuple(variable(f"{letter}{i}{'p' * ('positive' in d.properties)}", d.shape) for i, d in enumerate(declared, 1))


def alone(op: Op, sample) -> Built:
    X = operands(sample, "x")
    return Built(op.node(*X, **sample.static), tuple(map(str, X)))


def nested(outer: Op, inner: Op) -> Built | None:
    """The first way in which one fits into the other."""
    for a, b in itertools.product(outer.samples, inner.samples):
        X, Y = operands(a, "x"), operands(b, "y")
        inside = inner.node(*Y, **b.static)
        if inside.shape == X[0].shape:
            return Built(outer.node(inside, *X[1:], **a.static), tuple(map(str, (*Y, *X[1:]))))
    return None


# numbers ------------------------------------------------------------------------------------------------------------------


def numeric(node: Node) -> tuple[int, ...]:
    return tuple(int(sympy.sympify(d).subs({symbol(k): v for k, v in SIZES.items()})) for d in node.shape)


def matrix(x) -> np.ndarray:
    x = np.asarray(x, dtype=float)
    return x.reshape(len(x), -1) if x.ndim else x.reshape(1, 1)


WHOLE = 4
"""Entries up to which every point of the grid {-1, 0, 1}^k is tried."""


def points(d: sg.Derivation, count: int):
    """The grid where it is small; else zeros, ones and random points of it.  Weights are no numbers of the grid, directions are."""
    rng = np.random.default_rng(0)
    moving = [v for v in d.program.inputs if str(v) != "W"]
    sizes = [int(np.prod(numeric(v))) for v in moving]
    least = [low for v, n in zip(moving, sizes, strict=True) for low in n * [0 if str(v)[-1] == "p" else -1]]
    if sum(sizes) <= WHOLE:
        flat = [np.array(point, dtype=float) for point in itertools.product(*(range(low, 2) for low in least))]
    else:
        flat = [np.zeros(len(least)), np.ones(len(least)), *(rng.integers(least, 2) * 1.0 for _ in range(count - 2))]
    for point in flat:
        at = {v: x.reshape(numeric(v)) for v, x in zip(moving, np.split(point, np.cumsum(sizes)[:-1]), strict=True)}
        weights = {v: rng.normal(size=numeric(v)) for v in d.program.inputs if v not in at}
        yield at | weights, {v: rng.integers(-1, 2, numeric(v)) * 1.0 for v in d.wrt}


def literal(d: sg.Derivation, given: dict[Node, np.ndarray]) -> dict[Node, np.ndarray]:
    """Every printed line in turn, from its LaTeX and the lines before it."""
    equations = tuple(eq for _, section in d.sections() for eq in section)
    defined = {n.op.name for eq in equations for n in postorder([eq.expr])}
    names = {name: matrix(size) for name, size in SIZES.items()} | {SHOW.text(v): matrix(x) for v, x in given.items()}
    found = {}
    for eq in equations:
        left, right = sides(eq.symbol, eq.expr, SHOW)
        shape = numeric(eq.symbol)
        value = value_of(right, names, vanishing=bool(defined & VANISHING))
        value = value.scale * np.eye(*shape) if isinstance(value, Eye) else value
        names[left] = np.broadcast_to(value, matrix(np.zeros(shape)).shape)
        found[eq.symbol] = names[left].reshape(shape)
    return found


def check(d: sg.Derivation, count: int = 12) -> None:
    module = d.compile()
    for at, moved in points(d, count):
        check_at(d, module, at, moved)


def check_at(d, module, at, moved) -> None:
    inputs = {str(v): x for v, x in at.items()}
    with np.errstate(all="ignore"):
        printed = literal(d, at | {d.directions[v]: x for v, x in moved.items()})
        value, computed = module.value(**inputs), (*module.grad(**inputs), *module.hvp(tuple(moved.values()), **inputs))
    for symbol_, wanted in zip((*d.adjoint.outputs[1:], *d.tangent.outputs), computed, strict=True):
        got = printed[symbol_]
        assert not np.all(np.isfinite([value, *np.ravel(wanted)])) or np.allclose(got, wanted, rtol=1e-9, atol=1e-12), (
            f"{SHOW.text(symbol_)} reads as\n{got}\nand is computed as\n{wanted}\nat {inputs}, {moved}, in\n{d}"
        )


# laws -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "sample"), [(op, s) for op in KINKED for s in op.samples], ids=lambda x: getattr(x, "name", None) or str(x.specs)
)
def test_alone(op, sample):
    check(alone(op, sample).derivation())


WRITTEN = [op for op in KINKED if op.name in LANGUAGE or op.name == "select"]
"""Those that people write; the others are made by their rules."""


@pytest.mark.parametrize("outer", WRITTEN, ids=lambda op: op.name)
def test_one_in_another(outer):
    for inner in WRITTEN:
        if (built := nested(outer, inner)) is not None:
            check(built.derivation(), count=4)


PROGRAMS = {
    "clipped surrogate": ('r: "n", A: "n", eps: ""', "sum(minimum(r * A, clip(r, 1 - eps, 1 + eps) * A))"),
    "minimum twice": ('x: "n", a: "n"', "sum(minimum(x, minimum(x, a)) * a)"),
    "truncated squares": ('x: "n", c: ""', "sum(minimum(x**2 / 2, minimum(x**2 / 2, c)))"),
    "squared hinge": ('x: "n", y: "n"', "sum(maximum(0, 1 - x * y) ** 2)"),
    "clip": ('x: "n", y: "n"', "sum(clip(x, -1, 1) * y)"),
    "L1": ('X: "m n", y: "m"', "sum(linalg.norm(X, 1, axis=1) * y)"),
    "L-infinity": ('X: "m n", y: "m"', "sum(linalg.norm(X, np.inf, axis=1) * y)"),
    "L-infinity of all": ('x: "n", y: "n"', "max(abs(x - y))"),
    "norm": ('x: "n", s: ""', "s * linalg.norm(x)"),
    "norms of rows": ('X: "m n", c: "m"', "c @ linalg.norm(X, axis=1)"),
    "norms of columns": ('X: "m n", c: "n"', "linalg.norm(X, axis=0) @ c"),
    "products": ('x: "n", y: "n"', "prod(x) * prod(y) + prod(x * y)"),
    "products of rows": ('X: "m n", c: "m"', "c @ prod(X, axis=1)"),
    "products of sizes": ('x: "n"', "prod(abs(x))"),
    "powers": ('xp: "n", y: "n"', "sum((1 + y) * xp ** (y**2))"),
    "entropy": ('xp: "n", y: "n"', "sum(xlogy(xp, 1 + xp) * y)"),
    "choice of what has no value": ('x: "n", y: "n"', "sum(where(x > 0, log(x), 0) * y)"),
    "leaky": ('x: "n", y: "n"', "sum((leaky_relu(x) + elu(x) + relu6(6 * x) + celu(x) + hard_tanh(x)) * y)"),
    "soft sign": ('x: "n", y: "n"', "sum(y * x / (1 + abs(x)))"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_in_programs(name):
    head, value = PROGRAMS[name]
    check(sg.forward(f"def f({head}): return {value}").derive(), count=20)


def test_inside_the_range_of_a_clip_the_two_sides_tie():
    """On an open set both arguments of the minimum are one number, and each counts half."""
    head, value = PROGRAMS["clipped surrogate"]
    d = sg.forward(f"def f({head}): return {value}").derive("r")
    at = {"r": np.array([1.1, 0.95, 2.0]), "A": np.array([0.5, -2.0, -1.0]), "eps": np.asarray(0.2)}
    (gradient,) = d.adjoint.outputs[1:]
    moved = {d.directions[v]: np.ones(3) for v in d.wrt}
    printed = literal(d, {v: at[str(v)] for v in d.program.inputs} | moved)[gradient]
    np.testing.assert_allclose(printed, d.compile().grad(**at).r)
    np.testing.assert_allclose(printed, [0.5, -2.0, -1.0])


@pytest.mark.parametrize(
    "value", ["max(X, axis=2)", "min(abs(X), axis=(0, 2))", "maximum(X, Y)", "hypot(X, Y)", "where(X >= Y, X, 0)", "clip(X, -1, 1)"]
)
def test_entry_by_entry(value):
    """Arrays of three axes print by their entries, and so do the signs."""
    d = sg.forward(f'def f(X: "m n 2", Y: "m n 2"): return sum(({value})**2)').derive()
    program = d.formulas.legible_adjoint
    for at, _ in points(d, 6):
        found = evaluate(program, {str(v): x for v, x in at.items()})
        written = {v: SHOW(v, ATOM) for v in (*program.inputs, *(eq.symbol for eq in program.equations))}
        names = {form: found[str(v)] for v, text in written.items() for form in (SHOW.text(v), text, f"{{{text}}}")}
        for eq in program.equations:
            if high_nodes([eq.expr]) or eq.symbol.ndim > 2:
                left, right = sides(eq.symbol, eq.expr, SHOW)
                got = entries(left, right, names | SIZES)[1]
                np.testing.assert_allclose(got, found[str(eq.symbol)], rtol=1e-12, atol=1e-12, err_msg=f"{left} = {right}")


def test_the_kinks_are_found():
    assert {"abs", "maximum", "minimum", "max", "min", "norm", "hypot", "relu", "sign", "select", "prod_slope"} <= {
        op.name for op in KINKED
    }
