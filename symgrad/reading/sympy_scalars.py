"""Numbers of SymPy, their free indices as axes: x[i, 0] under a Sum and the bodies of Lambda and FunctionMatrix are one case."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial, reduce
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.language import LANGUAGE
from symgrad.core.op import OPERATORS, REGISTRY, Dim, Node, constant
from symgrad.errors import InputError, ShapeError, UnsupportedError
from symgrad.ops.arithmetic import HALF
from symgrad.ops.broadcasting import sum_
from symgrad.ops.contraction import contract
from symgrad.ops.generic import apply, loss
from symgrad.ops.indexing import take
from symgrad.ops.parts import Entry as IndexEntry
from symgrad.ops.product import diagonal, dot, trace
from symgrad.reading.annotations import check_identifier
from symgrad.reading.sympy_indices import fits, split_index
from symgrad.reading.sympy_matrices import squared, vector
from symgrad.reading.sympy_symbols import Door, SymbolEntries, SympyScope, is_matrix, language, shown_piece


def _together(door: Door, function: Callable[..., Node], exprs: Iterable[Any], scope: SympyScope) -> SymbolEntries:
    """A function of numbers, over all the indices that any of them has."""
    values = [e if isinstance(e, SymbolEntries) else door.scalar(e, scope) for e in exprs]
    over = tuple(dict.fromkeys(i for v in values for i in v.over))
    return SymbolEntries(function(*(v.spread(over, scope.sizes) for v in values)), over)


def letter(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    if expr in scope.values:
        return scope.values[expr]
    if expr in scope.sizes:
        raise UnsupportedError(f"the index {expr.name} stands outside the brackets of an entry; that is not read")
    if expr not in door.known and door.dims.get(expr.name) == expr:
        return SymbolEntries(constant(door.dim(expr)))
    return SymbolEntries(door.symbol(expr))


def _times(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    below = [a for a in expr.args if a.is_Pow and a.exp.could_extract_minus_sign()]
    above = chain(door, "multiply", [a for a in expr.args if a not in below], scope)
    if not below:
        return above
    under = chain(door, "multiply", [1 / a for a in below], scope)
    return _together(door, OPERATORS["divide"], [above, under], scope)


def chain(door: Door, name: str, exprs: list[Any], scope: SympyScope) -> SymbolEntries:
    values = [door.scalar(e, scope) for e in exprs] or [SymbolEntries(constant(1))]
    return reduce(lambda a, b: _together(door, OPERATORS[name], [a, b], scope), values)


def _entry(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    """X[i, j]: bound indices become axes, whole numbers pick."""
    parent, *indices = expr.args
    X = door.matrix(parent)
    places, bound = zip(*(placed(door, expr, i, size, scope) for i, size in zip(indices, X.shape, strict=True)), strict=True)
    over = [i for i in bound if i is not None]
    if X.shape == (1, 1) and not over:
        return SymbolEntries(trace(X))
    ones = tuple(k for k, p in enumerate(places) if p == 0 and X.shape[k] == 1)
    X = take(sum_(X, axes=ones), index=tuple(p for k, p in enumerate(places) if k not in ones))
    return SymbolEntries(diagonal(X), (over[0],)) if len(set(over)) < len(over) else SymbolEntries(X, tuple(over))


def placed(door: Door, expr: Any, index: Any, size: Dim, scope: SympyScope) -> tuple[IndexEntry, sympy.Symbol | None]:
    """An index on an axis of this size, in the notation of `take`, and the bound symbol that runs along it."""
    parts = split_index(index, scope.sizes)
    if parts is None:
        raise UnsupportedError(
            f"the entry {shown_piece(expr)} is not read; an index is a place, or one plus a multiple of an index"
        )
    start, step, bound = parts
    if bound is None:
        if not fits(place := door.dim(start), size):
            raise UnsupportedError(f"the entry {shown_piece(expr)} is not read; an index is a whole number on the axis of {size}")
        return place, None
    count = scope.sizes[bound]
    part = (door.dim(start), count, step if count != 1 else 1)
    if not fits(part, size) or (bound in scope.summed and part != (0, size, 1)):
        raise ShapeError(f"the index of {shown_piece(expr)} runs over {count} values on an axis of {size}")
    return part, bound


def _summed(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    """A sum over whole axes; over a product it is one contraction."""
    bound = {index for index, *_ in expr.limits}
    inner = SympyScope(scope.values, dict(scope.sizes), scope.summed | bound)
    for index, low, high in expr.limits:
        if low != 0:
            raise UnsupportedError(f"{shown_piece(expr)} does not start at 0; only sums over a whole axis are read")
        inner.sizes[index] = door.dim(high + 1)
    factors = [door.scalar(a, inner) for a in sympy.Mul.make_args(expr.function)]
    if missing := bound - {i for v in factors for i in v.over}:
        raise UnsupportedError(f"{shown_piece(expr)} sums over {min(map(str, missing))}, which no entry in it has")
    over = tuple(dict.fromkeys(i for v in factors for i in v.over))
    letters = dict(zip(over, string.ascii_letters, strict=False))
    free = tuple(i for i in over if i not in bound)
    spec = [",".join("".join(letters[i] for i in v.over) for v in factors), "".join(letters[i] for i in free)]
    return SymbolEntries(contract("->".join(spec), *(v.node for v in factors)), free)


def _called(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    no_matrix(door, type(expr).__name__, expr)
    found = _functions().get(expr.func)
    if found is None:
        raise UnsupportedError(f"the function {expr.func} is not read; write it with elementary ones")
    return _together(door, found, expr.args, scope)


def no_matrix(door: Door, name: str, expr: Any) -> None:
    """SymPy takes tanh(W*x) without a word, and means by it neither the entrywise nor the matrix function."""
    for argument in filter(is_matrix, expr.args):
        text = shown_piece(argument)
        raise ShapeError(f"{name} of the matrix {text} is no entrywise function; write ({text}).applyfunc({name})")


def extremum(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    both = language("maximum" if isinstance(expr, sympy.Max) else "minimum")
    values = [door.scalar(a, scope) for a in expr.args]
    return reduce(lambda a, b: _together(door, both, [a, b], scope), values)


def heaviside(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    x, at_zero = expr.args
    if at_zero == 0:
        return _together(door, lambda X: language("where")(language("greater")(X, 0), 1, 0), [x], scope)
    if at_zero != HALF:
        raise UnsupportedError(f"{shown_piece(expr)}: at zero only 0 and 1/2 are read")
    return _together(door, lambda X: HALF * (1 + LANGUAGE["sign"](X)), [x], scope)


def piecewise(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    *cases, (otherwise, always) = expr.args
    if always != sympy.true:
        raise InputError(f"{shown_piece(expr)} has no last case (value, True)")
    return reduce(
        lambda rest, case: _together(door, language("where"), [condition(door, case[1], scope), case[0], rest], scope),
        reversed(cases),
        door.scalar(otherwise, scope),
    )


def condition(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    if type(expr) in _COMPARISONS:
        return _together(door, language(_COMPARISONS[type(expr)]), expr.args, scope)
    if type(expr) in _LOGIC:
        join, values = language(_LOGIC[type(expr)]), [condition(door, a, scope) for a in expr.args]
        if len(values) == 1:
            return _together(door, join, values, scope)
        return reduce(lambda a, b: _together(door, join, [a, b], scope), values)
    raise UnsupportedError(f"the condition {shown_piece(expr)} is not read; compare with < <= > >=")


def generic(door: Door, expr: Any, scope: SympyScope, order: int = 0) -> SymbolEntries:
    """phi(t) entrywise; l(o, y) with a matrix among several arguments is a loss of whole arrays."""
    name = check_identifier(str(expr.func.__name__), "function")
    if any(s.name == name for s in door.known):
        raise InputError(f"{name} is the name of a function and of a symbol; rename one")
    door.functions.add(name)
    if len(expr.args) > 1:
        return SymbolEntries(loss(*(door.read(a) for a in expr.args), function=name, wrt=(), label=""))
    no_matrix(door, name, expr)
    return _together(door, lambda X: apply(X, function=name, order=order), expr.args, scope)


def _derivative(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    """phi'(t): the derivative of an undefined function at its own variable."""
    inner, *counts = expr.args
    if not isinstance(inner, AppliedUndef) or len(counts) != 1 or inner.args != (counts[0][0],) or not counts[0][1].is_Integer:
        raise UnsupportedError(f"{shown_piece(expr)} is not read; differentiate with derive")
    return generic(door, inner, scope, int(counts[0][1]))


def substitution(door: Door, expr: Any, scope: SympyScope) -> SymbolEntries:
    values = dict(zip(expr.variables, (door.scalar(p, scope) for p in expr.point), strict=True))
    return door.scalar(expr.expr, replace(scope, values=scope.values | values, memo={}))


@cache
def _functions() -> dict[Any, Callable[..., Node]]:
    """SymPy's functions by their class, found in the scalar bodies of the records: tanh has the body tanh(t)."""
    table: dict[Any, Callable[..., Node]] = {}
    for op in sorted(REGISTRY.values(), key=lambda op: op.name not in LANGUAGE):
        if op.scalar is None or not op.samples or op.samples[0].static:
            continue
        letters = tuple(sympy.Dummy(real=True) for _ in op.samples[0].specs)
        body = op.scalar(*letters)
        if isinstance(body, sympy.Function) and body.args == letters:
            table.setdefault(body.func, LANGUAGE.get(op.name, op))
    return table


def _number(door: Door, expr: Any, scope: SympyScope) -> Node:
    """Decimals are exact as they are written: 0.1 is 1/10."""
    if not expr.is_finite or not expr.is_real:
        raise InputError(f"the number {expr} is not finite and real")
    return constant(sympy.Rational(repr(float(expr))) if expr.is_Float else expr)


SCALAR: dict[type, Callable[[Door, Any, SympyScope], Any]] = {
    sympy.Symbol: letter,
    sympy.Number: _number,
    sympy.NumberSymbol: _number,
    sympy.Add: lambda door, e, scope: chain(door, "add", list(e.args), scope),
    sympy.Mul: _times,
    sympy.Pow: lambda door, e, scope: _together(door, OPERATORS["power"], e.args, scope),
    sympy.Trace: lambda door, e, scope: trace(squared(door, "Trace", e.arg)),
    sympy.Determinant: lambda door, e, scope: language("det")(squared(door, "Determinant", e.arg)),
    DotProduct: lambda door, e, scope: dot(*map(partial(vector, door), e.args)),
    MatrixElement: _entry,
    sympy.Sum: _summed,
    sympy.Max: extremum,
    sympy.Min: extremum,
    sympy.Heaviside: heaviside,
    sympy.Piecewise: piecewise,
    AppliedUndef: generic,
    sympy.Derivative: _derivative,
    sympy.Subs: substitution,
    sympy.Function: _called,
}
_COMPARISONS: dict[Any, str] = {
    sympy.Gt: "greater",
    sympy.Ge: "greater_equal",
    sympy.Lt: "less",
    sympy.Le: "less_equal",
    sympy.Eq: "equal",
    sympy.Ne: "not_equal",
}
_LOGIC: dict[Any, str] = {sympy.And: "logical_and", sympy.Or: "logical_or", sympy.Not: "logical_not"}
