"""What code computes from a value that it has already: the slope of tanh from tanh, softmax from log-softmax."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from symgrad.core.op import Node, Op
from symgrad.ops.elementwise import sech2, tanh
from symgrad.ops.reduction import log_softmax, softmax


@dataclass(frozen=True)
class Reuse:
    """`op` at an operand from `known` at the same one, which stands in the template as {1}."""

    op: Op
    known: Op
    numpy: str
    helpers: tuple[str, ...] = ()


REUSES = (
    Reuse(sech2, tanh, "_tanh_slope({0}, {1})", ("_tanh_slope",)),
    Reuse(softmax, log_softmax, "np.exp({1})"),
)


def wanted(nodes: Iterable[Node]) -> Iterator[Node]:
    """The values that others are computed from: they need names."""
    for node in nodes:
        yield from (reuse.known.node(*node.args, **node.params) for reuse in REUSES if node.ndim and node.op is reuse.op)


def reused(node: Node, names: Mapping[Node, str]) -> tuple[str, tuple[Node, ...]] | None:
    """A template for the node, an array, and its operands, one of which has a name, if that is quicker than its own."""
    for reuse in REUSES:
        if node.ndim and node.op is reuse.op and (known := reuse.known.node(*node.args, **node.params)) in names:
            return reuse.numpy, (*node.args, known)
    return None


def alternatives(node: Node) -> tuple[str, ...]:
    """The templates that may take the place of the node's own."""
    return tuple(reuse.numpy for reuse in REUSES if node.op is reuse.op)


def helpers_of(node: Node) -> tuple[str, ...]:
    """Helpers that code for the node may call."""
    return (*node.op.helpers, *(h for reuse in REUSES if node.op is reuse.op for h in reuse.helpers))
