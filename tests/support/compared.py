"""What we print for a hand-written form, beside it: both as expressions, with a common point at which they must agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from forms import FORMS, Form

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.core.op import Node, variable
from symgrad.core.program import Equation, Program
from symgrad.derive.simplification import readable
from symgrad.rules.brevity import operations


@dataclass(frozen=True)
class Compared:
    """One gradient or adjoint of a form: `printed` by us and `expected` by its source, over the symbols of `program`."""

    form: Form
    name: str
    printed: Node
    expected: Node
    program: Program

    @property
    def counts(self) -> tuple[int, int]:
        return operations(self.printed), operations(self.expected)

    def values(self, seed: int = 0, functions: Mapping[str, Any] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Both at one random point, with these for the functions that the form leaves open."""
        given = inputs_of(self.program.inputs)
        sides = [Equation(variable(f"side_{i}", x.shape), x) for i, x in enumerate((self.printed, self.expected))]
        whole = replace(self.program, statements=(*self.program.equations, *sides), outputs=tuple(s.symbol for s in sides))
        values = evaluate(whole, sample_inputs(given, sizes_for(given, least=3), seed), functions)
        return values["side_0"], values["side_1"]


@cache
def derivation(form: Form) -> sg.Derivation:
    return sg.forward(form.program).derive(*form.wrt)


def compared(form: Form) -> Iterator[Compared]:
    d = derivation(form)
    adjoint = d.formulas.legible_adjoint
    for name, text in form.of.items():
        named = name.endswith("_bar")
        printed = next(eq.expr for eq in adjoint.equations if eq.name == name) if named else readable(d.closed_form(name))
        yield Compared(form, name, printed, read(text, adjoint), adjoint)


def read(text: str, program: Program) -> Node:
    """A right side as its source has it, over the symbols of a program."""
    symbols = [*program.inputs, *(eq.symbol for eq in program.equations)]
    table = {str(v): v for v in symbols}
    annotations = {str(v): _annotation(v) for v in symbols}
    arguments = ", ".join(f"{name}: {shape!r}" for name, shape in annotations.items())
    read = sg.forward(f"def expected({arguments}):\n    return {text}\n").program
    (equation,) = read.equations
    return _renamed(equation.expr, {v: table[str(v)] for v in read.inputs})


def _renamed(root: Node, table: dict[Node, Node]) -> Node:
    """The same expression over other variables, built without folding."""
    done: dict[Node, Node] = dict(table)

    def of(node: Node) -> Node:
        if node not in done:
            done[node] = node.op.node(*(of(a) for a in node.args), **node.params)
        return done[node]

    return of(root)


def _annotation(v: Node) -> str:
    words = sorted(v.params["properties"])
    return " ".join(map(str, v.shape)) + (" | " + " ".join(words) if words else "")


def rows() -> list[Compared]:
    return [c for form in FORMS for c in compared(form)]
