"""The memory that exported code holds: its statements walked as CPython runs them, over shapes in place of arrays.

A local keeps its array until the function returns, a temporary lives until the operation that reads it is done, and NumPy writes
the result of an operation over a temporary of its own shape from 256 KiB on.  Helpers are walked as they stand; what the walk does
not know (loops) counts as one result of its operands' shape.
"""

from __future__ import annotations

import ast
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from symgrad.core.op import Shape
from symgrad.core.source import parsed

REUSED_FROM = 256 * 1024
"""Bytes from which NumPy writes a result over a temporary operand."""

BLOCK = 8192
"""Entries of a block of entrywise equations, as `_by_blocks` has it."""

_ITEM = {"bool": 1, "int": 8}
_COMMUTES = (ast.Add, ast.Mult)
_OVERWRITES = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_REDUCTIONS = frozenset({"sum", "max", "min", "prod", "mean", "any", "all", "argmax"})
_VIEWS = frozenset({"asarray", "squeeze", "real", "broadcast_to", "transpose", "reshape", "diagonal"})
_PAIRS = frozenset({"slogdet"})
_NUMBERS = frozenset({"result_type", "type"})
_PREDICATES = frozenset({"isfinite", "isnan", "isinf"})


@dataclass(eq=False)
class Buffer:
    size: sympy.Expr
    references: int = 1


@dataclass(eq=False)
class Array:
    """What is known of an array: its shape, the kind of its entries and the memory behind it (none for a scalar)."""

    shape: Shape
    kind: str = "float"
    buffer: Buffer | None = None
    owns: bool = True


class _UnknownError(Exception):
    """A piece of code whose memory this walk does not know."""


Instant = Mapping[sympy.Expr, int]


def held_by(
    source: str,
    function: str,
    inputs: Mapping[str, Any],
    shapes: Mapping[str, Shape],
    itemsize: int,
    is_large: Callable[[sympy.Expr], bool],
    is_block: Callable[[sympy.Expr], bool],
) -> list[Instant]:
    """What a function of an exported module holds beyond its arguments, at each moment: how many arrays of each size in bytes.

    `inputs` has an `Array` without a buffer for every argument, a tuple of them for the direction of a product; `shapes` those of
    the program's symbols, and of what functions left open return, by name; `is_large` tells bytes that NumPy writes over,
    `is_block` a count of entries that make one block.
    """
    functions = {node.name: node for node in parsed(source).body if isinstance(node, ast.FunctionDef)}
    walk = _Walk(functions, shapes, itemsize, is_large, is_block)
    walk.release(walk.run(functions[function], dict(inputs)))
    return walk.points()


@dataclass
class _Walk:
    functions: Mapping[str, ast.FunctionDef]
    shapes: Mapping[str, Shape]
    itemsize: int
    is_large: Callable[[sympy.Expr], bool]
    is_block: Callable[[sympy.Expr], bool]
    live: Counter[sympy.Expr] = field(default_factory=Counter)
    seen: dict[frozenset[tuple[sympy.Expr, int]], None] = field(default_factory=dict)

    def points(self) -> list[Instant]:
        return [dict(point) for point in self.seen]

    # memory -------------------------------------------------------------------------------------------------------------

    def allocate(self, shape: Shape, kind: str = "float") -> Array:
        if not shape:
            return Array((), kind)
        buffer = Buffer(sympy.Mul(*shape) * _ITEM.get(kind, self.itemsize))
        self.live[buffer.size] += 1
        self.seen[frozenset((s, n) for s, n in self.live.items() if n)] = None
        return Array(shape, kind, buffer)

    def hold(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self.hold(v) for v in value)
        if isinstance(value, Array) and value.buffer is not None:
            value.buffer.references += 1
        return value

    def release(self, *values: Any) -> None:
        for value in values:
            if isinstance(value, tuple):
                self.release(*value)
            elif isinstance(value, Array) and value.buffer is not None:
                value.buffer.references -= 1
                self.live[value.buffer.size] -= value.buffer.references == 0

    def view(self, x: Array, shape: Shape) -> Array:
        """Another shape of the same memory; the reference to `x` becomes one to the view."""
        return Array(shape, x.kind, x.buffer, owns=False)

    def result(self, shape: Shape, kind: str, *operands: Any) -> Array:
        made = self.allocate(shape, kind)
        self.release(*operands)
        return made

    def overwritable(self, x: Any, other: Any, shape: Shape) -> bool:
        """Is `x` a temporary that NumPy writes the result over?"""
        if not (isinstance(x, Array) and x.owns and x.kind == "float" and x.buffer is not None and x.shape == shape):
            return False
        return x.buffer.references == 1 and _shape(other) in ((), shape) and self.is_large(x.buffer.size)

    # statements ---------------------------------------------------------------------------------------------------------

    def run(self, function: ast.FunctionDef, scope: dict[str, Any]) -> Any:
        """What the function returns, with a reference; its locals are gone."""
        returned = self.body(function.body, scope)
        self.release(*scope.values())
        return returned[0] if returned else None

    def body(self, statements: list[ast.stmt], scope: dict[str, Any]) -> list[Any]:
        for statement in statements:
            match statement:
                case ast.Return(value=expr) if expr is not None:
                    return [self.evaluate(expr, scope)]
                case ast.AugAssign(value=expr) | ast.Assign(targets=[ast.Subscript()], value=expr):  # into memory that is there
                    self.release(self.evaluate(expr, scope))
                case ast.Assign(targets=[ast.Name(id=name)], value=expr):
                    self.assign(statement.targets[0], self.named_value(name, expr, scope), scope)
                case ast.Assign(targets=[target], value=expr):
                    self.assign(target, self.evaluate(expr, scope), scope)
                case ast.FunctionDef(name=name):
                    scope[name] = statement
                case ast.Delete(targets=targets):
                    self.release(*(scope.pop(target.id) for target in targets if isinstance(target, ast.Name)))
                case ast.Expr(value=ast.Call(func=ast.Name(id="_same_size" | "_has_room"))):
                    continue
                case ast.Expr(value=ast.Constant()) | ast.If(test=ast.Attribute(attr="size") | ast.Compare(), orelse=[]):
                    continue  # what is done to few entries holds little
                case _:
                    raise _UnknownError(type(statement).__name__)
        return []

    def named_value(self, name: str, expr: ast.expr, scope: dict[str, Any]) -> Any:
        """An equation's value, of the shape that the program says; of its operands' where the code is not known."""
        try:
            value = self.evaluate(expr, scope)
        except _UnknownError:
            read = [scope.get(n.id) for n in ast.walk(expr) if isinstance(n, ast.Name)]
            return self.allocate(self.shapes.get(name, _broadcast(*read)))
        if not isinstance(value, Array) or self.shapes.get(name, value.shape) == value.shape:
            return value
        return self.result(self.shapes[name], "float", value)

    def assign(self, target: ast.expr, value: Any, scope: dict[str, Any]) -> None:
        if isinstance(target, ast.Tuple):
            if not isinstance(value, tuple) or len(value) != len(target.elts):
                raise _UnknownError("unpacking")
            for part, v in zip(target.elts, value, strict=True):
                self.assign(part, v, scope)
        elif isinstance(target, ast.Name):
            self.release(scope.get(target.id))
            scope[target.id] = value
        else:
            raise _UnknownError("assignment to an item")

    # expressions --------------------------------------------------------------------------------------------------------

    def evaluate(self, expr: ast.expr, scope: dict[str, Any]) -> Any:
        """The value with one reference, which its reader gives back."""
        match expr:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                if name not in scope:
                    raise _UnknownError(name)
                return self.hold(scope[name])
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple(self.evaluate(p, scope) for p in parts)
            case ast.UnaryOp(operand=operand):
                return self.unary(expr.op, self.evaluate(operand, scope))
            case ast.BinOp(left=left, right=right):
                return self.binary(expr.op, self.evaluate(left, scope), self.evaluate(right, scope))
            case ast.Compare(left=left, comparators=[right]):
                x, y = self.evaluate(left, scope), self.evaluate(right, scope)
                return self.result(_broadcast(x, y), "bool", x, y)
            case ast.Attribute(value=ast.Name(id="np" | "math")) | ast.Subscript(value=ast.Attribute(attr="s_")):
                return 1.0
            case ast.Attribute(value=value, attr=name):
                return self.attribute(self.evaluate(value, scope), name)
            case ast.Subscript(value=value, slice=index):
                return self.item(self.evaluate(value, scope), index, scope)
            case ast.Call():
                return self.call(expr, scope)
        raise _UnknownError(type(expr).__name__)

    def unary(self, op: ast.unaryop, x: Any) -> Any:
        if not isinstance(x, Array):
            return -x if isinstance(op, ast.USub) else x
        if isinstance(op, ast.USub | ast.UAdd) and self.overwritable(x, 0, x.shape):
            return x
        return self.result(x.shape, x.kind, x)

    def binary(self, op: ast.operator, x: Any, y: Any) -> Any:
        if not isinstance(x, Array) and not isinstance(y, Array):
            return _arithmetic(op, x, y)
        if isinstance(op, ast.MatMult):
            return self.result(_product(_shape(x), _shape(y)), "float", x, y)
        shape = _broadcast(x, y)
        if isinstance(op, ast.Pow):
            over = y in (2, 0.5) and self.overwritable(x, y, shape)
            return x if over else self.result(shape, "float", x, y)
        if isinstance(op, _OVERWRITES) and self.overwritable(x, y, shape):
            self.release(y)
            return x
        if isinstance(op, _COMMUTES) and self.overwritable(y, x, shape):
            self.release(x)
            return y
        kinds = {v.kind for v in (x, y) if isinstance(v, Array)}
        return self.result(shape, "bool" if kinds == {"bool"} else "float", x, y)

    def attribute(self, x: Any, name: str) -> Any:
        if not isinstance(x, Array):
            raise _UnknownError(name)
        if name == "T":
            return self.view(x, x.shape[::-1])
        if name in ("shape", "ndim", "size"):
            self.release(x)
            return {"shape": x.shape, "ndim": len(x.shape), "size": sympy.Mul(*x.shape)}[name]
        return x

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
                    raise _UnknownError("index")
        return self.view(x, (*shape, *axes))

    # calls --------------------------------------------------------------------------------------------------------------

    def call(self, expr: ast.Call, scope: dict[str, Any]) -> Any:
        keywords = {str(k.arg): self.evaluate(k.value, scope) for k in expr.keywords}
        match expr.func:
            case ast.Name(id="_arrays"):
                return tuple(keywords.values())
            case ast.Attribute(
                value=ast.Attribute(value=ast.Name(id="np")) | ast.Name(id="np"), attr=name
            ):  # np.exp, np.linalg.inv
                return self.numpy(name, self.arguments(expr, scope), keywords)
            case ast.Attribute(value=ast.Name(id="math")):
                self.release(*self.arguments(expr, scope))
                return 1.0
            case ast.Attribute(value=value, attr=name):
                return self.numpy(name, [self.evaluate(value, scope), *self.arguments(expr, scope)], keywords)
            case ast.Name(id=name):
                return self.named(name, self.arguments(expr, scope), keywords)
        raise _UnknownError("call")

    def arguments(self, expr: ast.Call, scope: dict[str, Any]) -> list[Any]:
        return [self.evaluate(a, scope) for a in expr.args]

    def named(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        if name == "Gradient":
            return tuple(arguments)
        if name == "_by_blocks":
            return self.blocks(*arguments)
        if name == "_like":
            self.release(*keywords.values())
            return arguments[0]
        if name == "float":
            self.release(*arguments)
            return 1.0
        if name in self.shapes:  # a function left open by the author
            return self.result(self.shapes[name], "float", *arguments)
        if name not in self.functions:
            return self.numpy(name, arguments, keywords)
        function, before = self.functions[name], Counter(self.live)
        parameters = [a.arg for a in function.args.args]
        counts = [(a.buffer, a.buffer.references) for a in arguments if isinstance(a, Array) and a.buffer is not None]
        try:
            return self.run(function, dict(zip(parameters, arguments, strict=False)) | keywords)
        except _UnknownError:
            self.live = before
            for buffer, count in counts:
                buffer.references = count
            told = [a for a in arguments if isinstance(a, tuple)]  # a helper is told the shape that it makes
            return self.result(told[0] if told else _broadcast(*arguments), "float", *arguments)

    def blocks(self, entries: ast.FunctionDef, *arrays: Any) -> tuple[Any, ...]:
        """What the blocks are put together in, and what two of them hold: one computed while the one before is still there."""
        shape = max((_shape(a) for a in arrays), key=len)
        names, count = [a.arg for a in entries.args.args], sympy.Mul(*shape)
        if self.is_block(count):
            return self.run(entries, dict(zip(names, arrays, strict=True)))

        def block(length: sympy.Expr) -> Any:
            parts = [Array((length,), a.kind) if _shape(a) else a for a in arrays]
            shapes = {name: (length,) if s == shape else s for name, s in self.shapes.items()}
            inner = replace(self, shapes=shapes, is_large=lambda size: False)  # counts in the same table; no block is large
            return inner.run(entries, dict(zip(names, parts, strict=True)))

        made = block(sympy.Min(count, BLOCK))
        whole = tuple(self.allocate(shape) if _shape(part) else part for part in made)
        again = block(sympy.Min(count - BLOCK, BLOCK))
        self.release(*made, *again, *arrays)
        return whole

    def numpy(self, name: str, x: list[Any], keywords: dict[str, Any]) -> Any:
        try:
            return self.made(name, x, keywords)
        except (IndexError, KeyError, TypeError, ValueError):  # arguments that this walk does not expect of the function
            raise _UnknownError(name) from None

    def made(self, name: str, x: list[Any], keywords: dict[str, Any]) -> Any:
        if name in _VIEWS:
            base = x[0] if isinstance(x[0], Array) else Array(())
            return self.view(base, _viewed(name, [base, *x[1:]], keywords))
        if name == "flatnonzero":  # the places of few entries
            self.release(*x)
            return Array((), "int")
        if name in _PAIRS:
            self.release(*x)
            return 1.0, 1.0
        if name in _NUMBERS:
            self.release(*x)
            return 1.0
        if name in _REDUCTIONS:
            axis = keywords.get("axis", x[1] if len(x) > 1 else None)
            return self.result(_reduced(x[0].shape, axis, keywords.get("keepdims", False)), x[0].kind, *x)
        if name == "frexp":
            pair = (self.allocate(x[0].shape), self.allocate(x[0].shape, "int"))
            self.release(*x)
            return pair
        kind = "bool" if name in _PREDICATES else "float"
        shape = _contracted(x, keywords["axes"]) if name == "tensordot" else _made(name, x)
        if name in ("array_equal", "ones_like", "zeros_like") and isinstance(x[0], Array):
            shape = x[0].shape
        return self.result(shape, kind, *x)


def _made(name: str, x: list[Any]) -> Shape:
    """The shape of what a NumPy function makes; entry by entry where nothing else is known of it."""
    if name == "outer":
        return (*_shape(x[0]), *_shape(x[1]))
    if name == "eye":
        return (x[0], x[0])
    if name == "arange":
        return (x[0],)
    if name in ("full", "zeros", "ones"):
        return x[0] if isinstance(x[0], tuple) else (x[0],)
    if name in ("vdot", "trace", "dot", "det"):
        return ()
    if name == "solve":
        return _shape(x[1])
    if name == "diag":
        return (*_shape(x[0]), *_shape(x[0])) if len(_shape(x[0])) == 1 else _shape(x[0])[:1]
    if name == "kron":
        return tuple(a * b for a, b in zip(_shape(x[0]), _shape(x[1]), strict=True))
    if name == "einsum":
        inputs, _, output = x[0].partition("->")
        sizes = {c: d for letters, v in zip(inputs.split(","), x[1:], strict=True) for c, d in zip(letters, _shape(v), strict=True)}
        return tuple(sizes[c] for c in output)
    return _broadcast(*x)


def _product(x: Shape, y: Shape) -> Shape:
    """Of matrices under leading axes that broadcast; of vectors as NumPy has it."""
    if len(x) < 2 or len(y) < 2:
        return (*x[:-1], *y[:-2], *y[-1:]) if len(y) > 1 else x[:-1]
    return (*_broadcast(Array(x[:-2]), Array(y[:-2])), x[-2], y[-1])


def _contracted(x: list[Any], axes: tuple[tuple[int, ...], tuple[int, ...]]) -> Shape:
    return tuple(d for v, gone in zip(x, axes, strict=True) for k, d in enumerate(v.shape) if k not in gone)


def _viewed(name: str, x: list[Any], keywords: dict[str, Any]) -> Shape:
    shape = x[0].shape
    if name == "transpose":
        order = x[1] if len(x) == 2 and isinstance(x[1], tuple) else x[1:]
        return tuple(shape[a] for a in order) or shape[::-1]
    if name == "diagonal":
        return shape[:1]
    if name == "squeeze":
        return _reduced(shape, keywords.get("axis", tuple(k for k, d in enumerate(shape) if d == 1)), False)
    if name == "broadcast_to":
        return x[1] if isinstance(x[1], tuple) else (x[1],)
    if name == "reshape":
        wanted = x[1] if isinstance(x[1], tuple) else tuple(x[1:])
        known = sympy.Mul(*(d for d in wanted if d != -1))
        return tuple(sympy.Mul(*shape) / known if d == -1 else d for d in wanted)
    return shape


def _shape(x: Any) -> Shape:
    return x.shape if isinstance(x, Array) else ()


def _broadcast(*operands: Any) -> Shape:
    shapes = [_shape(x) for x in operands]
    rank = max(map(len, shapes), default=0)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    return tuple(next((d for d in dims if d != 1), 1) for dims in zip(*padded, strict=True))


def _reduced(shape: Shape, axis: Any, keepdims: bool) -> Shape:
    chosen = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {a % len(shape) for a in chosen} if shape else set()
    return tuple(1 if k in gone else d for k, d in enumerate(shape) if keepdims or k not in gone)


def _is_new_axis(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _arithmetic(op: ast.operator, x: Any, y: Any) -> Any:
    """Numbers and dimensions; their values matter in shapes alone."""
    table: dict[type, Callable[[Any, Any], Any]] = {
        ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b, ast.FloorDiv: lambda a, b: a // b,
    }  # fmt: skip
    with contextlib.suppress(TypeError, KeyError):
        return table[type(op)](x, y)
    return 1.0


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
