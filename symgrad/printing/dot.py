"""Pictures in Graphviz's language: names with shapes on the wires, numbers above and below them, or all passes as equations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import ceil
from typing import Any

import numpy as np

from symgrad.core.graph import variables
from symgrad.core.op import Node
from symgrad.core.program import Equation
from symgrad.printing.derived import Derived
from symgrad.printing.indices import sides
from symgrad.printing.latex import Show
from symgrad.printing.picture import WIDEST_LABEL, Gate, Picture
from symgrad.printing.text import unicode_of

FORWARD, BACKWARD, SECOND, VALUE, SOFT = "#1f5fa8", "#c0392b", "#2b7a3d", "#1e8449", "#6b7075"
"""The colours of the passes, of values and of what is said by the way."""

LARGEST = 4
"""Rows and columns of an array that are drawn with their numbers."""

_DEEPEST = 16
"""Gates one after the other that still read from left to right; longer chains run down the page, in columns."""

COLUMN = 7
"""Gates below one another in a column."""

_FONT = 'fontname="Helvetica,Arial,DejaVu Sans,sans-serif"'
_HEAD = f"""digraph model {{
graph [rankdir=%s, nodesep=0.28, ranksep=0.42, bgcolor=transparent, {_FONT}]
node [{_FONT}, fontsize=14, height=0.4, width=0.4, margin="0.09,0.05", penwidth=1.2]
edge [{_FONT}, fontsize=10, arrowsize=0.65, penwidth=1.2]
"""

MANY = 48
"""Equations of an extended graph above which Graphviz is told to be content with a good layout."""

_HASTY = "graph [nslimit=1, nslimit1=1, mclimit=0.2, splines=line]"


def dot_source(p: Picture) -> str:
    """The graph in Graphviz's language; a long one runs down the page in columns."""
    index = {v: f"v{i}" for i, v in enumerate(dict.fromkeys([*p.inputs, *(w for g in p.gates for w in g.writes)]))}
    column = _columns(p.gates)
    lines = [_HEAD % ("LR" if not any(column) else "TB"), *_side_by_side(column)]
    lines += [_wire(v, name, p) if p.values is not None else _square(v, name, p) for v, name in index.items()]
    home: dict[Node, int] = {}
    for i, gate in enumerate(p.gates):
        lines.append(_circle(f"g{i}", gate.label))
        for v in gate.reads:
            lines += _edges(index[v], f"g{i}", v, p, across=home.setdefault(v, column[i]) != column[i])
        for w in gate.writes:
            home[w] = column[i]
            lines += _edges(f"g{i}", index[w], w, p, outgoing=True)
    return "\n".join([*lines, "}\n"])


def _columns(gates: Sequence[Gate]) -> list[int]:
    """The column of each gate: the first, unless more stand one after the other than can be read from left to right."""
    depth: dict[Node, int] = {}
    levels = []
    for gate in gates:
        levels.append(max((depth.get(r, 0) for r in gate.reads), default=0))
        depth.update(dict.fromkeys(gate.writes, levels[-1] + 1))
    deep = max(levels, default=0) + 1
    if deep <= _DEEPEST:
        return [0] * len(gates)
    height = ceil(deep / ceil(deep / COLUMN))
    return [level // height for level in levels]


def _side_by_side(column: Sequence[int]) -> list[str]:
    """Columns begin on one line, from left to right."""
    tops = [f"g{column.index(k)}" for k in range(max(column, default=0) + 1)]
    return [f"{{rank=same; {' -> '.join(tops)} [style=invis]}}"] if len(tops) > 1 else []


def _edges(tail: str, head: str, v: Node, p: Picture, outgoing: bool = False, across: bool = False) -> Iterator[str]:
    """The wire, with the shape of what it carries, and the way back along it; one to another column leaves that where it is."""
    free = ", constraint=false" if across else ""
    if p.values is not None:
        yield f'{tail}:e -> {head}:w [color="{SOFT}"{", arrowhead=none" if outgoing else ""}{free}]'
        return
    shape = "" if outgoing else "×".join(unicode_of(p.show.size(d)) for d in v.shape)
    colour = f'"{FORWARD}:{BACKWARD}", dir=both' if v in p.adjoints else f'"{FORWARD}"'
    label = f', label=<<FONT COLOR="{SOFT}">{_rich(shape)}</FONT>>' if shape else ""
    weight = "" if v in p.inputs else ", weight=8"
    yield f"{tail} -> {head} [color={colour}{weight}{label}{free}]"


def _square(v: Node, name: str, p: Picture) -> str:
    """A variable; below its name that of its adjoint."""
    rows = f'<TR><TD><FONT COLOR="{FORWARD}">{_name(v, p.show)}</FONT></TD></TR>'
    if v in p.adjoints:
        rows += f'<TR><TD><FONT COLOR="{BACKWARD}" POINT-SIZE="11">{_name(p.adjoints[v], p.show)}</FONT></TD></TR>'
    fill = ', style=filled, fillcolor="#eef4fb"' if v in p.wrt else ""
    label = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'
    return f'{name} [shape=square, color="{FORWARD}", margin="0.03,0.02", label=<{label}>{fill}]'


def _circle(name: str, label: str) -> str:
    shape = "shape=circle, margin=0.03" if len(label) <= 5 else 'shape=box, style=rounded, margin="0.12,0.06"'
    return f'{name} [{shape}, color="{SOFT}", label=<{_rich(label)}>]'


def _wire(v: Node, name: str, p: Picture) -> str:
    """A piece of wire: the value in green above it, the gradient in red below."""
    assert p.values is not None
    value = _number(p.values[str(v)], p.digits)
    adjoint = _number(p.values[str(p.adjoints[v])], p.digits) if v in p.adjoints else _seed(v, p)
    name_of = f'<FONT POINT-SIZE="12">{_name(v, p.show)}</FONT>'
    rows = f'<TR><TD>{name_of}</TD><TD><FONT COLOR="{VALUE}">{value}</FONT></TD></TR><HR/>'
    rows += f'<TR><TD COLSPAN="2"><FONT COLOR="{BACKWARD}">{adjoint}</FONT></TD></TR>'
    label = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" COLOR="{SOFT}">{rows}</TABLE>'
    return f"{name} [shape=plain, margin=0, label=<{label}>]"


def _seed(v: Node, p: Picture) -> str:
    is_value = bool(p.gates) and v in p.gates[-1].writes and bool(p.adjoints)
    return _number(1.0, p.digits) if is_value else " "


def _number(value: Any, digits: int | None) -> str:
    """A number in a few digits; a small array row by row, a large one by its shape."""
    array = np.asarray(value, dtype=float)
    if array.ndim > 2 or any(n > LARGEST for n in array.shape):
        return escape(f"{'×'.join(map(str, array.shape))} array, |·| = {_short(float(np.linalg.norm(array)), digits)}")
    if array.ndim < 2:
        inner = ", ".join(_short(float(x), digits) for x in np.atleast_1d(array))
        return inner if array.ndim == 0 else f"[{inner}]"
    return "<BR/>".join(f"[{', '.join(_short(float(x), digits) for x in row)}]" for row in array)


def _short(x: float, digits: int | None) -> str:
    if digits is not None:
        return f"{x + 0.0:.{digits}f}"
    return f"{x:.3g}" if 0 < abs(x) < 0.01 or abs(x) >= 10_000 else f"{x:.3f}".rstrip("0").rstrip(".")


def _name(v: Node, show: Show) -> str:
    return _rich(unicode_of(show.text(v)))


def _rich(text: str) -> str:
    """Text in Graphviz's HTML-like labels: escaped, with the indices that Unicode has no letters for set below and above, small."""
    text = escape(text, quote=True)
    for mark, tag in (("_", "SUB"), (r"\^", "SUP")):
        text = re.sub(mark + r"(?:\{([^{}]*)\}|(⊙?\w))", rf'<FONT POINT-SIZE="10"><{tag}>\1\2</{tag}></FONT>', text)
    return text


# all passes -------------------------------------------------------------------------------------------------------------------


def extended_source(d: Derived) -> str:
    """Forward, backward and tangent equations, one node each, with every value that one pass reads of another."""
    sections, show = d.sections(), d.show()
    colours = (FORWARD, BACKWARD, SECOND) if d.is_scalar else (FORWARD, SECOND)
    names = {eq.symbol: f"e{i}" for i, eq in enumerate(eq for _, equations in sections for eq in equations)}
    lines = [_HEAD % "TB"] + ([_HASTY] if len(names) > MANY else [])
    for i, ((title, equations), colour) in enumerate(zip(sections, colours, strict=True)):
        lines += _pass(i, title, equations, colour, names, show)
    return "\n".join([*lines, "}\n"])


def _pass(
    index: int, title: str, equations: Sequence[Equation], colour: str, names: Mapping[Node, str], show: Show
) -> Iterator[str]:
    """The equations of one pass in a frame, its inputs drawn with them; what it reads of other passes comes from outside."""
    reads = {eq.symbol: list(dict.fromkeys(variables(eq.expr))) for eq in equations}
    inputs = dict.fromkeys(v for read in reads.values() for v in read if v not in names)
    names = {**names, **{v: f"i{index}x{i}" for i, v in enumerate(inputs)}}
    yield f'subgraph "cluster{index}" {{ label=<{_rich(title)}>; fontcolor="{colour}"; color="{colour}"; style=rounded; labeljust=l'
    yield from (f'{names[v]} [shape=square, color="{SOFT}", margin="0.03,0.02", label=<{_name(v, show)}>]' for v in inputs)
    yield from (f'{names[eq.symbol]} [shape=box, color="{colour}", label=<{_equation(eq, show)}>]' for eq in equations)
    yield "}"
    for symbol, read in reads.items():
        for v in read:
            style = "" if v in reads or v in inputs else ", style=dashed, penwidth=0.9"
            yield f'{names[v]} -> {names[symbol]} [color="{colour}"{style}]'


def _equation(eq: Equation, show: Show) -> str:
    left, right = map(unicode_of, sides(eq.symbol, eq.expr, show))
    return f"{_rich(left)} = {_rich(right if len(right) <= WIDEST_LABEL else right[: WIDEST_LABEL - 1] + '…')}"
