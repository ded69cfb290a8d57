"""A mixture of K Gaussians of unit covariance: Bishop (2006), equation (9.14), mixing coefficients as a softmax of a.

The gradients hold the responsibilities gamma of (9.13).
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def gaussian_mixture(X: "N D", a: "K", M: "K D"):
    D2 = jnp.sum(X**2, axis=1)[:, None] - 2 * X @ M.T + jnp.sum(M**2, axis=1)  # squared distances to the means
    S = jax.nn.log_softmax(a) - 0.5 * D2  # log pi_k N(x_n | mu_k, I), without its constant
    L = jnp.sum(jax.scipy.special.logsumexp(S, axis=1))  # (9.14)
    return L


WRT = ("a", "M")
