"""A part of an array along its first axis, taken as far inside an expression as it goes: what does not reach it falls away."""

from __future__ import annotations

from symgrad.core.op import OPERATORS, VARIABLE, Dim, Node, zeros
from symgrad.ops.arithmetic import add, scale
from symgrad.ops.broadcasting import broadcast
from symgrad.ops.indexing import exact, put, take, whole
from symgrad.ops.parts import Entry, lies_before, lies_inside

EMPTY = 0
"""The least size of an axis here: that of a loop of no step."""


def leading_row(X: Node, place: Dim) -> Node:
    """Row `place`, counted from 0."""
    return _part(X, place)


def leading_rows(X: Node, start: Dim, count: Dim) -> Node:
    return _part(X, (start, count, 1))


def _part(root: Node, entry: Entry) -> Node:
    done: dict[Node, Node] = {}
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            done[node] = _assembled(node, entry, done)
        elif node not in done:
            stack.append((node, True))
            stack.extend((x, False) for x in _along(node))
    return done[root]


def _along(node: Node) -> tuple[Node, ...]:
    """The operands whose first axis is that of the node, entry by entry."""
    if node.op is broadcast:
        return node.args if 0 in node.params["axes"] else ()
    if node.op is scale:
        return node.args[1:]
    is_entrywise = node.op is add or (node.op is not VARIABLE and node.op.front is None and node.op.axes(node).is_entrywise)
    return node.args if is_entrywise else ()


def _assembled(node: Node, entry: Entry, done: dict[Node, Node]) -> Node:
    if node.op is broadcast:
        lead = entry[1:2] if isinstance(entry, tuple) else ()
        axes = tuple(a - 1 + len(lead) for a in node.params["axes"] if a or lead)
        return broadcast(done.get(node.args[0], node.args[0]), shape=(*lead, *node.shape[1:]), axes=axes)
    if node.op is scale:
        return OPERATORS["multiply"](node.args[0], done[node.args[1]])
    if _along(node):
        return node.op(*(done[x] for x in node.args), **node.params)
    found = _of_put(node, entry) if node.op is put else None
    return take(node, index=(entry, *map(whole, node.shape[1:]))) if found is None else found


def _of_put(node: Node, entry: Entry) -> Node | None:
    """A part of an array of zeros with a block in it, where it holds all of the block or nothing of it."""
    first, *others = node.params["index"]
    shape = (*(entry[1:2] if isinstance(entry, tuple) else ()), *node.shape[1:])
    if lies_before(first, entry, EMPTY) or lies_before(entry, first, EMPTY):
        return zeros(shape)
    if others != [whole(d) for d in node.shape[1:]]:
        return None
    if first == entry:
        return node.args[0]
    if isinstance(first, tuple) and not isinstance(entry, tuple) and lies_inside(entry, first, EMPTY):
        return leading_row(node.args[0], exact(entry - first[0]))
    if isinstance(entry, tuple) and lies_inside(first, entry, EMPTY):
        return put(node.args[0], shape=shape, index=(_shifted(first, entry[0]), *others))
    return None


def _shifted(entry: Entry, by: Dim) -> Entry:
    return (exact(entry[0] - by), *entry[1:]) if isinstance(entry, tuple) else exact(entry - by)
