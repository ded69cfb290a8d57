"""The arguments of a forward pass as inputs: shapes from annotations or from outside, parameters in dicts and tuples."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from symgrad.core.op import Node, variable
from symgrad.core.program import fresh
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.generic import Generic
from symgrad.reading.annotations import FUNCTIONS, check_identifier, declare, jaxtyped
from symgrad.reading.messages import SourcePlace, suggest
from symgrad.reading.module import arguments, defaults


class Inputs:
    """The inputs of one function, in the order of its arguments; a dict or tuple of arrays makes one input an entry."""

    def __init__(self, function: ast.FunctionDef, shapes: dict[str, Any], place: SourcePlace) -> None:
        self.function, self.shapes, self.place = function, shapes, place
        self.arguments = arguments(function)
        self.taken = {a.arg for a in self.arguments}
        self.nodes: list[Node] = []

    def declare(self, evaluate_default: Callable[[ast.expr], Any]) -> dict[str, Any]:
        """Every argument by name: an array, a container of arrays, a generic function, or the static value of its default."""
        self._check_given()
        given, scope = defaults(self.function), {}
        for argument in self.arguments:
            self.place.tree = argument
            name = check_identifier(argument.arg)
            spec = self.shapes[name] if name in self.shapes else _spec(argument.annotation)
            if spec is None and name in given and not isinstance(argument.annotation, ast.Constant):
                scope[name] = evaluate_default(given[name])
                continue
            if name.startswith("_"):
                raise InputError(f"the input {name!r} starts with an underscore; rename it")
            scope[name] = self._input(name, spec)
        return scope

    def _check_given(self) -> None:
        if self.function.args.vararg or self.function.args.kwarg:
            raise UnsupportedError(f"{self.function.name} takes *args or **kwargs; name every input")
        if unknown := sorted(set(self.shapes) - self.taken):
            names = ", ".join(a.arg for a in self.arguments) or "none"
            close = suggest(unknown[0], self.taken)
            raise InputError(f"{self.function.name} has no argument {unknown[0][:40]!r}, it has {names}{close}")

    def _input(self, name: str, spec: Any) -> Any:
        match spec:
            case None:
                raise InputError(f'{name} has no shape; annotate it ({name}: "n d", "" for a scalar) or pass {name}="n d"')
            case dict():
                return {key: self._leaf(self._entry(name, key), text) for key, text in spec.items()}
            case list() | tuple():
                return tuple(self._leaf(fresh(f"{name}_{i}", self.taken), text) for i, text in enumerate(spec))
        return self._leaf(name, spec)

    def _entry(self, container: str, key: Any) -> str:
        """The name of one entry: its own, unless an argument has it."""
        if not isinstance(key, str):
            raise InputError(f'{container}: the entries of a dict are named by strings, such as {{"W": "h d"}}')
        name = check_identifier(key, "entry")
        if name.startswith("_"):
            raise InputError(f"{container}: the entry {name!r} starts with an underscore; rename it")
        return fresh(name if name not in self.taken else f"{container}_{name}", self.taken)

    def _leaf(self, name: str, text: Any) -> Any:
        if isinstance(text, dict | list | tuple):
            raise UnsupportedError(f"{name}: nested containers are not read; give every array a name of its own")
        declaration = declare(text, name)
        self.taken.add(name)
        if kind := declaration.properties & FUNCTIONS:
            return Generic(name, min(kind))
        symbol = variable(name, declaration.shape, declaration.properties)
        self.nodes.append(symbol)
        return symbol


def _spec(annotation: ast.expr | None) -> Any:
    """The shape an annotation says: "n d", Float[Array, "n d"], float for a scalar, or a dict, tuple or list of those."""
    match annotation:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id="float"):
            return ""
        case ast.Subscript(value=kind, slice=ast.Tuple(elts=[_, ast.Constant(value=str(text))])):
            return jaxtyped(ast.unparse(kind).rpartition(".")[2], text)
        case ast.Dict(keys=keys, values=values):
            return {k.value if isinstance(k, ast.Constant) else None: _spec(v) for k, v in zip(keys, values, strict=True)}
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [_spec(part) for part in parts]
    return None
