"""The words of an exported module: what it is, how it was made, and the equations above the code that computes them."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from symgrad.core.op import Node, show_shape
from symgrad.core.program import Program
from symgrad.export.writer import LONGEST
from symgrad.planning.association import Sizes

_SPELLED = {"λ": "lambda", "Λ": "Lambda", "ℓ": "ell", "𝟎": "0", "𝟏": "1", "×": "*", "∨": "or"}

_CONVENTIONS = """
A gradient has the shape of its variable, an array of rank 1 is a column, and a property
says what an input may be relied on to be: derivatives are those of the formula, free in
every entry.  Results have the dtype of the arrays given; numbers and lists adopt it.
"""


def module_docstring(
    program: Program,
    wrt: Sequence[Node],
    version: str,
    imports: str,
    functions: Iterable[str],
    left_out: Mapping[str, str],
    numbers: Sizes,
) -> str:
    """The head of a module: the function, its inputs, what was derived, and what a caller may rely on."""
    arguments = ", ".join(str(v) for v in program.inputs)
    defined = f"Defined here: {', '.join(functions)}.  Run as a script it tests itself."
    made = f"Written by symgrad {version} from the function {program.name}({arguments}), derived with respect to {_listed(wrt)}."
    sizes = ", ".join(f"{dim} = {size}" for dim, size in numbers.items())
    order = [f"Products are in the order that costs least for {sizes}."] if numbers else []
    left = [f"Left out: {name}, because {reason}." for name, reason in left_out.items()]
    paragraphs = [
        f"{program.name} with its derivatives, in {imports} alone.",
        *(textwrap.fill(text, LONGEST) for text in (made, defined, *order, *left)),
        "Inputs:\n" + "\n".join(f"    {line}" for line in input_lines(program.inputs)),
        _CONVENTIONS.strip(),
    ]
    return docstring("\n\n".join(paragraphs))


def input_lines(variables: Iterable[Node]) -> list[str]:
    """Name, shape and properties, one input a line."""
    rows = [(str(v), show_shape(v.shape) if v.shape else "number", ", ".join(sorted(v.params["properties"]))) for v in variables]
    width = max((len(name) for name, *_ in rows), default=0)
    return [f"{name:<{width}}  {shape}{'  ' if words else ''}{words}" for name, shape, words in rows]


def function_docstring(says: str, equations: str = "") -> str:
    """What a function returns and, below it, the equations it computes."""
    lines = textwrap.wrap(spelled_out(says), LONGEST - 10)
    if equations:
        lines += ["", *(line for equation in equations.splitlines() for line in wrapped(equation, LONGEST - 4))]
    return textwrap.indent(docstring("\n".join(lines)), "    ", lambda line: bool(line.strip()))


def docstring(text: str) -> str:
    text = spelled_out(text).replace("\\", "\\\\").replace('"""', "'''")
    closing = "\n" if "\n" in text else ""
    return f'"""{text}{closing}"""'


def wrapped(line: str, width: int) -> list[str]:
    """An equation in lines that fit, continued right of its equal sign."""
    line = spelled_out(line)
    lead = line.find(" = ") + 3 if " = " in line else len(line) - len(line.lstrip())
    return textwrap.wrap(line, width, subsequent_indent=" " * (lead + 2), break_long_words=False, drop_whitespace=True) or [line]


def spelled_out(text: str) -> str:
    """Without the letters that are taken for Latin ones: Greek by name, bold digits plain, a vector of ones as a word."""
    return "".join(_SPELLED.get(c) or (c if c.isascii() else _greek(c)) for c in re.sub(r"𝟏(?!\[)", "ones", text))


@cache
def _greek(c: str) -> str:
    words = unicodedata.name(c, "").split()
    if words[:1] != ["GREEK"] or "LETTER" not in words:
        return c
    letter = words[words.index("LETTER") + 1].lower()
    return letter.capitalize() if "CAPITAL" in words else letter


def _listed(nodes: Sequence[Node]) -> str:
    return ", ".join(map(str, nodes))
