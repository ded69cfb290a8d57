"""symgrad: from the forward pass you already have to its backward equations in closed matrix form.

The names below are loaded when they are first used, so that `import symgrad` and `symgrad --help` are quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symgrad.core.version import VERSION

if TYPE_CHECKING:
    from symgrad.core.budget import Limits, limits
    from symgrad.core.op import Node
    from symgrad.core.program import Equation, Program
    from symgrad.derivation import Derivation, Forward, forward
    from symgrad.errors import (
        InputError,
        NotDifferentiableError,
        ShapeError,
        SymgradError,
        UnsupportedError,
        VerificationError,
    )


__version__ = VERSION

_HOMES = {
    "symgrad.core.budget": ("Limits", "limits"),
    "symgrad.derivation": ("Derivation", "Forward", "forward"),
    "symgrad.errors": (
        "InputError",
        "NotDifferentiableError",
        "ShapeError",
        "SymgradError",
        "UnsupportedError",
        "VerificationError",
    ),
    "symgrad.core.op": ("Node",),
    "symgrad.core.program": ("Equation", "Program"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Derivation",
    "Equation",
    "Forward",
    "InputError",
    "Limits",
    "Node",
    "NotDifferentiableError",
    "Program",
    "ShapeError",
    "SymgradError",
    "UnsupportedError",
    "VerificationError",
    "forward",
    "limits",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'symgrad' has no attribute {name!r}")
    import_module("symgrad.derivation")  # every pass registers itself with Program
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
