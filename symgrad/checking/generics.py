"""Generic functions bound for a check: phi, and the derivatives of phi that exported code takes, made by jax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symgrad.checking.libraries import double_precision, import_jax
from symgrad.core.graph import postorder
from symgrad.core.op import Node
from symgrad.errors import InputError
from symgrad.ops.generic import apply, derivative_name, functions_of, loss_name
from symgrad.passes import Passes

Functions = Mapping[str, Callable[..., Any]]


def bind(passes: Passes, functions: Functions) -> dict[str, Callable[..., Any]]:
    """The keyword arguments that exported code takes for the generic functions: phi, dphi, d2phi, each made by jax."""
    programs = [passes.program, passes.tangent, *([passes.adjoint] if passes.is_scalar else [])]
    called = functions_of(list(postorder(eq.expr for p in programs for eq in p.equations)))
    needed = sorted({str(node.params["function"]) for node in called.values()})
    if missing := [name for name in needed if name not in functions]:
        text = ", ".join(f"{name}=..." for name in missing)
        name = passes.program.name
        raise InputError(f"{name} leaves {', '.join(missing)} generic; bind for the check, verify({text}) with such as jnp.tanh")
    if unknown := sorted(set(functions) - set(needed)):
        raise InputError(f"{passes.program.name} has no generic function {unknown[0]!r}; it has {', '.join(needed) or 'none'}")
    return {name: on_arrays(derivative(functions[node.params["function"]], *_derived(node))) for name, node in called.items()}


def _derived(node: Node) -> tuple[str, tuple[int, ...]]:
    return ("entrywise", (0,) * node.params["order"]) if node.op is apply else ("loss", node.params["wrt"])


def keyword_of(function: str, kind: str, wrt: tuple[int, ...]) -> str:
    """The keyword under which exported code takes this derivative."""
    return derivative_name(function, len(wrt)) if kind == "entrywise" else loss_name(function, wrt)


def derivative(function: Callable[..., Any], kind: str, wrt: tuple[int, ...]) -> Callable[..., Any]:
    """The derivative of a jax function: entry by entry, or of a loss in these operands, one after the other."""
    jax = import_jax()
    for operand in wrt:
        function = _entrywise_derivative(function) if kind == "entrywise" else jax.jacobian(function, argnums=operand)
    return function


def _entrywise_derivative(function: Callable[..., Any]) -> Callable[..., Any]:
    jax = import_jax()
    return lambda x: jax.jvp(function, (x,), (jax.numpy.ones_like(x),))[1]


def on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """The jax function on NumPy arrays, in float64, as exported code calls it."""
    jnp = import_jax().numpy

    def called(*operands: Any) -> Any:
        with double_precision():
            return np.asarray(function(*map(jnp.asarray, operands)))

    return called
