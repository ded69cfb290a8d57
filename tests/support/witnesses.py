"""Every operation once more in jax's words: the independent value that the exported NumPy is held against.

An operation without a natural counterpart here needs a `scalar` body in its record; mpmath judges it by that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from cases import phi_witness, smooth_loss
from jax.scipy import special

JAX_NAMES = """
exp expm1 log log1p log2 log10 sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh arccosh arctanh sign abs
matmul dot outer trace diag diagonal kron
""".split()


def spread(x: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    return jnp.broadcast_to(jnp.reshape(x, [s if a in axes else 1 for a, s in enumerate(shape)]), shape)


def blocks(G: Any, inner: Any) -> Any:
    """Block (i, j) of G, of the shape of `inner`, as [i, j]."""
    k, l = inner.shape
    rows = jnp.split(G, G.shape[0] // k, axis=0)
    return jnp.stack([jnp.stack(jnp.split(row, G.shape[1] // l, axis=1)) for row in rows])


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
    "einsum": lambda *x, spec: jnp.einsum(spec, *x),
    "apply": phi_witness,
    "loss": loss_witness,
    "logsumexp": lambda x, axes: special.logsumexp(x, axis=axes),
    "softmax": lambda x, axes: jax.nn.softmax(x, axis=axes),
    "log_softmax": lambda x, axes: jax.nn.log_softmax(x, axis=axes),
}

UNWITNESSED: dict[str, str] = {}
"""Operations that nothing else computes, each with the reason; the difference quotients are all that holds them."""
