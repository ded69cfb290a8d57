"""A Gaussian process' log marginal likelihood: Rasmussen and Williams (2006), equations (2.30), (2.31) and section 5.4.1.

Squared-exponential kernel on given squared distances D; the gradient takes the form of (5.9), with alpha = K^-1 y.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def gp_marginal_likelihood(D: "n n | symmetric positive", y: "n", ell: "| positive", sigma_f: "| positive", sigma_n: "| positive"):
    K = sigma_f**2 * jnp.exp(-D / (2 * ell**2)) + sigma_n**2 * jnp.eye(y.shape[0])  # (2.31)
    alpha = jnp.linalg.solve(K, y)  # K^-1 y
    _, logdet = jnp.linalg.slogdet(K)  # log |K|
    L = -0.5 * y @ alpha - 0.5 * logdet - y.shape[0] / 2 * jnp.log(2 * jnp.pi)  # (2.30)
    return L


WRT = ("ell", "sigma_f", "sigma_n")
