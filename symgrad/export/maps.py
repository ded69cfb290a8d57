"""The statements that make the blocks of a Hessian into maps: over their factors, or by products where they have none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from symgrad.core.op import Node
from symgrad.core.program import fresh
from symgrad.second.assembly import Factors


def by_products(call: str, wrt: Sequence[Node], held: Mapping[str, str], taken: Collection[str], start: str = "return") -> str:
    """Maps of all blocks, from the name of the product; `held` is what stands for each argument that it is given every time."""
    v, given = (fresh(name, taken) for name in ("v", "given"))
    arguments = ", ".join(f"{name}={text}" for name, text in held.items())
    variables = ", ".join(held[str(b)] for b in wrt)
    return f"{given} = dict({arguments})\n{start} _by_products(lambda {v}: {call}({v}, **{given}), {variables})"


def by_factors(factors: Factors, wrt: Sequence[Node], call: str, held: Mapping[str, str], taken: Collection[str]) -> str:
    """The statements from the arrays on, which stand as {0}, {1}, ...; blocks below the diagonal are transposes."""
    k, place = len(wrt), {v: f"{{{n}}}" for n, v in enumerate(factors.program.outputs)}
    maps, name = fresh("maps", taken), {(i, j): fresh(f"H_{i}_{j}", taken) for i in range(k) for j in range(i, k)}
    lines = [] if len(factors.terms) == len(name) else [by_products(call, wrt, held, taken, f"{maps} =")]
    for (i, j), block in name.items():
        terms = factors.terms.get((i, j))
        lines.append(f"{block} = {f'{maps}[{i}][{j}]' if terms is None else _map(wrt[i], wrt[j], terms, place)}")
    table = [", ".join(name[i, j] if i <= j else f"{name[j, i]}.T" for j in range(k)) for i in range(k)]
    comma = "," if k == 1 else ""
    return "\n".join([*lines, f"return ({', '.join(f'({row}{comma})' for row in table)}{comma})"])


def _map(row: Node, column: Node, terms: Iterable[tuple[Node, Iterable[tuple[Any, ...]]]], place: Mapping[Node, str]) -> str:
    shapes = ", ".join(f"{v}.shape" if v.ndim else "()" for v in (row, column))
    written = ", ".join(f"({place[c]}, [{', '.join(_stage(s, place) for s in stages)}])" for c, stages in terms)
    return f"{{LinearMap}}({shapes}, [{written}])"


def _stage(stage: tuple[Any, ...], place: Mapping[Node, str]) -> str:
    kind, *arrays = stage
    written = [place[a] if isinstance(a, Node) else str(a) for a in arrays]
    return f'("{kind}", {", ".join(written)})'
