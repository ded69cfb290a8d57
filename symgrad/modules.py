"""The modules that a derivation is exported as, each written and loaded once."""

from __future__ import annotations

import types
from collections.abc import Mapping

import numpy as np

from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import ENLARGED, inputs_of, program_sizes, sample_inputs
from symgrad.core.counting import known_sizes, symbols_of
from symgrad.core.dimensions import size_of
from symgrad.export.loading import load
from symgrad.export.lowering import Lowered, lower
from symgrad.export.numpy import numpy_module
from symgrad.export.selftest import example_functions
from symgrad.export.sources import Sources
from symgrad.export.targets import target_of
from symgrad.printing.formulas import Formulary

_Key = tuple[str, tuple[tuple[str, int], ...]]


class Modules:
    """Source text by target and known sizes, and the modules that it makes."""

    def __init__(self, formulas: Formulary) -> None:
        self.formulas, self.passes = formulas, formulas.passes
        self._lowered: dict[_Key, Lowered] = {}
        self._texts: dict[Lowered, str] = {}
        self._loaded: dict[str, types.ModuleType] = {}

    def text(self, target: str = "numpy", sizes: Mapping[str, int] | None = None) -> str:
        """One standalone module; raises `InputError` for a target or a dimension that is not known."""
        module = self.lowered(target, sizes)
        if module not in self._texts:
            self._texts[module] = numpy_module(module)
        return self._texts[module]

    def lowered(self, target: str = "numpy", sizes: Mapping[str, int] | None = None) -> Lowered:
        """That module before there is text: the statements of its functions."""
        known, over = known_sizes(self.passes.program, sizes or {}), target_of(target)
        key = target, tuple(known.items())
        if key not in self._lowered:
            self._lowered[key] = lower(self._sources(known), over)
        return self._lowered[key]

    def loaded(self, target: str = "numpy", sizes: Mapping[str, int] | None = None) -> types.ModuleType:
        """That module, loaded."""
        text = self.text(target, sizes)
        if text not in self._loaded:
            self._loaded[text] = load(text, self.passes.program.name)
        return self._loaded[text]

    def _sources(self, sizes: Mapping[str, int]) -> Sources:
        p = self.passes
        return Sources(
            forward=p.forward,
            wrt=p.wrt,
            directions=tuple(p.directions.values()),
            adjoint=p.adjoint if p.is_scalar else None,
            tangent=p.tangent,
            dense=p.dense,
            diagonal=p.diagonal,
            factors=p.factors,
            gauss_newton=p.curvature,
            equations=self.formulas.listings,
            sizes=self._shapes(),
            numbers={s: sizes[s.name] for s in symbols_of(p.program) if s.name in sizes},
        )

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """A shape for every input, all sizes different; larger ones where the program indexes beyond the small."""
        program = self.passes.program
        inputs, examples = inputs_of(program.inputs), example_functions(program)
        for least in ENLARGED:
            sizes = program_sizes(program, least=least)
            try:
                with np.errstate(all="ignore"):  # shapes alone matter here
                    evaluate(program, sample_inputs(inputs, sizes, 0), examples)
                break
            except (IndexError, ValueError):
                continue
        return {x.name: tuple(size_of(d, sizes) for d in x.shape) for x in inputs}
