"""A Python function to a Program, by its syntax tree alone: nothing of it is ever executed."""

from __future__ import annotations

import ast
import difflib
import inspect
import io
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.language import LANGUAGE, METHODS, REFUSED
from symgrad.op import OPERATORS, VARIABLE, Node, as_node, variable
from symgrad.ops.arithmetic import bounded_power
from symgrad.ops.generic import Generic
from symgrad.program import Equation, Origin, Program, fresh
from symgrad.reading.annotations import FUNCTIONS, Declaration, check_identifier, declare

LONGEST_SOURCE = 1_000_000
MOST_EQUATIONS = 20_000
DEEPEST_CALL = 32

_MODULES = frozenset("np jnp numpy jax scipy sp jsp nn linalg special lax math".split())
_CONSTANTS = {"pi": sympy.pi, "e": sympy.E, "inf": sympy.oo, "newaxis": None}
_BUILTINS = frozenset({"sum", "max", "min"})


@dataclass(frozen=True)
class Function:
    """A function of the user's that is inlined where it is called."""

    name: str
    parameters: tuple[str, ...]
    defaults: dict[str, ast.expr]
    body: list[ast.stmt]


@dataclass
class Module:
    """What the file around the function offers: its functions, constants and imported names."""

    text: str
    filename: str
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    has_imports: bool = False


def parse_module(text: str, filename: str) -> Module:
    """The tree of a source text, with everything Python itself may stumble over turned into one clear line."""
    if len(text) > LONGEST_SOURCE:
        raise InputError(f"{filename}: the source is longer than {LONGEST_SOURCE} characters")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        piece = (error.text or "").strip()[:60]
        raise InputError(f'{filename}, line {error.lineno}: no Python, {error.msg} in "{piece}"') from None
    except ValueError as error:
        raise InputError(f"{filename}: no Python, {error}") from None
    except (RecursionError, MemoryError):
        raise InputError(f"{filename}: the source is nested too deeply; name intermediate results") from None
    module = Module(text, filename)
    for statement in tree.body:
        _collect(module, statement)
    return module


def _collect(module: Module, statement: ast.stmt) -> None:
    match statement:
        case ast.FunctionDef():
            module.functions[statement.name] = statement
        case ast.Assign(targets=[ast.Name(id=name)]):
            module.constants[name] = statement.value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            module.constants[name] = value
        case ast.Import():
            module.has_imports = True
            module.modules |= {(a.asname or a.name).partition(".")[0] for a in statement.names}
        case ast.ImportFrom():
            module.has_imports = True
            for alias in statement.names:
                module.imported[alias.asname or alias.name] = alias.name


def choose(module: Module, name: str | None) -> ast.FunctionDef:
    """The function asked for, or the only one that declares shapes."""
    if name is not None:
        if name in module.functions:
            return module.functions[name]
        raise InputError(f"{module.filename} defines no function {name!r}; it defines {', '.join(module.functions) or 'none'}")
    declared = [f for f in module.functions.values() if any(a.annotation is not None for a in _arguments(f))]
    candidates = declared or list(module.functions.values())
    marked = [f for f in candidates if any("forward" in ast.dump(d) for d in f.decorator_list)]
    found = marked or candidates
    if len(found) == 1:
        return found[0]
    names = ", ".join(f.name for f in found)
    raise InputError(f"{module.filename} defines {'the functions ' + names if found else 'no function'}; say which, as FILE:FUNCTION")


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def read_function(fn: Callable[..., Any], shapes: dict[str, str]) -> Program:
    """The Program of a live function, from its source."""
    if not inspect.isfunction(fn):
        raise InputError(f"{fn!r} is no plain Python function; hand in the function itself, its source or its file")
    filename = (fn.__code__.co_filename or "<string>").replace("\\", "/").rpartition("/")[2]
    try:
        lines, start = inspect.getsourcelines(fn)
    except (OSError, TypeError):
        raise InputError(f"the source of {fn.__name__} is not available; hand it in as text") from None
    text = inspect.cleandoc("\n" + "".join(lines)) if lines[0][:1].isspace() else "".join(lines)
    own = parse_module(text, filename)
    module = _surroundings(fn, filename)
    for name, definition in own.functions.items():
        ast.increment_lineno(definition, start - 1)
        module.functions[name] = definition
    if fn.__name__ not in own.functions:
        raise UnsupportedError(f"{fn.__name__} ({filename}, line {start}) is no def; write it as one")
    reader = Reader(module, own.text, start - 1, _closure_numbers(fn))
    return reader.read(own.functions[fn.__name__], shapes)


def _surroundings(fn: Callable[..., Any], filename: str) -> Module:
    try:
        return parse_module(inspect.getsource(inspect.getmodule(fn)), filename)  # type: ignore[arg-type]
    except (OSError, TypeError, SymgradError):
        return Module("", filename)


def _closure_numbers(fn: Any) -> dict[str, Any]:
    names, cells = fn.__code__.co_freevars, fn.__closure__ or ()
    return {n: c.cell_contents for n, c in zip(names, cells, strict=True) if isinstance(c.cell_contents, int)}


def read_text(text: str, shapes: dict[str, str], filename: str = "<string>", function: str | None = None) -> Program:
    """The Program of a source text; of several functions, the one named."""
    module = parse_module(text, filename)
    return Reader(module, text, 0, {}).read(choose(module, function), shapes)


class _Returned(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


class Reader:
    """Walks the statements of one function, turning every assignment of an array into a named equation."""

    def __init__(self, module: Module, text: str, offset: int, closure: dict[str, Any]) -> None:
        self.module, self.closure = module, closure
        self.lines, self.offset = text.splitlines(), offset
        self.equations: list[Equation] = []
        self.inputs: list[Node] = []
        self.taken: set[str] = set()
        self.depth = 0
        self.at: ast.AST = ast.Pass(lineno=offset + 1)

    # the function -------------------------------------------------------------------------------------------------------

    def read(self, function: ast.FunctionDef, shapes: dict[str, str]) -> Program:
        try:
            self._check_names(function)
            scope = self._declare(function, shapes)
            origin = Origin(function, self.module, self.closure, dict(scope))
            result = self._call_body(function.body, scope)
            return replace(self._finish(function, result), origin=origin)
        except (RecursionError, MemoryError):
            raise InputError(f"{function.name} ({self.module.filename}) is nested too deeply; name intermediate results") from None
        except SymgradError as error:
            raise self._located(error) from None

    def _check_names(self, function: ast.FunctionDef) -> None:
        """Python folds full-width letters into plain ones, so names are checked as they were typed."""
        first, last = function.lineno - self.offset - 1, (function.end_lineno or function.lineno) - self.offset
        text = "\n".join(self.lines[max(first, 0) : last])
        try:
            for token in tokenize.generate_tokens(io.StringIO(inspect.cleandoc("\n" + text)).readline):
                if token.type == tokenize.NAME and not token.string.isascii():
                    check_identifier(token.string)
        except (tokenize.TokenError, IndentationError, SyntaxError):
            pass  # the tree was parsed already; only names matter here

    def _declare(self, function: ast.FunctionDef, shapes: dict[str, str]) -> dict[str, Any]:
        self.at = function
        if function.args.vararg or function.args.kwarg:
            raise UnsupportedError(f"{function.name} takes *args or **kwargs; name every input")
        arguments = _arguments(function)
        if unknown := sorted(set(shapes) - {a.arg for a in arguments}):
            raise InputError(f"{function.name} has no argument {unknown[0]!r}; it has {', '.join(a.arg for a in arguments)}")
        defaults = _defaults(function)
        scope: dict[str, Any] = {}
        for argument in arguments:
            self.at = argument
            name = check_identifier(argument.arg)
            if name not in shapes and argument.annotation is None and name in defaults:
                scope[name] = self.evaluate(defaults[name], scope)
                continue
            if name.startswith("_"):
                raise InputError(f"the input {name!r} starts with an underscore; rename it")
            scope[name] = self._input(name, shapes.get(name, argument.annotation))
        return scope

    def _input(self, name: str, annotation: Any) -> Any:
        if annotation is None:
            raise InputError(f'{name} has no shape; annotate it ({name}: "n d", "" for a scalar) or pass {name}="n d"')
        match _literal(annotation):
            case dict() as entries:
                return {key: self._leaf(self._entry_name(name, key), text) for key, text in entries.items()}
            case list() as entries:
                return tuple(self._leaf(self._entry_name(name, i), text) for i, text in enumerate(entries))
            case text:
                return self._leaf(name, text)

    def _entry_name(self, container: str, key: Any) -> str:
        return fresh(check_identifier(key) if isinstance(key, str) else f"{container}_{key}", self.taken)

    def _leaf(self, name: str, text: Any) -> Any:
        declaration: Declaration = declare(text, name)
        if kind := declaration.properties & FUNCTIONS:
            return Generic(name, min(kind))
        symbol = variable(name, declaration.shape, declaration.properties)
        self.inputs.append(symbol)
        self.taken.add(name)
        return symbol

    def _finish(self, function: ast.FunctionDef, result: Any) -> Program:
        if result is None:
            raise InputError(f"{function.name} returns nothing; return the value to differentiate")
        if isinstance(result, tuple | dict | list):
            raise UnsupportedError(f"{function.name} returns several values; return the one to differentiate")
        value = as_node(result) if not isinstance(result, Generic) else None
        if value is None:
            raise InputError(f"{function.name} returns a function; return the value to differentiate")
        if value not in {eq.symbol for eq in self.equations}:
            value = self._assign(fresh("f", self.taken | _all_names(function)), value)
        return Program(function.name, tuple(self.inputs), tuple(self.equations), (value,), self.module.filename)

    def _located(self, error: SymgradError) -> SymgradError:
        line = getattr(self.at, "lineno", self.offset + 1)
        index = line - self.offset - 1
        piece = self.lines[index].strip() if 0 <= index < len(self.lines) else ""
        piece = piece if len(piece) <= 100 else piece[:97] + "..."
        return type(error)(f'{error} in "{piece}" ({self.module.filename}, line {line})')

    # statements ---------------------------------------------------------------------------------------------------------

    def _call_body(self, body: list[ast.stmt], scope: dict[str, Any]) -> Any:
        try:
            self._run(body, scope)
        except _Returned as returned:
            return returned.value
        return None

    def _run(self, body: list[ast.stmt], scope: dict[str, Any]) -> None:
        for statement in body:
            self.at = statement
            self._statement(statement, scope)

    def _statement(self, statement: ast.stmt, scope: dict[str, Any]) -> None:
        match statement:
            case ast.Assign(targets=targets, value=value):
                result = self.evaluate(value, scope)
                for target in targets:
                    self._bind(target, result, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, self.evaluate(value, scope), scope)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                result = self._binary(op, self._name(name, scope), self.evaluate(value, scope))
                self._bind(ast.Name(id=name), result, scope)
            case ast.Return(value=value):
                raise _Returned(None if value is None else self.evaluate(value, scope))
            case ast.For(target=target, iter=iterable, body=body, orelse=[]):
                for item in self._items(iterable, scope):
                    self._bind(target, item, scope)
                    self._run(body, scope)
            case ast.If(test=test, body=body, orelse=orelse):
                self._run(body if self._decide(test, scope) else orelse, scope)
            case ast.FunctionDef(name=name):
                scope[name] = _function(statement)
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Assert() | ast.Import() | ast.ImportFrom():
                self._import(statement)
            case _:
                self._refuse_statement(statement)

    def _import(self, statement: ast.stmt) -> None:
        _collect(self.module, statement)

    def _refuse_statement(self, statement: ast.stmt) -> None:
        ways = {
            "While": "a while loop is not read; write a for loop over a literal range",
            "AugAssign": "an array is not changed in place here; assign a new name",
            "With": "a with block is not read; leave it out of the forward pass",
            "Expr": "a call whose result is dropped is not read; leave it out of the forward pass",
            "For": "for ... else is not read; write the loop without else",
        }
        kind = type(statement).__name__
        raise UnsupportedError(ways.get(kind, f"the statement {kind.lower()} is not read; write assignments and a return"))

    def _bind(self, target: ast.expr, value: Any, scope: dict[str, Any]) -> None:
        match target:
            case ast.Name(id=name):
                check_identifier(name)
                scope[name] = self._assign(name, value) if isinstance(value, Node) else value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                values = self._unpacked(value)
                if len(values) != len(parts):
                    raise InputError(f"{len(values)} values for {len(parts)} names")
                for part, one in zip(parts, values, strict=True):
                    self._bind(part, one, scope)
            case _:
                raise UnsupportedError("only names are assigned; for X[i] = v write where, concatenate or X.at[i].set(v)")

    def _unpacked(self, value: Any) -> list[Any]:
        if isinstance(value, dict):
            raise InputError("a dict does not unpack into names; read its entries by key")
        if isinstance(value, Node):
            if not value.ndim or not isinstance(value.shape[0], int):
                raise UnsupportedError("an array of symbolic length does not unpack into names; index it")
            return [METHODS["__getitem__"](value, i) for i in range(value.shape[0])]
        if not isinstance(value, tuple | list):
            raise InputError(f"{value} does not unpack into names")
        return list(value)

    def _assign(self, name: str, value: Node) -> Node:
        if len(self.equations) >= MOST_EQUATIONS:
            raise UnsupportedError(f"more than {MOST_EQUATIONS} equations; shorten the loops")
        name = fresh(name, self.taken)
        self.taken.add(name)
        symbol = variable(name, value.shape)
        self.equations.append(Equation(symbol, value, getattr(self.at, "lineno", 0)))
        return symbol

    def _items(self, iterable: ast.expr, scope: dict[str, Any]) -> Iterator[Any]:
        value = self.evaluate(iterable, scope)
        if isinstance(value, Node):
            value = self._unpacked(value)
        if not isinstance(value, tuple | list | range | dict):
            raise UnsupportedError("a for loop runs over a literal range, a tuple or a list")
        return iter(value)

    def _decide(self, test: ast.expr, scope: dict[str, Any]) -> bool:
        value = self.evaluate(test, scope)
        if value is None or isinstance(value, bool | int | str | tuple | list):
            return bool(value)
        if value in (sympy.true, sympy.false) or getattr(value, "is_number", False):
            return bool(value)
        raise UnsupportedError("a condition on array values is not decided here; use where")

    # expressions --------------------------------------------------------------------------------------------------------

    def evaluate(self, tree: ast.expr, scope: dict[str, Any]) -> Any:
        match tree:
            case ast.Constant(value=value):
                return self._constant(value, tree)
            case ast.Name(id=name):
                return self._name(name, scope)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.evaluate(left, scope), self.evaluate(right, scope))
            case ast.UnaryOp(op=op, operand=operand):
                return self._unary(op, self.evaluate(operand, scope))
            case ast.Call():
                return self._call(tree, scope)
            case ast.Attribute(value=owner, attr=attr):
                return self._attribute(owner, attr, scope)
            case ast.Subscript(value=owner, slice=index):
                return self._subscript(self.evaluate(owner, scope), self._index(index, scope))
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple(self.evaluate(p, scope) for p in parts)
            case ast.Dict(keys=keys, values=values):
                return {self.evaluate(k, scope): self.evaluate(v, scope) for k, v in zip(keys, values, strict=True) if k}
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._compare(op, self.evaluate(left, scope), self.evaluate(right, scope))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.evaluate(body if self._decide(test, scope) else orelse, scope)
            case ast.BoolOp(op=op, values=values):
                decided = [self._decide(v, scope) for v in values]
                return all(decided) if isinstance(op, ast.And) else any(decided)
            case ast.ListComp(elt=element, generators=[ast.comprehension(target=ast.Name(id=name), iter=it, ifs=[])]):
                return tuple(self.evaluate(element, {**scope, name: item}) for item in self._items(it, scope))
            case ast.GeneratorExp():
                return self.evaluate(ast.ListComp(elt=tree.elt, generators=tree.generators), scope)
            case ast.Lambda(args=arguments, body=body):
                names = tuple(a.arg for a in arguments.args)
                return Function("lambda", names, {}, [ast.Return(value=body, lineno=tree.lineno)])
        raise UnsupportedError(f"{type(tree).__name__} is not read; write it with assignments, operators and calls")

    def _constant(self, value: Any, tree: ast.Constant) -> Any:
        if value is None or isinstance(value, bool | str | int):
            if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 1024:
                raise InputError("a number beyond float64 is refused")
            return value
        if isinstance(value, float):
            if not abs(value) < float("inf"):
                raise InputError("a number beyond float64 is refused")
            return sympy.Rational(repr(value))
        raise UnsupportedError(f"the literal {value!r} is not read; numbers are real and finite")

    def _name(self, name: str, scope: dict[str, Any]) -> Any:
        if name in scope:
            return scope[name]
        if name in self.closure:
            return self.closure[name]
        if name in self.module.functions:
            return _function(self.module.functions[name])
        if name in self.module.constants:
            return self._module_constant(name)
        original = self.module.imported.get(name, name)
        if original in _CONSTANTS and (name in self.module.imported or original == "pi"):
            return _CONSTANTS[original]
        if original in LANGUAGE or original in REFUSED:
            return self._language(original, bare=name not in self.module.imported)
        raise InputError(f"{name!r} is not declared{_suggest(name, [*scope, *LANGUAGE])}")

    def _module_constant(self, name: str) -> Any:
        if self.depth > DEEPEST_CALL:
            raise InputError(f"the constant {name} of the module refers to itself")
        self.depth += 1
        try:
            return self.evaluate(self.module.constants[name], {})
        except UnsupportedError:
            raise UnsupportedError(f"the constant {name} of the module is no number; pass it in as an input") from None
        finally:
            self.depth -= 1

    def _language(self, name: str, bare: bool = False) -> Any:
        if name in REFUSED and name not in LANGUAGE:
            raise UnsupportedError(f"{name} is not read: {REFUSED[name]}")
        if name not in LANGUAGE:
            raise UnsupportedError(f"the function {name!r} is unknown{_suggest(name, LANGUAGE)}")
        if bare and name in _BUILTINS and self.module.has_imports:
            return _builtin(name)
        return LANGUAGE[name]

    def _attribute(self, owner: ast.expr, attr: str, scope: dict[str, Any]) -> Any:
        if (path := _dotted(owner)) is not None and path[0] not in scope and self._is_module(path[0]):
            if attr in _CONSTANTS:
                return _CONSTANTS[attr]
            if "random" in path:
                raise UnsupportedError(f"random draws are not read: {REFUSED['random']}")
            return self._language(attr)
        value = self.evaluate(owner, scope)
        if isinstance(value, Node):
            return self._array_attribute(value, attr)
        if isinstance(value, tuple) and attr in getattr(value, "_fields", ()):
            return getattr(value, attr)
        raise UnsupportedError(f"the attribute .{attr} is not read")

    def _is_module(self, name: str) -> bool:
        return name in self.module.modules or name in self.module.imported or name in _MODULES

    def _array_attribute(self, value: Node, attr: str) -> Any:
        facts: dict[str, Callable[[], Any]] = {
            "shape": lambda: value.shape,
            "ndim": lambda: value.ndim,
            "size": lambda: sympy.Mul(*value.shape),
            "T": lambda: value.T,
            "mT": lambda: value.T,
            "dtype": lambda: None,
        }
        if attr in facts:
            return facts[attr]()
        if attr in METHODS:
            return lambda *args, **kwargs: METHODS[attr](value, *args, **kwargs)
        raise UnsupportedError(f"the array method .{attr} is unknown{_suggest(attr, [*METHODS, *facts])}")

    def _call(self, tree: ast.Call, scope: dict[str, Any]) -> Any:
        function = self._callee(tree.func, scope)
        if any(isinstance(a, ast.Starred) for a in tree.args) or any(k.arg is None for k in tree.keywords):
            raise UnsupportedError("a call with * or ** is not read; write the arguments out")
        args = [self.evaluate(a, scope) for a in tree.args]
        kwargs = {str(k.arg): self.evaluate(k.value, scope) for k in tree.keywords}
        if isinstance(function, Function):
            return self._inline(function, args, kwargs, scope)
        if not callable(function):
            raise InputError(f"{ast.unparse(tree.func)[:60]} is no function")
        name = ast.unparse(tree.func)[:60]
        _check_call(name, function, args, kwargs)
        self.at = tree if hasattr(tree, "lineno") else self.at
        try:
            return function(*args, **kwargs)
        except SymgradError as error:
            raise type(error)(f"{name}: {error}") from None
        except (TypeError, AttributeError, ValueError, KeyError, IndexError):
            raise InputError(f"{name}: an argument is of the wrong kind") from None

    def _callee(self, tree: ast.expr, scope: dict[str, Any]) -> Any:
        match tree:
            case ast.Name(id=name) if name in ("range", "len", "float", "int", "enumerate", "zip", "tuple", "list", "reversed"):
                if name not in scope:
                    return _PYTHON[name]
        return self.evaluate(tree, scope)

    def _inline(self, function: Function, args: list[Any], kwargs: dict[str, Any], scope: dict[str, Any]) -> Any:
        if self.depth >= DEEPEST_CALL:
            raise UnsupportedError(f"{function.name} calls itself; write the steps as a for loop over a literal range")
        bound = dict(zip(function.parameters, args, strict=False)) | kwargs
        for name, default in function.defaults.items():
            if name not in bound:
                bound[name] = self.evaluate(default, {})
        if len(args) > len(function.parameters) or set(bound) != set(function.parameters):
            raise InputError(f"{function.name} takes ({', '.join(function.parameters)}), the call does not fit")
        inner = {**scope, **bound} if function.name == "lambda" else bound
        self.depth, at = self.depth + 1, self.at
        try:
            return self._call_body(function.body, inner)
        finally:
            self.depth, self.at = self.depth - 1, at

    def _subscript(self, value: Any, index: Any) -> Any:
        if isinstance(value, Node):
            return METHODS["__getitem__"](value, index)
        try:
            return value[index]
        except (KeyError, IndexError, TypeError):
            raise InputError(f"the index {index!r} does not fit") from None

    def _index(self, tree: ast.expr, scope: dict[str, Any]) -> Any:
        match tree:
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*(None if part is None else self.evaluate(part, scope) for part in (lower, upper, step)))
            case ast.Tuple(elts=parts):
                return tuple(self._index(p, scope) for p in parts)
        return self.evaluate(tree, scope)

    # operators ----------------------------------------------------------------------------------------------------------

    def _binary(self, op: ast.operator, left: Any, right: Any) -> Any:
        name = _BINARY.get(type(op))
        if name is None:
            raise UnsupportedError(f"the operator {type(op).__name__} is not read")
        if isinstance(left, tuple) and isinstance(right, tuple) and name == "add":
            return left + right
        for x in (left, right):
            if not isinstance(x, int | sympy.Expr | Node):
                raise InputError(f"{name} of something that is no number and no array")
        if isinstance(left, Node) or isinstance(right, Node):
            return self._arrays(name, left, right)
        return _numbers(name, left, right)

    def _arrays(self, name: str, left: Any, right: Any) -> Any:
        if name not in OPERATORS:
            raise UnsupportedError(f"{name} of arrays is not read; it is piecewise constant")
        try:
            return OPERATORS[name](left, right)
        except SymgradError as error:
            raise type(error)(f"{name}: {error}") from None

    def _unary(self, op: ast.unaryop, value: Any) -> Any:
        if isinstance(op, ast.Not) and not isinstance(value, Node):
            return not value
        if isinstance(op, ast.UAdd):
            return value
        if isinstance(op, ast.USub) and isinstance(value, Node | int | sympy.Expr):
            return -value
        if isinstance(op, ast.Invert) and isinstance(value, Node):
            return LANGUAGE["logical_not"](value)
        raise UnsupportedError(f"the operator {type(op).__name__} is not read here")

    def _compare(self, op: ast.cmpop, left: Any, right: Any) -> Any:
        if isinstance(op, ast.Is | ast.IsNot):
            return (left is right) == isinstance(op, ast.Is)
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, tuple | dict | str):
            return (left in right) == isinstance(op, ast.In)
        name, static = _COMPARE.get(type(op), (None, None))
        if name is None or static is None:
            raise UnsupportedError(f"the comparison {type(op).__name__} is not read")
        if isinstance(left, Node) or isinstance(right, Node):
            return LANGUAGE[name](left, right)
        return static(left, right)


def _numbers(name: str, left: Any, right: Any) -> Any:
    a, b = sympy.Integer(left) if isinstance(left, int) else left, sympy.Integer(right) if isinstance(right, int) else right
    if name in ("divide", "floordiv", "mod") and b == 0:
        raise InputError("a division by zero")
    if name == "matmul":
        raise InputError("matmul of numbers; use *")
    result = {
        "add": lambda: a + b,
        "subtract": lambda: a - b,
        "multiply": lambda: a * b,
        "divide": lambda: a / b,
        "floordiv": lambda: sympy.floor(a / b),
        "mod": lambda: sympy.Mod(a, b),
        "power": lambda: bounded_power(a, b),
    }[name]()
    return int(result) if result.is_Integer else result


_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.MatMult: "matmul",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
}
_COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Gt: ("greater", lambda a, b: a > b),
    ast.GtE: ("greater_equal", lambda a, b: a >= b),
    ast.Lt: ("less", lambda a, b: a < b),
    ast.LtE: ("less_equal", lambda a, b: a <= b),
    ast.Eq: ("equal", lambda a, b: a == b),
    ast.NotEq: ("not_equal", lambda a, b: a != b),
}


def _static_int(value: Any) -> int:
    if isinstance(value, int):
        return value
    raise UnsupportedError("a loop needs a literal range; a symbolic dimension does not say how many steps")


def _length(value: Any) -> Any:
    if isinstance(value, Node):
        if not value.ndim:
            raise InputError("a scalar has no len")
        return value.shape[0]
    return len(value)


_PYTHON: dict[str, Callable[..., Any]] = {
    "range": lambda *bounds: range(*map(_static_int, bounds)),
    "len": _length,
    "float": lambda x: x,
    "int": lambda x: x,
    "enumerate": lambda x: tuple(enumerate(x)),
    "zip": lambda *x: tuple(zip(*x, strict=True)),
    "tuple": lambda x: tuple(x),
    "list": lambda x: tuple(x),
    "reversed": lambda x: tuple(reversed(x)),
}


def _builtin(name: str) -> Callable[..., Any]:
    """Python's own sum, max and min in a file that imports modules: over a matrix they walk its rows, so that is refused."""

    def builtin(*values: Any, **options: Any) -> Any:
        if options:
            raise InputError(f"Python's own {name} takes no axis; write jnp.{name}")
        if len(values) == 1 and isinstance(values[0], Node) and values[0].ndim > 1:
            raise InputError(f"Python's own {name} walks the rows of a matrix; write jnp.{name}")
        if len(values) == 1 and isinstance(values[0], Node):
            return LANGUAGE[name](values[0])
        items = list(values[0]) if len(values) == 1 and isinstance(values[0], tuple | list) else list(values)
        if name == "sum":
            total = items[0]
            for item in items[1:]:
                total = OPERATORS["add"](total, item)
            return total
        if all(isinstance(x, int) for x in items):
            return max(items) if name == "max" else min(items)
        raise InputError(f"Python's own {name} of arrays; write jnp.{name}imum" if len(name) == 3 else name)

    return builtin


def _check_call(name: str, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> None:
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise InputError(f"{name}: {error}") from None
    except ValueError:
        pass


def _suggest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _dotted(tree: ast.expr) -> list[str] | None:
    match tree:
        case ast.Name(id=name):
            return [name]
        case ast.Attribute(value=owner, attr=attr):
            path = _dotted(owner)
            return None if path is None else [*path, attr]
    return None


def _defaults(function: ast.FunctionDef | ast.Lambda) -> dict[str, ast.expr]:
    arguments = [*function.args.posonlyargs, *function.args.args]
    defaults = {a.arg: d for a, d in zip(reversed(arguments), reversed(function.args.defaults), strict=False)}
    keyword_only = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return defaults | {a.arg: d for a, d in keyword_only if d is not None}


def _function(tree: ast.FunctionDef) -> Function:
    if tree.args.vararg or tree.args.kwarg:
        raise UnsupportedError(f"{tree.name} takes *args or **kwargs; name every argument")
    return Function(tree.name, tuple(a.arg for a in _arguments(tree)), _defaults(tree), tree.body)


def _all_names(function: ast.FunctionDef) -> set[str]:
    return {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}


def _literal(annotation: Any) -> Any:
    """The text of an annotation: "n d", Float[Array, "n d"], or a dict, tuple or list of those."""
    match annotation:
        case ast.Constant(value=str(text)):
            return text
        case ast.Subscript(slice=ast.Tuple(elts=[*_, ast.Constant(value=str(text))])):
            return text
        case ast.Dict(keys=keys, values=values):
            return {k.value: _literal(v) for k, v in zip(keys, values, strict=True) if isinstance(k, ast.Constant)}
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [_literal(p) for p in parts]
        case ast.AST():
            return None
    return list(annotation) if isinstance(annotation, tuple) else annotation


__all__ = ["VARIABLE", "Reader", "choose", "parse_module", "read_function", "read_text"]
