"""The statements that make the blocks of a Hessian into maps: over their factors, or by products where they have none."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from symgrad.core.op import Node
from symgrad.core.program import fresh
from symgrad.export.lowered import Assign, LoweredStatement, Return
from symgrad.export.syntax import Word, attribute, call_of, filled, function_of, name, tuple_of
from symgrad.second.assembly import Factors

Held = Mapping[str, ast.expr]
"""What stands for each argument that a product is given every time."""


def by_products(product: str, wrt: Sequence[Node], held: Held, taken: Collection[str]) -> tuple[LoweredStatement, ast.expr]:
    """Maps of all blocks from the product, and the statement that comes before: the arguments are held."""
    v, given = (fresh(word, taken) for word in ("v", "given"))
    product_at = function_of(v, filled("{0}({1}, **{2})", Word(product), name(v), name(given)))
    return Assign(given, call_of("dict", **held)), call_of("_by_products", product_at, *(held[str(b)] for b in wrt))


def by_factors(
    factors: Factors, wrt: Sequence[Node], product: str, held: Held, taken: Collection[str], results: Sequence[ast.expr]
) -> Iterator[LoweredStatement]:
    """The statements from the arrays on; blocks below the diagonal are transposes."""
    k, place = len(wrt), dict(zip(factors.program.outputs, results, strict=True))
    maps, names = fresh("maps", taken), {(i, j): fresh(f"H_{i}_{j}", taken) for i in range(k) for j in range(i, k)}
    if len(factors.terms) != len(names):
        before, made = by_products(product, wrt, held, taken)
        yield from (before, Assign(maps, made))
    for (i, j), block in names.items():
        terms = factors.terms.get((i, j))
        yield Assign(block, filled(f"{{0}}[{i}][{j}]", name(maps)) if terms is None else _map(wrt[i], wrt[j], terms, place))
    table = [[name(names[i, j]) if i <= j else attribute(name(names[j, i]), "T") for j in range(k)] for i in range(k)]
    yield Return(tuple_of(map(tuple_of, table)))


def _map(
    rows: Node, columns: Node, terms: Iterable[tuple[Node, Iterable[tuple[Any, ...]]]], place: Mapping[Node, ast.expr]
) -> ast.expr:
    shapes = [attribute(name(str(v)), "shape") if v.ndim else tuple_of([]) for v in (rows, columns)]
    written: list[ast.expr] = [tuple_of([place[c], ast.List([_stage(s, place) for s in stages])]) for c, stages in terms]
    return call_of("LinearMap", *shapes, ast.List(written))


def _stage(stage: tuple[Any, ...], place: Mapping[Node, ast.expr]) -> ast.expr:
    kind, *arrays = stage
    return tuple_of([ast.Constant(kind), *(place[a] if isinstance(a, Node) else ast.Constant(a) for a in arrays)])
