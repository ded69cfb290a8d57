"""One hidden layer with weight decay, activation phi and loss l left open: Dive into Deep Learning, section 5.3.

The backward pass is the book's own, equations (5.3.8) to (5.3.14).
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def d2l_generic(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive", phi: "| entrywise", l: "| loss"):
    z = W1 @ x  # (5.3.1)
    h = phi(z)  # (5.3.2)
    o = W2 @ h  # (5.3.3)
    L = l(o, y)  # (5.3.4)
    s = lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))  # (5.3.5)
    J = L + s  # (5.3.6)
    return J


WRT = ("W1", "W2")
