"""Logistic regression: Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.2.

With y = sigma(a), equation (4.87), the gradient is Phi^T (y - t), equation (4.96).
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def logistic(Phi: "N M", t: "N | binary", w: "M"):
    a = Phi @ w  # activations
    E = -jnp.sum(t * jnp.log(jax.nn.sigmoid(a)) + (1 - t) * jnp.log(1 - jax.nn.sigmoid(a)))  # (4.90)
    return E


WRT = ("w",)
