"""Named rewrite rules between operations, each with its equation, its condition and why it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symgrad.op import Node, rewrite_all
from symgrad.program import Program

Rule = Callable[[Node], Node | None]


@dataclass(frozen=True)
class Rewrite:
    name: str
    equation: str
    heads: tuple[str, ...]
    apply: Rule


RULES: dict[str, list[Rewrite]] = {}


def rule(equation: str, *heads: str) -> Callable[[Rule], Rule]:
    """Register a rewrite under the operations at its root."""

    def register(function: Rule) -> Rule:
        entry = Rewrite(function.__name__, equation, heads, function)
        for head in heads:
            RULES.setdefault(head, []).append(entry)
        return function

    return register


def simplify_node(node: Node) -> Node:
    """Apply the rules at the root until none fits; operands are simplified already."""
    for entry in RULES.get(node.op.name, ()):
        found = entry.apply(node)
        if found is not None and found is not node:
            return simplify(found)
    return node


def simplify(*roots: Node) -> Node:
    return rewrite_all(roots, simplify_node)[0]


def simplified(program: Program) -> Program:
    return program.map(simplify)
