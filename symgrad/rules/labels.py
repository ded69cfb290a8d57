"""What is known of labels: one-hot, simplex, sign and binary variables."""

from __future__ import annotations

from symgrad.core.op import Node
from symgrad.ops.broadcasting import fill, sum_
from symgrad.rules.record import Known, rule
from symgrad.rules.terms import entrywise_product, hadamard_factors


@rule("the last axis of a one-hot or simplex array sums to one", "sum", ends="fewer sums", facts=True)
def sum_of_onehot(node: Node, known: Known) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if known.of(x) & {"onehot", "simplex"} and x.ndim - 1 in axes:
        return sum_(fill(1, x.shape[:-1]), axes=tuple(a for a in axes if a != x.ndim - 1))
    return None


@rule("y * y = 1 for signs, y for binary and one-hot y", "hadamard", ends="fewer factors", facts=True)
def product_of_labels(node: Node, known: Known) -> Node | None:
    factors = hadamard_factors(node)
    for i, y in enumerate(factors):
        facts = known.of(y)
        if y in factors[:i] and facts & {"sign", "binary", "onehot"}:
            rest = factors[:i] + factors[i + 1 :]
            if "sign" in facts:
                rest.remove(y)
            return entrywise_product(rest) if rest else fill(1, node.shape)
    return None
