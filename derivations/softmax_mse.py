"""A three-layer network with softmax output under the squared error, the rows of X a batch of N: a torch tutorial's network.

The activation is the sigmoid, one of the three (sigmoid, relu, tanh) that the tutorial offers.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def softmax_mse(X: "N d", Y: "N q | onehot", W1: "d h", W2: "h q"):
    h1 = X @ W1  # (1)
    o1 = jax.nn.sigmoid(h1)  # (2)
    h2 = o1 @ W2  # (3)
    predict = jax.nn.softmax(h2, axis=1)  # (4)
    loss = jnp.sum((Y - predict) ** 2) / X.shape[0]  # (5)
    return loss


WRT = ("W1", "W2")
