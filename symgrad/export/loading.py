"""Generated code, loaded: its syntax tree is checked against a whitelist before anything runs.

Here alone generated code runs (`oracle.py` runs the user's own checked definition).  Every name in such code was
checked when it was read, so the whitelist is a second wall: a template or a name that slipped through the first reaches no file,
no process and no internals of Python.
"""

from __future__ import annotations

import ast
import builtins
import math
import types
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from symgrad.core.source import compiled, parsed
from symgrad.errors import InputError

_IMPORTS = frozenset(
    {
        "numpy",
        "math",
        "typing",
        "collections.abc",
        "scipy.linalg",
        "jax",
        "jax.numpy",
        "jax.scipy.linalg",
        "numba",
        "functools",
        "scipy.special",
        "scipy.sparse.linalg",
    }
)
_BUILTINS = frozenset(
    "float int len zip enumerate map str isinstance tuple list dict range sum max min abs sorted reversed set print "
    "ValueError TypeError SystemExit __build_class__ __name__ __import__ property staticmethod bool all any".split()
)
_SYNTAX = (
    ast.Module, ast.FunctionDef, ast.ClassDef, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete, ast.For,
    ast.If, ast.Raise, ast.Import, ast.ImportFrom, ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.arguments, ast.arg,
    ast.keyword, ast.alias, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Lambda, ast.IfExp, ast.Dict, ast.Set, ast.ListComp,
    ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.Compare, ast.Call, ast.JoinedStr, ast.FormattedValue,
    ast.Constant, ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice, ast.expr_context,
    ast.boolop, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
"""What generated code is written in; no with, try, global, await, yield or walrus."""

_FILES = frozenset(
    "load loadtxt save savez savez_compressed savetxt fromfile fromregex genfromtxt memmap open_memmap DataSource tofile dump "
    "dumps ctypes data base format format_map".split()
)
"""Public names of NumPy and of Python's own types that reach files, memory or attributes by a string."""

_ELSEWHERE = frozenset(
    "_fields random default_rng normal integers config update vmap jvp scipy solve_triangular Array at set "
    "njit vectorize lru_cache carray".split()
)
"""Attributes of named tuples, random generators, jax and numba that the exporter writes."""

_TYPES = (np.ndarray, np.float64, np.ufunc, np.finfo, np.dtype, float, str, tuple, list, dict)


def check_code(source: str, imports: frozenset[str] = _IMPORTS, attributes: frozenset[str] = frozenset()) -> ast.Module:
    """The tree of a generated module; raises where it holds anything that the exporter never writes.

    A module over another library than NumPy names what it imports, and the attributes that it may read beside NumPy's.
    """
    tree = parsed(source)
    own = frozenset(_own(tree)) | (attributes - _FILES)
    for node in ast.walk(tree):
        if (wrong := _wrong(node, own, imports)) is not None:
            raise InputError(f"generated code {wrong}, which is never written")
    return tree


def _own(tree: ast.Module) -> Iterator[str]:
    """The names that the module itself gives to functions, fields and attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def _wrong(node: ast.AST, own: frozenset[str], imports: frozenset[str]) -> str | None:
    """What is wrong with a node of the tree, or None."""
    match node:
        case ast.Name(id=name) if name.startswith("__") and name != "__name__":
            return f"reads {name}"
        case ast.Attribute(attr=name) if name not in own and name not in _attributes():
            return f"reads {name}"
        case ast.Delete(targets=targets) if not all(isinstance(target, ast.Name) for target in targets):
            return "deletes more than a local"
        case ast.Import(names=names) if unknown := [a.name for a in names if a.name not in imports]:
            return f"imports {unknown[0]}"
        case ast.ImportFrom(module=module) if module not in imports:
            return f"imports {module}"
    return None if isinstance(node, _SYNTAX) else f"holds {type(node).__name__}"


@cache
def _attributes() -> frozenset[str]:
    """Public attributes of arrays and Python's types, functions and types of NumPy, its linalg and math; none that `_FILES` has."""
    found = {name for kind in _TYPES for name in dir(kind)} | {"linalg"}
    found |= {name for module in (np, np.linalg, math) for name, x in vars(module).items() if not isinstance(x, types.ModuleType)}
    return (frozenset(name for name in found if not name.startswith("_")) | _ELSEWHERE) - _FILES


def load(source: str, name: str, imports: frozenset[str] = _IMPORTS, attributes: frozenset[str] = frozenset()) -> types.ModuleType:
    """The module of a generated source, with no more of the builtins than it uses."""
    module = types.ModuleType(name)
    module.__dict__["__builtins__"] = {k: getattr(builtins, k) for k in _BUILTINS if hasattr(builtins, k)}
    module.__dict__["__source__"] = source
    exec(compiled(check_code(source, imports, attributes), f"<symgrad {name}>"), module.__dict__)
    return module


def value_of_code(expression: str, scope: Mapping[str, Any]) -> Any:
    """The value of one generated expression over the names of a scope, and no builtins but float, int and abs."""
    names = {**scope, "__builtins__": {"float": float, "int": int, "abs": abs}}
    exec(_compiled(expression), names)
    return names["_result"]


@cache
def _compiled(expression: str) -> types.CodeType:
    return compiled(check_code(f"_result = {expression}"), "<symgrad>")
