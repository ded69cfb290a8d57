"""What a placed program sends: each collective with its bytes as a formula, in whole and by every device, and its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from symgrad.core.graph import postorder
from symgrad.core.op import Node, size
from symgrad.core.program import Equation
from symgrad.partition.collectives import COLLECTIVES, all_reduce, reduce_scatter
from symgrad.partition.mesh import Axes, Mesh
from symgrad.partition.placing import Placed

_KINDS = {"all_reduce": "all-reduce", "all_gather": "all-gather", "reduce_scatter": "reduce-scatter", "send": "send/receive"}


@dataclass(frozen=True)
class Collective:
    """One collective: the equation it stands in, what it runs over, the entries of its result on a device, and the reason.

    In a ring of k devices each sends (k - 1) / k of `carried` entries, in `rounds` (k - 1) messages.
    """

    equation: Equation
    kind: str
    axes: Axes
    entries: sympy.Expr
    carried: sympy.Expr
    rounds: int
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
    """An all-reduce goes round twice: once to add, once to hand the sums on."""
    entries = mesh.formula(size(node))
    rounds = 2 if node.op is all_reduce else 1
    whole = mesh.formula(size(node.args[0])) if node.op is reduce_scatter else entries
    return Collective(eq, _KINDS[node.op.name], node.params["mesh_axes"], entries, rounds * whole, rounds, because[node])


def devices(axes: Axes, mesh: Mesh) -> sympy.Expr:
    return sympy.Mul(*(mesh.symbols[a] for a in axes))


def ring_bytes(found: list[Collective], mesh: Mesh, itemsize: int) -> sympy.Expr:
    """Bytes that each device sends, collectives running in rings: (k - 1) / k of what is carried round."""
    total = sympy.S.Zero
    for axes in dict.fromkeys(c.axes for c in found):
        carried = sympy.Add(*(c.carried for c in found if c.axes == axes))
        k = devices(axes, mesh)
        total += (k - 1) / k * sympy.factor_terms(sympy.expand(carried * itemsize))
    return total


def messages(found: list[Collective], mesh: Mesh) -> sympy.Expr:
    """Messages that each device sends, one after the other."""
    return sympy.Add(*(c.rounds * (devices(c.axes, mesh) - 1) for c in found))


def totals(found: list[Collective]) -> dict[str, sympy.Expr]:
    """Entries by kind, as a compiler lists them: the results on one device."""
    kinds = dict.fromkeys(c.kind for c in found)
    return {kind: sympy.expand(sympy.Add(*(c.entries for c in found if c.kind == kind))) for kind in kinds}
