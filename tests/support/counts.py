"""Flops by hand, from the shapes of the operands; an operation that is not here takes one an entry of its first operand."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any

Shape = tuple[int, ...]


def _none(*_: Shape, **__: Any) -> int:
    return 0


def _per_entry(times: int) -> Callable[..., int]:
    return lambda x, *_, **__: times * prod(x)


def _system(a: Shape, b: Shape, **_: Any) -> Fraction:
    """Two thirds of n^3 to factor, and two triangular systems for each right side."""
    return Fraction(2, 3) * a[0] ** 3 + 2 * a[0] ** 2 * prod(b[1:])


def _einsum(*x: Shape, spec: str) -> int:
    sizes = {c: d for part, s in zip(spec.partition("->")[0].split(","), x, strict=True) for c, d in zip(part, s, strict=True)}
    return len(x) * prod(sizes.values())


MOVED = "broadcast transpose diag diagonal embed vec unvec take reshape concatenate stack gather tril triu".split()
"""Entries are copied or looked at from elsewhere."""

COUNTS: dict[str, Callable[..., Any]] = dict.fromkeys(MOVED, _none)
COUNTS |= dict.fromkeys("logsumexp softmax log_softmax direction".split(), _per_entry(4))
COUNTS |= dict.fromkeys("highest lowest".split(), _per_entry(3))
COUNTS |= dict.fromkeys("norm select dot blocks_with entries_with".split(), _per_entry(2))
COUNTS |= {
    "add": lambda *x: prod(x[0]) * (len(x) - 1),
    "scale": lambda c, x: prod(x),
    "matmul": lambda x, y: 2 * prod(x) * prod(y[1:]),
    "outer": lambda x, y: prod(x) * prod(y),
    "kron": lambda x, y: prod(x) * prod(y),
    "trace": lambda x: x[0],
    "einsum": _einsum,
    "loss": lambda *x, **_: sum(map(prod, x)),
    "one_hot": lambda y, classes, wraps: prod(y) * classes,
    "pick": lambda x, y, axis: prod(y),
    "inv": lambda x: 2 * x[0] ** 3,
    "pinv": lambda x: 6 * x[0] * x[1] ** 2 + 20 * x[1] ** 3,
    "det": lambda x: Fraction(2, 3) * x[0] ** 3,
    "logdet": lambda x: Fraction(2, 3) * x[0] ** 3,
    "det_sign": lambda x: Fraction(2, 3) * x[0] ** 3,
    "cofactor": lambda x, *v: 2 * x[0] ** 3 * (1 + 2 * len(v)),
    "prod_slope": lambda x, *v, axes: 3 * prod(x) * prod(x[a] for a in axes) ** len(v),
    "solve": _system,
    "solve_triangular": lambda a, b, **_: a[0] ** 2 * prod(b[1:]),
    "cholesky": lambda a, **_: Fraction(1, 3) * a[0] ** 3,
}
