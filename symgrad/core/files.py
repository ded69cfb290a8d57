"""Names of files, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from symgrad.errors import InputError, printable


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """`write_bytes` of UTF-8 with plain newlines."""
    return write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file through a temporary one in the same folder, so that no reader and no failure ever sees half of it.

    Two processes may write the same file at once: it is then the whole of one of the two.  Missing folders are made, and taken
    away again if the file cannot be written, unless someone else has put a file there since.
    Raises `InputError` with one line for every way the file system can say no.
    """
    path = Path(path)
    made: list[Path] = []
    try:
        made = _make_folders(path.parent)
        _replace(path, content)
    except BaseException as error:
        _remove(made)
        if not isinstance(error, OSError | ValueError):  # a path with NUL is a ValueError
            raise
        raise InputError(f"cannot write {printable(str(path))}: {getattr(error, 'strerror', None) or error}") from None
    return path


def _remove(folders: list[Path]) -> None:
    with contextlib.suppress(OSError):
        for folder in reversed(folders):
            folder.rmdir()


def _make_folders(folder: Path) -> list[Path]:
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _replace(path: Path, content: bytes) -> None:
    temporary = path.parent / f".symgrad-{secrets.token_hex(8)}"
    try:
        # Not mkstemp: its files are private, and a plain open() asks the process for the right permissions by itself.
        with open(temporary, "xb") as file:
            file.write(content)
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def split_target(text: str) -> tuple[Path, str | None]:
    """FILE or FILE:FUNCTION; the colon of C:\\models\\mlp.py belongs to the file."""
    file, colon, function = text.rpartition(":")
    is_function = colon and function.isidentifier() and not os.path.exists(text) and len(file) > 1
    return (Path(file), function) if is_function else (Path(text), None)
