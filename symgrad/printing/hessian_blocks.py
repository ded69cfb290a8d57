"""The blocks of a Hessian or Jacobian in a document: which are looked for, which are short enough to print, which are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from symgrad.core.program import Equation
from symgrad.errors import UnsupportedError
from symgrad.printing.blocks import block_sides, printed_sides, side_equation
from symgrad.printing.derived import Derived
from symgrad.printing.elements import EquationLine, Formulas, Heading, Inline, Math, Part, Prose
from symgrad.printing.equations import WHERE, WIDEST
from symgrad.printing.indices import whole_text
from symgrad.printing.latex import Show
from symgrad.printing.sharing import Sharing
from symgrad.printing.text import unicode_of
from symgrad.rules.brevity import operations

LONGEST_BLOCK = 2 * WIDEST
"""Characters of a Hessian block, as the terminal counts them, above which its product stands for it."""

MOST_BLOCKS = 21
"""Blocks of a Hessian that are printed: those of six variables."""

_DEEPEST = 16
"""Equations of a forward pass above which no Hessian block is short enough to be worth its making."""


def hessian_parts(d: Derived, show: Show, sharing: Sharing, product: str) -> Iterator[Part]:
    """The blocks that are short enough to read, and what is said of the others, for which the `product` stands."""
    yield from _Blocks(d, show, Show(show.theme), sharing).parts(product)


@dataclass
class _Blocks:
    d: Derived
    show: Show
    trial: Show
    sharing: Sharing

    def parts(self, product: str) -> Iterator[Part]:
        found = {pair: list(self._block(*pair)) for pair in self._pairs()}
        lines = list(self._lines(equation for equations in found.values() for equation in equations))
        yield Heading("Hessian" if self.d.is_scalar else "Jacobian")
        if lines:
            yield Prose(tuple(self._opening(lines)))
            yield Formulas(tuple(lines))
        missing = list(self._missing([pair for pair, equations in found.items() if not equations], len(found)))
        if missing:
            yield Prose((*missing, f"; the {product} above stands for what is not printed."))

    def _opening(self, lines: Sequence[EquationLine]) -> Iterator[Inline]:
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
            yield from listed([Math(f"({names[a]}, {names[b]})" if self.d.is_scalar else names[b]) for a, b in long])
        if 0 < looked_for < len(self._all_pairs()):
            yield ("; of" if long else "Of") + " so many variables only the blocks on the diagonal are looked for"

    def _lines(self, equations: Iterable[Equation]) -> Iterator[EquationLine]:
        for left, relation, right in printed_sides(self.sharing.of(equations), self.show):
            yield EquationLine(left, right, relation=relation, aside=left.startswith(WHERE))

    def _all_pairs(self) -> list[tuple[str, str]]:
        """The blocks of a Hessian on and above its diagonal, those of a Jacobian in a row."""
        names = [str(v) for v in self.d.wrt]
        rows_of = names if self.d.is_scalar else names[:1]
        return [(a, b) for i, a in enumerate(rows_of) for b in (names[i:] if self.d.is_scalar else names)]

    def _pairs(self) -> list[tuple[str, str]]:
        """Those of them that are looked for."""
        pairs = self._all_pairs()
        if len(self.d.program.equations) > _DEEPEST:
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
            if operations(right) <= LONGEST_BLOCK and len(unicode_of(whole_text(right, self.trial))) <= LONGEST_BLOCK:
                yield side_equation(left, relation, right)


def listed(pieces: Sequence[Inline]) -> Iterator[Inline]:
    """a, b and c."""
    for i, piece in enumerate(pieces):
        yield from [] if i == 0 else [" and " if i == len(pieces) - 1 else ", "]
        yield piece
