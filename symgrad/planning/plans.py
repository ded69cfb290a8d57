"""How to compute all second (or first) derivatives: the plans there are, what each costs, and the cheapest."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import sympy

from symgrad.core.counting import flops, statement_flops
from symgrad.core.op import Node, size
from symgrad.core.program import Equation, Program
from symgrad.derive.batching import NotBatched, batched
from symgrad.ops.contraction import einsum_of
from symgrad.planning.association import typical
from symgrad.planning.schedule import scheduled
from symgrad.second.assembly import dense, dense_row, diagonals, exchanged
from symgrad.second.hessian import Block

_Key = tuple[int, int]

_Product = Callable[[int, list[int]], tuple[Program, Node]]
"""The gradients in some variables, moved along one direction of a variable; and that direction."""

CLOSED = "closed form"


@dataclass(frozen=True, eq=False)
class Plan:
    """One way to all blocks; the program's outputs are the blocks as dense arrays."""

    name: str
    program: Program

    @property
    def is_closed(self) -> bool:
        return self.name == CLOSED

    @property
    def has_forms(self) -> bool:
        return self.name.startswith(CLOSED)

    @cached_property
    def flops(self) -> sympy.Expr:
        """As exported: in the forms and the order that code computes."""
        return flops(scheduled(self.program))

    @property
    def typical_flops(self) -> int:
        """Where every dimension has a typical size; a number needs no formula multiplied out."""
        return typical(sympy.Add(*statement_flops(scheduled(self.program))))


WORTH = 0.75
"""A plan takes the place of a closed form where it needs at most this part of its flops: a form says what it computes."""


def cheapest(plans: Iterable[Plan]) -> Plan | None:
    """The plan of fewest flops where every dimension has a typical size; a closed form where it comes near to that."""
    plans = list(plans)
    if len(plans) < 2:
        return plans[0] if plans else None
    return min(plans, key=lambda plan: plan.typical_flops * (WORTH if plan.is_closed else 1))


def hessian_plans(program: Program, blocks: Mapping[_Key, Block], wrt: tuple[Node, ...], product: _Product) -> list[Plan]:
    """Closed forms, with products along all unit directions for the blocks that have none; and such products alone."""
    closed = {key: b.array for key, b in blocks.items() if b.array is not None}
    choices = (
        {CLOSED: closed} if len(closed) == len(blocks) > 0 else {"closed form and products in one pass": closed} if closed else {}
    )
    keys = [(i, j) for i in range(len(wrt)) for j in range(i, len(wrt))]
    plans = []
    for name, known in (choices | {"products in one pass": {}}).items():
        try:
            plans.append(Plan(name, _filled(program, known, keys, wrt, product)))
        except NotBatched:
            continue
    return plans


def diagonal_program(program: Program, blocks: Mapping[_Key, Block], wrt: tuple[Node, ...], product: _Product) -> Program | None:
    """The Hessian's diagonal: each variable's in closed form, or read off its block; None where neither is to be had."""
    found = {}
    for j, b in enumerate(wrt):
        diagonal = blocks[j, j].diagonal if blocks else None
        if diagonal is None:
            try:
                equations, (H,) = batched(*product(j, [j]), str(b), program.names)
            except NotBatched:
                return None
            program, diagonal = _extended(program, equations), _on_diagonal(H)
        found[b] = diagonal
    return diagonals(program, found)


def _on_diagonal(H: Node) -> Node:
    """The entries of a block where both indices agree."""
    letters = string.ascii_lowercase[: H.ndim // 2]
    return einsum_of(f"{letters}{letters}->{letters}", H) if H.ndim else H


def _filled(
    program: Program,
    known: Mapping[_Key, Node],
    keys: list[_Key],
    wrt: tuple[Node, ...],
    product: _Product,
) -> Program:
    """The dense blocks, those that are not known by products along the variables that need fewest."""
    arrays = dict(known)
    for j, rows in _directions([key for key in keys if key not in known], wrt).items():
        moved, v = product(j, rows)
        equations, outputs = batched(moved, v, str(wrt[j]), program.names)
        program = _extended(program, equations)
        for i, array in zip(rows, outputs, strict=True):
            arrays[min(i, j), max(i, j)] = array if j <= i else exchanged(array, wrt[j].ndim)
    return dense(program, arrays, wrt)


def _directions(keys: list[_Key], wrt: tuple[Node, ...]) -> dict[int, list[int]]:
    """Which gradients to move along which variable, so that every one of these blocks is met."""
    found: dict[int, list[int]] = {i: [i] for i, j in keys if i == j}
    for i, j in keys:
        if i != j:
            along, row = min((i, j), (j, i), key=lambda pair: (pair[0] not in found, typical(size(wrt[pair[0]]))))
            found.setdefault(along, []).append(row)
    return found


def _extended(program: Program, equations: Iterable[Equation]) -> Program:
    new = tuple(eq for eq in equations if eq.symbol not in program.defined)
    return replace(program, statements=program.equations + new)


def jacobian_plans(
    program: Program,
    blocks: Mapping[int, Block],
    wrt: tuple[Node, ...],
    forward: list[tuple[Program, Node]],
    reverse: tuple[Program, Node],
) -> list[Plan]:
    """Closed forms, products along the units of every variable, and products along those of the value.

    `forward` holds for every variable the value moved in its direction; `reverse` the gradients by the cotangent it comes with.
    """
    plans, of = [], program.outputs[0]
    if blocks and all(b.array is not None for b in blocks.values()):
        closed = {v: b.array for v, b in zip(wrt, blocks.values(), strict=True) if b.array is not None}
        plans.append(Plan(CLOSED, dense_row(program, closed, of)))
    for name, build in (("forward products in one pass", _forwards), ("reverse products in one pass", _backwards)):
        try:
            moved = forward if build is _forwards else [reverse]
            plans.append(Plan(name, build(program, wrt, moved)))
        except NotBatched:
            continue
    return plans


def _forwards(program: Program, wrt: tuple[Node, ...], products: list[tuple[Program, Node]]) -> Program:
    arrays, of = {}, program.outputs[0]
    for b, (moved, v) in zip(wrt, products, strict=True):
        equations, (output,) = batched(moved, v, str(b), program.names)
        program = _extended(program, equations)
        arrays[b] = exchanged(output, b.ndim)
    return dense_row(program, arrays, of)


def _backwards(program: Program, wrt: tuple[Node, ...], products: list[tuple[Program, Node]]) -> Program:
    (moved, G), of = products[0], program.outputs[0]
    equations, outputs = batched(moved, G, str(of), program.names)
    return dense_row(_extended(program, equations), dict(zip(wrt, outputs, strict=True)), of)
