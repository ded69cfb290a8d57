"""Every way symgrad can say no: the input is wrong, the language does not reach that far yet, or no derivative exists.

Each message is one line that names the piece and the way out.
"""

from collections.abc import Iterable


class SymgradError(Exception):
    """Base of all errors raised on purpose; its text is meant for the user, without a traceback."""


class InputError(SymgradError, ValueError):
    """The program handed in is wrong: an undeclared name, a bad annotation, an argument that does not fit."""


class ShapeError(InputError):
    """Two shapes do not fit together."""


class UnsupportedError(SymgradError, NotImplementedError):
    """The program may be right, but this piece of it is outside the language."""


class NotDifferentiableError(SymgradError, ArithmeticError):
    """No derivative exists here, and none is made up."""


class VerificationError(SymgradError, AssertionError):
    """A derived quantity disagrees with the witness."""


def printable(text: str) -> str:
    """The text without what would move the cursor or hide in a message."""
    return "".join(c if c.isprintable() else "?" for c in text)


def one_of(option: str, value: object, known: Iterable[str]) -> str:
    """The value of an option that is one of these words; raises `InputError` with them for any other."""
    words = list(known)
    if not (isinstance(value, str) and value in words):
        raise InputError(f"{option} {value!r} is unknown; known are {', '.join(words)}")
    return value
