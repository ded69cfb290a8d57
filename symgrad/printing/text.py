"""The same formulas for a terminal: our LaTeX transliterated into Unicode, so that there is one table of notation and not two."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

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
TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|[{}^_]|\s+|[^\\{}^_\s]+")


def unicode_of(latex: str) -> str:
    """A formula as printed by `Show`, in Unicode."""
    return joined(parts(latex))


def parts(latex: str) -> list[str]:
    """The formula in Unicode, what stands in no group piece by piece; those of two formulas in a row are those of both."""
    while (flat := _STACKED.sub(_in_one_line, latex)) != latex:  # rows within rows, from the inside
        latex = flat
    return _parts(TOKEN.findall(double_brackets(_LIMITS.sub(r"\\sum_{\1..\2}", latex)))[::-1])


def joined(parts: Sequence[str]) -> str:
    text = _spaced(_adjacent(parts)).replace("( ", "(").replace(" )", ")")
    return _NO_SPACE.sub("", text).strip()


def _spaced(text: str) -> str:
    before, *rest = _SIGN.split(text)
    out = [before]
    for sign, after in zip(rest[::2], rest[1::2], strict=True):
        if out[-1].endswith("^"):
            out += (sign, after)
        else:
            out[-1] = out[-1].rstrip(" ")
            out += (f" {sign} ", after.lstrip(" "))
    return "".join(out)


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


Tokens: TypeAlias = list[str]
"""Commands, signs of groups and scripts, spaces and what stands between them; what is not read yet, the next token last."""


def _parts(tokens: Tokens, closing: bool = False) -> list[str]:
    """What tokens print as: all of them, or up to the end of the group that they stand in."""
    out: list[str] = []
    while tokens:
        token = tokens.pop()
        if closing and token == "}":
            break
        out.append(_one(token, tokens) if token[0] in _READ_ON else " " if token.isspace() else token)
    return out


def _adjacent(parts: Sequence[str]) -> str:
    if _Fraction not in set(map(type, parts)):
        return "".join(parts)
    return "".join([_beside(parts, at) if isinstance(part, _Fraction) else part for at, part in enumerate(parts)])


class _Fraction(str):
    """A fraction in one line, which is a whole term: beside a factor it needs brackets, (a/b) c."""


def _beside(parts: Sequence[str], at: int) -> str:
    """The fraction among what stands beside it, in brackets unless it is a whole term there."""
    before = next((p.rstrip()[-1] for i in range(at - 1, -1, -1) if (p := parts[i]).strip()), "")
    after = next((p.lstrip()[0] for i in range(at + 1, len(parts)) if (p := parts[i]).strip()), "")
    return str(parts[at]) if before in _BEFORE_A_TERM and after in _AFTER_A_TERM else f"({parts[at]})"


_OPENED, _CLOSED = "\ue000", "\ue001"
"""Stand on the inner side of bars, which look alike, until spaces are set."""

_SIGN = re.compile(r"([⊙⊗+=⊘](?:(?<=⊘)(?:₀|_\{[^{}]*\}))?)")
"""With a space on either side, but not as an exponent."""

_NO_SPACE = re.compile(rf" (?:(?<=∂ )|(?<=∂[²³] )|(?<=  )|(?= *{_CLOSED}))|{_OPENED} *|{_CLOSED}")
"""What goes: spaces behind ∂, beside other spaces and on the inner side of bars."""

_BARS = {"lvert": f"|{_OPENED}", "lVert": f"‖{_OPENED}", "rvert": f"{_CLOSED}|", "rVert": f"{_CLOSED}‖"}
_BEFORE_A_TERM, _AFTER_A_TERM = {"", _OPENED, *"+-=(,[{⟨;<>≤≥≠↦:"}, {"", _CLOSED, *"+-=),]}⟩;<>≤≥≠"}


_READ_ON = frozenset("\\{}^_")
"""How a token begins that is more than text."""


def _one(token: str, tokens: Tokens) -> str:
    if token.startswith("\\"):
        return _command(token[1:], tokens)
    match token:
        case "{":
            return _adjacent(_parts(tokens, closing=True))
        case "^":
            return _script(_group(tokens), _SUPER, "^")
        case "_" | "}":
            return _script(_group(tokens), _SUB, "_")
    return token


def _command(name: str, tokens: Tokens) -> str:
    if name == "frac":
        return _fraction(_group(tokens), _group(tokens))
    if name == "sqrt":
        return _root(_group(tokens), tokens)
    if name in ("mathbf", "boldsymbol"):
        return bold(_group(tokens))
    if name in PLAIN:
        return _group(tokens)
    if name in _ACCENTS:
        inner = _group(tokens)
        return inner[:1] + _ACCENTS[name] + inner[1:]
    return "" if name in DROPPED else _BARS.get(name) or TEX_COMMANDS.get(name, name)


_BOLD = {
    chr(first + k): chr(start + k)
    for first, start, count in ((48, 0x1D7CE, 10), (65, 0x1D400, 26), (97, 0x1D41A, 26), (0x391, 0x1D6A8, 25), (0x3B1, 0x1D6C2, 25))
    for k in range(count)
}
"""Digits, Latin and Greek letters."""


def bold(text: str) -> str:
    """Digits and letters in Unicode's bold; anything else as it is."""
    return "".join(_BOLD.get(c, c) for c in text)


def _group(tokens: Tokens) -> str:
    """What a command takes: one pair of braces, one command or one character."""
    token = _next(tokens)
    while token.isspace():
        token = _next(tokens)
    if token and token[0] not in _READ_ON:
        tokens += [token[1:]] if len(token) > 1 else []
        return token[0]
    return _one(token, tokens)


def _next(tokens: Tokens) -> str:
    return tokens.pop() if tokens else ""


_FACTORS = re.compile(r"\w\s+\w")
"""Without the space they would be one name."""


def _script(text: str, table: dict[str, str], mark: str) -> str:
    if _FACTORS.search(text):
        return f"{mark}{{{text.strip()}}}"
    text = "".join(text.split())
    if text and table.keys() >= set(text):
        return "".join([table[c] for c in text])
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


def _root(inner: str, tokens: Tokens) -> str:
    """A root has no line above what stands below it: that is one symbol without exponents, or in brackets."""
    sign = "√"
    if inner == "[":
        index, _, rest = _next(tokens).partition("]")
        tokens += [rest] if rest else []
        sign, inner = _ROOTS[index], _group(tokens)
    return sign + (inner if _SYMBOL.fullmatch(inner) else f"({inner.strip()})")


_ROOTS = {"3": "∛", "4": "∜"}
_SYMBOL = re.compile(r"\d+|\w[\u0300-\u036f]*(?:[₀-₉ₐ-ₜᵢᵣᵤᵥⱼ]*|_\w|_\{[^{}]*\})")
