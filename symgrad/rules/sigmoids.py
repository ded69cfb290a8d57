"""sigma(x) and its complement 1 - sigma(x) = sigma(-x): apart in code, where the difference may cancel, together in print."""

from __future__ import annotations

from symgrad.core.op import Node, constant, value_of
from symgrad.core.source import is_minus
from symgrad.ops.activation import sigmoid
from symgrad.ops.arithmetic import add, coefficient, multiply
from symgrad.ops.broadcasting import fill
from symgrad.rules.record import PRINT, rule
from symgrad.rules.terms import entrywise_product, hadamard_factors

ROUNDED = "where 1 - sigma(x) is rounded"


@rule("1 - sigma(-x) = sigma(x)", "add", ends="fewer operations", since=PRINT, limits=ROUNDED)
def complement_of_sigmoid(node: Node) -> Node | None:
    x = _complement(node)
    return sigmoid(-x) if x is not None and is_minus(coefficient(x)[0]) else None


def _complement(node: Node) -> Node | None:
    """x where the node is 1 - sigma(x)."""
    if node.op is not add or len(node.args) != 2 or all(value_of(t) != 1 for t in node.args):
        return None
    number, rest = next(coefficient(t) for t in node.args if value_of(t) != 1)
    return rest.args[0] if number == -1 and rest.op is sigmoid else None


@rule("(1 - sigma(x)) * Y + sigma(-x) * Z = (1 - sigma(x)) * (Y + Z)", "add", ends="fewer functions", since=PRINT, limits=ROUNDED)
def common_complement(node: Node) -> Node | None:
    """As one name for both; the common factor then comes out by itself."""
    factors = [(c, hadamard_factors(x)) for c, x in map(coefficient, node.args)]
    known = {sigmoid(-x): f for _, parts in factors for f in parts if (x := _complement(f)) is not None}
    if all(f not in known for _, parts in factors for f in parts):
        return None
    return add(*(multiply(c, entrywise_product([known.get(f, f) for f in parts])) for c, parts in factors))


@rule("sigma(x) + sigma(-x) = 1", "add", ends="fewer terms", since=PRINT)
def sum_of_complements(node: Node) -> Node | None:
    parts = [coefficient(t) for t in node.args]
    for i, (c, x) in enumerate(parts):
        for j in range(i):
            if x.op is sigmoid and parts[j] == (c, sigmoid(-x.args[0])):
                rest = [t for k, t in enumerate(node.args) if k not in (i, j)]
                one = multiply(constant(c), fill(1, node.shape))
                return add(one, *rest) if rest else one
    return None
