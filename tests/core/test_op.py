"""Nodes: interned, weakly kept, walked without recursion, folded where they are built."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
import sympy

from symgrad import ops as _ops  # noqa: F401
from symgrad.core import op as op_module
from symgrad.core.builders import elementwise
from symgrad.core.graph import postorder, rewrite, substitute, variables
from symgrad.core.op import REGISTRY, constant, is_zero, value_of, variable, zeros
from symgrad.errors import ShapeError

add, exp, tanh = REGISTRY["add"], REGISTRY["exp"], REGISTRY["tanh"]
M, N = (sympy.Symbol(name, integer=True, positive=True) for name in "mn")
X, Y, Z = (variable(name, (M, N)) for name in "XYZ")
HALF = sympy.Rational(1, 2)


def test_equal_nodes_are_one_object():
    assert tanh(X + Y) is tanh(X + Y)
    assert variable("X", (M, N)) is X
    assert variable("X", (N, M)) is not X


def test_eight_threads_make_one_object():
    def build(_: int) -> object:
        node = X
        for k in range(200):
            node = tanh(node) + k * Y
        return node

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(build, range(8)))) == 1


def test_what_nobody_holds_is_freed():
    gc.collect()
    before = len(op_module._interned)
    node = exp(tanh(variable("held_by_nobody_else", (M,))))
    assert len(op_module._interned) == before + 3
    del node
    gc.collect()
    assert len(op_module._interned) == before


def test_walks_take_a_chain_of_fifty_thousand():
    node = X
    for _ in range(50_000):
        node = tanh(node)
    order = list(postorder([node]))
    assert len(order) == 50_001
    assert order[0] is X and order[-1] is node
    assert variables(node) == [X]
    assert substitute(node, {X: Y}) is not node


def test_postorder_gives_shared_operands_once_and_first():
    shared = tanh(X)
    root = shared * exp(shared)
    order = list(postorder([root]))
    assert len(order) == len(set(order)) == 4
    assert all(order.index(a) < order.index(n) for n in order for a in n.args)


def test_rewrite_returns_the_same_object_where_nothing_changes():
    root = tanh(X) * Y + Z
    assert rewrite(root, lambda node: node) is root


def test_numbers_fold():
    assert 2 * (HALF * X) is X
    assert is_zero(X - X)
    assert X + 0 is X
    assert value_of(2 * zeros((M,)) + 3) == 3
    assert (2 * X + 3 * X) is 5 * X
    assert constant(2) * constant(HALF) is constant(1)


def test_sums_are_flat():
    assert (X + Y + Z).args == (X, Y, Z)
    assert ((X + Y) + (Z + X)).args == (2 * X, Y, Z)
    assert (X + Y - X) is Y


def test_operators_broadcast_as_numpy_does():
    x = variable("x", (N,))
    assert (X + x).shape == (M, N)
    assert (X * 2).shape == (M, N)
    with pytest.raises(ShapeError, match=r"shapes \(m, n\) and \(m,\) do not broadcast"):
        X + variable("y", (M,))


def test_two_shapes_do_not_add():
    with pytest.raises(ShapeError, match=r"shapes \(m, n\) and \(n,\) differ"):
        add(X, variable("x", (N,)))


def test_an_operation_is_registered_once():
    with pytest.raises(ValueError, match="operation tanh is registered twice"):
        elementwise("tanh", lambda Z, X: (Z,))
    assert REGISTRY["tanh"] is tanh
