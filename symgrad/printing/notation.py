"""What names, dimensions and letters of operations print as: one injective map for all that a derivation shows.

Constants such as pi and functions keep their signs; the author's names come next, in their order; dimensions and the letters of
operations give way to them.  What looks alike on a terminal is taken for one sign, whatever its LaTeX.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import sympy

from symgrad.core.graph import postorder
from symgrad.core.op import ATOM, CONSTANT, VARIABLE, Node, variable
from symgrad.core.roles import Adjoint, Direction, Of, Printed, Row, Symbol
from symgrad.core.source import symbolic
from symgrad.printing.identifiers import (
    DELTA,
    FUNCTION_WORDS,
    TANGENT,
    Choices,
    Name,
    Notation,
    free_letter,
    latex_symbol,
    name_of,
    spellings,
)
from symgrad.printing.latex import Show, Theme
from symgrad.printing.text import unicode_of

_BLANK = Printed("x", ATOM)
_WORD = re.compile(rf"\\operatorname\{{([^{{}}]*)\}}|\\({'|'.join(sorted(FUNCTION_WORDS))})\b")


def notation_of(
    symbols: Iterable[Node], roots: Iterable[Node] = (), functions: Iterable[str] = (), alike: Collection[Symbol] = ()
) -> Notation:
    """The map for these variables and for what these expressions hold; `functions` are generic ones.

    Names give way to rows, h0 to the row h_0, but for rows that are `alike`: another word for the variable of that name.
    """
    nodes = list(postorder(roots))
    variables = [*symbols, *(n for n in nodes if n.op is VARIABLE)]
    taken = {unicode_of(sympy.latex(c)) for c in constants(nodes)} | {unicode_of(w) for n in operators(nodes) for w in words(n)}
    bases = dict.fromkeys([*(base for v in variables for base in _bases(v.params["role"])), *functions])
    taken |= {unicode_of(rf"\mathrm{{d}}{name_of(b).latex()}") for b in bases if f"d{b}" in bases}
    rows = dict.fromkeys(row for v in variables for row in _rows(v.params["role"]) if row not in alike)
    taken |= {unicode_of(latex_symbol(row, Theme(), Notation())) for row in rows}
    crowded, names = _crowded([b for b in bases if isinstance(b, str)]), dict[Any, Name]()
    for base in bases:
        ways = spellings(base) if isinstance(base, str) else _directions(base, names)
        names[base] = _free(itertools.islice(ways, int(_stem(base) in crowded), None), taken)
    dims = {d: _free(_sizes(d), taken) for d in dict.fromkeys(dimensions_in([*variables, *nodes]))}
    letters: dict[Choices, str] = {}
    for choices in dict.fromkeys([TANGENT, DELTA, *(n.op.letter for n in nodes if n.op.letter)]):
        letters[choices] = free_letter(choices, taken)
        taken.add(unicode_of(letters[choices]))
    return Notation(names, dims, letters, frozenset(taken))


def constants(nodes: Iterable[Node]) -> set[sympy.Expr]:
    """Numbers that have a letter: pi, e."""
    return {atom for n in nodes if n.op is CONSTANT for atom in symbolic(n.params["value"]).atoms(sympy.NumberSymbol)}


def dimensions_in(nodes: Iterable[Node]) -> Iterator[str]:
    """Of shapes and of numbers such as 1 / n."""
    for d in dict.fromkeys(d for n in nodes for d in (*n.shape, *((n.params["value"],) if n.op is CONSTANT else ()))):
        yield from sorted(s.name for s in symbolic(d).free_symbols)


def operators(nodes: Iterable[Node]) -> Iterator[Node]:
    """One node of each operation."""
    yield from {n.op: n for n in nodes if n.args}.values()


def words(node: Node) -> Iterator[str]:
    """The words in the sign of an operation: tr, log, max."""
    blank = [variable("", x.shape, role=_BLANK) if x.op is not CONSTANT else x for x in node.args]
    for word, command in _WORD.findall(Show().text(node.op.node(*blank, **node.params))):
        yield word or command


def _bases(symbol: Symbol) -> Iterator[Symbol]:
    """The names that a symbol is made of; a direction V_W is one of its own."""
    match symbol:
        case str():
            yield symbol
        case Adjoint(of, value):
            yield from (*_bases(of), *_bases(value))
        case Direction(of):
            yield from (*_bases(of), symbol)
        case Of(of):
            yield from _bases(of)


def _rows(symbol: Symbol) -> Iterator[Row]:
    """The rows of names that a symbol is made of."""
    if isinstance(symbol, Row):
        yield symbol
    elif isinstance(symbol, Of):
        yield from _rows(symbol.of)


def _stem(base: Any) -> str:
    """x of x_2, the second thing that was called x; "" of anything else."""
    found = re.fullmatch(r"(.+)_\d+", base) if isinstance(base, str) else None
    return found[1] if found else ""


def _crowded(bases: Sequence[str]) -> set[str]:
    """The stems of which one member looks like another name: x_2, x_3, x_4 print as x_(2), x_(3), x_(4) beside an x2."""
    stems: dict[str, set[str]] = defaultdict(set)
    for base in bases:
        stems[name_of(base).latex()].add(_stem(base))
    return {stem for found in stems.values() if len(found) > 1 for stem in found} - {""}


def _sizes(dimension: str) -> Iterator[Name]:
    """The dimension h of a model that has a vector h is n_h."""
    yield name_of(dimension)
    yield Name("n", (name_of(dimension).latex(),))
    yield from spellings(dimension)


def _directions(symbol: Any, names: dict[Any, Name]) -> Iterator[Name]:
    letter, base = symbol.letter, symbol.of
    below = names[base].latex() if isinstance(base, str) else name_of(str(base)).latex()
    for choice in (letter, rf"\boldsymbol{{{letter}}}", rf"\widehat{{{letter}}}"):
        yield Name(choice, (below,))


def _free(choices: Iterator[Name], taken: set[str]) -> Name:
    """The first spelling that looks like nothing else, with indices below and above."""
    for name in choices:
        texts = {unicode_of(name.latex()), unicode_of(name.latex(superscript=True))}
        if not texts & taken:
            taken |= texts
            return name
    raise AssertionError("spellings do not end")
