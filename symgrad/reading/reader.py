"""The statements of one function, read in order: every assignment of an array becomes a named equation."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

import sympy

from symgrad.core.budget import budgeted, limit
from symgrad.core.op import Node, as_node, variable
from symgrad.core.program import Equation, Origin, Program, fresh
from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.ops.integers import facts
from symgrad.reading import static
from symgrad.reading.annotations import check_identifier
from symgrad.reading.calls import Function, kind
from symgrad.reading.checks import check_definition
from symgrad.reading.expressions import Expressions, Scope, parts_of
from symgrad.reading.inputs import Inputs
from symgrad.reading.live import Live, read_live
from symgrad.reading.memory import Made, Origins, as_assignment, check_in_place, is_jaxs, parts, shared
from symgrad.reading.messages import Place
from symgrad.reading.module import HARMLESS, Module, decorator_name, defaults
from symgrad.reading.names import global_name
from symgrad.reading.operators import binary
from symgrad.reading.refused import STATEMENTS

DEEPEST_CALL = 32
DEEPEST_VALUE = 16
"""Operations inside one another that have no name; what is deeper, such as a list that grows by its last entry, gets names."""


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
        super().__init__(Place(module, ast.Pass(), ast.Pass()))
        self.module = module
        self.closure = closure
        self.equations: list[Equation] = []
        self.taken: set[str] = set()
        self.counts: dict[str, int] = {}
        self.active: list[ast.AST] = []
        self.depths: dict[Node, int] = {}

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
        self.memory.jaxs = is_jaxs(function, self.module)
        outer: Scope = ChainMap({name: Live(value) for name, value in self.closure.items()})
        inputs = Inputs(function, shapes, self.place)
        scope = inputs.declare(lambda default: self.evaluate(default, outer))
        self.taken = {str(v) for v in inputs.nodes}
        self.active.append(function)
        result = self._body(function.body, outer.new_child(dict(scope)))
        numbers = {n: v for n, v in self.closure.items() if isinstance(v, int | float)}
        origin = Origin(function, self.module, numbers, scope)
        value = self._output(function, result)
        return Program(function.name, tuple(inputs.nodes), tuple(self.equations), (value,), self.module.filename, origin)

    def _output(self, function: ast.FunctionDef, result: Any) -> Node:
        if result is None:
            self.place.statement = self.place.tree = function
            raise InputError("it returns nothing; return the value to differentiate")
        self.place.tree = self.place.statement
        self.memory.read(result, self.made, self.place)
        if isinstance(result, tuple | dict | list):
            raise UnsupportedError("several values are returned; return the one to differentiate")
        if isinstance(result, bool) or not isinstance(result, Node | int | sympy.Expr):
            raise InputError(f"{kind(result)} is returned; return the value to differentiate")
        value = as_node(result)
        if value in {eq.symbol for eq in self.equations}:
            return value
        names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        return self._equation(fresh("f", self.taken | names), value)

    def _fresh(self, name: str) -> str:
        """As `fresh`, but a loop that rebinds a name a thousand times does not count from the start each time."""
        if name not in self.taken:
            return name
        count = self.counts.get(name, 1) + 1
        while f"{name}_{count}" in self.taken:
            count += 1
        self.counts[name] = count
        return f"{name}_{count}"

    def shallow(self, value: Node) -> Node:
        return value if self._depth(value) <= DEEPEST_VALUE else self._equation(self._fresh("part"), value)

    def _depth(self, root: Node) -> int:
        stack = [root]
        while stack and root not in self.depths:
            node = stack[-1]
            unknown = [a for a in node.args if a not in self.depths]
            stack.extend(unknown)
            if not unknown:
                self.depths[stack.pop()] = 1 + max((self.depths[a] for a in node.args), default=-1)
        return self.depths[root]

    # names --------------------------------------------------------------------------------------------------------------

    def name(self, name: str, scope: Scope) -> Any:
        if name not in scope:
            return global_name(name, self.place.module, self._file_constant, scope)
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
        here = Place(self.place.module, self.place.statement, self.place.tree)
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
                result, made = self.operand(value, scope)
                for target in targets:
                    self._bind(target, result, scope, made if len(targets) == 1 else shared(made))
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self._bind(target, self.evaluate(value, scope), scope, self.made)
            case ast.AugAssign(target=ast.Name()):
                self._augment(statement, scope)
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
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Assert():
                pass
            case ast.Break():
                raise _Broken
            case ast.Continue():
                raise _Continued
            case _:
                way = STATEMENTS.get(type(statement), "it is not read; write assignments, loops over literal ranges and a return")
                raise UnsupportedError(way)

    def _augment(self, statement: ast.AugAssign, scope: Scope) -> None:
        target = statement.target
        assert isinstance(target, ast.Name)
        left, (right, made) = self.name(target.id, scope), self.operand(statement.value, scope)
        self.place.tree = statement
        if isinstance(left, list):
            right = list(static.items(right)) if isinstance(statement.op, ast.Add) else right
            left[:] = binary(statement.op, left, right, (target, statement.value))
            return
        old = self.memory.of(left)
        result = self.operated(statement.op, (left, old), (right, made))
        value = binary(statement.op, left, right, (target, statement.value))
        if isinstance(left, Node):
            check_in_place(left, right, value, statement, old)
            scope[target.id] = self._written(target.id, left, value, statement)
        else:
            self._bind(target, value, scope, result)

    def _written(self, name: str, old: Node, value: Node, statement: ast.AugAssign) -> Node:
        """The symbol of what an array holds once it was changed in place."""
        symbol = self._equation(self._fresh(check_identifier(name)), value)
        self.memory.change(name, old, symbol, Place(self.place.module, statement, statement), as_assignment(statement))
        return symbol

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
            self._bind(statement.target, item, scope, Made())
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

    def _bind(self, target: ast.expr, value: Any, scope: Scope, made: Origins) -> None:
        self.place.tree = target
        if not isinstance(target, ast.Name):
            pairs = parts_of(target, value)
            for (part, one), origin in zip(pairs, parts(made, len(pairs)), strict=True):
                self._bind(part, one, scope, origin)
            return
        name = check_identifier(target.id)
        if name == "_":
            return
        scope[name] = self._named(name, value, made) if isinstance(value, Node) else value

    def _named(self, name: str, value: Node, made: Origins) -> Node:
        """The symbol of an equation of this name, which may stand for memory that others hold."""
        self.memory.read(value, made, self.place)
        symbol = self._equation(self._fresh(name), value)
        self.memory.bind(name, symbol, value, made if isinstance(made, Made) else Made())
        return symbol

    def _equation(self, name: str, value: Node) -> Node:
        if len(self.equations) >= (most := limit("equations")):
            raise UnsupportedError(f"more than {most} equations; shorten the loops")
        if name.startswith("_"):
            name = self._fresh(name.lstrip("_"))  # names in front of which export puts an underscore are its own
        self.taken.add(name)
        symbol = variable(name, value.shape, facts(value))
        self.equations.append(Equation(symbol, value, getattr(self.place.statement, "lineno", 0)))
        return symbol
