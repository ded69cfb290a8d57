"""A hand-written Hessian block beside ours: the block that we print, and the right side read into the same expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
from compared import Compared, read
from second_forms import SECOND_FORMS, SecondForm

import symgrad as sg
from symgrad.core.language import LANGUAGE
from symgrad.core.op import Node
from symgrad.derive.simplification import legible
from symgrad.ops.arithmetic import HALF
from symgrad.ops.generic import apply, loss
from symgrad.ops.kronecker import commutation, vec
from symgrad.ops.selection import wins

BOOK: dict[str, Callable[..., Node]] = {
    "vec": vec,
    "K": lambda m, n: commutation(m=m, n=n),
    "step": lambda x: wins(x, 0 * x, at=HALF),
    "dphi": lambda x: apply(x, function="phi", order=1),
    "d2phi": lambda x: apply(x, function="phi", order=2),
    "hessian": lambda o, y: loss(o, y, function="l", wrt=(0, 0), label="L"),
}
"""What books write and forward passes have no word for."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "phi": np.tanh,
    "dphi": lambda x: 1 - np.tanh(x) ** 2,
    "d2phi": lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
    "l": lambda o, y: 0.25 * np.sum((o - y) ** 4),
    "dl": lambda o, y: (o - y) ** 3,
    "d2l": lambda o, y: np.diag(3 * (o - y) ** 2),
}
"""What a point takes for the functions that a form leaves open."""


@cache
def derivation(form: SecondForm) -> sg.Derivation:
    return sg.forward(form.program).derive(*form.wrt)


def compared(form: SecondForm) -> Iterator[Compared]:
    d = derivation(form)
    adjoint = legible(d.adjoint)
    for row, column, text in form.blocks:
        with patch.dict(LANGUAGE, BOOK):
            expected = read(text, adjoint)
        yield Compared(form, f"{row}, {column}", d.hessian[row, column].printed, expected, adjoint)


def rows() -> list[Compared]:
    return [c for form in SECOND_FORMS for c in compared(form)]
