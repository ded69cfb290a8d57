"""Numbers and dimensions as Python source: the exporter's smallest words."""

from __future__ import annotations

import ast
import inspect
import threading
import types
import warnings
from typing import Any

import sympy

from symgrad.errors import UnsupportedError

_FUNCTIONS = {sympy.log: "math.log", sympy.exp: "math.exp", sympy.Abs: "abs"}


_parsing = threading.RLock()


def parsed(text: str) -> ast.Module:
    """Python's own parser, one thread at a time: in 3.11 two of them upset one another's count of recursion (SystemError).

    Its warnings about style are left aside; their filters belong to the whole process, another reason for the lock.
    """
    with _parsing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def compiled(tree: ast.Module, name: str) -> types.CodeType:
    """A checked tree as code; Python turns trees into its own under the same count."""
    with _parsing:
        return compile(tree, name, "exec")


def source_of(piece: Any) -> str:
    """The source text of a function or class, for which Python parses its file."""
    with _parsing:
        return inspect.getsource(piece)


def symbolic(value: int | sympy.Expr) -> sympy.Expr:
    """A whole number as SymPy's own, an expression as it is; text never becomes one, since SymPy would run it."""
    if isinstance(value, sympy.Expr):
        return value
    if not isinstance(value, int):
        raise TypeError(f"a {type(value).__name__} is no number and no expression")
    return sympy.Integer(value)


def is_minus(value: sympy.Expr) -> bool:
    """Does it print with a sign in front?  A rational number says so at once, SymPy would deduce it."""
    return bool(value.p < 0 if value.is_Rational else value.could_extract_minus_sign())


def plus_first(value: sympy.Expr) -> list[sympy.Expr]:
    """The terms of a sum in the order in which it is written: n - k + 1, where SymPy puts -k first."""
    terms: list[sympy.Expr] = value.as_ordered_terms()
    return sorted(terms, key=lambda t: t is not next((u for u in terms if not is_minus(u)), t))


def as_written(value: sympy.Expr) -> sympy.Expr:
    """The expression with its terms in that order, for a printer that is told to keep it."""
    return sympy.Add(*plus_first(value), evaluate=False) if value.is_Add else value


def dim_text(dim: int | sympy.Expr) -> str:
    """A dimension as one word of a message or table: n - k + 1."""
    return sympy.sstr(as_written(symbolic(dim)), order="none" if symbolic(dim).is_Add else None)


def dim_source(dim: Any) -> str:
    """A dimension such as n, 3 or n + 1."""
    return value_source(symbolic(dim))


def tuple_source(shape: tuple[Any, ...]) -> str:
    inner = ", ".join(dim_source(d) for d in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def value_source(value: sympy.Expr) -> str:
    """A number, or an expression in the dimensions, as Python; every compound part in brackets."""
    if value.is_Symbol:
        return f"_dim_{value.name}"
    if value.is_Rational:
        return _rational(value)
    if value is sympy.oo:
        return "math.inf"
    if value is -sympy.oo:
        return "(-math.inf)"
    if value is sympy.pi:
        return "math.pi"
    if value is sympy.E:
        return "math.e"
    if value.is_Add:
        return f"({' + '.join(_term_source(a) for a in plus_first(value))})"
    if value.is_Mul:
        over, under = value.as_numer_denom()
        if under != 1:
            return f"({value_source(over)} / {value_source(under)})"
        return f"({' * '.join(value_source(a) for a in value.as_ordered_factors())})"
    if value.is_Pow:
        return _power(*value.args)
    if value.func in _FUNCTIONS:
        return f"{_FUNCTIONS[value.func]}({value_source(value.args[0])})"
    if isinstance(value, sympy.floor):
        over, under = value.args[0].as_numer_denom()
        return f"({value_source(over)} // {value_source(under)})"
    if isinstance(value, sympy.Mod):
        return f"({value_source(value.args[0])} % {value_source(value.args[1])})"
    raise UnsupportedError(f"the number {value} has no Python form")


def _term_source(term: sympy.Expr) -> str:
    return f"-{value_source(-term)}" if not term.is_Rational and is_minus(term) else value_source(term)


def _power(base: sympy.Expr, exponent: sympy.Expr) -> str:
    if exponent == sympy.Rational(1, 2):
        return f"math.sqrt({value_source(base)})"
    if exponent.is_negative:
        return f"(1 / {value_source(base**-exponent)})"
    return f"({value_source(base)} ** {value_source(exponent)})"


def _rational(value: sympy.Rational) -> str:
    if value.q == 1:
        return str(value.p) if value.p >= 0 else f"({value.p})"
    if decimal := decimal_of(value):
        return decimal if value.p >= 0 else f"({decimal})"
    return f"({value.p} / {value.q})"


def decimal_of(value: sympy.Rational) -> str | None:
    """The decimal literal that says exactly this number (0.5, 1e-5), if there is a short one."""
    text = repr(value.p / value.q)
    if sympy.Rational(text) != value:
        return None
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else text
