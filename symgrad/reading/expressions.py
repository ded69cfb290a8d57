"""Expressions of the source to values: arrays become nodes, numbers and shapes are decided on the spot."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import takewhile
from typing import Any

import sympy

from symgrad.core.budget import limit, tick
from symgrad.core.language import LANGUAGE, METHODS
from symgrad.core.op import OPERATORS, Node
from symgrad.errors import InputError, UnsupportedError
from symgrad.reading import static
from symgrad.reading.acts import ACTS, Act, ArrayUpdate, Method, Updates, attribute_act
from symgrad.reading.annotations import check_entries
from symgrad.reading.arrays import TRUTH, WHOLE_ARRAY, Array, Buffer, axes_exchanged, plain_array
from symgrad.reading.builder import Builder
from symgrad.reading.calls import Function, call, kind
from symgrad.reading.dialects import JAX, NUMPY, Dialect, dialect_of, dialects_together
from symgrad.reading.memory import cells, fixing, kind_made, kind_of, package_of, sharing, sums
from symgrad.reading.messages import SourcePlace, operand
from symgrad.reading.operators import binary_operation, compared, unary_operation
from symgrad.reading.places import Place as ArrayPlace
from symgrad.reading.places import as_labels, is_part, listed_places, marked, place_in, rows_at
from symgrad.reading.python import CONTAINERS
from symgrad.reading.refused import EXPRESSIONS
from symgrad.reading.words import FLOATS, ModuleName

Scope = ChainMap[str, Any]
LONG_CHAIN = 16
TRUTHS = "NumPy and jax join conditions by or here, or fail; write logical_or, or where(condition, 1, 0) to count with them"


class Expressions(ABC):
    """Evaluates expressions in a scope; what a name means and what a function's body does is said by the reader."""

    def __init__(self, place: SourcePlace) -> None:
        self.place, self.steps, self.most_steps = place, 0, limit("steps")
        self.builder = Builder(lambda: getattr(self.place.statement, "lineno", 0))
        self.home = NUMPY
        """Whose the arrays are of which nothing else is known."""

    @abstractmethod
    def name(self, name: str, scope: Scope) -> Any:
        """The value of a name."""

    @abstractmethod
    def inline(self, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The value that a function of the user's returns."""

    def step(self) -> None:
        self.steps += 1
        tick()
        if self.steps > self.most_steps:
            raise UnsupportedError(f"more than {self.most_steps} steps of reading; shorten the loops")

    def evaluate(self, tree: ast.expr, scope: Scope) -> Any:
        self.step()
        method: Callable[[Any, Scope], Any] | None = getattr(self, f"_{type(tree).__name__.lower()}", None)
        if method is None:
            self.place.tree = tree
            way = EXPRESSIONS.get(type(tree), "it is not read; write it with assignments, operators and calls")
            raise UnsupportedError(way)
        return method(tree, scope)

    def array(self, value: Any, library: Dialect, kind: str = "", in_rows: bool = True, cell: bool = False) -> Any:
        """A result as an array that nobody else holds; anything else as it is."""
        if not isinstance(value, Node):
            return value
        check_entries(value.shape)
        value = self.builder.shallow(value)
        buffer = Buffer(value, value.shape, library, kind or kind_of(value, self.place.tree), self.builder.equation, in_rows)
        return Array(buffer, value.shape, cell=cell)

    def made(self, value: Any, operands: Sequence[Any], kind: str = "") -> Any:
        """What an operator makes of these operands."""
        arrays = [x for x in operands if isinstance(x, Array)]
        return self.array(value, dialects_together(x.library for x in arrays), kind, all(x.in_rows for x in arrays))

    # leaves -------------------------------------------------------------------------------------------------------------

    def _constant(self, tree: ast.Constant, scope: Scope) -> Any:
        self.place.tree = tree
        return static.written(tree.value)

    def _name(self, tree: ast.Name, scope: Scope) -> Any:
        self.place.tree = tree
        return self.array(self.name(tree.id, scope), self.home)

    def _tuple(self, tree: ast.Tuple, scope: Scope) -> Any:
        return tuple(self.evaluate(part, scope) for part in tree.elts)

    def _list(self, tree: ast.List, scope: Scope) -> Any:
        return list(self._tuple(ast.Tuple(tree.elts), scope))

    def _dict(self, tree: ast.Dict, scope: Scope) -> Any:
        if None in tree.keys:
            raise UnsupportedError("a dict with ** is not read; write the entries out")
        pairs = zip(tree.keys, tree.values, strict=True)
        return {self._key(k, scope): self.evaluate(v, scope) for k, v in pairs}

    def _key(self, tree: Any, scope: Scope) -> Any:
        key = self.evaluate(tree, scope)
        if not isinstance(key, str | int):
            raise UnsupportedError("the keys of a dict are strings or integers")
        return key

    def _lambda(self, tree: ast.Lambda, scope: Scope) -> Any:
        self.place.tree = tree
        if tree.args.defaults or tree.args.kw_defaults:
            raise UnsupportedError("a lambda with defaults is not read; write a def")
        return Function(tree, "lambda", {}, scope, self.place.module)

    # operators ----------------------------------------------------------------------------------------------------------

    def _binop(self, tree: ast.BinOp, scope: Scope) -> Any:
        """A chain a + b + c leans to the left: it is walked, not recursed into."""
        chain = [tree]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        if len(sum_ := list(takewhile(lambda link: isinstance(link.op, ast.Add), chain))) > LONG_CHAIN:
            parts = [sum_[-1].left, *(link.right for link in reversed(sum_))]
            return self._long_sum(tree, [self.evaluate(part, scope) for part in parts])
        left = self.evaluate(chain[-1].left, scope)
        for link in reversed(chain):
            right = self.evaluate(link.right, scope)
            self.place.tree = link
            self.step()
            left = self.operated(link.op, left, right, (link.left, link.right))
        return left

    def operated(self, op: ast.operator, left: Any, right: Any, trees: tuple[ast.expr, ast.expr]) -> Any:
        """What an operator makes: of two conditions & and | make a third, and + would make an `or` of them."""
        if not isinstance(left, Array) and not isinstance(right, Array):
            return binary_operation(op, left, right, trees)
        if isinstance(op, ast.Add | ast.Sub | ast.MatMult) and _all_truths([left, right]):
            raise UnsupportedError(TRUTHS)
        value = binary_operation(op, plain_array(left), plain_array(right), trees)
        return self.made(value, [left, right], TRUTH if isinstance(op, ast.BitAnd | ast.BitOr | ast.BitXor) else "")

    def _long_sum(self, tree: ast.BinOp, terms: list[Any]) -> Any:
        """One sum of many terms at once: term by term it would be flattened anew each time."""
        self.place.tree = tree
        if all(isinstance(x, Array) for x in terms):
            if _all_truths(terms[:2]):
                raise UnsupportedError(TRUTHS)
            return self.made(OPERATORS["add"](*map(plain_array, terms)), terms)
        total = terms[0]
        for value in terms[1:]:
            total = self.operated(ast.Add(), total, value, (tree.left, tree.right))
        return total

    def _unaryop(self, tree: ast.UnaryOp, scope: Scope) -> Any:
        value = self.evaluate(tree.operand, scope)
        self.place.tree = tree
        return self.made(unary_operation(tree.op, plain_array(value)), [value], TRUTH if isinstance(tree.op, ast.Invert) else "")

    def _boolop(self, tree: ast.BoolOp, scope: Scope) -> Any:
        """Python's own: the operand that decides is the value."""
        stop = isinstance(tree.op, ast.Or)
        for part in tree.values:
            value = self.evaluate(part, scope)
            self.place.tree = part
            if static.truth(value) is stop:
                break
        return value

    def _compare(self, tree: ast.Compare, scope: Scope) -> Any:
        left = self.evaluate(tree.left, scope)
        result: Any = True
        for op, part in zip(tree.ops, tree.comparators, strict=True):
            right = self.evaluate(part, scope)
            self.place.tree = tree
            result = self.made(compared(op, plain_array(left), plain_array(right), part), [left, right], TRUTH)
            if isinstance(result, Array) and len(tree.ops) > 1:
                raise UnsupportedError("a chained comparison of arrays is not read; write (a < x) & (x < b)")
            if result is False:
                return False
            left = right
        return result

    def _ifexp(self, tree: ast.IfExp, scope: Scope) -> Any:
        test = self.evaluate(tree.test, scope)
        self.place.tree = tree.test
        return self.evaluate(tree.body if static.truth(test) else tree.orelse, scope)

    # comprehensions -----------------------------------------------------------------------------------------------------

    def _listcomp(self, tree: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Any:
        return [self.evaluate(tree.elt, inner) for inner in self._generated(tree.generators, scope.new_child())]

    _generatorexp = _listcomp

    def _dictcomp(self, tree: ast.DictComp, scope: Scope) -> Any:
        inner = self._generated(tree.generators, scope.new_child())
        return {self._key(tree.key, s): self.evaluate(tree.value, s) for s in inner}

    def _generated(self, generators: list[ast.comprehension], scope: Scope) -> Iterator[Scope]:
        """The scope at every step of `for ... in ... if ...`: one scope, as in Python."""
        first, *rest = generators
        for item in static.items(self.evaluate(first.iter, scope)):
            self.step()
            self._unpack(first.target, item, scope)
            if all(static.truth(self.evaluate(test, scope)) for test in first.ifs):
                if rest:
                    yield from self._generated(rest, scope)
                else:
                    yield scope

    def _unpack(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """A value under local names that make no equation."""
        if isinstance(target, ast.Name):
            scope[target.id] = value
            return
        for part, one in parts_of(target, value):
            self._unpack(part, one, scope)

    # access -------------------------------------------------------------------------------------------------------------

    def _attribute(self, tree: ast.Attribute, scope: Scope) -> Any:
        owner = self.evaluate(tree.value, scope)
        self.place.tree = tree
        if isinstance(owner, ModuleName):
            return ACTS[tree.attr] if self._is_act(owner, tree.attr) else owner.attribute(tree.attr)
        if isinstance(owner, Array | ArrayUpdate):
            return attribute_act(owner, tree.attr)
        if isinstance(owner, dict) and tree.attr in ("keys", "values", "items"):
            return lambda: list(getattr(owner, tree.attr)())
        if isinstance(owner, tuple) and tree.attr in getattr(owner, "_fields", ()):
            return getattr(owner, tree.attr)
        raise UnsupportedError(f"the attribute .{tree.attr} of {kind(owner)} is not read")

    def _is_act(self, owner: ModuleName, name: str) -> bool:
        dialect = dialect_of(owner.path)
        return dialect is not None and dialect.mutable and name in ACTS

    def _subscript(self, tree: ast.Subscript, scope: Scope) -> Any:
        value = self.evaluate(tree.value, scope)
        index = self.index(tree.slice, scope)
        self.place.tree = tree
        if isinstance(value, Updates):
            whole = value.array.fresh(value.array.node)
            return ArrayUpdate(whole, self.spot(whole, index))
        if isinstance(value, Array):
            return self._indexed(operand(tree.value), value, index)
        if not isinstance(value, tuple | list | dict | str | range):
            raise InputError(f"{operand(tree.value)} is {kind(value)} and has no entries")
        try:
            return value[index]
        except (KeyError, IndexError, TypeError, ValueError):
            known = f"; its keys are {', '.join(map(str, value))}" if isinstance(value, dict) else ""
            raise InputError(f"there is no such entry{known}") from None

    def _indexed(self, name: str, X: Array, index: Any) -> Array:
        """A basic index is a view; labels make an array of their own."""
        entries = index if isinstance(index, tuple) else (index,)
        if not X.is_frozen and listed_places(index):
            rows: Array = self.array(rows_at(X.node, list(index)), X.library, X.kind)
            return rows
        index = plain_array(index if X.is_frozen else as_labels(index))
        if is_part(index):
            found: Array = X.view(lambda A: call(name, METHODS["__getitem__"], [A, index], {}), cell=any(e is ... for e in entries))
            return found
        value = call(name, METHODS["__getitem__"], [X.node, index], {})
        array: Array = self.array(value, X.library, X.kind, in_rows=False)
        return array

    def spot(self, X: Array, index: Any) -> Array | ArrayPlace:
        """What is written to under an index: a view, or a place that is told by values."""
        if isinstance(index, Array) and index.kind == TRUTH:
            return marked(X, index.node)
        index = plain_array(index)
        if not is_part(index):
            return place_in(X, index)
        found: Array = X.view(lambda A: call("an index", METHODS["__getitem__"], [A, index], {}), entry=True)
        return found

    def index(self, tree: ast.expr, scope: Scope) -> Any:
        match tree:
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(None if part is None else self.evaluate(part, scope) for part in (lower, upper, step)))
            case ast.Tuple(elts=parts):
                return tuple(self.index(part, scope) for part in parts)
            case ast.Call(func=ast.Name(id="range"), args=[bound], keywords=[]) if "range" not in scope and self.home is not JAX:
                return self.array(LANGUAGE["arange"](plain_array(self.evaluate(bound, scope))), self.home, WHOLE_ARRAY)
            case ast.Call(func=ast.Name(id="range"), args=bounds) if "range" not in scope:
                self.place.tree = tree
                raise UnsupportedError(f"a range is no index here; write np.arange({', '.join(map(operand, bounds))})")
        return self.evaluate(tree, scope)

    def _call(self, tree: ast.Call, scope: Scope) -> Any:
        function = self.evaluate(tree.func, scope)
        args = [self.evaluate(a, scope) for a in tree.args]
        self.place.tree = tree
        if any(k.arg is None for k in tree.keywords):
            raise UnsupportedError("a call with ** is not read; write the arguments out")
        kwargs = {str(k.arg): self.evaluate(k.value, scope) for k in tree.keywords}
        self.place.tree = tree
        if isinstance(function, Function):
            return self.inline(function, args, kwargs)
        if isinstance(function, str) and function in FLOATS:
            raise UnsupportedError(f"a type is not called here; all numbers are float64, so leave {function} out")
        if not callable(function) or isinstance(function, sympy.Basic):
            raise InputError(f"it is {kind(function)}, no function")
        if isinstance(function, Act):
            return function.run(self, args, kwargs)
        if isinstance(function, Method):
            return self._with_words(tree, function.function, function.array.library, None, [function.array, *args], kwargs)
        dialect = dialect_of(package_of(tree.func, self.place.module, scope))
        return self._with_words(tree, function, dialect or NUMPY, dialect, args, kwargs)

    def _with_words(
        self, tree: ast.Call, function: Any, words: Dialect, whose: Dialect | None, args: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        """A call with the keywords of a library, whose arrays it makes, unless the arguments say whose."""
        named = {"axis" if key == words.axis else key: value for key, value in kwargs.items()}
        out = named.pop("out", None) if words.mutable else None
        value = self._called(tree, function, whose, args, named)
        return value if out is None else self.into(out, value)

    @abstractmethod
    def into(self, out: Any, value: Any) -> Any:
        """An array into which the value is written as a whole."""

    def _called(self, tree: ast.Call, function: Any, dialect: Dialect | None, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """What a function of the language makes of its arguments; a method has its array in front of them."""
        name = operand(tree.func)
        if function in CONTAINERS:
            return call(name, function, args, kwargs)
        given = [*args, *kwargs.values()]
        if function in sums() and _all_truths(given):
            raise UnsupportedError(TRUTHS)
        whose = dialect or dialects_together([x.library for x in _arrays_in(given)] or [self.home])
        rest, named = [plain_array(a) for a in args[1:]], {k: plain_array(a) for k, a in kwargs.items()}
        if function in sharing() and args and isinstance(args[0], Array) and whose == args[0].library:
            shown = args[0].view(lambda X: call(name, function, [X, *rest], named), cell=function in cells())
            return axes_exchanged(shown, lambda x: _fixed(x) if function in fixing() and isinstance(x, Array) else x)
        value = call(name, function, [plain_array(a) for a in args], named)
        in_rows = function not in _unclear() and all(x.in_rows for x in _arrays_in(given))
        return axes_exchanged(value, lambda x: self._result(x, tree, function, args, kwargs, whose, in_rows))

    def _result(
        self, value: Any, tree: ast.Call, function: Any, args: list[Any], kwargs: dict[str, Any], whose: Dialect, in_rows: bool
    ) -> Any:
        if not isinstance(value, Node):
            return value
        found: Array = self.array(value, whose, kind_made(function, tree, args, kwargs, value), in_rows, function in cells())
        if whose.mutable and function in (LANGUAGE["empty"], LANGUAGE["empty_like"]):
            found.buffer.value = None
        return found


@cache
def _unclear() -> frozenset[Any]:
    """Functions whose results NumPy need not lay out row by row."""
    words = "einsum stack hstack column_stack take take_along_axis transpose swapaxes moveaxis".split()
    return frozenset(LANGUAGE[word] for word in words)


def _fixed(array: Array) -> Array:
    array.fixed = True
    return array


def _arrays_in(values: Sequence[Any]) -> Iterator[Array]:
    """The arrays among the arguments of a function, and in the lists among them."""
    stack, seen = list(values), set()
    while stack:
        one = stack.pop()
        if isinstance(one, Array):
            yield one
        elif isinstance(one, tuple | list | dict) and id(one) not in seen:
            seen.add(id(one))
            stack.extend(one.values() if isinstance(one, dict) else one)


def _all_truths(values: Sequence[Any]) -> bool:
    arrays = [x for x in values if isinstance(x, Array)]
    return len(arrays) == len(values) and all(x.kind == TRUTH for x in arrays)


def parts_of(target: ast.expr, value: Any) -> list[tuple[ast.expr, Any]]:
    """The names of `a, b = value`, each with its part."""
    if not isinstance(target, ast.Tuple | ast.List):
        raise UnsupportedError("only names, and entries of arrays, lists and dicts, are assigned")
    if isinstance(value, dict):
        raise InputError("a dict does not unpack into names; read its entries by key")
    if not isinstance(value, Array | tuple | list | range):
        raise InputError(f"{kind(value)} does not unpack into names")
    if any(isinstance(part, ast.Starred) for part in target.elts):
        raise UnsupportedError("a starred name is not read; name every part")
    values = static.items(value)
    if len(values) != len(target.elts):
        raise InputError(f"{len(values)} values for {len(target.elts)} names")
    return list(zip(target.elts, values, strict=True))
