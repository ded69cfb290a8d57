"""The dearer oracles, on a share of the programs each."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np

from symgrad.core.program import Program
from symgrad.derive.adjoints import adjoint
from symgrad.errors import UnsupportedError
from symgrad.printing.sympy_form import sympy_symbols_of
from tests.fuzz import witness
from tests.fuzz.oracles import SAME, Subject, layer, nor_jax, report

Array = Any
Bars = Mapping[str, Array]


def agree(s: Subject, what: str, found: Bars, expected: Bars) -> None:
    """Entry by entry; what ten last bits of the input change counts as agreement."""
    for name, a in expected.items():
        b = np.asarray(found[name])
        assert b.shape == np.shape(a), report(s, f"{what} in {name} has shape {b.shape}")
        scale = 1 + float(np.max(np.abs(a), initial=0.0))
        error = float(np.max(np.abs(b - a), initial=0.0))
        assert error <= 1e-6 * scale, report(s, f"{what} in {name} is\n{b}, expected\n{a}")
        if error > SAME * scale:
            s.tally[f"{what}: beyond {SAME:g}"] += 1


@layer(4)
def simplified(s: Subject, value: Array, bars: Bars, Hv: Bars, v: Bars) -> None:
    """Simplified equals unsimplified, gradient and Hessian-vector product."""
    plain_value, *plain = s.run(adjoint(s.derivation.program, s.derivation.wrt))
    if np.isnan(sum(np.sum(bar) for bar in plain)):
        nor_jax(witness.gradient(s))
    agree(s, "simplified gradient", bars, dict(zip(s.moving, plain, strict=True)))
    assert abs(plain_value - value) <= SAME * (1 + abs(value)) * 100, report(s, "unsimplified value")
    agree(s, "simplified HVP", s.hvp(s.derivation.tangent, v), Hv)
    s.tally["simplified against unsimplified"] += 1


@layer(60)
def jax(s: Subject, value: Array, bars: Bars, Hv: Bars, v: Bars) -> None:
    theirs, product = witness.gradient(s), witness.hvp(s, v)
    if theirs is None or product is None:
        s.tally["jax has no such function"] += 1
        return
    s.tally["gradient and HVP against eager jax"] += 1
    for what, ours, others in (("gradient", bars, theirs), ("HVP", Hv, product)):
        for name in ours:
            scale = 1 + float(np.max(np.abs(ours[name]), initial=0.0))
            if not np.max(np.abs(ours[name] - others[name]), initial=0.0) <= 1e-7 * scale:
                s.tally[f"jax's {what} contradicted by mpmath"] += 1
                s.tally[
                    f"log: jax's {what} in {name} is {others[name]!r}, ours {ours[name]!r}\n{s.drawn.text}seed {s.drawn.seed}"
                ] += 1
                return


@layer(50)
def sympy_door(s: Subject, value: Array, bars: Bars, Hv: Bars, v: Bars) -> None:
    """Printed as SymPy, read back through the other door, derived and evaluated again."""
    program = s.derivation.program
    try:
        equations = program.sympy()
        inputs = [symbol for symbol in sympy_symbols_of(program) if symbol.name in s.at]
        back = Program.from_sympy(equations, inputs).derive(*s.moving)
    except UnsupportedError:
        s.tally["no SymPy form"] += 1
        return
    at = {name: np.reshape(a, (*np.shape(a), 1)) if np.ndim(a) == 1 else a for name, a in s.at.items()}
    found = back.values({**at, **s.functions})
    gradient = {str(x): found[str(g)] for x, g in zip(back.wrt, back.adjoint.outputs[1:], strict=True)}
    agree(s, "gradient through SymPy", {k: np.reshape(gradient[k], np.shape(bars[k])) for k in bars}, bars)
    s.tally["printed as SymPy, read back and derived"] += 1


@layer(200)
def exported(s: Subject, value: Array, bars: Bars, Hv: Bars, v: Bars) -> None:
    """The exported module: value, gradient, product and Hessian."""
    f = s.derivation.compile()

    def call(name: str, *direction: Any) -> Any:
        """With those of the open functions that it takes."""
        takes = signature(getattr(f, name)).parameters
        return getattr(f, name)(*direction, **s.at, **{k: g for k, g in s.functions.items() if k in takes})

    got, gradient = call("value_and_grad")
    assert abs(got - value) <= 1e-9 * (1 + abs(value)), report(s, f"exported value {got!r}, in process {value!r}")
    agree(s, "exported gradient", gradient._asdict(), bars)
    direction = tuple(v[name] for name in s.moving)
    agree(s, "exported HVP", call("hvp", direction)._asdict(), Hv)
    agree(s, "exported Hessian", _times(call("hessian"), s.moving, v), Hv)
    s.tally["exported module, with the Hessian"] += 1


def _times(blocks: Any, names: list[str], v: Bars) -> dict[str, Array]:
    """The Hessian times the direction."""
    products = {}
    for name, row in zip(names, blocks, strict=True):
        parts = [np.tensordot(block, v[other], axes=np.ndim(v[other])) for other, block in zip(names, row, strict=True)]
        products[name] = sum(parts[1:], start=parts[0])
    return products
