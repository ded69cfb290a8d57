"""Contractions over one index as matrix products, and diagonals: what Hessian diagonals are read with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import sympy

from symgrad.core.op import Node, value_of
from symgrad.ops.arithmetic import add, coefficient, hadamard, multiply
from symgrad.ops.broadcasting import fill, sum_
from symgrad.ops.powers import power
from symgrad.ops.product import diag, diagonal, identity, matmul, outer, transposition
from symgrad.rules.record import CODE, PRINT, rule

_Groups = Mapping[str, Node]


@rule("sum over a of x_ab w_a y_ac = (x^T diag(w) y)_bc", "einsum", ends="fewer indices", since=PRINT)
def contraction_as_product(node: Node) -> Node | None:
    """One index is summed over; arrays with the same indices are multiplied entry by entry first."""
    subscripts, _, output = node.params["spec"].partition("->")
    bound = set(subscripts) - {","} - set(output)
    if len(bound) != 1 or len(output) not in (1, 2):
        return None
    (a,) = bound
    groups = _groups(subscripts.split(","), node.args, a + output)
    result = None if groups is None else _vector(groups, a, output) if len(output) == 1 else _matrix(groups, a, *output)
    return None if result is None or groups is None else multiply(groups.get("", 1), result)


def _groups(subscripts: list[str], operands: tuple[Node, ...], order: str) -> dict[str, Node] | None:
    """The operands by their letters, in one order; None where one has more than two, or both of the result."""
    found: dict[str, list[Node]] = {}
    for letters, X in zip(subscripts, operands, strict=True):
        key = "".join(sorted(letters, key=order.index))
        if len(key) > 2 or key == order[1:] != key[:1]:
            return None
        found.setdefault(key, []).append(X if key == letters else transposition(X, axes=(1, 0)))
    return {key: _product(parts) for key, parts in found.items()}


def _product(parts: list[Node]) -> Node:
    """Entry by entry; the same again and again is a power."""
    first, *rest = (power(x, exponent=sympy.Integer(k)) if k > 1 else x for x, k in Counter(parts).items())
    for x in rest:
        first = multiply(first, x)
    return first


def _vector(groups: _Groups, a: str, b: str) -> Node | None:
    """sum over a of X_ab w_a, times v_b."""
    X, w, v = (groups.get(key) for key in (a + b, a, b))
    if X is None:
        return None
    result = sum_(X, axes=(0,)) if w is None else matmul(X.T, w)
    return result if v is None else hadamard(v, result)


def _matrix(groups: _Groups, a: str, b: str, c: str) -> Node | None:
    """sum over a of X_ab w_a Y_ac, times v_b and z_c."""
    X, Y, w, v, z = (groups.get(key) for key in (a + b, a + c, a, b, c))
    if X is None and v is not None and Y is not None:
        column = sum_(Y, axes=(0,)) if w is None else matmul(Y.T, w)
        return outer(v, column if z is None else hadamard(z, column))
    if X is None or Y is None:
        return None
    result = matmul(X.T, Y if w is None else matmul(diag(w), Y))
    result = result if v is None else matmul(diag(v), result)
    return result if z is None else matmul(result, diag(z))


@rule("the diagonal of an array of one number", "diagonal", ends="fewer diagonals")
def diagonal_of_filled(node: Node) -> Node | None:
    value = value_of(node.args[0])
    return None if value is None else fill(value, node.shape)


@rule("the diagonal of X^T is that of X", "diagonal", ends="fewer transposes")
def diagonal_of_transpose(node: Node) -> Node | None:
    (x,) = node.args
    return diagonal(x.args[0]) if x.op is transposition else None


@rule("the diagonal of X Y sums the rows of X * Y^T", "diagonal", ends="fewer products", since=CODE)
def diagonal_of_product(node: Node) -> Node | None:
    """Without the entries beside the diagonal."""
    (x,) = node.args
    if x.op is outer:
        return _product(list(x.args))
    if x.op is not matmul:
        return None
    X, Y = x.args
    if X.op is transposition:
        return sum_(_product([X.args[0], Y]), axes=(0,))
    return sum_(_product([X, Y.T]), axes=(1,))


@rule("diag(x) + diag(y) = diag(x + y), diag(x) + c I = diag(x + c 1)", "add", ends="fewer diagonals")
def sum_of_diagonals(node: Node) -> Node | None:
    """Also among other terms, where I keeps a term of its own: diag(p) - p p^T + I."""
    parts = [coefficient(t) for t in node.args]
    merged_ops = (diag, identity) if all(x.op in (diag, identity) for _, x in parts) else (diag,)
    inside = [multiply(c, x.args[0] if x.op is diag else fill(1, x.shape[:1])) for c, x in parts if x.op in merged_ops]
    if len(inside) < 2:
        return None
    rest = [t for t, (_, x) in zip(node.args, parts, strict=True) if x.op not in merged_ops]
    merged = diag(add(*inside))
    return add(merged, *rest) if rest else merged
