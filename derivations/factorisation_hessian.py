"""The Hessian of a full matrix factorisation: its diagonal blocks are Kronecker products, (V^T V) x I and (U^T U) x I.

That is why alternating least squares solves one small system for all rows: with V fixed the objective is quadratic in U.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def factorisation_hessian(T: "m n", U: "m k", V: "n k"):
    R = U @ V.T - T  # residual
    J = 0.5 * jnp.sum(R**2)  # objective
    return J


WRT = ("U", "V")
