"""One derivation beside its witnesses: everything of both that can be compared at a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.checking.agreement import DIGITS
from symgrad.checking.differences import Measured, differenced, rounded, slope
from symgrad.checking.evaluation import evaluate
from symgrad.checking.generics import Functions, bind
from symgrad.checking.oracle import import_jax
from symgrad.checking.rounding import roughened
from symgrad.checking.sampling import inputs_of, program_sizes, sample_inputs
from symgrad.checking.witness import (
    Witness,
    acts_in_place,
    checked_witness,
    library,
    live_witness,
    mutable_witness,
    numpy_witness,
    perturbed_witness,
    unperturbed,
)
from symgrad.core.op import SYMMETRIC, Node
from symgrad.errors import SymgradError, UnsupportedError

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

Arrays = dict[str, Any]
Directions = tuple[Any, ...]
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

    def __init__(self, derivation: Derivation, functions: Functions) -> None:
        self.d, self.name = derivation, derivation.program.name
        self.jax = import_jax()
        self.module = derivation.compile()
        self.wrt = [str(v) for v in derivation.wrt]
        self.notes: list[str] = []
        if not derivation.commutes:
            self.notes.append("matrices that are declared symmetric move so: SciPy's Cholesky factor reads one triangle")
        self.functions = bind(derivation, functions)
        self.witness = self._choose_witness(functions)
        self.numpy = self._numpy_witness(functions)
        self.perturbed = perturbed_witness(derivation.program, functions)
        if self.numpy is not None and acts_in_place(derivation.program) and not self._agree(self.witness, self.numpy):
            self.witness = mutable_witness(derivation.program, functions)
            self.perturbed = unperturbed(self.witness)
        answers = self._scalar_answers if derivation.is_scalar else self._array_answers
        self._answers = self.jax.jit(answers)
        self._rough = {digits: self.jax.jit(roughened(answers, digits)) for digits in DIGITS}

    # witnesses ----------------------------------------------------------------------------------------------------------

    def _choose_witness(self, functions: Functions) -> Witness:
        """The live function, unless it is NumPy's code that jax cannot trace: then its definition."""
        live = self.d.forward.function
        if live is None:
            return checked_witness(self.d.program, functions)
        witness = live_witness(self.d.program, live, functions)
        inputs = inputs_of(self.d.program.inputs)
        try:
            self.jax.eval_shape(witness, sample_inputs(inputs, program_sizes(self.d.program), 0))
        except (self.jax.errors.JAXTypeError, self.jax.errors.JAXIndexError):
            return checked_witness(self.d.program, functions)
        except (TypeError, AttributeError, NameError, IndexError, ValueError, NotImplementedError):
            if library(self.d.program) == "numpy":
                return checked_witness(self.d.program, functions)
            return witness  # wrong under jax for another reason, which is told when it is asked
        return witness

    def _numpy_witness(self, functions: Functions) -> Witness | None:
        """None for jax's own code: NumPy arrays are changed in place where jax's are not, so they prove nothing there."""
        if library(self.d.program) == "jax":
            return None
        return numpy_witness(self.d.program, self.d.forward.function, functions)

    def _agree(self, witness: Witness, numpys: Witness) -> bool:
        """Whether jax, whose arrays never change, makes the same of the function's acts in place as NumPy does."""
        arrays = sample_inputs(inputs_of(self.d.program.inputs), program_sizes(self.d.program), 0)
        try:
            theirs = np.asarray(numpys({name: a.copy() for name, a in arrays.items()}), dtype=float)
            ours = np.asarray(witness({name: self.jax.numpy.asarray(a) for name, a in arrays.items()}), dtype=float)
        except Exception:  # whatever the user's own code raises
            return False
        return bool(np.allclose(ours, theirs, rtol=1e-4, atol=1e-4, equal_nan=True))

    @property
    def witness_text(self) -> str:
        text = f"jax {self.jax.__version__} in float64, on {self.witness.what}"
        return text if self.numpy is None else f"{text}; NumPy {np.__version__}, on {self.numpy.what}"

    def _numpy_value(self, witness: Witness, arrays: Arrays) -> Any:
        """What the function makes of copies of these arrays, or None where it cannot take NumPy's."""
        copies = {name: a.copy() for name, a in arrays.items()}
        try:
            value = np.asarray(witness(copies), dtype=float)
        except Exception as error:  # whatever the user's own code raises
            return self._no_numpy(error)
        if changed := [name for name, a in arrays.items() if not np.array_equal(a, copies[name])]:
            self.notes.append(f"{self.name} changes its argument {', '.join(changed)} in place; the exported code does not")
        return value

    def _no_numpy(self, error: Exception) -> None:
        """Code that may be jax's need not run on NumPy arrays; NumPy's own must, or say why it does not."""
        if library(self.d.program) == "numpy":
            if isinstance(error, IndexError | ValueError) and not isinstance(error, SymgradError):
                raise error
            if self.d.forward.function is not None:
                raise UnsupportedError(f"{self.name} does not run on NumPy arrays: {said(error)}") from error
            self.notes.append(f"not held against NumPy: {said(error)}")
        self.numpy = None

    # what jax says ------------------------------------------------------------------------------------------------------

    def ask(self, arrays: Arrays, v: Directions) -> Arrays:
        """jax's answers; whatever it stumbles over in the user's function is said in one line."""
        try:
            return dict(self._answers(arrays, v))
        except (SymgradError, IndexError, ValueError):
            raise
        except (TypeError, AttributeError, NameError, NotImplementedError) as error:
            raise UnsupportedError(f"jax cannot run {self.name}: {said(error)}") from error

    def ask_roughly(self, digits: int, arrays: Arrays, v: Directions) -> Arrays:
        """The same in arithmetic with fewer digits."""
        return dict(self._rough[digits](arrays, v))

    def _scalar_answers(self, arrays: Arrays, v: Directions) -> Arrays:
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

    def _array_answers(self, arrays: Arrays, v: Directions) -> Arrays:
        f, at = self._moving(arrays), tuple(arrays[w] for w in self.wrt)
        value, moved = self.jax.jvp(f, at, v)
        jacobian = self.jax.jacobian(f, tuple(range(len(at))))(*at)
        return {"value": value, "jvp": moved, "gradient": jacobian}

    def _moving(self, arrays: Arrays) -> Callable[..., Any]:
        """The witness as a function of the variables of the derivation alone, the other inputs held."""
        return lambda *moving: self.witness({**arrays, **dict(zip(self.wrt, moving, strict=True))})

    # what the derivation says -------------------------------------------------------------------------------------------

    def call(self, name: str, arrays: Arrays, *first: Any) -> Any:
        return getattr(self.module, name)(*first, **arrays, **self.functions)

    def value_and_gradient(self, arrays: Arrays) -> tuple[Any, Sequence[Any]]:
        """The value with its gradient, or with its Jacobian."""
        if self.d.is_scalar:
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
        found += self._scalar(point, gradient) if self.d.is_scalar else self._array(point, gradient)
        return [replace(c, got=np.asarray(c.got), wanted=np.asarray(c.wanted)) for c in found]

    def _on_numpy(self, value: Any, arrays: Arrays) -> list[Compared]:
        theirs = None if self.numpy is None else self._numpy_value(self.numpy, arrays)
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
        yield Compared("symmetry", "u'Hv = v'Hu", inner(point.u, product), inner(point.v, self.call("hvp", arrays, point.u)))

    def _array(self, point: Point, jacobian: Sequence[Any]) -> Iterator[Compared]:
        arrays, answers = point.arrays, point.answers
        moved = self.call("jvp", arrays, point.v)[0]
        yield Compared("jvp", "", moved, answers["jvp"], self._along(self._value, point, moved))
        yield from self._each("jacobian", jacobian, answers["gradient"], self._of_value(arrays))

    def _each(
        self, quantity: str, got: Sequence[Any], wanted: Sequence[Any], of: Callable[[Node, Any], ByDifferences], row: str = ""
    ) -> Iterator[Compared]:
        """One comparison a variable."""
        for v, ours, theirs in zip(self.d.wrt, got, wanted, strict=True):
            yield Compared(quantity, f"{row}{v}", ours, theirs, of(v, ours))

    def _equations(self, arrays: Arrays, answers: Arrays) -> Iterator[Compared]:
        """Every named intermediate and its adjoint, each equation evaluated as it is printed."""
        ours = evaluate(self.d.adjoint, arrays, self.functions)
        for z, bar in _bars(self.d.adjoint):
            if z in answers["adjoints"]:
                yield Compared("forward equation", z, ours[z], answers["intermediates"][z])
                differences = self._of_move(z, arrays, ours[z], ours[bar])
                yield Compared("adjoint equation", bar, ours[bar], answers["adjoints"][z], differences)

    # differences, where jax has nan -------------------------------------------------------------------------------------

    @cached_property
    def _value(self) -> Callable[[Arrays], Any]:
        """The witness's value."""
        return self.jax.jit(lambda arrays: self.witness(arrays))

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
        value = self.jax.jit(lambda move: self.perturbed(arrays, {z: move})[0])
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


def inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in zip(a, b, strict=True)))


def said(error: Exception) -> str:
    """The first line of an error of somebody else's."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _bars(adjoint: Any) -> Iterator[tuple[str, str]]:
    """Every named intermediate with the name of its adjoint, in the order of the adjoint equations."""
    names = {eq.symbol.params["symbol"]: eq.name for eq in adjoint.equations}
    for eq in adjoint.equations:
        match eq.symbol.params["symbol"]:
            case ("bar", inner, *_) if inner in names:
                yield names[inner], eq.name
