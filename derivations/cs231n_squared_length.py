"""The vectorised circuit of CS231n: f(x, W) = ||W x||^2, the squared length of a product, and its adjoints."""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def cs231n_squared_length(x: "n", W: "m n"):
    q = W @ x  # multiply gate
    f = jnp.sum(q**2)  # L2 gate
    return f


WRT = ("W", "x")
POINT = {"W": [[0.1, 0.5], [-0.3, 0.8]], "x": [0.2, 0.4]}
VALUES = {"q": [0.22, 0.26], "f": 0.116}
ADJOINTS = {"f": 1.0, "q": [0.44, 0.52], "W": [[0.088, 0.176], [0.104, 0.208]], "x": [-0.112, 0.636]}
