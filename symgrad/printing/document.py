"""A derivation as a document: .tex ready for any TeX, .pdf where one is installed, .md, and the .py module."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Protocol

from symgrad.errors import InputError
from symgrad.files import write_bytes, write_text
from symgrad.op import Node
from symgrad.ops.generic import functions_of
from symgrad.printing.equations import align, shape_of
from symgrad.printing.latex import Show
from symgrad.program import Equation, Program

SECONDS = 60
"""Time that a TeX run may take."""

_PAGE = Template(r"""\documentclass[11pt]{article}
\usepackage[a4paper,margin=25mm]{geometry}
\usepackage{amsmath,amssymb,bm}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\begin{document}

\section*{$title}

$symbols

$sections

\subsection*{Conventions}
A gradient has the shape of its variable. Arrays of one axis are columns; functions of one variable act entry by entry;
$$\odot$$, $$\oslash$$ and $$\odot$$-powers are entrywise; a number in a sum of arrays is added to every entry;
$$\mathbf{1}$$ is a vector of ones, $$\langle A, B \rangle = \operatorname{tr}(A^{\top} B)$$, and $$\mathcal{R}\{\cdot\}$$ the
derivative along the given directions.

\end{document}
""")


class Derived(Protocol):
    """What a document shows."""

    program: Program
    wrt: tuple[Node, ...]
    directions: dict[Node, Node]

    def sections(self) -> list[tuple[str, tuple[Equation, ...]]]: ...

    def numpy(self) -> str: ...


def tex(d: Derived) -> str:
    """The document as a LaTeX source that needs amsmath, amssymb and bm."""
    sections = "\n\n".join(f"\\subsection*{{{title}}}\n{align(equations)}" for title, equations in d.sections() if equations)
    return _PAGE.substitute(title=_escaped(d.program.name), symbols=_symbols(d), sections=sections)


def _escaped(name: str) -> str:
    return "".join({"_": r"\_"}.get(c, c) for c in name if c.isalnum() or c == "_")


def _symbols(d: Derived) -> str:
    """The table of inputs: symbol, space and what is known of it."""
    show = Show()
    rows = [f"${show.text(v)}$ & ${shape_of(v, show)}$ & {', '.join(sorted(v.params['properties']))}" for v in d.program.inputs]
    nodes = [n for eq in d.program.equations for n in _nodes(eq)]
    rows += [f"${show.name(name)}$ & a function & left generic" for name in sorted(functions_of(nodes)) if not _derived(name, nodes)]
    return "\\begin{tabular}{@{}lll@{}}\n" + " \\\\\n".join(rows) + "\n\\end{tabular}"


def _nodes(eq: Equation) -> list[Node]:
    stack, found = [eq.expr], []
    while stack:
        node = stack.pop()
        found.append(node)
        stack.extend(node.args)
    return found


def _derived(name: str, nodes: list[Node]) -> bool:
    return name not in {n.params.get("function") for n in nodes}


def markdown(d: Derived) -> str:
    """The document as Markdown with mathematics between dollar signs."""
    parts = [f"# {d.program.name}"]
    for title, equations in d.sections():
        body = align(equations).replace("{align}", "{aligned}").replace(r" \nonumber", "")
        parts += [f"## {title}", f"$$\n{body}\n$$"]
    parts += ["## Code", f"```python\n{d.numpy()}```"]
    return "\n\n".join(parts) + "\n"


def pdf(source: str) -> bytes:
    """A LaTeX source through pdflatex, shut in: no shell, no files outside an empty folder, a time limit."""
    program = shutil.which("pdflatex")
    if program is None:
        raise InputError("pdflatex is not installed, so no .pdf can be made; save the .tex instead")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "document.tex").write_text(source, encoding="utf-8")
        command = [program, "-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode", "document.tex"]
        environment = {**os.environ, "openin_any": "p", "openout_any": "p"}
        try:
            run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise InputError(f"pdflatex took longer than {SECONDS} s and was stopped") from None
        if run.returncode:
            raise InputError("pdflatex failed: " + _first_error(run.stdout.decode("utf-8", "replace")))
        return (Path(folder) / "document.pdf").read_bytes()


def _first_error(log: str) -> str:
    return next((line[2:] for line in log.splitlines() if line.startswith("! ")), "no reason given")


WRITERS: dict[str, Callable[[Derived, Path], None]] = {
    ".tex": lambda d, path: write_text(path, tex(d)),
    ".pdf": lambda d, path: write_bytes(path, pdf(tex(d))),
    ".md": lambda d, path: write_text(path, markdown(d)),
    ".py": lambda d, path: write_text(path, d.numpy()),
}
"""How a derivation is saved, by suffix."""
