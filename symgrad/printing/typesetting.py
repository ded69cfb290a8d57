"""A document as a LaTeX source for any TeX, and as the .pdf that an installed pdflatex makes of it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from string import Template

from symgrad.core.source import parsed
from symgrad.errors import InputError
from symgrad.printing.breaking import broken
from symgrad.printing.elements import Code, EquationLine, Formulas, Heading, Inline, Math, Part, Prose, TablePart
from symgrad.printing.equations import WIDEST
from symgrad.printing.identifiers import GREEK
from symgrad.printing.text import unicode_of
from symgrad.printing.tools import shut_in

CODE_COLUMNS = 104
"""Characters of code in a line of a page."""

_ROWS = 36
"""Rows of a table before it goes on in a new one, which may stand on the next page."""

# Numbers stand in the text as they are: one run of TeX is enough, and none asks for another; labels are for the reader's own.
_PAGE = Template(r"""\documentclass[11pt]{article}
\usepackage[a4paper,margin=25mm]{geometry}
\usepackage{amsmath,amssymb,bm}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 2pt}
\raggedright
\makeatletter\def\@testdef#1#2#3{}\makeatother
\begin{document}

$body

\end{document}
""")

_SPECIAL = {c: "\\" + c for c in "{}$%&#_"} | {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": "$<$", ">": "$>$",
    "|": "$|$", '"': "''",
}  # fmt: skip


BREAK = "\\\\\n&\\quad "
"""Between the lines of one equation."""

_HEADINGS = {1: "section*", 2: "subsection*", 3: "subsubsection*"}


def tex(parts: Sequence[Part]) -> str:
    """The document as a LaTeX source that needs amsmath, amssymb and bm."""
    gaps = ["\n" if isinstance(after, Formulas) and isinstance(before, Prose) else "\n\n" for before, after in pairwise(parts)]
    return _PAGE.substitute(body="".join(_part(part) + gap for part, gap in zip(parts, [*gaps, ""], strict=True)))


def _escaped(text: str) -> str:
    """Text as TeX prints it; what is neither ASCII nor a Greek letter becomes a question mark."""
    return "".join(_SPECIAL.get(c, c) if c.isascii() else rf"\ensuremath{{\{GREEK[c]}}}" if c in GREEK else "?" for c in text)


def _part(part: Part) -> str:
    match part:
        case Heading(text, level):
            return rf"\{_HEADINGS[level]}{{{_escaped(text)}}}"
        case Prose(pieces):
            return "".join(_inline(p) for p in pieces)
        case TablePart():
            return "\n\n".join(_tables(part))
        case Formulas(lines, boxed):
            return _boxed(part.boxes()) if boxed else _align(lines)
        case Code(text):
            return "{\\scriptsize\n\\begin{verbatim}\n" + "\n".join(_code(text)) + "\n\\end{verbatim}\n}"


def _inline(piece: Inline) -> str:
    if isinstance(piece, str):
        return _escaped(piece)
    return f"${piece.latex}$" if isinstance(piece, Math) else rf"\texttt{{{_escaped(piece.text)}}}"


def _tables(table: TablePart) -> Iterator[str]:
    head = " & ".join(rf"\textit{{{_escaped(h)}}}" for h in table.head)
    for start in range(0, len(table.rows), _ROWS):
        rows = [" & ".join(_inline(cell) for cell in r) for r in table.rows[start : start + _ROWS]]
        strut = r"\rule{0pt}{2.7ex}"  # keeps exponents of the first row off the line above
        body = " \\\\\n".join([rf"{head} \\ \hline", *rows]).replace(r"\hline \\", rf"\hline{strut}%")
        yield f"\\begin{{tabular}}{{@{{}}{'l' * len(table.head)}@{{}}}}\n{body}\n\\end{{tabular}}"


def pieces(line: EquationLine, beside: int, widest: int = WIDEST) -> list[str]:
    """The right side of an equation in lines that fit beside left sides of so many characters."""
    return broken(line.right, max(widest - beside, widest // 3))


def left_width(lines: Sequence[EquationLine]) -> int:
    """Characters of the longest left side, the two parts of a fraction standing above one another."""
    return max((len(part) for line in lines for part in unicode_of(line.left).split("/")), default=0)


def _align(lines: Sequence[EquationLine]) -> str:
    star = "" if lines[0].number else "*"
    beside = left_width(lines) + 4
    return f"\\begin{{align{star}}}\n" + " \\\\\n".join(_row(line, beside, not star) for line in lines) + f"\n\\end{{align{star}}}"


def _row(line: EquationLine, beside: int, numbered: bool) -> str:
    first, *rest = pieces(line, beside)
    relation = "=" if line.relation == "=" else line.relation + " "
    unnumbered = r" \nonumber" if numbered else ""
    end = rf" \label{{{line.label}}}" if line.number else unnumbered
    return f"{line.left} &{relation} {f'{unnumbered} {BREAK}'.join([first, *rest])}{end}"


def _boxed(boxes: Iterable[Sequence[EquationLine]]) -> str:
    rows = [rf"\boxed{{{_in_box(lines)}}}" for lines in boxes]
    return "\\begin{gather*}\n" + " \\\\\n".join(rows) + "\n\\end{gather*}"


def _in_box(lines: Sequence[EquationLine]) -> str:
    beside = left_width(lines) + 4
    if len(lines) == len(pieces(lines[0], beside)) == 1:
        return f"{lines[0].left} = {lines[0].right}"
    rows = " \\\\\n".join(_row(line, beside, False) for line in lines)
    return rf"\begin{{aligned}} {rows} \end{{aligned}}"


# code -----------------------------------------------------------------------------------------------------------------------


def _code(source: str) -> Iterator[str]:
    """The module without its docstring, whose equations the document has in print, in ASCII and in lines that fit."""
    docstring = parsed(source).body[0].end_lineno or 0
    for line in source.splitlines()[docstring:]:
        yield from _wrapped("".join(c if c.isascii() else GREEK.get(c, "?") for c in line))


def _wrapped(line: str) -> Iterator[str]:
    indent = len(line) - len(line.lstrip()) + 8
    while len(line) > CODE_COLUMNS:
        cut = _cut(line)
        end = "" if _is_open(line[:cut]) else " \\"
        yield line[:cut].rstrip() + end
        line = " " * indent + line[cut:].lstrip()
    yield line


def _cut(line: str) -> int:
    """The last space that fits, after a comma if there is one in the second half; a line without any is cut anywhere."""
    found = [m.end() for m in re.finditer(r" ", line[: CODE_COLUMNS - 2]) if line[: m.end()].strip()]
    commas = [p for p in found if line[p - 2] == "," and p > CODE_COLUMNS // 2]
    return (commas or found or [CODE_COLUMNS])[-1]


def _is_open(text: str) -> bool:
    """Is a bracket, a comment or a docstring open, so that the line may end without a word?"""
    return sum(text.count(c) for c in "([{") > sum(text.count(c) for c in ")]}") or "#" in text or '"""' in text


# pdf ------------------------------------------------------------------------------------------------------------------------


def pdf(source: str) -> bytes:
    """A LaTeX source through pdflatex, shut in: no shell, no files outside an empty folder, a time limit."""
    program = shutil.which("pdflatex")
    if program is None:
        raise InputError("pdflatex is not installed, so no .pdf can be made; save the .tex or the .html instead")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "document.tex").write_text(source, encoding="utf-8")
        command = [program, "-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode", "document.tex"]
        run = shut_in(command, folder, {"openin_any": "p", "openout_any": "p", "shell_escape": "f"})
        if run.returncode:
            raise InputError("pdflatex failed: " + _first_error(run.stdout.decode("utf-8", "replace")))
        made = Path(folder) / "document.pdf"
        if not made.exists():
            raise InputError("pdflatex made no page")
        return made.read_bytes()


def _first_error(log: str) -> str:
    return next((line[2:] for line in log.splitlines() if line.startswith("! ")), "no reason given")
