"""One step of a gated recurrent unit: Dive into Deep Learning, section 10.2, equations (10.2.1) to (10.2.3), without biases.

X and H0 hold a minibatch in rows.  G is the adjoint that the following steps hand down to H.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def gru_cell(X: "n d", H0: "n h", G: "n h", Wxr: "d h", Whr: "h h", Wxz: "d h", Whz: "h h", Wxh: "d h", Whh: "h h"):
    R = jax.nn.sigmoid(X @ Wxr + H0 @ Whr)  # reset gate, (10.2.1)
    Z = jax.nn.sigmoid(X @ Wxz + H0 @ Whz)  # update gate, (10.2.1)
    H_tilde = jnp.tanh(X @ Wxh + (R * H0) @ Whh)  # candidate, (10.2.2)
    H = Z * H0 + (1 - Z) * H_tilde  # hidden state, (10.2.3)
    J = jnp.sum(G * H)  # the rest of the network, linearised
    return J


WRT = ("Whr", "Wxz", "Whh", "H0")
