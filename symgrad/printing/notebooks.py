"""A document as Markdown with mathematics between dollar signs, and as the cells of a notebook."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from symgrad.printing.elements import Code, EquationLine, Formulas, Heading, Inline, Math, Part, Prose, TablePart
from symgrad.printing.typesetting import left_width, pieces


def markdown_page(parts: Sequence[Part]) -> str:
    return "\n\n".join(_part(p) for p in parts) + "\n"


def _escaped(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#$|&])", r"\\\1", text)


def _part(part: Part) -> str:
    match part:
        case Heading(text, level):
            return f"{'#' * level} {_escaped(text)}"
        case Prose(pieces):
            return "".join(_inline(p) for p in pieces)
        case TablePart(head, rows):
            lines = [head, ("---",) * len(head)]
            return "\n".join(f"| {' | '.join(cells)} |" for cells in [*lines, *(tuple(map(_inline, r)) for r in rows)])
        case Formulas():
            return "\n\n".join(f"$$\n{body}\n$$" for body in _bodies(part))
        case Code(text):
            return f"```python\n{text}```"


def _inline(piece: Inline) -> str:
    if isinstance(piece, str):
        return _escaped(piece)
    return f"${piece.latex}$" if isinstance(piece, Math) else f"`{piece.text.replace('|', chr(0x2223))}`"


def _bodies(formulas: Formulas) -> Iterator[str]:
    """Boxes one by one, plain equations together; numbers by hand, since `aligned` has none."""
    if formulas.boxed:
        yield from (rf"\boxed{{{_aligned(lines)}}}" for lines in formulas.boxes())
    else:
        yield _aligned(formulas.lines)


def _aligned(lines: Sequence[EquationLine]) -> str:
    return "\\begin{aligned}\n" + " \\\\\n".join(_row(line, left_width(lines)) for line in lines) + "\n\\end{aligned}"


def _row(line: EquationLine, beside: int) -> str:
    relation = "=" if line.relation == "=" else line.relation + " "
    number = rf" \qquad ({line.number})" if line.number else ""
    return f"{line.left} &{relation} " + " \\\\\n&\\quad ".join(pieces(line, beside)) + number


# notebook -------------------------------------------------------------------------------------------------------------------


def notebook(parts: Sequence[Part]) -> str:
    """The document as a notebook of nbformat 4: text and mathematics in Markdown cells, the module in a cell that runs."""
    cells: list[list[Part]] = [[]]
    for part in parts:
        if isinstance(part, Code) or (isinstance(part, Heading) and part.level == 2):
            cells.append([])
        cells[-1].append(part)
    made = [_cell(i, group) for i, group in enumerate(cells) if group]
    language = {"name": "python", "version": "3"}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": made, "metadata": {"kernelspec": kernel, "language_info": language}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _cell(index: int, parts: Sequence[Part]) -> dict[str, Any]:
    first = parts[0]
    text = first.text if isinstance(first, Code) else markdown_page(parts)
    common = {
        "id": hashlib.sha256(f"{index}{text}".encode()).hexdigest()[:12],
        "metadata": {},
        "source": text.rstrip("\n").splitlines(True),
    }
    if isinstance(first, Code):
        return {"cell_type": "code", "execution_count": None, "outputs": [], **common}
    return {"cell_type": "markdown", **common}
