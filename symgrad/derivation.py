"""What `derive` returns: the passes over one forward program, joined and kept."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from symgrad import ops as _ops  # noqa: F401
from symgrad.errors import InputError
from symgrad.export.loading import load
from symgrad.export.numpy import Sources, numpy_module
from symgrad.op import Node
from symgrad.printing.latex import Show
from symgrad.program import Program
from symgrad.reading.source import read_function, read_text
from symgrad.reverse import adjoint
from symgrad.simplify import simplified
from symgrad.tangent import direction_names, tangent


class Forward:
    """A forward pass: callable as the function it was made from, with its `program`."""

    def __init__(self, program: Program, function: Callable[..., Any] | None = None) -> None:
        self.program, self.function = program, function
        self.__name__ = program.name
        self.__doc__ = getattr(function, "__doc__", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.function is not None:
            return self.function(*args, **kwargs)
        return self.derive().compile().value(*args, **kwargs)

    def derive(self, *wrt: str) -> Derivation:
        return Derivation(self, wrt)


def forward(source: Any = None, /, **shapes: str) -> Any:
    if source is None:
        return lambda fn: forward(fn, **shapes)
    if isinstance(source, Path):
        text = source.read_bytes().decode("utf-8")
        return Forward(read_text(text, shapes, source.name))
    if isinstance(source, str):
        return Forward(read_text(source, shapes))
    return Forward(read_function(source, shapes), source)


class Derivation:
    def __init__(self, forward: Forward, names: tuple[str, ...]) -> None:
        self.forward, self.program = forward, forward.program
        floats = [v for v in self.program.inputs if "int" not in v.params["properties"]]
        self.wrt: tuple[Node, ...] = tuple(self.program.input(n) for n in names) or tuple(floats)
        if len(set(self.wrt)) != len(self.wrt):
            raise InputError("a variable is named twice")
        self.is_scalar = self.program.output.ndim == 0

    @cached_property
    def _raw_adjoint(self) -> Program:
        return adjoint(self.program, self.wrt)

    @cached_property
    def adjoint(self) -> Program:
        return simplified(self._raw_adjoint)

    @cached_property
    def directions(self) -> dict[Node, Node]:
        return direction_names(self.program, self.wrt)

    @cached_property
    def tangent(self) -> Program:
        if not self.is_scalar:
            return simplified(tangent(self.program, self.directions))
        raw = self._raw_adjoint
        return simplified(tangent(raw, self.directions, raw.outputs[1:]).needed())

    def numpy(self) -> str:
        return numpy_module(
            Sources(
                self.program, self.wrt, tuple(self.directions.values()),
                self.adjoint if self.is_scalar else None, self.tangent, "",
            )
        )

    def compile(self) -> types.ModuleType:
        return load(self.numpy(), self.program.name)

    def latex(self) -> str:
        show = Show()
        eqs = (self.adjoint if self.is_scalar else self.program).equations
        eqs += self.tangent.equations
        return "\n".join(f"{show.text(e.symbol)} &= {show.text(e.expr)} \\\\" for e in eqs)
