"""One step of a long short-term memory cell: Dive into Deep Learning, section 10.1, equations (10.1.1) to (10.1.4).

X, H0 and C0 hold a minibatch in rows.  G is the adjoint that the following steps hand down to H.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def lstm_cell(
    X: "n d", H0: "n h", C0: "n h", G: "n h",
    Wxi: "d h", Whi: "h h", b_i: "h", Wxf: "d h", Whf: "h h", b_f: "h",
    Wxo: "d h", Who: "h h", b_o: "h", Wxc: "d h", Whc: "h h", b_c: "h",
):  # fmt: skip
    I = jax.nn.sigmoid(X @ Wxi + H0 @ Whi + b_i)  # input gate, (10.1.1)
    F = jax.nn.sigmoid(X @ Wxf + H0 @ Whf + b_f)  # forget gate, (10.1.1)
    O = jax.nn.sigmoid(X @ Wxo + H0 @ Who + b_o)  # output gate, (10.1.1)
    C_tilde = jnp.tanh(X @ Wxc + H0 @ Whc + b_c)  # input node, (10.1.2)
    C = F * C0 + I * C_tilde  # cell state, (10.1.3)
    H = O * jnp.tanh(C)  # hidden state, (10.1.4)
    J = jnp.sum(G * H)  # the rest of the network, linearised
    return J


WRT = ("Wxi", "Wxf", "Wxo", "Wxc", "Whc", "b_c")
