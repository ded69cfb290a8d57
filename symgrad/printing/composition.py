"""What a derivation's document says: the steps of the backward pass, second order, conventions, verification and code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symgrad.core.graph import postorder, variables
from symgrad.core.op import Node, Op
from symgrad.core.program import Equation
from symgrad.errors import UnsupportedError, one_of
from symgrad.ops.generic import functions_of
from symgrad.printing.blocks import block_sides, printed_sides, side_equation
from symgrad.printing.derived import Derived, Verified
from symgrad.printing.equations import WHERE, WIDEST, rows, shape_of
from symgrad.printing.glossary import INDEXED, conventions, inlines, lettered
from symgrad.printing.identifiers import DELTA, latex_symbol
from symgrad.printing.indices import sides, whole
from symgrad.printing.latex import Show, Theme
from symgrad.printing.parts import Code, Formulas, Heading, Inline, Line, Math, Part, Prose, Rule, Table
from symgrad.printing.sharing import Sharing
from symgrad.printing.text import unicode_of
from symgrad.printing.walkthrough import Source, Step, differential, every_operation, steps
from symgrad.printing.wording import spaced, worded
from symgrad.rules.brevity import operations

LEVELS = ("result", "adjoints", "steps")
"""The gradient alone; each adjoint with its rule; each operation with its rule."""

LONGEST_BLOCK = 2 * WIDEST
"""Characters of a Hessian block, as the terminal counts them, above which its product stands for it."""

MOST_BLOCKS = 21
"""Blocks of a Hessian that are printed: those of six variables."""


DEEPEST = 16
"""Equations of a forward pass above which no Hessian block is short enough to be worth its making."""


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

    def _symbols(self) -> Table:
        program = self.d.program
        table = [self._row(v, "variable" if v in self.d.wrt else "given", _known(v)) for v in program.inputs]
        table += [
            self._row(eq.symbol, "intermediate" if eq.symbol not in program.outputs else "value", "") for eq in program.equations
        ]
        nodes = list(postorder(eq.expr for eq in program.equations))
        for name in sorted(functions_of(nodes)):
            table.append((Math(self.show.name(name)), "a function", "generic", "left open", Rule(name)))
        return Table(("symbol", "lives in", "role", "known", "in code"), tuple(table))

    def _row(self, v: Node, role: str, known: str) -> tuple[Inline, ...]:
        return Math(self.show.text(v)), Math(shape_of(v, self.show)), role, known, Rule(str(v))

    # equations ----------------------------------------------------------------------------------------------------------

    def _line(self, left: str, right: str, name: str) -> Line:
        self.count += 1
        number = self.count
        self.numbers[name or f"line {number}"] = number
        return Line(left, right, number, self._label(name or f"line-{number}"))

    def _aside(self, eq: Equation) -> Line:
        left, right = sides(eq.symbol, eq.expr, self.show)
        return Line(WHERE + left, right, aside=True)

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

    def _row_of(self, left: str, right: str, name: str) -> Line:
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

    def _box(self, gradient: Equation, equations: Iterable[Equation]) -> Iterator[Line]:
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
                yield from _listed([Math(self.show.text(v)) for v in others])
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
        bar = latex_symbol(("bar", "z", value.params["symbol"]), self.show.theme, self.show.notation)
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
        variable = latex_symbol(step.equation.symbol.params["symbol"][1], self.show.theme, self.show.notation)
        yield Heading(f"Step {count}", 3)
        yield Prose(("The adjoint of ", Math(variable), *self._why(step.sources)))
        if step.sources:
            yield Formulas(
                tuple(
                    Line(left, spaced(right))
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
        found = {pair: list(self._block(*pair)) for pair in self._pairs()}
        lines = list(self._blocks(equation for equations in found.values() for equation in equations))
        yield Heading("Hessian" if self.d.is_scalar else "Jacobian")
        if lines:
            yield Prose(tuple(self._blocks_opening(lines)))
            yield Formulas(tuple(lines))
        missing = list(self._missing([pair for pair, equations in found.items() if not equations], len(found)))
        if missing:
            yield Prose((*missing, f"; the {title} above stands for what is not printed."))

    def _directions(self) -> Iterator[Inline]:
        yield "The derivative of every equation along "
        for i, (v, direction) in enumerate(self.d.directions.items()):
            yield from [", "] if i else []
            yield Math(self.show.text(direction))
            yield " for "
            yield Math(self.show.text(v))
        yield ":"

    def _blocks_opening(self, lines: Sequence[Line]) -> Iterator[Inline]:
        yield "Each block as a matrix that acts on the column-stacked "
        yield Math(r"\operatorname{vec}")
        yield " of a direction"
        if any(": " in line.left for line in lines):
            yield "; where matrices take part, as its matrix, as the map of a direction or as both, as far as these are short"
        yield "."
        if self.d.is_scalar and len(self.d.wrt) > 1:
            yield " The Hessian is symmetric: of two blocks that are each other's transposes one is printed."

    def _missing(self, long: Sequence[tuple[str, str]], looked_for: int) -> Iterator[Inline]:
        """Which blocks are not printed, and why; nothing where all are."""
        names = {str(v): self.show.text(v) for v in self.d.wrt}
        if not looked_for:
            yield "So long a pass has no block that is short enough to read"
        elif len(long) == looked_for:
            yield "No block is short enough to read"
        elif long:
            yield f"Left out, as too long to read: the {'blocks' if len(long) > 1 else 'block'} of "
            yield from _listed([Math(f"({names[a]}, {names[b]})" if self.d.is_scalar else names[b]) for a, b in long])
        if 0 < looked_for < len(self._all_pairs()):
            yield ("; of" if long else "Of") + " so many variables only the blocks on the diagonal are looked for"

    def _blocks(self, equations: Iterable[Equation]) -> Iterator[Line]:
        for left, relation, right in printed_sides(self.sharing.of(equations), self.show):
            yield Line(left, right, relation=relation, aside=left.startswith(WHERE))

    def _all_pairs(self) -> list[tuple[str, str]]:
        """The blocks of a Hessian on and above its diagonal, those of a Jacobian in a row."""
        names = [str(v) for v in self.d.wrt]
        rows_of = names if self.d.is_scalar else names[:1]
        return [(a, b) for i, a in enumerate(rows_of) for b in (names[i:] if self.d.is_scalar else names)]

    def _pairs(self) -> list[tuple[str, str]]:
        """Those of them that are looked for."""
        pairs = self._all_pairs()
        if len(self.d.program.equations) > DEEPEST:
            return []
        if len(pairs) > MOST_BLOCKS:
            return [(a, b) for a, b in pairs if a == b] if self.d.is_scalar else []
        return pairs

    def _block(self, row: str, column: str) -> Iterator[Equation]:
        """The matrix of a block and its map, as far as they are short enough to read."""
        try:
            sides = list(block_sides(self.d.hessian[row, column], self.show))
        except UnsupportedError:
            return
        for left, relation, right in sides:
            if operations(right) <= LONGEST_BLOCK and len(unicode_of(whole(right, self.trial))) <= LONGEST_BLOCK:
                yield side_equation(left, relation, right)

    # verification -------------------------------------------------------------------------------------------------------

    def _stamp(self, report: Verified) -> Iterator[Part]:
        yield Heading("Verification")
        verdict = "agree" if all(row.ok for row in report.rows) else "DISAGREE"
        yield Prose((f"{len(report.rows)} quantities {verdict} with {report.witness} ({'; '.join(report.points)}).",))
        worst: dict[str, Any] = {}
        for row in report.rows:
            worst[row.quantity] = max(row, worst.get(row.quantity, row), key=lambda r: r.excess)
        lines = tuple((quantity, f"{row.error:.1e}", f"{row.tol:.1e}") for quantity, row in worst.items())
        yield Table(("quantity", "worst error", "tolerance"), lines)


def _unnumbered(left: str, right: str) -> Line:
    return Line(left, right, aside=left.startswith(WHERE))


def _listed(pieces: Sequence[Inline]) -> Iterator[Inline]:
    """a, b and c."""
    for i, piece in enumerate(pieces):
        yield from [] if i == 0 else [" and " if i == len(pieces) - 1 else ", "]
        yield piece


def _within(sentence: str) -> str:
    """A sentence as it stands inside another one."""
    return sentence[0].lower() + sentence[1:] if re.match("[A-Z][a-z]* [a-z]", sentence) else sentence


def _known(v: Node) -> str:
    return ", ".join(sorted(v.params["properties"]))


def _is_derived(eq: Equation) -> bool:
    return isinstance(eq.symbol.params["symbol"], tuple)
