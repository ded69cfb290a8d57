"""A forward pass written as source, exported and held against jax: value, gradient and Hessian-vector product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np

import symgrad as sg

SIZES = {"m": 3, "n": 4, "k": 5}
NAMES = {name: getattr(module, name) for module in (jax.scipy.special, jax.nn, jnp) for name in dir(module)}
NAMES |= {"jnp": jnp, "jax": jax, "lax": jax.lax, "special": jax.scipy.special, "jsp": jax.scipy}


def forward_source(arguments: str, expression: str) -> str:
    """One scalar function: its annotated arguments and what it returns."""
    return f"def f({arguments}):\n    return {expression}\n"


def weighed(expression: str, shapes: Mapping[str, str]) -> str:
    """A scalar function around an expression of any shape, every entry with a weight and a curvature of its own."""
    arguments = ", ".join(f'{name}: "{shape}"' for name, shape in shapes.items())
    return f"def f({arguments}):\n    u = {expression}\n    J = jnp.sum(u * jnp.cos(0.3 * u + 0.2))\n    return J\n"


def jax_function(source: str) -> Any:
    """The same text as a function on jax arrays; the text is written by the tests."""
    scope = dict(NAMES)
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


def compiled(source: str, wrt: Sequence[str] = ()) -> ModuleType:
    """The exported module of the derivative, in every argument where none is named."""
    return sg.forward(source).derive(*wrt).compile()  # type: ignore[no-any-return]


def assert_close(got: Any, want: Any, tolerance: float) -> None:
    """Entry by entry to `tolerance`, relative to the entry or, where it is small, to a tenth."""
    for g, w in zip(got, want, strict=True):
        assert np.shape(g) == np.shape(w)
        np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance / 10)


def check_against_jax(
    source: str,
    point: Mapping[str, Any] | None = None,
    wrt: Sequence[str] = (),
    tolerance: float = 1e-10,
) -> None:
    """Value, gradient and the Hessian in one direction, in every argument of floats at once or in those named by `wrt`."""
    f, module = jax_function(source), compiled(source, wrt)
    at = {name: np.asarray(a) for name, a in (point or arrays_for(f)).items()}
    names = wrt or [name for name, text in f.__annotations__.items() if "| int" not in text]
    direction = tuple(np.cos(np.arange(at[n].size) + 1.0).reshape(at[n].shape) for n in names)
    value, gradient, product = _derivatives(f, at, names, direction)
    got_value, got_gradient = module.value_and_grad(**at)
    assert_close([module.value(**at), got_value], [value, value], tolerance)
    assert_close(got_gradient, gradient, tolerance)
    assert_close(module.grad(**at), gradient, tolerance)
    assert_close(module.hvp(direction, **at), product, tolerance)


def check_gradient_against_jax(source: str, point: Mapping[str, Any]) -> None:
    """The gradient alone, at a kink, where second derivatives are nobody's."""
    f, at = jax_function(source), {name: np.asarray(a) for name, a in point.items()}
    names = tuple(range(len(at)))
    assert_close(compiled(source).grad(**at), jax.grad(f, names)(*map(jnp.asarray, at.values())), 1e-10)


def _derivatives(f: Any, at: Mapping[str, np.ndarray], names: Sequence[str], direction: tuple[np.ndarray, ...]) -> Any:
    """Compiled as a whole, which takes jax less time than each of its operations for itself."""
    rest = {name: a for name, a in at.items() if name not in names}
    both = jax.value_and_grad(lambda *arrays: f(**rest, **dict(zip(names, arrays, strict=True))), tuple(range(len(names))))
    (value, gradient), (_, product) = jax.jit(lambda *arrays: jax.jvp(both, arrays, direction))(*(at[n] for n in names))
    return value, gradient, product
