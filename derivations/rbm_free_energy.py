"""The free energy of a restricted Boltzmann machine with binary hidden units: Hinton (2012), A Practical Guide, section 16.1.

Its derivatives are expectations over the hidden units: sigmoid(x) is the probability that they are on.
"""

import jax
import jax.numpy as jnp

import symgrad as sg


@sg.forward
def rbm_free_energy(v: "n", a: "n", b: "m", W: "n m"):
    x = b + v @ W  # total inputs of the hidden units
    F = -(a @ v) - jnp.sum(jax.nn.softplus(x))  # free energy
    return F


WRT = ("a", "b", "W")
