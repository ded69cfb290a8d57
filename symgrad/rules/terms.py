"""A term as a number times scalars times a product of factors, and when two terms are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

import sympy

from symgrad.core.op import Node, constant
from symgrad.linear.structure import Chain, multiplied
from symgrad.ops.arithmetic import hadamard, multiply, scalar_product
from symgrad.ops.powers import power, quotient
from symgrad.rules.record import Known, flipped


@dataclass(frozen=True)
class Term:
    """`number` times the `scalars` times the product of the `chain`, which is empty for a scalar term."""

    number: sympy.Expr
    scalars: tuple[Node, ...]
    chain: Chain

    def node(self) -> Node:
        return product([constant(self.number), *self.scalars, *([assembled(self.chain)] if self.chain else [])])


_T = TypeVar("_T")


def _kept(function: Callable[[Node, Known], _T]) -> Callable[[Node, Known], _T]:
    """Many rules read the same expressions, and each does at every stage."""

    @wraps(function)
    def read(node: Node, known: Known) -> _T:
        table: dict[Node, _T] = known.read[function.__name__]
        if node not in table:
            table[node] = function(node, known)
        return table[node]

    return read


@_kept
def term(node: Node, known: Known) -> Term:
    number, scalars, arrays = scalar_product(node)
    return Term(number, tuple(scalars), known.chain(arrays[0]) if arrays else ())


def product(parts: Iterable[Node]) -> Node:
    """Scalars times an array, the last part; numbers first."""
    *front, result = parts
    for x in reversed(front):
        result = multiply(x, result)
    return result


def assembled(chain: Chain) -> Node:
    """The product of a chain; a row comes as the column it is the transpose of."""
    return multiplied(chain)[0]


def is_row(chain: Chain) -> bool:
    return multiplied(chain)[1]


@_kept
def meaning(node: Node, known: Known) -> Hashable:
    """Equal for two terms that differ in order, association or orientation alone, numbers apart."""
    _, scalars, arrays = scalar_product(node)
    return frozenset(Counter(_scalar(s, known) for s in scalars).items()), *(_array(x, known) for x in arrays)


def _scalar(x: Node, known: Known) -> Hashable:
    """x^T A y = y^T A^T x; a trace is that of the transpose and of every rotation."""
    if x.op.name == "dot":
        chain = known.chain(x)
        return frozenset({chain, flipped(chain, known)})
    if x.op.name == "trace":
        chain = known.chain(x.args[0])
        turned = [chain[i:] + chain[:i] for i in range(len(chain))]
        return frozenset({*turned, *(flipped(c, known) for c in turned)})
    return x


def _array(x: Node, known: Known) -> Hashable:
    if x.op is hadamard or x.op is quotient:
        exponents: dict[Hashable, sympy.Expr] = {}
        for base, exponent in powers(x):
            key = _array(base, known)
            exponents[key] = exponents.get(key, 0) + exponent
        return frozenset(exponents.items())
    return known.chain(x)


def hadamard_factors(node: Node) -> list[Node]:
    """The factors of a nest of Hadamard products."""
    return [f for x in node.args for f in hadamard_factors(x)] if node.op is hadamard else [node]


def entrywise_product(factors: list[Node]) -> Node:
    result = factors[0]
    for x in factors[1:]:
        result = hadamard(result, x)
    return result


def as_power(X: Node) -> tuple[Node, sympy.Expr]:
    """Its base and its exponent."""
    return (X.args[0], X.params["exponent"]) if X.op is power else (X, sympy.S.One)


def one_power(node: Node) -> Node | None:
    """(x^a)^k as x^(a k) for whole k."""
    (x,), k = node.args, node.params["exponent"]
    return power(x.args[0], exponent=k * x.params["exponent"]) if x.op is power and k.is_Integer else None


def powers(node: Node, sign: int = 1) -> Iterator[tuple[Node, sympy.Expr]]:
    """The factors of a nest of entrywise products and quotients, each with its exponent."""
    if node.op is hadamard or node.op is quotient:
        X, Y = node.args
        yield from powers(X, sign)
        yield from powers(Y, sign if node.op is hadamard else -sign)
    else:
        base, exponent = as_power(node)
        yield base, sign * exponent


def is_square(chain: Chain) -> bool:
    return all(x.ndim == 2 and x.shape == (x.shape[0],) * 2 for x, _ in chain)
