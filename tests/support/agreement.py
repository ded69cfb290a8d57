"""A forward pass written as source, exported and held against jax: value, gradient and Hessian-vector product."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np

import symgrad as sg

SIZES = {"m": 3, "n": 4, "k": 5}
jsp = SimpleNamespace(linalg=jax.scipy.linalg)


def forward_source(arguments: str, expression: str) -> str:
    """One scalar function: its annotated arguments and what it returns."""
    return f"def f({arguments}):\n    return {expression}\n"


def jax_function(source: str) -> Any:
    scope: dict[str, Any] = {"jnp": jnp, "jsp": jsp, "jax": jax}
    exec(compile(source, "<test>", "exec", dont_inherit=True), scope)
    return scope["f"]


def sample(shape: tuple[int, ...], kind: str, rng: np.random.Generator) -> np.ndarray:
    a = rng.normal(size=shape)
    if kind == "spd":
        return a @ a.T / shape[0] + np.eye(shape[0])
    if kind == "lower":
        return np.tril(a, -1) + np.diag(1.0 + rng.random(shape[0]))
    return 0.5 + rng.random(shape) if kind == "positive" else a


def arrays_for(f: Any, seed: int = 0) -> dict[str, np.ndarray]:
    rng, arrays = np.random.default_rng(seed), {}
    for name, text in f.__annotations__.items():
        dims, _, kind = text.partition("|")
        arrays[name] = sample(tuple(SIZES.get(d) or int(d) for d in dims.split()), kind.strip(), rng)
    return arrays


def compiled(source: str) -> ModuleType:
    """The exported module of the derivative in every argument."""
    return sg.forward(source).derive().compile()  # type: ignore[no-any-return]


def assert_close(got: Any, want: Any, tolerance: float) -> None:
    for g, w in zip(got, want, strict=True):
        scale = max(1.0, float(np.max(np.abs(w), initial=0.0)))
        np.testing.assert_allclose(g, w, rtol=0, atol=tolerance * scale)


def check_against_jax(source: str, arrays: Mapping[str, np.ndarray] | None = None, tolerance: float = 1e-10) -> None:
    """Value, gradient and the Hessian in a random direction, in every argument at once."""
    f, module = jax_function(source), compiled(source)
    arrays = dict(arrays or arrays_for(f))
    rng, at = np.random.default_rng(1), tuple(jnp.asarray(a) for a in arrays.values())
    direction = tuple(rng.normal(size=a.shape) for a in at)
    both = jax.value_and_grad(f, tuple(range(len(at))))
    (value, gradient), (_, product) = jax.jvp(both, at, tuple(map(jnp.asarray, direction)))
    got_value, got_gradient = module.value_and_grad(**arrays)
    assert_close([got_value], [value], tolerance)
    assert_close(got_gradient, gradient, tolerance)
    assert_close(module.hvp(direction, **arrays), product, tolerance)
