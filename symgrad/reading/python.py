"""Python's own functions, as far as a forward pass needs them: range, len, sum of a tuple, float of a dimension."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import sympy

from symgrad.core.language import LANGUAGE
from symgrad.core.op import OPERATORS, Node
from symgrad.errors import InputError, UnsupportedError
from symgrad.reading.arrays import Array
from symgrad.reading.static import arithmetic, decided, is_number, items, plain_value, truth


def _range(*bounds: Any) -> range:
    if not all(isinstance(b, int) for b in bounds):
        raise UnsupportedError("a loop needs a literal range; a symbolic dimension does not say how many steps")
    if len(bounds) == 3 and bounds[2] == 0:
        raise InputError("a range needs a step that is not zero")
    return range(*bounds)


def _len(value: Any) -> Any:
    if isinstance(value, Array):
        if not value.ndim:
            raise InputError("a scalar has no len")
        return value.shape[0]
    if isinstance(value, str):
        return len(value)
    return len(items(value))


def _float(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() in ("inf", "-inf"):
        return -sympy.oo if value.strip().startswith("-") else sympy.oo
    if isinstance(value, Node) and not value.ndim:
        return value
    if is_number(value):
        return int(value) if isinstance(value, bool) else value
    raise InputError("float takes a number or a scalar")


def _int(value: Any) -> Any:
    """Python's own: towards zero."""
    if isinstance(value, Node):
        raise UnsupportedError("int of an array value is piecewise constant; leave it out of the forward pass")
    if not is_number(value) or (isinstance(value, sympy.Expr) and value.is_finite is False):
        raise InputError("int takes a finite number")
    if isinstance(value, int):
        return int(value)
    return plain_value(sympy.ceiling(value) if value.is_negative else sympy.floor(value))


def _str(value: Any) -> str:
    if isinstance(value, str | int):
        return str(value)
    raise UnsupportedError("str of something that is no integer is not read")


def _abs(value: Any) -> Any:
    return plain_value(abs(value)) if is_number(value) else LANGUAGE["abs"](value)


def _pow(base: Any, exponent: Any) -> Any:
    if is_number(base) and is_number(exponent):
        return arithmetic("power", base, exponent)
    return OPERATORS["power"](base, exponent)


def _sum(values: Any, start: Any = 0) -> Any:
    total = [x for x in (start, *items(values)) if not (isinstance(x, int) and x == 0)]
    if any(isinstance(x, Node) for x in total):
        return OPERATORS["add"](*total)
    result: Any = 0
    for x in total:
        if not is_number(x):
            raise InputError("sum takes numbers and arrays")
        result = arithmetic("add", result, x)
    return result


def _extreme(name: str, relation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """max or min of static numbers."""

    def extreme(*values: Any) -> Any:
        found = list(items(values[0]) if len(values) == 1 else values)
        if not found:
            raise InputError(f"{name} of nothing")
        if not all(is_number(x) for x in found):
            raise UnsupportedError(f"Python's own {name} picks one of several arrays; write jnp.{name}imum(a, b)")
        best = found[0]
        for x in found[1:]:
            best = x if decided(relation(x, best)) else best
        return best

    return extreme


def _reduction(name: str, own: Callable[..., Any], numpys: bool) -> Callable[..., Any]:
    """sum, max and min: Python's own on tuples and numbers; of one array, NumPy's where the file imports nothing."""

    def reduce(*values: Any, **options: Any) -> Any:
        if not values or not isinstance(values[0], Node):
            if options.keys() - {"start"}:
                raise InputError(f"Python's own {name} takes no {min(options)}; write jnp.{name}")
            return own(*values, **options)
        if len(values) > 1:
            way = f"jnp.{name}(x, axis=...)" if name == "sum" else f"jnp.{name}imum(a, b), or jnp.{name}(x, axis=...)"
            raise UnsupportedError(f"{name} of an array and more may mean two things; write {way}")
        if not numpys and (options or values[0].ndim != 1):
            raise UnsupportedError(f"Python's own {name} takes no axis and walks the rows of an array; write jnp.{name}")
        return LANGUAGE[name](values[0], **options)

    return reduce


def _zip(*parts: Any, strict: Any = False) -> tuple[Any, ...]:
    return tuple(zip(*map(items, parts), strict=truth(strict)))


def _enumerate(values: Any, start: int = 0) -> tuple[Any, ...]:
    return tuple(enumerate(items(values), start))


_PYTHON: dict[str, Callable[..., Any]] = {
    "range": _range,
    "len": _len,
    "float": _float,
    "int": _int,
    "bool": truth,
    "str": _str,
    "enumerate": _enumerate,
    "zip": _zip,
    "tuple": lambda values=(): tuple(items(values)),
    "list": lambda values=(): list(items(values)),
    "reversed": lambda values: tuple(reversed(items(values))),
    "abs": _abs,
    "pow": _pow,
}
_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "max": _extreme("max", lambda a, b: a > b),
    "min": _extreme("min", lambda a, b: a < b),
}


CONTAINERS: frozenset[Any] = frozenset(_PYTHON[name] for name in "range len bool enumerate zip tuple list reversed".split())
"""Those that hand on what they are given, and look at no number in it."""


def python_function(name: str, numpys: bool) -> Any:
    """Python's own function of this name, or None; what Python has and forward passes do not is refused."""
    if name in _REDUCTIONS:
        return _reduction(name, _REDUCTIONS[name], numpys)
    if name in _PYTHON:
        return _PYTHON[name]
    if name == "print":
        raise UnsupportedError("print is not read; leave it out of the forward pass")
    if hasattr(builtins, name) and not (numpys and name in LANGUAGE):
        raise UnsupportedError(f"Python's own {name} is not read; write it with arrays and the functions of docs/operations.md")
    return None
