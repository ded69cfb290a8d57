"""One derivation beside its witnesses: everything of both that can be compared at a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import ModuleType
from typing import Any

import numpy as np

from symgrad.checking.differences import Measured, differenced, rounded, slope
from symgrad.checking.evaluation import evaluate
from symgrad.checking.generics import Functions, bind
from symgrad.checking.testimony import Arrays, Directions, Testimony, adjoint_names
from symgrad.core.op import SYMMETRIC, Node
from symgrad.passes import Passes

ByDifferences = Callable[[], tuple[Any, Measured]]


@dataclass(frozen=True)
class Compared:
    """A quantity as it was derived and as a witness has it.

    Where jax has nan, `differences` gives the quantity, along symmetric directions where its input is symmetric, and as its
    witness the central differences of what it is the derivative of.
    """

    quantity: str
    block: str
    got: Any
    wanted: Any
    differences: ByDifferences | None = None

    @property
    def void(self) -> Any:
        """The entries that are nan in both: nothing is said there, and nothing vouched for."""
        return np.isnan(self.got) & np.isnan(self.wanted) if np.shape(self.got) == np.shape(self.wanted) else np.bool_(False)

    @property
    def lost(self) -> Any:
        """The entries that jax alone has as nan."""
        if self.differences is None or np.shape(self.got) != np.shape(self.wanted):
            return np.bool_(False)
        return np.isnan(self.wanted) & ~np.isnan(self.got)


@dataclass(frozen=True)
class Point:
    """One point, its sizes, two directions from it, and what jax says there."""

    arrays: Arrays
    sizes: dict[str, int]
    u: Directions
    v: Directions
    answers: Arrays

    @property
    def has_value(self) -> bool:
        return bool(np.isfinite(self.answers["value"]).all())

    @property
    def lost(self) -> list[int]:
        """The variables in which jax's gradient is not finite, by their place."""
        return [i for i, g in enumerate(self.answers["gradient"]) if not np.isfinite(g).all()]


class Subject:
    """A derivation, its exported module, and the user's own function under jax and on NumPy arrays."""

    def __init__(self, passes: Passes, module: ModuleType, live: Callable[..., Any] | None, functions: Functions) -> None:
        self.passes, self.module = passes, module
        self.name = passes.program.name
        self.wrt = [str(v) for v in passes.wrt]
        self.functions = bind(passes, functions)
        self.notes: list[str] = []
        if not passes.commutes:
            self.notes.append("matrices that are declared symmetric move so: SciPy's Cholesky factor reads one triangle")
        self.testimony = Testimony(passes, live, functions, self.notes)

    # what the derivation says -------------------------------------------------------------------------------------------

    def call(self, name: str, arrays: Arrays, *first: Any) -> Any:
        return getattr(self.module, name)(*first, **arrays, **self.functions)

    def value_and_gradient(self, arrays: Arrays) -> tuple[Any, Sequence[Any]]:
        """The value with its gradient, or with its Jacobian."""
        if self.passes.is_scalar:
            value, gradient = self.call("value_and_grad", arrays)
            return value, tuple(gradient)
        return self.call("value", arrays), tuple(self.call("jacobian", arrays))

    def gradient(self, arrays: Arrays) -> Sequence[Any]:
        return self.value_and_gradient(arrays)[1]

    def _entry(self, i: int, arrays: Arrays) -> Any:
        """The gradient in one variable."""
        return self.gradient(arrays)[i]

    def compared(self, point: Point) -> list[Compared]:
        """Every quantity at this point, the value first."""
        value, gradient = self.value_and_gradient(point.arrays)
        found = [Compared("value", "", value, point.answers["value"]), *self._on_numpy(value, point.arrays)]
        found += self._scalar(point, gradient) if self.passes.is_scalar else self._array(point, gradient)
        return [replace(c, got=np.asarray(c.got), wanted=np.asarray(c.wanted)) for c in found]

    def _on_numpy(self, value: Any, arrays: Arrays) -> list[Compared]:
        theirs = self.testimony.on_numpy(arrays)
        return [] if theirs is None else [Compared("value on NumPy arrays", "", value, theirs)]

    def _scalar(self, point: Point, gradient: Sequence[Any]) -> Iterator[Compared]:
        arrays, answers = point.arrays, point.answers
        product = self.call("hvp", arrays, point.v)
        yield from self._each("gradient", gradient, answers["gradient"], self._of_value(arrays))
        yield from self._equations(arrays, answers)
        for i, w in enumerate(self.wrt):
            yield Compared("hvp", w, product[i], answers["hvp"][i], self._along(partial(self._entry, i), point, product[i]))
        blocks = self.call("hessian", arrays)
        for i, a in enumerate(self.wrt):
            of_entry = self._of(partial(self._entry, i), arrays)
            yield from self._each("hessian", blocks[i], answers["hessian"][i], of_entry, f"{a}, ")
        yield Compared(
            "symmetry", "u'Hv = v'Hu", inner_product(point.u, product), inner_product(point.v, self.call("hvp", arrays, point.u))
        )

    def _array(self, point: Point, jacobian: Sequence[Any]) -> Iterator[Compared]:
        arrays, answers = point.arrays, point.answers
        moved = self.call("jvp", arrays, point.v)[0]
        yield Compared("jvp", "", moved, answers["jvp"], self._along(self._value, point, moved))
        yield from self._each("jacobian", jacobian, answers["gradient"], self._of_value(arrays))

    def _each(
        self, quantity: str, got: Sequence[Any], wanted: Sequence[Any], of: Callable[[Node, Any], ByDifferences], row: str = ""
    ) -> Iterator[Compared]:
        """One comparison a variable."""
        for v, ours, theirs in zip(self.passes.wrt, got, wanted, strict=True):
            yield Compared(quantity, f"{row}{v}", ours, theirs, of(v, ours))

    def _equations(self, arrays: Arrays, answers: Arrays) -> Iterator[Compared]:
        """Every named intermediate and its adjoint, each equation evaluated as it is printed."""
        ours = evaluate(self.passes.adjoint, arrays, self.functions)
        for z, bar in adjoint_names(self.passes.adjoint):
            if z in answers["adjoints"]:
                yield Compared("forward equation", z, ours[z], answers["intermediates"][z])
                differences = self._of_move(z, arrays, ours[z], ours[bar])
                yield Compared("adjoint equation", bar, ours[bar], answers["adjoints"][z], differences)

    # differences, where jax has nan -------------------------------------------------------------------------------------

    @cached_property
    def _value(self) -> Callable[[Arrays], Any]:
        """The witness's value."""
        return self.testimony.jax.jit(lambda arrays: self.testimony.witness(arrays))

    def _of_value(self, arrays: Arrays) -> Callable[[Node, Any], ByDifferences]:
        return self._of(self._value, arrays)

    def _of(self, function: Callable[[Arrays], Any], arrays: Arrays) -> Callable[[Node, Any], ByDifferences]:
        """Differences of a function of all arrays in one variable, which moves symmetrically if it is symmetric."""

        def by_differences(v: Node, got: Any) -> ByDifferences:
            part = symmetrised if v.params["properties"] & SYMMETRIC else np.asarray
            moved = rounded(lambda x: function({**arrays, str(v): x}))
            return lambda: (part(got), differenced(moved, arrays[str(v)], part))

        return by_differences

    def _of_move(self, z: str, arrays: Arrays, at: Any, got: Any) -> ByDifferences:
        """Differences of the value in one named intermediate, all that follows from it moving along."""
        value = self.testimony.jax.jit(lambda move: self.testimony.perturbed(arrays, {z: move})[0])
        return lambda: (got, differenced(rounded(lambda x: value(x - at)), at))

    def _along(self, function: Callable[[Arrays], Any], point: Point, got: Any) -> ByDifferences:
        """Differences of a function of all arrays along the direction v."""
        moved = rounded(lambda t: function(self.moved(point, t)))
        return lambda: (got, slope(moved))

    def moved(self, point: Point, t: float) -> Arrays:
        """The arrays after a step t along v."""
        return point.arrays | {w: point.arrays[w] + t * d for w, d in zip(self.wrt, point.v, strict=True)}


def symmetrised(a: Any) -> Any:
    return (np.asarray(a) + np.swapaxes(a, -1, -2)) / 2


def inner_product(a: Sequence[Any], b: Sequence[Any]) -> float:
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in zip(a, b, strict=True)))
