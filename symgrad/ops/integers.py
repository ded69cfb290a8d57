"""What may stand in an index: labels and counts are integers, a condition is none, though it is computed with as 1 and 0."""

from __future__ import annotations

from typing import Any

from symgrad.core.graph import postorder
from symgrad.core.op import CONSTANT, VARIABLE, Dim, Node, as_node, value_of
from symgrad.core.source import dim_text
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.filling import counting
from symgrad.ops.selection import select

_MOVED = frozenset("broadcast concatenate diagonal gather overwrite pick put reshape scatter stack take transpose".split())
_WHOLE = frozenset(
    "abs add arange cumsum dot einsum hadamard matmul max maximum min minimum one_hot outer prod scale select sign sum trace tril "
    "triu".split()
)
"""Operations that only move entries, and others that make integers of integers."""


def is_condition(x: Node) -> bool:
    """Whether every entry is true or false: a comparison, conditions combined, entries of those moved."""
    if x.op is VARIABLE:
        return bool(x.params["properties"] & {"binary", "condition"})
    if x.op is select:
        return all(value_of(branch) in (0, 1) or is_condition(branch) for branch in x.args[2:])
    moved = x.args if x.op.name == "overwrite" else x.args[:1]
    return x.op.name in _MOVED and all(map(is_condition, moved))


def is_integral(x: Node) -> bool:
    """Whether every entry is an integer in NumPy too: labels and counts, moved, added and multiplied; zeros(3) holds floats."""
    sources = _sources(x)
    whole = all(map(_makes_whole, sources)) and any(map(_is_integer_leaf, sources))
    return whole and not is_condition(x)


def _sources(root: Node) -> list[Node]:
    """Every node that an entry may come from: of a choice the branches, not what is compared."""
    stack, found = [root], {}
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = True
            stack.extend(node.args[2:] if node.op is select else node.args)
    return list(found)


def _makes_whole(node: Node) -> bool:
    if node.op is VARIABLE:
        return "int" in node.params["properties"]
    if node.op is CONSTANT:
        return bool(node.params["value"].is_integer)
    if node.op.name == "power":
        return bool(node.params["exponent"].is_Integer and node.params["exponent"] >= 0)
    return node.op.name in _MOVED or node.op.name in _WHOLE


def _is_integer_leaf(node: Node) -> bool:
    return node.op is VARIABLE or node.op is counting or node.op.name == "stack"


def facts(x: Node) -> frozenset[str]:
    """What a name for this expression has to say, so that it means as much in an index as the expression does."""
    if is_condition(x):
        return frozenset({"condition"})
    words = {"int", "computed"} if is_integral(x) else set()
    return frozenset(words | {"count"} if x.op is counting else words)


def counts(x: Node, dim: Dim) -> bool:
    """Whether this is arange of a whole axis, or a name for it."""
    return x.shape == (dim,) and (x.op is counting or (x.op is VARIABLE and "count" in x.params["properties"]))


MASKED = "how many entries it keeps is not known on reading, so write where(condition, x, 0), as in sum(where(x > 0, x, 0))"


def labels(x: Any, what: str) -> Node:
    """The node, if every entry of it is an integer."""
    y = as_node(x)
    if is_condition(y):
        raise UnsupportedError(f"{what} needs integer labels, and this is a condition; {MASKED}")
    if is_integral(y):
        return y
    if y.op is VARIABLE:
        text = " ".join([*(dim_text(d).replace(" ", "") for d in y.shape), "| int"])
        raise InputError(f'{what} needs integer labels, and {y} holds real numbers; labels are inputs, declared as {y}: "{text}"')
    raise UnsupportedError(f"{what} needs integer labels, and this holds real numbers; pass the labels in as an input")


def label_source(y: Node, integer: str = "int") -> str:
    """The labels of an index in code, where counts and what is computed with constants are arrays of floats."""
    return "{1}" if all(map(_stays_integer, postorder([y]))) else f"np.asarray({{1}}, dtype={integer})"


def _stays_integer(node: Node) -> bool:
    if node.op is VARIABLE:
        return "int" in node.params["properties"] and "computed" not in node.params["properties"]
    return node.op is CONSTANT or node.op.name in _MOVED - {"broadcast", "put"}
