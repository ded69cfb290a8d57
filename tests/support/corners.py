"""Further laws of checkers.py: derivatives at zero, at ties and far out, folding that keeps the value, and counts by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy
from cases import Case, difference, function_of, numeric_shape
from checkers import directions, numeric_static, rng_of, tangent_of
from counts import COUNTS
from witnesses import WITNESSES

from symgrad.evaluation import evaluate
from symgrad.graph import variables
from symgrad.op import REGISTRY, Node, constant, variable, zeros
from symgrad.ops.arithmetic import scale
from symgrad.ops.broadcasting import broadcast, fill
from symgrad.ops.product import eye, transposition
from symgrad.program import Equation, Program
from symgrad.reverse import adjoint

Arrays = Mapping[str, np.ndarray]

# points -------------------------------------------------------------------------------------------------------------------


def corner_points(case: Case) -> Iterator[dict[str, np.ndarray]]:
    """Operands with zeros, with ties, beyond 5, all zero, and all operands alike; each within its properties."""
    for pattern in ([0.0, 1.5, -0.5], [2.0, 2.0, -1.0], [8.5, -7.0, 6.0], [0.0], [1.25], [5.5, 0.3, -6.5]):
        turns = [np.roll(pattern, -k) for k in range(len(case.operands))]
        yield from _point(case, turns)
        if len(case.operands) > 1:
            yield from _point(case, [np.asarray(pattern)] * len(case.operands))


def _point(case: Case, patterns: list[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """Nothing where an operand must have a form that a pattern has not."""
    at = {}
    for X, pattern in zip(case.operands, patterns, strict=True):
        words = X.params["properties"]
        shape = numeric_shape(X.shape, case.sizes)
        a = np.resize(pattern, shape).astype(float)
        if words & {"spd", "symmetric", "diagonal", "orthogonal", "lower", "onehot", "simplex"}:
            return
        if "positive" in words:
            a = np.abs(a) + 0.25
        if "unit" in words:
            a = 0.5 + 0.05 * a
        at[str(X)] = np.resize([0, 0] if min(shape, default=1) == 1 else [0, 1, 1], shape) if "int" in words else a
    yield at


# derivatives there --------------------------------------------------------------------------------------------------------


def _quotient(x: Any, y: Any, at: float) -> Any:
    return jnp.where(y == 0, at, x / jnp.where(y == 0, 1.0, y))


VALUES: dict[str, Callable[..., Any]] = {
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "select": lambda a, b, x, y, relation: jnp.where(_RELATIONS[relation](a, b), x, y),
    "slope": lambda x: jnp.where(x >= 0, 1.0, -1.0),
    "wins": lambda x, y: jnp.where(x == y, 0.5, jnp.where(x > y, 1.0, 0.0)),
    "hypot": jnp.hypot,
}
"""Values of operations that have a kink, beside those of witnesses.py."""

_RELATIONS: dict[str, Callable[..., Any]] = {
    ">": jnp.greater, ">=": jnp.greater_equal, "<": jnp.less, "<=": jnp.less_equal, "==": jnp.equal, "!=": jnp.not_equal,
}  # fmt: skip


def _norm_tangent(x: Any, dx: Any, axes: tuple[int, ...]) -> Any:
    """Zero at zero."""
    length = jnp.sqrt(jnp.sum(x**2, axis=axes, keepdims=True))
    return jnp.sum(_quotient(x, jnp.broadcast_to(length, x.shape), 0.0) * dx, axis=axes)


TANGENTS: dict[str, Callable[..., Any]] = {
    "hypot": lambda x, y, dx, dy: _quotient(x, jnp.hypot(x, y), 0.5) * dx + _quotient(y, jnp.hypot(x, y), 0.5) * dy,
    "norm": _norm_tangent,
    "abs": lambda x, dx: jnp.where(x >= 0, 1.0, -1.0) * dx,
    "sign": lambda x, dx: 0 * dx,
    "relu": lambda x, dx: jnp.where(x > 0, 1.0, 0.0) * dx,
    "direction": lambda x, dx, axes: jnp.full_like(x, jnp.nan) if not jnp.all(jnp.any(x, axis=axes)) else None,
    "slope": lambda x, dx: 0 * dx,
    "arctan2": lambda y, x, dy, dx: (x * dy - y * dx) / (x**2 + y**2),
}
"""Conventions at kinks, written out; nan where there is no derivative."""


def _expected(case: Case, at: Arrays, dots: Arrays) -> np.ndarray | None:
    """The tangent by convention, by jax of the witness, or by differences where nothing has a kink; None where there is none."""
    static, names = numeric_static(case), list(at)
    operands, tangents = ([jnp.asarray(a[name]) for name in names] for a in (at, dots))
    op, found = case.op, None
    if op.name in TANGENTS:
        found = TANGENTS[op.name](*operands, *tangents, **static)
    if found is None and op.kink and (value := VALUES.get(op.name) or WITNESSES.get(op.name)):
        found = jax.jvp(lambda *x: value(*x, **static), tuple(operands), tuple(tangents))[1]
    if found is None:
        assert not op.kink, f"{op.name} has a kink; say in tests/support/corners.py what holds there"
        (found,) = difference(function_of(case.program, case.sizes), at, dots)
    found = np.asarray(found)
    return found if np.all(np.isfinite(found)) and np.max(np.abs(found), initial=0.0) < 1e5 else None


def check_at_corners(case: Case) -> None:
    """At every corner: the value, the tangent in each operand, and the cotangents by <G, jvp(v)> = <vjp(G), v>."""
    rng, run, dots = rng_of(case), tangent_of(case), directions(case)
    G = variable("G", case.node.shape)
    back = function_of(adjoint(case.program, case.moving, seed=G), case.sizes)
    for at in corner_points(case):
        if not _inside(case, at):
            continue
        _check_value_at(case, at)
        seed = rng.normal(size=numeric_shape(G.shape, case.sizes))
        still = {str(dot): np.zeros_like(at[str(X)]) for X, dot in dots.items()}
        _, *bars = back({**at, "G": seed})
        for (X, dot), bar in zip(dots.items(), bars, strict=True):
            V = rng.normal(size=at[str(X)].shape)
            want = _expected(case, at, {str(Y): V if Y is X else np.zeros(at[str(Y)].shape) for Y in case.operands})
            if want is None:
                continue
            (found,) = run({**at, **still, str(dot): V})
            bound = 1e-6 * (1 + np.max(np.abs(want), initial=0.0))
            assert np.all(np.abs(found - want) <= bound), f"{case.op.name}: tangent in {X} at {at} is\n{found}, expected\n{want}"
            left, right = float(np.sum(seed * found)), float(np.sum(bar * V))
            assert abs(left - right) <= 1e-8 * (1 + abs(left) + np.sum(np.abs(bar * V))), (
                f"{case.op.name}: <G, jvp> = {left}, <vjp, V> = {right} in {X} at {at}"
            )


def _inside(case: Case, at: Arrays) -> bool:
    """Whether the value is a number there, and the matrix that is inverted is regular."""
    if case.op.name in ("inv", "solve", "logdet", "solve_triangular") and abs(np.linalg.det(at["X1"])) < 1e-6:
        return False
    (value,) = function_of(case.program, case.sizes)(at)
    return bool(np.all(np.isfinite(value)))


def _check_value_at(case: Case, at: Arrays) -> None:
    value = VALUES.get(case.op.name) or WITNESSES.get(case.op.name)
    if value is None:
        return
    want = np.asarray(value(*(jnp.asarray(a) for a in at.values()), **numeric_static(case)))
    (found,) = function_of(case.program, case.sizes)(at)
    if np.all(np.isfinite(want)) and np.max(np.abs(want), initial=0.0) < 1e5:
        scale_ = 1 + np.max(np.abs(want), initial=0.0)
        assert np.all(np.abs(found - want) <= 1e-9 * scale_), f"{case.op.name} at {at} is\n{found}, expected\n{want}"


# folding ------------------------------------------------------------------------------------------------------------------


def _others(case: Case, X: Node) -> Iterator[Node]:
    """What an operand may be for an operation to see through it."""
    s = variable("s")
    if "positive" not in X.params["properties"]:
        yield zeros(X.shape)
    yield fill(1, X.shape)
    yield fill(constant(sympy.Rational(3, 2)), X.shape)
    if not X.params["properties"] & {"int"}:
        yield scale(constant(2), X)
        yield scale(s, X)
        yield REGISTRY["add"](X, fill(2, X.shape))
        if X.ndim:
            yield broadcast(s, shape=X.shape, axes=())
        yield from _nested(case, X)
    if X.ndim == 2 and X.shape[0] == X.shape[1]:
        yield eye(X.shape[0])


def _nested(case: Case, X: Node) -> Iterator[Node]:
    """The operation, or one that undoes it, applied to something of its own, where the shapes fit."""
    static = case.sample.static
    if len(case.operands) == 1 and case.node.shape == X.shape:
        yield case.op.node(X, **static)
    if X.ndim == 2:
        yield transposition(variable("W", X.shape[::-1]), axes=(1, 0))
        if X.shape[0] == X.shape[1]:
            yield REGISTRY["diag"](variable("d", X.shape[:1]))
    if case.op.name == "transpose" and X.ndim > 2:
        yield transposition(variable("W", (X.shape[2], X.shape[0], X.shape[1])), axes=(1, 2, 0))
    if case.op.name == "take":
        yield REGISTRY["put"](variable("W", case.node.shape), shape=X.shape, index=static["index"])
    if case.op.name == "reshape":
        yield REGISTRY["reshape"](variable("W", (int(sympy.Mul(*X.shape)),)), shape=X.shape)


def check_fold(case: Case) -> None:
    """Folding gives the value that the node itself has; it is seen to happen on some operand."""
    if case.op.fold is None:
        return
    for operands in _folded_operands(case):
        if any(X.ndim != Y.ndim for X, Y in zip(operands, case.operands, strict=True)):
            continue
        folded, plain = case.op(*operands, **case.sample.static), case.op.node(*operands, **case.sample.static)
        if folded is not plain:
            _check_equal(case, folded, plain)


def _folded_operands(case: Case) -> Iterator[tuple[Node, ...]]:
    for i, X in enumerate(case.operands):
        for other in _others(case, X):
            yield (*case.operands[:i], other, *case.operands[i + 1 :])
    if len({X.shape for X in case.operands}) == 1:
        for other in (case.operands[0], fill(2, case.operands[0].shape)):
            yield (other,) * len(case.operands)


def _check_equal(case: Case, folded: Node, plain: Node) -> None:
    sides = [Equation(variable(f"side{i}", x.shape), x) for i, x in enumerate((folded, plain))]
    sized = [variable(f"size_{d}", (sympy.Symbol(d, integer=True, positive=True),)) for d in case.sizes]
    inputs = tuple(dict.fromkeys((*variables(folded, plain), *sized)))
    rng = rng_of(case)
    at = {str(v): _numbers(v, case, rng) for v in inputs}
    found = evaluate(Program("sides", inputs, tuple(sides), tuple(e.symbol for e in sides)), at)
    one, other = found["side0"], found["side1"]
    if np.all(np.isfinite(other)):
        np.testing.assert_allclose(
            np.broadcast_to(one, np.shape(other)), other, rtol=1e-10, atol=1e-10, err_msg=f"{case.op.name}: {folded!r} for {plain!r}"
        )


def _numbers(v: Node, case: Case, rng: np.random.Generator) -> np.ndarray:
    shape = numeric_shape(v.shape, case.sizes)
    if "int" in v.params["properties"]:
        return rng.integers(0, 1 + (min(shape, default=2) > 1), size=shape)
    return rng.uniform(0.4, 0.9, size=shape) + (2 * np.eye(*shape) if len(shape) == 2 else 0)


# counts -------------------------------------------------------------------------------------------------------------------


def check_count(case: Case) -> None:
    """The flops are those of the table: one an entry for entrywise operations, else as written there."""
    shapes = [numeric_shape(X.shape, case.sizes) for X in case.operands]
    count = sympy.sympify(case.op.flops(*case.operands, **case.sample.static))
    found = count.subs({sympy.Symbol(k, integer=True, positive=True): v for k, v in case.sizes.items()})
    expected = COUNTS[case.op.name](*shapes, **numeric_static(case)) if case.op.name in COUNTS else int(np.prod(shapes[0]))
    assert found == sympy.nsimplify(expected), f"{case.op.name}{shapes}: {found} flops, expected {expected}"
