"""Builders of operations: declare what kind of map an operation is and derive the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import sympy

from symgrad.core.op import ATOM, OPERATORS, Node, Op, is_zero, on, same_shape, size, zeros
from symgrad.core.signature import entrywise
from symgrad.errors import NotDifferentiableError

Fold: TypeAlias = Callable[..., Node | None]


def _fold_linear(op: Op, own: Fold | None, operands: tuple[Node, ...], static: dict[str, Any]) -> Node | None:
    """What every (multi)linear map allows: zero goes to zero, and scalar factors of operands come to the front."""
    if any(map(is_zero, operands)):
        return zeros(op.shape(*operands, **static))
    if own is not None and (found := own(*operands, **static)) is not None:
        return found
    for i, x in enumerate(operands):
        if x.op.name == "scale" and x.ndim:
            return OPERATORS["multiply"](x.args[0], op(*operands[:i], x.args[1], *operands[i + 1 :], **static))
    return None


def linear(name: str, *, fold: Fold | None = None, **fields: Any) -> Op:
    """A linear map of one operand: its tangent is itself applied to the tangent."""
    op = Op(name, jvp=lambda Z, X, X_dot, **s: op(X_dot, **s), fold=lambda *x, **s: _fold_linear(op, fold, x, s), **fields)
    return op


def bilinear(name: str, *, fold: Fold | None = None, **fields: Any) -> Op:
    """Linear in each of two operands: the product rule gives the tangent."""
    op = Op(
        name,
        jvp=lambda Z, X, Y, X_dot, Y_dot, **s: op(X_dot, Y, **s) + op(X, Y_dot, **s),
        fold=lambda *x, **s: _fold_linear(op, fold, x, s),
        **fields,
    )
    return op


def elementwise(name: str, partials: Callable[..., tuple[Node | None, ...]], **fields: Any) -> Op:
    """A function applied entry by entry to operands of one shape; `partials(Z, *X)` are its partial derivatives.

    The Jacobian is diagonal, so both products are Hadamard products with the partials, unless a field says another.
    """

    def contribution(p: Node | None, direction: Node) -> Node:
        if is_zero(direction):
            return direction
        if p is None:
            raise NotDifferentiableError(f"{name} has no derivative in this operand")
        return p * direction

    def vjp(Z: Node, *rest: Node, **static: Any) -> tuple[Node | None, ...]:
        *X, Z_bar = rest
        return tuple(None if p is None else p * Z_bar for p in partials(Z, *X, **static))

    def jvp(Z: Node, *rest: Node, **static: Any) -> Node:
        X, dots = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        terms = [contribution(p, dot) for p, dot in zip(partials(Z, *X, **static), dots, strict=True)]
        return sum(terms[1:], start=terms[0])

    usual: dict[str, Any] = {
        "shape": same_shape,
        "axes": entrywise,
        "vjp": vjp,
        "jvp": jvp,
        "latex": rf"\{name}(#1)",
        "precedence": ATOM,
        "numpy": f"np.{name}({{0}})",
        "flops": size_of_first,
        "samples": (on("m n"), on("")),
        "found": "Entry by entry, the chain rule of one variable.",
    }
    return Op(name, **usual | fields)


def size_of_first(*operands: Node, **_: Any) -> sympy.Expr:
    return size(operands[0])
