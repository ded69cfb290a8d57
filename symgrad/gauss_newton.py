"""Gauss-Newton products of a model followed by a loss."""

from __future__ import annotations

from dataclasses import replace

from symgrad.graph import variables
from symgrad.op import OPERATORS, Node, variable
from symgrad.program import Equation, Program, fresh
from symgrad.reverse import adjoint, depends_on
from symgrad.tangent import tangent


def model_output(program: Program, wrt: tuple[Node, ...]) -> Node | None:
    """Where a model ends and its loss begins: the last array that all earlier dependence on `wrt` passes through.

    A regulariser that reads the variables directly belongs to the loss.
    """
    active, index = depends_on(program, wrt), {eq.symbol: i for i, eq in enumerate(program.equations)}
    earliest = len(index)
    for i, eq in reversed(list(enumerate(program.equations))):
        if eq.symbol in active and eq.symbol.ndim and earliest >= i:
            return eq.symbol
        earliest = min([earliest, *(index[v] for v in variables(eq.expr) if v in active and v in index)])
    return None


def gauss_newton(program: Program, wrt: tuple[Node, ...], directions: dict[Node, Node]) -> Program | None:
    """J^T H J v: the tangent of the model, the Hessian of the loss in the model's output, and the model's adjoint.

    The curvature of the loss counts in full, that of the model not at all; None where the program is no model followed by a loss.
    Source: Schraudolph, Fast curvature matrix-vector products, 2002.
    """
    cut = model_output(program, wrt)
    if cut is None:
        return None
    split = next(i for i, eq in enumerate(program.equations) if eq.symbol is cut) + 1
    model = replace(program, equations=program.equations[:split], outputs=(cut,))
    loss = replace(program, inputs=(*program.inputs, *(eq.symbol for eq in model.equations)), equations=program.equations[split:])
    moved = tangent(model, directions)
    dot = moved.outputs[0]
    curved = adjoint(loss, [cut, *wrt])
    curvature = tangent(curved, {cut: dot, **directions}, curved.outputs[1:]).needed()
    seed, *direct = curvature.outputs
    pulled = adjoint(model, wrt, of=cut, seed=seed)
    return _joined(program, directions, (moved, curvature, pulled), list(zip(pulled.outputs[1:], direct, strict=True)))


def _joined(program: Program, directions: dict[Node, Node], parts: tuple[Program, ...], sums: list[tuple[Node, Node]]) -> Program:
    equations: dict[Node, Equation] = {}
    for part in parts:
        for eq in part.equations:
            equations.setdefault(eq.symbol, eq)
    names, outputs = {eq.name for eq in equations.values()}, []
    for v, (pulled, direct) in zip(directions, sums, strict=True):
        name = fresh(f"{v}_gnvp", names)
        symbol = variable(name, v.shape, symbol=("gnvp", v.params["symbol"]))
        equations[symbol] = Equation(symbol, OPERATORS["add"](pulled, direct))
        outputs.append(symbol)
    inputs = (*program.inputs, *directions.values())
    return replace(program, inputs=inputs, equations=tuple(equations.values()), outputs=tuple(outputs)).needed()
