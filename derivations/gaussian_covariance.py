"""A multivariate Gaussian's negative log-likelihood in the covariance matrix: Mardia, Kent and Bibby (1979), chapter 4.

S is the sample covariance; the gradient is (Sigma^-1 - Sigma^-1 S Sigma^-1) / 2, which is 0 at Sigma = S.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def gaussian_covariance(S: "d d | spd", Sigma: "d d | spd"):
    _, logdet = jnp.linalg.slogdet(Sigma)  # log |Sigma|
    q = jnp.trace(jnp.linalg.solve(Sigma, S))  # tr(Sigma^-1 S)
    J = 0.5 * (logdet + q)  # negative log-likelihood of one observation
    return J


WRT = ("Sigma",)
