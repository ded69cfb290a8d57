"""Files are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from symgrad.errors import InputError


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """`write_bytes` of UTF-8 with plain newlines."""
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file through a temporary one in the same folder, so that no reader and no failure ever sees half of it.

    Missing folders are made, and taken away again if the file cannot be written.
    Raises `InputError` with one line for every way the file system can say no.
    """
    path = Path(path)
    made: list[Path] = []
    try:
        made = _make_folders(path.parent)
        _replace(path, content)
    except OSError as error:
        for folder in reversed(made):
            folder.rmdir()
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def _make_folders(folder: Path) -> list[Path]:
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _replace(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, _mode_of(path))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode_of(path: Path) -> int:
    """The permissions the file has, or those a plain open() would give it: mkstemp's own are private."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
