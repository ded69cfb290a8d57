"""Scalar entries as products of factors, some of them sums over bound letters: what an index form is put together from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sympy

from symgrad.core.op import CHAIN, Dim, Node, constant, variable
from symgrad.core.roles import Printed
from symgrad.core.source import is_minus, symbolic
from symgrad.ops.arithmetic import denominator
from symgrad.ops.powers import power
from symgrad.printing.latex import Show

Letter: TypeAlias = sympy.Symbol
BoundLetters: TypeAlias = frozenset[Letter]
NONE: BoundLetters = frozenset()


@dataclass(frozen=True)
class Leaf:
    """A scalar, the letters it depends on, those that are bound inside of it, and those that index a whole axis in it."""

    node: Node
    free: BoundLetters = NONE
    bound: BoundLetters = NONE
    told: BoundLetters = NONE


@dataclass(frozen=True)
class Sum:
    """The sum of a product over letters, with limits for those that index no whole axis."""

    over: tuple[Letter, ...]
    factors: tuple[Leaf, ...]
    limits: tuple[str, ...] = ()

    @property
    def free(self) -> BoundLetters:
        return _union(f.free for f in self.factors) - set(self.over)

    @property
    def bound(self) -> BoundLetters:
        return _union(f.bound for f in self.factors) | set(self.over)

    @property
    def told(self) -> BoundLetters:
        return _union(f.told for f in self.factors)


@dataclass(frozen=True)
class Product:
    """A number times factors; no two sums among them share a letter."""

    number: sympy.Expr = sympy.S.One
    factors: tuple[Leaf | Sum, ...] = ()

    @property
    def free(self) -> BoundLetters:
        return _union(f.free for f in self.factors)

    @property
    def bound(self) -> BoundLetters:
        return _union(f.bound for f in self.factors)

    @property
    def told(self) -> BoundLetters:
        return _union(f.told for f in self.factors)

    @property
    def over(self) -> BoundLetters:
        """The letters of its sums: what is multiplied to it takes others, so that two sums can become one."""
        return _union(frozenset(f.over) for f in self.factors if isinstance(f, Sum))

    def times(self, other: Product) -> Product:
        return Product(self.number * other.number, self.factors + other.factors)


def _union(sets: Iterable[BoundLetters]) -> BoundLetters:
    return NONE.union(*sets)


def summed(product: Product, sizes: Mapping[Letter, Dim], show: Show) -> Product:
    """The sum over these letters: what does not depend on them stands in front, and sums within become one with it."""
    inner = [f for f in product.factors if f.free & set(sizes)]
    outer = tuple(f for f in product.factors if f not in inner)
    over = [v for v in sizes if any(v in f.free for f in inner)]
    number = sympy.Mul(product.number, *(sizes[v] for v in sizes if v not in over))
    if not over:
        return Product(number, outer)
    hidden = _union(f.bound for f in inner if isinstance(f, Leaf))
    inner = [closed(Product(factors=(f,)), show) if isinstance(f, Sum) and hidden & set(f.over) else f for f in inner]
    nested = [f for f in inner if isinstance(f, Sum)]
    leaves = [leaf for f in inner for leaf in (f.factors if isinstance(f, Sum) else (f,))]
    limits = [*limited(over, product.told, sizes, show), *(text for f in nested for text in f.limits)]
    return Product(number, (*outer, Sum((*over, *(v for f in nested for v in f.over)), tuple(leaves), tuple(limits))))


def limited(letters: Iterable[Letter], told: BoundLetters, sizes: Mapping[Letter, Dim], show: Show) -> Iterator[str]:
    """How far letters run, where no axis says it."""
    return (f"{v.name} < {show.number(symbolic(sizes[v]))}" for v in letters if v not in told)


def under(letters: Sequence[Letter], limits: Sequence[str]) -> str:
    """What stands below a sign: letters, or one letter with its limit."""
    return limits[0] if len(letters) == 1 and limits else ", ".join(["".join(v.name for v in letters), *limits])


def piece(text: str, precedence: int) -> Node:
    """A scalar that is printed already."""
    return variable(text, role=Printed(text, precedence))


def closed(product: Product, show: Show) -> Leaf:
    """The product as one scalar, to be an operand of any operation."""
    if not product.factors:
        return Leaf(constant(product.number))
    (first, *rest) = product.factors
    if product.number == 1 and not rest and isinstance(first, Leaf):
        return first
    return Leaf(piece(_written(product, show), CHAIN), product.free, product.bound, product.told)


def _written(product: Product, show: Show) -> str:
    """Sign, factors in their order, sums behind them; only the last of those goes without brackets."""
    sign = "-" if is_minus(product.number) else ""
    nodes = [f.node for f in product.factors if isinstance(f, Leaf)]
    sums = [_sum(f, show) for f in product.factors if isinstance(f, Sum)]
    nodes += [piece(text, CHAIN) for text in sums[:-1]]
    front = _front(-product.number if sign else product.number, nodes, bool(sums), show)
    return sign + " ".join(filter(None, [front, *sums[-1:]]))


def _front(number: sympy.Expr, nodes: list[Node], more: bool, show: Show) -> str:
    above = _as_powers([x for x in nodes if denominator(x) is None])
    below = _as_powers([d for x in nodes if (d := denominator(x)) is not None])
    if below:
        return show.fraction(number, above, below)
    first = show.fraction(number, [], [])
    if len(above) == 1 and not first and not more:
        return show(above[0], CHAIN)
    return show.side_by_side([*filter(None, [first]), *(show.factor(x) for x in above)])


def _as_powers(nodes: list[Node]) -> list[Node]:
    """Factors that are powers of one thing as one power of it."""
    exponents: dict[Node, list[sympy.Expr]] = {}
    for x in nodes:
        base, exponent = (x.args[0], x.params["exponent"]) if x.op is power else (x, sympy.S.One)
        exponents.setdefault(base, []).append(exponent)
    return [power(base, exponent=sympy.Add(*found)) for base, found in exponents.items()]


def _sum(s: Sum, show: Show) -> str:
    return rf"\sum_{{{under(s.over, s.limits)}}} {_front(sympy.S.One, [f.node for f in s.factors], False, show)}"
