"""Rewriting by the named rules of `symgrad.rules`, until none applies.

`normalise` uses what holds for any operands and may come before differentiation.  `simplify` may use what is known of variables,
so it comes after the last one; its result is what code computes.  `readable` also uses rules that only print better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias, cast

from symgrad.core.budget import budgeted
from symgrad.core.op import Node
from symgrad.core.program import Program, symbols_in
from symgrad.rules import CODE, FACTORED, NORMAL, PRINT, Known, rules_at
from symgrad.rules.layout import with_fewer_transposes


def normalise(root: Node) -> Node:
    """Apply the rules that hold for any operands."""
    return _Rewriting(NORMAL, Known(properties=False)).of(root)


def simplify(root: Node) -> Node:
    """Apply all rules that code profits from; only after the last differentiation in the variables whose properties they read."""
    return Simplifier().simplify(root)


def readable(root: Node) -> Node:
    """The same for print: fewer operations to read, where code might need more of them, or divide by what vanishes."""
    return Simplifier().readable(root)


def simplified(program: Program) -> Program:
    """The program with every right side simplified, and the parts of its sums."""
    return Simplifier().simplified(program)


def legible(program: Program) -> Program:
    """The program with every right side readable, and the parts of its sums."""
    return Simplifier().legible(program)


Symbols: TypeAlias = frozenset[Node]


class Simplifier:
    """Those four for what has parts in common, each of which is rewritten once.

    What an expression becomes depends on what is known of the symbols that it reads; the passes are kept by that.
    """

    def __init__(self) -> None:
        self._passes: dict[tuple[Symbols, Symbols], _Passes] = {}

    def simplify(self, root: Node) -> Node:
        return self._knowing().for_code(root)

    def readable(self, root: Node) -> Node:
        return self._knowing().for_print(root)

    @budgeted("simplifying")
    def simplified(self, program: Program) -> Program:
        passes = self._passes_of(program)
        return _rewritten(program, lambda root: passes(root).for_code(root))

    @budgeted("simplifying")
    def legible(self, program: Program) -> Program:
        passes = self._passes_of(program)
        return _rewritten(program, lambda root: passes(root).for_print(root))

    def _knowing(self, symmetric: Symbols = frozenset(), apart: Symbols = frozenset()) -> _Passes:
        """The passes that know of symbols that they are symmetric, or nowhere zero."""
        facts = symmetric, apart
        if facts not in self._passes:
            self._passes[facts] = _Passes(Known(True, *facts))
        return self._passes[facts]

    def _passes_of(self, program: Program) -> Callable[[Node], _Passes]:
        """For a right side those that know of its symbols what their equations show."""
        symmetric, apart = set[Node](), set[Node]()

        def passes(root: Node) -> _Passes:
            if not (symmetric or apart):
                return self._knowing()
            read = symbols_in(root)
            return self._knowing(frozenset(symmetric.intersection(read)), frozenset(apart.intersection(read)))

        for eq in program.defined.values():
            known = passes(eq.expr).known
            if known.symmetric(eq.expr):
                symmetric.add(eq.symbol)
            if known.nonzero(eq.expr):
                apart.add(eq.symbol)
        return passes


def _rewritten(program: Program, step: Callable[[Node], Node]) -> Program:
    return replace(program.map(step), unsimplified=program.unsimplified or program)


class _Passes:
    """The passes over any number of expressions, what they have in common rewritten once."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self._code = _Rewriting(CODE, known)
        self._factored, self._print = (_Rewriting(stage, known, self._code) for stage in (FACTORED, PRINT))
        self._laid_out: dict[Node, Node] = {}

    def for_code(self, root: Node) -> Node:
        return self._factored.of(self._code.of(root))

    def for_print(self, root: Node) -> Node:
        return with_fewer_transposes(self._print.of(self._code.of(root)), self.known, self._laid_out)


_RULES = {stage: rules_at(stage) for stage in (NORMAL, CODE, FACTORED, PRINT)}
_NEW = {stage: rules_at(stage, CODE) for stage in (NORMAL, CODE, FACTORED, PRINT)}
"""Those that code does not use already."""


class _Rewriting:
    """One pass bottom up; `_done` holds what every node seen becomes, a node that nothing applies to itself.

    What the pass for code, `before` it, left as it was is tried by the rules that are new since then alone.
    """

    def __init__(self, stage: int, known: Known, before: _Rewriting | None = None) -> None:
        self.known, self._before = known, before
        self._rules, self._new = _RULES[stage], _NEW[stage]
        self._done: dict[Node, Node] = {}

    def of(self, root: Node) -> Node:
        stack: list[Node | None] = [root]
        while stack:
            node = stack.pop()
            if node is None:  # its operands are done
                node = cast(Node, stack.pop())
                self._done[node] = self._step(node)
            elif node not in self._done:
                stack += (node, None, *node.args[::-1])
        return self._done[root]

    def leaves(self, node: Node) -> bool:
        """Was it tried, and nothing applied?"""
        return self._done.get(node) is node

    def _step(self, node: Node) -> Node:
        rebuilt = node.op.rebuild(node, map(self._done.__getitem__, node.args))
        if rebuilt is not node:
            if rebuilt in self._done:
                return self._done[rebuilt]
            if any(self._done.get(a) is not a for a in rebuilt.args):
                return self.of(rebuilt)  # building it folded into operands that are new
        rules = self._new if self._before and self._before.leaves(rebuilt) else self._rules
        for entry in rules.get(rebuilt.op.name, ()):
            if (found := entry.apply(rebuilt, self.known)) is not None and found is not rebuilt:
                return self.of(found)
        self._done[rebuilt] = rebuilt
        return rebuilt
