"""The first circuit of CS231n, Backpropagation, Intuitions: an add gate into a multiply gate, f = (x + y) z.

Below, the adjoints at the course's point, each under the name of the wire it belongs to.
"""

import symgrad as sg


@sg.forward
def cs231n_circuit(x: "", y: "", z: ""):
    q = x + y  # add gate
    f = q * z  # multiply gate
    return f


WRT = ("x", "y", "z")
POINT = {"x": -2.0, "y": 5.0, "z": -4.0}
VALUES = {"q": 3.0, "f": -12.0}
ADJOINTS = {"f": 1.0, "q": -4.0, "x": -4.0, "y": -4.0, "z": 3.0}
