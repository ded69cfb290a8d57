"""How long a formula is: the operations that a reader meets in its printed form."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from symgrad.core.graph import postorder
from symgrad.core.op import CONSTANT, VARIABLE, Node, value_of

KEPT = 2_048
"""Expressions whose length is kept: a rule asks for the same one in many equations."""


class Lengths(dict[Node, int]):
    """How many operations a reader meets in every node counted so far; the records that count otherwise ask it for operands."""

    def add(self, node: Node) -> None:
        length = node.op.length
        self[node] = self.function(node) if length is None else length(node, self)

    def function(self, node: Node) -> int:
        """One operation more than in the operands."""
        return (node.op not in (VARIABLE, CONSTANT) and bool(node.args)) + sum(map(self.entry, node.args))

    def entry(self, node: Node) -> int:
        """In an entrywise operation a number stands for the array that it fills."""
        return 0 if value_of(node) is not None else self[node]

    def whole(self, root: Node) -> int:
        """Those of another expression."""
        return operations(root)


@lru_cache(maxsize=KEPT)
def operations(root: Node) -> int:
    """Interior nodes of the printed expression, each as often as it is printed; names and numbers are leaves.

    Transposes, scalar factors, signs (where they are no subtraction) and norms count one each, X^k one whatever k is; a transpose
    that is not printed, that of a symmetric variable, counts nothing.
    """
    return counted([root])[root]


def counted(roots: Iterable[Node]) -> Lengths:
    """The same for every node below the roots."""
    lengths = Lengths()
    for node in postorder(roots):
        lengths.add(node)
    return lengths
