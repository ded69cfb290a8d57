"""Rewriting by the named rules of `symgrad.rules`, until none applies.

`normalise` uses what holds for any operands and may come before differentiation.  `simplify` may use what is known of variables,
so it comes after the last one; its result is what code computes.  `readable` also uses rules that only print better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from symgrad.core.budget import budgeted
from symgrad.core.op import Node
from symgrad.core.program import Program
from symgrad.rules import CODE, FACTORED, NORMAL, PRINT, RULES, Known
from symgrad.rules.layout import with_fewer_transposes


def normalise(root: Node) -> Node:
    """Apply the rules that hold for any operands."""
    return _Rewriting(NORMAL, Known(properties=False)).of(root)


def simplify(root: Node) -> Node:
    """Apply all rules that code profits from; only after the last differentiation in the variables whose properties they read."""
    return _for_code(Known(properties=True))(root)


def readable(root: Node) -> Node:
    """The same for print: fewer operations to read, where code might need more of them, or divide by what vanishes."""
    return _for_print(Known(properties=True))(root)


def simplified(program: Program) -> Program:
    """The program with every right side simplified, and the parts of its sums."""
    return _rewritten(program, _for_code)


def legible(program: Program) -> Program:
    """The program with every right side readable, and the parts of its sums."""
    return _rewritten(program, _for_print)


def _for_code(known: Known) -> Callable[[Node], Node]:
    """The passes over any number of expressions, what they have in common rewritten once."""
    code, factored = _Rewriting(CODE, known), _Rewriting(FACTORED, known)
    return lambda root: factored.of(code.of(root))


def _for_print(known: Known) -> Callable[[Node], Node]:
    code, printed = _Rewriting(CODE, known), _Rewriting(PRINT, known)
    return lambda root: with_fewer_transposes(printed.of(code.of(root)), known)


@budgeted("simplifying")
def _rewritten(program: Program, passes: Callable[[Known], Callable[[Node], Node]]) -> Program:
    known = Known(properties=True)
    for eq in program.defined.values():
        if known.symmetric(eq.expr):
            known.symbols.add(eq.symbol)
        if known.nonzero(eq.expr):
            known.apart.add(eq.symbol)
    return replace(program.map(passes(known)), unsimplified=program.unsimplified or program)


class _Rewriting:
    """One pass bottom up; `_done` holds what every node seen becomes, a node that nothing applies to itself."""

    def __init__(self, stage: int, known: Known) -> None:
        self.stage, self.known = stage, known
        self._done: dict[Node, Node] = {}

    def of(self, root: Node) -> Node:
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                self._done[node] = self._step(node)
            elif node not in self._done:
                stack.append((node, True))
                stack.extend((a, False) for a in reversed(node.args))
        return self._done[root]

    def _step(self, node: Node) -> Node:
        rebuilt = node.op.rebuild(node, (self._done[a] for a in node.args))
        if rebuilt in self._done:
            return self._done[rebuilt]
        if any(self._done.get(a) is not a for a in rebuilt.args):
            return self.of(rebuilt)  # building it folded into operands that are new
        for entry in RULES.get(rebuilt.op.name, ()):
            if (
                entry.since <= self.stage <= entry.until
                and (found := entry.apply(rebuilt, self.known)) is not None
                and found is not rebuilt
            ):
                return self.of(found)
        self._done[rebuilt] = rebuilt
        return rebuilt
