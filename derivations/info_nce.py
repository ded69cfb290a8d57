"""InfoNCE over a batch of pairs, rows that belong together at one index: van den Oord, Li and Vinyals (2018), equation (4).

The density ratio is exp(z^T z' / tau), as contrastive learners have it.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def info_nce(Z: "N d", C: "N d", tau: " | positive"):
    S = Z @ C.T / tau  # similarities
    P = jax.nn.log_softmax(S, axis=1)  # log-probability that c_j belongs to z_i
    L = -jnp.trace(P) / Z.shape[0]  # (4)
    return L


WRT = ("Z", "C", "tau")
