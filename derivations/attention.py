"""Scaled dot-product attention: Vaswani et al. (2017), equation (1), and the adjoints of queries, keys and values.

G is the adjoint of the output that the layers above hand down.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def attention(Q: "n k", K: "m k", V: "m v", G: "n v"):
    S = Q @ K.T / jnp.sqrt(K.shape[1])  # scores
    A = jax.nn.softmax(S, axis=1)  # attention weights
    O = A @ V  # (1)
    J = jnp.sum(G * O)  # the rest of the network, linearised
    return J


WRT = ("Q", "K", "V")
