"""Principal components as the best linear reconstruction: Hastie, Tibshirani and Friedman, Statistical Learning, section 14.5.1.

X is centred; V has orthonormal columns at the optimum, and is free here, so this is a linear autoencoder with tied weights.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def pca(X: "N p", V: "p q"):
    Z = X @ V  # scores
    R = X - Z @ V.T  # reconstruction error
    J = jnp.sum(R**2)  # its squared length
    return J


WRT = ("V",)
