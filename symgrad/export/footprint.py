"""The memory that exported code holds: its lowered statements walked as CPython runs them, over shapes in place of arrays.

A local keeps its array until the function returns, a temporary lives until the operation that reads it is done, and NumPy writes
the result of an operation over a temporary of its own shape from 256 KiB on.  Helpers are walked as they stand, lowered too; what
the walk does not know (loops) counts as one result of its operands' shape.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from symgrad.core.op import Shape
from symgrad.export.buffers import Heap, HeldArray, Instant, UnknownError, array_shape, broadcast_shape, viewed
from symgrad.export.embedded import helper, known
from symgrad.export.lowered import Assign, Call, Delete, LoweredFunction, LoweredStatement, Return, Update
from symgrad.export.syntax import Word

REUSED_FROM = 256 * 1024
"""Bytes from which NumPy writes a result over a temporary operand."""

BLOCK = 8192
"""Entries of a block of entrywise equations, as `_by_blocks` has it."""


def held_by(
    function: LoweredFunction,
    inputs: Mapping[str, Any],
    direction: tuple[Any, ...],
    shapes: Mapping[str, Shape],
    itemsize: int,
    is_large: Callable[[sympy.Expr], bool],
    is_block: Callable[[sympy.Expr], bool],
) -> list[Instant]:
    """What a function of an exported module holds beyond its arguments, at each moment: how many arrays of each size in bytes.

    `inputs` has an `Array` without a buffer for every argument, `direction` one for every variable of a product; `shapes` are those
    that functions left open return, by name; `is_large` tells bytes that NumPy writes over, `is_block` a count of entries that
    make one block.
    """
    memory = Heap(itemsize, is_large)
    walk = _Walk(memory, function.words, shapes, is_block)
    memory.release(walk.run(function, {**inputs, function.words["direction"]: direction}))
    return memory.points()


@dataclass
class _Walk:
    memory: Heap
    words: Mapping[str, str]
    shapes: Mapping[str, Shape]
    is_block: Callable[[sympy.Expr], bool]
    within: Mapping[Shape, Shape] = field(default_factory=dict)
    """The shape that a block has of an array."""

    # statements ---------------------------------------------------------------------------------------------------------

    def run(self, function: LoweredFunction, scope: dict[str, Any]) -> Any:
        """What the function returns, with a reference; its locals are gone."""
        returned = self.body(function.body, scope)
        self.memory.release(*scope.values())
        return returned[0] if returned else None

    def body(self, statements: Sequence[LoweredStatement], scope: dict[str, Any]) -> list[Any]:
        for statement in statements:
            match statement:
                case Return(code=code):
                    return [self.evaluate(code, scope)]
                case Update(code=code):  # into memory that is there
                    self.memory.release(self.evaluate(code, scope))
                case Assign(target=target):
                    self.assign(target, self.named_value(statement, scope), scope)
                case Call(targets=(), code=ast.Call(func=ast.Name(id="_same_size" | "_has_room"))):
                    continue
                case Call(targets=targets, code=code) if targets:
                    for target, part in zip(targets, self.parts(code, len(targets), scope), strict=True):
                        self.assign(target, part, scope)
                case LoweredFunction(name=name):
                    scope[name] = statement
                case Delete(targets=targets):
                    self.memory.release(*map(scope.pop, targets))
                case _:
                    raise UnknownError(type(statement).__name__)
        return []

    def named_value(self, statement: Assign, scope: dict[str, Any]) -> Any:
        """An equation's value, of the shape that the program says; of its operands' where the code is not known."""
        shape = None if statement.node is None else self.within.get(statement.node.shape, statement.node.shape)
        try:
            value = self.evaluate(statement.code, scope)
        except UnknownError:
            return self.memory.allocate(broadcast_shape(*map(scope.get, statement.names.own)) if shape is None else shape)
        if not isinstance(value, HeldArray) or shape in (None, value.shape):
            return value
        return self.memory.result(shape, "float", value)

    def parts(self, code: ast.expr, count: int, scope: dict[str, Any]) -> tuple[Any, ...]:
        value = self.evaluate(code, scope)
        if not isinstance(value, tuple) or len(value) != count:
            raise UnknownError("unpacking")
        return value

    def assign(self, target: str, value: Any, scope: dict[str, Any]) -> None:
        self.memory.release(scope.get(target))
        scope[target] = value

    # expressions --------------------------------------------------------------------------------------------------------

    def evaluate(self, expr: ast.expr, scope: dict[str, Any]) -> Any:
        """The value with one reference, which its reader gives back."""
        match expr:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=word):
                if (name := self.words.get(word, word) if isinstance(expr, Word) else word) not in scope:
                    raise UnknownError(name)
                return self.memory.hold(scope[name])
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple(self.evaluate(p, scope) for p in parts)
            case ast.UnaryOp(operand=operand):
                return self.memory.unary(expr.op, self.evaluate(operand, scope))
            case ast.BinOp(left=left, right=right):
                return self.memory.binary(expr.op, self.evaluate(left, scope), self.evaluate(right, scope))
            case ast.Compare(left=left, comparators=[right]):
                x, y = self.evaluate(left, scope), self.evaluate(right, scope)
                return self.memory.result(broadcast_shape(x, y), "bool", x, y)
            case ast.Subscript(value=ast.Attribute(attr="s_")):
                return 1.0
            case ast.Attribute() if _is_library(expr, scope):
                return 1.0
            case ast.Attribute(value=value, attr=name):
                return self.memory.attribute(self.evaluate(value, scope), name)
            case ast.Subscript(value=value, slice=index):
                return self.item(self.evaluate(value, scope), index, scope)
            case ast.Call():
                return self.call(expr, scope)
        raise UnknownError(type(expr).__name__)

    def item(self, x: Any, index: ast.expr, scope: dict[str, Any]) -> Any:
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        if isinstance(x, tuple):
            return x[self.evaluate(index, scope)]
        axes, shape = list(x.shape), []
        for k, part in enumerate(parts):
            match part:
                case ast.Constant(value=None):
                    shape.append(1)
                case ast.Constant(value=value) if value is ...:
                    rest = sum(not _is_new_axis(p) for p in parts[k + 1 :])
                    shape += axes[: len(axes) - rest]
                    del axes[: len(axes) - rest]
                case ast.Slice(lower=None, upper=None):
                    shape += axes[:1]
                    del axes[:1]
                case ast.Constant() | ast.UnaryOp():
                    del axes[:1]
                case _:
                    raise UnknownError("index")
        return viewed(x, (*shape, *axes))

    # calls --------------------------------------------------------------------------------------------------------------

    def call(self, expr: ast.Call, scope: dict[str, Any]) -> Any:
        keywords = {str(k.arg): self.evaluate(k.value, scope) for k in expr.keywords}
        match expr.func:
            case ast.Name(id="_arrays"):
                return tuple(keywords.values())
            case ast.Attribute(value=ast.Name(id="math")) | Word(id="float"):
                self.memory.release(*self.arguments(expr, scope))
                return 1.0
            case ast.Attribute(attr=name) if _is_library(expr.func, scope):  # np.exp, np.linalg.inv
                return self.numpy(name, self.arguments(expr, scope), keywords)
            case ast.Attribute(value=value, attr=name):
                return self.numpy(name, [self.evaluate(value, scope), *self.arguments(expr, scope)], keywords)
            case ast.Name(id=name):
                return self.named(name, self.arguments(expr, scope), keywords)
        raise UnknownError("call")

    def arguments(self, expr: ast.Call, scope: dict[str, Any]) -> list[Any]:
        return [self.evaluate(a, scope) for a in expr.args]

    def named(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        if name == "Gradient":
            return tuple(arguments)
        if name == "_by_blocks":
            return self.blocks(*arguments)
        if name == "_like":
            self.memory.release(*keywords.values())
            return arguments[0]
        if name in self.shapes:  # a function left open by the author
            return self.memory.result(self.shapes[name], "float", *arguments)
        if name not in known():
            return self.numpy(name, arguments, keywords)
        function, before = helper(name), Counter(self.memory.live)
        counts = [(a.buffer, a.buffer.references) for a in arguments if isinstance(a, HeldArray) and a.buffer is not None]
        try:
            return self.run(function, dict(zip(function.parameters, arguments, strict=False)) | keywords)
        except UnknownError:
            self.memory.live.clear()
            self.memory.live.update(before)
            for buffer, count in counts:
                buffer.references = count
            told = [a for a in arguments if isinstance(a, tuple)]  # a helper is told the shape that it makes
            return self.memory.result(told[0] if told else broadcast_shape(*arguments), "float", *arguments)

    def blocks(self, entries: LoweredFunction, *arrays: Any) -> tuple[Any, ...]:
        """What the blocks are put together in, and what two of them hold: one computed while the one before is still there."""
        shape = max((array_shape(a) for a in arrays), key=len)
        count = sympy.Mul(*shape)
        if self.is_block(count):
            return self.run(entries, dict(zip(entries.parameters, arrays, strict=True)))

        def block(length: sympy.Expr) -> Any:
            parts = [HeldArray((length,), a.kind) if array_shape(a) else a for a in arrays]
            inner = replace(self, within={shape: (length,)}, memory=replace(self.memory, is_large=lambda size: False))  # one table
            return inner.run(entries, dict(zip(entries.parameters, parts, strict=True)))

        made = block(sympy.Min(count, BLOCK))
        whole = tuple(self.memory.allocate(shape) if array_shape(part) else part for part in made)
        again = block(sympy.Min(count - BLOCK, BLOCK))
        self.memory.release(*made, *again, *arrays)
        return whole

    def numpy(self, name: str, x: list[Any], keywords: dict[str, Any]) -> Any:
        try:
            return self.memory.made(name, x, keywords)
        except (IndexError, KeyError, TypeError, ValueError):  # arguments that this walk does not expect of the function
            raise UnknownError(name) from None


def _is_library(node: ast.expr, scope: Mapping[str, Any]) -> bool:
    """Is it what a library has, and no attribute of an array that its author called so?"""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("np", "math") and (isinstance(node, Word) or node.id not in scope)


def _is_new_axis(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def dominating(points: list[Instant]) -> list[Instant]:
    """The moments that no other one exceeds in every size."""
    kept: list[Instant] = []
    for p in sorted(points, key=lambda point: -sum(point.values())):
        if not any(all(q.get(size, 0) >= n for size, n in p.items()) for q in kept):
            kept.append(p)
    return kept


def total_bytes(points: list[Instant]) -> Iterator[sympy.Expr]:
    for p in points:
        yield sympy.Add(*(n * size for size, n in p.items()))
