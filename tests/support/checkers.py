"""The strong checker behind test_every_op.py: what must hold of every operation, as one function a law.

Each takes a Case, raises AssertionError with the operation and the figures, and has one test in which it must fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import jax.numpy as jnp
import mpmath
import numpy as np
import sympy
from cases import Case, difference, direction, draw, function_of, numeric_shape, point, symbol
from witnesses import ROUNDED_ARGUMENT, WITNESSES

from symgrad.core.graph import postorder
from symgrad.core.op import REGISTRY, Node, variable
from symgrad.core.program import Equation, Program
from symgrad.derive.adjoints import adjoint
from symgrad.derive.tangents import tangent
from symgrad.errors import ShapeError, UnsupportedError
from symgrad.ops.arithmetic import inner
from symgrad.printing.latex import Show

Run = Callable[[Mapping[str, Any]], list[np.ndarray]]


def rng_of(case: Case) -> np.random.Generator:
    return np.random.default_rng(sum(map(ord, case.op.name)))


def agree(found: Any, expected: Any, tolerance: float, what: str) -> None:
    """Norms compared: entries far below the largest are held by the entrywise laws."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    error = float(np.max(np.abs(found - expected), initial=0.0))
    scale = float(np.max(np.abs(expected), initial=0.0)) + 1.0
    assert error <= tolerance * scale, f"{what}: off by {error:.2e} at size {scale:.2e}\nfound    {found}\nexpected {expected}"


# 1 value ----------------------------------------------------------------------------------------------------------------


def check_value(case: Case) -> None:
    """The exported code gives the value of jax, of the definition or of the scalar body, in the shape that the shape rule says."""
    at = point(case, rng_of(case))
    (value,) = function_of(case.program, case.sizes)(at)
    assert value.shape == numeric_shape(case.node.shape, case.sizes), f"{case.op.name}: value of shape {value.shape}"
    witness, defined = WITNESSES.get(case.op.name), case.op.defined(case.node)
    assert witness or defined or case.op.scalar, f"{case.op.name} has no scalar body, no definition and no line in witnesses.py"
    if witness is not None:
        expected = witness(*(jnp.asarray(v) for v in at.values()), **numeric_static(case))
        agree(value, expected, 1e-12, f"{case.op.name}: value against jax")
    if defined is not None:
        Z = variable("Z", defined.shape)
        (expected,) = function_of(Program("definition", case.operands, (Equation(Z, defined),), (Z,)), case.sizes)(at)
        agree(value, expected, 1e-9, f"{case.op.name}: value against its definition")
    if case.op.scalar is not None:
        check_scalar(case, at)


def numeric_static(case: Case) -> dict[str, Any]:
    """Static arguments with numbers for dimensions."""

    def number(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(number(v) for v in value)
        if isinstance(value, sympy.Expr):
            bound = value.subs({symbol(k): v for k, v in case.sizes.items()})
            return int(bound) if bound.is_Integer else float(bound)
        return value

    return {k: number(v) for k, v in case.sample.static.items()}


@cache
def _scalar_function(expr: sympy.Expr, letters: tuple[sympy.Symbol, ...]) -> Callable[..., Any]:
    steps = {
        "Heaviside": lambda x, at_zero=0.5: at_zero if x == 0 else int(x > 0),
        "DiracDelta": lambda x, k=0: mpmath.inf if x == 0 else 0,
    }
    return sympy.lambdify(letters, expr, [steps, "mpmath"])


def judge(expr: sympy.Expr, letters: tuple[sympy.Symbol, ...], at: tuple[Any, ...]) -> float | None:
    """The scalar body, worked out in 350 digits; None where it is not a real number."""
    with mpmath.workdps(350):
        try:
            value = mpmath.mpmathify(_scalar_function(expr, letters)(*(mpmath.mpf(float(x)) for x in at)))
        except (ValueError, ZeroDivisionError):
            return None
        return float(value) if isinstance(value, mpmath.mpf) and mpmath.isfinite(value) else None


def scalar_body(case: Case) -> tuple[sympy.Expr, tuple[sympy.Symbol, ...]]:
    letters = tuple(sympy.Symbol(f"x{i}", real=True) for i, _ in enumerate(case.operands))
    assert case.op.scalar is not None
    return sympy.sympify(case.op.scalar(*letters, **case.sample.static)), letters


def check_scalar(case: Case, at: Mapping[str, np.ndarray]) -> None:
    """Entry by entry the exported code gives the scalar body's value."""
    arrays = np.broadcast_arrays(*at.values())
    (value,) = function_of(case.program, case.sizes)(at)
    for entry in zip(value.ravel(), *(a.ravel() for a in arrays), strict=True):
        _close(case, entry[0], entry[1:], 1e-13)


def check_adversarial(case: Case) -> None:
    """The scalar body's value at zero, at +-40 and at 1e+-100, wherever it is a real number and within float64."""
    run = function_of(case.program, {})
    for at in _adversarial(case):
        (value,) = run({str(X): np.asarray(x) for X, x in zip(case.operands, at, strict=True)})
        _close(case, float(value), at, 1e-12)


def _adversarial(case: Case) -> Iterator[tuple[float, ...]]:
    few = [-40.0, 0.0, 1.0, 1e100] if len(case.operands) > 2 else None
    grids = [few or _points(X.params["properties"]) for X in case.operands]
    if case.op.name in ROUNDED_ARGUMENT:
        grids = [[x for x in grid if abs(x) < 1e15] for grid in grids]
    yield from product(*grids)


def _points(words: frozenset[str]) -> list[float]:
    if "unit" in words:
        return [1e-100, 1e-9, 0.5, 1 - 1e-9]
    positive = [1e-100, 1e-9, 1.0, 40.0, 1e100]
    return positive if "positive" in words else [0.0, *positive, *(-x for x in positive)]


def _close(case: Case, found: float, at: tuple[float, ...], tolerance: float) -> None:
    """Relative to the value, and to what an operand's last bit makes of it."""
    expr, letters = scalar_body(case)
    expected = judge(expr, letters, at)
    if expected is None:
        return
    if np.isinf(expected):
        assert found == expected, f"{case.op.name}{at}: {found}, expected {expected}"
        return
    slopes = (judge(expr.diff(letter), letters, at) or 0.0 for letter in letters)
    condition = sum(abs(x * slope) for x, slope in zip(at, slopes, strict=True))
    bound = tolerance * abs(expected) + 4e-16 * condition + 1e-300
    assert abs(found - expected) <= bound, f"{case.op.name}{at}: {found!r}, expected {expected!r}"


# 2 jvp ------------------------------------------------------------------------------------------------------------------


def directions(case: Case) -> dict[Node, Node]:
    return {X: variable(f"V{X}", X.shape) for X in case.moving}


def tangent_of(case: Case) -> Run:
    return function_of(tangent(case.program, directions(case)), case.sizes)


def check_jvp(case: Case) -> None:
    """The tangent program against central differences of the exported value, in every operand by itself."""
    rng, run, value = rng_of(case), tangent_of(case), function_of(case.program, case.sizes)
    at, dots = point(case, rng), directions(case)
    still = {str(dot): np.zeros(numeric_shape(dot.shape, case.sizes)) for dot in dots.values()}
    for X, dot in dots.items():
        V = direction(X, case.sizes, rng)
        (found,) = run({**at, **still, str(dot): V})
        (expected,) = difference(value, at, {str(X): V})
        agree(found, expected, 1e-8, f"{case.op.name}: jvp in {X} against central differences")


def check_still(case: Case) -> None:
    """An operand without a derivative is a label, a condition, or one in which the value is flat."""
    rng, value = rng_of(case), function_of(case.program, case.sizes)
    at = point(case, rng)
    for X in case.operands:
        if X not in case.moving and not X.params["properties"] & {"int", "binary"}:
            (slope,) = difference(value, at, {str(X): direction(X, case.sizes, rng)})
            agree(slope, np.zeros_like(slope), 1e-9, f"{case.op.name}: no derivative is given in {X}")


# 3 vjp ------------------------------------------------------------------------------------------------------------------


def check_vjp(case: Case) -> None:
    """<G, jvp(v)> = <vjp(G), v> in every operand by itself, in directions that keep no symmetry."""
    rng, run, dots = rng_of(case), tangent_of(case), directions(case)
    seed = variable("G", case.node.shape)
    back = adjoint(case.program, case.moving, seed=seed)
    at = point(case, rng)
    G = rng.normal(size=numeric_shape(seed.shape, case.sizes))
    _, *bars = function_of(back, case.sizes)({**at, "G": G})
    still = {str(dot): np.zeros(numeric_shape(dot.shape, case.sizes)) for dot in dots.values()}
    for (X, dot), bar in zip(dots.items(), bars, strict=True):
        assert bar.shape == at[str(X)].shape, f"{case.op.name}: cotangent of {X} has shape {bar.shape}"
        V = rng.normal(size=bar.shape)
        (Z_dot,) = run({**at, **still, str(dot): V})
        left, right = float(np.sum(G * Z_dot)), float(np.sum(bar * V))
        scale = 1 + np.sum(np.abs(G * Z_dot)) + np.sum(np.abs(bar * V))
        assert abs(left - right) <= 1e-10 * scale, f"{case.op.name}: <G, jvp> = {left}, <vjp, V> = {right} in {X}"


# 4 closure --------------------------------------------------------------------------------------------------------------


def weighted(case: Case) -> Program:
    """J = <G, op(X)>: a scalar whose Hessian is the operation's second derivative."""
    Z, J, G = variable("Z", case.node.shape), variable("J"), variable("G", case.node.shape)
    total = inner(G, Z) if Z.ndim else G * Z
    return Program("weighted", (*case.operands, G), (Equation(Z, case.node), Equation(J, total)), (J,))


def hvp_of(case: Case) -> tuple[Program, Program]:
    gradient = adjoint(weighted(case), case.moving)
    return gradient, tangent(gradient, directions(case), gradient.outputs[1:])


def check_closure(case: Case) -> None:
    """Gradient, HVP and the tangent of that hold registered operations only."""
    gradient, hvp = hvp_of(case)
    third = tangent(hvp, {X: variable(f"W{X}", X.shape) for X in case.moving})
    for program in (gradient, hvp, third):
        for node in postorder(eq.expr for eq in program.equations):
            assert REGISTRY.get(node.op.name) is node.op, f"{case.op.name}: {node.op.name} is not registered"


def check_second(case: Case) -> None:
    """u'Hv = v'Hu, and H u is what differences of the gradient give, for the Hessian of <G, op(X)>."""
    rng = rng_of(case)
    gradient, hvp = hvp_of(case)
    slope, run = function_of(gradient, case.sizes), function_of(hvp, case.sizes)
    at = point(case, rng) | {"G": rng.normal(size=numeric_shape(case.node.shape, case.sizes))}
    u, v = ({str(X): direction(X, case.sizes, rng) for X in case.moving} for _ in range(2))
    Hu, Hv = (run({**at, **{f"V{k}": x for k, x in w.items()}}) for w in (u, v))
    left, right = (sum(float(np.sum(a * b)) for a, b in zip(x, y.values(), strict=True)) for x, y in ((Hu, v), (Hv, u)))
    scale = 1 + sum(float(np.sum(np.abs(a * b))) for a, b in zip(Hu, v.values(), strict=True))
    assert abs(left - right) <= 1e-9 * scale, f"{case.op.name}: v'Hu = {left}, u'Hv = {right}"
    expected = difference(slope, at, u)[1:]
    for X, found, difference_quotient in zip(case.moving, Hu, expected, strict=True):
        both = [_symmetrised(X, array) for array in (found, difference_quotient)]
        agree(*both, 1e-7, f"{case.op.name}: second derivative in {X}")


def _symmetrised(X: Node, array: np.ndarray) -> np.ndarray:
    """Rounding moves a gradient that reads one triangle off the symmetric matrices; along them alone it is defined."""
    return array + array.T if X.params["properties"] & {"spd", "symmetric"} else array


# 5 linear maps ----------------------------------------------------------------------------------------------------------


def declared_linear(case: Case) -> bool:
    return case.op.jvp.__qualname__.startswith(("linear.", "bilinear."))


def check_linear(case: Case) -> None:
    """f(2 X - 3 Y) = 2 f(X) - 3 f(Y) in every operand by itself."""
    rng, run = rng_of(case), function_of(case.program, case.sizes)
    at = point(case, rng)
    for X in case.operands:
        other = draw(X, case.sizes, rng)
        here, there = (run({**at, str(X): x})[0] for x in (at[str(X)], other))
        (mixed,) = run({**at, str(X): 2 * at[str(X)] - 3 * other})
        agree(mixed, 2 * here - 3 * there, 1e-12, f"{case.op.name} is declared linear in {X}")


# 6 flops, print and shapes ----------------------------------------------------------------------------------------------


def check_flops(case: Case) -> None:
    """A count in the sample's own dimensions, not negative."""
    count = sympy.sympify(case.op.flops(*case.operands, **case.sample.static))
    assert isinstance(count, sympy.Expr), f"{case.op.name}: flops are {count!r}"
    number = count.subs({symbol(k): v for k, v in case.sizes.items()})
    assert number.is_number and number >= 0, f"{case.op.name}: flops are {count}"


def check_latex(case: Case) -> None:
    """Braces, brackets and \\left ... \\right are balanced, no place holder is left, every operand is seen."""
    text = Show().text(case.node)
    what = f"{case.op.name} prints as {text}"
    stripped = re.sub(r"\\[{}]", "", text)
    for opening, closing in ("{}", "()"):
        depth = np.cumsum([(c == opening) - (c == closing) for c in stripped])
        assert not depth.size or (depth[-1] == 0 and depth.min() >= 0), f"{what}: {opening} {closing} are not balanced"
    assert text.count(r"\left") == text.count(r"\right"), what
    assert not re.search(r"#\d|\(\{\d\}|\bNone\b|Symbol\(", text), what
    for X in case.operands[:1] if case.op.name == "loss" else case.operands:  # dl/do leaves the label unsaid
        assert Show().text(X) in text, f"{what}: {X} is missing"
    assert re.fullmatch(r"[\x20-\x7e\n]+", text), what


def mutations(case: Case) -> Iterator[tuple[Node, ...]]:
    """The operands with one axis resized, and where there are several with one dropped or one added."""
    for i, X in enumerate(case.operands):
        resized = [(*X.shape[:a], symbol("zz"), *X.shape[a + 1 :]) for a in range(X.ndim)]
        other_rank = [(*X.shape, symbol("zz")), *([X.shape[:-1]] if X.ndim else [])] if len(case.operands) > 1 else []
        for shape in resized + other_rank:
            yield (*case.operands[:i], variable(f"X{i + 1}", shape, X.params["properties"] & {"int"}), *case.operands[i + 1 :])


ANY_SHAPES = {"loss": "a generic function takes what it takes", "gather": "labels of any shape pick slices of any array"}
"""Operations of several operands whose shapes need not fit one another."""


def check_shapes(case: Case) -> None:
    """Operands that do not fit raise ShapeError and nothing else; those let through give the promised shape in NumPy."""
    refused = 0
    for operands in mutations(case):
        changed = replace(case, operands=operands)
        shapes = [X.shape for X in operands]
        try:
            shape = case.op.shape(*operands, **case.sample.static)
        except (ShapeError, UnsupportedError):
            refused += 1
            continue
        except Exception as error:
            raise AssertionError(f"{case.op.name} on {shapes} raises {error!r} in place of a ShapeError") from error
        _check_let_through(changed, numeric_shape(shape, case.sizes))
    free = len(case.operands) < 2 or case.op.name in ANY_SHAPES
    assert refused or free, f"{case.op.name}: no mismatch of {case.sample.specs} raises ShapeError"


def _check_let_through(case: Case, shape: tuple[int, ...]) -> None:
    if case.op.name == "loss":
        return  # any shapes are a loss's affair
    shapes = [X.shape for X in case.operands]
    try:
        (value,) = function_of(case.program, case.sizes)(point(case, rng_of(case)))
    except Exception as error:
        raise AssertionError(f"{case.op.name} lets the shapes {shapes} through, NumPy says {error}") from error
    assert value.shape == shape, f"{case.op.name} on {shapes}: shape rule {shape}, NumPy {value.shape}"


# 7 partial derivatives --------------------------------------------------------------------------------------------------


def check_partials(case: Case) -> None:
    """The rule's partial derivatives are SymPy's own of the scalar body, entry by entry, from 1e-3 to 20 in size."""
    expr, letters = scalar_body(case)
    rng = rng_of(case)
    shape = numeric_shape(case.operands[0].shape, case.sizes)
    ones, dots = np.ones(shape), directions(case)
    still = {str(dot): 0 * ones for dot in dots.values()}
    run = tangent_of(case)
    for scale in (1e-3, 1.0, 8.0) if all(not X.params["properties"] for X in case.operands) else (1.0,):
        at = {str(X): scale * draw(X, case.sizes, rng) for X in case.operands}
        for X, letter in zip(case.operands, letters, strict=True):
            if X not in dots:
                continue
            (found,) = run({**at, **still, str(dots[X]): ones})
            partial = expr.diff(letter)
            for entry in zip(found.ravel(), *(a.ravel() for a in at.values()), strict=True):
                expected = judge(partial, letters, entry[1:])
                tolerance = 1e-11 * (1 + abs(expected or 0))
                assert expected is None or not np.isfinite(expected) or abs(entry[0] - expected) <= tolerance, (
                    f"{case.op.name}: partial in {X} at {entry[1:]} is {entry[0]!r}, expected {expected!r}"
                )
