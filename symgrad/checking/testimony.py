"""What the witnesses of a derivation say: the user's own function under jax, and on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symgrad.checking.agreement import DIGITS
from symgrad.checking.generics import Functions
from symgrad.checking.libraries import import_jax
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
from symgrad.core.program import Program
from symgrad.core.roles import Adjoint
from symgrad.errors import SymgradError, UnsupportedError
from symgrad.passes import Passes

Arrays = dict[str, Any]
Directions = tuple[Any, ...]


class Testimony:
    """The user's function: called as it is where it was handed over live, or its checked definition compiled over jax."""

    def __init__(self, passes: Passes, live: Callable[..., Any] | None, functions: Functions, notes: list[str]) -> None:
        self.passes, self.live, self.notes = passes, live, notes
        self.program, self.name = passes.program, passes.program.name
        self.jax = import_jax()
        self.wrt = [str(v) for v in passes.wrt]
        self.witness = self._choose_witness(functions)
        self.numpy = self._numpy_witness(functions)
        self.perturbed = perturbed_witness(self.program, functions)
        if self.numpy is not None and acts_in_place(self.program) and not self._agree(self.numpy):
            self.witness = mutable_witness(self.program, functions)
            self.perturbed = unperturbed(self.witness)
        answers = self._scalar_answers if passes.is_scalar else self._array_answers
        self._answers = self.jax.jit(answers)
        self._rough = {digits: self.jax.jit(roughened(answers, digits)) for digits in DIGITS}

    def _choose_witness(self, functions: Functions) -> Witness:
        """The live function, unless it is NumPy's code that jax cannot trace: then its definition."""
        if self.live is None:
            return checked_witness(self.program, functions)
        witness = live_witness(self.program, self.live, functions)
        inputs = inputs_of(self.program.inputs)
        try:
            self.jax.eval_shape(witness, sample_inputs(inputs, program_sizes(self.program), 0))
        except (self.jax.errors.JAXTypeError, self.jax.errors.JAXIndexError):
            return checked_witness(self.program, functions)
        except (TypeError, AttributeError, NameError, IndexError, ValueError, NotImplementedError):
            if library(self.program) == "numpy":
                return checked_witness(self.program, functions)
            return witness  # wrong under jax for another reason, which is told when it is asked
        return witness

    def _numpy_witness(self, functions: Functions) -> Witness | None:
        """None for jax's own code: NumPy arrays are changed in place where jax's are not, so they prove nothing there."""
        if library(self.program) == "jax":
            return None
        return numpy_witness(self.program, self.live, functions)

    def _agree(self, numpys: Witness) -> bool:
        """Whether jax, whose arrays never change, makes the same of the function's acts in place as NumPy does."""
        arrays = sample_inputs(inputs_of(self.program.inputs), program_sizes(self.program), 0)
        try:
            theirs = np.asarray(numpys({name: a.copy() for name, a in arrays.items()}), dtype=float)
            ours = np.asarray(self.witness({name: self.jax.numpy.asarray(a) for name, a in arrays.items()}), dtype=float)
        except Exception:  # whatever the user's own code raises
            return False
        return bool(np.allclose(ours, theirs, rtol=1e-4, atol=1e-4, equal_nan=True))

    @property
    def text(self) -> str:
        """Who they are, in a report."""
        text = f"jax {self.jax.__version__} in float64, on {self.witness.what}"
        return text if self.numpy is None else f"{text}; NumPy {np.__version__}, on {self.numpy.what}"

    def on_numpy(self, arrays: Arrays) -> Any:
        """What the function makes of copies of these arrays, or None where it cannot take NumPy's."""
        if self.numpy is None:
            return None
        copies = {name: a.copy() for name, a in arrays.items()}
        try:
            value = np.asarray(self.numpy(copies), dtype=float)
        except Exception as error:  # whatever the user's own code raises
            return self._no_numpy(error)
        if changed := [name for name, a in arrays.items() if not np.array_equal(a, copies[name])]:
            self.notes.append(f"{self.name} changes its argument {', '.join(changed)} in place; the exported code does not")
        return value

    def _no_numpy(self, error: Exception) -> None:
        """Code that may be jax's need not run on NumPy arrays; NumPy's own must, or say why it does not."""
        if library(self.program) == "numpy":
            if isinstance(error, IndexError | ValueError) and not isinstance(error, SymgradError):
                raise error
            if self.live is not None:
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
        moved = [z for z, _ in adjoint_names(self.passes.adjoint) if z in seen and seen[z].dtype.kind == "f"]
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


def said(error: Exception) -> str:
    """The first line of an error of somebody else's."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def adjoint_names(adjoint: Program) -> Iterator[tuple[str, str]]:
    """Every named intermediate with the name of its adjoint, in the order of the adjoint equations."""
    names = {eq.symbol.params["role"]: eq.name for eq in adjoint.equations}
    for eq in adjoint.equations:
        match eq.symbol.params["role"]:
            case Adjoint(of) if of in names:
                yield names[of], eq.name
