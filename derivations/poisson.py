"""Poisson regression with the canonical link: McCullagh and Nelder, Generalized Linear Models, chapter 6.

The score is X^T (y - mu) and the information X^T diag(mu) X; here the negative log-likelihood without its constant.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def poisson(X: "n p", y: "n | positive", beta: "p"):
    eta = X @ beta  # linear predictor
    mu = jnp.exp(eta)  # mean, log link
    L = jnp.sum(mu) - y @ eta  # negative log-likelihood
    return L


WRT = ("beta",)
