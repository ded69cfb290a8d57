"""What a module is made from, and what it may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from symgrad.core.op import Node
from symgrad.core.program import Program
from symgrad.planning.association import Sizes
from symgrad.second.assembly import Factors

PUBLIC = (
    "value",
    "grad",
    "value_and_grad",
    "hvp",
    "gnvp",
    "hessian",
    "hessian_diag",
    "hessian_factors",
    "LinearMap",
    "jvp",
    "jacobian",
    "check",
    "PROPERTIES",
    "Gradient",
    "SHAPES",
    "LABELS",
)


@dataclass(frozen=True)
class Sources:
    """What a module is made from: the forward program, its adjoint and the tangent of that (of the forward pass for arrays), the
    closed forms of all second (first) derivatives where they exist, and the Gauss-Newton product where there is one; its equations
    as text by section, and a shape for every input at which the module tests itself."""

    forward: Program
    wrt: tuple[Node, ...]
    directions: tuple[Node, ...]
    adjoint: Program | None
    tangent: Program
    dense: Program | None
    diagonal: Program | None
    factors: Factors | None
    gauss_newton: Program | None
    equations: Mapping[str, str]
    sizes: Mapping[str, tuple[int, ...]]
    numbers: Sizes
    """What is known of the sizes of the dimensions when the code is written."""

    @property
    def is_scalar(self) -> bool:
        return self.adjoint is not None

    def programs(self) -> Iterator[tuple[str, Program]]:
        """The program of each function that has one, and no more of it than its results need."""
        outputs = self.forward.outputs if self.adjoint is None else self.adjoint.outputs[:1]
        yield "value", self.forward.needed(outputs)
        found = {
            "value_and_grad": self.adjoint,
            "hvp" if self.is_scalar else "jvp": self.tangent,
            "gnvp": self.gauss_newton,
            "hessian" if self.is_scalar else "jacobian": self.dense,
            "hessian_diag": self.diagonal,
            "hessian_factors": self.factors.program if self.factors is not None and self.factors.terms else None,
        }
        yield from ((function, p.needed()) for function, p in found.items() if p is not None)
