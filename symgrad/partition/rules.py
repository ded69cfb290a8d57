"""What each operation does along every index, from which its placement follows: one rule an operation, or none.

A rule is written as for einsum, `ab,bc->ac`.  An index that the result has not is summed over: split, it leaves a partial sum.
Indices in `whole` are ones along which a device needs everything.  An operation without a rule needs whole operands.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass

from symgrad.op import Node


@dataclass(frozen=True)
class Rule:
    """Indices of operands and result; `linear` says whether partial sums pass: in all operands together, in each, or not."""

    operands: tuple[str, ...]
    output: str
    whole: frozenset[str] = frozenset()
    linear: str = "no"


TOGETHER, EACH, NO = "together", "each", "no"


def rule(spec: str, linear: str = NO, whole: str = "") -> Rule:
    inputs, _, output = spec.partition("->")
    return Rule(tuple(inputs.split(",")), output, frozenset(whole), linear)


def rule_of(node: Node) -> Rule:
    """The rule of one application."""
    if (found := _RULES.get(node.op.name)) is not None:
        return found(node)
    return _entrywise(node) if node.op.scalar is not None else _opaque(node)


def _letters(node: Node) -> str:
    return string.ascii_lowercase[: node.ndim]


def _entrywise(node: Node, linear: str = NO) -> Rule:
    own = _letters(node)
    return Rule(tuple(own for _ in node.args), own, frozenset(), linear)


def _opaque(node: Node) -> Rule:
    """Everything whole: each device computes the same."""
    letters = iter(string.ascii_letters)
    specs = tuple("".join(next(letters) for _ in a.shape) for a in node.args)
    output = "".join(next(letters) for _ in node.shape)
    return Rule(specs, output, frozenset("".join(specs) + output))


def _broadcast(node: Node) -> Rule:
    """Linear, but a partial sum is reduced before it is copied: there is less of it."""
    own = _letters(node)
    return Rule(("".join(own[a] for a in node.params["axes"]),), own)


def _sum(node: Node) -> Rule:
    own = _letters(node.args[0])
    return Rule((own,), "".join(c for i, c in enumerate(own) if i not in node.params["axes"]), frozenset(), TOGETHER)


def _transpose(node: Node) -> Rule:
    own = _letters(node.args[0])
    return Rule((own,), "".join(own[a] for a in node.params["axes"]), frozenset(), TOGETHER)


def _matmul(node: Node) -> Rule:
    return rule("ab,bc->ac" if node.ndim == 2 else "ab,b->a", EACH)


def _scale(node: Node) -> Rule:
    own = _letters(node)
    return Rule(("", own), own, frozenset(), EACH)


def _along(node: Node) -> Rule:
    """A function of whole rows: softmax, norms, maxima; other indices run side by side."""
    own, axes = _letters(node.args[0]), node.params["axes"]
    kept = own if node.ndim == len(own) else "".join(c for i, c in enumerate(own) if i not in axes)
    return Rule((own,), kept, frozenset(own[a] for a in axes))


def _cumsum(node: Node) -> Rule:
    own = _letters(node)
    return Rule((own,), own, frozenset(own[node.params["axis"]]), TOGETHER)


def _concatenate(node: Node) -> Rule:
    own = _letters(node)
    return Rule(tuple(own for _ in node.args), own, frozenset(own[node.params["axis"]]), TOGETHER)


def _stack(node: Node) -> Rule:
    own, axis = _letters(node), node.params["axis"]
    return Rule(tuple(own[:axis] + own[axis + 1 :] for _ in node.args), own, frozenset(own[axis]), TOGETHER)


def _half(node: Node) -> Rule:
    """Which entries survive depends on where they stand."""
    return rule("ab->ab", TOGETHER, "ab")


def _pick(node: Node) -> Rule:
    """One entry of each row: rows run side by side."""
    own, axis = _letters(node.args[0]), node.params["axis"]
    rest = own[:axis] + own[axis + 1 :]
    return Rule((own, rest), rest, frozenset(own[axis]))


def _one_hot(node: Node) -> Rule:
    own = _letters(node)
    return Rule((own[:-1],), own, frozenset(own[-1]))


_ALONG = ("softmax", "log_softmax", "logsumexp", "norm", "direction", "max", "min", "highest", "lowest", "prod")
_RULES: dict[str, Callable[[Node], Rule]] = {
    "add": lambda node: _entrywise(node, TOGETHER),
    "hadamard": lambda node: _entrywise(node, EACH),
    "apply": _entrywise,
    "stop_gradient": lambda node: _entrywise(node, TOGETHER),
    "scale": _scale,
    "broadcast": _broadcast,
    "sum": _sum,
    "transpose": _transpose,
    "matmul": _matmul,
    "dot": lambda node: rule("a,a->", EACH),
    "outer": lambda node: rule("a,b->ab", EACH),
    "einsum": lambda node: rule(node.params["spec"], EACH),
    "concatenate": _concatenate,
    "stack": _stack,
    "cumsum": _cumsum,
    "tril": _half,
    "triu": _half,
    "pick": _pick,
    "one_hot": _one_hot,
    **dict.fromkeys(_ALONG, _along),
}
