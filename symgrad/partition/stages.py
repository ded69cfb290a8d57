"""A gradient cut into stages that work on one microbatch after the other: which equation runs where, and what crosses.

The batch is split over microbatches as over a mesh axis; what is found to be a sum over them is accumulated.
A stage computes its forward equations again before its backward ones, so that between the two it holds what it received alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from symgrad.core.graph import postorder, substitute, variables
from symgrad.core.op import Node, zeros
from symgrad.core.program import Equation, Program
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.arithmetic import add, scale
from symgrad.partition.mesh import WHOLE, Mesh, planned
from symgrad.partition.microbatches import Microbatches
from symgrad.partition.placing import Placed, place

MICRO = "micro"
"""The axis of microbatches."""


@dataclass(frozen=True)
class Stage:
    """What one stage does with a microbatch (forward, backward) and once at the end (last), and what of it is accumulated."""

    params: tuple[Node, ...]
    received: tuple[Node, ...]
    returned: tuple[Node, ...]
    sums: tuple[Node, ...]
    forward: Program
    backward: Program
    last: Program


@dataclass(frozen=True)
class Stages:
    """All stages of a gradient, the inputs that every one reads, and how the batch is split."""

    stages: tuple[Stage, ...]
    data: tuple[Node, ...]
    placed: Placed


def staged(whole: Program, wrt: Sequence[Node], mesh: Mesh, batch: str, ends: Sequence[str], forward: Iterable[str]) -> Stages:
    """The stages of a gradient, each ended by one of these named values; `forward` are the names of the forward equations.

    Raises `UnsupportedError` with the equation that no stage can compute by itself.
    """
    plan = planned(whole, mesh, {batch: MICRO})
    placed = place(whole, mesh, plan, {g: tuple(() for _ in g.shape) for g in whole.outputs}, None)
    return _Cut(placed, tuple(map(str, wrt)), tuple(ends), frozenset(forward)).stages()


class _Cut:
    """`at` has the stage of every equation, `homes` that of every parameter; the rest is that of `Microbatches`."""

    def __init__(self, placed: Placed, wrt: tuple[str, ...], ends: tuple[str, ...], forward: frozenset[str]) -> None:
        self.placed, self.program, self.wrt = placed, placed.program, wrt
        self.is_forward = {eq.symbol: eq.name in forward for eq in self.program.equations}
        self.arrays = [v for v in self.program.inputs if not v.params["properties"] & WHOLE]
        micro = Microbatches(placed.program, (v for v in self.arrays if any(placed.splits[v])))
        self.inner, self.sums, self.late, self.running = micro.inner, micro.sums, micro.late, micro.running
        self.count = len(ends) + 1
        self.equations = micro.equations
        self.at = self._stages_of_equations(ends)
        self._check_neighbours()
        self.homes = self._homes()

    # stages -----------------------------------------------------------------------------------------------------------------

    def _stages_of_equations(self, ends: tuple[str, ...]) -> dict[Node, int]:
        """The stage of each equation that runs for every microbatch, or that accumulates."""
        order = [eq.name for eq in self.program.equations if self.is_forward[eq.symbol] and eq.symbol in self.inner]
        if unknown := [e for e in ends if e not in order]:
            raise InputError(f"no stage can end in {unknown[0]!r}; one ends in {', '.join(order)}")
        if sorted(ends, key=order.index) != list(ends) or len(set(ends)) < len(ends):
            raise InputError(
                f"name the ends of stages in the order of the equations: {', '.join(sorted(set(ends), key=order.index))}"
            )
        at: dict[Node, int] = {}
        now = 0
        for eq in self.program.equations:
            if self.is_forward[eq.symbol]:
                at[eq.symbol] = now
                now += eq.name in ends
            else:
                at[eq.symbol] = self._latest_reader(eq, at)
        return at

    def _latest_reader(self, eq: Equation, at: Mapping[Node, int]) -> int:
        """An adjoint is computed where its symbol is read."""
        of = eq.symbol.params["role"].of
        readers = [
            at[f.symbol]
            for f in self.program.equations
            if self.is_forward[f.symbol] and any(v.params["role"] == of for v in variables(*self.running(f)))
        ]
        return max(readers, default=self.count - 1)

    def _homes(self) -> dict[Node, int]:
        """The one stage that reads each variable of the derivation."""
        homes: dict[Node, int] = {}
        for eq in self.program.equations:
            for v in self._inputs_below(self.running(eq)):
                if str(v) in self.wrt and homes.setdefault(v, self.at[eq.symbol]) != self.at[eq.symbol]:
                    stages = f"{homes[v]} and {self.at[eq.symbol]}"
                    raise UnsupportedError(f'{v} is read in the stages {stages}, in "{eq.name}"; a stage holds its own parameters')
        return {v: homes.get(v, 0) for v in self.arrays if str(v) in self.wrt}

    def _inputs_below(self, exprs: Sequence[Node]) -> set[Node]:
        """The inputs that expressions read, also through symbols that are the same for every microbatch."""
        found: set[Node] = set()
        stack = variables(*exprs)
        while stack:
            v = stack.pop()
            if v in self.program.inputs:
                found.add(v)
            elif v not in self.inner and v in self.program.defined and v not in self.late:
                stack.extend(variables(self.program.defined[v].expr))
        return found

    def stages(self) -> Stages:
        data = tuple(v for v in self.arrays if str(v) not in self.wrt)
        return Stages(tuple(self._stage(i, data) for i in range(self.count)), data, self.placed)

    def _stage(self, i: int, data: tuple[Node, ...]) -> Stage:
        params = tuple(v for v, home in self.homes.items() if home == i)
        sums = self._sums_of(i)
        received, returned = self._crossing(i), self._returned(i)
        fixed = [eq for eq in self.equations if eq.symbol not in self.inner | self.late]
        own = [eq for eq in self.equations if eq.symbol in self.inner and self.at[eq.symbol] == i]
        accumulated = [Equation(v, each) for v, each in sums.items()]
        functions = tuple(v for v in self.program.inputs if v not in self.arrays)
        inputs = (*params, *data, *received, *functions)
        forward = self._program(inputs, [*fixed, *(eq for eq in own if self.is_forward[eq.symbol])], self._crossing(i + 1))
        back = (*inputs, *self._returned(i + 1))
        backward = self._program(back, [*fixed, *own, *accumulated], (*returned, *sums))
        return Stage(params, received, returned, tuple(sums), forward, backward, self._last(i, params, data, tuple(sums)))

    def _sums_of(self, i: int) -> dict[Node, Node]:
        """The sums of a stage, each with what is added to it."""
        below = [n for eq in self.program.equations if self.at[eq.symbol] == i for n in postorder([eq.expr])]
        return {self.sums[n]: n.args[0] for n in below if n in self.sums}

    def _program(self, inputs: tuple[Node, ...], equations: Sequence[Equation], outputs: tuple[Node, ...]) -> Program:
        """The equations that these outputs need, over these inputs; a symbol among the inputs is not computed again."""
        kept: list[Equation] = []
        wanted = set(outputs) - set(inputs)
        for eq in reversed(equations):
            if eq.symbol in wanted:
                kept.append(eq)
                wanted |= set(variables(eq.expr)) - set(inputs)
        return replace(self.program, inputs=inputs, statements=tuple(reversed(kept)), outputs=outputs)

    # what crosses -----------------------------------------------------------------------------------------------------------

    def _crossing(self, i: int) -> tuple[Node, ...]:
        """Forward values that stage i reads from the stage before it."""
        return self._read_from(i, i - 1, forward=True)

    def _returned(self, i: int) -> tuple[Node, ...]:
        """Adjoints of stage i that the stage before it reads."""
        return self._read_from(i - 1, i, forward=False)

    def _read_from(self, reader: int, source: int, forward: bool) -> tuple[Node, ...]:
        found: dict[Node, None] = {}
        for eq in self.program.equations:
            if self.at[eq.symbol] == reader:
                for v in variables(*self.running(eq)):
                    if v in self.inner and self.at.get(v) == source and self.is_forward[v] is forward:
                        found[v] = None
        return tuple(found)

    def _check_neighbours(self) -> None:
        """What another stage computes comes from the one before it, or in the backward pass from the one behind it."""
        for eq in self.program.equations:
            for v in variables(*self.running(eq)):
                a, b = self.at.get(v, self.at[eq.symbol]), self.at[eq.symbol]
                if v in self.inner and b != a and b != (a + 1 if self.is_forward[v] else a - 1):
                    raise UnsupportedError(
                        f'{v} is computed in stage {a} and read in stage {b}, in "{eq.name}"; end the stages elsewhere'
                    )

    # after the last microbatch ----------------------------------------------------------------------------------------------

    def _last(self, i: int, params: tuple[Node, ...], data: tuple[Node, ...], sums: tuple[Node, ...]) -> Program:
        """This stage's summand of the value, and the gradients in its parameters."""
        closed = self._closed()
        value, *gradients = self.program.outputs
        names = dict(zip(self.wrt, gradients, strict=True))
        terms = [t for t in _terms(closed.get(value, value)) if (self._stage_of(t, value) or 0) == i]
        equations = [Equation(value, add.node(*terms) if len(terms) > 1 else terms[0] if terms else zeros(()))]
        for v in params:
            g = names[str(v)]
            if self._stage_of(closed[g], g) not in (i, None):
                raise UnsupportedError(f'"{g}" is put together in another stage than that of {v}')
            equations.append(Equation(g, closed[g]))
        functions = tuple(v for v in self.program.inputs if v not in self.arrays)
        outputs = tuple(eq.symbol for eq in equations)
        return replace(self.program, inputs=(*params, *data, *sums, *functions), statements=tuple(equations), outputs=outputs)

    def _closed(self) -> dict[Node, Node]:
        """What is known after the last microbatch, over inputs and sums."""
        table: dict[Node, Node] = {}
        for eq in self.equations:
            if eq.symbol not in self.inner:
                table[eq.symbol] = substitute(eq.expr, table)
        return table

    def _stage_of(self, expr: Node, symbol: Node) -> int | None:
        """The one stage that holds everything an expression reads, if it reads anything that a stage holds."""
        owners = {v: i for i in range(self.count) for v in self._sums_of(i)} | self.homes
        read = {owners[v] for v in variables(expr) if v in owners}
        if len(read) > 1:
            raise UnsupportedError(f'"{symbol}" mixes what the stages {" and ".join(map(str, sorted(read)))} hold')
        return min(read, default=None)


def _terms(expr: Node) -> list[Node]:
    """A sum as its terms, through scalar multiples."""
    if expr.op is add:
        return [t for a in expr.args for t in _terms(a)]
    if expr.op is scale:
        return [scale.node(expr.args[0], t) for t in _terms(expr.args[1])]
    return [expr]
