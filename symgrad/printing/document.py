"""How a derivation is saved, by suffix: documents, pictures and the module."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from symgrad.core.budget import budgeted
from symgrad.core.files import write_bytes, write_text
from symgrad.errors import InputError, one_of
from symgrad.printing.composition import content
from symgrad.printing.derived import Derived, Verified
from symgrad.printing.elements import Part
from symgrad.printing.graphviz import has_dot, picture
from symgrad.printing.latex import Theme
from symgrad.printing.notebooks import markdown_page, notebook
from symgrad.printing.picture import Groups
from symgrad.printing.typesetting import pdf, tex
from symgrad.printing.webpage import fragment, page


def _content(d: Derived, level: str, report: Verified | None, style: str, superscript: bool) -> list[Part]:
    return content(d, level, report, Theme(style, superscript))


def _document(write: Callable[[list[Part], Derived], str | bytes]) -> Callable[..., str | bytes]:
    def writer(
        d: Derived, *, level: str = "adjoints", report: Verified | None = None, style: str = "partial", superscript: bool = False
    ) -> str | bytes:
        return write(_content(d, level, report, style, superscript), d)

    return writer


def _picture(kind: str) -> Callable[..., bytes]:
    def writer(
        d: Derived,
        *,
        point: Mapping[str, Any] | None = None,
        second: bool = False,
        detail: str = "equations",
        groups: Groups | None = None,
        digits: int | None = None,
    ) -> bytes:
        return picture(d, kind, point, second, detail, groups, digits)

    return writer


def _page(parts: list[Part], d: Derived) -> str:
    """The page, with the graph in it where Graphviz is installed."""
    return page(parts, picture(d, "svg").decode("utf-8") if has_dot() else "")


def _module(d: Derived, *, target: str = "numpy") -> str:
    return d.code(target)


def embedded(d: Derived) -> str:
    """The document without its code, as HTML for a notebook's output."""
    return fragment([p for p in content(d)][:-2])


WRITERS: dict[str, Callable[..., str | bytes]] = {
    ".tex": _document(lambda parts, d: tex(parts)),
    ".pdf": _document(lambda parts, d: pdf(tex(parts))),
    ".md": _document(lambda parts, d: markdown_page(parts)),
    ".html": _document(_page),
    ".ipynb": _document(lambda parts, d: notebook(parts)),
    ".py": _module,
    ".svg": _picture("svg"),
    ".png": _picture("png"),
}
"""What a derivation becomes, by suffix; keyword arguments are its options."""


@budgeted("writing a document")
def made(d: Derived, path: Path, options: Mapping[str, Any]) -> str | bytes:
    """The form that the suffix names; raises `InputError` for an unknown suffix or option."""
    writer = WRITERS[one_of(f"{path.name}: the suffix", path.suffix, sorted(WRITERS))]
    known = [p.name for p in inspect.signature(writer).parameters.values() if p.kind is p.KEYWORD_ONLY]
    if unknown := sorted(set(options) - set(known)):
        takes = f"takes {', '.join(known)}" if known else "takes none"
        raise InputError(f"{path.name}: there is no option {unknown[0]!r}; {path.suffix} {takes}")
    return writer(d, **options)


def save(d: Derived, path: Path, options: Mapping[str, Any]) -> Path:
    """Write the form that the suffix names, whole or not at all; raises `InputError` for an unknown suffix or option."""
    content = made(d, path, options)
    return write_bytes(path, content) if isinstance(content, bytes) else write_text(path, content)
