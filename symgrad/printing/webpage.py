"""A document as one HTML file that opens offline: formulas in MathML, light and dark, code to copy; nothing in it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from symgrad.printing.browser import mathml, row
from symgrad.printing.elements import Code, EquationLine, Formulas, Heading, Inline, Math, Part, Prose, TablePart
from symgrad.printing.typesetting import left_width, pieces

_WIDEST = 96
"""Characters of an equation on a page of its own, as the terminal counts them."""


def page(parts: Sequence[Part], picture: str = "") -> str:
    """The document as a page; `picture` is an SVG that stands behind the symbols."""
    title = next((p.text for p in parts if isinstance(p, Heading)), "")
    style = _template("formulas.css").rstrip()
    return Template(_template("page.html")).substitute(title=escape(title), formulas=style, body=fragment(parts, picture))


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def fragment(parts: Sequence[Part], picture: str = "", widest: int = _WIDEST) -> str:
    """The document without the page around it, its equations broken at so many characters."""
    body = [_part(part, widest) for part in parts]
    if picture:
        at = next((i for i, p in enumerate(parts) if p == Heading("Forward pass")), 1)
        label = "The computational graph: forward, and backward along the same wires."
        body.insert(at, f'<h2>Graph</h2>\n<div class="picture" role="img" aria-label="{label}">{picture}</div>')
    return "\n".join(body)


def _part(part: Part, widest: int) -> str:
    match part:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Prose(pieces):
            return f"<p>{''.join(map(_inline, pieces))}</p>"
        case TablePart(head, rows):
            top = "".join(f'<th scope="col">{escape(h)}</th>' for h in head)
            body = "".join(f"<tr>{''.join(f'<td>{_inline(c)}</td>' for c in r)}</tr>" for r in rows)
            return f'<div class="table"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
        case Formulas(lines, boxed):
            groups = part.boxes() if boxed else [lines]
            return "".join(_formulas(g, boxed, widest) for g in groups)
        case Code(text):
            return f'<div class="code"><button type="button" class="copy">copy</button><pre><code>{escape(text)}</code></pre></div>'


def _inline(piece: Inline) -> str:
    if isinstance(piece, str):
        return escape(piece)
    return mathml(piece.latex) if isinstance(piece, Math) else f"<code>{escape(piece.text)}</code>"


def _formulas(lines: Sequence[EquationLine], boxed: bool, widest: int) -> str:
    """A table of formulas: the signs of equality below one another, the numbers in the margin."""
    rows = "".join(_rows(line, left_width(lines), widest) for line in lines)
    return f'<div class="formulas{" boxed" if boxed else ""}"><table>{rows}</table></div>'


def _rows(line: EquationLine, beside: int, widest: int) -> str:
    first, *rest = pieces(line, beside, widest)
    number = f"({line.number})" if line.number else ""
    whole = _cells(line.left, f"{{}} {line.relation} {first}", "right", "" if rest else number)
    return whole + "".join(_cells("", f"{{}} {r}", "right more", number if r is rest[-1] else "") for r in rest)


def _cells(left: str, right: str, kind: str, number: str) -> str:
    cells = [("left", _display(left) if left else ""), (kind, _display(right)), ("number", number)]
    return "<tr>" + "".join(f'<td class="{name}">{cell}</td>' for name, cell in cells) + "</tr>"


def _display(latex: str) -> str:
    return f'<math displaystyle="true">{row(latex)}</math>'
