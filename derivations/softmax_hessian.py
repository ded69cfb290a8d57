"""Log-sum-exp is convex: Boyd and Vandenberghe, Convex Optimization (2004), section 3.1.5.

The Hessian is (1^T z diag(z) - z z^T) / (1^T z)^2, which is diag(p) - p p^T with p = softmax(x).
"""

import jax.numpy as jnp

import symgrad as sg


@sg.forward
def softmax_hessian(x: "n"):
    f = jnp.log(jnp.sum(jnp.exp(x)))  # log-sum-exp
    return f


WRT = ("x",)
