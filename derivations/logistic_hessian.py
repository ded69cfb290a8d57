"""Logistic regression from its logits with a quadratic penalty, for Newton's method: X^T diag(p (1 - p)) X + lambda I.

Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, section 4.4.1, has it without the penalty and with the
opposite sign: there the likelihood is maximised.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def logistic_hessian(X: "n d", y: "n | binary", beta: "d", lam: " | positive"):
    eta = X @ beta  # linear predictor
    nll = jnp.sum(jax.nn.softplus(eta) - y * eta)  # negative log-likelihood
    J = nll + lam / 2 * beta @ beta  # penalised objective
    return J


WRT = ("beta",)
