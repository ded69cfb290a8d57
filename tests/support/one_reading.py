"""Every place of a printed formula, in LaTeX or as a terminal shows it, that a reader could take in two ways.

It knows nothing of the package: tokens, brackets and what stands side by side.  `shapes` says what is known of the names:
the rows and columns of an array, () of a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

Shape = tuple[object, ...]

SIGNS = {r"\odot": "⊙", r"\oslash": "⊘", r"\otimes": "⊗", r"\cdot": "·", "⊙": "⊙", "⊘": "⊘", "⊗": "⊗", "·": "·", "/": "/"}
SEPARATORS = frozenset("+ - = , ; : < > & ≤ ≥ ≠ ↦ → % ×".split()) | {
    r"\times",
    r"\ge",
    r"\le",
    r"\ne",
    r"\to",
    r"\\",
    r"\bmod",
    r"\text",
    "if",
    "otherwise",
}
BRACKETS = {
    "(": ")",
    "[": "]",
    "{": "}",
    r"\{": r"\}",
    r"\langle": r"\rangle",
    "⟨": "⟩",
    r"\lfloor": r"\rfloor",
    "⌊": "⌋",
    "⟦": "⟧",
}
BARS = {r"\lvert": r"\rvert", r"\lVert": r"\rVert", "|": "|", "‖": "‖"}
WORDS = frozenset({r"\operatorname", r"\mathbf", r"\mathrm", r"\mathcal", r"\mathbb", r"\bar", r"\dot", r"\hat", r"\tilde"})
FUNCTIONS = frozenset(r"\exp \log \sin \cos \tan \sinh \cosh \tanh \max \min \det \arcsin \arccos \arctan".split())
LARGE = frozenset({r"\sum", r"\prod", "∑", "∏"})
SILENT = frozenset({r"\left", r"\right", r"\,", r"\!", r"\;", r"\ "})
NAMES_OF_FUNCTIONS = frozenset(
    "exp log sin cos tan sinh cosh tanh max min det diag tr softmax logsumexp relu sign erf vec put".split()
)

_LATEX = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_MARKED = r"[\u0300-\u036f]*"
_NAME = r"[^\s/()+\-⊙⊘⊗,{}]+(?:_\{[^{}]*\})?"
_DIFFERENTIALS = rf"∂[²³]?(?:\([^()]*\)|{_NAME})/(?:∂{_NAME}|\((?:∂[^()]*)\))"
_TEXT = re.compile(rf"{_DIFFERENTIALS}|\d+(?:\.\d+)?|[A-Za-z]{{2,}}\d+[A-Za-z]*|[^\W\d_]+{_MARKED}|\s+|.", re.DOTALL)
_SUPER = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿᵀⁱ")
_DIGITS = frozenset("₀₁₂₃₄₅₆₇₈₉")
_SUB = frozenset("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ'")


@dataclass(eq=False)
class Factor:
    """One factor: what it begins with, what sort of thing it is, what is known of its shape, and what stands above it."""

    name: str
    kind: str = "name"
    shape: Shape | None = None
    transposed: bool = False
    raised: bool = False


@dataclass
class Level:
    """What stands between two brackets: terms, each a row of factors and signs, and the bars outside of further brackets."""

    terms: list[list[Factor | str]] = field(default_factory=lambda: [[]])
    bars: set[str] = field(default_factory=set)


class _Reader:
    def __init__(self, tokens: list[str], shapes: Mapping[str, Shape], latex: bool) -> None:
        self.tokens, self.at, self.latex = tokens, 0, latex
        self.shapes = dict(sorted(shapes.items(), key=lambda item: -len(item[0])))
        self.complaints: list[str] = []

    def complain(self, text: str) -> None:
        self.complaints.append(text)

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1] if self.at <= len(self.tokens) else ""

    def blanks(self) -> None:
        while self.peek() and (self.peek().isspace() or self.peek() in SILENT):
            self.next()

    def level(self, closing: str) -> Level:
        found = Level()
        while True:
            self.blanks()
            token = self.peek()
            if not token or (token == closing and not (closing in "|‖" and self.opens())):
                self.next()
                break
            if token in SEPARATORS:
                self.next()
                if token == r"\text":
                    self.group()
                found.terms.append([])
            elif token in SIGNS and not (token == "/" and self.latex):
                found.terms[-1].append(SIGNS[self.next()])
                self.indexed()
            elif token == "/":
                self.next()  # an exponent of halves, in braces of its own
                found.terms.append([])
            else:
                found.terms[-1].append(self.factor(found))
        for term in found.terms:
            self.judge(term)
        return found

    def indexed(self) -> None:
        """What a sign itself has below it: the value of a quotient of zeros."""
        if self.peek() == "_":
            self.next()
            self.group()
        while self.peek() and self.peek() in _SUB:
            self.next()

    def opens(self) -> bool:
        """Does a bar open here, as spaces tell?"""
        before, after = self.tokens[self.at - 1], self.tokens[self.at + 1 : self.at + 2]
        return before.isspace() and not "".join(after).isspace()

    # factors ---------------------------------------------------------------------------------------------------------------

    def factor(self, level: Level) -> Factor:
        if (name := self.named()) is not None:
            found = Factor(name, "name", self.shapes[name])
            return self.scripted(found)
        token = self.next()
        if token in (r"\nabla", "∇"):
            return self.derived(level)
        if token in BARS:
            inner = self.level(BARS[token])
            level.bars.add(token)
            if token in inner.bars:
                self.complain(f"bars within bars: {token}")
            return self.scripted(Factor(token, "bars"))
        if token in BRACKETS:
            inner = self.level(BRACKETS[token])
            if token == "{" and self.peek() == "_":
                self.complain("an index of what has one")
            level.bars |= inner.bars if token == "{" and self.latex else set()
            return self.scripted(Factor(token, "bracket"))
        if token in LARGE:
            return self.scripted(Factor(token, "large"))
        if token == r"\frac":
            inside = self.group() + " " + self.group()
            arrays = any(shape and name in inside for name, shape in self.shapes.items())
            return self.scripted(Factor(token, "fraction", None if arrays or "X_" in inside else ()))
        if token in (r"\sqrt", "√", "∛"):
            return self.root(token)
        if token == r"\mathbf":
            digit = self.group_text()
            return self.indicated(Factor(digit, "ones" if digit == "1" else "name"))
        if token == "𝟏":
            return self.indicated(Factor("1", "ones"))
        if token in WORDS:
            word = self.group_text()
            return self.applied(Factor(word, "function" if token == r"\operatorname" else "name"))
        if token in FUNCTIONS or token in NAMES_OF_FUNCTIONS:
            return self.applied(Factor(token, "function"))
        kind = "number" if token[0].isdigit() else "name"
        return self.applied(Factor(token, kind))

    def derived(self, level: Level) -> Factor:
        """The derivative of a function, which stands in front of it as one factor."""
        self.scripted(Factor("∇"))
        self.blanks()
        found = self.factor(level)
        if self.peek() == "[":
            self.level(BRACKETS[self.next()])
        return found

    def named(self) -> str | None:
        """A name whose shape is known, as the longest of them that stands here."""
        for name in self.shapes:
            size, text = 0, ""
            while len(text) < len(name) and self.at + size < len(self.tokens):
                text += self.tokens[self.at + size]
                size += 1
            after = self.tokens[self.at + size] if self.at + size < len(self.tokens) else ""
            if text == name and after not in ("(", "_") and not (after and after in _SUB):
                self.at += size
                return name
        return None

    def applied(self, found: Factor) -> Factor:
        """Scripts, primes and, at once behind them, the brackets of a function."""
        self.scripted(found)
        before = self.at
        while self.peek() == r"\left":
            self.next()
        if self.peek() in ("(", "["):
            self.level(BRACKETS[self.next()])
            found.kind = "applied"
            return self.scripted(found)
        self.at = before
        if self.peek() == "{" and not self.latex and found.name in ("R", "ℛ"):
            self.next()
            self.level("}")
            return self.scripted(Factor("R{}", "name"))
        if found.kind == "function" and found.name not in (r"\max", r"\min", "max", "min"):
            self.blanks()
            if found.name in (r"\log", "log") and self.peek() in BARS:
                self.level(BARS[self.next()])
                return Factor(found.name, "applied")
            self.complain(f"{found.name} is applied without brackets")
        return found

    def indicated(self, found: Factor) -> Factor:
        """A vector of ones, or what is 1 where a relation holds."""
        if self.peek() != "[":
            return self.scripted(found)
        self.level(BRACKETS[self.next()])
        return self.scripted(Factor(found.name, "applied"))

    def scripted(self, found: Factor) -> Factor:
        below = ""
        while self.peek() and (self.peek() in ("^", "_", "'") or self.peek() in _SUPER or self.peek() in _SUB):
            mark = self.next()
            if (below == "_" and mark in _SUB - {"'"}) or (below in _DIGITS and mark in _SUB - _DIGITS - set("'₊₋₍₎")):
                self.complain(f"an index of {found.name}, which has one")
            below = mark if mark == "_" or mark in _SUB else ""
            found.raised |= mark in _SUPER or mark == "^"
            if mark in _SUPER:
                found.transposed ^= mark == "ᵀ"
            elif mark == "^":
                found.transposed ^= self.exponent() == r"\top"
            elif mark == "_":
                self.group()
        return found

    def exponent(self) -> str:
        if self.latex:
            return self.group()
        if self.peek() == "⊙":
            self.next()
            if self.peek() != "(" and len(self.peek()) != 1:
                self.complain(f"an exponent {self.peek()} without brackets")
            text = self.group()
            if self.peek() in ("/", ".") or (self.peek() and self.peek()[0].isdigit()):
                self.complain("an exponent goes on behind what can be told to stand above")
            return text
        return self.group()

    def group(self) -> str:
        """What stands in the next brackets, judged, or the next token."""
        start = self.at
        token = self.next()
        if token in BRACKETS:
            self.level(BRACKETS[token])
        return "".join(self.tokens[start : self.at]).strip("{} ")

    def group_text(self) -> str:
        self.next()
        text = ""
        while self.peek() != "}":
            text += self.next()
            if text.endswith("{"):
                text += self.group_text() + "}"
        self.next()
        return text

    def root(self, token: str) -> Factor:
        if self.latex:
            if self.peek() == "[":
                self.group()
            self.group()
            return self.scripted(Factor(token, "root"))
        if self.peek() == "(":
            self.next()
            self.level(")")
        else:
            self.next()
            while self.peek() and self.peek() in _SUB:
                self.next()
            if self.peek() == "_":
                self.next()
                self.group()
            if self.peek() in ("(", "^") or self.peek() in _SUPER:
                self.complain("a root whose end cannot be told")
        return Factor(token, "root")

    # terms -----------------------------------------------------------------------------------------------------------------

    def judge(self, term: list[Factor | str]) -> None:
        signs = [x for x in term if isinstance(x, str) and x != "·"]
        segments: list[list[Factor]] = [[]]
        for x in term:
            if isinstance(x, Factor):
                segments[-1].append(x)
            elif x != "·":
                segments.append([])
        if len(set(signs)) > 1 or signs.count("⊘") > 1 or signs.count("/") > 1:
            self.complain(f"{' and '.join(signs)} at one level")
        if set(signs) & {"⊙", "⊘", "/"} and any(len(s) > 1 for s in segments):
            self.complain(f"factors side by side beside {signs[0]}: {[f.name for s in segments for f in s]}")
        for segment in segments:
            self.chain(segment, term)

    def chain(self, factors: list[Factor], term: list[Factor | str]) -> None:
        for before, after in pairwise(factors):
            dotted = term[term.index(after) - 1] == "·"
            if after.kind == "number" and not dotted and before.kind in ("number", "name") and not before.raised:
                self.complain(f"the number {after.name} behind {before.name}")
        arrays: Shape | None = ()
        for f in factors:
            if f.kind == "large":
                return
            shape = self.shape(f)
            if shape is None:
                arrays = None
            elif shape and arrays is not None:
                if arrays == (1, 1):
                    self.complain(f"the number x^T y beside the array {f.name}")
                if arrays and "?" not in (arrays[1], shape[0]) and arrays[1] != shape[0]:
                    self.complain(f"{f.name} does not fit behind {arrays}")
                arrays = (arrays[0], shape[1]) if arrays else shape

    def shape(self, f: Factor) -> Shape | None:
        """Rows and columns of one factor; None where nothing is known, () of a number."""
        if f.kind in ("number", "bars"):
            return ()
        shape: Shape | None = ("?", 1) if f.kind == "ones" else f.shape
        return tuple(reversed(shape)) if shape and f.transposed else shape


def complaints(text: str, shapes: Mapping[str, Shape], latex: bool) -> list[str]:
    """What a reader could take in two ways in this formula."""
    reader = _Reader(list(_tokens(text, shapes, latex)), shapes, latex)
    while reader.at < len(reader.tokens):
        reader.level("")
    return reader.complaints


_ENVIRONMENTS = (
    (r"\left\{\begin{array}{ll}", r"\{"),
    (r"\end{array}\right.", r"\}"),
    (r"\begin{bmatrix}", "["),
    (r"\end{bmatrix}", "]"),
)


def _tokens(text: str, shapes: Mapping[str, Shape], latex: bool) -> Iterator[str]:
    for environment, bracket in _ENVIRONMENTS:
        text = text.replace(environment, bracket)
    for token in (_LATEX if latex else _TEXT).findall(text):
        if not latex and token in SEPARATORS | NAMES_OF_FUNCTIONS:
            yield token
        elif not latex and token[-1] in _SUPER | _SUB and not token.startswith("∂"):
            yield from _split(token)
        else:
            yield token


def _split(token: str) -> Iterator[str]:
    base = re.match(rf"(?:[^{''.join(_SUPER | _SUB)}])*", token)[0]  # type: ignore[index]
    yield from ([base] if base else [])
    yield from token[len(base) :]
