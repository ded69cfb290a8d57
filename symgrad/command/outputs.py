"""Where the command line writes to, and what it writes over: nothing that it has not written itself from the same function."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from symgrad.core.files import write_bytes, write_text
from symgrad.errors import InputError, printable

SUFFIXES = (".html", ".ipynb", ".md", ".pdf", ".png", ".py", ".svg", ".tex")
"""Ends of file names that -o is not taken for a folder with."""

_COMMENTS = {".py": "# {}", ".tex": "% {}", ".md": "<!-- {} -->", ".html": "<!-- {} -->"}
"""How a file says what it was made from, in its last line; one of another kind is written over, since it is named in full."""

_MADE = "Made by symgrad from "


def output_paths(output: Path, names: Iterable[str], files: Iterable[str] = ()) -> list[Path]:
    """The files to write: `output` itself where it ends in one of `files`, else these names in the folder `output`.

    Raises `InputError` where it ends in another known suffix, which nobody gives a folder, and where it is a file.
    """
    if os.path.isdir(output):  # not Path.is_dir, which raises for names that are too long
        return [output / name for name in names]
    if output.suffix in files:
        return [output]
    if output.suffix in SUFFIXES:
        known = f"a folder, or a file that ends in {', '.join(files)}" if files else "a folder"
        raise InputError(f"-o {printable(output.name)}: nothing of that kind is written here; -o takes {known}")
    if os.path.exists(output):
        raise InputError(f"-o {printable(output.name)} is a file, and no folder can be made there; choose another name")
    return [output / name for name in names]


def write(texts: Mapping[Path, str | bytes], source: str) -> None:
    """Write these files, each with a last line that says what it was made from; refuses before it writes any."""
    source = printable(source).replace("--", "- -")  # ends no comment
    for path in texts:
        _spare(path, source)
    for path, text in texts.items():
        write_bytes(path, text) if isinstance(text, bytes) else write_text(path, _signed(path, text, source))


def _signed(path: Path, text: str, source: str) -> str:
    comment = _COMMENTS.get(path.suffix)
    return text if comment is None else f"{text.rstrip()}\n\n\n{comment.format(_MADE + source)}\n"


def _spare(path: Path, source: str) -> None:
    """A file that somebody wrote, or that holds another function's derivation, stays."""
    if path.suffix not in _COMMENTS or not os.path.isfile(path):
        return
    made = _last_line(path).partition(_MADE)[2].removesuffix(" -->")
    if made != source:
        whose = f"was made from {printable(made)}" if made else "is none that this command wrote"
        raise InputError(f"{printable(str(path))} {whose}, and stays as it is; choose another place with -o, or remove it")


def _last_line(path: Path) -> str:
    try:
        return path.read_bytes().rstrip().rpartition(b"\n")[2].decode("utf-8", "replace")
    except OSError as error:
        raise InputError(f"cannot write {printable(str(path))}: what is there cannot be read, {error.strerror}") from None
