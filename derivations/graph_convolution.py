"""A graph convolutional network of two layers: Kipf and Welling (2017), equations (9) and (10), every node labelled.

A_hat is the normalised adjacency matrix with self-loops.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def graph_convolution(A_hat: "N N | symmetric", X: "N C", Y: "N F | onehot", W0: "C H", W1: "H F"):
    S = A_hat @ X @ W0  # first propagation
    H = jax.nn.relu(S)  # hidden layer
    O = A_hat @ H @ W1  # second propagation
    L = -jnp.sum(Y * jnp.log(jax.nn.softmax(O, axis=1)))  # (9) in (10)
    return L


WRT = ("W0", "W1")
