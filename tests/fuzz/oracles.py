"""What is held against what: the package's numbers for a drawn program, mpmath's at 60 digits, and jax's on a share.

Every program has value, gradient and Hessian-vector product judged by differences of the text itself in mpmath.  Where those say
that there is a kink, jax's convention counts; where they disagree and the last bit of the input explains it, nobody is wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np

import symgrad as sg
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import sample_array
from symgrad.core.graph import postorder
from symgrad.core.op import REGISTRY, Node
from symgrad.core.program import Program
from symgrad.derive.tangents import tangent
from tests.fuzz import exact, witness
from tests.fuzz.programs import Drawn

Array = Any
STEP, ZERO = mpmath.mpf(10) ** -15, mpmath.mpf(0)
GRADIENT, SECOND, SAME = 1e-9, 1e-8, 1e-10
"""Tolerances relative to the sum of the sizes of what is added up: against mpmath, and between two forms of ours."""

SINES: dict[str, Callable[..., Any]] = {"phi": np.sin, "dphi": np.cos, "d2phi": lambda x: -np.sin(x), "d3phi": lambda x: -np.cos(x)}
"""What a function left open is bound to, and its derivatives."""


class Skipped(Exception):
    """Not judged, and why."""


@dataclass
class Session:
    """What a run has seen; a layer that failed stays on, so that its failure can be shrunk."""

    tally: Counter[str] = field(default_factory=Counter)
    failed: set[str] = field(default_factory=set)

    def due(self, layer: str, every: int) -> bool:
        return layer in self.failed or self.tally["programs"] % every == 0


# the program and its point --------------------------------------------------------------------------------------------------


@dataclass
class Subject:
    """A drawn program with numbers for its inputs, and what the package derives from it."""

    drawn: Drawn
    session: Session

    @property
    def tally(self) -> Counter[str]:
        return self.session.tally

    @cached_property
    def derivation(self) -> sg.Derivation:
        return sg.forward(self.drawn.text).derive()

    @cached_property
    def at(self) -> dict[str, Array]:
        rng = np.random.default_rng(self.drawn.seed)
        return {name: self._sample(rng, name) for name in self.drawn.arrays}

    def _sample(self, rng: np.random.Generator, name: str) -> Array:
        given = self.drawn.inputs[name]
        if given.words == "int":
            lowest = 0 if "one_hot" in self.drawn.text else -given.classes  # as an index, a label may count from the end
            return rng.integers(lowest, given.classes, size=given.shape)
        return sample_array(rng, given.shape, frozenset(given.words.split()))

    @property
    def moving(self) -> list[str]:
        return [name for name, given in self.drawn.arrays.items() if given.words != "int"]

    @cached_property
    def functions(self) -> dict[str, Callable[..., Any]]:
        return SINES if "phi" in self.drawn.generics else {}

    def direction(self, seed: int) -> dict[str, Array]:
        """Any at all; a symmetric one where SciPy's Cholesky factor, which reads one triangle, leaves the rest undefined."""
        rng = np.random.default_rng(1000 + seed)
        v = {name: rng.normal(size=np.shape(self.at[name])) for name in self.moving}
        if "cho_factor" in self.drawn.text:
            v |= {name: a + a.T for name, a in v.items() if self.drawn.inputs[name].words == "spd"}
        return v

    def run(self, program: Program, at: Mapping[str, Array] | None = None, **more: Array) -> list[Array]:
        """The outputs of one of our programs, its operations registered one and all."""
        nodes = postorder(eq.expr for eq in program.equations)
        assert all(REGISTRY.get(n.op.name) is n.op for n in nodes), "an operation is not registered"
        with np.errstate(all="ignore"):
            found = evaluate(program, {**(at or self.at), **more}, self.functions)
        return [found[str(v)] for v in program.outputs]

    # ours ---------------------------------------------------------------------------------------------------------------

    def gradient(self, at: Mapping[str, Array] | None = None) -> tuple[Array, dict[str, Array]]:
        value, *bars = self.run(self.derivation.adjoint, at)
        for name, bar in zip(self.moving, bars, strict=True):
            assert np.shape(bar) == np.shape(self.at[name]), f"the gradient in {name} has shape {np.shape(bar)}"
        return value, dict(zip(self.moving, bars, strict=True))

    @cached_property
    def product(self) -> Program:
        """The Hessian-vector product as the walk writes it."""
        d = self.derivation
        return tangent(d.passes.raw_adjoint, d.directions, d.passes.raw_adjoint.outputs[1:]).needed()

    def hvp(self, program: Program, v: Mapping[str, Array], at: Mapping[str, Array] | None = None) -> dict[str, Array]:
        names = {str(x): str(dot) for x, dot in self.derivation.directions.items()}
        products = self.run(program, at, **{names[x]: a for x, a in v.items()})
        return dict(zip(self.moving, products, strict=True))


def along(bars: Mapping[str, Array], v: Mapping[str, Array]) -> tuple[float, float]:
    """The inner product, and how large what is added up is."""
    with np.errstate(all="ignore"):
        terms = [np.asarray(bars[name]) * v[name] for name in bars]
        return float(sum(np.sum(t) for t in terms)), 1 + float(sum(np.sum(np.abs(t)) for t in terms))


# mpmath ---------------------------------------------------------------------------------------------------------------------


class Judge:
    """The text over mpmath numbers: values, differences along directions, and whether there is a kink."""

    def __init__(self, subject: Subject) -> None:
        self.f = exact.function(subject.drawn.text)
        self.generics = {"phi": exact.ONE["sin"]} if subject.functions else {}
        self.at = {name: exact.array(a) for name, a in subject.at.items()}
        self.u, self.v = ({name: exact.array(a) for name, a in subject.direction(k).items()} for k in (0, 1))
        self.value = self(ZERO, ZERO)

    def __call__(self, s: Any, t: Any) -> Any:
        """f(x + s u + t v)."""
        moved = {name: self.at[name] + self.u[name] * s + self.v[name] * t for name in self.u}
        try:
            value = self.f(**{**self.at, **moved, **self.generics})
        except (ZeroDivisionError, ValueError, OverflowError, TypeError) as error:
            if isinstance(error, TypeError) and "complex" not in str(error) and "mpc" not in str(error):
                raise
            raise Skipped("outside the domain") from None
        if not isinstance(value, mpmath.mpf) or not mpmath.isfinite(value) or abs(value) > 1e12:
            raise Skipped("outside the domain")
        return value

    def corners(self) -> tuple[float, float, float]:
        """The derivatives along u + v and u - v, and the second one along both."""
        h = STEP
        pp, pm, mp_, mm = (self(a * h, b * h) for a in (1, -1) for b in (1, -1))
        return float((pp - mm) / (2 * h)), float((pm - mp_) / (2 * h)), float((pp - pm - mp_ + mm) / (4 * h * h))

    def kink(self, order: int) -> bool:
        """Whether the derivative of this order jumps near the point, along u, v, u + v or u - v; of order 1, also the value."""
        h = STEP
        for a, b in ((1, 0), (0, 1), (1, 1), (1, -1)):
            values = [self(k * a * h, k * b * h) for k in range(-2, 3)]
            slopes = [(there - here) / h for here, there in pairwise(values)]
            sides = slopes if order == 1 else [(slopes[1] - slopes[0]) / h, (slopes[3] - slopes[2]) / h]
            if max(sides) - min(sides) > 1e-6 * (1 + max(map(abs, sides))):
                return True
        return False


# the checks -----------------------------------------------------------------------------------------------------------------


def check(drawn: Drawn, session: Session) -> None:
    """All oracles on one program; raises AssertionError with the text where the package is wrong.

    What is judged counts as a program, and every equation that its value depends on as an expression.
    """
    tally = session.tally
    tally["programs"] += 1
    s = Subject(drawn, session)
    with sg.limits(), mpmath.workdps(exact.DIGITS):
        s.derivation  # noqa: B018  (whatever is drawn is in the language)
        try:
            _judged(s)
        except Skipped as reason:
            tally[f"skipped: {reason}"] += 1
        else:
            tally["programs judged by mpmath"] += 1
            tally["expressions in them"] += len(s.derivation.program.needed().equations)


def _judged(s: Subject) -> None:
    """Value, gradient and product against mpmath; then the dearer layers."""
    judge, u, v = Judge(s), s.direction(0), s.direction(1)
    both, across, second = judge.corners()
    try:
        value, bars = s.gradient()
    except np.linalg.LinAlgError:  # NumPy refuses to invert what is singular
        nor_jax(witness.gradient(s))
        raise
    close(s, "value", float(value), float(judge.value), 1 + abs(float(judge.value)), GRADIENT)
    if _may_be_at_a_kink(s) and judge.kink(1):
        return _at_kink(s)
    plus, minus = ({k: u[k] + sign * v[k] for k in u} for sign in (1, -1))
    for w, truth in ((plus, both), (minus, across)):
        found, scale = along(bars, w)
        if np.isnan(found):
            nor_jax(witness.gradient(s))
        if differs(found, truth, scale, GRADIENT):
            return _at_odds(s, judge, f"gradient along a direction is {found!r}, mpmath says {truth!r}")
    Hv = s.hvp(s.product, v)
    found, scale = along(Hv, u)
    if np.isnan(found):
        nor_jax(witness.hvp(s, v))
    if differs(found, second, scale, SECOND):
        return _second_at_odds(s, judge, f"u'Hv is {found!r}, mpmath says {second!r}")
    further(s, value, bars, Hv, v)


def nor_jax(theirs: Mapping[str, Array] | None) -> None:
    """Loud is right where jax has no number either."""
    if not witness.has_numbers(theirs):
        raise Skipped("no number, nor has jax")


LAYERS: list[tuple[int, Callable[..., None]]] = []
"""The dearer oracles, each with the share of the programs that it sees: one in so many."""


def layer(every: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register an oracle that takes a subject, its value, gradient and product, and the product's direction."""

    def register(check: Callable[..., None]) -> Callable[..., None]:
        LAYERS.append((every, check))
        return check

    return register


def further(s: Subject, *found: Any) -> None:
    for every, oracle in LAYERS:
        if s.session.due(oracle.__name__, every):
            try:
                oracle(s, *found)
            except BaseException:
                s.session.failed.add(oracle.__name__)
                raise


def differs(found: float, truth: float, scale: float, tolerance: float) -> bool:
    return not abs(found - truth) <= tolerance * max(scale, 1 + abs(truth))


def close(s: Subject, what: str, found: float, truth: float, scale: float, tolerance: float) -> None:
    if differs(found, truth, scale, tolerance):
        at = s.at
        moved, _ = s.gradient(nudged(at))
        if abs(float(moved) - found) * 10 > abs(found - truth):
            raise Skipped("ill-conditioned")
        raise AssertionError(report(s, f"{what} is {found!r}, mpmath says {truth!r}"))


def nudged(at: Mapping[str, Array]) -> dict[str, Array]:
    """The same point, every number off by about ten of its last bits."""
    return {name: a if np.asarray(a).dtype.kind == "i" else a * (1 + 2e-15) for name, a in at.items()}


KINKED = re.compile(r"abs|relu|elu|hard|max|min|clip|where|sign|norm|hypot|leaky|>|<")


def _may_be_at_a_kink(s: Subject) -> bool:
    """Numbers that are equal, or zero, on purpose; a difference on both sides of a kink may well be what a wrong rule gives."""
    special = {"binary", "sign", "onehot", "diagonal", "lower"}
    return any(given.words in special for given in s.drawn.inputs.values()) and bool(KINKED.search(s.drawn.text))


def _at_odds(s: Subject, judge: Judge, what: str) -> None:
    """A gradient that mpmath contradicts: a kink, an ill-conditioned point, or a mistake."""
    if judge.kink(1):
        return _at_kink(s)
    _, here = s.gradient()
    _, there = s.gradient(nudged(s.at))
    wobble = max(float(np.max(np.abs(here[k] - there[k]), initial=0.0)) for k in here)
    if wobble * 1e3 > 1e-9:
        raise Skipped("ill-conditioned")
    raise AssertionError(report(s, what))


def _at_kink(s: Subject) -> None:
    """Where no derivative exists, jax's convention is ours, as far as jax has a number."""
    s.tally["kinks, by jax's convention"] += 1
    theirs = witness.gradient(s)
    if theirs is None or not witness.has_numbers(theirs):
        s.tally["kinks where jax has no number"] += 1
        return
    _, ours = s.gradient()
    for name, bar in ours.items():
        if not np.allclose(bar, theirs[name], rtol=1e-8, atol=1e-8):
            raise AssertionError(report(s, f"at a kink the gradient in {name} is\n{bar}, jax has\n{theirs[name]}"))


def _second_at_odds(s: Subject, judge: Judge, what: str) -> None:
    if judge.kink(2) or judge.kink(1):
        s.tally["kinks of second order, which nobody defines"] += 1
        return
    if _may_be_at_a_kink(s) and _is_jaxs_product(s):  # relu(x^2) at 0 is smooth along lines, and the rules of relu and x^2 are not
        s.tally["kinks of second order, by jax's convention"] += 1
        return
    u, v = s.direction(0), s.direction(1)
    here, there = (along(s.hvp(s.product, v, at), u)[0] for at in (s.at, nudged(s.at)))
    if abs(here - there) * 1e3 > 1e-8 * (1 + abs(here)):
        raise Skipped("ill-conditioned")
    raise AssertionError(report(s, what))


def _is_jaxs_product(s: Subject) -> bool:
    """Is our Hessian-vector product, entry by entry, the one that jax has?"""
    v = s.direction(1)
    theirs, ours = witness.hvp(s, v), s.hvp(s.product, v)
    return theirs is not None and all(np.allclose(ours[name], theirs[name], rtol=1e-8, atol=1e-8) for name in ours)


def report(s: Subject, what: str) -> str:
    return f"{what}\n\n{s.drawn.text}\nseed {s.drawn.seed}"


def nodes_of(program: Program) -> list[Node]:
    return list(postorder(eq.expr for eq in program.equations))
