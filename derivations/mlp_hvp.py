"""The R-operator: Pearlmutter (1994), Fast Exact Multiplication by the Hessian, section 4, on a network of two layers.

A Hessian-vector product is the tangent of the backward pass; the Hessian itself is never formed.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def mlp_hvp(y0: "n", t: "q", W1: "h n", W2: "q h"):
    x1 = W1 @ y0  # net input of the hidden layer
    y1 = jax.nn.sigmoid(x1)  # hidden layer
    x2 = W2 @ y1  # net input of the output layer
    y2 = jax.nn.sigmoid(x2)  # output layer
    E = 0.5 * jnp.sum((y2 - t) ** 2)  # error
    return E


WRT = ("W1", "W2")
