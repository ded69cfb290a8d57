"""Files appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from symgrad.errors import InputError


def write_bytes(path: Path, data: bytes) -> None:
    """Write through a temporary file in the same folder, so that no reader and no interrupt sees half of it.

    Raises `InputError` where the folder cannot be made or written to.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
        temporary = ""
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        if temporary:
            os.unlink(temporary)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))
