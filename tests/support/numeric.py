"""The numbers of expressions over the symbols of a derivation."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.core.op import Node, variable
from symgrad.core.program import Equation


def point_of(d: sg.Derivation, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs with dimensions that all differ, from 3."""
    given = inputs_of(d.program.inputs)
    return sample_inputs(given, sizes_for(given, least=3), seed)


def numeric(
    d: sg.Derivation, expr: Node, inputs: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]] | None = None
) -> np.ndarray:
    """The value of an expression over inputs, intermediates and adjoints."""
    out = variable("out", expr.shape)
    program = d.adjoint
    whole = replace(program, statements=(*program.equations, Equation(out, expr)), outputs=(out,))
    return np.asarray(evaluate(whole, inputs, functions)["out"])


def stacked(block: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """shape(a) + shape(b) as a matrix, both sides with column-stacking vec."""
    axes = (*reversed(range(rows)), *reversed(range(rows, rows + columns)))
    return block.transpose(axes).reshape(int(np.prod(block.shape[:rows])), -1)
