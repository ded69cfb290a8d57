"""Programs and numbers for the checkers: an operation's samples as one-equation Programs, and Programs as functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.graph import postorder
from symgrad.core.op import REGISTRY, Node, Op, Sample, Shape, variable
from symgrad.core.program import Equation, Program
from symgrad.export import helpers
from symgrad.export.statements import Statements
from symgrad.export.writer import Writer
from symgrad.ops.generic import derivative_name, functions_of
from symgrad.partition.collectives import COLLECTIVES, part
from symgrad.reading.annotations import declare

LEAVES = {"variable", "constant", "identity", "arange", "commutation"}
"""Operations without operands: nothing to differentiate, no samples."""

UNSAMPLED = {
    "stop_gradient": "its derivative is declared, and no difference quotient shows it",
    **dict.fromkeys((op.name for op in (*COLLECTIVES, part)), "it means something on a mesh of devices alone"),
}
"""Operations with operands that these laws cannot hold, each with the reason; their own tests do."""

DISTINCT = {"m": 3, "n": 4, "k": 5, "l": 2, "b": 6, "c": 7, "d": 8, "p": 9, "q": 11, "zz": 13}
ONES = dict.fromkeys(DISTINCT, 1)
"""Two bindings of the dimensions: all different, and all of size one."""


def symbol(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, integer=True, positive=True)


def numeric_shape(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(int(sympy.sympify(d).subs({symbol(k): v for k, v in sizes.items()})) for d in shape)


# cases ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One sample of one operation: its operands as variables and the node itself, never folded."""

    op: Op
    sample: Sample
    operands: tuple[Node, ...]
    sizes: Mapping[str, int] = field(default_factory=lambda: DISTINCT)

    @property
    def node(self) -> Node:
        return self.op.node(*self.operands, **self.sample.static)

    @property
    def program(self) -> Program:
        Z = variable("Z", self.node.shape)
        return Program("case", self.operands, (Equation(Z, self.node),), (Z,))

    @property
    def moving(self) -> tuple[Node, ...]:
        """The operands in which the operation's rule has a derivative."""
        G = variable("G", self.node.shape)
        bars = self.op.vjp(self.node, *self.operands, G, **self.sample.static)
        return tuple(X for X, bar in zip(self.operands, bars, strict=True) if bar is not None)


def fits_size_one(sample: Sample) -> bool:
    """A literal position in an axis, such as index 1, needs that axis longer than one."""
    return "index" not in sample.static


def case_of(op: Op, sample: Sample, sizes: Mapping[str, int] = DISTINCT) -> Case:
    declared = [declare(spec, f"X{i}") for i, spec in enumerate(sample.specs, 1)]
    operands = tuple(variable(f"X{i}", d.shape, d.properties) for i, d in enumerate(declared, 1))
    return Case(op, sample, operands, sizes)


def samples() -> Iterator[tuple[str, Op, Sample]]:
    for op in REGISTRY.values():
        for sample in op.samples:
            static = ",".join(f"{k}={v}" for k, v in sample.static.items())
            yield f"{op.name}({'; '.join(sample.specs)}{'; ' if static else ''}{static})", op, sample


# numbers ----------------------------------------------------------------------------------------------------------------


def draw(node: Node, sizes: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """Values that have the variable's properties; real entries reach beyond 5 on both sides."""
    shape, words = numeric_shape(node.shape, sizes), node.params["properties"]
    for word, make in _DRAWS.items():
        if word in words:
            return np.asarray(make(shape, rng), dtype=np.int64 if word == "int" else float)
    values = np.asarray(rng.normal(size=shape) * rng.choice([0.5, 1.0, 3.0], size=shape))
    if values.size >= 6:
        values.ravel()[:2] = [5.5 + rng.random(), -5.5 - rng.random()]
    return values


def _onehot(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return np.eye(shape[-1])[rng.integers(0, shape[-1], size=shape[:-1])]


def _spd(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    A = rng.normal(size=shape)
    return A @ A.T + shape[0] * np.eye(shape[0])


def _symmetric(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    A = rng.normal(size=shape)
    return A + A.T


_DRAWS: dict[str, Callable[[tuple[int, ...], np.random.Generator], Any]] = {
    "int": lambda shape, rng: rng.integers(0, 2 if min(shape, default=2) > 1 else 1, size=shape),
    "spd": _spd,
    "orthogonal": lambda shape, rng: np.linalg.qr(rng.normal(size=shape))[0],
    "diagonal": lambda shape, rng: np.diag(rng.uniform(0.5, 2.0, size=shape[0])),
    "lower": lambda shape, rng: np.tril(rng.normal(size=shape)) + 3 * np.eye(shape[0]),
    "symmetric": _symmetric,
    "onehot": _onehot,
    "simplex": lambda shape, rng: rng.dirichlet(np.ones(shape[-1]), size=shape[:-1]),
    "unit": lambda shape, rng: rng.uniform(0.05, 0.95, size=shape),
    "positive": lambda shape, rng: rng.uniform(0.3, 3.0, size=shape),
    "binary": lambda shape, rng: rng.integers(0, 2, size=shape),
    "sign": lambda shape, rng: 2 * rng.integers(0, 2, size=shape) - 1,
}


def direction(node: Node, sizes: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """A direction that keeps symmetric operands symmetric: what reads one triangle alone has no other difference quotient."""
    V = rng.normal(size=numeric_shape(node.shape, sizes))
    return V + V.T if node.params["properties"] & {"spd", "symmetric"} else np.asarray(V)


def point(case: Case, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {str(X): draw(X, case.sizes, rng) for X in case.operands}


# Programs as functions --------------------------------------------------------------------------------------------------


def function_of(program: Program, sizes: Mapping[str, int]) -> Callable[[Mapping[str, Any]], list[np.ndarray]]:
    """What the exporter writes for a program, run: only NumPy, the sizes and the helpers that its operations name are in reach."""
    nodes = list(postorder(eq.expr for eq in program.equations))
    reach = {name: getattr(helpers, name) for node in nodes for name in node.op.helpers}
    reach |= {name: generic(node) for name, node in functions_of(nodes).items()}
    statements = Statements(program, {"np", *reach})
    lines = Writer({}).body(statements.emit())
    reach |= {"np": np, "math": math, "_dtype": np.dtype(float)} | {f"_dim_{name}": size for name, size in sizes.items()}
    code = compile("\n".join(lines) or "pass", f"<{program.name}>", "exec")
    outputs = [statements.names[v] for v in program.outputs]

    def run(inputs: Mapping[str, Any]) -> list[np.ndarray]:
        scope = reach | {k: np.asarray(v) for k, v in inputs.items()}
        with np.errstate(all="ignore"):
            exec(code, scope)
        return [np.asarray(scope[name]) for name in outputs]

    return run


def evaluate(program: Program, inputs: Mapping[str, Any]) -> list[np.ndarray]:
    """A program's outputs, its dimensions read off the inputs."""
    axes = [pair for v in program.inputs for pair in zip(v.shape, np.shape(inputs[str(v)]), strict=True)]
    return function_of(program, {str(d): size for d, size in axes if not isinstance(d, int)})(inputs)


# generic functions, bound ---------------------------------------------------------------------------------------------------


def generic(node: Node) -> Callable[..., np.ndarray]:
    return _phi(node.params["order"]) if node.op.name == "apply" else _loss(node.params["wrt"])


@cache
def _phi(order: int) -> Callable[..., np.ndarray]:
    """The derivatives of tanh are polynomials in tanh: d p(t) = p'(t) (1 - t^2)."""
    polynomial, slope = np.polynomial.Polynomial([0.0, 1.0]), np.polynomial.Polynomial([1.0, 0.0, -1.0])
    for _ in range(order):
        polynomial = polynomial.deriv() * slope
    return lambda x: polynomial(np.tanh(x))


def smooth_loss(o: Any, y: Any) -> Any:
    return jnp.sum(jnp.sin(o) * y**2) + jnp.sum(o**3 * y) + jnp.sum(o) ** 2 * jnp.sum(y)


@cache
def _loss(wrt: tuple[int, ...]) -> Callable[..., np.ndarray]:
    function: Callable[..., Any] = smooth_loss
    for i in wrt:
        function = jax.jacfwd(function, argnums=i)
    compiled = jax.jit(function)
    return lambda *operands: np.asarray(compiled(*operands))


def phi_witness(x: Any, function: str, order: int) -> Any:
    """The same derivatives by jax, entry by entry."""
    derivative: Callable[..., Any] = jnp.tanh
    for _ in range(order):
        derivative = jax.grad(derivative)
    assert derivative_name(function, 0) == function
    return jnp.reshape(jnp.stack([derivative(entry) for entry in jnp.ravel(x)]), x.shape)


# difference quotients -------------------------------------------------------------------------------------------------------

_STENCIL = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
STEP = 1e-4


def difference(
    run: Callable[[Mapping[str, Any]], Sequence[np.ndarray]], at: Mapping[str, np.ndarray], moves: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """The derivative of every output along `moves`, by central differences of eighth order: 1e-32 truncated, 1e-12 rounded."""

    def moved(t: float) -> list[np.ndarray]:
        return list(run({**at, **{k: at[k] + t * v for k, v in moves.items()}}))

    totals: list[np.ndarray] | None = None
    for k, weight in _STENCIL.items():
        terms = [weight * (a - b) / STEP for a, b in zip(moved(k * STEP), moved(-k * STEP), strict=True)]
        totals = terms if totals is None else [t + u for t, u in zip(totals, terms, strict=True)]
    assert totals is not None
    return totals
