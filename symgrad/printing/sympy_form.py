"""Programs and nodes as SymPy matrix expressions, for everything of rank 2 at most.

A vector is an (n, 1) matrix and a scalar a plain Expr; numbers are taken out of 1x1 products as their entry [0, 0].  Every form
is one that SymPy evaluates right once explicit matrices are put in.  It is that of the operation's record, or of its definition by
others; entrywise operations follow from the scalar body of their record, contractions from their signature.
"""

from __future__ import annotations

from functools import reduce
from operator import mul
from typing import Any

import sympy
from sympy.matrices import expressions as matrices
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.explicit import by_entries, entry, index, ones, rows_and_columns
from symgrad.core.graph import postorder
from symgrad.core.op import VARIABLE, Node, show_shape
from symgrad.core.program import PASSES, Program
from symgrad.core.signature import Signature
from symgrad.errors import SymgradError, UnsupportedError


def _variable(node: Node) -> Any:
    name = node.params["name"]
    if node.ndim:
        return matrices.MatrixSymbol(name, *rows_and_columns(node.shape))
    return sympy.Symbol(name, positive=True) if "positive" in node.params["properties"] else sympy.Symbol(name)


def _entrywise(node: Node, *operands: Any) -> Any:
    """The scalar body of the record, over the entries of the operands that are no constant or scalar spread out."""
    scalar = node.op.scalar
    assert scalar is not None
    if not node.ndim:
        return scalar(*operands, **node.params)
    numbers = [_spread_number(n) for n in node.args]
    arrays = {x for x, c in zip(operands, numbers, strict=True) if c is None}
    filled = [x if c is None else sympy_of(c) for x, c in zip(operands, numbers, strict=True)]
    explicit = any(isinstance(x, matrices.FunctionMatrix) for x in arrays) or rows_and_columns(node.shape) == (1, 1)
    if len(arrays) < 2 and not explicit:  # SymPy hands a 1x1 matrix to the function as if it were its entry
        t = sympy.Dummy("t", real=True)
        body = scalar(*(t if x in arrays else x for x in filled), **node.params)
        return (
            ElementwiseApplyFunction(sympy.Lambda(t, body), arrays.pop()) if arrays else body * ones(*rows_and_columns(node.shape))
        )
    i, j = index("i"), index("j")
    entries = (x if c is not None else _at(x, i, j) for x, c in zip(filled, numbers, strict=True))
    return matrices.FunctionMatrix(*rows_and_columns(node.shape), sympy.Lambda((i, j), scalar(*entries, **node.params)))


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


def _spread_number(node: Node) -> Node | None:
    """The scalar that fills an array."""
    while node.op.name == "broadcast":
        (node,) = node.args
    return None if node.ndim else node


def _contracted(node: Node, signature: Signature, *operands: Any) -> Any:
    """A sum of products, written out over its entries."""
    sizes = {c: d for s, x in zip(signature.reads, node.args, strict=True) for c, d in zip(s, x.shape, strict=True)}
    letters = {c: index(c) for c in sizes}
    entries = [entry(x, [letters[c] for c in s]) for s, x in zip(signature.reads, operands, strict=True)]
    bound = [(i, sizes[c]) for c, i in letters.items() if c not in signature.result]
    return by_entries(node.shape, [letters[c] for c in signature.result], reduce(mul, entries), bound)


def sympy_of(node: Node) -> Any:
    """A node as a SymPy MatrixExpr, or Expr where it is a scalar; raises UnsupportedError naming what has no form."""
    done: dict[Node, Any] = {}
    for n in postorder([node]):
        done[n] = _form(n, [done[a] for a in n.args])
    return done[node]


def _form(node: Node, operands: list[Any]) -> Any:
    if node.ndim > 2:
        raise UnsupportedError(f"{node.op.name} of shape {show_shape(node.shape)} has no SymPy form; matrices have rank 2")
    if node.op is VARIABLE:
        return _variable(node)
    if node.op.sympy is not None:
        return node.op.sympy(node, *operands)
    if (defined := node.op.defined(node)) is not None:
        return sympy_of(defined)
    if node.op.scalar is not None:
        return _entrywise(node, *operands)
    signature = node.op.axes(node)
    if signature.is_contraction and len({*signature.result}) == node.ndim:
        return _contracted(node, signature, *operands)
    raise UnsupportedError(f"{node.op.name} has no SymPy form")


def program_sympy(program: Program) -> dict[Any, Any]:
    """The equations in order, symbol to right side; `sympy_symbols_of` gives the inputs."""
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
