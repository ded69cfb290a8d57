"""What a picture of the computational graph shows: gates in order, their wires, and numbers where a point is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symgrad.core.graph import variables
from symgrad.core.op import VARIABLE, Node, value_of, variable
from symgrad.core.program import Equation, Program
from symgrad.errors import InputError
from symgrad.printing.derived import Derived
from symgrad.printing.indices import is_indexed, whole_text
from symgrad.printing.latex import Show
from symgrad.printing.letters import Letters
from symgrad.printing.text import unicode_of
from symgrad.printing.walkthrough import every_operation, is_adjoint, one_operation_each

WIDEST_LABEL = 44
"""Characters of a right side that are drawn; a longer one is called f."""


@dataclass(frozen=True)
class Gate:
    """An operator of the picture: its sign, what it reads and what it writes."""

    label: str
    reads: tuple[Node, ...]
    writes: tuple[Node, ...]


@dataclass(frozen=True)
class Picture:
    """What is drawn: gates in order, the symbol of each variable's adjoint, and numbers for both where a point is given."""

    inputs: tuple[Node, ...]
    wrt: tuple[Node, ...]
    gates: tuple[Gate, ...]
    adjoints: Mapping[Node, Node]
    show: Show
    values: Mapping[str, Any] | None = None
    digits: int | None = None


Groups = Mapping[str, Sequence[str]]


def pictured(d: Derived, point: Mapping[str, Any] | None, detail: str, groups: Groups, digits: int | None) -> Picture:
    backward = d.adjoint if d.is_scalar else d.program
    forward = d.program
    if detail == "operations":
        letters = Letters(forward.names)
        backward = every_operation(backward, d.wrt, letters) if d.is_scalar else one_operation_each(forward, letters)
        forward = replace(
            backward, statements=tuple(eq for eq in backward.equations if not is_adjoint(eq.symbol)), outputs=backward.outputs[:1]
        )
    forward = forward.needed()
    values = None if point is None else d.values(point, backward)
    read = {v for eq in forward.equations for v in variables(eq.expr)}
    inputs = tuple(v for v in forward.inputs if v in read)
    show = d.show()
    gates = tuple(_grouped(_gates(forward, show), groups))
    return Picture(inputs, d.wrt, gates, _adjoints(forward, backward), show, values, digits)


def _adjoints(forward: Program, backward: Program) -> dict[Node, Node]:
    bars = {eq.symbol.params["role"].of: eq.symbol for eq in backward.equations if is_adjoint(eq.symbol)}
    symbols = (*forward.inputs, *(eq.symbol for eq in forward.equations))
    return {v: bars[v.params["role"]] for v in symbols if v.params["role"] in bars}


def _gates(program: Program, show: Show) -> list[Gate]:
    return [Gate(_sign(eq, show), tuple(dict.fromkeys(variables(eq.expr))), (eq.symbol,)) for eq in program.equations]


def _sign(eq: Equation, show: Show) -> str:
    """The sign of a single operation, its operands left away; the whole right side of anything else."""
    if all(a.op is VARIABLE or value_of(a) is not None for a in eq.expr.args):
        places = [a if a.op is not VARIABLE else variable(f"place {i}", a.shape, role="Xi") for i, a in enumerate(eq.expr.args)]
        text = unicode_of(show.text(eq.expr.op.node(*places, **eq.expr.params)))
        bare = re.sub(r"(?<=Ξ) (\S) Ξ(?: \1 Ξ)+", r" \1 Ξ", text)
        bare = re.sub(r"^Ξ (?=[+-])|\(Ξ(, Ξ)*\)|Ξ ?(?!$)|(?<!-)(?<!/)Ξ$", "", bare).strip()
        return "×" if bare in ("", "ᵀ") else (text if re.search("[‖ᵀ]", text) else bare).replace("Ξ", "·")
    text = unicode_of(whole_text(eq.expr, show))
    is_legible = len(text) <= WIDEST_LABEL and not (is_indexed(eq.expr) and "_{" in text)  # indices of indices run into one another
    return text if is_legible else "f"


def _grouped(gates: Sequence[Gate], groups: Groups) -> Iterator[Gate]:
    """Gates with the equations of each group drawn as one, where its last equation stands."""
    written = {str(w): gate for gate in gates for w in gate.writes}
    if unknown := [name for names in groups.values() for name in names if name not in written]:
        raise InputError(f"no equation assigns {unknown[0]!r}, which a group names; assigned are {', '.join(written)}")
    for gate in gates:
        label = next((g for g, names in groups.items() if str(gate.writes[0]) in names), None)
        if label is None:
            yield gate
        elif str(gate.writes[0]) == _last(written, groups[label]):
            yield _merged(label, [g for g in gates if str(g.writes[0]) in groups[label]], gates)


def _last(written: Mapping[str, Gate], names: Sequence[str]) -> str:
    return [name for name in written if name in names][-1]


def _merged(label: str, inside: Sequence[Gate], gates: Sequence[Gate]) -> Gate:
    own = {w for g in inside for w in g.writes}
    reads = tuple(dict.fromkeys(r for g in inside for r in g.reads if r not in own))
    elsewhere = {r for g in gates if g not in inside for r in g.reads}
    writes = tuple(w for g in inside for w in g.writes if w in elsewhere or g is inside[-1])
    return Gate(label, reads, writes)
