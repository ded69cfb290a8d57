"""The equations of a program that is being read: their names, their lines, how many there may be, and how deep one may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from symgrad.core.budget import limit
from symgrad.core.op import Node, variable
from symgrad.core.program import Equation
from symgrad.errors import UnsupportedError
from symgrad.ops.integers import facts

DEEPEST_VALUE = 16
"""Operations inside one another that have no name; what is deeper, such as a list that grows by its last entry, gets names."""


class Builder:
    """Takes equations one after the other; `line` says where reading stands."""

    def __init__(self, line: Callable[[], int] = lambda: 0) -> None:
        self.line = line
        self.equations: list[Equation] = []
        self.taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self._depths: dict[Node, int] = {}

    def take(self, names: Iterable[object]) -> None:
        """These names are the inputs'."""
        self.taken |= {str(name) for name in names}

    def equation(self, name: str, value: Node) -> Node:
        """The symbol of a new equation, under this name or one that is like it and free."""
        return self.named(self._fresh(name), value)

    def named(self, name: str, value: Node) -> Node:
        """The symbol of a new equation under this very name."""
        if len(self.equations) >= (most := limit("equations")):
            raise UnsupportedError(f"more than {most} equations; shorten the loops")
        if name.startswith("_"):
            name = self._fresh(name.lstrip("_"))  # names in front of which export puts an underscore are its own
        self.taken.add(name)
        symbol = variable(name, value.shape, facts(value))
        self.equations.append(Equation(symbol, value, self.line()))
        return symbol

    def _fresh(self, name: str) -> str:
        """As `program.fresh`, but a loop that rebinds a name a thousand times does not count from the start each time."""
        if name not in self.taken:
            return name
        count = self._counts.get(name, 1) + 1
        while f"{name}_{count}" in self.taken:
            count += 1
        self._counts[name] = count
        return f"{name}_{count}"

    def shallow(self, value: Node) -> Node:
        """The value, under a name of its own where it is nested deeply."""
        return value if self._depth(value) <= DEEPEST_VALUE else self.equation("part", value)

    def _depth(self, root: Node) -> int:
        stack = [root]
        while stack and root not in self._depths:
            node = stack[-1]
            unknown = [a for a in node.args if a not in self._depths]
            stack.extend(unknown)
            if not unknown:
                self._depths[stack.pop()] = 1 + max((self._depths[a] for a in node.args), default=-1)
        return self._depths[root]
