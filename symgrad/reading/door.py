"""A Python function to a Program, by its syntax tree alone: nothing of it is ever executed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from symgrad.core.budget import limit
from symgrad.core.program import Program
from symgrad.errors import InputError, UnsupportedError, printable
from symgrad.reading.live import closure_of, locate, plain_function
from symgrad.reading.module import TRANSFORMS, check_length, choose, decorator_name, parse_module
from symgrad.reading.reader import Reader

_FILE_NAME = re.compile(r"\S.*\.py(:\w+)?")


def read_function(fn: Callable[..., Any], shapes: dict[str, str]) -> Program:
    """The Program of a live function, from its source."""
    plain = plain_function(fn)
    module, definition = locate(plain)
    return Reader(module, closure_of(plain)).read(definition, shapes)


def read_text(text: str, shapes: dict[str, str], filename: str = "<string>", function: str | None = None) -> Program:
    """The Program of a source text; of several functions, the one named."""
    if _FILE_NAME.fullmatch(text) and text.isprintable():
        name = text if len(text) <= 80 else f"...{text[-80:]}"
        raise InputError(f"{name!r} is the name of a file, and text never opens one; hand in pathlib.Path({name!r})")
    module = parse_module(text, filename)
    definition = choose(module, function)
    for decorator in definition.decorator_list:
        if (name := decorator_name(decorator)) in TRANSFORMS:
            what = f"{definition.name} ({filename}) is decorated with {name}, a transformation of functions"
            raise UnsupportedError(f"{what}; write the equations out")
    return Reader(module, {}).read(definition, shapes)


def read_file(path: Path, shapes: dict[str, str], function: str | None = None) -> Program:
    """The Program of a file of Python source, UTF-8 as Python has it; FILE:FUNCTION names one of its functions."""
    file, colon, name = path.name.rpartition(":")
    if colon and function is None and not path.exists():
        path, function = path.with_name(file), name
    return read_text(_content(path), shapes, path.name, function)


def _content(path: Path) -> str:
    name = printable(path.name)
    try:
        if not path.exists():
            raise InputError(f"there is no file {name}; hand in the path of a Python file")
        if not path.is_file():
            raise InputError(f"{name} is no file; hand in the path of a Python file")
        with path.open("rb") as file:
            content = file.read(4 * limit("characters") + 1)  # a character takes at most four bytes
        check_length(len(content) // 4, name)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} is no UTF-8 text; save it as UTF-8") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} cannot be read; {getattr(error, 'strerror', None) or 'no such path'}") from None


__all__ = ["choose", "parse_module", "read_file", "read_function", "read_text"]
