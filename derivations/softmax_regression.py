"""Multiclass logistic regression: Bishop, Pattern Recognition and Machine Learning (2006), section 4.3.4.

The rows of Phi are feature vectors, the columns of W the weights of the classes; the gradient is Phi^T (Y - T), equation (4.109).
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def softmax_regression(Phi: "N M", T: "N K | onehot", W: "M K"):
    A = Phi @ W  # (4.105)
    E = -jnp.sum(T * jnp.log(jax.nn.softmax(A, axis=1)))  # (4.104) in (4.108)
    return E


WRT = ("W",)
