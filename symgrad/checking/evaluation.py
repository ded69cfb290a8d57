"""The numbers of a Program, one equation after the other: no schedule, nothing shared, every symbol kept."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symgrad.core.dimensions import read_sizes, size_of, unknown
from symgrad.core.graph import postorder
from symgrad.core.loop import Loop
from symgrad.core.op import VARIABLE, Node
from symgrad.core.program import Equation, Program
from symgrad.export import helpers
from symgrad.export.loading import value_of_code

_HELPERS = {name: value for name, value in vars(helpers).items() if not name.startswith("__")}
_WORDS = {"np": np, "math": math, "_dtype": np.dtype(float), **_HELPERS}

_Functions = Mapping[str, Callable[..., Any]]


def evaluate(program: Program, inputs: Mapping[str, Any], functions: _Functions | None = None) -> dict[str, Any]:
    """The value of every symbol of a program; `functions` are the generic functions it calls and their derivatives."""
    scope = {**_WORDS, "_sizes": _sizes(program, inputs), **(functions or {})}
    known: dict[Node, Any] = {v: np.asarray(inputs[v.params["name"]]) for v in program.inputs}
    _run(program, known, scope)
    return {str(v.params["name"]): value for v, value in known.items() if v.op is VARIABLE}


def _run(program: Program, known: dict[Node, Any], scope: Mapping[str, Any]) -> None:
    for statement in program.statements:
        if isinstance(statement, Loop):
            known.update(_looped(statement, known, scope))
        else:
            assert isinstance(statement, Equation)
            known[statement.symbol] = _value(statement.expr, known, scope)


def _value(expr: Node, known: dict[Node, Any], scope: Mapping[str, Any]) -> Any:
    for node in postorder([expr]):
        if node not in known:
            known[node] = applied(node, [known[a] for a in node.args], scope)
    return known[expr]


def _looped(loop: Loop, known: dict[Node, Any], scope: Mapping[str, Any]) -> dict[Node, Any]:
    """The values of what a loop makes, step by step."""
    sizes = scope["_sizes"]
    found = {v: np.zeros([size_of(d, sizes) for d in v.shape]) for v in loop.symbols}
    for state, x in zip(loop.states, loop.init, strict=True):
        found[state][size_of(loop.first, sizes)] = _value(x, known, scope)
    arrays = [None if f.array is None else _value(f.array, known, scope) for f in loop.feeds]
    held = [_value(x, known, scope) for x in loop.constants]
    for t in range(size_of(loop.length, sizes))[:: -1 if loop.back else 1]:
        fed = [t if x is None else x[t + size_of(f.offset, sizes)] for x, f in zip(arrays, loop.feeds, strict=True)]
        carries = [found[s][t + loop.before] for s in loop.states]
        step = {v: np.asarray(x) for v, x in zip(loop.body.inputs, [*carries, *fed, *held], strict=True)}
        _run(loop.body, step, scope)
        for v, out in zip(loop.states, loop.carried, strict=True):
            found[v][t + loop.after] = step[out]
        for v, out in zip(loop.stacks, loop.rows, strict=True):
            found[v][t] = step[out]
        for v, out in zip(loop.sums, loop.summands, strict=True):
            found[v] = found[v] + step[out]
    return found


def applied(node: Node, operands: list[Any], scope: Mapping[str, Any] = _WORDS) -> Any:
    """The value of one operation on these numbers and arrays."""
    template = node.op.numpy if isinstance(node.op.numpy, str) else node.op.numpy(node)
    code = template.format(*(f"_operands[{i}]" for i in range(len(operands))))
    for dim in re.findall(r"\b_dim_(\w+)", code):
        if dim not in scope.get("_sizes", ()):
            raise unknown(dim)
    code = re.sub(r"\b_dim_(\w+)", r"_sizes['\1']", code)
    return value_of_code(code, {**scope, "_operands": operands})


def _sizes(program: Program, inputs: Mapping[str, Any]) -> dict[str, int]:
    return read_sizes(program.inputs, {str(v): np.shape(inputs[str(v)]) for v in program.inputs})
