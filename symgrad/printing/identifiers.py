"""From the author's identifiers to mathematical letters: W1 to W_1 or W^{(1)}, lam to lambda, Wxh to W_{xh}."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import sympy

from symgrad.core.roles import Adjoint, CurvatureProduct, Differential, Direction, Of, Row, Symbol, Tangent
from symgrad.printing.text import unicode_of

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
).split()
LETTERS = {name: rf"\{name}" for name in _GREEK} | {"eps": r"\epsilon", "ell": r"\ell", "Lam": r"\Lambda", "sig": r"\sigma"}
LETTERS |= dict.fromkeys(("lam", "lamb", "lmbda", "lambd"), r"\lambda")
GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", _GREEK, strict=True))
_ACCENTS = {"hat": r"\hat", "tilde": r"\tilde"}
FUNCTION_WORDS = frozenset(
    "arg cos cosh cot det diag exp inf lim ln log max min prod sec sign sin sinh sum sup tan tanh tr trace vec".split()
)
"""Words that take what stands below or beside them for an argument: log_2 is no variable with an index."""


@dataclass(frozen=True)
class Name:
    """How an identifier prints: a letter or an upright word, its indices, and an accent over both."""

    letter: str
    indices: tuple[str, ...] = ()
    accent: str = ""

    def latex(self, superscript: bool = False) -> str:
        text = self._with_indices(superscript)
        return rf"{self.accent}{{{text}}}" if self.accent else text

    def _with_indices(self, superscript: bool) -> str:
        if not self.indices:
            return self.letter
        first, *rest = self.indices
        if superscript and first.isdigit():
            return f"{self.letter}^{{({first})}}" + (f"_{{{','.join(rest)}}}" if rest else "")
        joined = ",".join(self.indices)
        return f"{self.letter}_{joined}" if len(joined) == 1 else f"{self.letter}_{{{joined}}}"


@functools.cache
def name_of(identifier: str) -> Name:
    """A letter with its indices; several letters in a row stand upright as a word."""
    plain = "".join(GREEK.get(c, c) for c in identifier).strip("_")
    head, _, tail = plain.partition("_")
    if tail in _ACCENTS:
        return replace(name_of(head), accent=_ACCENTS[tail])
    letter, index = _letter(head)
    parts = [part for part in tail.split("_") if part]
    if letter.startswith(r"\mathrm") and (head.rstrip("0123456789") in FUNCTION_WORDS or not all(map(str.isdigit, parts))):
        return Name(word(plain))
    return Name(letter, tuple(i for i in (index, *map(_index, parts)) if i))


def spellings(identifier: str) -> Iterator[Name]:
    """The same name in other ways, for where something else prints as the first: m and m_- for m_, W_1 and an upright W1 for W1."""
    first = name_of(identifier)
    yield first
    if after := len(identifier) - len(identifier.rstrip("_")):
        yield replace(first, indices=(*first.indices, "-" * after))
    plain = identifier.strip("_")
    if re.fullmatch(r"[^_]+\d", plain):
        yield Name(word(plain))
    elif re.search(r"_\d+$", plain) and first.indices:
        yield replace(first, indices=(*first.indices[:-1], f"({first.indices[-1]})"))
    bold = replace(first, letter=rf"\boldsymbol{{{first.letter}}}")
    yield bold
    stars = ""
    while True:
        stars += "*"
        yield replace(bold, indices=(*bold.indices, stars))


def word(text: str) -> str:
    return rf"\mathrm{{{text.replace('_', chr(92) + '_')}}}"


def _letter(stem_and_digits: str) -> tuple[str, str]:
    stem, digits = re.fullmatch(r"(.*?)(\d*)", stem_and_digits).groups()  # type: ignore[union-attr]
    if stem in LETTERS:
        return LETTERS[stem], digits
    if len(stem) == 1:
        return stem, digits
    if re.fullmatch(r"[A-Z][a-z]{1,2}", stem):
        return stem[0], stem[1:] + digits
    return word(stem or "x"), digits


def _index(part: str) -> str:
    """Up to two letters are indices of their own, as in W_{xh}; more are a word."""
    if part in LETTERS:
        return LETTERS[part]
    return part if part.isdigit() or len(part) <= 2 else word(part)


Choices: TypeAlias = tuple[str, ...]
"""The letter that stands for an operation in print, and what stands for it where the author has that letter."""

TANGENT: Choices = (r"\mathcal{R}", r"\mathcal{D}", r"\mathcal{T}", r"\mathcal{L}")
"""The derivative along a direction, Pearlmutter's R{.}."""

DELTA: Choices = (r"\delta", r"\boldsymbol{\delta}")
"""Kronecker's."""


@dataclass(frozen=True)
class Notation:
    """How each identifier prints (`names`, `dims`) and each letter of an operation; what is not among them keeps its first form.

    `texts` are what all of them look like on a terminal.
    """

    names: Mapping[Any, Name] = field(default_factory=dict)
    dims: Mapping[str, Name] = field(default_factory=dict)
    letters: Mapping[Choices, str] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()

    @cached_property
    def taken(self) -> frozenset[str]:
        """The letters of names and dimensions, whatever their indices."""
        return frozenset(name.letter for name in (*self.names.values(), *self.dims.values()))

    def name(self, identifier: str) -> Name:
        return self.names.get(identifier) or name_of(identifier)

    def dim(self, identifier: str) -> Name:
        return self.dims.get(identifier) or name_of(identifier)

    def letter(self, choices: Choices) -> str:
        return self.letters.get(choices) or free_letter(choices, self.texts)


def free_letter(choices: Choices, texts: Set[str]) -> str:
    """The first that looks like none of these; the last where all do."""
    return next((c for c in choices if unicode_of(c) not in texts), choices[-1])


def latex_symbol(symbol: Symbol, theme: Any, notation: Notation) -> str:
    """A symbol: a name, or an accent over another symbol."""
    if isinstance(symbol, str):
        return notation.name(symbol).latex(theme.superscript)
    if symbol in notation.names:
        return notation.names[symbol].latex()
    assert isinstance(symbol, Of)
    if isinstance(symbol, Row):
        return _with_index(symbol, theme, notation)
    of = latex_symbol(symbol.of, theme, notation)
    match symbol:
        case Adjoint(_, value):
            return theme.adjoint(latex_symbol(value, theme, notation), of)
        case Tangent():
            return theme.tangent(of, notation.letter(TANGENT))
        case CurvatureProduct():
            return rf"(G v)_{{{of}}}"
        case Differential():
            return rf"\mathrm{{d}}{of}"
        case Direction(_, letter):
            return f"{letter}_{{{of}}}"
    raise AssertionError(f"{type(symbol).__name__} does not print")


def _with_index(symbol: Row, theme: Any, notation: Notation) -> str:
    """A name with the number of its row behind its own indices."""
    indices: list[str] = []
    base: Symbol = symbol
    while isinstance(base, Row):
        indices.insert(0, row_number(base.index, notation))
        base = base.of
    if isinstance(base, str):
        name = notation.name(base)
        return replace(name, indices=(*name.indices, *indices)).latex(theme.superscript)
    return rf"\left( {latex_symbol(base, theme, notation)} \right)_{{{','.join(indices)}}}"


def row_number(place: sympy.Expr, notation: Notation) -> str:
    """An index without spaces: t-1."""
    return sympy.latex(place, symbol_names={s: notation.dim(s.name).latex() for s in place.free_symbols}).replace(" ", "")
