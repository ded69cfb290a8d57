"""The neuron of CS231n with its last four gates fused into one node: a group whose local gradient is known is a gate as well.

The course prints two digits; below they stand as printed.
"""

import jax

import symgrad as sg


@sg.forward
def cs231n_sigmoid(w: "n", x: "n", b: ""):
    s = w @ x + b  # dot product
    f = jax.nn.sigmoid(s)  # sigma gate, df/ds = (1 - f) f
    return f


WRT = ("w", "x", "b")
POINT = {"w": [2.0, -3.0], "x": [-1.0, -2.0], "b": -3.0}
DIGITS = 2
VALUES = {"s": 1.00, "f": 0.73}
ADJOINTS = {"f": 1.00, "s": 0.20, "w": [-0.20, -0.39], "x": [0.39, -0.59], "b": 0.20}
