"""Expressions of the source to values: arrays become nodes, numbers and shapes are decided on the spot."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any

import sympy

from symgrad.core.budget import limit, tick
from symgrad.core.language import METHODS
from symgrad.core.op import OPERATORS, Node
from symgrad.errors import InputError, UnsupportedError
from symgrad.reading import static
from symgrad.reading.annotations import check_entries
from symgrad.reading.calls import Function, call, kind
from symgrad.reading.memory import Made, Memory, Origins, cells, fixing, library, sharing, sums, truths
from symgrad.reading.messages import Place, operand
from symgrad.reading.operators import FACTS, array_attribute, binary, compared, unary
from symgrad.reading.refused import EXPRESSIONS
from symgrad.reading.words import FLOATS, ModuleName

Scope = ChainMap[str, Any]
LONG_CHAIN = 16
TRUTHS = "NumPy and jax join conditions by or here, or fail; write logical_or, or where(condition, 1, 0) to count with them"


class Expressions(ABC):
    """Evaluates expressions in a scope; what a name means and what a function's body does is said by the reader."""

    def __init__(self, place: Place) -> None:
        self.place, self.steps, self.most_steps = place, 0, limit("steps")
        self.memory = Memory()
        self.made: Origins = Made()
        """How the value that was evaluated last came about."""

    @abstractmethod
    def name(self, name: str, scope: Scope) -> Any:
        """The value of a name."""

    @abstractmethod
    def inline(self, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The value that a function of the user's returns."""

    @abstractmethod
    def shallow(self, value: Node) -> Node:
        """The value, under a name of its own where it is nested deeply."""

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
        self.made = Made()
        value = method(tree, scope)
        if not isinstance(value, Node):
            return value
        check_entries(value.shape)
        return self.shallow(value)

    def operand(self, tree: ast.expr, scope: Scope) -> tuple[Any, Origins]:
        """A value, and how it came about."""
        value = self.evaluate(tree, scope)
        return value, self.made

    def used(self, *operands: tuple[Any, Origins]) -> Made:
        """What is made of these, which are read here and now."""
        for value, made in operands:
            self.memory.read(value, made, self.place)
        arrays = [made for value, made in operands if isinstance(value, Node) and isinstance(made, Made)]
        return Made(new=True, jax=self.memory.jaxs or any(made.jax for made in arrays), fixed=any(made.fixed for made in arrays))

    # leaves -------------------------------------------------------------------------------------------------------------

    def _constant(self, tree: ast.Constant, scope: Scope) -> Any:
        self.place.tree = tree
        return static.written(tree.value)

    def _name(self, tree: ast.Name, scope: Scope) -> Any:
        self.place.tree = tree
        value = self.name(tree.id, scope)
        self.made = self.memory.of(value)
        return value

    def _tuple(self, tree: ast.Tuple, scope: Scope) -> Any:
        found = [self.operand(part, scope) for part in tree.elts]
        self.made = tuple(made for _, made in found)
        return tuple(value for value, _ in found)

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
            return self._long_sum(tree, [self.operand(part, scope) for part in parts])
        left, made = self.operand(chain[-1].left, scope)
        for link in reversed(chain):
            right, others = self.operand(link.right, scope)
            self.place.tree = link
            self.step()
            result = self.operated(link.op, (left, made), (right, others))
            left, made = binary(link.op, left, right, (link.left, link.right)), result
            left = self.shallow(left) if isinstance(left, Node) else left
        self.made = made
        return left

    def operated(self, op: ast.operator, left: tuple[Any, Origins], right: tuple[Any, Origins]) -> Made:
        """What an operator makes: of two conditions & and | make a third, and + would make an `or` of them."""
        if isinstance(op, ast.Add | ast.Sub | ast.MatMult) and _all_truths([left, right]):
            raise UnsupportedError(TRUTHS)
        return replace(self.used(left, right), truth=isinstance(op, ast.BitAnd | ast.BitOr | ast.BitXor))

    def _long_sum(self, tree: ast.BinOp, terms: list[tuple[Any, Origins]]) -> Any:
        """One sum of many terms at once: term by term it would be flattened anew each time."""
        self.place.tree = tree
        if _all_truths(terms[:2]):
            raise UnsupportedError(TRUTHS)
        values = [value for value, _ in terms]
        self.made = self.used(*terms)
        if all(isinstance(x, Node) for x in values):
            return OPERATORS["add"](*values)
        total = values[0]
        for value in values[1:]:
            total = binary(ast.Add(), total, value, (tree.left, tree.right))
        return total

    def _unaryop(self, tree: ast.UnaryOp, scope: Scope) -> Any:
        value, made = self.operand(tree.operand, scope)
        self.place.tree = tree
        self.made = replace(self.used((value, made)), truth=isinstance(tree.op, ast.Invert))
        return unary(tree.op, value)

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
        left, made = self.operand(tree.left, scope)
        result: Any = True
        for op, part in zip(tree.ops, tree.comparators, strict=True):
            right, others = self.operand(part, scope)
            self.place.tree = tree
            self.made = replace(self.used((left, made), (right, others)), truth=True)
            result = compared(op, left, right, part)
            if isinstance(result, Node) and len(tree.ops) > 1:
                raise UnsupportedError("a chained comparison of arrays is not read; write (a < x) & (x < b)")
            if result is False:
                return False
            left, made = right, others
        return result

    def _ifexp(self, tree: ast.IfExp, scope: Scope) -> Any:
        test = self.evaluate(tree.test, scope)
        self.place.tree = tree.test
        return self.evaluate(tree.body if static.truth(test) else tree.orelse, scope)

    # comprehensions -----------------------------------------------------------------------------------------------------

    def _listcomp(self, tree: ast.ListComp | ast.GeneratorExp, scope: Scope) -> Any:
        found = [self.evaluate(tree.elt, inner) for inner in self._generated(tree.generators, scope.new_child())]
        self.made = Made()
        return found

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
        owner, made = self.operand(tree.value, scope)
        self.place.tree = tree
        if isinstance(owner, ModuleName):
            return owner.attribute(tree.attr)
        if isinstance(owner, Node):
            if tree.attr not in FACTS:
                self.made = replace(self.used((owner, made)), new=False)
            return array_attribute(owner, tree.attr)
        if isinstance(owner, dict) and tree.attr in ("keys", "values", "items"):
            return lambda: list(getattr(owner, tree.attr)())
        if isinstance(owner, tuple) and tree.attr in getattr(owner, "_fields", ()):
            return getattr(owner, tree.attr)
        raise UnsupportedError(f"the attribute .{tree.attr} of {kind(owner)} is not read")

    def _subscript(self, tree: ast.Subscript, scope: Scope) -> Any:
        value, made = self.operand(tree.value, scope)
        index = self.index(tree.slice, scope)
        self.place.tree = tree
        if isinstance(value, Node):
            return self._indexed(operand(tree.value), (value, made), index)
        self.made = Made(jax=self.memory.jaxs)
        if not isinstance(value, tuple | list | dict | str | range):
            raise InputError(f"{operand(tree.value)} is {kind(value)} and has no entries")
        try:
            return value[index]
        except (KeyError, IndexError, TypeError, ValueError):
            known = f"; its keys are {', '.join(map(str, value))}" if isinstance(value, dict) else ""
            raise InputError(f"there is no such entry{known}") from None

    def _indexed(self, name: str, owner: tuple[Any, Origins], index: Any) -> Node:
        """A basic index is a view; labels make an array of their own."""
        result = self.used(owner, (index, Made()))
        X: Node = call(name, METHODS["__getitem__"], [owner[0], index], {})
        entries = index if isinstance(index, tuple) else (index,)
        truth = isinstance(owner[1], Made) and owner[1].truth
        self.made = replace(result, new=any(isinstance(e, Node) for e in entries), cell=any(e is ... for e in entries), truth=truth)
        return X

    def index(self, tree: ast.expr, scope: Scope) -> Any:
        match tree:
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(None if part is None else self.evaluate(part, scope) for part in (lower, upper, step)))
            case ast.Tuple(elts=parts):
                return tuple(self.index(part, scope) for part in parts)
            case ast.Call(func=ast.Name(id="range"), args=bounds) if "range" not in scope:
                self.place.tree = tree
                raise UnsupportedError(f"a range is no index here; write np.arange({', '.join(map(operand, bounds))})")
        return self.evaluate(tree, scope)

    def _call(self, tree: ast.Call, scope: Scope) -> Any:
        function, owner = self.operand(tree.func, scope)
        given = [self.operand(a, scope) for a in tree.args]
        self.place.tree = tree
        if any(k.arg is None for k in tree.keywords):
            raise UnsupportedError("a call with ** is not read; write the arguments out")
        named = {str(k.arg): self.operand(k.value, scope) for k in tree.keywords}
        args, kwargs = [value for value, _ in given], {name: value for name, (value, _) in named.items()}
        self.place.tree = tree
        if isinstance(function, Function):
            return self.inline(function, args, kwargs)
        if isinstance(function, str) and function in FLOATS:
            raise UnsupportedError(f"a type is not called here; all numbers are float64, so leave {function} out")
        if not callable(function) or isinstance(function, sympy.Basic):
            raise InputError(f"it is {kind(function)}, no function")
        made = self._called(tree, function, owner, [*given, *named.values()], scope)
        value = call(operand(tree.func), function, args, kwargs)
        self.made = made
        return value

    def _called(self, tree: ast.Call, function: Any, owner: Origins, given: list[tuple[Any, Origins]], scope: Scope) -> Made:
        """What a function of the language makes of its arguments; a method has its array with it."""
        if isinstance(tree.func, ast.Name) and tree.func.id == "len":
            return Made()
        method = isinstance(function, partial)
        function, operands = (function.func, [(function.args[0], owner), *given]) if method else (function, given)
        made = self.used(*operands)
        if function in sums() and _all_truths(operands):
            raise UnsupportedError(TRUTHS)
        package = "" if method else library(tree.func, self.place.module, scope)
        return Made(
            new=function not in sharing(),
            fixed=function in fixing() or (made.fixed and function in sharing()),
            cell=function in cells(),
            truth=function in truths(),
            jax=made.jax if package in ("", "autograd") else package == "jax",
        )


def _all_truths(operands: Sequence[tuple[Any, Origins]]) -> bool:
    arrays = [made for value, made in operands if isinstance(value, Node)]
    return len(arrays) == len(operands) and all(isinstance(made, Made) and made.truth for made in arrays)


def parts_of(target: ast.expr, value: Any) -> list[tuple[ast.expr, Any]]:
    """The names of `a, b = value`, each with its part."""
    if not isinstance(target, ast.Tuple | ast.List):
        raise UnsupportedError("only names are assigned; for X[i] = v write where or concatenate")
    if isinstance(value, dict):
        raise InputError("a dict does not unpack into names; read its entries by key")
    if not isinstance(value, Node | tuple | list | range):
        raise InputError(f"{kind(value)} does not unpack into names")
    if any(isinstance(part, ast.Starred) for part in target.elts):
        raise UnsupportedError("a starred name is not read; name every part")
    values = static.items(value)
    if len(values) != len(target.elts):
        raise InputError(f"{len(values)} values for {len(target.elts)} names")
    return list(zip(target.elts, values, strict=True))
