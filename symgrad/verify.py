"""A derivation held against jax on the user's own function, at random points whose dimensions all differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.evaluation import evaluate
from symgrad.generics import Functions, bind
from symgrad.op import SYMMETRIC
from symgrad.oracle import double_precision, import_jax
from symgrad.report import Report, Row
from symgrad.sampling import DOMAINS, ENLARGED, inputs_of, sample_inputs, sizes_for
from symgrad.witness import Witness, checked_witness, live_witness, perturbed_witness

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

STEPS = tuple(0.02 * 0.5**k for k in range(7))
"""Step sizes of the Taylor test."""

SLOPE = 0.5
"""How far the order of the Taylor remainder may stay below 3: an error in the gradient makes it 1, one in the Hessian 2."""

Arrays = dict[str, Any]


def verify(derivation: Derivation, seeds: Sequence[int] = (0, 1), tol: float = 1e-9, **functions: Callable[..., Any]) -> Report:
    """Hold value, gradient, Hessian-vector product, Hessian (or Jacobian) and every adjoint equation against jax in float64.

    A generic function of the program is bound by its name, `verify(phi=jnp.tanh)`.  Raises `VerificationError`, whose text is
    the whole table, if anything disagrees; `InputError` for unbound functions; `UnsupportedError` without jax.
    """
    return compare(derivation, seeds, tol, **functions).raise_for_failure()


def compare(derivation: Derivation, seeds: Sequence[int] = (0, 1), tol: float = 1e-9, **functions: Callable[..., Any]) -> Report:
    """The same, returned whatever it says."""
    import_jax()
    if not seeds:
        raise InputError("verify needs at least one seed")
    with double_precision(), np.errstate(all="ignore"):
        check = _Check(derivation, functions, tol)
        found = [check.at(shift, seed) for shift, seed in enumerate(seeds)]
    rows = tuple(_worst([rows[i] for rows, _ in found]) for i in range(len(found[0][0])))
    notes = tuple(dict.fromkeys(check.notes))
    return Report(derivation.program.name, check.witness_text, rows, tuple(seeds), tuple(s for _, s in found), tol, notes)


def _worst(rows: Sequence[Row]) -> Row:
    return max(rows, key=lambda row: (not row.ok, row.error))


class _Check:
    """One derivation and its witness, compared at one random point after the other."""

    def __init__(self, derivation: Derivation, functions: Functions, tol: float) -> None:
        self.d, self.tol = derivation, tol
        self.jax = import_jax()
        self.module = derivation.compile()
        self.wrt = [str(v) for v in derivation.wrt]
        self.notes: list[str] = []
        if not derivation.commutes:
            self.notes.append("matrices that are declared symmetric move so: SciPy's Cholesky factor reads one triangle")
        self.functions = bind(derivation, functions)
        self.witness = self._choose_witness(functions)
        self.perturbed = perturbed_witness(derivation.program, functions)
        self.answers = self.jax.jit(self._scalar_answers if derivation.is_scalar else self._array_answers)
        self.witness_text = f"jax {self.jax.__version__} in float64, on {self.witness.what}"

    def _choose_witness(self, functions: Functions) -> Witness:
        """The live function, unless it calls NumPy, which jax cannot trace: then its definition, and the function for values."""
        live = self.d.forward.function
        if live is None:
            return checked_witness(self.d.program, functions)
        witness = live_witness(self.d.program, live, functions)
        inputs = inputs_of(self.d.program.inputs)
        try:
            self.jax.eval_shape(witness, sample_inputs(inputs, sizes_for(inputs), 0))
        except (self.jax.errors.JAXTypeError, self.jax.errors.JAXIndexError):
            self.notes.append("the function itself is no jax function; its values are compared on NumPy arrays")
            return checked_witness(self.d.program, functions)
        except (TypeError, AttributeError, NameError, IndexError, ValueError, NotImplementedError):
            return witness  # wrong under jax for another reason, which is told when it is asked
        return witness

    # what jax says ------------------------------------------------------------------------------------------------------

    def _scalar_answers(self, arrays: Arrays, v: tuple[Any, ...]) -> Arrays:
        jax, f, at = self.jax, self._moving(arrays), tuple(arrays[w] for w in self.wrt)
        every = tuple(range(len(at)))
        gradient = jax.grad(f, every)
        answers = {"value": f(*at), "gradient": gradient(*at), "hessian": jax.hessian(f, every)(*at)}
        return answers | {"hvp": jax.jvp(gradient, at, v)[1]} | self._adjoint_answers(arrays)

    def _adjoint_answers(self, arrays: Arrays) -> Arrays:
        """The intermediates, and jax's derivative of the value in an addition to each of them alone."""
        _, seen = self.perturbed(arrays, {})
        moved = [z for z, _ in _bars(self.d.adjoint) if z in seen and seen[z].dtype.kind == "f"]
        zeros = {z: self.jax.numpy.zeros_like(seen[z]) for z in moved}
        bars = self.jax.grad(lambda moves: self.perturbed(arrays, moves)[0])(zeros) if zeros else {}
        return {"intermediates": seen, "adjoints": bars}

    def _array_answers(self, arrays: Arrays, v: tuple[Any, ...]) -> Arrays:
        f, at = self._moving(arrays), tuple(arrays[w] for w in self.wrt)
        value, moved = self.jax.jvp(f, at, v)
        jacobian = self.jax.jacobian(f, tuple(range(len(at))))(*at)
        return {"value": value, "jvp": moved, "gradient": jacobian}

    def _moving(self, arrays: Arrays) -> Callable[..., Any]:
        """The witness as a function of the variables of the derivation alone, the other inputs held."""
        return lambda *moving: self.witness({**arrays, **dict(zip(self.wrt, moving, strict=True))})

    # one point ----------------------------------------------------------------------------------------------------------

    def at(self, shift: int, seed: int) -> tuple[list[Row], dict[str, int]]:
        """The rows of one random point, and its sizes: larger ones where a program indexes beyond the small."""
        for least in ENLARGED:
            try:
                return self._at(shift, seed, least)
            except (IndexError, ValueError) as error:
                if isinstance(error, SymgradError) or least == ENLARGED[-1]:
                    raise
                self.notes.append("sizes are enlarged: at smaller ones an index leaves its axis")
        raise AssertionError("unreachable")

    def _at(self, shift: int, seed: int, least: int) -> tuple[list[Row], dict[str, int]]:
        inputs = inputs_of(self.d.program.inputs)
        sizes = sizes_for(inputs, shift, least)
        for domain in DOMAINS:
            arrays = sample_inputs(inputs, sizes, seed, domain)
            u, v = self._directions(arrays, seed)
            answers = self._ask(arrays, v)
            if all(np.isfinite(x).all() for x in (answers["value"], *answers["gradient"])):
                break
        else:
            name = self.d.program.name
            raise InputError(f'{name} is not finite at any random point; say what its inputs are, such as x: "n | positive"')
        if domain != "normal":
            self.notes.append(f"inputs without a property are drawn {domain}: elsewhere the value or its gradient is not finite")
        rows = self._scalar(arrays, answers, u, v) if self.d.is_scalar else self._array(arrays, answers, v)
        return list(rows), sizes

    def _ask(self, arrays: Arrays, v: tuple[Any, ...]) -> Arrays:
        """jax's answers; whatever it stumbles over in the user's function is said in one line."""
        try:
            return dict(self.answers(arrays, v))
        except (SymgradError, IndexError, ValueError):
            raise
        except (TypeError, AttributeError, NameError, NotImplementedError) as error:
            said = (str(error).splitlines() or [""])[0]
            raise UnsupportedError(f"jax cannot run {self.d.program.name}: {type(error).__name__}: {said}") from error

    def _directions(self, arrays: Arrays, seed: int) -> list[tuple[Any, ...]]:
        rng = np.random.default_rng(seed + 1000)
        return [
            tuple(self._direction(v, np.asarray(rng.normal(size=np.shape(arrays[str(v)])))) for v in self.d.wrt) for _ in range(2)
        ]

    def _direction(self, v: Any, any_direction: Any) -> Any:
        """A symmetric one where the derivative is defined along those alone."""
        if self.d.commutes or not v.params["properties"] & SYMMETRIC:
            return any_direction
        return any_direction + any_direction.T

    def _call(self, name: str, arrays: Arrays, *first: Any) -> Any:
        return getattr(self.module, name)(*first, **arrays, **self.functions)

    def _row(self, quantity: str, block: str, got: Any, wanted: Any) -> Row:
        error = relative_error(got, wanted)
        return Row(quantity, block, error, error <= self.tol)

    def _rows(self, quantity: str, got: Sequence[Any], wanted: Sequence[Any]) -> Iterator[Row]:
        for name, ours, theirs in zip(self.wrt, got, wanted, strict=True):
            yield self._row(quantity, name, ours, theirs)

    def _value(self, arrays: Arrays, value: Any, wanted: Any) -> Iterator[Row]:
        yield self._row("value", "", value, wanted)
        live = self.d.forward.function
        if live is not None and self.witness.function is not live:
            yield self._row("value of the function itself", "", value, replace(self.witness, function=live)(arrays))

    def _scalar(self, arrays: Arrays, answers: Arrays, u: tuple[Any, ...], v: tuple[Any, ...]) -> Iterator[Row]:
        value, gradient = self._call("value_and_grad", arrays)
        product = self._call("hvp", arrays, v)
        yield from self._value(arrays, value, answers["value"])
        yield from self._rows("gradient", gradient, answers["gradient"])
        yield from self._equations(arrays, answers)
        yield from self._rows("hvp", product, answers["hvp"])
        yield from self._blocks(self._call("hessian", arrays), answers["hessian"])
        yield self._row("symmetry", "u'Hv = v'Hu", _inner(u, product), _inner(v, self._call("hvp", arrays, u)))
        yield self._taylor(arrays, v, value, _inner(gradient, v), _inner(v, product))

    def _equations(self, arrays: Arrays, answers: Arrays) -> Iterator[Row]:
        """Every named intermediate and its adjoint, each equation evaluated as it is printed."""
        ours = evaluate(self.d.adjoint, arrays, self.functions)
        for z, bar in _bars(self.d.adjoint):
            if z in answers["adjoints"]:
                yield self._row("forward equation", z, ours[z], answers["intermediates"][z])
                yield self._row("adjoint equation", bar, ours[bar], answers["adjoints"][z])

    def _blocks(self, got: Any, wanted: Any) -> Iterator[Row]:
        for i, a in enumerate(self.wrt):
            for j, b in enumerate(self.wrt):
                yield self._row("hessian", f"{a}, {b}", got[i][j], wanted[i][j])

    def _array(self, arrays: Arrays, answers: Arrays, v: tuple[Any, ...]) -> Iterator[Row]:
        yield from self._value(arrays, self._call("value", arrays), answers["value"])
        yield self._row("jvp", "", np.asarray(self._call("jvp", arrays, v)[0]), answers["jvp"])
        yield from self._rows("jacobian", self._call("jacobian", arrays), answers["gradient"])

    # without any witness ------------------------------------------------------------------------------------------------

    def _taylor(self, arrays: Arrays, v: tuple[Any, ...], value: float, slope: float, curvature: float) -> Row:
        """J(w + t v) - J(w) - t g'v - t^2 v'Hv / 2 falls with the third power of t."""
        floor = 1e-12 * max(abs(value), abs(slope), abs(curvature), 1e-3)
        remainders = []
        for t in STEPS:
            moved = {w: arrays[w] + t * d for w, d in zip(self.wrt, v, strict=True)}
            there = self._call("value", {**arrays, **moved})
            remainders.append(abs(there - value - t * slope - t * t / 2 * curvature))
        short = max(0.0, 3.0 - _order(remainders, floor))
        return Row("Taylor remainder", "order 3", short, short <= SLOPE)


def _order(remainders: Sequence[float], floor: float) -> float:
    """The power of t with which the remainder falls, at the smallest steps well above rounding; 3 if it is all rounding.

    Large steps that leave the domain do not count, and beyond a kink only the side of the point itself does.
    """
    finite = [r for r in remainders if np.isfinite(r)]
    orders = [np.log2(a / max(b, floor)) for a, b in pairwise(finite) if a > 16 * floor]
    if len(finite) < 2:
        return 0.0
    return float(orders[-1]) if orders else 3.0


def _bars(adjoint: Any) -> Iterator[tuple[str, str]]:
    """Every named intermediate with the name of its adjoint, in the order of the adjoint equations."""
    names = {eq.symbol.params["symbol"]: eq.name for eq in adjoint.equations}
    for eq in adjoint.equations:
        match eq.symbol.params["symbol"]:
            case ("bar", inner, *_) if inner in names:
                yield names[inner], eq.name


def _inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in zip(a, b, strict=True)))


def relative_error(got: Any, wanted: Any) -> float:
    """The largest difference over the largest wanted entry (over 1 if that is smaller); infinite where shapes or nans differ."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return float("inf")
    same = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(got - wanted))
    scale = np.max(np.abs(wanted), initial=1.0, where=np.isfinite(wanted))
    error = float(np.max(difference, initial=0.0) / scale)
    return error if error == error else float("inf")
