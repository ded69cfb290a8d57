"""Which values of a program differ from microbatch to microbatch, which are sums over them, and which wait for the last one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from symgrad.core.graph import postorder, substitute, variables
from symgrad.core.op import Node, variable
from symgrad.core.program import Equation, Program, fresh
from symgrad.errors import UnsupportedError
from symgrad.partition.collectives import all_gather, all_reduce, part, reduce_scatter


class Microbatches:
    """The equations of a program placed over microbatches, in which variables stand for the sums over them.

    `inner` differs from microbatch to microbatch, `sums` has the variable of each sum, `late` is known after the last microbatch.
    Raises `UnsupportedError` for an equation that needs the whole batch for every example.
    """

    def __init__(self, program: Program, split: Iterable[Node]) -> None:
        self.program = program
        self.inner: set[Node] = set(split)
        self.sums: dict[Node, Node] = {}
        self.late: set[Node] = set()
        self.equations = tuple(self._sorted_out(eq) for eq in program.equations)

    def running(self, eq: Equation) -> list[Node]:
        """What of an equation, as it was placed, is computed for every microbatch."""
        return [eq.expr] if eq.symbol in self.inner else [n.args[0] for n in postorder([eq.expr]) if n in self.sums]

    def _sorted_out(self, eq: Equation) -> Equation:
        """The equation over variables that stand for its sums; `inner` grows by what differs from microbatch to microbatch."""
        table = {}
        for node in postorder([eq.expr]):
            if node.op is all_reduce:
                self._each_its_own(eq, node.args[0])
                table[node] = self._sum(eq, node)
            elif node.op in (all_gather, reduce_scatter, part):
                raise UnsupportedError(f'"{eq.name}" needs the whole batch at once; microbatches cannot give it')
        expr = substitute(eq.expr, table)
        if set(variables(expr)) & self.inner:
            self._each_its_own(eq, expr)
            self.inner.add(eq.symbol)
        elif set(variables(expr)) & self.late:
            self.late.add(eq.symbol)
        return replace(eq, expr=expr)

    def _each_its_own(self, eq: Equation, expr: Node) -> None:
        """What runs for every microbatch must not wait for the last of them."""
        if late := [n for n in postorder([expr]) if n in self.late or n.op is all_reduce]:
            what = "a sum" if late[0].op is all_reduce else str(late[0])
            raise UnsupportedError(f'"{eq.name}" reads {what} over the whole batch for every example; microbatches cannot give it')

    def _sum(self, eq: Equation, node: Node) -> Node:
        if node not in self.sums:
            taken, of = {*self.program.names, *map(str, self.sums.values())}, eq.symbol.params["role"]
            name = fresh(f"S_{of if isinstance(of, str) else of.of}", taken)
            self.sums[node] = variable(name, node.shape)
            self.late.add(self.sums[node])
        return self.sums[node]
