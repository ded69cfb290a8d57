"""What a placed program sends: each collective with its bytes as a formula, in whole and by every device, and its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from symgrad.graph import postorder
from symgrad.op import Node, size
from symgrad.partition.collectives import COLLECTIVES, all_gather, all_reduce
from symgrad.partition.mesh import Axes, Mesh
from symgrad.partition.placing import Placed
from symgrad.program import Equation

KINDS = {"all_reduce": "all-reduce", "all_gather": "all-gather", "reduce_scatter": "reduce-scatter", "send": "send/receive"}


@dataclass(frozen=True)
class Collective:
    """One collective: the equation it stands in, what it runs over, the entries of its result on a device, and the reason.

    `sent` is what each device sends in a ring, `steps` how many messages one after the other.
    """

    equation: Equation
    kind: str
    axes: Axes
    entries: sympy.Expr
    sent: sympy.Expr
    steps: sympy.Expr
    why: str


def collected(placed: Placed, mesh: Mesh) -> list[Collective]:
    """The collectives in the order of the equations, each once however often its result is read."""
    seen: set[Node] = set()
    found = []
    for eq in placed.program.equations:
        for node in postorder([eq.expr]):
            if node.op in COLLECTIVES and node not in seen:
                found.append(_one(eq, node, mesh, placed.because))
            seen.add(node)
    return found


def _one(eq: Equation, node: Node, mesh: Mesh, because: Mapping[Node, str]) -> Collective:
    axes: Axes = node.params["mesh_axes"]
    k = sympy.Mul(*(mesh.symbols[a] for a in axes))
    entries = mesh.formula(size(node))
    rounds = 2 if node.op is all_reduce else 1
    whole = entries if node.op in (all_reduce, all_gather) else mesh.formula(size(node.args[0]))
    return Collective(eq, KINDS[node.op.name], axes, entries, rounds * whole * (k - 1) / k, rounds * (k - 1), because[node])


def totals(found: list[Collective]) -> dict[str, sympy.Expr]:
    """Entries by kind, as a compiler lists them: the results on one device."""
    kinds = dict.fromkeys(c.kind for c in found)
    return {kind: sympy.expand(sympy.Add(*(c.entries for c in found if c.kind == kind))) for kind in kinds}
