"""Low-rank adaptation of a dense layer: Hu et al. (2022), equation (3), with its scaling alpha / r; W0 stays as it is.

G is the adjoint of the output that the layers above hand down; at B = 0, where training starts, the adjoint of A is 0.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def lora(x: "k", W0: "d k", A: "r k", B: "d r", alpha: " | positive", G: "d"):
    h = W0 @ x + alpha / A.shape[0] * (B @ (A @ x))  # (3)
    J = jnp.sum(G * h)  # the rest of the network, linearised
    return J


WRT = ("A", "B")
