"""A multivariate Gaussian's log-likelihood in mean and precision matrix: Bishop (2006), equation (2.118) with Lambda = Sigma^-1."""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def gaussian_precision(X: "N D", mu: "D", Lambda: "D D | spd"):
    R = X - mu  # residuals, one a row
    Q = jnp.trace(R @ Lambda @ R.T)  # squared Mahalanobis distances, summed
    L = X.shape[0] / 2 * jnp.log(jnp.linalg.det(Lambda)) - 0.5 * Q  # (2.118), without its constant
    return L


WRT = ("mu", "Lambda")
