"""Layer normalisation: Ba, Kiros and Hinton (2016), equations (3) and (4), each row of A the summed inputs of one layer.

G is the adjoint of the output that the layers above hand down; a small epsilon keeps the root away from 0.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def layer_norm(A: "n H", g: "H", b: "H", G: "n H", eps: " | positive"):
    mu = jnp.mean(A, axis=1, keepdims=True)  # mean, (3)
    sigma = jnp.sqrt(jnp.mean((A - mu) ** 2, axis=1, keepdims=True) + eps)  # standard deviation, (3)
    A_hat = (A - mu) / sigma  # normalised
    Y = g * A_hat + b  # gain and bias, (4)
    J = jnp.sum(G * Y)  # the rest of the network, linearised
    return J


WRT = ("A", "g", "b")
