"""The residual of logistic regression: what is predicted minus what is observed."""

from __future__ import annotations

from symgrad.core.op import Node, constant, is_zero
from symgrad.ops.activation import sigmoid
from symgrad.ops.arithmetic import add, coefficient, multiply
from symgrad.ops.broadcasting import fill
from symgrad.rules.record import PRINT, rule
from symgrad.rules.terms import entrywise_product, hadamard_factors


@rule(
    "sigma(x) (1 - t) - sigma(-x) t = sigma(x) - t", "add", ends="fewer terms", since=PRINT, limits="where 1 - sigma(x) is rounded"
)
def residual_of_sigmoid(node: Node) -> Node | None:
    """In print alone: code keeps the two that do not cancel."""
    parts = [(c, hadamard_factors(x)) for c, x in map(coefficient, node.args)]
    for i, (c, predicted) in enumerate(parts):
        if all(x.op is not sigmoid for x in predicted):
            continue
        for j, (b, missed) in enumerate(parts):
            if c == -b and (t := _observed(predicted, missed, node)) is not None:
                x = next(f for f in predicted if f.op is sigmoid)
                rest = [term for k, term in enumerate(node.args) if k not in (i, j)]
                return add(multiply(constant(c), x), multiply(constant(-c), t), *rest)
    return None


def _observed(predicted: list[Node], missed: list[Node], node: Node) -> Node | None:
    """t where these are the factors of sigma(x) (1 - t) and of sigma(-x) t."""
    one = fill(1, node.shape)
    for x in predicted:
        mirrored = sigmoid(-x.args[0]) if x.op is sigmoid else None
        if mirrored in missed:
            kept, lost = (
                entrywise_product([f for f in side if f is not s] or [one]) for side, s in ((predicted, x), (missed, mirrored))
            )
            return lost if is_zero(add(kept, lost, -one)) else None
    return None
