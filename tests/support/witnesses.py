"""Every operation once more in jax's words: the independent value that the exported NumPy is held against.

One that has a `scalar` body or a definition in its record needs none: mpmath judges it by the one, NumPy by the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from cases import phi_witness, smooth_loss
from jax.scipy import linalg, special

JAX_NAMES = """
exp expm1 log log1p log2 log10 sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh arccosh arctanh sign abs
matmul dot outer trace diag diagonal kron
""".split()


def spread(x: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    return jnp.broadcast_to(jnp.reshape(x, [s if a in axes else 1 for a, s in enumerate(shape)]), shape)


def blocks(G: Any, inner: Any) -> Any:
    """Block (i, j) of G, of the shape of `inner`, as [i, j]."""
    k, width = inner.shape
    rows = jnp.split(G, G.shape[0] // k, axis=0)
    return jnp.stack([jnp.stack(jnp.split(row, G.shape[1] // width, axis=1)) for row in rows])


def entries_with(G: Any, X: Any) -> Any:
    m, n = X.shape
    parts = blocks(G, jnp.zeros((G.shape[0] // m, G.shape[1] // n)))
    return sum(X[i, j] * parts[i, j] for i in range(m) for j in range(n))


def loss_witness(o: Any, y: Any, wrt: tuple[int, ...], **_: Any) -> Any:
    """Reverse mode, where the bound functions take forward mode."""
    function: Callable[..., Any] = smooth_loss
    for i in wrt:
        function = jax.jacrev(function, argnums=i)
    return function(o, y)


def slope(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The gradient of a scalar function, and its derivatives along as many directions as are given."""

    def along(x: Any, *directions: Any) -> Any:
        derivative: Callable[[Any], Any] = jax.grad(function)
        for v in directions:
            derivative = partial(lambda inner, v, x: jax.jvp(inner, (x,), (v,))[1], derivative, v)
        return derivative(x)

    return along


def length(x: Any, axes: tuple[int, ...]) -> Any:
    return jnp.sqrt(jnp.sum(x**2, axis=axes, keepdims=True))


def slices(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """A (start, count, step) each as the slice it stands for."""
    return tuple(_slice(*i) if isinstance(i, tuple) else i for i in index)


def _slice(start: int, count: int, step: int) -> slice:
    stop = start + count * step
    return slice(start, stop if stop >= 0 else None, step)


def cumulated(x: Any, axis: int, backward: bool) -> Any:
    return jnp.flip(jnp.cumsum(jnp.flip(x, axis), axis=axis), axis) if backward else jnp.cumsum(x, axis=axis)


def scattered(G: Any, y: Any, axis: int, count: int) -> Any:
    """Through the product with one-hot rows, as its record says of gather."""
    return jnp.moveaxis(jnp.tensordot(jax.nn.one_hot(y, count, axis=0), jnp.moveaxis(G, axis, 0), axes=1), 0, axis)


def embedded(x: Any, spec: str) -> Any:
    """The product with an identity matrix for every subscript that comes back."""
    inside, outside = spec.split("->")
    pairs = [(c, c.upper()) for i, c in enumerate(outside) if c in outside[:i]]
    output = "".join(c.upper() if c in outside[:i] else c for i, c in enumerate(outside))
    identities = [jnp.eye(x.shape[inside.index(c)]) for c, _ in pairs]
    return jnp.einsum(",".join([inside, *map("".join, pairs)]) + "->" + output, x, *identities)


def triangular(A: Any, B: Any, lower: bool, trans: bool) -> Any:
    return linalg.solve_triangular(A, B, lower=lower, trans=int(trans))


WITNESSES: dict[str, Callable[..., Any]] = {name: getattr(jnp, name) for name in JAX_NAMES}
WITNESSES |= {
    "broadcast": spread,
    "sum": lambda x, axes: jnp.sum(x, axis=axes),
    "add": lambda *x: sum(x[1:], start=x[0]),
    "scale": lambda c, x: c * x,
    "hadamard": jnp.multiply,
    "divide": jnp.divide,
    "power": lambda x, exponent: jnp.power(x, exponent),
    "pow": jnp.power,
    "log_or_zero": jnp.log,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "relu": jax.nn.relu,
    "step": lambda x: jnp.heaviside(x, 0.0),
    "erf": special.erf,
    "transpose": lambda x, axes: jnp.transpose(x, axes),
    "blocks_with": lambda G, Y: jnp.sum(blocks(G, Y) * Y, axis=(2, 3)),
    "entries_with": entries_with,
    "embed": embedded,
    "einsum": lambda *x, spec: jnp.einsum(spec, *x),
    "apply": phi_witness,
    "loss": loss_witness,
    "logsumexp": lambda x, axes: special.logsumexp(x, axis=axes),
    "softmax": lambda x, axes: jax.nn.softmax(x, axis=axes),
    "log_softmax": lambda x, axes: jax.nn.log_softmax(x, axis=axes),
    "max": lambda x, axes: jnp.max(x, axis=axes),
    "min": lambda x, axes: jnp.min(x, axis=axes),
    "highest": lambda x, axes: jax.grad(lambda x: jnp.sum(jnp.max(x, axis=axes)))(x),
    "lowest": lambda x, axes: jax.grad(lambda x: jnp.sum(jnp.min(x, axis=axes)))(x),
    "norm": lambda x, axes: jnp.squeeze(length(x, axes), axis=axes),
    "direction": lambda x, axes: x / length(x, axes),
    "prod": lambda x, axes: jnp.prod(x, axis=axes),
    "prod_slope": lambda x, *v, axes: slope(lambda x: jnp.sum(jnp.prod(x, axis=axes)))(x, *v),
    "tril": jnp.tril,
    "triu": jnp.triu,
    "stack": lambda *x, axis: jnp.stack(x, axis=axis),
    "concatenate": lambda *x, axis: jnp.concatenate(x, axis=axis),
    "cumsum": cumulated,
    "reshape": lambda x, shape: jnp.reshape(x, shape),
    "vec": lambda x: jnp.ravel(x, order="F"),
    "unvec": lambda x, shape: jnp.reshape(x, shape, order="F"),
    "take": lambda x, index: x[slices(index)],
    "put": lambda x, shape, index: jnp.zeros(shape).at[slices(index)].set(x),
    "overwrite": lambda x, y, index: jnp.asarray(x).at[slices(index)].set(y),
    "pick": lambda x, y, axis: jnp.squeeze(jnp.take_along_axis(x, jnp.expand_dims(y, axis), axis=axis), axis),
    "gather": lambda x, y, axis: jnp.take(x, y, axis=axis),
    "scatter": scattered,
    "one_hot": lambda y, classes, wraps: jax.nn.one_hot(y % classes if wraps else y, classes),
    "inv": jnp.linalg.inv,
    "pinv": jnp.linalg.pinv,
    "det": jnp.linalg.det,
    "det_sign": lambda x: jnp.linalg.slogdet(x)[0],
    "logdet": lambda x: jnp.linalg.slogdet(x)[1],
    "cofactor": slope(jnp.linalg.det),
    "solve": lambda A, B: jnp.linalg.solve(A, B),
    "solve_triangular": triangular,
    "cholesky": lambda x, symmetrized: jnp.linalg.cholesky((x + x.T) / 2),
    "lower_half": lambda x: jnp.tril(x) - jnp.diag(jnp.diag(x)) / 2,
}

UNWITNESSED: dict[str, str] = {}
"""Operations that nothing else computes, each with the reason; the difference quotients are all that holds them."""

ROUNDED_ARGUMENT = {"sinc": "NumPy rounds pi x before it takes the sine; beyond 1e15 no digit of that is left"}
"""Oscillating functions whose value at 1e100 is defined but that float64 cannot reach."""
