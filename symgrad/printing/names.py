"""From the author's identifiers to mathematical letters: W1 to W_1 or W^{(1)}, lam to lambda, Wxh to W_{xh}."""

from __future__ import annotations

import re
from typing import Any

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
).split()
LETTERS = {name: rf"\{name}" for name in _GREEK} | {"lam": r"\lambda", "eps": r"\epsilon", "ell": r"\ell"}
LETTERS |= {"Lam": r"\Lambda", "sig": r"\sigma"}
GREEK = dict(zip("αβγδεζηθικμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩλ", [*_GREEK, "lambda"], strict=True))
ACCENTS = {"hat": r"\hat", "tilde": r"\tilde"}


def latex_name(identifier: str, superscript: bool = False) -> str:
    """A letter with its index; several letters in a row stand upright as a word."""
    identifier = "".join(GREEK.get(c, c) for c in identifier)
    head, _, tail = identifier.strip("_").partition("_")
    if tail in ACCENTS:
        return f"{ACCENTS[tail]}{{{latex_name(head, superscript)}}}"
    base, index = _letter(head)
    indices = [i for i in (index, *(_index(t) for t in tail.split("_") if t)) if i]
    if not indices:
        return base
    if superscript and indices[0].isdigit():
        rest = f"_{{{','.join(indices[1:])}}}" if indices[1:] else ""
        return f"{base}^{{({indices[0]})}}{rest}"
    joined = ",".join(indices)
    return f"{base}_{joined}" if len(joined) == 1 else f"{base}_{{{joined}}}"


def _letter(word: str) -> tuple[str, str]:
    stem, digits = re.fullmatch(r"(.*?)(\d*)", word).groups()  # type: ignore[union-attr]
    if stem in LETTERS:
        return LETTERS[stem], digits
    if len(stem) == 1:
        return stem, digits
    if re.fullmatch(r"[A-Z][a-z]{1,2}", stem):
        return stem[0], stem[1:] + digits
    return (rf"\mathrm{{{stem}}}" if stem else r"\mathrm{x}"), digits


def _index(word: str) -> str:
    if word in LETTERS:
        return LETTERS[word]
    return word if word.isdigit() or len(word) == 1 else rf"\mathrm{{{word}}}"


def latex_symbol(symbol: Any, theme: Any) -> str:
    """A symbol: a name, or an accent over another symbol."""
    if isinstance(symbol, str):
        return latex_name(symbol, theme.superscript)
    kind, *rest = symbol
    if kind == "bar":
        return theme.adjoint(latex_symbol(rest[1], theme), latex_symbol(rest[0], theme))
    if kind == "dot":
        return theme.tangent(latex_symbol(rest[0], theme))
    if kind == "gnvp":
        return rf"(G v)_{{{latex_symbol(rest[0], theme)}}}"
    if kind == "differential":
        return rf"\mathrm{{d}}{latex_symbol(rest[0], theme)}"
    letter, base = rest
    return f"{letter}_{{{latex_symbol(base, theme)}}}"
