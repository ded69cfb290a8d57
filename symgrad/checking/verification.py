"""A derivation held against the user's own function, under jax and on NumPy arrays.

The points are random, with dimensions that all differ, or one that the user gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from symgrad.checking.agreement import DIGITS, Gap, Pairs, gap, held, neighbours, widest_gap
from symgrad.checking.generics import Functions
from symgrad.checking.libraries import double_precision
from symgrad.checking.points import given_point
from symgrad.checking.report import Report, ReportRow
from symgrad.checking.sampling import DOMAINS, ENLARGED, inputs_of, program_sizes, sample_inputs
from symgrad.checking.subject import Compared, Point, Subject, inner_product
from symgrad.checking.taylor import SLOPE, is_kink, shortfall
from symgrad.checking.testimony import Arrays, said
from symgrad.core.op import SYMMETRIC, Node
from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.passes import Passes

_DIFFERENCED = 1e-6
"""Tolerance against central differences, beside what they themselves may be off."""

Judged = tuple[list[ReportRow], dict[str, int]]


def compare(
    passes: Passes,
    module: ModuleType,
    live: Callable[..., Any] | None,
    seeds: int | Sequence[int],
    tol: float,
    at: Mapping[str, Any] | None,
    functions: Functions,
) -> Report:
    """What is derived and exported as `module`, held against the user's own function, which is `live` where it was handed over.

    `functions` stand for the generic ones of the program.  Raises `InputError` where one is missing, and where nothing is finite.
    """
    numbers = () if at is not None else tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if at is None and not numbers:
        raise InputError("verify needs at least one seed")
    with double_precision(), np.errstate(all="ignore"):
        check = _Check(Subject(passes, module, live, functions), tol)
        found = [check.given(at)] if at is not None else [check.random(shift, seed) for shift, seed in enumerate(numbers)]
    rows = _worst([row for rows, _ in found for row in rows])
    sizes, notes = tuple(sizes for _, sizes in found), tuple(dict.fromkeys(check.notes))
    return Report(passes.program.name, check.subject.testimony.text, rows, numbers, sizes, notes)


def _worst(rows: Sequence[ReportRow]) -> tuple[ReportRow, ...]:
    """One row a quantity and block: that of the point where it is worst."""
    worst: dict[tuple[str, str], ReportRow] = {}
    for row in rows:
        key = row.quantity, row.block
        worst[key] = max(worst.get(key, row), row, key=lambda r: (not r.ok, r.excess))
    return tuple(worst.values())


class _Check:
    """One derivation and its witnesses, held against one another at one point after the other."""

    def __init__(self, subject: Subject, tol: float) -> None:
        self.subject, self.tol = subject, tol
        self.name, self.notes = subject.name, subject.notes
        self.variables = subject.passes.program.inputs

    # points -------------------------------------------------------------------------------------------------------------

    def random(self, shift: int, seed: int) -> Judged:
        """The rows of one random point, and its sizes: larger ones where a program indexes beyond the small."""
        for least in ENLARGED[:-1]:
            try:
                return self._judged(self._drawn(shift, seed, least))
            except (IndexError, ValueError) as error:
                if isinstance(error, SymgradError):
                    raise
                self.notes.append("sizes are enlarged: at smaller ones an index leaves its axis")
        return self._last(lambda: self._drawn(shift, seed, ENLARGED[-1]))

    def given(self, at: Mapping[str, Any]) -> Judged:
        """The rows of the point that the user gives, and its sizes."""
        arrays, sizes = given_point(self.variables, at)
        return self._last(lambda: self._chosen([self._asked(arrays, sizes, 0)], "at the given point", "give another point"))

    def _last(self, point: Callable[[], Point]) -> Judged:
        """The rows of a point beside which there is no other to try."""
        try:
            return self._judged(point())
        except (IndexError, ValueError) as error:
            if isinstance(error, SymgradError):
                raise
            raise UnsupportedError(f"{self.name} cannot be run for the comparison: {said(error)}") from error

    def _drawn(self, shift: int, seed: int, least: int) -> Point:
        """A random point where everything is finite; if there is none, one where the value is, and jax's gradient alone is not."""
        inputs = inputs_of(self.variables)
        sizes, tried = program_sizes(self.subject.passes.program, shift, least), []
        for domain in DOMAINS:
            point = self._asked(sample_inputs(inputs, sizes, seed, domain), sizes, seed)
            if point.has_value and not point.lost:
                if domain != "normal":
                    self.notes.append(
                        f"inputs without a property are drawn {domain}: elsewhere the value or its gradient is not finite"
                    )
                return point
            tried.append(point)
        way = 'say what its inputs are, such as x: "n | positive", or give a point: verify(at={...}), --at FILE.npz'
        return self._chosen(tried, "at any random point", way)

    def _chosen(self, tried: Sequence[Point], where: str, way: str) -> Point:
        """The first point where the value and the derived gradient are finite; says where jax's gradient is not."""
        valued = [point for point in tried if point.has_value]
        if not valued:
            raise InputError(f"{self.name} is not finite {where}; {way}")
        for point in valued:
            if all(np.isfinite(g).all() for g in self.subject.gradient(point.arrays)):
                if lost := [self.subject.wrt[i] for i in point.lost]:
                    what = f"{self.name} is finite {where}, only jax's gradient in {', '.join(lost)} is not"
                    self.notes.append(f"{what}: where jax has nan, central differences judge")
                return point
        raise InputError(f"{self.name} is finite {where}, but its gradient is not, neither jax's nor the derived one; {way}")

    def _asked(self, arrays: Arrays, sizes: dict[str, int], seed: int) -> Point:
        rng = np.random.default_rng(seed + 1000)
        u, v = (tuple(self._direction(w, rng, arrays) for w in self.subject.passes.wrt) for _ in range(2))
        return Point(arrays, sizes, u, v, self.subject.testimony.ask(arrays, v))

    def _direction(self, v: Node, rng: np.random.Generator, arrays: Arrays) -> Any:
        """A symmetric one where the derivative is defined along those alone."""
        direction = np.asarray(rng.normal(size=np.shape(arrays[str(v)])))
        if self.subject.passes.commutes or not v.params["properties"] & SYMMETRIC:
            return direction
        return direction + direction.T

    # rows ---------------------------------------------------------------------------------------------------------------

    def _judged(self, point: Point) -> Judged:
        compared = self.subject.compared(point)
        nearby = _Nearby(self.subject, point)
        rows = [row for i, c in enumerate(compared) for row in self._rows(c, nearby, i)]
        return [*rows, *(self._taylor(point, nearby) if self.subject.passes.is_scalar else ())], point.sizes

    def _rows(self, c: Compared, nearby: _Nearby, i: int) -> Iterator[ReportRow]:
        lost, void = c.lost, c.void
        if void.any():
            self.notes.append(f"not compared, {c.quantity} {c.block}: nan as derived and in jax")
        if not (lost | void).any():
            yield _row(c.quantity, c.block, held(c.got, c.wanted, self.tol, lambda: nearby.pairs(i)))
        elif not (lost | void).all():
            yield _row(c.quantity, c.block, self._held_in_part(c, ~(lost | void), lambda: nearby.pairs(i)))
        if lost.any():
            yield from self._differenced(c, lost)

    def _held_in_part(self, c: Compared, part: Any, nearby: Callable[[], Pairs]) -> Gap:
        return held(c.got[part], c.wanted[part], self.tol, lambda: [(got[part], wanted[part]) for got, wanted in nearby()])

    def _differenced(self, c: Compared, lost: Any) -> Iterator[ReportRow]:
        """The entries that jax has as nan, against central differences; at a kink those do not settle."""
        assert c.differences is not None
        got, measured = c.differences()
        if not np.isnan(measured.doubt[lost]).any():
            found = gap(got[lost], measured.value[lost], _DIFFERENCED, measured.doubt[lost])
            yield _row(f"{c.quantity} by differences", c.block, found, "jax has nan")
            return
        said = f"{c.quantity} {c.block}: jax has nan, and central differences do not settle, as at a kink"
        if c.quantity in ("gradient", "jacobian"):
            raise InputError(f"nothing can judge {said}; give another point: verify(at={{...}}), --at FILE.npz")
        self.notes.append(f"not compared, {said}")

    def _taylor(self, point: Point, nearby: _Nearby) -> Iterator[ReportRow]:
        subject = self.subject
        slope = inner_product(subject.gradient(point.arrays), point.v)
        curvature = inner_product(point.v, subject.call("hvp", point.arrays, point.v))
        if np.isnan(curvature):
            self.notes.append("no Taylor test: the Hessian-vector product is nan")
            return

        def along(t: float) -> float:
            return float(subject.call("value", subject.moved(point, t)))

        short = shortfall(along, slope, curvature, widest_gap(along(0.0), nearby.values))
        if short > SLOPE and is_kink(along):
            self.notes.append("no Taylor test: the point lies at a kink")
            return
        yield ReportRow("Taylor remainder", "order 3", short, SLOPE)


class _Nearby:
    """What is compared at inputs moved by roundings, jax in arithmetic with fewer digits; made when it is asked for."""

    def __init__(self, subject: Subject, point: Point) -> None:
        self.subject, self.point = subject, point
        self.arrays = [dict(zip(point.arrays, moved, strict=True)) for moved in neighbours(list(point.arrays.values()))]
        self._compared: list[list[Compared]] = []

    def pairs(self, i: int) -> Pairs:
        """The comparison of this number there."""
        if not self._compared:
            points = [self._at(digits, arrays) for digits, arrays in zip(DIGITS, self.arrays, strict=True)]
            self._compared = [self.subject.compared(point) for point in points]
        return [(compared[i].got, compared[i].wanted) for compared in self._compared]

    @property
    def values(self) -> list[Any]:
        return [self.subject.call("value", arrays) for arrays in self.arrays]

    def _at(self, digits: int, arrays: Arrays) -> Point:
        return replace(self.point, arrays=arrays, answers=self.subject.testimony.ask_roughly(digits, arrays, self.point.v))


def _row(quantity: str, block: str, found: Gap, *remarks: str) -> ReportRow:
    remark = "; ".join([*(["absolute"] if found.absolute and found.error else []), *remarks])
    return ReportRow(quantity, block, found.error, found.tol, remark)
