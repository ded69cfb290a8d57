"""What rounding does to a jax function: the same function in arithmetic with fewer digits.

Where terms cancel, it gives another number.  Nothing that is exact moves: ties, zeros, whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symgrad.checking.libraries import import_jax

_BODIES = ("jaxpr", "call_jaxpr")
_LOOPS = frozenset({"scan", "while", "cond"})


def roughened(function: Callable[..., Any], digits: int) -> Callable[..., Any]:
    """The function with so many binary digits kept of every number in float64, which has 52 behind the point."""
    jax = import_jax()

    def run(*args: Any) -> Any:
        traced, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
        results = _run(traced, [_rounded(x, digits) for x in jax.tree.leaves(args)], digits)
        return jax.tree.unflatten(jax.tree.structure(shapes), results)

    return run


def _run(traced: Any, args: Sequence[Any], digits: int) -> list[Any]:
    """One equation after the other, each result rounded."""
    known = dict(zip((*traced.jaxpr.constvars, *traced.jaxpr.invars), (*traced.consts, *args), strict=True))

    def read(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else known[atom]

    for equation in traced.jaxpr.eqns:
        results = _results(equation, [read(a) for a in equation.invars], digits)
        known |= zip(equation.outvars, (_rounded(x, digits) for x in results), strict=True)
    return [read(a) for a in traced.jaxpr.outvars]


def _results(equation: Any, args: Sequence[Any], digits: int) -> Sequence[Any]:
    bodies = [equation.params[name] for name in _BODIES if hasattr(equation.params.get(name), "consts")]
    if bodies and equation.primitive.name not in _LOOPS:
        return _run(bodies[0], args, digits)
    bound = equation.primitive.get_bind_params(equation.params)
    functions, params = bound if isinstance(bound, tuple) else ((), bound)  # functions beside them until jax 0.9
    results = equation.primitive.bind(*functions, *args, **params)
    return list(results) if equation.primitive.multiple_results else [results]


def _rounded(x: Any, digits: int) -> Any:
    jax = import_jax()
    if jax.numpy.result_type(x) != jax.numpy.float64:
        return x
    return jax.lax.reduce_precision(x, exponent_bits=11, mantissa_bits=digits)
