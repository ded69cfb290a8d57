"""Writing into parts of arrays, and into entries of lists and dicts, as NumPy and Python do."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from symgrad.core.op import Node, as_node, show_shape
from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.reading.arrays import Array, plain_array
from symgrad.reading.calls import kind
from symgrad.reading.expressions import Expressions, Scope
from symgrad.reading.memory import as_assignment, check_in_place, check_room
from symgrad.reading.messages import unparsed
from symgrad.reading.operators import binary_operation
from symgrad.reading.places import Place, fitted


def augment_part(reading: Expressions, statement: ast.AugAssign, scope: Scope) -> None:
    """`A[i] += b`."""
    target = statement.target
    assert isinstance(target, ast.Subscript)
    owner, index = _owner(reading, target, scope)
    reading.place.tree = target
    spot = reading.spot(owner, index) if isinstance(owner, Array) else _item(owner, index)
    right = reading.evaluate(statement.value, scope)
    reading.place.tree = statement
    trees = (target, statement.value)
    if not isinstance(owner, Array):
        _augment_item(reading, statement, owner, index, right)
    elif isinstance(spot, Array):
        _write(reading, target, owner, spot, binary_operation(statement.op, spot.node, plain_array(right), trees))
    else:
        _augment_place(reading, statement, owner, spot, plain_array(right))


def _augment_item(reading: Expressions, statement: ast.AugAssign, owner: Any, index: Any, right: Any) -> None:
    """An array in a list or dict changes in place, a number gives way to another."""
    old = owner[index]
    changed = reading.operated(statement.op, old, right, (statement.target, statement.value))
    if isinstance(old, Array):
        check_in_place(old, plain_array(right), changed.node, statement)
    if isinstance(old, Array) and old.changes:
        old.write(changed.node, doubtful(reading, as_assignment(statement)))
    else:
        owner[index] = changed


def _augment_place(reading: Expressions, statement: ast.AugAssign, owner: Array, spot: Place, right: Any) -> None:
    assert isinstance(statement.target, ast.Subscript)
    if spot.is_marked:
        right = fitted(right, ())
    value = binary_operation(statement.op, spot.get(owner.node), right, (statement.target, statement.value))
    check_room(owner, value)
    if spot.add is not None and isinstance(statement.op, ast.Add | ast.Sub):
        more = as_node(right) if isinstance(statement.op, ast.Add) else -as_node(right)
        _rewrite(reading, statement.target, owner, spot.add(owner.node, more))
    else:
        _rewrite(reading, statement.target, owner, spot.put(owner.node, value))


def _owner(reading: Expressions, target: ast.Subscript, scope: Scope) -> tuple[Any, Any]:
    """What is written into, and the index there."""
    owner = reading.evaluate(target.value, scope)
    index = reading.index(target.slice, scope)
    if not isinstance(owner, Array | list | dict):
        reading.place.tree = target
        raise UnsupportedError(f"{kind(owner)} is not written into; assign entries of arrays, lists and dicts")
    return owner, index


def store(reading: Expressions, target: ast.Subscript, value: Any, scope: Scope) -> None:
    owner, index = _owner(reading, target, scope)
    reading.place.tree = target
    if isinstance(owner, list | dict):
        _store_item(owner, index, value)
        return
    spot = reading.spot(owner, index)
    if isinstance(spot, Array):
        _write(reading, target, owner, spot, value)
        return
    Y = fitted(value, ()) if spot.is_marked else as_node(plain_array(value))
    check_room(owner, Y)
    _rewrite(reading, target, owner, spot.put(owner.node, Y))


def _item(owner: Any, index: Any) -> Any:
    try:
        return owner[index]
    except (KeyError, IndexError, TypeError):
        raise InputError("there is no such entry") from None


def _store_item(owner: Any, index: Any, value: Any) -> None:
    known = index in range(-len(owner), len(owner)) if isinstance(owner, list) else isinstance(index, int | str)
    if not known:
        raise InputError("there is no such entry to assign to")
    owner[index] = value


def _write(reading: Expressions, target: ast.Subscript, owner: Array, spot: Array, value: Any) -> None:
    Y = fitted(value, spot.shape)
    check_room(owner, Y)
    spot.write(reading.builder.shallow(Y), doubtful(reading, f"into a copy, {unparsed(target.value)}.copy()"))


def _rewrite(reading: Expressions, target: ast.Subscript, owner: Array, value: Node) -> None:
    """The whole of an array is another one, of which most is as it was."""
    symbol = reading.builder.equation(owner.buffer.name or "array", value)
    owner.write(symbol, doubtful(reading, f"into a copy, {unparsed(target.value)}.copy()"))


def into(reading: Expressions, out: Any, value: Any) -> Any:
    if not isinstance(out, Array) or out.is_frozen:
        raise InputError("out is an array of NumPy's to write into")
    Y = as_node(plain_array(value))
    if Y.shape != out.shape:
        raise InputError(f"NumPy writes no result of shape {show_shape(Y.shape)} into an array of {show_shape(out.shape)}")
    check_room(out, Y)
    name = out.buffer.name
    out.write(reading.builder.equation(name, Y) if name and not out.steps else Y, doubtful(reading, "it without out"))
    return out


def doubtful(reading: Expressions, way: str) -> Callable[[str], SymgradError]:
    """What is said of an array of this name, which may have been written into here, once it is read."""
    module, statement = reading.place.module, reading.place.statement

    def doubt(name: str) -> SymgradError:
        line = getattr(reading.place.tree, "lineno", 0)
        reading.place.module, reading.place.statement, reading.place.tree = module, statement, statement
        return UnsupportedError(f"in NumPy it may change {name}, which is read in line {line}; write {way}")

    return doubt
