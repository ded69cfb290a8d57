"""Walks over the graph of an expression: each visits a node once, however often it is used, and none recurses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from symgrad.op import VARIABLE, Node


def postorder(roots: Iterable[Node]) -> Iterator[Node]:
    """Every node below the roots once, operands first; iterative, so depth is no limit."""
    seen: set[Node] = set()
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.args) if a not in seen)


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
