"""Forms that print one way and compute another, because the printed one cancels, or forms an array that nobody needs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from symgrad.core.graph import postorder, rewrite
from symgrad.core.op import VARIABLE, Node, constant, value_of
from symgrad.core.program import Equation, Program
from symgrad.core.source import is_minus
from symgrad.ops.activation import sigmoid
from symgrad.ops.arithmetic import HALF, add, coefficient, hadamard, multiply, scale
from symgrad.ops.broadcasting import broadcast, sum_
from symgrad.ops.contraction import einsum
from symgrad.ops.elementwise import absolute, cos, exp, expm1, sech2, sin, tanh
from symgrad.ops.linalg import inv, solve
from symgrad.ops.powers import power, quotient
from symgrad.ops.product import dot, matmul, transposition
from symgrad.ops.reduction import softmax
from symgrad.rules.terms import entrywise_product, hadamard_factors

_LETTERS = "abcdefghij"
_EXPRESSIONS = 2_048
"""Right sides whose products are kept: the functions of a module have most of theirs in common."""

EVEN = (sech2, cos, absolute)


def in_code_forms(program: Program) -> Program:
    """The same program in the forms that code computes."""
    defined, inverted = program.defined, _inverted(program)

    def step(node: Node) -> Node:
        found = _complement(node, defined) or _sigmoid_slope(node, defined) or _of_copies(node)
        return found or _without_sign(node) or _by_inverse(node, inverted) or node

    return program.map(lambda expr: rewrite(expr, step))


def products(program: Program) -> Program:
    """The same program in the products that cost BLAS least; after contractions are taken apart and products ordered."""
    return program.map(_in_products)


@lru_cache(maxsize=_EXPRESSIONS)
def _in_products(expr: Node) -> Node:
    return rewrite(expr, lambda node: _sum_of_products(node) or _sum_of_sums(node) or _symmetric_update(node) or node)


def _complement(node: Node, defined: Mapping[Node, Equation]) -> Node | None:
    """1 - sigma(z) = sigma(-z) and 1 - tanh(z)^2 = sech(z)^2: where the function saturates, the difference is all rounding."""
    if node.op.name != "add" or len(node.args) != 2:
        return None
    if all(value_of(a) != 1 for a in node.args):
        rest = [a for a in node.args if value_of(a) != -1]
        return expm1(rest[0].args[0]) if len(rest) == 1 and rest[0].op is exp else None
    number, y = next(coefficient(a) for a in node.args if value_of(a) != 1)
    if number != -1:
        return None
    if y.op is power and y.params["exponent"] == 2:
        h = _meaning(y.args[0], defined)
        return sech2(h.args[0]) if h.op is tanh else None
    s = _meaning(y, defined)
    return sigmoid(-s.args[0]) if s.op is sigmoid else _near_zero(s)


def _near_zero(y: Node) -> Node | None:
    """1 - y without its cancellation: -expm1(x), 2 sin(x / 2)^2, tanh(x)^2, x / (1 + x)."""
    if y.op is exp:
        return -expm1(y.args[0])
    if y.op is cos:
        return 2 * sin(multiply(HALF, y.args[0])) ** 2
    if y.op is sech2:
        return tanh(y.args[0]) ** 2
    if y.op is power and y.params["exponent"] == -1 and y.args[0].op is add and len(y.args[0].args) == 2:
        rest = [a for a in y.args[0].args if value_of(a) != 1]
        return quotient(rest[0], y.args[0]) if len(rest) == 1 else None
    return None


def _sigmoid_slope(node: Node, defined: Mapping[Node, Equation]) -> Node | None:
    """sigma(x) sigma(-x) = sech(x / 2)^2 / 4: one exponential in the place of two."""
    factors = [_meaning(a, defined) for a in node.args]
    if node.op is not hadamard or any(a.op is not sigmoid for a in factors):
        return None
    x, y = (a.args[0] for a in factors)
    if scale(-1, x) is not y and scale(-1, y) is not x:
        return None
    slope = sech2(scale(HALF, x))
    return scale(HALF**2, _without_sign(slope) or slope)


def _without_sign(node: Node) -> Node | None:
    """f(c y x) = f(|c| x) for an even function f and signs y."""
    if node.op not in EVEN:
        return None
    number, x = coefficient(node.args[0])
    factors = hadamard_factors(x)
    rest = [a for a in factors if a.op is not VARIABLE or "sign" not in a.params["properties"]]
    if not rest or (len(rest) == len(factors) and not is_minus(number)):
        return None
    return node.op(multiply(abs(number), entrywise_product(rest)), **node.params)


def _of_copies(node: Node) -> Node | None:
    """An entrywise operation on copies of arrays is the copy of the operation on the arrays themselves."""
    if node.op.scalar is None and node.op not in (add, hadamard):
        return None
    first = node.args[0]
    if first.op is not broadcast or not first.args[0].ndim:
        return None
    if any(a.op is not broadcast or a.params != first.params for a in node.args):
        return None
    return broadcast(node.op(*(a.args[0] for a in node.args), **node.params), **first.params)


def _meaning(x: Node, defined: Mapping[Node, Equation]) -> Node:
    return defined[x].expr if x in defined else x


def _sum_of_products(node: Node) -> Node | None:
    """A sum of X * Y or X^2, over all entries or along axes, is an inner product, taken without the array of products."""
    if node.op is not sum_:
        return None
    (x,) = node.args
    pair = x.args if x.op is hadamard else x.args * 2 if x.op is power and x.params["exponent"] == 2 else None
    if pair is None or any(a.op.name == "broadcast" for a in pair):
        return None
    letters = _LETTERS[: x.ndim]
    kept = "".join(c for axis, c in enumerate(letters) if axis not in node.params["axes"])
    return dot(*pair) if x.ndim == 1 else einsum(*pair, spec=f"{letters},{letters}->{kept}")


def _inverted(program: Program) -> set[Node]:
    """The matrices whose inverse the program holds."""
    return {node.args[0] for node in postorder(eq.expr for eq in program.equations) if node.op is inv}


def _by_inverse(node: Node, inverted: set[Node]) -> Node | None:
    """solve(A, B) = A^-1 B, where A^-1 is there anyway: a product in the place of a factorisation."""
    if node.op is not solve:
        return None
    A, B = node.args
    if A in inverted:
        return matmul(inv(A), B)
    return matmul(inv(A.args[0]).T, B) if A.op is transposition and A.args[0] in inverted else None


def _sum_of_sums(node: Node) -> Node | None:
    """The sum of X * Y + Z * W is two inner products."""
    if node.op is not sum_ or node.args[0].op is not add:
        return None
    terms = [coefficient(term) for term in node.args[0].args]
    sums = [_sum_of_products(sum_.node(x, **node.params)) for _, x in terms]
    if any(s is None for s in sums):
        return None
    return add(*(scale(constant(c), s) for (c, _), s in zip(terms, sums, strict=True) if s is not None))


def _symmetric_update(node: Node) -> Node | None:
    """X^T diag(w) X = R^T R with R = diag(sqrt w) X where w cannot be negative: BLAS fills half of it and mirrors that."""
    if node.op is not matmul or node.args[0].op is not transposition or node.args[1].op is not hadamard:
        return None
    (X,) = node.args[0].args
    for weight, other in (node.args[1].args, tuple(reversed(node.args[1].args))):
        if other is X and weight.op is broadcast and weight.params["axes"] == (0,) and _nonnegative(weight.args[0]):
            R = hadamard(broadcast(power(weight.args[0], exponent=HALF), **weight.params), X)
            return matmul(R.T, R)
    return None


def _nonnegative(w: Node) -> bool:
    """Is every entry at least zero, whatever the inputs are?"""
    if w.op in (exp, sigmoid, softmax, absolute, sech2):
        return True
    if w.op is power:
        return bool(w.params["exponent"].is_even) or _nonnegative(w.args[0])
    if w.op in (hadamard, add, scale, quotient):
        return all(map(_nonnegative, w.args))
    if w.op is VARIABLE:
        return bool(w.params["properties"] & {"positive", "unit", "binary", "onehot", "simplex"})
    value = value_of(w)
    return value is not None and bool(value.is_nonnegative)
