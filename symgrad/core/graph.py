"""Walks over the graph of an expression: each visits a node once, however often it is used, and none recurses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from symgrad.core.op import VARIABLE, Node


def postorder(roots: Iterable[Node]) -> Iterator[Node]:
    """Every node below the roots once, operands first; iterative, so depth is no limit."""
    seen: set[Node] = set()
    stack: list[Node | None] = list(roots)
    stack.reverse()
    while stack:
        node = stack.pop()
        if node is None:  # what stands below is ready
            yield cast(Node, stack.pop())
        elif node not in seen:
            seen.add(node)
            if node.args:
                stack += (node, None)
                stack += [a for a in node.args[::-1] if a not in seen]
            else:
                yield node


def variables(*roots: Node) -> list[Node]:
    return [n for n in postorder(roots) if n.op is VARIABLE]


def rewrite(root: Node, step: Callable[[Node], Node]) -> Node:
    """Rebuild a graph bottom up, `step` applied to every rebuilt node."""
    return rewrite_all([root], step)[0]


def rewrite_all(roots: Iterable[Node], step: Callable[[Node], Node]) -> list[Node]:
    roots = list(roots)
    done: dict[Node, Node] = {}
    for node in postorder(roots):
        done[node] = step(node.op.rebuild(node, (done[a] for a in node.args)))
    return [done[r] for r in roots]


def substitute(root: Node, table: dict[Node, Node]) -> Node:
    return rewrite(root, lambda n: table.get(n, n)) if table else root
