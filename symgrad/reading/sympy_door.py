"""SymPy matrix expressions to a Program, every shape checked here since SymPy checks few of them.

No string is ever handed to SymPy and nothing is evaluated: expressions are walked, names are checked as those of the source door.
Scalars are read with their free indices as axes, so x[i, 0] under a Sum, the body of an entrywise Lambda and the entries of a
FunctionMatrix are one case.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, reduce
from itertools import islice, pairwise
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices import expressions as matrices
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.budget import budgeted, limit
from symgrad.core.language import LANGUAGE
from symgrad.core.op import OPERATORS, REGISTRY, Dim, Node, Shape, constant, show_shape, variable
from symgrad.core.program import PASSES, Equation, Program
from symgrad.core.source import dim_text
from symgrad.errors import InputError, ShapeError, SymgradError, UnsupportedError, printable
from symgrad.ops.arithmetic import HALF
from symgrad.ops.broadcasting import broadcast, expand, fill, sum_
from symgrad.ops.contraction import contract
from symgrad.ops.generic import apply, loss
from symgrad.ops.indexing import take
from symgrad.ops.kronecker import kron
from symgrad.ops.parts import Entry as IndexEntry
from symgrad.ops.product import diag, diagonal, dot, eye, square, trace, transpose
from symgrad.reading.annotations import FUNCTIONS, check_identifier, declare
from symgrad.reading.sympy_indices import fits, sliced, split

LONGEST_PIECE = 100


@dataclass(frozen=True)
class Entries:
    """A number for every value of some indices: the axes of `node` run over the indices in `over`."""

    node: Node
    over: tuple[sympy.Symbol, ...] = ()

    def spread(self, over: tuple[sympy.Symbol, ...], sizes: Mapping[sympy.Symbol, Dim]) -> Node:
        """The node with an axis for every index of `over`; a plain number stays one."""
        if not self.over or self.over == over:
            return self.node
        present = [i for i in over if i in self.over]
        node = transpose(self.node, tuple(self.over.index(i) for i in present))
        return broadcast(node, shape=tuple(sizes[i] for i in over), axes=tuple(over.index(i) for i in present))


@dataclass(frozen=True)
class Scope:
    """What bound symbols stand for: the variable of a Lambda for entries, an index for its range; a summed one for a whole axis."""

    values: dict[sympy.Symbol, Entries] = field(default_factory=dict)
    sizes: dict[sympy.Symbol, Dim] = field(default_factory=dict)
    summed: frozenset[sympy.Symbol] = frozenset()
    memo: dict[sympy.Basic, Entries] = field(default_factory=dict)


def piece(expr: Any) -> str:
    """An expression as a short text; large ones by their kind, since SymPy prints a graph as a tree."""
    if sum(1 for _ in islice(sympy.preorder_traversal(expr), LONGEST_PIECE)) == LONGEST_PIECE:
        return f"this {type(expr).__name__}"
    text = str(expr)
    return text if len(text) <= LONGEST_PIECE else text[: LONGEST_PIECE - 3] + "..."


def is_matrix(expr: Any) -> bool:
    return bool(getattr(expr, "is_Matrix", False))


class Reader:
    """Reads expressions over the symbols declared so far."""

    def __init__(self) -> None:
        self.known: dict[sympy.Basic, Node] = {}
        self.dims: dict[str, sympy.Symbol] = {}
        self.functions: set[str] = set()
        self.matrices: dict[sympy.Basic, Node] = {}
        self.outside = Scope()

    # symbols --------------------------------------------------------------------------------------------------------------

    def name(self, symbol: Any, what: str) -> str:
        if isinstance(symbol, str):
            raise InputError(f"{what} {ascii(symbol)[:40]} is a string; hand in the SymPy symbol itself")
        if isinstance(symbol, sympy.Dummy | sympy.Wild):
            raise InputError(f"{what} {str(symbol)!a} is a {type(symbol).__name__}; use Symbol or MatrixSymbol")
        if not isinstance(symbol, sympy.Symbol | matrices.MatrixSymbol):
            raise InputError(f"{what} {piece(symbol) if isinstance(symbol, sympy.Basic) else type(symbol).__name__} is no symbol")
        if isinstance(symbol, sympy.Symbol) and not symbol.is_commutative:
            raise InputError(f"{what} {symbol.name!a} does not commute; use a MatrixSymbol")
        name = check_identifier(str(symbol.name), what.removeprefix("the "))
        if name.startswith("_"):
            raise InputError(f"{what} {name!r} starts with an underscore; rename it")
        if clash := next((s for s in self.known if s.name == name), None):
            same = "is declared twice" if clash == symbol else "is the name of two different symbols; rename one"
            raise InputError(f"{name} {same}")
        if name in self.functions:
            raise InputError(f"{name} is the name of a function and of a symbol; rename one")
        return name

    def dimensions(self, symbol: Any) -> str:
        """The shape of a symbol in the notation of annotations, its names checked before they become text."""
        if not is_matrix(symbol):
            return ""
        for letter in sorted(set().union(*(d.free_symbols for d in symbol.shape)), key=str):
            name = check_identifier(str(letter.name), "dimension")
            if self.dims.setdefault(name, letter) != letter:
                raise InputError(f"{name} names two different dimensions; make it one Symbol")
        return " ".join(dim_text(d).replace(" ", "") for d in symbol.shape)

    def declare(self, symbol: Any, words: Any) -> Node:
        """An input; `words` are its properties, such as "spd"."""
        name = self.name(symbol, "the input")
        if not isinstance(words, str):
            raise InputError(f'{name}: properties are text such as "positive"')
        positive = " positive" if isinstance(symbol, sympy.Symbol) and symbol.is_positive else ""
        declared = declare(f"{self.dimensions(symbol)} | {words}{positive}", name)
        if kind := declared.properties & FUNCTIONS:
            raise InputError(f'{name}: a function is no input here; write Function("{name}") where it is called, not {min(kind)}')
        if (along := sorted(declared.properties & {"onehot", "simplex"})) and declared.shape[-1:] == (1,):
            raise InputError(
                f"{name}: {along[0]} speaks of the rows of a matrix, and those of a column have one entry; leave it out"
            )
        self.known[symbol] = variable(name, declared.shape, declared.properties)
        return self.known[symbol]

    def dim(self, dim: Any) -> Dim:
        """A dimension of an expression: made of those that inputs have."""
        if dim.is_Integer:
            return int(dim)
        if unknown := [s for s in dim.free_symbols if self.dims.get(s.name) != s]:
            raise InputError(f"the dimension {str(unknown[0])!a} is no dimension of an input")
        return dim.xreplace({s: sympy.Symbol(s.name, integer=True, positive=True) for s in dim.free_symbols})

    def shape(self, expr: Any) -> Shape:
        return tuple(self.dim(d) for d in expr.shape) if is_matrix(expr) else ()

    # equations ------------------------------------------------------------------------------------------------------------

    def equation(self, key: Any, expr: Any, last: bool) -> Equation:
        """A 1x1 matrix is a number under a Symbol, and as the value of the whole program."""
        name, shape = self.name(key, "the left side"), self.shape(key)
        if shape and any(not (d.is_Integer or d.free_symbols) for d in key.shape):
            raise InputError(f"{name} has no shape made of names and numbers")
        node = self.read(expr)
        if shape == (1, 1) and last:
            shape = ()
        if node.shape == (1, 1) and shape == ():
            node = trace(node)
        if node.shape == () and shape == (1, 1):
            node = fill(node, shape)
        if node.shape != shape:
            raise ShapeError(f"{name} has shape {show_shape(shape)}, its right side {show_shape(node.shape)}")
        self.known[key] = variable(name, shape)
        return Equation(self.known[key], node)

    def read(self, expr: Any) -> Node:
        if isinstance(expr, bool | str) or not isinstance(expr, int | float | sympy.Basic | sympy.MatrixBase):
            raise InputError(f"a {type(expr).__name__} is no SymPy expression; nothing is parsed or evaluated here")
        if isinstance(expr, int | float):
            expr = sympy.Integer(expr) if isinstance(expr, int) else sympy.Float(expr)
        return self.matrix(expr) if is_matrix(expr) else self.scalar(expr).node

    def number(self, expr: Any) -> Node:
        return self.scalar(expr).node

    # matrices -------------------------------------------------------------------------------------------------------------

    def matrix(self, expr: Any) -> Node:
        if not is_matrix(expr):
            raise ShapeError(f"{piece(expr)} is a number where a matrix is needed")
        if expr not in self.matrices:
            self.matrices[expr] = self._dispatch(_MATRIX, expr)(self, expr)
        return self.matrices[expr]

    def _dispatch(self, table: Mapping[type, Callable[..., Any]], expr: Any) -> Callable[..., Any]:
        for kind in type(expr).__mro__:
            if kind in table:
                return table[kind]
        raise UnsupportedError(f"{type(expr).__name__} is not read ({piece(expr)}); write it with the operations of docs/sympy.md")

    def symbol(self, expr: Any) -> Node:
        if expr in self.known:
            return self.known[expr]
        if other := next((s for s in self.known if s.name == expr.name), None):
            here, there = (show_shape(tuple(getattr(s, "shape", ()))) for s in (expr, other))
            differ = f"shape {here} here and {there}" if here != there else "other assumptions here than"
            raise InputError(f"{expr.name} has {differ} where it is declared; use one symbol")
        raise InputError(f"{str(expr)!a} is neither an input nor assigned earlier; add it to inputs or move its equation up")

    def same(self, what: str, exprs: Iterable[Any]) -> list[Node]:
        exprs = list(exprs)
        nodes = [self.matrix(e) for e in exprs]
        for e, X in zip(exprs[1:], nodes[1:], strict=True):
            if X.shape != nodes[0].shape:
                shapes = f"{piece(exprs[0])} is {show_shape(nodes[0].shape)} and {piece(e)} is {show_shape(X.shape)}"
                turned = X.shape[::-1] == nodes[0].shape
                way = f"did you mean {_turned(e)}?" if turned else "copy a row or column with a product with OneMatrix"
                raise ShapeError(f"{what} of two shapes: {shapes}; {way}")
        return nodes

    def matmul(self, expr: Any) -> Node:
        scalars = [a for a in expr.args if not is_matrix(a)]
        factors = [a for a in expr.args if is_matrix(a)]
        nodes = [self.matrix(f) for f in factors]
        for (a, X), (b, Y) in pairwise(zip(factors, nodes, strict=True)):
            if X.shape[1] != Y.shape[0]:
                raise ShapeError(_mismatch(a, X, b, Y))
        # From the side that is a column, so that every partial product is one.
        if nodes[-1].shape[1] == 1:
            product = reduce(lambda Y, X: OPERATORS["matmul"](X, Y), reversed(nodes))
        else:
            product = reduce(OPERATORS["matmul"], nodes)
        return reduce(lambda X, c: OPERATORS["multiply"](self.number(c), X), reversed(scalars), product)

    def power(self, expr: Any) -> Node:
        base, exponent = expr.args[0], expr.args[1] if len(expr.args) > 1 else sympy.S.NegativeOne
        X = self.matrix(base)
        if X.shape[0] != X.shape[1]:
            what = "inverse" if exponent == -1 else f"power {piece(exponent)}"
            raise ShapeError(f"{what} of {piece(base)}, which is {show_shape(X.shape)} and not square; entrywise use HadamardPower")
        if X.shape == (1, 1):
            return OPERATORS["power"](X, self.number(exponent))
        most = limit("exponent")
        if not exponent.is_Integer or abs(exponent) > most:
            raise UnsupportedError(
                f"the power {piece(exponent)} of {piece(base)} is no whole number to {most}; entrywise use HadamardPower"
            )
        if exponent < 0:
            X = language("inv")(X)
        return reduce(OPERATORS["matmul"], [X] * abs(int(exponent))) if exponent != 0 else eye(X.shape[0])

    def hadamard_power(self, expr: Any) -> Node:
        base, exponent = expr.args
        if is_matrix(base) and is_matrix(exponent):
            return OPERATORS["power"](*self.same("HadamardPower", expr.args))
        return OPERATORS["power"](self.read(base), self.read(exponent))

    def entrywise(self, expr: Any) -> Node:
        """Z[r, c] = body(X[r, c])."""
        X, row, column = self.matrix(expr.expr), sympy.Dummy(), sympy.Dummy()
        function = expr.function
        if not isinstance(function, sympy.Lambda):
            t = sympy.Dummy()
            function = sympy.Lambda(t, function(t))
        scope = Scope({function.variables[0]: Entries(X, (row, column))}, dict(zip((row, column), X.shape, strict=True)))
        return self.filled(function.expr, scope, (row, column))

    def function_matrix(self, expr: Any) -> Node:
        rows, columns, function = expr.args
        indices = function.variables
        sizes = dict(zip(indices, (self.dim(rows), self.dim(columns)), strict=True))
        return self.filled(function.expr, Scope(sizes=sizes), tuple(indices))

    def filled(self, body: Any, scope: Scope, over: tuple[Any, ...]) -> Node:
        entries = self.scalar(body, scope)
        shape = tuple(scope.sizes[i] for i in over)
        return entries.spread(over, scope.sizes) if entries.over else fill(entries.node, shape)

    def explicit(self, expr: Any) -> Node:
        values = set(expr)
        if len(values) != 1 or min(expr.shape) == 0:
            raise UnsupportedError(f"the explicit matrix {piece(expr)} is not read; make it a MatrixSymbol and an input")
        return fill(self.number(values.pop()), self.shape(expr))

    def vector(self, expr: Any) -> Node:
        """A row or column as a vector of rank 1."""
        X = self.matrix(expr)
        if 1 not in X.shape:
            raise ShapeError(f"{piece(expr)} is {show_shape(X.shape)} where a row or column is needed")
        return sum_(X, axes=(1,) if X.shape[1] == 1 else (0,))

    def squared(self, name: str, expr: Any) -> Node:
        X = self.matrix(expr)
        try:
            square(name, X)
        except ShapeError:
            raise ShapeError(f"{name} of {piece(expr)}, which is {show_shape(X.shape)} and not square") from None
        return X

    # scalars, with an axis for every free index ---------------------------------------------------------------------------------

    def scalar(self, expr: Any, scope: Scope | None = None) -> Entries:
        scope = scope or self.outside
        if is_matrix(expr):
            single = tuple(expr.shape) == (1, 1)
            way = f"Trace({piece(expr)}) is the number in a 1x1 matrix" if single else "use MatAdd, MatMul or applyfunc"
            raise ShapeError(f"the matrix {piece(expr)} stands where a number is needed; {way}")
        if expr not in scope.memo:
            found = self._dispatch(_SCALAR, expr)(self, expr, scope)
            scope.memo[expr] = found if isinstance(found, Entries) else Entries(found)
        return scope.memo[expr]

    def together(self, function: Callable[..., Node], exprs: Iterable[Any], scope: Scope) -> Entries:
        """A function of numbers, over all the indices that any of them has."""
        values = [e if isinstance(e, Entries) else self.scalar(e, scope) for e in exprs]
        over = tuple(dict.fromkeys(i for v in values for i in v.over))
        return Entries(function(*(v.spread(over, scope.sizes) for v in values)), over)

    def letter(self, expr: Any, scope: Scope) -> Entries:
        if expr in scope.values:
            return scope.values[expr]
        if expr in scope.sizes:
            raise UnsupportedError(f"the index {expr.name} stands outside the brackets of an entry; that is not read")
        if expr not in self.known and self.dims.get(expr.name) == expr:
            return Entries(constant(self.dim(expr)))
        return Entries(self.symbol(expr))

    def times(self, expr: Any, scope: Scope) -> Entries:
        below = [a for a in expr.args if a.is_Pow and a.exp.could_extract_minus_sign()]
        above = self.chain("multiply", [a for a in expr.args if a not in below], scope)
        if not below:
            return above
        under = self.chain("multiply", [1 / a for a in below], scope)
        return self.together(OPERATORS["divide"], [above, under], scope)

    def chain(self, name: str, exprs: list[Any], scope: Scope) -> Entries:
        values = [self.scalar(e, scope) for e in exprs] or [Entries(constant(1))]
        return reduce(lambda a, b: self.together(OPERATORS[name], [a, b], scope), values)

    def entry(self, expr: Any, scope: Scope) -> Entries:
        """X[i, j]: bound indices become axes, whole numbers pick."""
        parent, *indices = expr.args
        X = self.matrix(parent)
        places, bound = zip(*(self.place(expr, i, size, scope) for i, size in zip(indices, X.shape, strict=True)), strict=True)
        over = [i for i in bound if i is not None]
        if X.shape == (1, 1) and not over:
            return Entries(trace(X))
        ones = tuple(k for k, p in enumerate(places) if p == 0 and X.shape[k] == 1)
        X = take(sum_(X, axes=ones), index=tuple(p for k, p in enumerate(places) if k not in ones))
        return Entries(diagonal(X), (over[0],)) if len(set(over)) < len(over) else Entries(X, tuple(over))

    def place(self, expr: Any, index: Any, size: Dim, scope: Scope) -> tuple[IndexEntry, sympy.Symbol | None]:
        """An index on an axis of this size, in the notation of `take`, and the bound symbol that runs along it."""
        parts = split(index, scope.sizes)
        if parts is None:
            raise UnsupportedError(f"the entry {piece(expr)} is not read; an index is a place, or one plus a multiple of an index")
        start, step, bound = parts
        if bound is None:
            if not fits(place := self.dim(start), size):
                raise UnsupportedError(f"the entry {piece(expr)} is not read; an index is a whole number on the axis of {size}")
            return place, None
        count = scope.sizes[bound]
        part = (self.dim(start), count, step if count != 1 else 1)
        if not fits(part, size) or (bound in scope.summed and part != (0, size, 1)):
            raise ShapeError(f"the index of {piece(expr)} runs over {count} values on an axis of {size}")
        return part, bound

    def slice(self, expr: Any) -> Node:
        return take(self.matrix(expr.parent), index=tuple(sliced(b, self.dim) for b in (expr.rowslice, expr.colslice)))

    def sum(self, expr: Any, scope: Scope) -> Entries:
        """A sum over whole axes; over a product it is one contraction."""
        bound = {index for index, *_ in expr.limits}
        inner = Scope(scope.values, dict(scope.sizes), scope.summed | bound)
        for index, low, high in expr.limits:
            if low != 0:
                raise UnsupportedError(f"{piece(expr)} does not start at 0; only sums over a whole axis are read")
            inner.sizes[index] = self.dim(high + 1)
        factors = [self.scalar(a, inner) for a in sympy.Mul.make_args(expr.function)]
        if missing := bound - {i for v in factors for i in v.over}:
            raise UnsupportedError(f"{piece(expr)} sums over {min(map(str, missing))}, which no entry in it has")
        over = tuple(dict.fromkeys(i for v in factors for i in v.over))
        letters = dict(zip(over, string.ascii_letters, strict=False))
        free = tuple(i for i in over if i not in bound)
        spec = [",".join("".join(letters[i] for i in v.over) for v in factors), "".join(letters[i] for i in free)]
        return Entries(contract("->".join(spec), *(v.node for v in factors)), free)

    def function(self, expr: Any, scope: Scope) -> Entries:
        self.no_matrix(type(expr).__name__, expr)
        found = _functions().get(expr.func)
        if found is None:
            raise UnsupportedError(f"the function {expr.func} is not read; write it with elementary ones")
        return self.together(found, expr.args, scope)

    def no_matrix(self, name: str, expr: Any) -> None:
        """SymPy takes tanh(W*x) without a word, and means by it neither the entrywise nor the matrix function."""
        for argument in filter(is_matrix, expr.args):
            text = piece(argument)
            raise ShapeError(f"{name} of the matrix {text} is no entrywise function; write ({text}).applyfunc({name})")

    def extremum(self, expr: Any, scope: Scope) -> Entries:
        both = language("maximum" if isinstance(expr, sympy.Max) else "minimum")
        values = [self.scalar(a, scope) for a in expr.args]
        return reduce(lambda a, b: self.together(both, [a, b], scope), values)

    def heaviside(self, expr: Any, scope: Scope) -> Entries:
        x, at_zero = expr.args
        if at_zero == 0:
            return self.together(lambda X: language("where")(language("greater")(X, 0), 1, 0), [x], scope)
        if at_zero != HALF:
            raise UnsupportedError(f"{piece(expr)}: at zero only 0 and 1/2 are read")
        return self.together(lambda X: HALF * (1 + LANGUAGE["sign"](X)), [x], scope)

    def piecewise(self, expr: Any, scope: Scope) -> Entries:
        *cases, (otherwise, always) = expr.args
        if always != sympy.true:
            raise InputError(f"{piece(expr)} has no last case (value, True)")
        return reduce(
            lambda rest, case: self.together(language("where"), [self.condition(case[1], scope), case[0], rest], scope),
            reversed(cases),
            self.scalar(otherwise, scope),
        )

    def condition(self, expr: Any, scope: Scope) -> Entries:
        if type(expr) in _COMPARISONS:
            return self.together(language(_COMPARISONS[type(expr)]), expr.args, scope)
        if type(expr) in _LOGIC:
            join, values = language(_LOGIC[type(expr)]), [self.condition(a, scope) for a in expr.args]
            if len(values) == 1:
                return self.together(join, values, scope)
            return reduce(lambda a, b: self.together(join, [a, b], scope), values)
        raise UnsupportedError(f"the condition {piece(expr)} is not read; compare with < <= > >=")

    def generic(self, expr: Any, scope: Scope, order: int = 0) -> Entries:
        """phi(t) entrywise; l(o, y) with a matrix among several arguments is a loss of whole arrays."""
        name = check_identifier(str(expr.func.__name__), "function")
        if any(s.name == name for s in self.known):
            raise InputError(f"{name} is the name of a function and of a symbol; rename one")
        self.functions.add(name)
        if len(expr.args) > 1:
            return Entries(loss(*(self.read(a) for a in expr.args), function=name, wrt=(), label=""))
        self.no_matrix(name, expr)
        return self.together(lambda X: apply(X, function=name, order=order), expr.args, scope)

    def derivative(self, expr: Any, scope: Scope) -> Entries:
        """phi'(t): the derivative of an undefined function at its own variable."""
        inner, *counts = expr.args
        if not isinstance(inner, AppliedUndef) or len(counts) != 1 or inner.args != (counts[0][0],) or not counts[0][1].is_Integer:
            raise UnsupportedError(f"{piece(expr)} is not read; differentiate with derive")
        return self.generic(inner, scope, int(counts[0][1]))

    def substitution(self, expr: Any, scope: Scope) -> Entries:
        values = dict(zip(expr.variables, (self.scalar(p, scope) for p in expr.point), strict=True))
        return self.scalar(expr.expr, replace(scope, values=scope.values | values, memo={}))


def _turned(expr: Any) -> str:
    text = piece(expr)
    return f"{text}.T" if isinstance(expr, matrices.MatrixSymbol) else f"({text}).T"


def _mismatch(a: Any, X: Node, b: Any, Y: Node) -> str:
    shapes = f"{piece(a)} is {show_shape(X.shape)} and {piece(b)} is {show_shape(Y.shape)}"
    if X.shape[0] == Y.shape[0]:
        way = f"did you mean {_turned(a)}*{piece(b)}?"
    elif X.shape[1] == Y.shape[1]:
        way = f"did you mean {piece(a)}*{_turned(b)}?"
    else:
        way = "check the order of the factors"
    if X.shape[1] == 1 or Y.shape[0] == 1:
        way = "a 1x1 product such as x.T*y is a number only inside Trace(x.T*y)"
    return f"product with inner dimensions {X.shape[1]} and {Y.shape[0]}: {shapes}; {way}"


def language(name: str) -> Callable[..., Node]:
    if name not in LANGUAGE:
        raise UnsupportedError(f"the operation {name} is not available")
    return LANGUAGE[name]


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


def _number(reader: Reader, expr: Any, scope: Scope) -> Node:
    """Decimals are exact as they are written: 0.1 is 1/10."""
    if not expr.is_finite or not expr.is_real:
        raise InputError(f"the number {expr} is not finite and real")
    return constant(sympy.Rational(repr(float(expr))) if expr.is_Float else expr)


_MATRIX: dict[type, Callable[[Reader, Any], Node]] = {
    matrices.MatrixSymbol: Reader.symbol,
    matrices.MatMul: Reader.matmul,
    matrices.MatAdd: lambda reader, e: OPERATORS["add"](*reader.same("sum", e.args)),
    matrices.Transpose: lambda reader, e: reader.matrix(e.arg).T,
    matrices.Adjoint: lambda reader, e: reader.matrix(e.arg).T,
    matrices.MatPow: Reader.power,
    matrices.HadamardProduct: lambda reader, e: reduce(OPERATORS["multiply"], reader.same("HadamardProduct", e.args)),
    matrices.HadamardPower: Reader.hadamard_power,
    ElementwiseApplyFunction: Reader.entrywise,
    matrices.FunctionMatrix: Reader.function_matrix,
    matrices.MatrixSlice: Reader.slice,
    matrices.Identity: lambda reader, e: eye(reader.dim(e.shape[0])),
    matrices.ZeroMatrix: lambda reader, e: fill(0, reader.shape(e)),
    matrices.OneMatrix: lambda reader, e: fill(1, reader.shape(e)),
    DiagMatrix: lambda reader, e: diag(reader.vector(e.args[0])),
    DiagonalMatrix: lambda reader, e: diag(diagonal(reader.squared("DiagonalMatrix", e.arg))),
    DiagonalOf: lambda reader, e: _column(diagonal(reader.squared("DiagonalOf", e.arg))),
    matrices.KroneckerProduct: lambda reader, e: reduce(kron, [reader.matrix(a) for a in e.args]),
    sympy.MatrixBase: Reader.explicit,
}

_SCALAR: dict[type, Callable[[Reader, Any, Scope], Any]] = {
    sympy.Symbol: Reader.letter,
    sympy.Number: _number,
    sympy.NumberSymbol: _number,
    sympy.Add: lambda reader, e, scope: reader.chain("add", list(e.args), scope),
    sympy.Mul: Reader.times,
    sympy.Pow: lambda reader, e, scope: reader.together(OPERATORS["power"], e.args, scope),
    sympy.Trace: lambda reader, e, scope: trace(reader.squared("Trace", e.arg)),
    sympy.Determinant: lambda reader, e, scope: language("det")(reader.squared("Determinant", e.arg)),
    DotProduct: lambda reader, e, scope: dot(*map(reader.vector, e.args)),
    MatrixElement: Reader.entry,
    sympy.Sum: Reader.sum,
    sympy.Max: Reader.extremum,
    sympy.Min: Reader.extremum,
    sympy.Heaviside: Reader.heaviside,
    sympy.Piecewise: Reader.piecewise,
    AppliedUndef: Reader.generic,
    sympy.Derivative: Reader.derivative,
    sympy.Subs: Reader.substitution,
    sympy.Function: Reader.function,
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


def _column(x: Node) -> Node:
    return expand(x, (*x.shape, 1), (1,))


def _pairs(entries: Any, what: str, single: bool) -> list[tuple[Any, Any]]:
    """An ordered dict or a list of pairs; where `single`, also of bare symbols without properties."""
    if isinstance(entries, Mapping):
        return list(entries.items())
    if not isinstance(entries, list | tuple):
        raise InputError(f"{what} need a dict or a list, got {type(entries).__name__}")
    pairs = [e if isinstance(e, tuple) else (e, "") if single else e for e in entries]
    if bad := [p for p in pairs if not isinstance(p, tuple) or len(p) != 2]:
        raise InputError(f"{what} are pairs, got {type(bad[0]).__name__}")
    return pairs


@budgeted("reading")
def from_sympy(equations: Any, inputs: Any, name: str = "model") -> Program:
    """A Program from SymPy expressions: `equations` maps symbols to right sides in order, the last one is the value.

    `inputs` lists the symbols that are given, or maps each to its properties: {x: "", lam: "positive"}.
    """
    reader = Reader()
    check_identifier(name, "program name")
    variables = tuple(reader.declare(*pair) for pair in _pairs(inputs, "inputs", single=True))
    pairs, read = _pairs(equations, "equations", single=False), []
    if not pairs:
        raise InputError("no equations; the last one is the value to differentiate")
    for i, (key, expr) in enumerate(pairs):
        try:
            read.append(reader.equation(key, expr, last=i == len(pairs) - 1))
        except (RecursionError, MemoryError):
            raise InputError(f"equation {i + 1} of {name} is nested too deeply; name intermediate results") from None
        except SymgradError as error:
            raise type(error)(printable(f"{error} in {_where(i, key, expr)}")) from None
    return Program(name, variables, tuple(read), (read[-1].symbol,), "SymPy")


def _where(i: int, key: Any, expr: Any) -> str:
    if not isinstance(key, sympy.Basic) or not isinstance(expr, sympy.Basic | sympy.MatrixBase):
        return f"equation {i + 1}"
    return f'"{piece(key)} = {piece(expr)}" (equation {i + 1})'


PASSES["from_sympy"] = from_sympy
