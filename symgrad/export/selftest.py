"""The foot of an exported module: a test of itself by finite differences, at one random point whose sizes all differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from symgrad.core.graph import postorder
from symgrad.core.op import Node
from symgrad.core.program import Program
from symgrad.export import helpers
from symgrad.ops.generic import apply, functions_of

REPORTS = {"scalar": {"_random", "_scalar_errors", "_report"}, "array": {"_random", "_array_errors", "_report"}}
"""Helpers that the foot of a scalar function and of any other calls."""

_CHECKED = {"scalar": "value, grad, hvp, hessian", "array": "value, jvp, jacobian"}


TESTING = frozenset(
    {"_random", "_move", "_slope", "_error", "_directions", "_scalar_errors", "_array_errors", "_report", "_tanh", "_tanh_loss"}
)
"""Helpers of the test alone."""

NUMPY_ALONE = TESTING | {"_check", "_fits"}
"""Helpers that compute with NumPy whatever the target: those, and what holds inputs against their properties."""


def self_test(kind: str, shapes: Mapping[str, tuple[int, ...]], functions: Mapping[str, Node], first: Sequence[str] = ()) -> str:
    """The text of `_self_test`; generic functions are bound to derivatives of tanh."""
    examples = [f'        "{name}": {_example(node)},' for name, node in functions.items()]
    given = ["    functions = {", *examples, "    }"] if examples else ["    functions = {}"]
    sizes = [f'        "{name}": {shape!r},' for name, shape in shapes.items()]
    return "\n".join(
        [
            "def _self_test() -> None:",
            '    """Hold derivatives against finite differences, at sizes that all differ."""',
            *(f"    {statement}" for statement in first),
            *(["    shapes = {", *sizes, "    }"] if sizes else ["    shapes = {}"]),
            *given,
            f"    tested = ({_CHECKED[kind]})",
            "    for spread, shift in ((1.0, 0.0), (0.2, 1.0), (0.1, 0.5)):",
            "        rng = np.random.default_rng(0)",
            "        at = {}",
            "        for name, shape in shapes.items():",
            "            words = PROPERTIES.get(name, ())",
            "            at[name] = _random(shape, words, rng, spread, shift)",
            f"        errors = _{kind}_errors(tested, at, functions, rng)",
            "        if np.isfinite(list(errors.values())).all():",
            "            break",
            "    _report(errors)",
        ]
    )


def example_functions(program: Program) -> dict[str, Callable[..., Any]]:
    """The same functions, to call, for what a program leaves open."""
    return {name: example(node) for name, node in functions_of(list(postorder(eq.expr for eq in program.equations))).items()}


def example(node: Node) -> Callable[..., Any]:
    """The function that stands in for a generic one, or for a derivative of it."""
    made: Any = helpers
    return made._tanh(node.params["order"]) if node.op is apply else made._tanh_loss(*node.params["wrt"])


def _example(node: Node) -> str:
    if node.op is apply:
        return f"_tanh({node.params['order']})"
    return f"_tanh_loss({', '.join(map(str, node.params['wrt']))})"
