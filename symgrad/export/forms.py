"""Forms that print one way and compute another, because the printed one cancels, or forms an array that nobody needs."""

from __future__ import annotations

from collections.abc import Mapping

from symgrad.graph import rewrite
from symgrad.op import VARIABLE, Node, value_of
from symgrad.ops.activation import sigmoid
from symgrad.ops.arithmetic import HALF, add, coefficient, hadamard, scale
from symgrad.ops.broadcasting import broadcast, sum_
from symgrad.ops.contraction import einsum
from symgrad.ops.elementwise import absolute, exp, sech2, tanh
from symgrad.ops.powers import power, quotient
from symgrad.ops.product import dot, matmul, outer, transposition
from symgrad.ops.reduction import softmax
from symgrad.program import Equation, Program

LETTERS = "abcdefghij"


def computed(program: Program) -> Program:
    """The same program in the forms that code computes."""
    defined = program.defined

    def step(node: Node) -> Node:
        found = _complement(node, defined) or _sum_of_products(node) or _smaller_multiple(node)
        return found or _multiple_of_copies(node) or _symmetric_update(node) or node

    return program.map(lambda expr: rewrite(expr, step))


def _complement(node: Node, defined: Mapping[Node, Equation]) -> Node | None:
    """1 - sigma(z) = sigma(-z) and 1 - tanh(z)^2 = sech(z)^2: where the function saturates, the difference is all rounding."""
    if node.op.name != "add" or len(node.args) != 2 or all(value_of(a) != 1 for a in node.args):
        return None
    number, y = next(coefficient(a) for a in node.args if value_of(a) != 1)
    if number != -1:
        return None
    if y.op is power and y.params["exponent"] == 2:
        h = _meaning(y.args[0], defined)
        return sech2(h.args[0]) if h.op is tanh else None
    s = _meaning(y, defined)
    return sigmoid(-s.args[0]) if s.op is sigmoid else None


def _meaning(x: Node, defined: Mapping[Node, Equation]) -> Node:
    return defined[x].expr if x in defined else x


def _sum_of_products(node: Node) -> Node | None:
    """A sum over all entries of X * Y or X^2 is an inner product, which BLAS takes without the array of products."""
    if node.op is not sum_ or len(node.params["axes"]) != node.args[0].ndim:
        return None
    (x,) = node.args
    pair = x.args if x.op is hadamard else x.args * 2 if x.op is power and x.params["exponent"] == 2 else None
    if pair is None or any(a.op.name == "broadcast" for a in pair):
        return None
    letters = LETTERS[: x.ndim]
    return dot(*pair) if x.ndim == 1 else einsum(*pair, spec=f"{letters},{letters}->")


def _smaller_multiple(node: Node) -> Node | None:
    """c (x y^T) = (c x) y^T: a multiple of an outer product is one of its first vector."""
    if node.op is not scale or node.args[1].op is not outer:
        return None
    c, product = node.args
    return outer.node(scale(c, product.args[0]), product.args[1])


def _multiple_of_copies(node: Node) -> Node | None:
    """A multiple of copies is copies of the multiple: fewer products, and NumPy spreads them itself."""
    if node.op is not scale or node.args[1].op is not broadcast or value_of(node.args[0]) == -1:
        return None
    c, copies = node.args
    return broadcast.node(scale(c, copies.args[0]), **copies.params)


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
