"""What is decided while reading: numbers, comparisons of numbers and dimensions, and Python's own functions on them.

A static value is None, a bool, an int, a string, an exact number or an expression in the dimensions (SymPy), or a tuple, list,
dict or range of static values and arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import sympy

from symgrad.core.budget import limit, way_out
from symgrad.core.op import Node
from symgrad.errors import InputError, UnsupportedError
from symgrad.reading.arrays import Array

MOST_BITS = 2048
MOST_DIGITS = 256  # bits of a fraction that is kept exactly; beyond, it is the nearest float64
_MOST_PARTS = 28  # SymPy's questions about an expression cost more than its length
BEYOND = "the number is beyond float64"


def is_number(value: Any) -> bool:
    return isinstance(value, int | sympy.Expr)


def plain_value(value: Any) -> Any:
    """An integer as int, a decided truth as bool, and everything else as it is."""
    if isinstance(value, sympy.Integer):
        return int(value)
    if value in (sympy.true, sympy.false) and not isinstance(value, int):
        return bool(value)
    return value


def literal(value: Any) -> Any:
    """A literal of the source: decimals are exact, what no float64 holds is refused."""
    if value is None or isinstance(value, bool | str) or value is Ellipsis:
        return value
    if isinstance(value, int):
        return _bounded(value)
    if isinstance(value, float):
        if math.isnan(value):
            raise InputError("nan is no number to compute with; leave it out")
        return sympy.oo * (1 if value > 0 else -1) if math.isinf(value) else plain_decimal(value)
    raise UnsupportedError(f"a {type(value).__name__} literal is not read; numbers are real")


def written(value: Any) -> Any:
    """A literal as its author wrote it: 1e999 is a slip, not an infinity."""
    if isinstance(value, float) and math.isinf(value):
        raise InputError(f"{BEYOND}; write jnp.inf for infinity")
    return literal(value)


def plain_decimal(value: float) -> Any:
    """The decimal a float is written as, exactly; 2.0 stays a number of its own kind only in print."""
    return plain_value(sympy.Rational(repr(value)))


def _bounded(value: Any) -> Any:
    """The number itself, if float64 can hold it and nobody waits for it."""
    if isinstance(value, int):
        if value.bit_length() > 1024:
            raise InputError(f"{BEYOND}; scale the problem")
        return value
    if value.is_Rational and max(abs(value.p), value.q).bit_length() > MOST_DIGITS and not value.is_Integer:
        return plain_decimal(_float(value))
    if sum(1 for _ in islice(sympy.preorder_traversal(value), _MOST_PARTS)) == _MOST_PARTS:
        raise UnsupportedError("an expression in the dimensions grows too long; shorten it")
    if value is sympy.nan or value is sympy.zoo or (value.is_number and value.is_real is False and not value.is_infinite):
        raise InputError("the result is no real number")
    return _bounded(int(value)) if value.is_Integer else value


def _float(value: Any) -> float:
    try:
        return float(value)
    except (OverflowError, TypeError):
        raise InputError(f"{BEYOND}; scale the problem") from None


# arithmetic -------------------------------------------------------------------------------------------------------------


def arithmetic(name: str, a: Any, b: Any) -> Any:
    """One operator on two numbers or dimensions."""
    if name == "matmul":
        raise InputError("a number has no matrix product; use *")
    if name not in _ARITHMETIC:
        raise UnsupportedError(f"{name} of numbers is not read; write it with + - * / // % **")
    if name in ("divide", "floor_divide", "mod") and b == 0:
        raise InputError("a division by zero")
    return _bounded(plain_value(_ARITHMETIC[name](_exact(a), _exact(b))))


def _exact(value: Any) -> sympy.Expr:
    return sympy.Integer(int(value)) if isinstance(value, int) else value


def _power(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """a ** b, its size looked at before it is computed."""
    if a.is_zero and b.is_negative:
        raise InputError("a division by zero")
    if not (a.is_number and b.is_number):
        if b.is_number and not (b.is_Rational and max(abs(b.p), b.q) <= limit("exponent")):
            raise UnsupportedError(f"a power of a dimension is read up to {limit('exponent')}; {way_out('exponent')}")
        return a**b
    if a in (0, 1) or b in (0, 1):
        return a**b
    if not (a.is_finite and b.is_finite):
        raise InputError("a power of infinity is not read; write the limit")
    return _number_power(a, b)


def _number_power(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    if a.is_negative and not b.is_Integer:
        raise InputError("a fractional power of a negative number is no real number")
    base, exponent = _float(abs(a)), _float(b)
    doublings = exponent * math.log2(base) if base else 0.0
    if doublings > 1024:
        raise InputError(f"{BEYOND}; scale the problem")
    if doublings < -1100:
        return sympy.S.Zero
    small = b.is_Rational and abs(exponent) <= MOST_BITS and b.q <= 1000
    short = small and a.is_Rational and max(abs(a.p), a.q).bit_length() * abs(exponent) <= MOST_BITS
    if short or (small and a in (-1, sympy.E, sympy.pi)):
        return a**b
    sign = -1 if a.is_negative and b % 2 == 1 else 1
    return sympy.Rational(repr(sign * base**exponent))


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "floor_divide": lambda a, b: sympy.floor(a / b),
    "mod": lambda a, b: sympy.Mod(a, b),
    "power": _power,
}


# decisions --------------------------------------------------------------------------------------------------------------

UNDECIDED = "it depends on the dimensions and is not decided on reading; give numbers as dimensions, or leave it out"


def truth(value: Any) -> bool:
    """Whether a static value counts as true; what only running would tell is refused."""
    if isinstance(value, Node | Array):
        raise UnsupportedError("a condition on the values of arrays is not decided on reading; use where")
    if value is None or isinstance(value, bool | int | str | tuple | list | dict | range):
        return bool(value)
    if isinstance(value, sympy.Expr) and value.is_zero is not None:
        return not value.is_zero
    if value in (sympy.true, sympy.false):
        return bool(value)
    raise UnsupportedError(UNDECIDED)


def decided(relation: Any) -> bool:
    if relation in (sympy.true, sympy.false) or isinstance(relation, bool):
        return bool(relation)
    raise UnsupportedError(UNDECIDED)


def equal_values(a: Any, b: Any, seen: set[tuple[int, int]] | None = None) -> bool:
    """Whether two static values are equal; n == d is neither true nor false.  A pair seen before was equal then."""
    seen = set() if seen is None else seen
    if (id(a), id(b)) in seen:
        return True
    if isinstance(a, Node | Array) or isinstance(b, Node | Array):
        raise UnsupportedError("arrays inside tuples are not compared; compare their shapes")
    if is_number(a) and is_number(b):
        return a == b if isinstance(a, int) and isinstance(b, int) else decided(sympy.Eq(a, b))
    if isinstance(a, tuple | list) and isinstance(b, tuple | list) and type(a) is type(b):
        seen.add((id(a), id(b)))
        return len(a) == len(b) and all(equal_values(x, y, seen) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and not isinstance(a, tuple | list) and bool(a == b)


def ordered(relation: str, a: Any, b: Any) -> bool:
    if not (is_number(a) and is_number(b)):
        raise InputError("only numbers are ordered")
    return decided(_ORDER[relation](_exact(a), _exact(b)))


_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


# sequences --------------------------------------------------------------------------------------------------------------


def items(value: Any) -> Sequence[Any]:
    """What a loop runs over: a literal range, a tuple, a list, the keys of a dict, the rows of an array of known length."""
    if isinstance(value, Array):
        return _rows(value)
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, tuple | list | range):
        if isinstance(value, range) and (value.stop - value.start) // value.step > (most := limit("items")):
            raise UnsupportedError(f"a loop of more than {most} steps is not read; shorten it")
        return value
    raise UnsupportedError("a loop runs over a literal range, a tuple, a list or a dict")


def _rows(X: Array) -> list[Any]:
    if not X.ndim:
        raise InputError("a scalar has no entries")
    if not isinstance(X.shape[0], int):
        raise UnsupportedError("an array of symbolic length is not taken apart; index it, or give its length as a number")
    if X.shape[0] > (most := limit("items")):
        raise UnsupportedError(f"an array of more than {most} rows is not taken apart; index it")
    return [X.at(i) for i in range(X.shape[0])]


def joined_literals(a: Any, b: Any) -> Any:
    """Two tuples, lists or strings one after the other."""
    if len(a) + len(b) > (most := limit("items")):
        raise UnsupportedError(f"more than {most} items are not read; shorten it")
    return a + b


def repeated(a: Any, times: int) -> Any:
    if len(a) * max(times, 0) > (most := limit("items")):
        raise UnsupportedError(f"more than {most} items are not read; shorten it")
    return a * times
