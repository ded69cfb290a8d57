"""Live functions and the values they see: where their source stands, and what their globals and closures mean on reading."""

from __future__ import annotations

import ast
import functools
import inspect
import os
import types
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.reading.calls import Function
from symgrad.reading.dialects import is_known
from symgrad.reading.module import Module, check_length, module_of, parse
from symgrad.reading.static import literal
from symgrad.reading.words import ModuleName, function_named

_TRANSPARENT = frozenset({"jaxtyping", "beartype", "typeguard", "symgrad"})

_TRUSTED = frozenset({"builtins", "jaxlib", "symgrad"})
"""Beside packages that are read: where the type of an object stands whose attributes are asked for; others may run code."""


@dataclass(frozen=True)
class Live:
    """A value of the running program, looked at only when the function reads it."""

    value: Any


def plain_function(fn: Any) -> types.FunctionType:
    """The def under jit and annotations checkers; a transformation such as vmap is never looked through."""
    if isinstance(fn, type):
        raise InputError(f"{fn.__name__} is a class; hand in a plain function of arrays")
    if inspect.ismethod(fn):
        raise InputError(f"{fn.__name__} is a method; write it as a plain function of arrays")
    if isinstance(fn, functools.partial):
        raise InputError("a partial is no plain function; hand in the function itself, its other arguments with defaults")
    if not inspect.isfunction(fn):
        return _behind(fn)
    wrapped = getattr(fn, "__wrapped__", None)
    if wrapped is None:
        return fn
    if wrapped is fn:
        raise InputError(f"{fn.__name__} is wrapped by itself; hand in the plain function")
    package = str(fn.__globals__.get("__name__", "?")).partition(".")[0]
    if package in _TRANSPARENT:
        return plain_function(wrapped)
    raise UnsupportedError(f"{fn.__name__} is wrapped by a function of {package}; hand in the plain function itself")


def _behind(fn: Any) -> types.FunctionType:
    """The def that jit or `forward` was applied to; of any other object no attribute is asked for, since that may run its code."""
    kind, package = type(fn).__name__, _package(fn)
    if (kind, package) == ("PjitFunction", "jaxlib"):
        return plain_function(fn.__wrapped__)
    if (kind, package) == ("Forward", "symgrad") and inspect.isfunction(fn.function):
        return plain_function(fn.function)
    name = getattr(fn, "__name__", kind) if _is_trusted(package) else kind
    raise InputError(f"{name} is no plain Python function; hand in the function itself, its source or its file")


def _is_trusted(package: str) -> bool:
    return package in _TRUSTED or is_known(package)


def _package(value: Any) -> str:
    return str(type(value).__module__).partition(".")[0]


def file_name(fn: types.FunctionType) -> str:
    return (fn.__code__.co_filename or "<string>").replace("\\", "/").rpartition("/")[2]


def locate(fn: types.FunctionType) -> tuple[Module, ast.FunctionDef]:
    """The file around a function and its definition there."""
    if fn.__name__ == "<lambda>":
        raise UnsupportedError("a lambda has no names for its steps; write it as a def")
    _check_file(fn)
    try:
        if fn.__code__.co_filename == "<string>":  # that of every text handed to exec, and from Python 3.13 on of python -c
            raise OSError
        lines, _ = inspect.findsource(fn)
    except (OSError, TypeError, IndexError):
        raise InputError(f"the source of {fn.__name__} is not available; hand it in as text or as a file") from None
    text, filename = "".join(lines), file_name(fn)
    tree = parse(text, filename)
    module = module_of(tree, text, filename)
    module.live, module.has_imports = fn.__globals__, True
    return module, _definition(tree, fn, filename)


def _check_file(fn: types.FunctionType) -> None:
    """What a code object calls its file may be a pipe, which is never opened, or longer than any source."""
    path = fn.__code__.co_filename
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise InputError(f"the source of {fn.__name__} is no file; hand it in as text")
        check_length(os.path.getsize(path) // 4 if os.path.exists(path) else 0, file_name(fn))
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise


def _definition(tree: ast.Module, fn: types.FunctionType, filename: str) -> ast.FunctionDef:
    start, name = fn.__code__.co_firstlineno, fn.__code__.co_name
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            if start == min([node.lineno, *(d.lineno for d in node.decorator_list)]):
                if isinstance(node, ast.AsyncFunctionDef):
                    raise UnsupportedError(f"{name} ({filename}, line {start}) is async; write a plain def")
                return node
    raise InputError(f"{name} is not at line {start} of {filename}, the file has changed; import it again")


def closure_of(fn: types.FunctionType) -> dict[str, Any]:
    """The names a function closes over, by value; an empty cell is left out."""
    found = {}
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def read_live(name: str, value: Any, home: Mapping[str, Any]) -> Any:
    """A value of the running program as a value of the reader: numbers, modules and plain functions of the same file."""
    if isinstance(value, types.ModuleType):
        return ModuleName(value.__name__)
    if _is_array(value) and value.shape == ():
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return literal(value)
    if isinstance(value, tuple | list) and len(value) < 1000:
        return type(value)([read_live(name, x, home) for x in value]) if type(value) in (tuple, list) else _refuse(name, value)
    if type(value) is dict and len(value) < 1000:
        return {k: read_live(name, x, home) for k, x in value.items() if isinstance(k, str | int)}
    if _is_array(value):
        raise UnsupportedError(f"{name} is an array from outside the function; pass it in as an input")
    return _live_function(name, value, home)


def _is_array(value: Any) -> bool:
    """An array or number of NumPy or jax, told by its type alone: asking other objects for a shape may run their code."""
    return _package(value) in ("numpy", "jax", "jaxlib") and hasattr(value, "dtype") and hasattr(value, "shape")


def _live_function(name: str, value: Any, home: Mapping[str, Any]) -> Any:
    if not _is_trusted(_package(value)):
        return _refuse(name, value)
    package = str(getattr(value, "__module__", None) or "?").partition(".")[0]
    if is_known(package) or package == "jaxlib":
        return function_named(str(getattr(value, "__name__", name)))
    try:
        fn = plain_function(value)
    except SymgradError as error:
        raise type(error)(f"{name} is not read, {error}") from None
    if fn.__globals__ is not home:
        raise UnsupportedError(f"{name} comes from {fn.__module__}, which is not read; put it into the same file")
    module, tree = locate(fn)
    scope = ChainMap({n: Live(v) for n, v in closure_of(fn).items()})
    return Function(tree, tree.name, {}, scope, module)


def _refuse(name: str, value: Any) -> Any:
    raise UnsupportedError(f"{name} is a {type(value).__name__}, which is not read; pass its parts in as inputs")
