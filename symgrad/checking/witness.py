"""The user's own function as a witness: called as it is, or its checked definition over jax or NumPy.

Every assignment may be perturbed, so that jax gives the adjoint of every named intermediate.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symgrad.checking.libraries import jax_function, numpy_function
from symgrad.checking.mutable import mutable_function, on_mutables
from symgrad.checking.oracle import Names, definitions, packages
from symgrad.core.language import LANGUAGE
from symgrad.core.op import Node
from symgrad.core.program import Origin, Program, fresh
from symgrad.core.source import parsed
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.generic import Generic

_Arrays = Mapping[str, Any]

# perturbation ---------------------------------------------------------------------------------------------------------------


class _Marked(ast.NodeTransformer):
    """Every name is passed through `_mark` right after it is bound: z = W @ x; z = _mark("z", z)."""

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        return [node, *(mark for target in node.targets for mark in _marks(target))]

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        return [node, *_marks(node.target)]

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        node.body = [*_marks(node.target), *node.body]
        return node


def _marks(target: ast.expr) -> list[ast.stmt]:
    names = [n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return [parsed(f"{name} = _mark({name!r}, {name})").body[0] for name in names]


@dataclass
class Tape:
    """What happens at the marks of one run: intermediates are recorded, and moved by their perturbations."""

    taken: set[str]
    moves: Mapping[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def mark(self, name: str, value: Any) -> Any:
        if not hasattr(value, "dtype"):
            return value
        name = fresh(name, self.taken)
        self.taken.add(name)
        if name in self.moves:
            value = value + self.moves[name]
        self.seen[name] = value
        return value


# witnesses ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Witness:
    """A function of a program's inputs by name, with what it is, in words."""

    program: Program
    function: Callable[..., Any]
    what: str
    bound: Mapping[str, Callable[..., Any]]

    def __call__(self, arrays: Mapping[str, Any]) -> Any:
        origin = _origin(self.program)
        given = {name: self._argument(part, arrays) for name, part in origin.arguments.items() if _is_input(part)}
        positional = [given.pop(a.arg) for a in origin.definition.args.posonlyargs if a.arg in given]
        return self.function(*positional, **given)

    def _argument(self, part: Any, arrays: Mapping[str, Any]) -> Any:
        match part:
            case Node():
                return arrays[str(part.params["name"])]
            case Generic(name=name):
                return self.bound[name]
            case dict():
                return {key: self._argument(x, arrays) for key, x in part.items()}
        return tuple(self._argument(x, arrays) for x in part)


def _is_input(part: Any) -> bool:
    """Anything else is a default that the function has by itself."""
    entries = part.values() if isinstance(part, dict) else part if isinstance(part, tuple) else ()
    return isinstance(part, Node | Generic) or any(map(_is_input, entries))


def _origin(program: Program) -> Origin:
    if program.origin is None:
        raise UnsupportedError(f"{program.name} was not read from a function, so there is none to verify against")
    return program.origin


def live_witness(program: Program, function: Callable[..., Any], bound: Mapping[str, Any]) -> Witness:
    return Witness(program, function, "the function itself", bound)


def checked_witness(program: Program, bound: Mapping[str, Any]) -> Witness:
    """The definition the program was read from, compiled with its names bound to jax."""
    origin = _origin(program)
    function = Names(origin, lambda tree: tree, jax_function).define(origin.definition)
    return Witness(program, function, "its checked definition over jax", bound)


def mutable_witness(program: Program, bound: Mapping[str, Any]) -> Witness:
    """The same definition over jax, with arrays that are memory as NumPy's are."""
    origin = _origin(program)
    function = on_mutables(Names(origin, lambda tree: tree, mutable_function).define(origin.definition))
    return Witness(program, function, "its checked definition over jax, on arrays that change as NumPy's do", bound)


def acts_in_place(program: Program) -> bool:
    """Whether the definition, or a function of its file that it calls, holds a statement by which NumPy's arrays change."""
    return any(_writes(node) for tree in definitions(_origin(program)) for node in ast.walk(tree))


def _writes(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=targets):
            return any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) for t in targets for n in ast.walk(t))
        case ast.AugAssign() | ast.Expr(value=ast.Call()) | ast.keyword(arg="out"):
            return True
    return False


def numpy_witness(program: Program, live: Callable[..., Any] | None, bound: Mapping[str, Any]) -> Witness:
    """The live function on NumPy arrays, or the same definition compiled with its names bound to NumPy."""
    if live is not None:
        return live_witness(program, live, bound)
    origin = _origin(program)
    function = Names(origin, lambda tree: tree, numpy_function).define(origin.definition)
    return Witness(program, function, "its checked definition over NumPy", bound)


def library(program: Program) -> str:
    """Whose code the definition is: numpy's (and SciPy's), jax's, or, where it calls both or neither, nobody's."""
    used = packages(_origin(program))
    of = {"numpy": not used.isdisjoint({"numpy", "scipy", "autograd"}), "jax": "jax" in used}
    (name, *others) = [name for name, is_used in of.items() if is_used] or [""]
    return "" if others else name


def unperturbed(witness: Witness) -> Callable[[_Arrays, _Arrays], tuple[Any, dict[str, Any]]]:
    """A witness whose intermediates have other names than the program's."""
    return lambda arrays, moves: (witness(arrays), {})


def perturbed_witness(program: Program, bound: Mapping[str, Any]) -> Callable[[_Arrays, _Arrays], tuple[Any, dict[str, Any]]]:
    """(inputs, perturbations) to (value, intermediates), each named intermediate moved by its perturbation if it has one."""
    origin = _origin(program)
    names = Names(origin, _Marked().visit, jax_function)
    witness = Witness(program, names.define(origin.definition), "its definition, perturbed", bound)

    def run(arrays: Mapping[str, Any], moves: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        tape = Tape({str(v) for v in program.inputs}, moves)
        names["_mark"] = tape.mark
        return witness(arrays), tape.seen

    return run


def bound_function(program: Program, name: str) -> Callable[..., Any]:
    """The function that --bind names: one of the same file, or jax's of that name."""
    origin = _origin(program)
    if name in origin.module.functions or name in LANGUAGE:
        return Names(origin, lambda tree: tree, jax_function)[name]
    raise InputError(f"no function {name!r} to bind: neither {origin.module.filename} nor jax has it")
