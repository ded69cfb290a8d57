"""Products of several matrices in the order that costs least: A (B x) and not (A B) x."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

import sympy

from symgrad.core.graph import postorder
from symgrad.core.op import Dim, Node
from symgrad.core.program import Program
from symgrad.core.source import symbolic
from symgrad.linear.structure import oriented, times
from symgrad.ops.product import dot, matmul, outer, transposition

TYPICAL = 97
"""The size a dimension is taken to have where nothing is said: large beside the 1 of a vector, and the same for all."""

_ROWS, COLUMNS = 101, 93
"""A dimension that counts rows of the inputs alone, or columns alone: (U V^T) V or U (V^T V) cost the same where all sizes are
the same, and matrices of data and of low rank are tall."""

_LONGEST = 24
"""Chains of more factors stay as they are typed; the search is cubic."""

Sizes = Mapping[Dim, int]

UNKNOWN: Sizes = MappingProxyType({})
"""Nothing is said of any size."""

Factor = tuple[Node, bool]  # a matrix, or a vector and whether it stands as a row


def associated(program: Program, numbers: Sizes = UNKNOWN) -> Program:
    """The same program with every chain of products bracketed by least cost; what several equations share stays whole."""
    exprs, sizes = [eq.expr for eq in program.equations], {**likely(program), **numbers}
    uses: Counter[Node] = Counter(exprs)
    for node in postorder(exprs):
        uses.update(node.args)
    done: dict[Node, Node] = {}
    for node in postorder(exprs):
        chain = [(done[x], flip) for x, flip in _flat(node, False, uses, True)] if node.op in (matmul, dot, outer) else []
        if 2 < len(chain) <= _LONGEST:
            done[node] = _bracketed([oriented(x, flip) for x, flip in chain], sizes)
        else:
            done[node] = node.op.rebuild(node, (done[a] for a in node.args))
    return program.map(lambda expr: done[expr] if expr in done else expr)


def opened(product: Node, numbers: Sizes) -> Node:
    """One product bracketed by least cost, whatever else reads its factors."""
    return _bracketed([oriented(x, flip) for x, flip in _flat(product, False, Counter(), True)], numbers)


def _flat(node: Node, flip: bool, uses: Counter[Node], whole: bool = False) -> list[Factor]:
    """The factors of a product, through products and transposes that nothing else uses; each with whether it stands transposed."""
    if uses[node] > 1 and not whole:
        return [(node, flip)]
    if node.op is transposition and node.ndim == 2:
        return _flat(node.args[0], not flip, uses)
    if node.op is matmul:
        x, y = (_flat(a, flip, uses) for a in node.args)
        return y + x if flip else x + y
    if node.op is dot:
        return _flat(node.args[0], True, uses) + _flat(node.args[1], False, uses)
    if node.op is outer:
        column, row = reversed(node.args) if flip else node.args
        return _flat(column, False, uses) + _flat(row, True, uses)
    return [(node, flip)]


def _bracketed(chain: list[Factor], numbers: Sizes) -> Node:
    """The cheapest bracketing by dynamic programming over the chain; of equals, the one from left to right."""
    n, sizes = len(chain), _sizes(chain, numbers)
    best: dict[tuple[int, int], tuple[int, Factor]] = {(i, i): (0, factor) for i, factor in enumerate(chain)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost, k = min((best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], -k) for k in range(i, j))
            best[i, j] = (cost, times(*best[i, -k][1], *best[-k + 1, j][1]))
    return best[0, n - 1][1][0]


def _sizes(chain: list[Factor], numbers: Sizes) -> list[int]:
    """Rows of the first factor, then the columns of every factor."""
    shapes = [(1, *x.shape) if row else (*x.shape, 1)[:2] for x, row in chain]
    return [typical(shapes[0][0], numbers), *(typical(columns, numbers) for _, columns in shapes)]


def likely(program: Program) -> Sizes:
    """Sizes that decide between orders which cost the same where all sizes are the same."""
    matrices = [v.shape for v in program.inputs if v.ndim > 1]
    rows, columns = {shape[0] for shape in matrices}, {shape[-1] for shape in matrices}
    return {**dict.fromkeys(rows - columns, _ROWS), **dict.fromkeys(columns - rows, COLUMNS)}


def typical(dim: Dim, numbers: Sizes = UNKNOWN) -> int:
    """A number for a dimension: its own, the one given, or that of a typical array."""
    value = symbolic(dim)
    if value.is_Symbol:
        return max(1, numbers.get(value, TYPICAL))
    return max(1, int(value.xreplace({s: sympy.Integer(numbers.get(s, TYPICAL)) for s in value.free_symbols})))
