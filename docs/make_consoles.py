"""Run the commands that the pages on cost, devices and minibatches show, and put the output below each: docs/make_consoles.py"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from pathlib import Path

from symgrad.command.cli import main

TOP = Path(__file__).parents[1]
PAGES = ("cost.md", "devices.md", "minibatches.md")
SHOWN = re.compile(r"^```console\n\$ (symgrad .*?)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def printed(command: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(shlex.split(command)[1:])
    return out.getvalue()


if __name__ == "__main__":
    os.chdir(TOP)
    for page in PAGES:
        path = TOP / "docs" / page
        text = path.read_text(encoding="utf-8")
        path.write_text(SHOWN.sub(lambda m: f"```console\n$ {m[1]}\n{printed(m[1])}```", text), encoding="utf-8")
