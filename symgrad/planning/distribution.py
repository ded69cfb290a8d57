"""Sums of thin products multiplied out where the sizes are known and it costs less: (A B^T + C D^T) V = A (B^T V) + C (D^T V).

With rank k the named sum of a factorisation is an m x n array that nobody asked for; the products need k columns of it.
"""

from __future__ import annotations

from symgrad.core.counting import flops
from symgrad.core.graph import rewrite, substitute
from symgrad.core.op import VARIABLE, Node
from symgrad.core.program import Equation, Program
from symgrad.ops.arithmetic import add, coefficient, multiply
from symgrad.ops.product import matmul, transposition
from symgrad.planning.association import Sizes, associated, opened, typical


def distributed(program: Program, numbers: Sizes) -> Program:
    """The same program without the named sums that cost more than what is read of them, at these sizes."""
    found = _without_second_names(program)
    for eq in reversed(found.equations):
        if eq.symbol not in found.outputs and all(_is_thin(t, numbers) for t in _terms(eq.expr)):
            other = _multiplied_out(found, eq, numbers)
            if other is not None and _cost(other, numbers) < _cost(found, numbers):
                found = other
    return min(program, found, key=lambda p: _cost(p, numbers))


def _cost(program: Program, numbers: Sizes) -> int:
    return typical(flops(associated(program, numbers)), numbers)


def _without_second_names(program: Program) -> Program:
    """What is another's value under a second name, or a multiple of it, goes by the first."""
    table: dict[Node, Node] = {}
    for eq in program.equations:
        expr = substitute(eq.expr, table)
        if coefficient(expr)[1].op is VARIABLE and eq.symbol not in program.outputs:
            table[eq.symbol] = expr
    return program.map(lambda expr: substitute(expr, table)).needed()


def _terms(X: Node) -> list[Node]:
    return list(X.args) if X.op is add else [X]


def _is_thin(term: Node, numbers: Sizes) -> bool:
    """Is it a product over fewer entries than it has rows, and columns?"""
    _, X = coefficient(term)
    if X.op is not matmul or X.ndim != 2:
        return False
    return typical(X.args[1].shape[0], numbers) < min(typical(d, numbers) for d in X.shape)


def _multiplied_out(program: Program, eq: Equation, numbers: Sizes) -> Program | None:
    """The program with the sum put in where products read it, term by term; None where anything else reads it."""
    other = program.map(lambda expr: rewrite(expr, lambda node: _spread(node, eq, numbers) or node)).needed()
    return None if eq.symbol in other.defined else other


def _spread(node: Node, eq: Equation, numbers: Sizes) -> Node | None:
    """A product with the sum's name in it, as a sum of products."""
    if node.op is not matmul:
        return None
    for i, factor in enumerate(node.args):
        inner = factor.args[0] if factor.op is transposition else factor
        if inner is eq.symbol:
            parts = [(c, X.T if factor is not inner else X) for c, X in map(coefficient, _terms(eq.expr))]
            products = [(c, matmul(X, node.args[1]) if i == 0 else matmul(node.args[0], X)) for c, X in parts]
            return add(*(multiply(c, opened(product, numbers)) for c, product in products))
    return None
