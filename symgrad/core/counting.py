"""What a Program costs, as formulas in its dimensions: flops, what the backward pass needs kept, memory, traffic.

A node counts once however often it is read, as in exported code.  Every pass leaves the program as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from symgrad.core.graph import postorder, variables
from symgrad.core.loop import Loop
from symgrad.core.op import Node, size
from symgrad.core.program import Equation, Program, Statement
from symgrad.core.source import symbolic
from symgrad.errors import InputError, one_of

ITEMSIZES = {"float16": 2, "float32": 4, "float64": 8}
"""Bytes of one entry."""

LABEL_BYTES = 8
"""Integer labels are int64 whatever the floats are."""

# sizes and formulas ---------------------------------------------------------------------------------------------------------


def itemsize_of(dtype: str) -> int:
    """Bytes of one entry of this dtype."""
    return ITEMSIZES[one_of("the dtype", dtype, ITEMSIZES)]


def dimensions(program: Program) -> tuple[str, ...]:
    """The names of the dimensions of a program's inputs, in their order."""
    return tuple(dict.fromkeys(s.name for s in symbols_of(program)))


def symbols_of(program: Program) -> list[sympy.Symbol]:
    """The dimensions of a program's inputs, in their order."""
    return [s for v in program.inputs for d in v.shape for s in sorted(symbolic(d).free_symbols, key=str)]


def checked_sizes(program: Program, sizes: Mapping[str, Any]) -> dict[str, int]:
    """The sizes, one for each dimension and no other; raises `InputError` with what is missing or unknown."""
    sizes, known = known_sizes(program, sizes), dimensions(program)
    if missing := [name for name in known if name not in sizes]:
        raise InputError(f"sizes are missing for {', '.join(missing)} of {program.name}; every dimension needs one")
    return sizes


def known_sizes(program: Program, sizes: Mapping[str, Any]) -> dict[str, int]:
    """The sizes of some dimensions, in the program's order; raises `InputError` for one that is none of it, or no size."""
    known = dimensions(program)
    if unknown := [name for name in sizes if name not in known]:
        raise InputError(f"{program.name} has no dimension {unknown[0]!r}; its dimensions are {', '.join(known) or 'none'}")
    for name, n in sizes.items():
        if isinstance(n, bool) or not hasattr(n, "__index__") or n < 1:
            raise InputError(f"the size of {name} is a positive whole number, not {n!r}")
    return {name: int(sizes[name].__index__()) for name in known if name in sizes}


def number(formula: Any, sizes: Mapping[str, int]) -> int:
    """A formula at these sizes; a third of a cube is rounded."""
    formula = symbolic(formula)
    return int(formula.subs({s: sizes[s.name] for s in formula.free_symbols}) + sympy.Rational(1, 2))


def entries(nodes: Iterable[Node]) -> sympy.Expr:
    return sympy.Add(*(size(v) for v in nodes))


def leading(formula: Any) -> sympy.Expr:
    """The terms that no other term exceeds in every dimension: of 2 n d h + 3 n h + d, the first."""
    terms = sympy.Add.make_args(sympy.expand(formula))
    powers = {t: t.as_powers_dict() for t in terms}
    return sympy.Add(*(t for t in terms if not any(u is not t and _exceeds(powers[u], powers[t]) for u in terms)))


def _exceeds(u: Mapping[Any, Any], t: Mapping[Any, Any]) -> bool:
    symbols = {s for s in (*u, *t) if s.is_Symbol}
    more = [u.get(s, 0) - t.get(s, 0) for s in symbols]
    return all(m >= 0 for m in more) and any(m > 0 for m in more)


def leading_ratio(above: Any, below: Any) -> sympy.Expr:
    """The quotient of two costs in their leading terms, cancelled."""
    return sympy.factor_terms(sympy.cancel(leading(above) / leading(below))) if below != 0 else sympy.nan


# flops ----------------------------------------------------------------------------------------------------------------------


def flops_of(node: Node) -> sympy.Expr:
    """Additions, multiplications and calls of elementary functions of one operation."""
    return symbolic(node.op.flops(*node.args, **node.params))


def equation_flops(program: Program) -> Iterator[tuple[Equation, sympy.Expr]]:
    """Each equation of a straight program with the flops of the operations that no earlier one has done."""
    yield from zip(program.equations, map(sympy.expand, statement_flops(program)), strict=True)


def statement_flops(program: Program) -> Iterator[sympy.Expr]:
    """Those of each statement; a loop does what its body does once a step."""
    done: set[Node] = set()
    for statement in program.statements:
        steps, read = (0, [statement.expr]) if isinstance(statement, Equation) else _work(statement)
        new = [n for n in postorder(read) if n not in done]
        done.update(new)
        yield sympy.Add(steps, *(flops_of(n) for n in new))


def _work(loop: Statement) -> tuple[sympy.Expr, Sequence[Node]]:
    """The flops of a loop's steps, and what is computed before the first of them."""
    assert isinstance(loop, Loop)
    sums = sympy.Add(*(size(v) for v in loop.sums))
    return loop.length * (flops(loop.body) + sums), loop.operands


def flops(program: Program) -> sympy.Expr:
    """The flops of a program, each operation once, and those of a loop's body once a step.

    >>> import symgrad as sg
    >>> flops(sg.forward('def f(x: "n", A: "m n"): return A @ x').program)
    2*m*n
    """
    return sympy.expand(sympy.Add(*statement_flops(program)))


# memory ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """An intermediate of the forward pass that must outlive it, and the equations of the backward pass that read it."""

    symbol: Node
    readers: tuple[Equation, ...]


def kept(forward: Program, backward: Program) -> list[Kept]:
    """The forward values that equations of the backward pass read, in their order; scalars too, inputs not."""
    own = {eq.symbol for eq in forward.equations}
    adjoints = [eq for eq in backward.needed(backward.outputs[1:]).equations if eq.symbol not in own]
    readers = {v: tuple(eq for eq in adjoints if v in variables(eq.expr)) for v in own}
    return [Kept(eq.symbol, readers[eq.symbol]) for eq in forward.equations if readers[eq.symbol]]


def argument_bytes(nodes: Iterable[Node], itemsize: int) -> sympy.Expr:
    return sympy.Add(*(size(v) * (LABEL_BYTES if "int" in v.params["properties"] else itemsize) for v in nodes))


def working_set(program: Program) -> list[sympy.Expr]:
    """Entries that a compiler must hold at least beside inputs and outputs, one sum for each array that it makes.

    Operations that stream (a fixed number of flops an entry) are made on the way to what reads them, or written over an operand
    that nothing reads later; an array is made where a contraction writes or reads it, and lives until its last reader.
    """
    program = program.needed()
    order = _inlined(program)
    readers: dict[Node, list[Node]] = {n: [] for n in order}
    for node in order:
        for a in _operands(node, program):
            readers[a].append(node)
    made = {n for n in order if flops_of(n) != 0 and (not _streams(n) or not all(map(_streams, readers[n])))}
    results = {_meaning(v, program) for v in program.outputs}
    return _sums(order, made - results, {n: _operands(n, program) for n in order})


def _inlined(program: Program) -> list[Node]:
    """Every operation in the order of the equations; a symbol stands for its right side."""
    order = postorder(eq.expr for eq in program.equations)
    return [n for n in order if n not in program.defined]


def _operands(node: Node, program: Program) -> list[Node]:
    return [_meaning(a, program) for a in node.args]


def _meaning(node: Node, program: Program) -> Node:
    while node in program.defined:
        node = program.defined[node].expr
    return node


def _streams(node: Node) -> bool:
    """Is the work a fixed number of flops for each entry read or written?"""
    return any(not sympy.cancel(flops_of(node) / size(x)).free_symbols for x in (node, *node.args))


def _sums(order: list[Node], made: set[Node], operands: Mapping[Node, list[Node]]) -> list[sympy.Expr]:
    """The sizes alive when each array is made; one that is written over another takes its place."""
    reads: dict[Node, frozenset[Node]] = {}
    last: dict[Node, int] = {}
    for k, node in enumerate(order):
        below = frozenset(b for a in operands[node] for b in reads[a])
        reads[node] = frozenset({node}) if node in made else below
        last.update(dict.fromkeys(below, k))
    live: dict[Node, int] = {}
    sums = [sympy.S.Zero]
    for k, node in enumerate(order):
        if node in made:
            over = [b for a in operands[node] for b in reads[a] if b in live and last[b] == k and size(b) == size(node)]
            if over and _streams(node):
                del live[over[0]]
            live[node] = last.get(node, k)
            sums.append(entries(live))
        live = {b: end for b, end in live.items() if end > k}
    return sums


# traffic --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Traffic:
    """One equation's flops against the entries that it reads and writes."""

    equation: Equation
    flops: sympy.Expr
    entries: sympy.Expr

    def intensity(self, itemsize: int) -> sympy.Expr:
        """Flops a byte."""
        return sympy.cancel(self.flops / (self.entries * itemsize))


def traffic(program: Program) -> list[Traffic]:
    """Each equation's flops and the entries of what it reads and writes, were every symbol in main memory."""
    return [Traffic(eq, f, size(eq.symbol) + entries(variables(eq.expr))) for eq, f in equation_flops(program)]
