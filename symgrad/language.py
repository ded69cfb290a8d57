"""The names a forward pass may use: NumPy's and JAX's, each bound to a function over nodes by the file of its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LANGUAGE: dict[str, Callable[..., Any]] = {}
"""Functions by the last part of their dotted name: exp stands for np.exp, jnp.exp and a bare exp."""

METHODS: dict[str, Callable[..., Any]] = {}
"""Array methods by name; the array comes first."""

REFUSED: dict[str, str] = {
    "vmap": "write the batch as a matrix product or with einsum",
    "scan": "write the steps as a for loop over a literal range",
    "fori_loop": "write the steps as a for loop over a literal range",
    "while_loop": "write the steps as a for loop over a literal range",
    "cond": "use where",
    "random": "draw outside and pass the numbers in as an input",
    "normal": "draw outside and pass the numbers in as an input",
    "uniform": "draw outside and pass the numbers in as an input",
    "grad": "differentiate with derive; a gradient inside a forward pass is not read",
    "argmax": "it is piecewise constant; pass labels in as an input",
    "argmin": "it is piecewise constant; pass labels in as an input",
    "sort": "it is not read; pass sorted data in",
    "round": "it is piecewise constant; leave it out of the forward pass",
    "floor": "it is piecewise constant; leave it out of the forward pass",
}
"""What is refused by name, and the way out."""


def named(*names: str, method: bool = False) -> Callable[[Any], Any]:
    """Register a function under the names users write; with `method`, also as an array method."""

    def register(function: Any) -> Any:
        for name in names:
            LANGUAGE[name] = function
            if method:
                METHODS[name] = function
        return function

    return register
