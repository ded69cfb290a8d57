"""The network of D2L 5.3 with its functions bound: as text for the reader, and as jax's own words for it."""

import jax.numpy as jnp

D2L = """
def mlp(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive"):
    z = W1 @ x
    h = tanh(z)
    o = W2 @ h
    L = 0.5 * sum((o - y) ** 2)
    s = lam / 2 * (sum(W1**2) + sum(W2**2))
    J = L + s
    return J
"""


def d2l(x, y, W1, W2, lam):
    o = W2 @ jnp.tanh(W1 @ x)
    return 0.5 * jnp.sum((o - y) ** 2) + lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))
