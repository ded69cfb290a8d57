"""The words of an operation's record, `d(x^p) = p x^(p-1) dx; ...`, as text with the formulas in it set as formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symgrad.printing.identifiers import LETTERS

NAMED = frozenset("exp log sin cos tan tanh det".split())
"""Functions that TeX has names for."""

LETTERS_AND_MAPS = frozenset("tr cof sqrt sigma phi Phi pi".split())
"""Words that are always a formula."""

OTHERS = frozenset("diag sum prod tril vec put set onehot softmax logsumexp broadcast".split())
"""Words that are part of a formula where they stand beside one."""

_SIGNS = {"<": r"\langle ", ">": r" \rangle", "*": r"\odot"}
_SPACED = frozenset({r"\odot", r"\oslash", r"\otimes", r"\cdot", r"\langle", r"\times"})
_SIGNS_AFTER = _SPACED - {r"\langle"} | {r"\rangle", r"\right", r"\rvert", r"\rVert", r"\in", r"\,", ","}
_INDEX = r"(?:_\w|_\{[^{}]*\})?(?:\^\{[^{}]*\})?"
_DIFFERENTIAL = re.compile(rf"(\\mathrm\{{d\}}(?:\\[A-Za-z]+(?:\{{[^{{}}]*\}})?|\w){_INDEX}) (?=[\w\\(])(\\?[A-Za-z]+|\\?.)")
_TOKEN = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)?|\d+|\s+|.")
_BARE = re.compile(r"-?(?:d\()?[(<|]*(?:d?[A-Za-z]|\d+)(?:_[a-z]+)?'?[)>|]*")


@dataclass(frozen=True)
class Formula:
    latex: str


def worded(text: str) -> Iterator[str | Formula]:
    """The text in pieces; a formula goes from its first sign to the end of its clause or the next word."""
    pieces = list(_pieces(text.split(" ")))
    *front, last = pieces
    yield from front
    yield last.rstrip() if isinstance(last, str) else last


def _pieces(chunks: list[str]) -> Iterator[str | Formula]:
    held: list[str] = []
    for i, chunk in enumerate(chunks):
        if _is_open(held) or _is_formula(
            chunk, chunks[i - 1] if i else "", chunks[i + 1] if i + 1 < len(chunks) else "", bool(held)
        ):
            held.append(chunk)
            if chunk[-1] in ",;:." and not _is_open(held):
                yield from _given(held)
                held = []
            continue
        yield from _given(held)
        held = []
        yield chunk + " "
    yield from _given(held)


def _given(held: list[str]) -> Iterator[str | Formula]:
    if held:
        formula = " ".join(held)
        bare = formula.rstrip(",;:.")
        yield Formula(latex(bare))
        yield formula[len(bare) :] + " "


def _is_open(held: list[str]) -> bool:
    text = " ".join(held)
    return text.count("<") > text.count(">") or text.count("(") > text.count(")")


def _is_formula(chunk: str, before: str, after: str, goes_on: bool) -> bool:
    bare = chunk.rstrip(",;:.")
    if bare in ("a", "A", "I") and re.fullmatch(r"[a-z]{2,}[.,:;]?", after) and after.rstrip(".,:;") not in NAMED:
        return False
    word = re.sub(r"\W.*", "", bare.lstrip("(<|"))
    if bare == "do":
        return False
    if word in NAMED | LETTERS_AND_MAPS or (word in OTHERS and (goes_on or "(" in bare or before in ("d", "(log"))):
        return True
    return bool(re.search(r"[<>=^*/|\[\]_]", bare) or bare in ("+", "-") or _BARE.fullmatch(bare))


def latex(formula: str) -> str:
    """The formula of a record in LaTeX."""
    out: list[str] = []
    tokens = _TOKEN.findall(formula)
    at = 0
    while at < len(tokens):
        made, at = _one(tokens, at, out)
        out.append(made)
    return spaced(re.sub(r" +", " ", "".join(out)).strip())


def spaced(formula: str) -> str:
    """A thin space before and after the differential of a factor, dX Y + X dY; a sign has spaces of its own."""
    formula = re.sub(r"(\\[A-Za-z]+|[\w})\]]) (?=\\mathrm\{d\})", lambda m: m[0] if m[1] in _SPACED else rf"{m[1]} \, ", formula)
    return _DIFFERENTIAL.sub(lambda m: m[0] if m[2] in _SIGNS_AFTER else rf"{m[1]} \, {m[2]}", formula)


def _one(tokens: list[str], at: int, out: list[str]) -> tuple[str, int]:
    token = tokens[at]
    if token == "^":
        return _exponent(tokens, at + 1)
    if token == "sqrt":
        at += 1 + (tokens[at + 1] == " ")
        inside, at = _group(tokens, at)
        return rf"\sqrt{{{latex(inside)}}}", at
    if token == "|":
        return (r"\lvert " if "".join(out).count(r"\lvert") == "".join(out).count(r"\rvert") else r" \rvert "), at + 1
    return (_word(token) if token[0].isalpha() else _SIGNS.get(token, token)), at + 1


def _group(tokens: list[str], at: int) -> tuple[str, int]:
    """What stands in round brackets here, or one token."""
    if tokens[at] != "(":
        return tokens[at], at + 1
    depth, end = 1, at + 1
    while depth:
        depth += {"(": 1, ")": -1}.get(tokens[end], 0)
        end += 1
    return "".join(tokens[at + 1 : end - 1]), end


def _exponent(tokens: list[str], at: int) -> tuple[str, int]:
    sign = "-" if tokens[at] == "-" else ""
    inside, at = _group(tokens, at + len(sign))
    power = r"\top" if inside == "T" else latex(inside)
    return f"^{{{sign}{power}}}", at


def _word(word: str) -> str:
    head, _, index = word.partition("_")
    if index == "bar":
        return rf"\bar{{{head}}}"
    if index:
        return f"{_word(head)}_{{{index}}}"
    if word in NAMED:
        return rf"\{word} "
    if word in LETTERS:
        return f"{LETTERS[word]} "
    if word in OTHERS | LETTERS_AND_MAPS:
        return rf"\operatorname{{{word}}}"
    if len(word) == 2 and word[0] == "d":
        return rf"\mathrm{{d}}{word[1]}"
    if word == "d":
        return r"\mathrm{d}"
    return word if len(word) == 1 else rf"\text{{ {word} }}"
