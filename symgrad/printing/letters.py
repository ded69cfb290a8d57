"""Letters that an author left free: capitals for matrices, lower case for vectors, Greek for numbers."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

import sympy

from symgrad.graph import postorder
from symgrad.op import Node, variable
from symgrad.printing.names import latex_name

MATRICES = (*"PQSMBCDFGUWXYZANHLE", "Gamma", "Delta", "Theta", "Xi", "Pi", "Phi", "Psi", "Omega")
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
"""In the order in which they are given; what stands for an identity, a transpose, a direction or a dimension is left out."""

MARKS = ("", "_tilde", "_hat")
"""Once the letters are used up they are given again with a tilde, then with a hat."""

CONSTANTS = {"identity": "I", "commutation": "K"}
"""Operations that print as a letter, which an author may have given to something else."""


class Letters:
    """Gives letters that these names leave free, each once: a letter is taken with whatever index the author gave it."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = set(names)
        self.taken = {latex_letter(name) for name in self.names}

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
                if name not in self.names and latex_letter(letter) not in self.taken:
                    self.names.add(name)
                    return variable(name, node.shape)
        return None

    def in_bold(self, roots: Iterable[Node]) -> dict[Node, Node]:
        """Constants of these expressions whose letter the author has, and the same in bold."""
        clashing = (x for x in postorder(roots) if CONSTANTS.get(x.op.name) in self.taken)
        return {x: x.op(**{**x.params, "bold": True}) for x in clashing}

    def indexed(self, letter: str, index: str, node: Node) -> Node | None:
        """The same letter with an index; None where that is taken."""
        name = letter + index
        if name in self.names:
            return None
        self.names.add(name)
        return variable(name, node.shape)


@functools.cache
def latex_letter(name: str) -> str:
    """The letter of a name without its index: W of W1, lambda of lam."""
    return re.split("[_^]", latex_name(name))[0]


def _is_matrix(node: Node) -> bool:
    return sum(d != sympy.S.One for d in node.shape) > 1
