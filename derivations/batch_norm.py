"""Batch normalisation in training: Ioffe and Szegedy (2015), algorithm 1, the rows of X a mini-batch of m examples.

G is the adjoint of the output that the layers above hand down.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def batch_norm(X: "m d", gamma: "d", beta: "d", G: "m d", eps: " | positive"):
    mu = jnp.mean(X, axis=0)  # mini-batch mean
    v = jnp.mean((X - mu) ** 2, axis=0)  # mini-batch variance
    X_hat = (X - mu) / jnp.sqrt(v + eps)  # normalise
    Y = gamma * X_hat + beta  # scale and shift
    J = jnp.sum(G * Y)  # the rest of the network, linearised
    return J


WRT = ("X", "gamma", "beta")
