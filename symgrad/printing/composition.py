"""What a derivation's document says: the steps of the backward pass, second order, conventions, verification and code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symgrad.core.graph import postorder, variables
from symgrad.core.op import Node, Op
from symgrad.core.program import Equation
from symgrad.core.roles import Adjoint, Role
from symgrad.errors import UnsupportedError, one_of
from symgrad.ops.generic import functions_of
from symgrad.printing.derived import Derived, Verified
from symgrad.printing.elements import Code, CodeName, EquationLine, Formulas, Heading, Inline, Math, Part, Prose, TablePart
from symgrad.printing.equations import WHERE, rows, shape_of
from symgrad.printing.glossary import INDEXED, conventions, inlines, lettered
from symgrad.printing.hessian_blocks import LONGEST_BLOCK, hessian_parts, listed
from symgrad.printing.identifiers import DELTA, latex_symbol
from symgrad.printing.indices import sides
from symgrad.printing.latex import Show, Theme
from symgrad.printing.sharing import Sharing
from symgrad.printing.text import unicode_of
from symgrad.printing.walkthrough import Source, Step, differential, every_operation, steps
from symgrad.printing.wording import spaced, worded

LEVELS = ("result", "adjoints", "steps")
"""The gradient alone; each adjoint with its rule; each operation with its rule."""


def content(d: Derived, level: str = "adjoints", report: Verified | None = None, theme: Theme | None = None) -> list[Part]:
    """The document of a derivation; `level` is "result", "adjoints" or "steps"."""
    one_of("level", level, LEVELS)
    return list(_Writer(d, d.show(theme)).parts(level, report))


@dataclass
class _Writer:
    d: Derived
    show: Show
    trial: Show = field(init=False)
    numbers: dict[str, int] = field(default_factory=dict)
    count: int = 0
    labels: set[str] = field(default_factory=set)
    titles: dict[str, tuple[Equation, ...]] = field(init=False)
    sharing: Sharing = field(init=False)

    def __post_init__(self) -> None:
        self.titles = dict(self.d.sections())  # first: they choose their letters before the rest does
        self.trial = Show(self.show.theme)
        self.sharing = self.d.sharing.branch()

    def parts(self, level: str, report: Verified | None) -> Iterator[Part]:
        body = list(self._body(level))
        yield from body
        yield Heading("Conventions")
        yield Prose(tuple(self._conventions(body)))
        if report is not None:
            yield from self._stamp(report)
        yield Heading("Code")
        yield Code(self.d.numpy())

    def _conventions(self, body: list[Part]) -> Iterator[Inline]:
        yield from conventions(body, self.show.printed, self.show.notation)
        if any(v.ndim > 2 for eq in self._printed() for v in postorder([eq.expr])):
            yield " "
            yield from inlines(lettered(INDEXED, DELTA, self.show.notation))

    def _body(self, level: str) -> Iterator[Part]:
        yield Heading(self.d.program.name, 1)
        yield Prose(tuple(self._opening()))
        yield Heading("Symbols")
        yield self._symbols()
        yield Heading("Forward pass")
        yield self._formulas(self.titles["Forward pass"])
        yield from self._stable_forms()
        if self.d.is_scalar:
            yield from self._gradient(level)
        if level != "result":
            yield from self._second()

    def _printed(self) -> Iterator[Equation]:
        return (eq for equations in self.titles.values() for eq in equations)

    def _opening(self) -> Iterator[Inline]:
        kind = "The gradient" if self.d.is_scalar else "The Jacobian"
        yield f"{kind} of "
        yield Math(self.show.text(self.d.program.output))
        yield " with respect to "
        for i, v in enumerate(self.d.wrt):
            yield from [", "] if i else []
            yield Math(self.show.text(v))
        yield "."

    # symbols ------------------------------------------------------------------------------------------------------------

    def _symbols(self) -> TablePart:
        program = self.d.program
        table = [self._row(v, "variable" if v in self.d.wrt else "given", _known(v)) for v in program.inputs]
        table += [
            self._row(eq.symbol, "intermediate" if eq.symbol not in program.outputs else "value", "") for eq in program.equations
        ]
        nodes = list(postorder(eq.expr for eq in program.equations))
        for name in sorted(functions_of(nodes)):
            table.append((Math(self.show.name(name)), "a function", "generic", "left open", CodeName(name)))
        return TablePart(("symbol", "lives in", "role", "known", "in code"), tuple(table))

    def _row(self, v: Node, role: str, known: str) -> tuple[Inline, ...]:
        return Math(self.show.text(v)), Math(shape_of(v, self.show)), role, known, CodeName(str(v))

    # equations ----------------------------------------------------------------------------------------------------------

    def _line(self, left: str, right: str, name: str) -> EquationLine:
        self.count += 1
        number = self.count
        self.numbers[name or f"line {number}"] = number
        return EquationLine(left, right, number, self._label(name or f"line-{number}"))

    def _aside(self, eq: Equation) -> EquationLine:
        left, right = sides(eq.symbol, eq.expr, self.show)
        return EquationLine(WHERE + left, right, aside=True)

    def _label(self, name: str) -> str:
        """A label of plain letters, each once."""
        plain = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "-_")).replace("_", "-")
        label = plain if plain and plain not in self.labels else f"{plain}-{len(self.labels)}"
        self.labels.add(label)
        return f"eq:{label}"

    def _formulas(self, equations: Iterable[Equation]) -> Formulas:
        equations = list(equations)
        names = {sides(eq.symbol, eq.expr, self.show)[0]: eq.name for eq in equations}
        lines = (self._row_of(left, right, names.get(left, "")) for left, right in rows(equations, self.show))
        return Formulas(tuple(lines))

    def _row_of(self, left: str, right: str, name: str) -> EquationLine:
        """Numbered, unless it says what a letter stands for."""
        return _unnumbered(left, right) if left.startswith(WHERE) else self._line(left, right, name)

    def _stable_forms(self) -> Iterator[Part]:
        """The same values in the form that derivatives and code are made from, beside the typed one."""
        note = "Differentiated and computed in a form that neither cancels nor overflows: "
        for left, right in rows(self.d.stable_forms, self.show):
            yield Prose((note, Math(f"{left} = {right}"), "."))

    # the backward pass --------------------------------------------------------------------------------------------------

    def _gradient(self, level: str) -> Iterator[Part]:
        equations = self.titles["Backward pass"]
        gradients = set(self.d.adjoint.outputs[1:])
        yield Heading("Backward pass")
        if level == "result":
            inner = [eq for eq in equations if eq.symbol not in gradients]
            yield from [self._formulas(inner)] if not all(eq.aside for eq in inner) else []
        else:
            yield Prose(tuple(self._method()))
            yield from self._steps(level)
        yield Heading("Gradient")
        ends = [line for eq in equations if eq.symbol in gradients for line in self._box(eq, equations)]
        yield Formulas(tuple(ends), boxed=True)
        yield from self._closed()

    def _box(self, gradient: Equation, equations: Iterable[Equation]) -> Iterator[EquationLine]:
        """A gradient with what its letters stand for, whichever equation read them first."""
        asides = [replace(eq, parts=()) for eq in equations if eq.aside]
        yield from (_unnumbered(left, right) for left, right in rows([*asides, replace(gradient, parts=())], self.show))

    def _closed(self) -> Iterator[Part]:
        """The gradients over the inputs alone that are short and say more than their boxes."""
        boxed = [v for v in self.d.wrt if all(x in self.d.program.inputs for x in variables(self.d.gradient[str(v)]))]
        short = [v for v in self.d.wrt if v not in boxed and self._has_short_closed_form(str(v))]
        if short:
            program = self.d.closed_equations(*map(str, short), letters=self.sharing.letters)
            yield Prose(tuple(self._closed_opening(boxed, [v for v in self.d.wrt if v not in boxed and v not in short])))
            yield Formulas(tuple(_unnumbered(left, right) for left, right in rows(program.equations, self.show)))

    def _closed_opening(self, boxed: Sequence[Node], long: Sequence[Node]) -> Iterator[Inline]:
        """Which gradients follow, by saying which do not."""
        yield "Over the inputs alone"
        for others, reason in ((boxed, " is so already"), (long, " is too long to read")):
            if others:
                yield "; the gradient with respect to "
                yield from listed([Math(self.show.text(v)) for v in others])
                yield reason
        yield ":"

    def _has_short_closed_form(self, name: str) -> bool:
        try:
            equations = self.d.closed_equations(name).equations
        except UnsupportedError:
            return False
        return sum(len(unicode_of(right)) for _, right in rows(equations, self.trial)) <= LONGEST_BLOCK

    def _method(self) -> Iterator[Inline]:
        value = self.d.program.output
        bar = latex_symbol(Adjoint("z", value.params["role"]), self.show.theme, self.show.notation)
        yield "Each step takes the differential of every equation that reads a variable, and moves it under the inner product with "
        yield "the adjoint of the left side, "
        yield Math(rf"\mathrm{{d}}{self.show.text(value)} = \langle {bar}, \mathrm{{d}}z \rangle")
        yield "; what then stands beside the differential of the variable is the variable's own adjoint."

    def _steps(self, level: str) -> Iterator[Part]:
        program = replace(self.d.adjoint, statements=(*self.d.program.equations, *self.titles["Backward pass"]))
        if level == "steps":
            program = every_operation(program, self.d.wrt, self.sharing.letters)
            added = [eq for eq in program.equations if eq.name not in self.numbers and not _is_derived(eq)]
            if added:
                yield Prose(("One name for each operation that the author left unnamed:",))
                yield self._formulas(added)
        told: set[Op] = set()
        for i, step in enumerate(steps(program, self.d.wrt), start=1):
            yield from self._step(i, step, told)

    def _step(self, count: int, step: Step, told: set[Op]) -> Iterator[Part]:
        variable = latex_symbol(step.equation.symbol.params["role"].of, self.show.theme, self.show.notation)
        yield Heading(f"Step {count}", 3)
        yield Prose(("The adjoint of ", Math(variable), *self._why(step.sources)))
        if step.sources:
            yield Formulas(
                tuple(
                    EquationLine(left, spaced(right))
                    for s in step.sources
                    for left, right in [sides(differential(s.equation.symbol), s.differential, self.show)]
                )
            )
            yield Prose(tuple(self._rules(step, told)))
        left, right = list(rows([step.equation], self.show))[-1]
        asides = [self._aside(eq) for eq in step.asides]
        yield Formulas((self._line(left, right, step.equation.name), *asides))
        yield Prose(tuple(self._shapes(step)))

    def _why(self, sources: Sequence[Source]) -> Iterator[Inline]:
        if not sources:
            yield " is 0: the value does not depend on it."
            return
        yield (
            ", which is read by "
            if len(sources) == 1
            else f", which is read by {len(sources)} equations, so that its adjoint is a sum: "
        )
        for i, source in enumerate(sources):
            yield from [", "] if i else []
            yield Math(self.show.text(source.equation.symbol))
            yield f" in ({self.numbers[source.equation.name]})" if source.equation.name in self.numbers else ""
        yield ". The differential:"

    def _rules(self, step: Step, told: set[Op]) -> Iterator[Inline]:
        """The rules by name, each with its words where it is used for the first time."""
        ops = dict.fromkeys(op for source in step.sources for op in source.ops)
        yield "Hence, by the rule of " if len(ops) == 1 else "Hence, by the rules of "
        for i, op in enumerate(ops):
            yield from [" and " if i == len(ops) - 1 else ", "] if i else []
            yield op.name.replace("_", " ")
            if op not in told:
                told.add(op)
                yield " ("
                yield from (p if isinstance(p, str) else Math(p.latex) for p in worded(_within(op.found.rstrip("."))))
                yield ")"
        yield ":"

    def _shapes(self, step: Step) -> Iterator[Inline]:
        yield "Shapes: "
        for v in (step.equation.symbol, *step.factors):
            yield from [", "] if v is not step.equation.symbol else []
            yield Math(rf"{self.show.text(v)} \in {shape_of(v, self.show)}")
        yield "."

    # second order -------------------------------------------------------------------------------------------------------

    def _second(self) -> Iterator[Part]:
        title = "Hessian-vector product" if self.d.is_scalar else "Jacobian-vector product"
        if self.titles.get(title):
            yield Heading(title)
            yield Prose(tuple(self._directions()))
            yield self._formulas(self.titles[title])
        yield from hessian_parts(self.d, self.show, self.sharing, title)

    def _directions(self) -> Iterator[Inline]:
        yield "The derivative of every equation along "
        for i, (v, direction) in enumerate(self.d.directions.items()):
            yield from [", "] if i else []
            yield Math(self.show.text(direction))
            yield " for "
            yield Math(self.show.text(v))
        yield ":"

    # verification -------------------------------------------------------------------------------------------------------

    def _stamp(self, report: Verified) -> Iterator[Part]:
        yield Heading("Verification")
        verdict = "agree" if all(row.ok for row in report.rows) else "DISAGREE"
        yield Prose((f"{len(report.rows)} quantities {verdict} with {report.witness} ({'; '.join(report.points)}).",))
        worst: dict[str, Any] = {}
        for row in report.rows:
            worst[row.quantity] = max(row, worst.get(row.quantity, row), key=lambda r: r.excess)
        lines = tuple((quantity, f"{row.error:.1e}", f"{row.tol:.1e}") for quantity, row in worst.items())
        yield TablePart(("quantity", "worst error", "tolerance"), lines)


def _unnumbered(left: str, right: str) -> EquationLine:
    return EquationLine(left, right, aside=left.startswith(WHERE))


def _within(sentence: str) -> str:
    """A sentence as it stands inside another one."""
    return sentence[0].lower() + sentence[1:] if re.match("[A-Z][a-z]* [a-z]", sentence) else sentence


def _known(v: Node) -> str:
    return ", ".join(sorted(v.params["properties"]))


def _is_derived(eq: Equation) -> bool:
    return isinstance(eq.symbol.params["role"], Role)
