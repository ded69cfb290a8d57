"""The computational graph as a picture by Graphviz: squares are variables, circles operators, data flows one way.

Two styles: names with shapes on the wires, as textbooks draw it; and, at a point, values above and gradients below each wire.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from symgrad.errors import InputError, one_of
from symgrad.printing.derived import Derived
from symgrad.printing.dot import dot_source, extended_source
from symgrad.printing.picture import Groups, pictured
from symgrad.printing.tools import shut_in

DETAILS = ("equations", "operations")


def has_dot() -> bool:
    return shutil.which("dot") is not None


def picture(
    d: Derived,
    kind: str,
    point: Mapping[str, Any] | None = None,
    second: bool = False,
    detail: str = "equations",
    groups: Groups | None = None,
    digits: int | None = None,
) -> bytes:
    """The graph as an image of this kind; raises `InputError` where Graphviz is not installed.

    `point` draws numbers, rounded to `digits` decimals; `second` adds the tangent program; `detail="operations"` draws every
    operation, and `groups` names equations that are drawn as one operator: {"sigma": ["m", "e", "p", "f"]}.
    """
    one_of("detail", detail, DETAILS)
    if second and point is not None:
        raise InputError("the second-order picture shows equations and no numbers; leave out second or point")
    if second:
        return rendered(extended_source(d), kind)
    return rendered(dot_source(pictured(d, point, detail, groups or {}, digits)), kind)


def rendered(source: str, kind: str) -> bytes:
    """Graphviz's picture of a source, made in an empty folder and within a time limit."""
    program = shutil.which("dot")
    if program is None:
        raise InputError(
            f"Graphviz's dot is not installed, so no .{kind} can be made; install it (Debian: graphviz) or save the .html or .tex"
        )
    command = [program, f"-T{kind}", *(["-Gdpi=160", "-Gbgcolor=white"] if kind == "png" else [])]
    with tempfile.TemporaryDirectory() as folder:
        # With a server's name Graphviz opens no file that a label may ask for, but those of one folder, which is empty.
        run = shut_in(command, folder, {"SERVER_NAME": "symgrad", "GV_FILE_PATH": folder}, source.encode())
    if run.returncode or not run.stdout:
        said = run.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise InputError(f"Graphviz failed: {said[0]}")
    return run.stdout
