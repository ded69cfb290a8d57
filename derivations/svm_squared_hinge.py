"""A linear support vector machine with squared hinge loss: Chapelle (2007), Training a Support Vector Machine in the Primal."""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def svm_squared_hinge(X: "n d", y: "n | sign", w: "d", b: "", C: " | positive"):
    m = y * (X @ w + b)  # margins
    xi = jnp.maximum(0, 1 - m)  # slacks
    J = 0.5 * w @ w + C * jnp.sum(xi**2)  # primal objective
    return J


WRT = ("w", "b")
