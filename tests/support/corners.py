"""Further laws of checkers.py: derivatives at zero, at ties and far out, folding that keeps the value, and counts by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import sympy
from cases import Case, difference, draw, function_of, generic, numeric_shape, point
from checkers import Run, directions, numeric_static, rng_of, tangent_of
from counts import COUNTS
from witnesses import WITNESSES

from symgrad.checking.evaluation import evaluate
from symgrad.core.graph import variables
from symgrad.core.op import REGISTRY, Node, constant, variable, zeros
from symgrad.core.program import Equation, Program
from symgrad.derive.adjoints import adjoint
from symgrad.ops.arithmetic import scale
from symgrad.ops.broadcasting import broadcast, fill
from symgrad.ops.generic import functions_of
from symgrad.ops.product import eye, transposition

Arrays = Mapping[str, np.ndarray]

# points -------------------------------------------------------------------------------------------------------------------


PATTERNS = ([1.2, 0.0, -0.5, 0.7], [0.0, 2.0, 2.0, -1.0], [8.5, -7.0, 6.0], [0.0], [1.2, 0.0, -0.5, 0.7, 2.0, -1.5, 0.4])
"""A zero, ties with a zero in front, beyond 5, all zero; and a zero in a matrix whose rows are not alike."""


INVERTED = ("inv", "solve", "logdet")
"""Operations of a regular matrix, which a pattern alone is not."""


def corner_points(case: Case) -> Iterator[dict[str, np.ndarray]]:
    """The patterns, shifted from operand to operand and the same for all."""
    for pattern in PATTERNS:
        yield _point(case, [np.roll(pattern, -k) for k in range(len(case.operands))])
        if len(case.operands) > 1:
            yield _point(case, [np.asarray(pattern)] * len(case.operands))


def _point(case: Case, patterns: list[np.ndarray]) -> dict[str, np.ndarray]:
    """A pattern for every operand; one that must be triangular or positive definite is drawn as elsewhere."""
    at, alike = {}, len({id(p) for p in patterns}) == 1
    words = [X.params["properties"] for X in case.operands]
    for X, pattern, known in zip(case.operands, patterns, words, strict=True):
        shape = numeric_shape(X.shape, case.sizes)
        a = np.resize(pattern, shape).astype(float)
        if "positive" in known or (alike and any("positive" in other for other in words)):
            a = np.abs(a) + 0.25
        if "unit" in known:
            a = 0.5 + 0.05 * a
        if case.op.name in INVERTED and X is case.operands[0] and not known:
            a += 3.5 * np.eye(len(a))
        if known & {"spd", "lower"}:
            a = draw(X, case.sizes, np.random.default_rng(0))
            a[0, -1] = a[-1, 0] = 0.0 if len(a) > 1 else 1.0
        at[str(X)] = np.resize([0, 0] if min(shape, default=1) == 1 else [0, 1, 1], shape) if "int" in known else a
    return at


# derivatives there --------------------------------------------------------------------------------------------------------


def _quotient(x: Any, y: Any, at: float) -> Any:
    return np.where(y == 0, at, x / np.where(y == 0, 1.0, y))


RELATIONS: dict[str, Callable[..., Any]] = {
    ">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal,
}  # fmt: skip


def _norm_tangent(x: Any, dx: Any, axes: tuple[int, ...]) -> Any:
    """Zero at zero."""
    length = np.sqrt(np.sum(x**2, axis=axes, keepdims=True))
    return np.sum(_quotient(x, length, 0.0) * dx, axis=axes)


def _shared(x: Any, dx: Any, axes: tuple[int, ...], extremum: Any) -> Any:
    """Entries that tie share the derivative."""
    attained = x == extremum(x, axis=axes, keepdims=True)
    return np.sum(attained * dx, axis=axes) / np.sum(attained, axis=axes)


def _won(sign: int) -> Callable[..., Any]:
    return lambda x, y, dx, dy: np.where(x == y, (dx + dy) / 2, np.where(sign * x > sign * y, dx, dy))


def _direction_tangent(x: Any, dx: Any, axes: tuple[int, ...]) -> Any:
    """None at zero, and elsewhere the part at right angles over the length."""
    length = np.sqrt(np.sum(x**2, axis=axes, keepdims=True))
    unit = x / length
    return (dx - unit * np.sum(unit * dx, axis=axes, keepdims=True)) / length


TANGENTS: dict[str, Callable[..., Any]] = {
    "hypot": lambda x, y, dx, dy: _quotient(x, np.hypot(x, y), 0.5) * dx + _quotient(y, np.hypot(x, y), 0.5) * dy,
    "norm": _norm_tangent,
    "direction": _direction_tangent,
    "abs": lambda x, dx: np.where(x >= 0, 1.0, -1.0) * dx,
    "relu": lambda x, dx: np.where(x > 0, 1.0, 0.0) * dx,
    "max": lambda x, dx, axes: _shared(x, dx, axes, np.max),
    "min": lambda x, dx, axes: _shared(x, dx, axes, np.min),
    "maximum": _won(1),
    "minimum": _won(-1),
    "select": lambda a, b, x, y, da, db, dx, dy, relation: np.where(RELATIONS[relation](a, b), dx, dy),
    "softsign": lambda x, dx: dx / (1 + np.abs(x)) ** 2,  # smooth, but differences across its jump in curvature are off
    "arctan2": lambda y, x, dy, dx: (x * dy - y * dx) / (x**2 + y**2),
    **dict.fromkeys(("sign", "slope"), lambda x, dx: 0 * dx),
    **dict.fromkeys(("highest", "lowest"), lambda x, dx, axes: 0 * dx),
    "wins": lambda x, y, dx, dy, at: 0 * dx,
    "xlogy": lambda x, y, dx, dy: np.log(y) * dx + _quotient(x, y, 0.0) * dy,
    "ratio": lambda x, y, dx, dy, at: dx / y - x * dy / y**2,
    "log_or_zero": lambda x, dx: dx / x,
    "det_sign": lambda x, dx: np.asarray(0.0),
}
"""Conventions at kinks, written out; nan where there is no derivative."""

VALUES: dict[str, Callable[..., Any]] = {
    "maximum": np.maximum,
    "minimum": np.minimum,
    "select": lambda a, b, x, y, relation: np.where(RELATIONS[relation](a, b), x, y),
    "slope": lambda x: np.where(x >= 0, 1.0, -1.0),
    "wins": lambda x, y, at: np.where(x == y, at, np.where(x > y, 1.0, 0.0)),
    "hypot": np.hypot,
    "xlogy": lambda x, y: np.where(x == 0, 0.0, x * np.log(y)),
}
"""Values of operations that have a kink, beside those of witnesses.py."""


def _expected(case: Case, value: Run, at: Arrays, X: Node, V: np.ndarray) -> np.ndarray | None:
    """The tangent in one operand by convention, or by differences where nothing has a kink; None where there is none."""
    op = case.op
    if op.name in TANGENTS:
        dots = [V if Y is X else np.zeros(at[str(Y)].shape) for Y in case.operands]
        with np.errstate(all="ignore"):  # nan where there is no derivative
            found = np.asarray(TANGENTS[op.name](*at.values(), *dots, **numeric_static(case)))
    else:
        assert not op.kink, f"{op.name} has a kink; say in tests/support/corners.py what holds there"
        (found,) = difference(value, at, {str(X): V})
    return found if np.all(np.isfinite(found)) and np.max(np.abs(found), initial=0.0) < 1e5 else None


def check_at_corners(case: Case) -> None:
    """At every corner: the value, the tangent in each operand, and the cotangents by <G, jvp(v)> = <vjp(G), v>."""
    rng, run, dots = rng_of(case), tangent_of(case), directions(case)
    G = variable("G", case.node.shape)
    back = function_of(adjoint(case.program, case.moving, seed=G), case.sizes)
    value = function_of(case.program, case.sizes)
    for at in corner_points(case):
        if not _inside(case, value, at):
            continue
        _check_value_at(case, value, at)
        seed = rng.normal(size=numeric_shape(G.shape, case.sizes))
        still = {str(dot): np.zeros_like(at[str(X)]) for X, dot in dots.items()}
        _, *bars = back({**at, "G": seed})
        for (X, dot), bar in zip(dots.items(), bars, strict=True):
            V = rng.normal(size=at[str(X)].shape)
            want = _expected(case, value, at, X, V)
            if want is None:
                continue
            (found,) = run({**at, **still, str(dot): V})
            bound = 1e-6 * (1 + np.max(np.abs(want), initial=0.0))
            assert np.all(np.abs(found - want) <= bound), f"{case.op.name}: tangent in {X} at {at} is\n{found}, expected\n{want}"
            left, right = float(np.sum(seed * found)), float(np.sum(bar * V))
            assert abs(left - right) <= 1e-8 * (1 + abs(left) + np.sum(np.abs(bar * V))), (
                f"{case.op.name}: <G, jvp> = {left}, <vjp, V> = {right} in {X} at {at}"
            )


def _inside(case: Case, value: Run, at: Arrays) -> bool:
    """Whether the value is a number there."""
    return bool(np.all(np.isfinite(value(at)[0])))


def _check_value_at(case: Case, value: Run, at: Arrays) -> None:
    witness = VALUES.get(case.op.name) or WITNESSES.get(case.op.name)
    if witness is None:
        return
    want = np.asarray(witness(*(jnp.asarray(a) for a in at.values()), **numeric_static(case)))
    (found,) = value(at)
    if np.all(np.isfinite(want)) and np.max(np.abs(want), initial=0.0) < 1e5:
        scale_ = 1 + np.max(np.abs(want), initial=0.0)
        assert np.all(np.abs(found - want) <= 1e-9 * scale_), f"{case.op.name} at {at} is\n{found}, expected\n{want}"


# in process ---------------------------------------------------------------------------------------------------------------


def check_in_process(case: Case) -> None:
    """Evaluated equation by equation, the value is that of the exported code, which may have a way of its own to write it."""
    operands = {f"size_{d}": np.zeros(n) for d, n in case.sizes.items()}
    sized = tuple(variable(name, (sympy.Symbol(name[5:], integer=True, positive=True),)) for name in operands)
    program = replace(case.program, inputs=(*case.program.inputs, *sized))
    reach = {name: generic(node) for name, node in functions_of([case.node]).items()}
    for at in (point(case, rng_of(case)), *corner_points(case)):
        with np.errstate(all="ignore"):
            (exported,) = function_of(case.program, case.sizes)(at)
            found = evaluate(program, {**at, **operands}, reach)["Z"]
        assert np.shape(found) == np.shape(exported), f"{case.op.name}: shape {np.shape(found)}, exported {np.shape(exported)}"
        np.testing.assert_allclose(found, exported, rtol=1e-13, atol=1e-13, err_msg=f"{case.op.name} in process and exported")


# folding ------------------------------------------------------------------------------------------------------------------


def _others(case: Case, X: Node) -> Iterator[Node]:
    """What an operand may be for an operation to see through it; labels are inputs as they stand."""
    if "int" in X.params["properties"]:
        return
    s = variable("s")
    if "positive" not in X.params["properties"]:
        yield zeros(X.shape)
    yield fill(1, X.shape)
    yield fill(constant(sympy.Rational(3, 2)), X.shape)
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
        _check_folded(case, operands, case.sample.static)
    if case.op.name in ("sum", "prod", "max", "min"):
        _check_folded(case, case.operands, {"axes": ()})


def _check_folded(case: Case, operands: tuple[Node, ...], static: dict[str, Any]) -> None:
    folded, plain = case.op(*operands, **static), case.op.node(*operands, **static)
    if folded is not plain:
        _check_equal(case, folded, plain)


def _folded_operands(case: Case) -> Iterator[tuple[Node, ...]]:
    for i, X in enumerate(case.operands):
        for other in _others(case, X):
            yield (*case.operands[:i], other, *case.operands[i + 1 :])
    divides = case.op.name in (*INVERTED, "solve_triangular") or any("positive" in X.params["properties"] for X in case.operands)
    labels = any("int" in X.params["properties"] for X in case.operands)
    if len(case.operands) > 1 and not divides and not labels:
        yield tuple(zeros(X.shape) for X in case.operands)
    if len({X.shape for X in case.operands}) == 1:
        alike = [case.operands[0], fill(2, case.operands[0].shape)]
        yield from ((other,) * len(case.operands) for other in alike)


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
            np.broadcast_to(one, np.shape(other)),
            other,
            rtol=1e-10,
            atol=1e-10,
            err_msg=f"{case.op.name}: {folded!r} for {plain!r}",
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
