"""What a name of the file means where no local name has it: a function, a constant, an import, a function of the language."""

from __future__ import annotations

import ast
import builtins
from collections import ChainMap
from collections.abc import Callable, Iterable
from typing import Any

import sympy

from symgrad.core.language import LANGUAGE, REFUSED
from symgrad.core.op import Node
from symgrad.core.source import symbolic
from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.reading.calls import Function
from symgrad.reading.dialects import is_known, module_known_as
from symgrad.reading.live import read_live
from symgrad.reading.messages import suggest
from symgrad.reading.module import Module
from symgrad.reading.python import python_function
from symgrad.reading.words import CONSTANTS, ModuleName, elsewhere, function_named, is_word


def global_name(name: str, module: Module, evaluate: Callable[..., Any], known: Iterable[str]) -> Any:
    """The value of a name in the order of Python: the file, then what runs around it, then builtins; last, the bare language."""
    if name in module.unclear and name in module.live:
        return _live(name, module)
    if name in module.unclear:
        raise UnsupportedError(f"{name} is not read, {module.unclear[name]}")
    if name in module.functions:
        return Function(module.functions[name], name, {}, ChainMap({}), module)
    if name in module.constants:
        return _constant(name, module, evaluate)
    if name in module.modules:
        return ModuleName(module.modules[name])
    if name in module.imported:
        return _imported(name, module)
    if name in module.live and getattr(builtins, name, None) is not module.live[name]:
        return _live(name, module)
    return _bare(name, module, known)


def _imported(name: str, module: Module) -> Any:
    package = module.origins[name]
    if not is_known(package):
        raise UnsupportedError(elsewhere(name, package))
    return ModuleName(package).attribute(module.imported[name])


def _constant(name: str, module: Module, evaluate: Callable[..., Any]) -> Any:
    try:
        value = evaluate(module.constants[name], ChainMap({}))
    except SymgradError as error:
        if "the constant" in str(error):
            raise
        raise type(error)(f"the constant {name} of the file is not read, {error}; pass it in as an input") from None
    if isinstance(value, Node):
        raise UnsupportedError(f"the constant {name} of the file is an array; pass it in as an input")
    _check_unchanged(name, value, module)
    return value


def _check_unchanged(name: str, value: Any, module: Module) -> None:
    """A live constant may have been set since: then the text is not what the function computes with."""
    live = module.live.get(name)
    if isinstance(live, int | float) and isinstance(value, int | sympy.Expr) and symbolic(value).is_finite:
        if abs(float(value) - live) > 1e-12 * abs(live):
            raise UnsupportedError(f"the constant {name} has changed since its file was read; pass it in as an input")


def _live(name: str, module: Module) -> Any:
    """A function from another cell of the notebook joins the file, so that whoever compiles the definition finds it."""
    value = read_live(name, module.live[name], module.live)
    if isinstance(value, Function) and isinstance(value.tree, ast.FunctionDef):
        module.functions.setdefault(name, value.tree)
    return value


def _bare(name: str, module: Module, known: Iterable[str]) -> Any:
    """A name that the file does not bind: Python's own, or a function of the language without its module."""
    numpys = not module.has_imports or bool(module.stars)
    for package in module.stars:
        if not is_known(package):
            raise UnsupportedError(f"{name} may come from {package}; import it by name, and put functions into the same file")
    if (function := python_function(name, numpys)) is not None:
        return function
    if (module_name := module_known_as(name)) is not None:
        return ModuleName(module_name)
    if name == "pi" or (module.stars and name in CONSTANTS):
        return CONSTANTS[name]
    if name in LANGUAGE or name in REFUSED:
        return function_named(name)
    close = suggest(name, [*known, *module.functions, *(() if is_word(name) else LANGUAGE)])
    raise InputError(f"it is not declared; make it an argument, or assign it first{close}")
