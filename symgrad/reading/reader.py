"""The statements of one function, read in order: every assignment of an array becomes a named equation."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import sympy

from symgrad.core.budget import budgeted
from symgrad.core.op import Node, as_node, value_of
from symgrad.core.program import Origin, Program, fresh
from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.reading import static
from symgrad.reading.acts import Act
from symgrad.reading.annotations import check_identifier
from symgrad.reading.arrays import Array, axes_exchanged, plain_array
from symgrad.reading.calls import Function, kind
from symgrad.reading.checks import check_definition
from symgrad.reading.dialects import EITHER
from symgrad.reading.expressions import Expressions, Scope, parts_of
from symgrad.reading.inputs import Inputs
from symgrad.reading.live import Live, read_live
from symgrad.reading.memory import as_assignment, check_in_place, home
from symgrad.reading.messages import SourcePlace
from symgrad.reading.module import HARMLESS, Module, decorator_name, defaults
from symgrad.reading.names import global_name
from symgrad.reading.operators import binary_operation
from symgrad.reading.refused import REFUSED_STATEMENTS
from symgrad.reading.writes import augment_part, doubtful, into, store

DEEPEST_CALL = 32


class _Returned(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


class _Broken(Exception):
    pass


class _Continued(Exception):
    pass


class Reader(Expressions):
    """Walks the statements of one function and of the functions it calls."""

    def __init__(self, module: Module, closure: Mapping[str, Any]) -> None:
        super().__init__(SourcePlace(module, ast.Pass(), ast.Pass()))
        self.module = module
        self.closure = closure
        self.active: list[ast.AST] = []

    # the function -------------------------------------------------------------------------------------------------------

    @budgeted("reading")
    def read(self, function: ast.FunctionDef, shapes: dict[str, Any]) -> Program:
        """The Program of a definition; whatever fails is one line with its place."""
        self.place.statement = self.place.tree = function
        try:
            return self._read(function, shapes)
        except (RecursionError, MemoryError):
            raise InputError(f"{function.name} ({self.module.filename}) is nested too deeply; name intermediate results") from None
        except SymgradError as error:
            raise self.place.located(error) from None

    def _read(self, function: ast.FunctionDef, shapes: dict[str, Any]) -> Program:
        check_definition(function, self.place)
        self.home = home(function, self.module)
        outer: Scope = ChainMap({name: Live(value) for name, value in self.closure.items()})
        inputs = Inputs(function, shapes, self.place)
        scope = inputs.declare(lambda default: self.evaluate(default, outer))
        self.builder.take(inputs.nodes)
        self.active.append(function)
        result = self._body(function.body, outer.new_child({name: self._held(name, value) for name, value in scope.items()}))
        numbers = {n: v for n, v in self.closure.items() if isinstance(v, int | float)}
        origin = Origin(function, self.module, numbers, scope)
        value = self._output(function, result)
        return Program(function.name, tuple(inputs.nodes), tuple(self.builder.equations), (value,), self.module.filename, origin)

    def _held(self, name: str, value: Any) -> Any:
        """An argument as the reader holds it: arrays under their names, in containers of their own."""

        def held(x: Any) -> Any:
            array = self.array(x, self.home)
            if isinstance(array, Array) and array is not x:
                array.buffer.name = str(x.params["name"]) if "name" in x.params else name
            return array

        return axes_exchanged(value, held)

    def _output(self, function: ast.FunctionDef, result: Any) -> Node:
        if result is None:
            self.place.statement = self.place.tree = function
            raise InputError("it returns nothing; return the value to differentiate")
        self.place.tree = self.place.statement
        result = plain_array(result)
        if isinstance(result, tuple | dict | list):
            raise UnsupportedError("several values are returned; return the one to differentiate")
        if isinstance(result, bool) or not isinstance(result, Node | int | sympy.Expr):
            raise InputError(f"{kind(result)} is returned; return the value to differentiate")
        value = as_node(result)
        if value in {eq.symbol for eq in self.builder.equations}:
            return value
        names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        return self.builder.named(fresh("f", self.builder.taken | names), value)

    # names --------------------------------------------------------------------------------------------------------------

    def name(self, name: str, scope: Scope) -> Any:
        if name not in scope:
            return global_name(name, self.place.module, lambda tree, inner: plain_array(self._file_constant(tree, inner)), scope)
        value = scope[name]
        return read_live(name, value.value, self.module.live) if isinstance(value, Live) else value

    def _file_constant(self, tree: ast.expr, scope: Scope) -> Any:
        """A constant of the file; one that reads itself is caught as a function that calls itself is."""
        if any(tree is active for active in self.active):
            raise InputError("it refers to itself")
        place = self.place.tree
        self.active.append(tree)
        try:
            return self.evaluate(tree, scope)
        finally:
            self.active.pop()
            self.place.tree = place

    def inline(self, function: Function, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The body of the user's function, its names kept, as if it stood here."""
        tree = function.tree
        if any(tree is active for active in self.active) or len(self.active) > DEEPEST_CALL:
            raise UnsupportedError("it calls itself; write the steps as a for loop over a literal range")
        here = SourcePlace(self.place.module, self.place.statement, self.place.tree)
        given = function.defaults or {n: self._file_constant(d, ChainMap({})) for n, d in defaults(tree).items()}
        bound = function.bind(args, kwargs, given)
        if isinstance(tree, ast.FunctionDef):
            self._check_helper(tree)
            self.place.module, self.place.statement, self.place.tree = function.module, tree, tree
            check_definition(tree, self.place)
        self.place.module = function.module
        self.active.append(tree)
        result = self._body(function.body, function.scope.new_child(bound))
        self.active.pop()
        self.place.module, self.place.statement, self.place.tree = here.module, here.statement, here.tree
        return result

    def _check_helper(self, tree: ast.FunctionDef) -> None:
        for decorator in tree.decorator_list:
            if (name := decorator_name(decorator)) not in HARMLESS:
                raise UnsupportedError(f"what the decorator {name} does is not read; call a plain function")

    # statements ---------------------------------------------------------------------------------------------------------

    def _body(self, body: list[ast.stmt], scope: Scope) -> Any:
        try:
            self._run(body, scope)
        except _Returned as returned:
            return returned.value
        except (_Broken, _Continued):
            raise InputError("it stands outside a loop") from None
        return None

    def _run(self, body: list[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self.step()
            self.place.statement = self.place.tree = statement
            self._statement(statement, scope)

    def _statement(self, statement: ast.stmt, scope: Scope) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                result = self.evaluate(value, scope)
                for target in targets:
                    self._bind(target, result, scope)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self._bind(target, self.evaluate(value, scope), scope)
            case ast.AugAssign(target=ast.Name()):
                self._augment(statement, scope)
            case ast.AugAssign(target=ast.Subscript()):
                augment_part(self, statement, scope)
            case ast.Return(value=value):
                raise _Returned(None if value is None else self.evaluate(value, scope))
            case ast.For(orelse=[]):
                self._loop(statement, scope)
            case ast.If(test=test, body=body, orelse=orelse):
                decision = self.evaluate(test, scope)
                self.place.tree = test
                self._run(body if static.truth(decision) else orelse, scope)
            case ast.FunctionDef(name=name):
                scope[name] = self._local_function(statement, scope)
            case ast.Import() | ast.ImportFrom():
                self.place.module.collect(statement)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item], keywords=[])):
                self._append(name, self.evaluate(item, scope), scope)
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"))) if "print" not in scope:
                raise UnsupportedError("print is not read; leave it out of the forward pass")
            case ast.Expr(value=ast.Call() as call):
                self._act(call, scope)
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Assert():
                pass
            case ast.Break():
                raise _Broken
            case ast.Continue():
                raise _Continued
            case _:
                way = REFUSED_STATEMENTS.get(
                    type(statement), "it is not read; write assignments, loops over literal ranges and a return"
                )
                raise UnsupportedError(way)

    # acts in place ------------------------------------------------------------------------------------------------------

    def _augment(self, statement: ast.AugAssign, scope: Scope) -> None:
        target = statement.target
        assert isinstance(target, ast.Name)
        left, right = self.name(target.id, scope), self.evaluate(statement.value, scope)
        self.place.tree = statement
        if isinstance(left, list):
            right = list(static.items(right)) if isinstance(statement.op, ast.Add) else right
            left[:] = binary_operation(statement.op, left, right, (target, statement.value))
            return
        self._bind_changed(target.id, left, self.operated(statement.op, left, right, (target, statement.value)), right, scope)

    def _bind_changed(self, name: str, left: Any, result: Any, right: Any, scope: Scope) -> None:
        statement = self.place.statement
        assert isinstance(statement, ast.AugAssign)
        if not isinstance(left, Array):
            self._bind(statement.target, result, scope)
            return
        check_in_place(left, plain_array(right), result.node, statement)
        symbol = self.builder.equation(check_identifier(name), result.node)
        if left.changes:
            left.write(symbol, doubtful(self, as_assignment(statement)))
            return
        if left.library is EITHER and (left.ndim or left.cell):
            left.buffer.doubt = partial(doubtful(self, as_assignment(statement)), left.buffer.name or name)
        scope[name] = self._as(result, symbol, name)

    def _as(self, array: Array, symbol: Node, name: str) -> Array:
        """The same array under a symbol."""
        array.buffer.value, array.buffer.name, array.seen = symbol, name, (array.buffer.version, symbol)
        return array

    def into(self, out: Any, value: Any) -> Any:
        return into(self, out, value)

    def _act(self, call: ast.Call, scope: Scope) -> None:
        """A call whose result is dropped: a function that writes into its arguments."""
        function = self.evaluate(call.func, scope)
        writes = isinstance(function, Function | Act) or any(k.arg == "out" for k in call.keywords)
        if not writes:
            self.place.tree = self.place.statement
            raise UnsupportedError(REFUSED_STATEMENTS[ast.Expr])
        self.evaluate(call, scope)

    def _append(self, name: str, item: Any, scope: Scope) -> None:
        owner = self.name(name, scope)
        if not isinstance(owner, list):
            raise UnsupportedError(f"{name} is {kind(owner)}; only lists are appended to")
        owner.append(item)

    def _loop(self, statement: ast.For, scope: Scope) -> None:
        values = self.evaluate(statement.iter, scope)
        self.place.tree = statement.iter
        for item in static.items(values):
            self.step()
            self.place.statement = self.place.tree = statement
            self._bind(statement.target, self._now(item), scope)
            try:
                self._run(statement.body, scope)
            except _Continued:
                continue
            except _Broken:
                break

    def _local_function(self, tree: ast.FunctionDef, scope: Scope) -> Function:
        """Python evaluates the defaults of a nested function where it stands, and applies its decorators."""
        self._check_helper(tree)
        values = {name: self.evaluate(default, scope) for name, default in defaults(tree).items()}
        return Function(tree, tree.name, values, scope, self.place.module)

    def _now(self, item: Any) -> Any:
        """An item of a loop; NumPy reads entries one by one, and these were read before the first step."""
        for one in item if isinstance(item, tuple) else (item,):
            if isinstance(one, Array) and one.taken is not None and one.taken[1] != one.taken[0].version:
                raise UnsupportedError("the loop writes into the array that it runs over; loop over its indices")
        return item

    def _bind(self, target: ast.expr, value: Any, scope: Scope) -> None:
        self.place.tree = target
        if isinstance(target, ast.Subscript):
            store(self, target, value, scope)
            return
        if not isinstance(target, ast.Name):
            for part, one in parts_of(target, value):
                self._bind(part, one, scope)
            return
        name = check_identifier(target.id)
        if name == "_":
            return
        scope[name] = self._named(name, value) if isinstance(value, Array) else value

    def _named(self, name: str, array: Array) -> Array:
        """The array under a symbol of its own; one filled with a number waits for what is written into it."""
        buffer = array.buffer
        if not buffer.name and not array.steps and not buffer.writes:
            if array.changes and (buffer.value is None or value_of(buffer.value) is not None):
                buffer.name, buffer.waits = name, True
                return array
            return self._as(array, self.builder.equation(name, array.node), name)
        symbol = self.builder.equation(name, array.node)
        return replace(array, seen=(buffer.version, symbol))
