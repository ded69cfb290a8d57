"""Value, gradient and Hessian-vector product of an expression, held against jax at one point."""

import jax
import jax.numpy as jnp
import numpy as np

import symgrad.ops  # noqa: F401
from symgrad.derivation import forward

NAMES = {name: getattr(module, name) for module in (jax.scipy.special, jax.nn, jnp) for name in dir(module)}
NAMES |= {"jnp": jnp, "jax": jax, "lax": jax.lax, "special": jax.scipy.special}


def program(expression, shapes):
    """A scalar program around an expression of any shape, every entry with a weight and a curvature of its own."""
    arguments = ", ".join(f'{name}: "{shape}"' for name, shape in shapes.items())
    return f"def f({arguments}):\n    u = {expression}\n    J = jnp.sum(u * jnp.cos(0.3 * u + 0.2))\n    return J\n"


def oracle(source):
    """The same text as a function on jax arrays; the text is written by the tests."""
    scope = dict(NAMES)
    exec(source, scope)
    return scope["f"]


def check(expression, shapes, point, wrt=None, order=2, rtol=1e-10):
    source, wrt = program(expression, shapes), wrt or [k for k, s in shapes.items() if "int" not in s]
    point = {k: np.asarray(v) for k, v in point.items()}
    module = forward(source).derive(*wrt).compile()
    directions = tuple(np.cos(np.arange(point[k].size) + 1.0).reshape(point[k].shape) for k in wrt)

    def restricted(*arrays):
        return oracle(source)(**{k: jnp.asarray(v) for k, v in point.items()} | dict(zip(wrt, arrays, strict=True)))

    arrays = tuple(jnp.asarray(point[k]) for k in wrt)
    everything = tuple(range(len(wrt)))
    both = jax.value_and_grad(restricted, everything)
    if order == 1:
        value, gradient = both(*arrays)
    else:
        (value, gradient), (_, product) = jax.jvp(both, arrays, directions)
        compare(module.hvp(directions, **point), product, rtol)
    np.testing.assert_allclose(module.value(**point), value, rtol=rtol)
    compare(module.grad(**point), gradient, rtol)


def compare(ours, theirs, rtol):
    for a, b in zip(ours, theirs, strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-11)
