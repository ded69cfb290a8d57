"""The checked definition of the user's own function, compiled over jax or over NumPy.

The definition is stripped of decorators and annotations and its names are bound to the library's functions; it shares no code
with the reader's rules, the derivation or the exporter.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from symgrad.checking.libraries import WORDS, Library
from symgrad.core.language import METHODS
from symgrad.core.program import Origin
from symgrad.core.source import compiled, parsed
from symgrad.errors import UnsupportedError
from symgrad.reading.dialects import module_known_as

_ATTRIBUTES = frozenset(METHODS) | frozenset(
    "shape ndim size T mT dtype at get set add subtract multiply mul divide fill sign logabsdet eigenvalues eigenvectors Q R U S "
    "Vh".split()
)
_FLOATS = frozenset({"float32", "float64"})
_MODULES = frozenset("numpy nn linalg scipy special lax items keys values append".split()) | _FLOATS
_SYNTAX = (
    ast.FunctionDef, ast.Lambda, ast.Return, ast.Expr, ast.Assign, ast.AugAssign, ast.For, ast.If, ast.Pass, ast.Break,
    ast.Continue,
    ast.arguments, ast.arg, ast.keyword, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Call, ast.Constant,
    ast.Attribute, ast.Subscript, ast.Slice, ast.Name, ast.Tuple, ast.List, ast.Dict, ast.ListComp, ast.DictComp,
    ast.GeneratorExp, ast.comprehension, ast.expr_context, ast.boolop, ast.unaryop, ast.cmpop,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult, ast.BitAnd, ast.BitOr, ast.BitXor,
)  # fmt: skip
"""What the reader reads, and all that is ever compiled."""


# names ----------------------------------------------------------------------------------------------------------------------


class _Path:
    """A module under the name the user gave it; its attributes are the library's functions, and nothing else."""

    def __init__(self, library: Library, *path: str) -> None:
        self._library, self._path = library, path

    def __getattr__(self, name: str) -> Any:
        return _named([*self._path, name], self._library)


def _named(path: list[str], library: Library) -> Any:
    if path[-1] in _FLOATS:
        return np.float64  # in which everything is compared
    return library(path) if path[-1] in WORDS else _Path(library, *path)


def definitions(origin: Origin) -> list[ast.FunctionDef]:
    """A definition, and the functions of its file that it calls."""
    found, seen = [origin.definition], set[str]()
    for definition in found:
        new = _free(definition) - seen
        seen |= new
        found += [origin.module.functions[name] for name in new if name in origin.module.functions]
    return found


def packages(origin: Origin) -> frozenset[str]:
    """The packages whose functions a definition and the functions of its file that it calls use: numpy, jax, scipy, ..."""
    names = {name for definition in definitions(origin) for name in _free(definition)}
    return frozenset(_package(origin, name) for name in names)


def _free(definition: ast.FunctionDef) -> set[str]:
    """The names that a definition reads and nowhere binds."""
    names = [node for node in ast.walk(definition) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)} | {a.arg for a in _arguments(definition)}
    return {node.id for node in names} - bound


def _package(origin: Origin, name: str) -> str:
    module = origin.module
    if name in module.functions or name in module.constants:
        return ""
    if name in module.origins:
        return str(module.origins[name]).partition(".")[0]
    if name in module.live:
        value = module.live[name]
        package = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        return str(package or type(value).__module__).partition(".")[0]
    return "" if module.has_imports else (module_known_as(name) or "").partition(".")[0]


class Names(dict[str, Any]):
    """The globals of a compiled definition; what is missing is looked up as the reader does, on first use."""

    def __init__(self, origin: Origin, transform: Callable[[ast.FunctionDef], ast.FunctionDef], library: Library) -> None:
        super().__init__(_PYTHON, __builtins__={})
        self.origin, self.transform, self.library = origin, transform, library

    def __missing__(self, name: str) -> Any:
        self[name] = value = self._find(name)
        return value

    def _find(self, name: str) -> Any:
        module = self.origin.module
        if name in self.origin.closure:
            return self.origin.closure[name]
        if name in module.functions:
            return self.define(module.functions[name])
        if name in module.constants and name not in module.unclear:
            return self._run([ast.Return(_checked(copy.deepcopy(module.constants[name])))])
        if name in module.modules:
            return _Path(self.library, *module.modules[name].split("."))
        if name in module.imported:
            return _named([*module.origins[name].split("."), module.imported[name]], self.library)
        if isinstance(module.live.get(name), int | float | str | tuple):
            return module.live[name]
        if name in _BUILTINS and module.has_imports and not module.stars:
            return _BUILTINS[name]
        return _named((module_known_as(name) or name).split("."), self.library)

    def define(self, definition: ast.FunctionDef) -> Any:
        tree = self.transform(_checked(_Stripped().visit(copy.deepcopy(definition))))
        return self._run([tree, ast.Return(ast.Name(definition.name, ast.Load()))])

    def _run(self, body: list[ast.stmt]) -> Any:
        """What these statements return.  They stand in a function, for only there does Python ask `__missing__` for a name."""
        module = parsed("def make(): pass")
        module.body[0].body = body  # type: ignore[attr-defined]
        scope: dict[str, Any] = {}
        exec(compiled(ast.fix_missing_locations(module), "<checked definition>"), self, scope)
        return scope["make"]()


def _float(x: Any) -> Any:
    """float() of a traced scalar is itself; as a dtype it is float64."""
    return x


_float.dtype = np.dtype(float)  # type: ignore[attr-defined]
_PYTHON: dict[str, Any] = {
    "range": range, "len": len, "enumerate": enumerate, "zip": zip, "tuple": tuple, "list": list, "reversed": reversed,
    "float": _float, "int": lambda x: int(x) if isinstance(x, int | float) else x, "bool": bool, "str": str,
}  # fmt: skip
_BUILTINS: dict[str, Any] = {"sum": sum, "max": max, "min": min, "abs": abs, "pow": pow}
"""What Python's own names mean in a file that imports its arrays' functions under a module."""


def _checked(tree: Any) -> Any:
    """The tree itself; raises where it holds anything by which code could leave the language."""
    for node in ast.walk(tree):
        if not isinstance(node, _SYNTAX):
            raise UnsupportedError(f"line {getattr(node, 'lineno', 0)}: {type(node).__name__} is never compiled for verification")
        if isinstance(node, ast.Attribute) and (node.attr.startswith("_") or node.attr not in _attributes()):
            raise UnsupportedError(f"line {node.lineno}: the attribute .{node.attr} is never compiled for verification")
        if isinstance(node, ast.Name) and node.id.startswith("__"):
            raise UnsupportedError(f"line {node.lineno}: the name {node.id} is never compiled for verification")
    return tree


@cache
def _attributes() -> frozenset[str]:
    """Methods of arrays, functions of the language and the modules they are found in; whatever it stands behind."""
    return _ATTRIBUTES | _MODULES | WORDS


class _Stripped(ast.NodeTransformer):
    """Decorators, annotations, assertions and imports taken off: what remains is what the reader read."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list, node.returns = [], None
        annotated = {a.arg for a in _arguments(node) if a.annotation is not None}
        for argument in _arguments(node):
            argument.annotation = None
        self._drop_defaults(node, annotated)
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def _drop_defaults(self, node: ast.FunctionDef, annotated: set[str]) -> None:
        """An input's default is never read, so it is not compiled either."""
        positional = [*node.args.posonlyargs, *node.args.args]
        tail = positional[len(positional) - len(node.args.defaults) :]
        pairs = zip(tail, node.args.defaults, strict=True)
        node.args.defaults = [ast.Constant(None) if a.arg in annotated else d for a, d in pairs]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return None if node.value is None else ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Of statements that drop their value only calls may do anything: append to a list, or write into an array."""
        return node if isinstance(node.value, ast.Call) else ast.Pass()

    def _nothing(self, node: ast.AST) -> ast.AST:
        return ast.Pass()

    visit_Assert = visit_Import = visit_ImportFrom = _nothing


def _arguments(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
