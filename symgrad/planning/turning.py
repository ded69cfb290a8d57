"""<G, A V> = <A, G V^T> = <V, A^T G>: where the backward pass holds one of these products, the value needs none of its own."""

from __future__ import annotations

from collections import Counter

from symgrad.core.graph import postorder, rewrite
from symgrad.core.op import VARIABLE, Node
from symgrad.core.program import Program
from symgrad.ops.arithmetic import hadamard
from symgrad.ops.broadcasting import sum_
from symgrad.ops.product import matmul


def turned(program: Program) -> Program:
    """The same program with inner products taken with adjoints that it computes anyway."""
    exprs = [eq.expr for eq in program.equations]
    order = list(postorder(exprs))
    uses = Counter(a for node in order for a in node.args)
    products = {_resolved(node, program): node for node in order if node.op is matmul and node.ndim == 2}
    table: dict[Node, Node] = {}
    for node in order:
        for G, O in _pairs(node):  # noqa: E741
            known = program.defined[O].expr if O in program.defined and uses[O] == 1 and O not in program.outputs else None
            if known is None or known.op is not matmul:
                continue
            A, V = known.args
            for other, product in ((V, matmul(A.T, _alias(G, program))), (A, matmul(_alias(G, program), V.T))):
                if product in products and node not in table:
                    table[node] = sum_(hadamard(other, product), axes=(0, 1))
                    table[products[product]] = product
    return program.map(lambda expr: rewrite(expr, lambda n: table.get(n, n))) if table else program


def _pairs(node: Node) -> list[tuple[Node, Node]]:
    """The operands of an inner product of matrices, in both orders."""
    if node.op is not sum_ or node.ndim or node.args[0].op is not hadamard or node.args[0].ndim != 2:
        return []
    x, y = node.args[0].args
    return [(x, y), (y, x)] if x is not y else []


def _resolved(node: Node, program: Program) -> Node:
    return matmul.node(*(_alias(a, program) for a in node.args))


def _alias(x: Node, program: Program) -> Node:
    """What a symbol that is another one's alias stands for."""
    while x in program.defined and program.defined[x].expr.op is VARIABLE:
        x = program.defined[x].expr
    return x
