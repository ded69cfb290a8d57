"""One hidden layer with biases, which the regulariser leaves alone: Dive into Deep Learning, section 5.3, exercise 2.

The equations keep the numbers of section 5.3, which has them without the biases.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def d2l_mlp_bias(x: "d", y: "q", W1: "h d", b1: "h", W2: "q h", b2: "q", lam: " | positive"):
    z = W1 @ x + b1  # (5.3.1)
    h = jnp.tanh(z)  # (5.3.2)
    o = W2 @ h + b2  # (5.3.3)
    L = 0.5 * jnp.sum((o - y) ** 2)  # (5.3.4)
    s = lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))  # (5.3.5)
    J = L + s  # (5.3.6)
    return J


WRT = ("W1", "b1", "W2", "b2")
