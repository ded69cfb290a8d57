"""Calls: the user's own functions with their arguments bound, and functions of the language with every failure in one line."""

from __future__ import annotations

import ast
import inspect
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy

from symgrad.core.op import Node
from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.ops.generic import Generic
from symgrad.reading.arrays import Array
from symgrad.reading.messages import cut
from symgrad.reading.module import Module, arguments

_MOST_PARTS = 200_000


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the user's, inlined where it is called, in the scope of its definition; a nested one has values as defaults."""

    tree: ast.FunctionDef | ast.Lambda
    name: str
    defaults: dict[str, Any]
    scope: ChainMap[str, Any]
    module: Module

    @property
    def body(self) -> list[ast.stmt]:
        if isinstance(self.tree, ast.FunctionDef):
            return self.tree.body
        body = self.tree.body
        return [ast.copy_location(ast.Return(value=body), body)]

    def bind(self, args: list[Any], kwargs: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, as Python binds them; `given` are the values of the defaults."""
        spec = self.tree.args
        if spec.vararg or spec.kwarg:
            raise UnsupportedError(f"{self.name} takes *args or **kwargs; name every argument")
        positional = [a.arg for a in (*spec.posonlyargs, *spec.args)]
        by_name = {a.arg for a in (*spec.args, *spec.kwonlyargs)}
        bound = dict(zip(positional, args, strict=False))
        wrong = len(args) > len(positional) or set(kwargs) - by_name or set(kwargs) & set(bound)
        bound = {**given, **bound, **kwargs}
        names = [a.arg for a in arguments(self.tree)]
        if wrong or set(bound) != set(names):
            raise InputError(f"{self.name} takes ({', '.join(names)}), the call does not fit")
        return bound


def call(name: str, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A function of the language, called; whatever it stumbles over becomes one line."""
    if not _is_small([*args, *kwargs.values()]):
        raise UnsupportedError(f"more than {_MOST_PARTS} items in one argument are not read; shorten it")
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise InputError(f"{error}") from None
    except ValueError:
        pass  # a function without a signature says itself what does not fit
    try:
        return checked(function(*args, **kwargs))
    except SymgradError:
        raise
    except (TypeError, AttributeError, ValueError, KeyError, IndexError, ArithmeticError):
        kinds = ", ".join([kind(x) for x in args] + [f"{k}={kind(x)}" for k, x in kwargs.items()])
        raise InputError(f"an argument is of the wrong kind; it was given {cut(kinds, 80)}") from None


def _is_small(values: list[Any]) -> bool:
    """Nested tuples may share their parts and be exponentially long when walked; none is walked before it is counted."""
    stack, count = list(values), 0
    while stack and count <= _MOST_PARTS:
        value = stack.pop()
        count += 1
        if isinstance(value, tuple | list):
            stack.extend(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
    return count <= _MOST_PARTS


def checked(value: Any) -> Any:
    """A result as a value of the reader; SymPy's integers are plain ones."""
    return int(value) if isinstance(value, sympy.Integer) else value


def kind(value: Any) -> str:
    """A value in words, for messages: never its text, which may be long."""
    match value:
        case None:
            return "None"
        case Node() | Array():
            return f"an array of shape {cut(str(value.shape), 40)}" if value.ndim else "a scalar"
        case bool():
            return "a truth value"
        case int() | sympy.Expr():
            return "a number"
        case str():
            return "a string"
        case Function() | Generic():
            return "a function"
        case tuple() | list() | dict() | range() | slice():
            return f"a {type(value).__name__}"
    return "a function" if callable(value) else "a module"
