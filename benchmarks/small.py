"""Small arrays, where the time is that of calls: the NumPy module, the module under numba, and jax.jit.

python benchmarks/small.py                  # a Markdown table
"""

from __future__ import annotations

from harness import Row, jax, jitted, measure, table  # isort: skip  (before anything reads the environment)
import numpy as np

import symgrad as sg

MLP = """
def mlp(x: "20", y: "5", W1: "10 20", W2: "5 10"):
    h = jnp.tanh(W1 @ x)
    return 0.5 * jnp.sum((W2 @ h - y) ** 2) + 0.05 * (jnp.sum(W1**2) + jnp.sum(W2**2))
"""
CHAIN = """
def chain(x: "8", A: "8 8"):
    for i in range(6):
        x = jnp.tanh(A @ x) + 0.1 * jnp.sin(x)
    return jnp.sum(x**2)
"""


def rows(name: str, source: str) -> list[Row]:
    """The gradient and the Hessian-vector product of one function."""
    d = sg.forward(source).derive()
    ours, plain, function = d.compile("numba"), d.compile(), _function(source)
    rng = np.random.default_rng(0)
    at = {str(v): 0.3 * rng.normal(size=tuple(int(n) for n in v.shape)) for v in d.program.inputs}
    every, x = tuple(range(len(at))), tuple(at.values())
    gradient, v = jax.grad(function, every), tuple(np.cos(a) for a in x)
    return [
        Row(
            f"{name}, gradient",
            {
                "numba": lambda: ours.value_and_grad(**at),
                "NumPy": lambda: plain.value_and_grad(**at),
                "jax.jit": jitted(jax.value_and_grad(function, every), *x),
            },
        ),
        Row(
            f"{name}, HVP",
            {
                "numba": lambda: ours.hvp(v, **at),
                "NumPy": lambda: plain.hvp(v, **at),
                "jax.jit": jitted(lambda v, *x: jax.jvp(gradient, x, v)[1], v, *x),
            },
        ),
    ]


def _function(source: str) -> object:
    scope: dict[str, object] = {"jnp": jax.numpy}
    exec(source, scope)
    return scope[source.split("(")[0].split()[1]]


def main() -> None:
    made = [measure(row) for name, text in (("MLP 20-10-5, n = 1", MLP), ("chain of 6, d = 8", CHAIN)) for row in rows(name, text)]
    print(table(made, "Small arrays").replace("ours /", "numba /"))


if __name__ == "__main__":
    main()
