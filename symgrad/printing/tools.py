"""pdflatex and Graphviz, shut in: an empty folder, a bare environment, no input, a time limit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from symgrad.core.budget import limit, way_out
from symgrad.errors import InputError

_KEPT = (
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "LANG",
    "LC_ALL",
    "TEXMFCNF",
    "TEXMFVAR",
    "FONTCONFIG_FILE",
)
"""What a program needs of the environment to run at all; whatever else the user has set does not reach it."""


def shut_in(
    command: Sequence[str], folder: str, settings: Mapping[str, str], text: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a folder of its own; the same input gives the same bytes, whatever the clock says."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"HOME": folder, "SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", **settings}
    seconds = limit("tools")
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, input=text, capture_output=True, timeout=seconds, check=False, shell=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{Path(command[0]).name} took longer than {seconds} s and was stopped; {way_out('tools')}") from None
    except OSError as error:
        raise InputError(f"{Path(command[0]).name} cannot be run: {error.strerror}") from None
