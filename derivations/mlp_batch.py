"""One hidden layer with biases and weight decay on a batch: Dive into Deep Learning, section 5.3, the examples as the rows of X.

The equations keep the numbers of section 5.3, which has one example; the loss is the mean over the batch.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def mlp_batch(X: "n d", Y: "n q", W1: "h d", b1: "h", W2: "q h", b2: "q", lam: " | positive"):
    Z = X @ W1.T + b1  # (5.3.1)
    H = jnp.tanh(Z)  # (5.3.2)
    O = H @ W2.T + b2  # (5.3.3)
    L = 0.5 * jnp.sum((O - Y) ** 2) / X.shape[0]  # (5.3.4)
    s = lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))  # (5.3.5)
    J = L + s  # (5.3.6)
    return J


WRT = ("W1", "b1", "W2", "b2")
