"""Long formulas cut into lines: before plus and minus where possible, else before other signs, in brackets as a last resort."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

from symgrad.printing.text import joined, parts, unicode_of

_TOKEN = re.compile(r"\\(?:left|right)(?:\\(?:[a-zA-Z]+|.)|.)|\\begin|\\end|\\[lr][Vv]ert|\\.|[{}()\[\]]| +")
_BRACE = re.compile(r"\\.|[{}]")
_OPENING = frozenset({"{", "[", r"\{", r"\begin", r"\lVert", r"\lvert"})
_CLOSING = frozenset({"}", "]", r"\}", r"\end", r"\rVert", r"\rvert"})
_SIGN = re.compile(r"(?P<sum>[+-] )|\\(?:odot|oslash(?:_\{[^{}]*\})?|otimes|cdot) ")
_NO_CUT_AFTER = re.compile(r"(?:^|[(+=,-]|\\[a-z]+|\\(?:sum|prod|max|min|oslash)_\{[^{}]*\}|\\[,;!])$")
_NO_CUT_BEFORE = re.compile(r"\\right|[)=^_,]|$")

_SUM, SIGN, FACTOR, DEEPER, SHORT = 0, 3, 4, 3, 5
"""What a cut costs: before plus and minus, before another sign, between factors, per pair of brackets, for an empty line."""


NEAR = 24
"""Characters on either side that decide whether a place may be cut."""


@dataclass(frozen=True)
class _Cut:
    position: int
    cost: int


def broken(text: str, width: int) -> list[str]:
    """The formula in pieces of at most `width` characters, as the terminal counts them, wherever it can be cut."""
    if len(text) <= width:
        return [text]
    text = _opened(text, width)
    cuts, pairs = _read(text)
    places = list(_chosen(text, cuts, width))
    text = _with_fixed_sizes(text, pairs, places)
    return [text[a:b].strip() for a, b in pairwise([0, *places, len(text)])]


def _opened(text: str, width: int) -> str:
    r"""Fractions too long for a line written as 1/b (a), which can be cut."""
    at = 0
    while (at := text.find(r"\frac{", at)) >= 0:
        middle = _end(text, at + 5)
        after = _end(text, middle)
        if after - at > width and _length(text[at:after]) > width and _outside(text, at):
            top, bottom = text[at + 6 : middle - 1], text[middle:after]
            text = rf"{text[:at]}\frac{{1}}{bottom} \left( {top} \right){text[after:]}"
            at += len(rf"\frac{{1}}{bottom}")
        else:
            at += 5
    return text


def _outside(text: str, at: int) -> bool:
    """Does no group open before here and close behind it?"""
    return text.count("{", 0, at) - text.count(r"\{", 0, at) == text.count("}", 0, at) - text.count(r"\}", 0, at)


def _end(text: str, start: int) -> int:
    """Where the group that opens here ends."""
    depth = 0
    for match in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    return len(text)


def _chosen(text: str, cuts: list[_Cut], width: int) -> Iterator[int]:
    """Where the lines end: at the cheapest cut that leaves a line that fits; with none that does, at the first there is."""
    between = [parts(text[a:b]) for a, b in pairwise([0, *(cut.position for cut in cuts), len(text)])]
    if len(joined(list(chain.from_iterable(between)))) <= width:
        return
    start = at = 0
    while at < len(cuts):
        fitting, line = [], between[start]
        while at < len(cuts) and (length := len(joined(line))) <= width:
            fitting.append((cuts[at].cost - SHORT * length / width, at))
            at += 1
            line = line + between[at]
        if at == len(cuts) and len(joined(line)) <= width:
            return
        start = at = 1 + (min(fitting)[1] if fitting else at)
        yield cuts[start - 1].position


def _length(text: str) -> int:
    return len(unicode_of(text))


def _read(text: str) -> tuple[list[_Cut], list[tuple[int, int]]]:
    """Every place where the formula may be cut, and its pairs of round brackets by where they stand."""
    cuts: list[_Cut] = []
    pairs: list[tuple[int, int]] = []
    stack: list[tuple[int, bool]] = []
    groups = 0  # that are open and no pair of round brackets
    for match in _TOKEN.finditer(text):
        token, at = match[0], match.start()
        if token in _OPENING or token == "(" or token.startswith(r"\left"):
            stack.append((at, token.endswith("(")))
            groups += not stack[-1][1]
        elif token in _CLOSING or token == ")" or token.startswith(r"\right"):
            opened, is_round = stack.pop() if stack else (at, True)
            groups -= not is_round
            pairs += [(opened, at)] if is_round and opened < at else []
        elif token.isspace() and not groups:
            kind = _kind(text[max(0, at - NEAR) : at], text[match.end() : match.end() + NEAR])
            cuts += [] if kind is None else [_Cut(at, kind + DEEPER * len(stack))]
    return cuts, pairs


def _kind(before: str, after: str) -> int | None:
    """What a cut between these two costs; None where nothing may be torn apart."""
    if not before or before.endswith(("(", "[")):
        return None
    if sign := _SIGN.match(after):
        return _SUM if sign["sum"] else SIGN
    return None if _NO_CUT_AFTER.search(before) or _NO_CUT_BEFORE.match(after) else FACTOR


def _with_fixed_sizes(text: str, pairs: list[tuple[int, int]], places: list[int]) -> str:
    r"""Brackets with the end of a line between them cannot grow by themselves: `\left(` becomes `\Bigl(`, which is as long."""
    torn = [(a, b) for a, b in pairs if text.startswith(r"\left", a) and bisect_right(places, a) < bisect_right(places, b)]
    edits = sorted(edit for a, b in torn for edit in ((a, r"\Bigl("), (b, r"\Bigr) ")))
    pieces, at = [], 0
    for position, bracket in edits:
        pieces += [text[at:position], bracket]
        at = position + len(bracket)
    return "".join([*pieces, text[at:]])
