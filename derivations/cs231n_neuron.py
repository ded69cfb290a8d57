"""A sigmoid neuron, gate by gate: CS231n, Backpropagation, Intuitions, f = 1 / (1 + exp(-(w0 x0 + w1 x1 + w2))).

The course prints two digits; below they stand as printed.
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def cs231n_neuron(w0: "", x0: "", w1: "", x1: "", w2: ""):
    a = w0 * x0  # multiply gate
    b = w1 * x1  # multiply gate
    c = a + b  # add gate
    s = c + w2  # add gate
    m = s * -1  # *-1 gate
    e = jnp.exp(m)  # exp gate
    p = e + 1  # +1 gate
    f = 1 / p  # 1/x gate
    return f


WRT = ("w0", "x0", "w1", "x1", "w2")
POINT = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
DIGITS = 2
VALUES = {"a": -2.00, "b": 6.00, "c": 4.00, "s": 1.00, "m": -1.00, "e": 0.37, "p": 1.37, "f": 0.73}
ADJOINTS = {"f": 1.00, "p": -0.53, "e": -0.53, "m": -0.20, "s": 0.20, "w2": 0.20}
ADJOINTS |= {"w0": -0.20, "x0": 0.39, "w1": -0.39, "x1": -0.59}
