"""What another program may ask of a printed derivation: its formulas as Python, the symbols in them, and every sign they use.

A formula is one line of NumPy as it is printed, operation by operation: a copy that the print leaves out is left out, an indicator
is a comparison.  Its words are NumPy's, and those of `functions`; a dimension n is `dim_n`, pi is `PI`.

>>> import symgrad as sg
>>> d = sg.forward('def f(W: "m n", x: "n"): return 0.5 * jnp.sum((W @ x) ** 2)').derive("W")
>>> python(d.gradient["W"])
'outer((W @ x), x)'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import sympy

import symgrad.ops  # noqa: F401  (fills the registry)
from symgrad.checking.evaluation import applied
from symgrad.core.graph import postorder, variables
from symgrad.core.op import REGISTRY, VARIABLE, Dim, Node, Op, value_of, variable
from symgrad.core.source import decimal_of, symbolic
from symgrad.printing.derived import Derived
from symgrad.printing.equations import align_environment, rows
from symgrad.printing.identifiers import TANGENT
from symgrad.printing.notation import constants, dimensions_in, operators, words

__all__ = ["filling", "functions", "measure", "python", "signs", "variables"]


def python(expr: Node, names: Mapping[Node, str] | None = None) -> str:
    """The expression as it is printed, as one line of NumPy; `names` are those of its symbols, their own where not said."""
    line = Line(names or {})
    for node in postorder([expr]):
        line(node)
    return line(expr)


class Line:
    """Writes the operands of an operation: `line(node)` stands beside anything without brackets of its own."""

    def __init__(self, names: Mapping[Node, str]) -> None:
        self.names = names
        self.done: dict[Node, str] = {}

    def __call__(self, node: Node) -> str:
        if node not in self.done:
            self.done[node] = self._written(node)
        return self.done[node]

    def _written(self, node: Node) -> str:
        if node.op is VARIABLE:
            return self.names.get(node, str(node))
        return node.op.python(node, self) if node.op.python is not None else self.word(node)

    def word(self, node: Node) -> str:
        """An operation as a function of that name."""
        return self.call(node.op.name + ("_" if node.static else ""), node.args, **node.params)

    def call(self, name: str, operands: tuple[Node, ...], **static: Any) -> str:
        """A word of `functions`, whose static arguments stand by name."""
        return f"{name}({', '.join([*map(self, operands), *(f'{k}={self.literal(v)}' for k, v in static.items())])})"

    def literal(self, value: Any) -> str:
        if isinstance(value, tuple):
            return f"({''.join(f'{self.literal(v)}, ' for v in value)})"
        return self.number(value) if isinstance(value, sympy.Expr) else repr(value)

    def entry(self, node: Node) -> str:
        """In an entrywise operation a number stands for the array that it fills."""
        value = value_of(node)
        return self(node) if value is None else self.number(value)

    def size(self, dim: Dim) -> str:
        return self.number(symbolic(dim))

    def number(self, value: sympy.Expr) -> str:
        text = decimal_of(value) if value.is_Rational and value.q % 5 == 0 else None
        text = text or str(value.xreplace({s: sympy.Symbol(f"dim_{s.name}") for s in value.free_symbols}))
        text = re.sub(r"\bpi\b", "PI", re.sub(r"\bE\b", "exp(1)", text))
        return text if re.fullmatch(r"\w+|\d+\.\d+", text) else f"({text})"


def filling(expr: Node) -> sympy.Expr | None:
    """The number that fills it, if it is a constant or a constant array."""
    return value_of(expr)


def measure(d: Derived) -> tuple[int, int]:
    """Lines and characters of LaTeX of the printed backward pass."""
    equations, show = dict(d.sections())["Backward pass"], d.show()
    return len(list(rows(equations, show))), len(align_environment(equations, show))


def signs(d: Derived) -> Iterator[tuple[str, str]]:
    """LaTeX and meaning of every name, constant, dimension, letter of an operation and word of a function that is printed."""
    show = d.show()
    printed = [eq for _, equations in d.sections() for eq in equations]
    nodes = list(postorder(eq.expr for eq in printed))
    symbols = dict.fromkeys([*d.program.inputs, *d.directions.values(), *(eq.symbol for eq in printed)])
    for v in symbols:
        yield show.text(v), str(v)
    for number in constants(nodes):
        yield show.number(number), f"the constant {number}"
    for name in dict.fromkeys(dimensions_in([*symbols, *nodes])):
        yield show.notation.dim(name).latex(), f"the dimension {name}"
    for node in operators(nodes):
        if node.op.letter:
            yield show.letter(node.op), f"the letter of {node.op.letter[-1]}"
        for word in words(node):
            yield rf"\operatorname{{{word}}}", f"the function {word}"
    yield show.notation.letter(TANGENT), "the derivative along a direction"


def _function(op: Op) -> Callable[..., Any]:
    """An operation on NumPy arrays, as the exported code computes it."""

    def function(*operands: Any, **static: Any) -> Any:
        arrays = [np.asarray(x) for x in operands]
        nodes = [variable(f"x{i}", x.shape) for i, x in enumerate(arrays)]
        return applied(op.node(*nodes, **{k: _exact(v) for k, v in static.items()}), arrays)

    return function


def _exact(value: Any) -> Any:
    """A static argument as it was: whole numbers, a decimal as the number that it is, texts."""
    if isinstance(value, tuple):
        return tuple(map(_exact, value))
    if isinstance(value, np.integer):
        return int(value)
    return sympy.Rational(float(value)) if isinstance(value, float | np.floating) else value


def _copies(x: Any, axes: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    x = np.asarray(x)
    return np.broadcast_to(x.reshape([n if a in axes else 1 for a, n in enumerate(shape)]) if x.ndim else x, shape)


def _over(x: Any, length: Any) -> Any:
    """x over its length, and 0 where that is 0."""
    return np.divide(x, length, out=np.zeros(np.broadcast_shapes(np.shape(x), np.shape(length))), where=length != 0)


functions: Mapping[str, Callable[..., Any]] = {
    **{name + mark: _function(op) for name, op in REGISTRY.items() for mark in ("", "_") if op.samples},
    "copies": _copies,
    "copies_squeezed": lambda x, axes: np.sum(x, axis=axes),
    "lengths": lambda x, axes: np.sqrt(np.sum(np.square(x), axis=axes, keepdims=True)),
    "over": _over,
    "largest": lambda x, axes: np.max(x, axis=axes, keepdims=True),
    "smallest": lambda x, axes: np.min(x, axis=axes, keepdims=True),
    "share": lambda tie, axes: tie / np.sum(tie, axis=axes, keepdims=True),
}
"""Words that NumPy lacks, by name: operations as the exported code computes them, those with static arguments under `NAME_`.

`copies` are silent in print or a product with ones; `share(tie)` is 1 / k at the k entries that tie.
"""
