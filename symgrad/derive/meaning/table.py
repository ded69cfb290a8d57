"""Forms as typed and as meant: the table, and the walk that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symgrad.core.graph import rewrite
from symgrad.core.op import Node


@dataclass(frozen=True)
class Meaning:
    """`written` as typed, `meant` as differentiated."""

    written: str
    meant: str
    apply: Callable[[Node], Node | None]


MEANINGS: dict[str, list[Meaning]] = {}
"""By the operation at the root of what is written."""


def means(written: str, meant: str, *heads: str) -> Callable[[Callable[[Node], Node | None]], Callable[[Node], Node | None]]:
    def register(function: Callable[[Node], Node | None]) -> Callable[[Node], Node | None]:
        for head in heads:
            MEANINGS.setdefault(head, []).append(Meaning(written, meant, function))
        return function

    return register


def recognise(root: Node) -> Node:
    """The same value, in operations that know their stable derivatives."""
    return rewrite(root, _recognise_node)


def _recognise_node(node: Node) -> Node:
    for meaning in MEANINGS.get(node.op.name, ()):
        found = meaning.apply(node)
        if found is not None and found is not node:
            return recognise(found)
    return node
