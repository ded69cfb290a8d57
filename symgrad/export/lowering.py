"""A module before there is text: the programs of its functions, each scheduled once, and the functions lowered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sympy

from symgrad.core.budget import budgeted
from symgrad.core.dimensions import constraints, places
from symgrad.core.graph import postorder
from symgrad.core.loop import right_sides
from symgrad.core.op import VARIABLE, Node
from symgrad.core.program import Program, fresh
from symgrad.errors import UnsupportedError
from symgrad.export.derivatives import Derivatives
from symgrad.export.embedded import known, with_needs
from symgrad.export.functions import Frame
from symgrad.export.lowered import LoweredFunction, names_of
from symgrad.export.selftest import NUMPY_ALONE
from symgrad.export.sources import PUBLIC, Sources
from symgrad.export.targets import Target
from symgrad.ops.arithmetic import add
from symgrad.ops.generic import functions_of
from symgrad.planning.schedule import scheduled

SLOW = ("hessian", "hessian_diag", "jacobian")
"""Functions whose closed forms take minutes to compile."""

_CALLED = ("Gradient", "LinearMap", "float", "value_and_grad", "hvp", "hessian", "jvp", "direction")
"""Names that the functions use; where an input is called the same, they use an alias."""

_SECTIONS = {
    "value": "Forward pass",
    "value_and_grad": "Backward pass",
    "hvp": "Hessian-vector product",
    "jvp": "Jacobian-vector product",
    "jacobian": "Jacobian",
}
"""The equations that stand above a function."""


@dataclass(frozen=True, eq=False)
class Lowered:
    """A module before there is text: its functions in order, what they share, and what was left out, with the reason."""

    sources: Sources
    frame: Frame
    functions: tuple[LoweredFunction, ...]
    words: frozenset[str]
    helpers: frozenset[str]
    """What the functions call that every module carries along, and what that calls in turn."""

    open: Mapping[str, Node]
    """An application of each function that the author left open, by its name."""

    left_out: Mapping[str, str]

    def function(self, name: str) -> LoweredFunction:
        return next(f for f in self.functions if f.name == name)


@budgeted("exporting")
def lower(s: Sources, target: Target) -> Lowered:
    """The functions of a module; raises `UnsupportedError` where the target has no words for one that it cannot do without."""
    wanted = (pair for pair in s.programs() if not (target.compiled and pair[0] in SLOW))
    programs = {function: scheduled(program, s.numbers) for function, program in wanted}
    left_out = _without_words(programs, target)
    nodes = list(postorder(eq.expr for program in programs.values() for eq in program.equations))
    _hold(nodes, target)
    functions = functions_of(nodes)
    frame = _frame(s, target, sorted(functions, key=lambda f: (f.lstrip("d0123456789_") or f, len(f), f)))
    derivatives = Derivatives(s, frame, programs)
    made = tuple(derivatives.scalar() if s.is_scalar else derivatives.array())
    read = names_of(made).words
    called = frozenset(with_needs(read.keys() & known(target.name).keys(), target.name))
    # Around compiled code stands NumPy's.
    if not target.compiled and (lacking := target.lacks(read, called if target.library == "np" else called - NUMPY_ALONE)):
        raise target.refusal(lacking, "its modules read")
    return Lowered(s, frame, made, frozenset(read), called, functions, left_out)


def _without_words(programs: dict[str, Program], target: Target) -> dict[str, str]:
    """Take out what a module can do without where compiled code has no words for it."""
    optional = [f for f in ("gnvp", "hessian_factors") if target.compiled and f in programs]
    refused = {f: why for f in optional if (why := _refusal(programs[f], target))}
    for function in refused:
        del programs[function]
    return {f: why for f, why in refused.items() if f == "gnvp"}


def _hold(nodes: Iterable[Node], target: Target) -> None:
    """Raises `UnsupportedError` for the first operation that the target lacks a word for."""
    for node in nodes:
        if node.op not in (VARIABLE, add):  # names, and sums of any length, read no word
            target.code(node)


def _refusal(program: Program, target: Target) -> str:
    """Why the target cannot compute a program; nothing where it can."""
    try:
        _hold(postorder(eq.expr for eq in program.equations), target)
    except UnsupportedError as refusal:
        return str(refusal)
    return ""


def _frame(s: Sources, target: Target, generics: Sequence[str]) -> Frame:
    inputs = [*map(str, s.forward.inputs), *generics]
    aliases = {word: fresh(word, inputs) for word in _CALLED}
    libraries = {word: fresh(library, s.forward.names, generics) for word, library in (("np", target.library), ("math", "math"))}
    kernels = {f"_{called}": fresh(f"_{called}", s.forward.names) for called in PUBLIC} if target.compiled else {}
    words = {**libraries, **kernels, **aliases}
    return Frame(
        target,
        s.forward.inputs,
        s.wrt,
        s.directions,
        tuple(generics),
        words,
        aliases,
        frozenset({*PUBLIC, *generics, *known(target.name), *words.values()}),
        {function: s.equations.get(section, "") for function, section in _SECTIONS.items()},
        _gaps(s.forward),
    )


def _gaps(forward: Program) -> tuple[sympy.Expr, ...]:
    """The constraints between dimensions that its inputs and right sides put, of dimensions that can be read off."""
    axes = places(forward.inputs)
    held = constraints([*forward.inputs, *right_sides(forward)])
    return tuple(gap for gap in held if all(s.name in axes for s in gap.free_symbols))
