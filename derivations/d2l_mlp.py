"""One hidden layer with weight decay: Dive into Deep Learning, section 5.3, equations (5.3.1) to (5.3.6).

The activation is tanh and the loss the squared error; `d2l_generic.py` leaves both open as the book does.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def d2l_mlp(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive"):
    z = W1 @ x  # (5.3.1)
    h = jnp.tanh(z)  # (5.3.2)
    o = W2 @ h  # (5.3.3)
    L = 0.5 * jnp.sum((o - y) ** 2)  # (5.3.4)
    s = lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))  # (5.3.5)
    J = L + s  # (5.3.6)
    return J


WRT = ("W1", "W2")
