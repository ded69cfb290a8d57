"""The numbers of a Program, one equation after the other: no schedule, nothing shared, every symbol kept."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symgrad.dimensions import read_sizes, unknown
from symgrad.export import helpers
from symgrad.export.loading import computed
from symgrad.graph import postorder
from symgrad.op import VARIABLE, Node
from symgrad.program import Program

_HELPERS = {name: value for name, value in vars(helpers).items() if not name.startswith("__")}
_WORDS = {"np": np, "math": math, "_dtype": np.dtype(float), **_HELPERS}

Functions = Mapping[str, Callable[..., Any]]


def evaluate(program: Program, inputs: Mapping[str, Any], functions: Functions | None = None) -> dict[str, Any]:
    """The value of every symbol of a program; `functions` are the generic functions it calls and their derivatives."""
    scope = {**_WORDS, "_sizes": _sizes(program, inputs), **(functions or {})}
    known: dict[Node, Any] = {v: np.asarray(inputs[v.params["name"]]) for v in program.inputs}
    for eq in program.equations:
        for node in postorder([eq.expr]):
            if node not in known:
                known[node] = applied(node, [known[a] for a in node.args], scope)
        known[eq.symbol] = known[eq.expr]
    return {str(v.params["name"]): value for v, value in known.items() if v.op is VARIABLE}


def applied(node: Node, operands: list[Any], scope: Mapping[str, Any] = _WORDS) -> Any:
    """The value of one operation on these numbers and arrays."""
    template = node.op.numpy if isinstance(node.op.numpy, str) else node.op.numpy(node)
    code = template.format(*(f"_operands[{i}]" for i in range(len(operands))))
    for dim in re.findall(r"\b_dim_(\w+)", code):
        if dim not in scope.get("_sizes", ()):
            raise unknown(dim)
    code = re.sub(r"\b_dim_(\w+)", r"_sizes['\1']", code)
    return computed(code, {**scope, "_operands": operands})


def _sizes(program: Program, inputs: Mapping[str, Any]) -> dict[str, int]:
    return read_sizes(program.inputs, {str(v): np.shape(inputs[str(v)]) for v in program.inputs})
