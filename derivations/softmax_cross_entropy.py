"""The same three-layer network under cross-entropy: the adjoint of h2 collapses to softmax(h2) - y."""

import jax

import symgrad as sg


@sg.forward
def softmax_cross_entropy(x: "d", y: "q | onehot", W1: "h d", W2: "q h"):
    h1 = W1 @ x  # (1)
    o1 = jax.nn.sigmoid(h1)  # (2)
    h2 = W2 @ o1  # (3)
    L = -(y @ jax.nn.log_softmax(h2))  # (4)
    return L


WRT = ("W1", "W2")
