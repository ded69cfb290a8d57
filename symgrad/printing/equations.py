"""Programs as lists of printed equations, in LaTeX and for the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from textwrap import indent
from typing import Any

from symgrad.core.budget import budgeted
from symgrad.core.op import PRINTERS, Node, constant, value_of, variable
from symgrad.core.program import PASSES, Equation, Program, symbols_in
from symgrad.core.roles import Adjoint
from symgrad.printing.breaking import broken
from symgrad.printing.indices import sides, whole_text
from symgrad.printing.latex import Show, Theme
from symgrad.printing.notation import notation_of
from symgrad.printing.recurrences import Steps, blocks, renamed_rows
from symgrad.printing.text import unicode_of

WIDEST = 84
"""Characters, as the terminal counts them, after which a printed equation goes on in a new line."""


def shape_of(node: Node, show: Show) -> str:
    """The set a symbol lives in: R, R^d, R^{n x d}."""
    if not node.shape:
        return r"\mathbb{R}"
    sizes = [show.number(constant(d).params["value"]) for d in node.shape]
    return r"\mathbb{R}^{" + r" \times ".join(sizes) + "}"


WHERE = r"\text{where}\ "
"""Stands before the left side of an aside."""


def rows(equations: Iterable[Equation], show: Show) -> Iterator[tuple[str, str]]:
    """Left and right side of each equation; before a sum of contributions its local derivatives, as textbooks have them."""
    summands: set[Any] = set()
    for eq in reading_order(equations):
        if eq.aside:
            left, right = sides(eq.symbol, eq.expr, show)
            yield WHERE + left, right
            continue
        for source, part in eq.parts if len(eq.parts) > 1 else ():
            if source.params["role"] in summands:
                local = variable("", part.shape, role=Adjoint(eq.symbol.params["role"].of, source.params["role"]))
                yield sides(local, part, show)
        if _is_bar(eq.symbol) and not eq.symbol.ndim and value_of(eq.expr) == 1:
            summands.add(eq.symbol.params["role"].of)
        left, right = sides(eq.symbol, eq.expr, show)
        if left != right:  # the first row of a recurrence may have the very name of what it starts from
            yield left, right


def reading_order(equations: Iterable[Equation]) -> Iterator[Equation]:
    """Asides after the first equation that reads them."""
    waiting: dict[Node, Equation] = {}
    for eq in equations:
        if eq.aside:
            waiting[eq.symbol] = eq
            continue
        yield eq
        read = [eq]
        for reader in read:
            read += [waiting.pop(v) for v in symbols_in(reader.expr) if v in waiting]
        yield from read[1:]


def reordered(backward: Sequence[Equation], forward: Sequence[Equation]) -> tuple[Equation, ...]:
    """The backward pass begins with the numbers in it, in the order of the forward pass: dJ/dL = 1 before dJ/ds = 1."""
    numbers = list(takewhile(lambda eq: not symbols_in(eq.expr), backward))
    place = {eq.symbol.params["role"]: i for i, eq in enumerate(forward)}
    first = sorted(numbers, key=lambda eq: place.get(eq.symbol.params["role"].of, len(place)))
    return (*first, *backward[len(numbers) :])


def _is_bar(symbol: Node) -> bool:
    return isinstance(symbol.params["role"], Adjoint)


@budgeted("printing")
def align_environment(equations: Iterable[Equation], show: Show) -> str:
    """The equations as one `align` environment, long right sides broken before their terms."""
    return aligned((left, "=", right) for left, right in rows(equations, show))


def aligned(lines: Iterable[tuple[str, str, str]]) -> str:
    """Left sides, relations and right sides as one `align` environment."""
    printed = []
    for left, relation, right in lines:
        first, *rest = broken(right, WIDEST - len(unicode_of(left)))
        sign = relation if relation == "=" else f"{{}} {relation}"
        aside = r" \nonumber" if left.startswith(WHERE) else ""
        printed.append(f"{left} &{sign} {first}" + "".join(r" \nonumber\\" + f"\n&\\quad {part}" for part in rest) + aside)
    return "\\begin{align}\n" + " \\\\\n".join(printed) + "\n\\end{align}" if printed else ""


def legend(inputs: Iterable[Node], show: Show) -> str:
    """Comments that say which symbol stands for which input of the code, and where it lives."""
    return "\n".join(f"% {show.text(v)} \\in {shape_of(v, show)} is {v} in the code" for v in inputs)


def restated(equations: Iterable[Equation], show: Show) -> list[str]:
    """Comments that name the form in which an equation is differentiated."""
    return [f"% differentiated as {left} = {right}" for left, right in rows(equations, show)]


@budgeted("printing")
def listing(equations: Iterable[Equation], show: Show) -> str:
    """The equations as a terminal shows them, equal signs in one column."""
    pairs = [(unicode_of(left), unicode_of(right)) for left, right in rows(equations, show)]
    width = max((_width(left) for left, _ in pairs), default=0)
    return "\n".join(f"{' ' * (width - _width(left))}{left} = {right}" for left, right in pairs)


def _width(text: str) -> int:
    """Columns on the terminal: combining accents take none."""
    return len(re.sub("[\u0300-\u036f]", "", text))


def _alone(node: Node) -> str:
    return whole_text(node, Show(notation=notation_of((), (node,))))


def show_of(program: Program, theme: Theme | None = None) -> Show:
    """What prints a program that stands alone."""
    printed = [eq for block in blocks(program.statements, program.names) for eq in block.equations]
    symbols = (*program.inputs, *(eq.symbol for eq in printed))
    return Show(theme, notation_of(symbols, (eq.expr for eq in printed), alike=renamed_rows(printed)))


def _heading(steps: Sequence[Steps], show: Show) -> str:
    """For which values of its indices a block of equations holds."""
    ranges = (rf"{s.index} = {show.size(s.first)}, \ldots, {show.size(s.last)}" for s in steps)
    return r"\text{for } " + r" \text{ and } ".join(ranges) + ":"


def _by_blocks(program: Program, show: Show, heading: Callable[[str], str], body: Callable[..., str]) -> str:
    """A program whose loops stand under a line that says for which steps."""
    lines = []
    for block in blocks(program.statements, program.names):
        text = body(block.printed(show), show)
        if text and block.steps:
            lines.append(heading(_heading(block.steps, show)))
        lines += [indent(text, "  " if block.steps else "")] if text else []
    return "\n".join(lines)


def _latex(program: Program, theme: Theme | None = None) -> str:
    return _by_blocks(program, show_of(program, theme), lambda line: f"${line}$", align_environment)


PASSES["latex"] = _latex
PASSES["text"] = lambda program: _by_blocks(program, show_of(program), unicode_of, listing)
PRINTERS["latex"] = _alone
PRINTERS["text"] = lambda node: unicode_of(_alone(node))
