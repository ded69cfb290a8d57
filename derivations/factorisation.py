"""Probabilistic matrix factorisation: Salakhutdinov and Mnih (2008), equation (4); M says which ratings were observed.

One weight for both penalties, and a rating's row and column are rows of U and V.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def factorisation(R: "n m", M: "n m | binary", U: "n k", V: "m k", lam: " | positive"):
    E = M * (R - U @ V.T)  # errors of the observed ratings
    J = 0.5 * jnp.sum(E**2) + lam / 2 * (jnp.sum(U**2) + jnp.sum(V**2))  # (4)
    return J


WRT = ("U", "V")
