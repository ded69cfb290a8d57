"""What printing asks of a derivation and of its verification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from symgrad.core.op import Node
from symgrad.core.program import Equation, Program
from symgrad.printing.latex import Show, Theme
from symgrad.printing.letters import Letters
from symgrad.printing.sharing import Sharing


class Lettered(Protocol):
    """What a block is printed with."""

    @property
    def sharing(self) -> Sharing: ...

    def show(self, theme: Theme | None = None) -> Show: ...


class Derived(Lettered, Protocol):
    """What a document shows."""

    program: Program
    wrt: tuple[Node, ...]

    @property
    def is_scalar(self) -> bool: ...

    @property
    def adjoint(self) -> Program: ...

    @property
    def gradient(self) -> Mapping[str, Node]: ...

    @property
    def tangent(self) -> Program: ...

    @property
    def directions(self) -> dict[Node, Node]: ...

    @property
    def hessian(self) -> Mapping[tuple[str, str], Any]: ...

    def closed_equations(self, *names: str, letters: Letters | None = None) -> Program: ...

    @property
    def stable_forms(self) -> tuple[Equation, ...]: ...

    def sections(self) -> list[tuple[str, tuple[Equation, ...]]]: ...

    def numpy(self) -> str: ...

    def code(self, target: str) -> str: ...

    def values(self, point: Mapping[str, Any], program: Program | None = None) -> dict[str, Any]: ...


class Verified(Protocol):
    """A report of a verification."""

    rows: Any
    points: Any
    witness: Any
