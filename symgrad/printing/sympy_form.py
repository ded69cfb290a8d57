"""Programs and nodes as SymPy matrix expressions, for everything of rank 2 at most.

A vector is an (n, 1) matrix and a scalar a plain Expr; numbers are taken out of 1x1 products as their entry [0, 0].  Every form
is one that SymPy evaluates right once explicit matrices are put in: entrywise operations by the scalar body of their record,
contractions without a matrix form by their entries.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import mul
from typing import Any

import sympy
from sympy.matrices import expressions as matrices
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.graph import postorder
from symgrad.core.op import REGISTRY, Node, Shape, is_zero, show_shape
from symgrad.core.program import PASSES, Program
from symgrad.errors import SymgradError, UnsupportedError
from symgrad.ops.arithmetic import HALF, multiply, subtract
from symgrad.ops.broadcasting import sum_
from symgrad.ops.elementwise import exp, log
from symgrad.ops.indexing import put, take
from symgrad.ops.polynomial import cofactor_quotient, prod_quotient
from symgrad.ops.powers import divide, power
from symgrad.ops.product import diag, diagonal
from symgrad.ops.reduction import spread

Form = Callable[..., Any]


def _dims(shape: Shape) -> tuple[Any, Any]:
    """The two dimensions of an array in SymPy: a vector is a column."""
    rows, columns = (*shape, 1)[:2] if shape else (1, 1)
    return rows, columns


def _variable(node: Node) -> Any:
    name = node.params["name"]
    if node.ndim:
        return matrices.MatrixSymbol(name, *_dims(node.shape))
    return sympy.Symbol(name, positive=True) if "positive" in node.params["properties"] else sympy.Symbol(name)


def _entrywise(node: Node, *operands: Any) -> Any:
    """The scalar body of the record, over the entries of the operands that are no constant or scalar spread out."""
    scalar = node.op.scalar
    if scalar is None:
        raise UnsupportedError(f"{node.op.name} has no SymPy form")
    if not node.ndim:
        return scalar(*operands, **node.params)
    numbers = [_spread_number(n) for n in node.args]
    arrays = {x for x, c in zip(operands, numbers, strict=True) if c is None}
    filled = [x if c is None else sympy_of(c) for x, c in zip(operands, numbers, strict=True)]
    explicit = any(isinstance(x, matrices.FunctionMatrix) for x in arrays) or _dims(node.shape) == (1, 1)
    if len(arrays) < 2 and not explicit:  # SymPy hands a 1x1 matrix to the function as if it were its entry
        t = sympy.Dummy("t", real=True)
        body = scalar(*(t if x in arrays else x for x in filled), **node.params)
        return ElementwiseApplyFunction(sympy.Lambda(t, body), arrays.pop()) if arrays else body * _ones(*_dims(node.shape))
    i, j = _index("i"), _index("j")
    entries = (x if c is not None else _at(x, i, j) for x, c in zip(filled, numbers, strict=True))
    return matrices.FunctionMatrix(*_dims(node.shape), sympy.Lambda((i, j), scalar(*entries, **node.params)))


def _at(x: Any, i: Any, j: Any) -> Any:
    """The entry (i, j), with entrywise functions written out: SymPy folds a Piecewise out of a Lambda that binds its variable."""
    if isinstance(x, ElementwiseApplyFunction):
        return x.function(_at(x.expr, i, j))
    if isinstance(x, matrices.MatAdd):  # SymPy cannot factor numbers out of an entry of a sum
        return sympy.Add(*(_at(a, i, j) for a in x.args))
    if isinstance(x, matrices.MatMul) and (number := x.as_coeff_matrices())[0] != 1:
        return number[0] * _at(matrices.MatMul(*number[1]).doit(deep=False), i, j)
    if isinstance(x, matrices.OneMatrix):
        return sympy.S.One
    return x.lamda(i, j) if isinstance(x, matrices.FunctionMatrix) else MatrixElement(x, i, j)


def _index(letter: str) -> Any:
    return sympy.Dummy(letter, integer=True, nonnegative=True)


def _spread_number(node: Node) -> Node | None:
    """The scalar that fills an array."""
    while node.op.name == "broadcast":
        (node,) = node.args
    return None if node.ndim else node


def _ones(rows: Any, columns: Any) -> Any:
    return matrices.OneMatrix(rows, columns)


def _broadcast(node: Node, x: Any) -> Any:
    rows, columns = _dims(node.shape)
    (operand,) = node.args
    if not operand.ndim:
        return matrices.ZeroMatrix(rows, columns) if is_zero(node) else x * _ones(rows, columns)
    if node.params["axes"] == (0,):
        return x if columns == 1 else x * _ones(1, columns)
    return x.T if rows == 1 else _ones(rows, 1) * x.T


def _sum(node: Node, x: Any) -> Any:
    """1^T X and X 1, as columns; the sum of all entries is the one of 1^T X 1."""
    rows, columns = x.shape
    left = x if rows == 1 else _ones(1, rows) * x
    right = x if columns == 1 else x * _ones(columns, 1)
    if not node.ndim:
        return _number_in(left if columns == 1 else left * _ones(columns, 1))
    return left.T if node.params["axes"] == (0,) else right


def _number_in(x: Any) -> Any:
    """The entry of a 1x1 matrix; unlike Trace, SymPy evaluates it over a product with ones."""
    return MatrixElement(x, 0, 0)


def _power(node: Node, x: Any) -> Any:
    exponent = node.params["exponent"]
    return matrices.HadamardPower(x, exponent) if node.ndim else x**exponent


def _divide(node: Node, x: Any, y: Any) -> Any:
    return matrices.HadamardProduct(x, matrices.HadamardPower(y, -1)) if node.ndim else x / y


def _apply(node: Node, x: Any) -> Any:
    """phi, or its derivative of some order, at every entry."""
    t = sympy.Symbol("t", real=True)
    order, phi = node.params["order"], sympy.Function(node.params["function"])(t)
    body = phi.diff(t, order) if order else phi
    if node.ndim:
        return ElementwiseApplyFunction(sympy.Lambda(t, body), x)
    return body.subs(t, x)


def _loss(node: Node, *operands: Any) -> Any:
    if node.params["wrt"]:
        raise UnsupportedError(f"the derivative of the generic loss {node.params['function']} has no SymPy form")
    return sympy.Function(node.params["function"])(*operands)


def _einsum(node: Node, *operands: Any) -> Any:
    """The contraction written out over its entries."""
    inputs, _, output = node.params["spec"].partition("->")
    parts = inputs.split(",")
    sizes = {c: d for s, x in zip(parts, node.args, strict=True) for c, d in zip(s, x.shape, strict=True)}
    index = {c: _index(c) for c in sizes}
    entries = [_entry(x, [index[c] for c in s]) for s, x in zip(parts, operands, strict=True)]
    bound = [(i, sizes[c]) for c, i in index.items() if c not in output]
    return _from_entries(node.shape, [index[c] for c in output], reduce(mul, entries), bound)


def _entry(x: Any, index: list[Any]) -> Any:
    return MatrixElement(x, *index, *[sympy.S.Zero] * (2 - len(index))) if index else x


def _from_entries(shape: Shape, free: list[Any], body: Any, bound: list[tuple[Any, Any]]) -> Any:
    if bound:
        body = sympy.Sum(body, *((i, 0, d - 1) for i, d in bound))
    if not shape:
        return body
    free = [*free, *(_index("j") for _ in range(2 - len(free)))]
    return matrices.FunctionMatrix(*_dims(shape), sympy.Lambda(tuple(free), body))


def _block_entries(node: Node, G: Any, X: Any) -> Any:
    """The adjoints of the Kronecker product: sums over the blocks of G."""
    i, j, k, m = map(_index, "ijkm")
    if node.op.name == "blocks_with":
        rows, columns = X.shape
        body = MatrixElement(G, i * rows + k, j * columns + m) * MatrixElement(X, k, m)
    else:
        rows, columns = _dims(node.shape)
        body = MatrixElement(G, k * rows + i, m * columns + j) * MatrixElement(X, k, m)
    return _from_entries(node.shape, [i, j], body, [(k, X.shape[0]), (m, X.shape[1])])


def _take(node: Node, x: Any) -> Any:
    """A block by its entries."""
    free: list[Any] = []
    places: list[Any] = []
    for place in node.params["index"]:
        if not isinstance(place, tuple):
            places.append(sympy.Integer(place) if isinstance(place, int) else place)
            continue
        free.append(_index("ij"[len(free)]))
        places.append(place[0] + place[2] * free[-1])
    return _from_entries(node.shape, free, _entry(x, places), [])


def _put(node: Node, x: Any) -> Any:
    """Zeros with a block put in: E X F^T with columns of the identity in E and F."""
    index = node.params["index"]
    E, *F = (_columns(size, place) for size, place in zip(node.shape, index, strict=True))
    if len(index) == 2 and not isinstance(index[0], tuple) and isinstance(index[1], tuple):
        x = x.T
    left = E * x if getattr(x, "is_Matrix", False) else x * E
    return left * F[0].T if F else left


def _columns(size: Any, place: Any) -> Any:
    """The columns of the identity that an index names; no KroneckerDelta, whose sums SymPy evaluates beyond the last entry."""
    start, count, step = place if isinstance(place, tuple) else (place, 1, 1)
    i, k = _index("i"), _index("k")
    one = sympy.Piecewise((1, sympy.Eq(i, start + step * k)), (0, True))
    return matrices.FunctionMatrix(size, count, sympy.Lambda((i, k), one))


def _triangle(node: Node, x: Any) -> Any:
    i, j, k = _index("i"), _index("j"), node.params["k"]
    kept = j - i <= k if node.op.name == "tril" else j - i >= k
    return matrices.FunctionMatrix(*x.shape, sympy.Lambda((i, j), sympy.Piecewise((MatrixElement(x, i, j), kept), (0, True))))


def _prod(node: Node, x: Any) -> Any:
    """The product over the entries along the axes; a number along both."""
    index = [_index("i"), _index("j")][: node.args[0].ndim]
    axes = node.params["axes"]
    body = sympy.Product(_entry(x, index), *((index[a], 0, node.args[0].shape[a] - 1) for a in axes))
    return _from_entries(node.shape, [i for a, i in enumerate(index) if a not in axes], body, [])


def _spread_sum(X: Node, axes: tuple[int, ...]) -> Node:
    return spread(sum_(X, axes=axes), X, axes)


def _length(X: Node, axes: tuple[int, ...]) -> Node:
    return power(sum_(power(X, exponent=sympy.Integer(2)), axes=axes), exponent=HALF)


def _at_most_one(directions: tuple[Node, ...]) -> tuple[Node, ...]:
    if len(directions) > 1:
        raise UnsupportedError("a third derivative of det or prod has no SymPy form")
    return directions


def _lower_half(X: Node) -> Node:
    return subtract(REGISTRY["tril"](X, k=0), multiply(HALF, diag(diagonal(X))))


def _triangular_solution(A: Node, B: Node, lower: bool, trans: bool) -> Node:
    T = REGISTRY["tril" if lower else "triu"](A, k=0)
    return REGISTRY["solve"](T.T if trans else T, B)


DEFINITIONS: dict[str, Callable[..., Node]] = {
    "softmax": lambda X, axes: divide(exp(X), _spread_sum(exp(X), axes)),
    "logsumexp": lambda X, axes: log(sum_(exp(X), axes=axes)),
    "log_softmax": lambda X, axes: subtract(X, log(_spread_sum(exp(X), axes))),
    "norm": _length,
    "direction": lambda X, axes: divide(X, spread(_length(X, axes), X, axes)),
    "solve_triangular": _triangular_solution,
    "lower_half": _lower_half,
    "cofactor": lambda X, *V: cofactor_quotient(X, *_at_most_one(V)),
    "overwrite": lambda X, Y, index: subtract(X, put(subtract(take(X, index=index), Y), shape=X.shape, index=index)),
    "prod_slope": lambda X, *V, axes: prod_quotient(X, *_at_most_one(V), axes=axes),
}
"""Operations that are compositions of others in exact arithmetic, where those are defined."""

FORMS: dict[str, Form] = {
    "variable": _variable,
    "constant": lambda node: node.params["value"],
    "identity": lambda node: matrices.Identity(node.shape[0]),
    "add": lambda node, *x: matrices.MatAdd(*x) if node.ndim else sympy.Add(*x),
    "scale": lambda node, c, x: c * x,
    "hadamard": lambda node, x, y: matrices.HadamardProduct(x, y),
    "divide": _divide,
    "power": _power,
    "pow": lambda node, x, y: matrices.HadamardPower(x, y) if node.ndim else x**y,
    "broadcast": _broadcast,
    "sum": _sum,
    "transpose": lambda node, x: x.T if node.ndim == 2 else x,
    "matmul": lambda node, x, y: matrices.MatMul(x, y),
    "dot": lambda node, x, y: _number_in(matrices.MatMul(x.T, y)),
    "outer": lambda node, x, y: x * y.T,
    "trace": lambda node, x: sympy.Trace(x),
    "diag": lambda node, x: DiagMatrix(x),
    "diagonal": lambda node, x: matrices.HadamardProduct(x, matrices.Identity(x.shape[0])) * _ones(x.shape[0], 1),
    "kron": lambda node, x, y: matrices.KroneckerProduct(x, y),
    "blocks_with": _block_entries,
    "entries_with": _block_entries,
    "einsum": _einsum,
    "apply": _apply,
    "loss": _loss,
    "inv": lambda node, x: matrices.Inverse(x),
    "solve": lambda node, x, y: matrices.MatMul(matrices.Inverse(x), y),
    "det": lambda node, x: sympy.Determinant(x),
    "logdet": lambda node, x: sympy.log(sympy.Abs(sympy.Determinant(x))),
    "det_sign": lambda node, x: sympy.sign(sympy.Determinant(x)),
    "tril": _triangle,
    "triu": _triangle,
    "take": _take,
    "put": _put,
    "prod": _prod,
}
"""Operations that are no entrywise function, by name."""


def sympy_of(node: Node) -> Any:
    """A node as a SymPy MatrixExpr, or Expr where it is a scalar; raises UnsupportedError naming what has no form."""
    done: dict[Node, Any] = {}
    for n in postorder([node]):
        done[n] = _form(n, [done[a] for a in n.args])
    return done[node]


def _form(node: Node, operands: list[Any]) -> Any:
    if node.ndim > 2:
        raise UnsupportedError(f"{node.op.name} of shape {show_shape(node.shape)} has no SymPy form; matrices have rank 2")
    if node.op.name in DEFINITIONS:
        return sympy_of(DEFINITIONS[node.op.name](*node.args, **node.params))
    form: Form = FORMS.get(node.op.name, _entrywise)
    return form(node, *operands)


def program_sympy(program: Program) -> dict[Any, Any]:
    """The equations in order, symbol to right side; `symbols_of` gives the inputs."""
    result = {}
    for eq in program.equations:
        try:
            result[sympy_of(eq.symbol)] = sympy_of(eq.expr)
        except SymgradError as error:
            raise type(error)(f'{error} in "{eq.name}"') from None
    return result


def sympy_symbols_of(program: Program) -> list[Any]:
    """The inputs as SymPy symbols, in their order."""
    return [sympy_of(v) for v in program.inputs]


PASSES["sympy"] = program_sympy
