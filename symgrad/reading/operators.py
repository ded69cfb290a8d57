"""What the operators of the source do: on numbers on the spot, on arrays as nodes, with the operands named when they do not fit."""

from __future__ import annotations

import ast
from typing import Any

import sympy

from symgrad.core.language import LANGUAGE
from symgrad.core.op import OPERATORS, Node, as_node, is_zero, value_of
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.integers import is_condition
from symgrad.reading import static
from symgrad.reading.calls import kind
from symgrad.reading.messages import NAMES, operand, operands_differ

_LOGICAL: dict[type[ast.operator], str] = {ast.BitAnd: "logical_and", ast.BitOr: "logical_or"}
_COMPARE = {">": "greater", ">=": "greater_equal", "<": "less", "<=": "less_equal", "==": "equal", "!=": "not_equal"}

_WAYS = {
    "mod": "a remainder of arrays is not supported yet; write x - y * q with the whole quotients q passed in as an input",
    "floor_divide": "a floor is piecewise constant; pass the whole quotients in as an input",
}


def binary_operation(op: ast.operator, left: Any, right: Any, trees: tuple[ast.expr, ast.expr]) -> Any:
    name = NAMES[type(op)]
    if isinstance(left, Node) or isinstance(right, Node):
        return _arrays(op, left, right, trees)
    if static.is_number(left) and static.is_number(right):
        return static.arithmetic(name, left, right)
    if name == "add" and type(left) is type(right) and isinstance(left, tuple | list | str):
        return static.joined_literals(left, right)
    if name == "multiply" and isinstance(left, tuple | list) and isinstance(right, int):
        return static.repeated(left, right)
    wrong = left if not static.is_number(left) else right
    raise InputError(f"{operand(trees[0 if wrong is left else 1])} is {kind(wrong)}, no number and no array")


def _arrays(op: ast.operator, left: Any, right: Any, trees: tuple[ast.expr, ast.expr]) -> Any:
    name = _LOGICAL.get(type(op), NAMES[type(op)])
    for value, tree in zip((left, right), trees, strict=True):
        if not isinstance(value, Node | int | sympy.Expr):
            raise InputError(f"{operand(tree)} is {kind(value)}, no number and no array")
    if name in _LOGICAL.values():
        return _logical(name, left, right)
    if name == "divide" and is_zero(as_node(right)):
        raise InputError("a division by zero")
    if name not in OPERATORS:
        raise UnsupportedError(_WAYS.get(name, "bits of arrays are not read; write it with + - * / ** @"))
    try:
        return OPERATORS[name](left, right)
    except ShapeError as error:
        if isinstance(left, Node) and isinstance(right, Node) and left.ndim and right.ndim:
            X, Y = (operand(tree) for tree in trees)
            raise ShapeError(operands_differ(name, (X, left), (Y, right))) from None
        raise ShapeError(str(error)) from None


def _logical(name: str, *values: Any) -> Any:
    """& | ~ on conditions; on integers they would work bit by bit, and on real numbers not at all."""
    if any(not isinstance(x, Node) or not (is_condition(x) or value_of(x) in (0, 1)) for x in values):
        raise UnsupportedError("bit operations are not read; combine comparisons, such as (x > 0) & (x < 1)")
    return LANGUAGE[name](*values)


def unary_operation(op: ast.unaryop, value: Any) -> Any:
    match op:
        case ast.Not():
            return not static.truth(value)
        case ast.Invert() if isinstance(value, Node):
            return _logical("logical_not", value)
        case ast.UAdd() if isinstance(value, Node) or static.is_number(value):
            return value
        case ast.USub() if isinstance(value, Node) or static.is_number(value):
            return static.plain_value(-value)
    raise UnsupportedError(f"it is not read on {kind(value)}; write it with numbers and arrays")


def compared(op: ast.cmpop, left: Any, right: Any, tree: ast.expr) -> Any:
    name = NAMES[type(op)]
    if name in ("is", "is not"):
        if not (isinstance(tree, ast.Constant) and (tree.value is None or isinstance(tree.value, bool))):
            raise UnsupportedError("identity is read with None, True and False only; write ==")
        return (left is right) == (name == "is")
    if name in ("in", "not in"):
        return any(static.equal_values(left, x) for x in static.items(right)) == (name == "in")
    if isinstance(left, Node) or isinstance(right, Node):
        if not all(isinstance(x, Node) or static.is_number(x) for x in (left, right)):
            raise InputError("an array is compared with something that is no number and no array")
        return LANGUAGE[_COMPARE[name]](left, right)
    if name in ("==", "!="):
        return static.equal_values(left, right) == (name == "==")
    return static.ordered(name, left, right)
