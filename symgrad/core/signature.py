"""What an operation does along every index, and in which operands it is linear: one record, of which passes are made.

Where a result may be cut into parts (partition), what runs along many directions at once (batching, lifting) and how an entry is
written (printing) follow from it.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Sets: TypeAlias = tuple[frozenset[int], ...]

FIRST: Sets = (frozenset({0}),)
"""Linear in the first operand."""


@dataclass(frozen=True)
class Signature:
    """Letters as for einsum: one an axis of each operand in `reads`, one an axis of the result.

    A letter that the result lacks is summed over.  Along one that is `whole` an entry of the result reads more than that entry of
    an operand, or which one it reads depends on where it stands.  `linear` holds the sets of operands in which the operation is
    linear jointly; `partial` says that summands of these may pass through it before they are added up.
    """

    reads: tuple[str, ...]
    result: str
    whole: frozenset[str] = frozenset()
    linear: Sets = ()
    partial: bool = False

    @property
    def is_entrywise(self) -> bool:
        return not self.whole and {*self.reads} == {self.result}

    @property
    def is_contraction(self) -> bool:
        """Is it the sum of the products of its operands' entries: linear in each, and nothing read as a whole?"""
        return not self.whole and self.linear == each(self.reads)


def letters(node: Any) -> str:
    return string.ascii_lowercase[: node.ndim]


def each(operands: Collection[Any]) -> Sets:
    """Linear in each operand alone."""
    return tuple(frozenset({i}) for i in range(len(operands)))


def together(operands: Collection[Any]) -> Sets:
    """Linear in all operands at once."""
    return (frozenset(range(len(operands))),)


def contraction(spec: str) -> Signature:
    """A product of operands, summed over the letters that the result lacks."""
    inputs, _, result = spec.partition("->")
    reads = tuple(inputs.split(","))
    return Signature(reads, result, linear=each(reads), partial=True)


def entrywise(node: Any, linear: Sets = (), partial: bool = False) -> Signature:
    """An entry of the result reads that entry of every operand."""
    own = letters(node)
    return Signature(tuple(own for _ in node.args), own, linear=linear, partial=partial)


def along(node: Any) -> Signature:
    """A function of whole rows, along the static argument `axes`: softmax, norms, maxima."""
    own, axes = letters(node.args[0]), node.params["axes"]
    result = own if node.ndim == len(own) else without(own, axes)
    return Signature((own,), result, frozenset(own[a] for a in axes))


def behind(node: Any, lead: Sequence[Any]) -> dict[str, Any]:
    """The static arguments of a function of whole rows behind these further axes."""
    return {**node.params, "axes": tuple(len(lead) + a for a in node.params["axes"])}


def beside(node: Any, index: Sequence[Any]) -> tuple[Any, ...]:
    """The indices that are left where the axes of the node are gone."""
    return tuple(i for a, i in enumerate(index) if a not in node.params["axes"])


def without(own: str, axes: Iterable[int]) -> str:
    """The letters that are left once these axes are gone."""
    return "".join(c for i, c in enumerate(own) if i not in tuple(axes))


def opaque(node: Any, linear: Sets = ()) -> Signature:
    """Every entry may read everything."""
    fresh = iter(string.ascii_letters)
    reads = tuple("".join(next(fresh) for _ in a.shape) for a in node.args)
    result = "".join(next(fresh) for _ in node.shape)
    return Signature(reads, result, frozenset("".join(reads) + result), linear)
