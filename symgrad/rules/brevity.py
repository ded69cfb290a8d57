"""How long a formula is: the operations that a reader meets in its printed form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import groupby

import sympy

from symgrad.core.graph import postorder
from symgrad.core.op import CONSTANT, SYMMETRIC, VARIABLE, Node, value_of
from symgrad.core.source import is_minus
from symgrad.ops.arithmetic import scalar_product
from symgrad.ops.polynomial import cofactor_quotient, prod_quotient
from symgrad.ops.powers import power
from symgrad.ops.product import as_typed

_Counts = dict[Node, int]

KEPT = 2_048
"""Expressions whose length is kept: a rule asks for the same one in many equations."""


@lru_cache(maxsize=KEPT)
def operations(root: Node) -> int:
    """Interior nodes of the printed expression, each as often as it is printed; names and numbers are leaves.

    Transposes, scalar factors, signs (where they are no subtraction) and norms count one each, X^k one whatever k is; a transpose
    that is not printed, that of a symmetric variable, counts nothing.
    """
    return counted([root])[root]


def counted(roots: Iterable[Node]) -> _Counts:
    """The same for every node below the roots."""
    counts: _Counts = {}
    for node in postorder(roots):
        count = _COUNTS.get(node.op.name, _function)
        counts[node] = count(node, counts)
    return counts


def _function(node: Node, counts: _Counts) -> int:
    return (node.op not in (VARIABLE, CONSTANT) and bool(node.args)) + sum(_entry(a, counts) for a in node.args)


def _entry(node: Node, counts: _Counts) -> int:
    """In an entrywise operation a number stands for the array that it fills."""
    return 0 if value_of(node) is not None else counts[node]


def _negative(node: Node) -> bool:
    value = value_of(node)
    number = scalar_product(node)[0] if value is None and node.op.name == "scale" else value
    return number is not None and is_minus(number)


def _sum(node: Node, counts: _Counts) -> int:
    signs = [_negative(t) and value_of(t) is None for t in node.args]
    return len(node.args) - 1 + sum(_entry(t, counts) - sign for t, sign in zip(node.args, signs, strict=True)) + all(signs)


def _scale(node: Node, counts: _Counts) -> int:
    number, factors, arrays = scalar_product(node)
    size = -number if is_minus(number) else number
    below = [f for f in factors if f.op is power and f.params["exponent"].is_negative]
    parts = len(factors) + len(arrays) + (size != 1)
    fraction = len(below) == parts
    inside = sum(counts[x] - (x in below) for x in (*factors, *arrays)) + (0 if size.is_Rational else sympy.count_ops(size))
    return int(parts - 1 + fraction + inside + (size is not number))


def _power(node: Node, counts: _Counts) -> int:
    """1 / x is one operation, 1 / x^2 two; x^T x to a power is a power of a norm."""
    (x,), p = node.args, node.params["exponent"]
    fraction = p.is_negative and not node.ndim
    if x.op.name == "dot" and x.args[0] is x.args[1] and p not in (-1, sympy.Rational(1, 2)):
        return counts[x.args[0]] + 2 + fraction
    return counts[x] + (p not in (-1, 1)) + (fraction or p == -1)


def _chain(node: Node, counts: _Counts) -> int:
    """A product is printed as one chain; X X is X^2."""
    if node.op.name == "dot" and node.args[0] is node.args[1] and node.args[0].op.name not in ("matmul", "transpose"):
        return counts[node.args[0]] + 2
    if node.ndim > 2:
        return _function(node, counts)
    runs = [(x, flip, len(list(run))) for (x, flip), run in groupby(as_typed(node))]
    return sum(_run(x, flip, length, counts) for x, flip, length in runs) + len(runs) - 1


def _run(x: Node, flip: bool, length: int, counts: _Counts) -> int:
    silent = x.op is VARIABLE and x.params["properties"] & SYMMETRIC
    each = counts[x] + (flip and not silent)
    return each + (length > 1) if (not flip or silent) and x.op.name != "inv" else length * each + length - 1


def _hadamard(node: Node, counts: _Counts) -> int:
    """A factor that is the same along rows or columns is printed as diag(x) beside a matrix."""
    x, y = node.args
    for one, other in ((y, x), (x, y)):
        if other.ndim == 2 and one.op.name == "broadcast" and one.args[0].ndim == 1:
            return counts[one.args[0]] + counts[other] + 2
    return _entry(x, counts) + _entry(y, counts) + 1


def _copies(node: Node, counts: _Counts) -> int:
    """x 1^T, 1 x^T, c 1 and 1 1^T; an axis of size one is silent."""
    (x,) = node.args
    if x.ndim:
        silent = all(node.shape[a] == 1 for a in range(node.ndim) if a not in node.params["axes"])
        return counts[x] + (int(node.shape[0] == 1 != x.shape[0]) if silent else 2)
    if value_of(x) == 0:
        return 0
    ones = 2 if node.ndim == 2 and 1 not in node.shape else int(node.ndim == 2 and node.shape[1] != 1)
    return counts[x] + ones + (value_of(x) != 1)


def _total(node: Node, counts: _Counts) -> int:
    """1^T x, X 1, X^T 1, 1^T X 1, |x|^2 and <X, Y>."""
    (x,), axes = node.args, node.params["axes"]
    if all(x.shape[a] == 1 for a in axes):
        return counts[x]
    if len(axes) == x.ndim and x.op.name == "power" and x.params["exponent"] == 2:
        return counts[x] + 1
    if len(axes) == x.ndim == 2:
        return counts[x] if x.op.name == "hadamard" else counts[x] + 3
    return counts[x] + 1 + (x.ndim == 1 or axes == (0,))


def _direction(node: Node, counts: _Counts) -> int:
    (x,) = node.args
    return 2 * counts[x] + (2 if len(node.params["axes"]) == x.ndim else 4)


def _system(node: Node, counts: _Counts) -> int:
    return counts[node.args[0]] + counts[node.args[1]] + 2


def _quotient_form(form: Callable[..., Node]) -> Callable[[Node, _Counts], int]:
    """Up to the second derivative a slope is printed as the textbook's quotient."""
    return lambda node, counts: operations(form(*node.args, **node.params)) if len(node.args) < 3 else _function(node, counts)


_COUNTS: dict[str, Callable[[Node, _Counts], int]] = {
    "add": _sum,
    "scale": _scale,
    "power": _power,
    "matmul": _chain,
    "dot": _chain,
    "outer": _chain,
    "transpose": _chain,
    "hadamard": _hadamard,
    "broadcast": _copies,
    "sum": _total,
    "direction": _direction,
    "solve": _system,
    "cofactor": _quotient_form(cofactor_quotient),
    "prod_slope": _quotient_form(prod_quotient),
}
"""What is printed with more or fewer operations than the one of its node."""
