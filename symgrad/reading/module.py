"""A source text as a file of names: its functions, its constants, what it imports, and what cannot be said of a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symgrad.core.budget import limit
from symgrad.core.source import parsed
from symgrad.errors import InputError, UnsupportedError, printable
from symgrad.reading.dialects import is_known

TRANSFORMS = frozenset(
    "vmap pmap grad value_and_grad jacobian jacfwd jacrev hessian vectorize custom_jvp custom_vjp custom_gradient linearize "
    "vjp jvp".split()
)
HARMLESS = frozenset("jit forward jaxtyped typechecked beartype checkpoint remat partial".split())


@dataclass
class Module:
    """What the file around a function offers, each name bound once; a name bound twice or under a condition is `unclear`."""

    text: str
    filename: str
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    live: Mapping[str, Any] = field(default_factory=dict)
    has_imports: bool = False

    def __post_init__(self) -> None:
        self.lines = self.text.splitlines()

    @property
    def is_text(self) -> bool:
        """Was it handed in as text, and is no file?"""
        return self.filename.startswith("<")

    def collect(self, statement: ast.stmt) -> None:
        """Take up the names that one statement of the file binds."""
        match statement:
            case ast.FunctionDef(name=name):
                self._bind(self.functions, name, statement)
            case ast.AsyncFunctionDef(name=name):
                self.unclear[name] = "it is async; write a plain def"
            case ast.ClassDef(name=name):
                self.unclear[name] = "it is a class; write a function of arrays"
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=value):
                if value is not None:
                    self._assign(target, value)
            case ast.Import() | ast.ImportFrom():
                self._import(statement)
            case ast.Expr() | ast.Pass() | ast.Assert():
                pass
            case _:
                self._collect_unclear(statement)

    def _bind(self, table: dict[str, Any], name: str, value: Any) -> None:
        if any(name in t for t in (self.functions, self.constants, self.imported, self.modules)):
            self.unclear[name] = "the file binds it more than once; give each meaning its own name"
        table[name] = value

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Name(id=name), _:
                self._bind(self.constants, name, value)
            case (ast.Tuple(elts=names), ast.Tuple(elts=values)) if len(names) == len(values):
                for one, its in zip(names, values, strict=True):
                    self._assign(one, its)
            case _:
                self._mark(target, "the file does not bind it in a plain assignment; write NAME = number")

    def _collect_unclear(self, statement: ast.stmt) -> None:
        """Under if, try, for, with: imports count, since alternatives of one name mean the same; other names do not."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.unclear[node.name] = "the file binds it under a condition; define it at the top level"
        self._mark(statement, "the file binds it under a condition or changes it; bind it once, at the top level")

    def _mark(self, tree: ast.AST, why: str) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                self.unclear[node.id] = why

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        self.has_imports = True
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._import_name(self.modules, name, alias.name if alias.asname else name, "")
            return
        package = "." * statement.level + (statement.module or "")
        for alias in statement.names:
            if alias.name == "*":
                self.stars.append(package)
            else:
                self._import_name(self.imported, alias.asname or alias.name, alias.name, package)

    def _import_name(self, table: dict[str, str], name: str, meaning: str, package: str) -> None:
        known = is_known(package or meaning)
        if name in self.functions or name in self.constants or (name in self.origins and not known):
            self.unclear[name] = "the file binds it more than once; give each meaning its own name"
        table[name], self.origins[name] = meaning, package or meaning


def check_length(characters: int, filename: str) -> None:
    if characters > limit("characters"):
        raise InputError(f"{filename}: the source is longer than {limit('characters')} characters; hand in the function alone")


def parse(text: str, filename: str) -> ast.Module:
    """The tree of a source text, with everything Python itself may stumble over turned into one clear line."""
    check_length(len(text), filename)
    if "\0" in text:
        raise InputError(f"{filename}: no Python, it holds NUL bytes; save it as plain text")
    try:
        return parsed(text)
    except SyntaxError as error:
        piece = " ".join((error.text or "").split())[:60]
        reason = " ".join(str(error.msg).split())
        raise InputError(f"{filename}, line {error.lineno}: no Python, {reason} in {printable(piece)!r}") from None
    except ValueError:
        raise InputError(f"{filename}: no Python, it holds characters that no text has; save it as UTF-8") from None
    except (RecursionError, MemoryError):
        raise InputError(f"{filename}: the source is nested too deeply; name intermediate results") from None


def parse_module(text: str, filename: str) -> Module:
    """The names that a source text offers."""
    return module_of(parse(text, filename), text, filename)


def module_of(tree: ast.Module, text: str, filename: str) -> Module:
    module = Module(text, filename)
    for statement in tree.body:
        module.collect(statement)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            module.unclear |= dict.fromkeys(node.names, "a function of the file changes it; pass it in as an input")
    return module


def choose(module: Module, name: str | None) -> ast.FunctionDef:
    """The function asked for; else the only one marked with `forward` or, where none is, with text in its annotations, which is
    how a shape is declared.  Of several the one that calls the others; where none has shapes, the only one there is."""
    if name is not None:
        if name in module.unclear:
            raise UnsupportedError(f"{module.filename}: {name} is not read, {module.unclear[name]}")
        if name in module.functions:
            return module.functions[name]
        raise InputError(f"{module.filename} defines no function {name!r}; it defines {', '.join(module.functions) or 'none'}")
    every = list(module.functions.values())
    marked = [f for f in every if any(decorator_name(d) == "forward" for d in f.decorator_list)]
    candidates = marked or [f for f in every if _declares_shapes(f)]
    found = _outermost(candidates) or candidates or every
    if len(found) == 1:
        return choose(module, found[0].name)
    if not found and module.unclear:
        first, why = next(iter(module.unclear.items()))
        raise UnsupportedError(f"{module.filename} defines no function to read; {first} is not read, {why}")
    if not found:
        raise InputError(f"{module.filename} defines no function; write the forward pass as a def")
    names = ", ".join(f.name for f in found)
    which = "hand in one of them and what it calls" if module.is_text else f"say which, as in {module.filename}:{found[0].name}"
    raise InputError(f"{module.filename} holds the functions {names}; {which}")


def _declares_shapes(function: ast.FunctionDef) -> bool:
    parts = (part for a in arguments(function) if a.annotation is not None for part in ast.walk(a.annotation))
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)


def _outermost(functions: Sequence[ast.FunctionDef]) -> list[ast.FunctionDef]:
    """Those that no other of them calls."""
    called = {n.id for f in functions for n in header_and_body(f) if isinstance(n, ast.Name) and n.id != f.name}
    return [f for f in functions if f.name not in called]


# parts of a definition --------------------------------------------------------------------------------------------------


def arguments(function: ast.FunctionDef | ast.Lambda) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def defaults(function: ast.FunctionDef | ast.Lambda) -> dict[str, ast.expr]:
    """The defaults of a definition by the name of their argument."""
    positional = [*function.args.posonlyargs, *function.args.args]
    found = {a.arg: d for a, d in zip(reversed(positional), reversed(function.args.defaults), strict=False)}
    keyword_only = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return found | {a.arg: d for a, d in keyword_only if d is not None}


def decorator_name(tree: ast.expr) -> str:
    """The last part of a decorator's name: jit for @jax.jit and for @partial(jax.jit, static_argnums=0)."""
    match tree:
        case ast.Call(func=function, args=args):
            name = decorator_name(function)
            return decorator_name(args[0]) if name == "partial" and args else name
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return "?"


def header_and_body(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Every node of a definition but its annotations and decorators, which are never read."""
    for part in (*function.body, *defaults(function).values()):
        yield from ast.walk(part)
