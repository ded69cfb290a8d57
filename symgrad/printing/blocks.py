"""A block of a Hessian or Jacobian in print: its matrix on stacked columns, and the map of a direction that it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from symgrad.core.op import Node, is_zero, variable
from symgrad.core.program import PASSES, Equation
from symgrad.core.roles import Side
from symgrad.printing.derived import Lettered
from symgrad.printing.equations import WHERE, aligned, reading_order
from symgrad.printing.indices import is_indexed, map_by_entries, sides, whole_text
from symgrad.printing.latex import Show, Theme
from symgrad.printing.sharing import Sharing
from symgrad.printing.text import unicode_of
from symgrad.rules.brevity import operations
from symgrad.second.hessian import Block

LONG = 40
"""Operations above which a formula is broken up into named parts."""

NO_MATRIX = "a map of the direction: no matrix form is short enough to read"


def block_sides(block: Block, show: Show) -> Iterator[tuple[str, str, Node]]:
    """Left side, relation and right side: the matrix, if any, and the map where matrices take part or nothing else is left."""
    if block.printed is not None:
        yield _derivative(block, show, stacked=True), "=", block.printed
    matrices = 2 in (block.row.ndim, block.column.ndim) and block.column.ndim and not is_zero(block.mapped)
    if block.printed is None or matrices:
        yield f"{_derivative(block, show, stacked=False)}: {show.text(block.v)}", r"\mapsto", block.mapped


def block_rows(block: Block, theme: Theme | None = None) -> Iterator[tuple[str, str, str]]:
    """The same, printed; what a long formula holds more than once under letters that its derivation leaves free."""
    formulas: Lettered = block.formulas
    show = formulas.show(theme)
    equations = [side_equation(*side) for side in block_sides(block, show)]
    if any(operations(eq.expr) > LONG for eq in equations):
        equations = list(Sharing(formulas.sharing.letters.branch()).of(equations))
    yield from printed_sides(equations, show)


def side_equation(left: str, relation: str, right: Node) -> Equation:
    """A side as an equation that is only printed: its symbol has no name and holds the left side."""
    return Equation(variable("", right.shape, role=Side(left, relation)), right)


def printed_sides(equations: Iterable[Equation], show: Show) -> Iterator[tuple[str, str, str]]:
    """Left side, relation and right side of such equations and of the asides that they read."""
    for eq in reading_order(equations):
        if eq.aside:
            left, right = sides(eq.symbol, eq.expr, show)
            yield WHERE + left, "=", right
        else:
            side = eq.symbol.params["role"]
            yield _printed(side.left, side.relation, eq.expr, show)


def _printed(left: str, relation: str, right: Node, show: Show) -> tuple[str, str, str]:
    """A map whose value is written by index is an equation of entries."""
    if relation == "=" or not is_indexed(right):
        return left, relation, whole_text(right, show)
    left, text = map_by_entries(left, right, show)
    return left, "=", text


def _derivative(block: Block, show: Show, stacked: bool) -> str:
    if block.letter:
        return f"{block.letter}_{{{show.text(block.row)} {show.text(block.column)}}}"
    row, column = (_vec(v, show) if stacked else show.text(v) for v in (block.row, block.column))
    if block.value is None:
        return rf"\frac{{\partial {row}}}{{\partial {column}}}"
    below = rf"\partial {row}^{{2}}" if row == column and block.row.ndim < 2 else rf"\partial {row} \, \partial {column}"
    return rf"\frac{{\partial^{{2}} {show.text(block.value)}}}{{{below}}}"


def _vec(v: Node, show: Show) -> str:
    return rf"\operatorname{{vec}} {show.text(v)}" if v.ndim == 2 else show.text(v)


def block_latex(block: Block, theme: Theme | None = None) -> str:
    """The rows as one `align` environment."""
    return aligned(block_rows(block, theme))


def block_text(block: Block) -> str:
    """The rows as a terminal shows them."""
    lines = [" ".join(map(unicode_of, row)) for row in block_rows(block)]
    return "\n".join([*lines, f"({NO_MATRIX})"] if block.printed is None else lines)


PASSES["block latex"] = block_latex
PASSES["block text"] = block_text
