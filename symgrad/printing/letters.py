"""Letters that an author left free: capitals for matrices, lower case for vectors, Greek for numbers."""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from symgrad.core.op import Node, variable
from symgrad.printing.identifiers import name_of

MATRICES = (*"PQSMBCDFGUWXYZANHLE", "Gamma", "Delta", "Theta", "Xi", "Pi", "Psi", "Omega")
VECTORS = (*"upqrscabgwzyhfx", "alpha", "beta", "gamma", "delta", "rho", "tau", "xi", "eta", "zeta")
NUMBERS = (
    "alpha",
    "beta",
    "gamma",
    "delta",
    "kappa",
    "rho",
    "tau",
    "omega",
    "eta",
    "xi",
    "zeta",
    "theta",
    "psi",
    "chi",
    "nu",
    "mu",
)
"""In the order in which they are given; what stands for an identity, a transpose, a direction, a dimension or Phi is left out."""

MARKS = ("", "_tilde", "_hat")
"""Once the letters are used up they are given again with a tilde, then with a hat."""


class Letters:
    """Gives letters that these names leave free, each once: a letter is taken with whatever index the author gave it."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = set(names)
        self.taken = {name_of(name).letter for name in self.names}

    def branch(self) -> Letters:
        """A copy that goes on by itself."""
        other = Letters(self.names)
        other.taken = self.taken
        return other

    def symbol(self, node: Node) -> Node | None:
        """A variable for this expression; None where all letters are used up."""
        letters = MATRICES if _is_matrix(node) else VECTORS if node.ndim else NUMBERS
        for mark in MARKS:
            for letter in letters:
                name = letter + mark
                if name not in self.names and name_of(letter).letter not in self.taken:
                    self.names.add(name)
                    return variable(name, node.shape)
        return None

    def indexed(self, letter: str, index: str, node: Node) -> Node | None:
        """The same letter with an index; None where that is taken."""
        name = letter + index
        if name in self.names:
            return None
        self.names.add(name)
        return variable(name, node.shape)


def _is_matrix(node: Node) -> bool:
    return sum(d != sympy.S.One for d in node.shape) > 1
