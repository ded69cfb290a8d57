"""Shapes and properties in the notation of annotations: "n d | positive"."""

from __future__ import annotations

import ast
import keyword
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import sympy

from symgrad.core.budget import limit, way_out
from symgrad.core.dimensions import is_hopeless
from symgrad.core.op import Dim, Shape, show_shape
from symgrad.core.source import parsed, symbolic
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.indexing import exact

PROPERTIES = frozenset(
    "symmetric spd diagonal orthogonal lower positive unit binary sign onehot simplex int entrywise loss".split()
)
SQUARE = frozenset({"symmetric", "spd", "diagonal", "orthogonal", "lower"})
FUNCTIONS = frozenset({"entrywise", "loss"})
_IDENTIFIER = re.compile(r"[A-Za-zΑ-Ωα-ω_][A-Za-zΑ-Ωα-ω0-9_]*\Z")
LONGEST_NAME = 64
LONGEST_SHAPE = 400
MOST_AXES = 16


@dataclass(frozen=True)
class Declaration:
    """What is known of one input: its shape and its properties."""

    shape: Shape
    properties: frozenset[str]


def check_identifier(name: str, what: str = "name") -> str:
    """The name itself if it is made of ASCII or Greek letters, digits and underscores, and no keyword."""
    if len(name) > LONGEST_NAME:
        raise InputError(f"the {what} {name[:20]!r}... is longer than {LONGEST_NAME} characters")
    if not _IDENTIFIER.match(name) or unicodedata.normalize("NFKC", name) != name:
        raise InputError(f"the {what} {name!a} is refused: use ASCII or Greek letters, digits and underscores")
    if keyword.iskeyword(name) or name.startswith("__"):
        raise InputError(f"the {what} {name!r} is refused: it is reserved in Python")
    return name


def declare(text: Any, name: str) -> Declaration:
    """Read "n d | positive"; the empty text is a scalar."""
    if not isinstance(text, str):
        raise InputError(f'{name} needs its shape as text, such as {name}: "n d"')
    if len(text) > LONGEST_SHAPE:
        raise InputError(f"{name}: the shape is longer than {LONGEST_SHAPE} characters")
    dims, _, words = text.partition("|")
    properties = frozenset(words.split())
    if unknown := sorted(properties - PROPERTIES):
        raise InputError(f"{name}: the property {unknown[0][:40]!r} is unknown; known are {', '.join(sorted(PROPERTIES))}")
    shape = tuple(_read_dimension(word, name) for word in dims.split())
    if len(shape) > MOST_AXES:
        raise InputError(f"{name}: arrays of more than {MOST_AXES} axes are not read")
    check_entries(shape)
    if (square := sorted(properties & SQUARE)) and (len(shape) != 2 or shape[0] != shape[1]):
        raise InputError(f'{name}: {square[0]} needs a square matrix, got "{dims.strip()}"')
    if properties & {"onehot", "simplex"} and not shape:
        raise InputError(f"{name}: {', '.join(sorted(properties))} needs at least one axis")
    return Declaration(shape, properties)


def check_entries(shape: Shape) -> None:
    """An array that no machine holds is refused where it is named, not where it is allocated."""
    if math.prod(map(_least, shape)) > limit("entries"):
        most = f"{limit('entries'):g}"
        raise UnsupportedError(f"an array of shape {show_shape(shape)} has more than {most} entries; {way_out('entries')}")


def _least(dim: Dim) -> int:
    """A size that the dimension has at least: 6 of 6*n."""
    number, rest = symbolic(dim).as_coeff_Mul()
    return max(int(number), 1) if rest.is_positive else 1


def _read_dimension(word: str, name: str) -> Dim:
    """A dimension: a name, a positive number, or a sum, difference or product of those such as n-k+1 or 2*d."""
    if word[:1] in "*#?_" or "..." in word or "=" in word:
        raise UnsupportedError(f"{name}: the dimension {word[:40]!r} of jaxtyping is not read; name every axis")
    try:
        (statement,) = parsed(word).body
        tree = statement.value if isinstance(statement, ast.Expr) else ast.Constant(None)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InputError(f"{name}: the dimension {word[:40]!r} is no name and no positive number") from None
    if not unicodedata.is_normalized("NFKC", word):
        raise InputError(f"{name}: the dimension {word[:40]!a} is refused: use ASCII or Greek letters, digits and underscores")
    read = _dimension(tree, word, name)
    if read.is_Symbol:
        return read
    dim = exact(read)
    if is_hopeless(dim):
        raise InputError(f"{name}: the dimension {word[:40]!r} is 0 or less whatever the sizes")
    return dim


def jaxtyped(kind: str, text: str) -> str:
    """Float[Array, "n d"] as "n d"; integers are labels, truth values are binary."""
    if kind in ("Key", "PRNGKeyArray", "Complex", "Complex64", "Complex128"):
        raise UnsupportedError(f"{kind} arrays are not read; inputs are real")
    integers = kind.startswith(("Int", "UInt"))
    return text + (" | int" if integers else " | binary" if kind == "Bool" else "")


def _dimension(tree: ast.expr, word: str, name: str) -> sympy.Expr:
    match tree:
        case ast.Name(id=letter):
            return sympy.Symbol(check_identifier(letter, "dimension"), integer=True, positive=True)
        case ast.Constant(value=int(value)) if 0 < value < 2**40 and not isinstance(value, bool):
            return sympy.Integer(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _dimension(left, word, name) + _dimension(right, word, name)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _dimension(left, word, name) - _dimension(right, word, name)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _dimension(left, word, name) * _dimension(right, word, name)
    raise InputError(f"{name}: the dimension {word[:40]!r} is no name and no positive number")
