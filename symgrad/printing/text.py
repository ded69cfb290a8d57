"""The same formulas for a terminal: our LaTeX transliterated into Unicode, so that there is one table of notation and not two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

TEX_COMMANDS = dict(
    alpha="α", beta="β", gamma="γ", delta="δ", epsilon="ε", zeta="ζ", eta="η", theta="θ", iota="ι", kappa="κ", mu="μ", nu="ν",
    xi="ξ", pi="π", rho="ρ", sigma="σ", tau="τ", upsilon="υ", phi="φ", chi="χ", psi="ψ", omega="ω", lambda_="λ", Gamma="Γ",
    Delta="Δ", Theta="Θ", Lambda="Λ", Xi="Ξ", Pi="Π", Sigma="Σ", Upsilon="Υ", Phi="Φ", Psi="Ψ", Omega="Ω", ell="ℓ", partial="∂",
    odot="⊙", oslash="⊘", otimes="⊗", cdot="·", times="×", top="ᵀ", infty="∞", lVert="‖", rVert="‖", lvert="|", rvert="|",
    sum="∑", prod="∏", langle="⟨", rangle="⟩", ge="≥", le="≤", ne="≠", geq="≥", leq="≤", neq="≠", mid="|", mapsto="↦", circ="∘",
    lfloor="⌊", rfloor="⌋", land="∧", lor="∨", neg="¬", bmod="%", in_="∈", to="→", nabla="∇", ldots="…", cdots="⋯",
)  # fmt: skip
TEX_COMMANDS |= {
    "lambda": "λ",
    "in": "∈",
    "{": "{",
    "}": "}",
    ",": "",
    ";": " ",
    "!": "",
    " ": " ",
    "quad": " ",
    "qquad": "  ",
    "\\": "\n",
}
DROPPED = frozenset({"left", "right", "displaystyle", "bigl", "bigr", "Bigl", "Bigr", "limits"})
PLAIN = frozenset({"operatorname", "mathrm", "mathcal", "mathbb", "text", "bm", "mathit"})
_ACCENTS = {"bar": "\u0304", "dot": "\u0307", "hat": "\u0302", "tilde": "\u0303", "ddot": "\u0308"}
_SUPER = dict(zip("0123456789+-()nTi", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿᵀⁱ", strict=True)) | {"ᵀ": "ᵀ"}
_SUB = dict(zip("0123456789+-()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|([{}^_])|(\s+)|([^\\{}^_\s]+)")


def unicode_of(latex: str) -> str:
    """A formula as printed by `Show`, in Unicode."""
    while (flat := _STACKED.sub(_in_one_line, latex)) != latex:  # rows within rows, from the inside
        latex = flat
    text = _sequence(tokens(double_brackets(_LIMITS.sub(r"\\sum_{\1..\2}", latex))))
    text = re.sub(r"(?<!\^) *([⊙⊗+=]|⊘(?:₀|_\{[^{}]*\})?) *", r" \1 ", text)
    for pattern, plain in ((r"\( ", "("), (r" \)", ")"), (r"(∂[²³]?) ", r"\1"), (f"{_OPENED} *| *{_CLOSED}", ""), (r" +", " ")):
        text = re.sub(pattern, plain, text)
    return text.strip()


def double_brackets(latex: str) -> str:
    """Two brackets that LaTeX sets close together are one sign."""
    return latex.replace(r"[\![", "⟦").replace(r"]\!]", "⟧")


_LIMITS = re.compile(r"\\sum_\{(\w+ = [^{}]*)\}\^\{([^{}]*)\}")
"""A sum over steps: its last one would stand like an exponent, or a transpose."""

_STACKED = re.compile(
    r"(?P<open>\\left\\\{\\begin\{array\}\{ll\}|\\begin\{bmatrix\}) (?P<rows>(?:(?!\\begin\{).)*?)"
    r" \\end\{(?:array\}\\right\.|bmatrix\})",
    re.DOTALL,
)


def _in_one_line(found: re.Match[str]) -> str:
    """Rows below one another: {x if a > b; y otherwise}, [x; y]."""
    rows = found["rows"].replace(" & ", " " if "left" in found["open"] else ", ").replace(r" \\", ";")
    return rf"\{{{rows}\}}" if "left" in found["open"] else f"[{rows}]"


def tokens(latex: str) -> Iterator[tuple[str, str]]:
    for command, mark, space, plain in _TOKEN.findall(latex):
        if command:
            yield "command", command
        elif mark:
            yield "mark", mark
        elif space:
            yield "text", " "
        else:
            yield from (("text", c) for c in plain)


def _sequence(tokens: Iterator[tuple[str, str]], closing: bool = False) -> str:
    out: list[str] = []
    for kind, value in tokens:
        if closing and (kind, value) == ("mark", "}"):
            break
        out.append(_one(kind, value, tokens))
    return "".join(_beside(out, at) if isinstance(part, _Fraction) else part for at, part in enumerate(out))


class _Fraction(str):
    """A fraction in one line, which is a whole term: beside a factor it needs brackets, (a/b) c."""


def _beside(parts: list[str], at: int) -> str:
    """The fraction among what stands beside it, in brackets unless it is a whole term there."""
    before = next((p.rstrip()[-1] for p in reversed(parts[:at]) if p.strip()), "")
    after = next((p.lstrip()[0] for p in parts[at + 1 :] if p.strip()), "")
    return str(parts[at]) if before in _BEFORE_A_TERM and after in _AFTER_A_TERM else f"({parts[at]})"


_OPENED, _CLOSED = "\ue000", "\ue001"
"""Stand on the inner side of bars, which look alike, until spaces are set."""

_BARS = {"lvert": f"|{_OPENED}", "lVert": f"‖{_OPENED}", "rvert": f"{_CLOSED}|", "rVert": f"{_CLOSED}‖"}
_BEFORE_A_TERM, _AFTER_A_TERM = {"", _OPENED, *"+-=(,[{⟨;<>≤≥≠↦:"}, {"", _CLOSED, *"+-=),]}⟩;<>≤≥≠"}


def _one(kind: str, value: str, tokens: Iterator[tuple[str, str]]) -> str:
    if kind == "text":
        return value
    if kind == "mark":
        return {"{": lambda: _sequence(tokens, closing=True), "^": lambda: _script(_group(tokens), _SUPER, "^")}.get(
            value, lambda: _script(_group(tokens), _SUB, "_")
        )()
    if value == "frac":
        return _fraction(_group(tokens), _group(tokens))
    if value == "sqrt":
        return _root(_group(tokens), tokens)
    if value in ("mathbf", "boldsymbol"):
        return bold(_group(tokens))
    if value in PLAIN:
        return _group(tokens)
    if value in _ACCENTS:
        inner = _group(tokens)
        return inner[:1] + _ACCENTS[value] + inner[1:]
    return "" if value in DROPPED else _BARS.get(value) or TEX_COMMANDS.get(value, value)


_BOLD = {
    chr(first + k): chr(start + k)
    for first, start, count in ((48, 0x1D7CE, 10), (65, 0x1D400, 26), (97, 0x1D41A, 26), (0x391, 0x1D6A8, 25), (0x3B1, 0x1D6C2, 25))
    for k in range(count)
}
"""Digits, Latin and Greek letters."""


def bold(text: str) -> str:
    """Digits and letters in Unicode's bold; anything else as it is."""
    return "".join(_BOLD.get(c, c) for c in text)


def _group(tokens: Iterator[tuple[str, str]]) -> str:
    kind, value = next(tokens, ("text", ""))
    while (kind, value) == ("text", " "):
        kind, value = next(tokens, ("text", ""))
    return _one(kind, value, tokens)


def _script(text: str, table: dict[str, str], mark: str) -> str:
    if re.search(r"\w\s+\w", text.strip()):  # factors, which without a space would be one name
        return f"{mark}{{{text.strip()}}}"
    text = re.sub(r"\s+", "", text)
    if text and all(c in table for c in text):
        return "".join(table[c] for c in text)
    if text.startswith("⊙"):
        return f"{mark}⊙{text[1:] if len(text) == 2 else f'({text[1:]})'}"
    return f"{mark}{text}" if len(text) == 1 else f"{mark}{{{text}}}"


def _fraction(above: str, below: str) -> str:
    """A fraction in one line; that of two differentials is a name, and stands wherever a name does."""
    text = f"{_operand(above)}/{_operand(below)}"
    return text if above.startswith("∂") and below.startswith("∂") else _Fraction(text)


def _operand(text: str) -> str:
    """A part of a fraction keeps its own brackets where it holds more than one symbol."""
    text = re.sub(r"(∂[²³]?) ", r"\1", text.strip())
    return text if re.fullmatch(r"(∂[²³]?)?[^\s+\-/⊙⊘⊗=]+|‖[^‖]*‖[²]?", text) else f"({text})"


def _root(inner: str, tokens: Iterator[tuple[str, str]]) -> str:
    """A root has no line above what stands below it: that is one symbol without exponents, or in brackets."""
    sign = "√"
    if inner == "[":
        index = "".join(value for _, value in takewhile(lambda token: token != ("text", "]"), tokens))
        sign, inner = _ROOTS[index], _group(tokens)
    return sign + (inner if _SYMBOL.fullmatch(inner) else f"({inner.strip()})")


_ROOTS = {"3": "∛", "4": "∜"}
_SYMBOL = re.compile(r"\d+|\w[\u0300-\u036f]*(?:[₀-₉ₐ-ₜᵢᵣᵤᵥⱼ]*|_\w|_\{[^{}]*\})")
