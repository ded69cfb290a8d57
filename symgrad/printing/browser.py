"""The same formulas for a browser and a screen reader: our LaTeX as MathML, with the signs of the terminal's table."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from symgrad.printing.text import DROPPED, TEX_COMMANDS, TOKEN, bold, double_brackets

_ACCENTS = {"bar": "¯", "dot": "˙", "hat": "^", "tilde": "~", "ddot": "¨"}
_CLOSED = ")]}‖|⟩⌋⟧"
_BRACKETS = "([{⟨⌊⟦" + _CLOSED
_SPACES = {",": "0.17em", ";": "0.28em", "quad": "1em", "qquad": "2em", " ": "0.25em"}
_FUNCTIONS = frozenset("exp log sin cos tan sinh cosh tanh max min det arcsin arccos arctan ln sup inf".split())
_LARGE = frozenset("∑∏")
_SIGNS = frozenset("+=<>,:/!;·×⊙⊘⊗≥≤≠∈→↦∘∧∨¬…⋯∂∇&") | {"−"}
_TALL = ("mfrac", "mtable", "msqrt", "mroot", "munder")
"""What brackets grow around; around anything else browsers would set growing ones apart."""
_SCRIPT = {"R": "ℛ", "D": "𝒟", "T": "𝒯", "L": "ℒ", "N": "𝒩"}
_DOUBLE = {"R": "ℝ", "N": "ℕ", "Z": "ℤ"}

TIMES, APPLIED = "<mo>&#x2062;</mo>", "<mo>&#x2061;</mo>"
"""Signs that are heard and not seen: a product, a function of what follows."""

THIN = '<mspace width="0.17em"></mspace>'
"""Between a factor and the name of a function, and between that and an operand without brackets: A diag(u), log det X."""

Token = tuple[str, str]


@dataclass
class _Row:
    """Markup of a row under way; `last` says what stood last: an operand, a sign, an opening bracket or nothing.

    A whole group in brackets may be what a function takes, and is an operand once it stands.
    """

    parts: list[str] = field(default_factory=list)
    last: str = ""
    spaced: bool = False

    def add(self, markup: str, kind: str) -> None:
        if kind in ("operand", "function", "open", "group") and self.last in ("operand", "function"):
            if self.spaced:
                self.parts.append(TIMES if self.last == "operand" else APPLIED)
                if kind not in ("open", "group") and (_is_word(markup) or (self.last == "function" and _is_word(self.parts[-2]))):
                    self.parts.append(THIN)
            elif kind in ("open", "group"):
                self.parts.append(APPLIED)
        self.parts.append(markup)
        self.last, self.spaced = "operand" if kind == "group" else kind, False

    def text(self) -> str:
        return self.parts[0] if len(self.parts) == 1 else f"<mrow>{''.join(self.parts)}</mrow>"


def _tokens(latex: str) -> Iterator[Token]:
    """Text comes by the character."""
    for token in TOKEN.findall(latex):
        if token.startswith("\\"):
            yield "command", token[1:]
        elif token in ("{", "}", "^", "_"):
            yield "mark", token
        else:
            yield from (("text", c) for c in (" " if token.isspace() else token))


class _Reader:
    """Reads tokens of one formula, recursively where it has groups."""

    def __init__(self, latex: str) -> None:
        self.tokens = list(_tokens(double_brackets(latex)))
        self.at = 0

    def peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def row(self, *ends: Token) -> _Row:
        """Everything up to one of these tokens, which is left to the caller."""
        row = _Row()
        while self.peek() not in ends and self.peek()[0] != "end":
            if self.peek() == ("text", " "):
                self.next()
                row.spaced = True
                continue
            markup, kind = self.atom(row)
            if markup:
                row.add(self.scripted(markup), kind)
        return row

    def scripted(self, base: str) -> str:
        """What stands above and below the atom just read."""
        above, below = "", ""
        while self.peek() in (("mark", "^"), ("mark", "_"), ("text", "'")):
            _, mark = self.next()
            if mark == "'":
                above += "<mo>′</mo>"
            elif mark == "^":
                above += self.group()
            else:
                below = self.group()
        over = any(sign in base for sign in _LARGE)
        if above.count("<mo>′</mo>") > 1:
            above = f"<mrow>{above}</mrow>"
        if above and below:
            return _element("munderover" if over else "msubsup", base, below, above)
        if above or below:
            name = ("mover" if above else "munder") if over else ("msup" if above else "msub")
            return _element(name, base, above or below)
        return base

    def group(self) -> str:
        """The next group or single atom."""
        while self.peek() == ("text", " "):
            self.next()
        if self.peek() == ("mark", "{"):
            self.next()
            row = self.row(("mark", "}"))
            self.next()
            return row.text()
        return self.atom(_Row())[0]

    def words(self) -> str:
        """A group that is text."""
        self.next()
        text = ""
        while self.peek() not in (("mark", "}"), ("end", "")):
            kind, value = self.next()
            text += value if kind != "command" else " " if value in _SPACES else TEX_COMMANDS.get(value, value)
        self.next()
        return text

    def atom(self, row: _Row) -> tuple[str, str]:
        kind, value = self.next()
        if kind == "mark":
            self.at -= 1
            return self.group() if value == "{" else "<mrow></mrow>", "operand"
        if kind == "text":
            return self.character(value, row)
        return self.command(value, row)

    def character(self, value: str, row: _Row) -> tuple[str, str]:
        if value.isdigit():
            while self.peek()[0] == "text" and (self.peek()[1].isdigit() or self.peek()[1] == "."):
                value += self.next()[1]
            return f"<mn>{value}</mn>", "operand"
        return _sign("−" if value == "-" else value, row)

    def command(self, name: str, row: _Row) -> tuple[str, str]:
        if name in ("frac", "sqrt"):
            return self.fraction(name), "operand"
        if name == "left":
            return self.bracketed(), "group" if self.opened == "(" else "operand"
        if name == "begin":
            return self.table(), "operand"
        if name in _ACCENTS:
            return f"<mover>{self.group()}<mo>{_ACCENTS[name]}</mo></mover>", "operand"
        if name in ("operatorname", "mathrm", "text", "mathcal", "mathbb", "mathbf"):
            return self.upright(name)
        if name == "boldsymbol":
            return re.sub(">([^<>]+)<", lambda m: f">{bold(m[1])}<", self.group()), "operand"
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}"></mspace>', row.last
        if name in DROPPED or name in ("!", "nonumber"):
            return "", row.last
        if name == "bmod":
            return '<mo lspace="0.28em" rspace="0.28em">mod</mo>', "sign"
        if name in _FUNCTIONS:
            return f"<mi>{name}</mi>", "function"
        if name in ("lVert", "lvert"):
            return f'<mo form="prefix" stretchy="false">{TEX_COMMANDS[name]}</mo>', "open"
        return _sign(TEX_COMMANDS.get(name, name), row)

    def fraction(self, name: str) -> str:
        if name == "frac":
            return _element("mfrac", self.group(), self.group())
        if self.peek() == ("text", "["):
            self.next()
            index = self.row(("text", "]")).text()
            self.next()
            return _element("mroot", self.group(), index)
        return _element("msqrt", self.group())

    opened = ""

    def bracketed(self) -> str:
        """Brackets that grow with what is between them; a dot is no bracket."""
        opening = self.next()[1]
        inner = self.row(("command", "right")).text()
        self.next()
        closing, self.opened = self.next()[1], opening
        grows = "" if any(f"<{tall}" in inner for tall in _TALL) else ' stretchy="false"'
        marks = [
            f'<mo form="{form}"{grows}>{html.escape(b)}</mo>' if b != "." else ""
            for form, b in (("prefix", opening), ("postfix", closing))
        ]
        return f"<mrow>{marks[0]}{inner}{marks[1]}</mrow>"

    def table(self) -> str:
        name = self.words()
        if name == "array":
            self.words()
        rows, cells = [], []
        while True:
            cells.append(f"<mtd>{self.row(('text', '&'), ('command', chr(92)), ('command', 'end')).text()}</mtd>")
            kind, value = self.next()
            if value == "&":
                continue
            rows.append(f"<mtr>{''.join(cells)}</mtr>")
            cells = []
            if value == "end" or kind == "end":
                break
        self.words()
        marks = ('<mo form="prefix">[</mo>', '<mo form="postfix">]</mo>') if name == "bmatrix" else ("", "")
        return f"<mrow>{marks[0]}<mtable>{''.join(rows)}</mtable>{marks[1]}</mrow>"

    def upright(self, name: str) -> tuple[str, str]:
        start = self.at
        text = self.words()
        if name == "mathbf":
            return f"<mn>{bold(text)}</mn>", "operand"
        if name in ("mathcal", "mathbb"):
            return (
                f"<mi>{(_SCRIPT if name == 'mathcal' else _DOUBLE).get(text, text)}</mi>",
                "operand" if name == "mathbb" else "function",
            )
        if name == "text":
            return f"<mtext>{html.escape(text)}</mtext>", "operand"
        if "^" in text or "_" in text:
            self.at = start
            return self.group(), "function"
        style = ' mathvariant="normal"' if len(text) == 1 else ""
        return f"<mi{style}>{html.escape(text)}</mi>", "function" if name == "operatorname" else "operand"


def _is_word(markup: str) -> bool:
    """Does it begin with a name of several letters?"""
    return re.match(r"(?:<m(?:row|sub|sup|subsup)>)*<mi>[A-Za-z]{2}", markup) is not None


def _sign(value: str, row: _Row) -> tuple[str, str]:
    if value in _LARGE:
        return f"<mo>{value}</mo>", "function"
    if value in _BRACKETS and len(value) == 1:
        closing = value in _CLOSED
        form = "postfix" if closing else "prefix"
        return f'<mo form="{form}" stretchy="false">{value}</mo>', "operand" if closing else "open"
    if value == "ᵀ":
        return "<mo>⊤</mo>", "operand"
    if value == "∂":
        return "<mo>∂</mo>", "sign"
    if value in _SIGNS:
        prefix = ' form="prefix"' if value in "+−" and row.last in ("", "sign", "open") else ""
        return f"<mo{prefix}>{html.escape(value)}</mo>", "sign"
    return f"<mi>{html.escape(value)}</mi>", "operand"


def _element(name: str, *children: str) -> str:
    return f"<{name}>{''.join(children)}</{name}>"


def row(latex: str) -> str:
    """The inside of a `math` element."""
    return _Reader(latex).row().text()


def mathml(latex: str) -> str:
    """A formula in a line of text."""
    return f"<math>{row(latex)}</math>"
