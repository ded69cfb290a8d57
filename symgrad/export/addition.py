"""Code with its width, and the terms of sums as NumPy adds them: copies without a word, what stands on a diagonal in its place."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from symgrad.core.op import Node, Shape, constant, value_of
from symgrad.core.source import dim_source
from symgrad.export.syntax import filled, joined_by, name, template_of
from symgrad.ops.arithmetic import add, scale
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.embedding import embed
from symgrad.ops.product import diag, identity


@dataclass(frozen=True)
class WideCode:
    """Code of an expression, and how wide it would be with every operand in brackets: what is wide gets a statement."""

    code: ast.expr
    width: int


def named_code(text: str) -> WideCode:
    return WideCode(name(text), len(text))


def over(text: str, operands: Sequence[WideCode] = ()) -> WideCode:
    """A template over its operands."""
    found = template_of(text)
    width = found.width + sum(count * operands[i].width for i, count in found.uses.items())
    return WideCode(filled(text, *(x.code for x in operands)), width)


def total_of(terms: Sequence[WideCode]) -> WideCode:
    return WideCode(joined_by([t.code for t in terms], ast.Add()), sum(t.width for t in terms) + len(" + ") * (len(terms) - 1))


def fills(shape: Shape, operands: Sequence[Node]) -> bool:
    """Does NumPy's broadcasting of these operands give the whole shape, copies written without a word?"""
    own = [range(x.ndim) if (copies := copies_of(x)) is None else copies.params["axes"] for x in operands]
    first = any(min(axes, default=1) == 0 for axes in own)
    return first and all(d == 1 or any(a in axes for axes in own) for a, d in enumerate(shape))


def copies_of(node: Node) -> Node | None:
    """The broadcast that an operand is, or is the negative of."""
    inner = node.args[1] if node.op is scale and value_of(node.args[0]) == -1 else node
    return inner if inner.op is broadcast else None


def summands(node: Node) -> tuple[Sequence[Node], list[Node]]:
    """The terms of a sum, and those of them that fill the whole array."""
    terms = node.args if node.op is add else (node,)
    return terms, [t for t in terms if place_of(t) is None]


def place_of(term: Node) -> tuple[list[Node], str] | None:
    """The factors of what a term adds, and the place that it is added to; None for a term that fills the whole array."""
    number, inner = ([term.args[0]], term.args[1]) if term.op is scale else ([], term)
    if inner.op is embed:
        inside, outside = inner.params["spec"].split("->")
        return [*number, *inner.args], f'np.einsum("{outside}->{inside}", {{0}})[...]'
    if inner.op in (diag, identity):
        return [*number, *inner.args] or [constant(1)], f"{{0}}.flat[:: {dim_source(inner.shape[0])} + 1]"
    return None
