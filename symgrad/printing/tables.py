"""Tables of text for the terminal, for Markdown and for HTML, and formulas short enough for their cells."""

from __future__ import annotations

import html as _html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from symgrad.core.counting import leading
from symgrad.core.source import symbolic

WIDEST_CELL = 72
"""Characters from which a formula is cut to its leading terms."""


@dataclass(frozen=True)
class Table:
    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def formula(expr: Any, unit: int = 1) -> str:
    """A formula as a person writes it, over a unit: 2 n d h + 3 n q; beyond a cell its leading terms.

    Of a maximum of sums, the bound that has the largest coefficient of each term.
    """
    if isinstance(expr, sympy.Max):
        return f"<= {formula(envelope(expr.args), unit)}"
    expr = symbolic(expr) / unit
    expr = sympy.expand(expr) if expr.is_polynomial() else expr
    text = _written(expr)
    if len(text) <= WIDEST_CELL or not expr.is_polynomial():
        return text
    return f"{_written(leading(expr))} + ..."


def envelope(sums: Iterable[sympy.Expr]) -> sympy.Expr:
    """The least sum that no other exceeds in any term: of d h + 2 n and 3 n, d h + 3 n."""
    largest: dict[Any, Any] = {}
    for total in sums:
        for term, coefficient in sympy.expand(total).as_coefficients_dict().items():
            largest[term] = max(largest.get(term, 0), coefficient)
    return sympy.Add(*(c * term for term, c in largest.items()))


def _written(expr: sympy.Expr) -> str:
    return re.sub(r"(?<=\w)\*(?=\w)|(?<=\))\*(?=[\w(])|(?<=\w)\*(?=\()", " ", str(expr).replace("**", "^"))


def plain(table: Table) -> str:
    """For the terminal: columns in line, the first to the left and numbers to the right."""
    rows = [table.header, *table.rows]
    widths = [max(_width(r[k]) for r in rows) for k in range(len(table.header))]
    right = [all(_is_number(r[k]) for r in table.rows) for k in range(len(widths))]
    lines = ["  ".join(_padded(c, w, side) for c, w, side in zip(r, widths, right, strict=True)).rstrip() for r in rows]
    rule = "  ".join("-" * w for w in widths)
    return "\n".join([table.title, rule, lines[0], rule, *lines[1:]])


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (width - _width(cell))
    return space + cell if right else cell + space


def _width(text: str) -> int:
    """Columns on the terminal: combining accents take none."""
    return len(re.sub("[\u0300-\u036f]", "", text))


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[\d,.]+( %)?", cell) is not None


def markdown(table: Table) -> str:
    right = [all(_is_number(r[k]) for r in table.rows) for k in range(len(table.header))]
    rule = tuple("---:" if side else "---" for side in right)
    lines = [f"| {' | '.join(c.replace('|', chr(92) + '|') for c in row)} |" for row in (table.header, rule, *table.rows)]
    return "\n".join([f"**{table.title}**", "", *lines])


def html(table: Table) -> str:
    head = "".join(f"<th>{_html.escape(c)}</th>" for c in table.header)
    body = "".join(f"<tr>{''.join(f'<td>{_html.escape(c)}</td>' for c in row)}</tr>" for row in table.rows)
    return f"<table><caption>{_html.escape(table.title)}</caption><tr>{head}</tr>{body}</table>"
