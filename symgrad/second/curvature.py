"""Gauss-Newton products of a model followed by a loss."""

from __future__ import annotations

from dataclasses import replace

from symgrad.core.graph import substitute, variables
from symgrad.core.op import OPERATORS, Node, variable
from symgrad.core.program import Equation, Program, fresh
from symgrad.core.roles import Adjoint, CurvatureProduct
from symgrad.derive.activity import depends_on
from symgrad.derive.adjoints import adjoint
from symgrad.derive.tangents import tangent


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
    model = replace(program, statements=program.equations[:split], outputs=(cut,))
    loss = replace(program, inputs=(*program.inputs, *(eq.symbol for eq in model.equations)), statements=program.equations[split:])
    moved = tangent(model, directions)
    dot = moved.outputs[0]
    curved = adjoint(loss, [cut, *wrt])
    curvature = tangent(curved, {cut: dot, **directions}, curved.outputs[1:]).needed()
    seed, *direct = curvature.outputs
    pulled = adjoint(model, wrt, of=cut, seed=seed)
    return _joined(program, directions, (moved, curvature, pulled), list(zip(pulled.outputs[1:], direct, strict=True)))


def _joined(program: Program, directions: dict[Node, Node], parts: tuple[Program, ...], sums: list[tuple[Node, Node]]) -> Program:
    """J v, H J v and J^T H J v in one program; what the variables add directly stands in their own equation."""
    equations: dict[Node, Equation] = {}
    for part in parts:
        for eq in part.equations:
            equations.setdefault(eq.symbol, eq)
    direct = {s: equations.pop(s).expr for _, s in sums if s in equations}
    renamed = _products(parts[-1], program.names | {eq.name for eq in equations.values()})
    joined = [replace(eq, symbol=renamed.get(eq.symbol, eq.symbol), expr=substitute(eq.expr, renamed)) for eq in equations.values()]
    extra = {renamed[pulled]: direct.get(s, s) for pulled, s in sums}
    joined = [replace(eq, expr=_plus(eq.expr, extra[eq.symbol]), parts=()) if eq.symbol in extra else eq for eq in joined]
    inputs = (*program.inputs, *directions.values())
    return replace(program, inputs=inputs, statements=tuple(joined), outputs=tuple(extra)).needed()


def _plus(pulled: Node, direct: Node) -> Node:
    return OPERATORS["add"](pulled, direct)


def _products(pulled: Program, names: frozenset[str]) -> dict[Node, Node]:
    """Names for what comes back through the model: parts of the product, where the gradient has adjoints."""
    taken, table = set(names), {}
    for eq in pulled.equations:
        role = eq.symbol.params["role"]
        if isinstance(role, Adjoint):
            name = fresh(f"{eq.name.removesuffix('_bar')}_gnvp", taken)
            taken.add(name)
            table[eq.symbol] = variable(name, eq.symbol.shape, role=CurvatureProduct(role.of))
    return table
