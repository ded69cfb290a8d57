"""What `forward` and `derive` return: a forward pass, and everything derived from it.

A Derivation holds the programs (`symgrad.passes`), their print (`symgrad.printing.formulas`) and their code (`symgrad.modules`),
and is where one asks for any of them.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import symgrad.reading.sympy_door  # noqa: F401  (registers Program.from_sympy)
from symgrad.checking.libraries import import_jax
from symgrad.checking.points import values_at
from symgrad.checking.report import Report
from symgrad.checking.verification import compare
from symgrad.core.files import split_target
from symgrad.core.op import Node
from symgrad.core.program import PASSES, Equation, Program
from symgrad.costs.summary import Cost
from symgrad.errors import InputError
from symgrad.modules import Modules
from symgrad.partition.pipeline import Pipeline
from symgrad.partition.sharding import Partition
from symgrad.passes import Passes, chosen
from symgrad.printing.document import embedded, save
from symgrad.printing.formulas import Formulary
from symgrad.printing.latex import Show, Theme
from symgrad.printing.letters import Letters
from symgrad.printing.sharing import Sharing
from symgrad.printing.sympy_form import sympy_of
from symgrad.reading.door import read_file, read_function, read_text
from symgrad.second.hessian import Block


class Forward:
    """A forward pass: still callable as the function it was made from, with its `program` of named equations."""

    def __init__(self, program: Program, function: Callable[..., Any] | None = None) -> None:
        self.program, self.function = program, function
        self.__name__ = program.name
        self.__doc__ = getattr(function, "__doc__", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.function is not None:
            return self.function(*args, **kwargs)
        return self.derive().compile().value(*args, **kwargs)

    def derive(self, *wrt: str) -> Derivation:
        """The derivation with respect to these inputs, in this order; without names, to every input of real numbers."""
        return Derivation(self, wrt)

    def __repr__(self) -> str:
        return f"<forward {self.program.name}({', '.join(map(str, self.program.inputs))})>"

    def __str__(self) -> str:
        return str(self.program)


def forward(source: Any = None, /, **shapes: str) -> Any:
    """Read a forward pass: a function (also as a decorator), its source text, or the `Path` of its file; of several functions in a
    file the one that the path names, `Path("models.py:ridge")`.

    Nothing is executed.  `shapes` gives or replaces annotations: `forward(fn, x="d", W="h d")`.
    Raises `InputError` or `UnsupportedError` with the file, the line and the way out.

    >>> import symgrad as sg
    >>> print(sg.forward('def f(x: "n", A: "n n"): return x @ A @ x').derive("x").gradient["x"])
    (Aᵀ + A) x
    """
    if source is None:
        return lambda fn: forward(fn, **shapes)
    if isinstance(source, Path):
        path, function = split_target(str(source))
        return Forward(read_file(path, shapes, function))
    if isinstance(source, str):
        return Forward(read_text(source, shapes))
    return Forward(read_function(source, shapes), source)


class Derivation:
    """The backward equations of a forward pass with respect to some of its inputs, and all that follows from them.

    `adjoint` and `tangent` are Programs: the backward pass, and its tangent (the Hessian-vector product); where the value is no
    scalar, `tangent` is the Jacobian-vector product and there is no adjoint.
    """

    def __init__(self, forward: Forward, names: tuple[str, ...]) -> None:
        self.forward, self.program = forward, forward.program
        self.wrt = chosen(self.program, names)
        self.passes = Passes(self.program, self.wrt)
        self.formulas = Formulary(self.passes)
        self.modules = Modules(self.formulas)

    # programs -----------------------------------------------------------------------------------------------------------

    @property
    def is_scalar(self) -> bool:
        return self.passes.is_scalar

    @property
    def adjoint(self) -> Program:
        """The forward equations followed by one adjoint equation each; outputs are the value and the gradients."""
        return self.passes.adjoint

    @property
    def directions(self) -> dict[Node, Node]:
        """The direction that stands for each variable in products."""
        return self.passes.directions

    @property
    def tangent(self) -> Program:
        """The Hessian-vector product of a scalar program, the Jacobian-vector product of any other."""
        return self.passes.tangent

    def block(self, row: str, column: str) -> Block:
        """One block of the Hessian as a structured linear map; of the Jacobian where the value is no scalar (`row` is unused)."""
        return self.formulas.block(row, column)

    def gauss_newton_block(self, row: str, column: str) -> Block:
        """One block of J^T H_L J, the Gauss-Newton matrix; raises `InputError` where there is none."""
        return self.formulas.gauss_newton_block(row, column)

    @property
    def gauss_newton(self) -> Program:
        """The product of the Gauss-Newton matrix J^T H_L J with the directions, for a model followed by a loss.

        For the negative log-likelihood of an exponential family in its natural parameters it is the product with the Fisher matrix.
        Raises `InputError` where the program is no model followed by a loss.
        """
        return self.passes.gauss_newton

    @property
    def hessian(self) -> Mapping[tuple[str, str], Block]:
        """Blocks of the Hessian by the names of row and column."""
        return self.formulas.hessian

    # formulas -----------------------------------------------------------------------------------------------------------

    @property
    def stable_forms(self) -> tuple[Equation, ...]:
        """The equations that are differentiated in another form than typed, in that form, which neither cancels nor overflows."""
        return self.formulas.stable_forms

    @property
    def gradient(self) -> Mapping[str, Node]:
        """Each variable's gradient over inputs, named intermediates and named adjoints."""
        return self.formulas.gradient

    def closed_form(self, name: str) -> Node:
        """The gradient over the inputs alone; raises `UnsupportedError` where it would be too long to read.

        `closed_equations` is the same with names for what it repeats.
        """
        return self.formulas.closed_form(name)

    def closed_equations(self, *names: str, letters: Letters | None = None) -> Program:
        """Closed forms as they are printed: what they repeat stands under the author's names, or under letters left free."""
        return self.formulas.closed_equations(*names, letters=letters)

    def sympy(self, name: str) -> Any:
        """The gradient as a SymPy matrix expression; raises `UnsupportedError` above rank 2 and where SymPy has no words."""
        return sympy_of(self.gradient[name])

    def latex(self, style: str = "partial", superscript: bool = False) -> str:
        """The whole derivation as LaTeX: forward, backward and product equations, in `align` environments."""
        return self.formulas.latex(Theme(style, superscript))

    def sections(self) -> list[tuple[str, tuple[Equation, ...]]]:
        """The equations a reader sees, under their headings; what they repeat stands under letters, as asides."""
        return list(self.formulas.sections.items())

    @property
    def sharing(self) -> Sharing:
        """The letters of what is printed, one for the whole derivation."""
        return self.formulas.sharing

    def show(self, theme: Theme | None = None) -> Show:
        """What prints this derivation, and any part of it: no two names, dimensions or letters of operations look alike."""
        return self.formulas.show(theme)

    def symmetrised(self, name: str) -> Node:
        """(G + G^T) / 2 of the gradient G in a variable declared symmetric: its part along symmetric directions.

        `gradient` stays the unconstrained one, as `jax.grad` gives it.
        """
        return self.formulas.symmetrised(name)

    def __str__(self) -> str:
        return str(self.formulas)

    def _repr_latex_(self) -> str:
        return self.latex()

    def _repr_html_(self) -> str:
        return embedded(self)

    def values(self, point: Mapping[str, Any], program: Program | None = None) -> dict[str, Any]:
        """The number or array of every symbol of the backward pass at a point: intermediates and adjoints by name.

        The point holds a value for each input, and a function for each generic one.
        """
        return values_at(program or (self.adjoint if self.is_scalar else self.program), point)

    # code ---------------------------------------------------------------------------------------------------------------

    def numpy(self) -> str:
        """One standalone module that imports numpy alone: value, grad, hvp, hessian and more, or value, jvp and jacobian."""
        return self.code("numpy")

    def code(self, target: str, sizes: Mapping[str, int] | None = None) -> str:
        """The module over `target`: "numpy", "jax" for one of pure functions that jax.jit takes, "numba" for compiled ones.

        `sizes` are those of known dimensions: products come in the order that costs least for them, and the code is right for any.
        Raises `InputError` for an unknown target or dimension, `UnsupportedError` naming what the library has no words for.
        """
        return self.modules.text(target, sizes)

    def compile(self, target: str = "numpy", sizes: Mapping[str, int] | None = None) -> types.ModuleType:
        """That module, loaded; every function takes the inputs by name."""
        return self.modules.loaded(target, sizes)

    # what is asked of it ------------------------------------------------------------------------------------------------

    def cost(self, sizes: Mapping[str, int] | None = None, dtype: str = "float64") -> Cost:
        """Flops and memory as formulas in the dimensions, and as numbers where `sizes` has them; see `symgrad.costs.summary`."""
        return Cost(self.modules, sizes, dtype)

    def partition(
        self,
        mesh: Mapping[str, int],
        plan: Mapping[str, Any] | None = None,
        sizes: Mapping[str, int] | None = None,
        dtype: str = "float64",
    ) -> Partition:
        """The gradient split over a mesh of devices: equations, what is sent, what is held, and modules for JAX.

        A plan splits dimensions, `{"n": "data"}`, or the axes of single arrays, `{"W1": ("model", None)}`; see
        `symgrad.partition.sharding`.
        """
        return Partition(self, mesh, plan, sizes, dtype)

    def pipeline(
        self, ends: Sequence[str], batch: str, microbatches: int = 1, sizes: Mapping[str, int] | None = None, dtype: str = "float64"
    ) -> Pipeline:
        """The gradient in stages, one a device, ended by these named values; the dimension `batch` is cut into microbatches."""
        return Pipeline(self, ends, batch, microbatches, sizes, dtype)

    def verify(
        self,
        seeds: int | Sequence[int] = 2,
        tol: float = 1e-9,
        at: Mapping[str, Any] | None = None,
        **functions: Callable[..., Any],
    ) -> Report:
        """Hold value, gradient, Hessian-vector product, Hessian (or Jacobian) and every adjoint equation against jax in float64.

        The value is held against the function on NumPy arrays too, unless it is jax's code.  `seeds` are those of random points, or
        how many; `at` gives one point instead.  Errors are relative to the largest entry of what is wanted.  A generic function is
        bound by its name, `verify(phi=jnp.tanh)`.  Raises `VerificationError` with the table if any disagrees, `InputError` for
        unbound functions and where nothing is finite, `UnsupportedError` without jax.
        """
        return self.compare(seeds, tol, at, **functions).raise_for_failure()

    def compare(
        self,
        seeds: int | Sequence[int] = 2,
        tol: float = 1e-9,
        at: Mapping[str, Any] | None = None,
        **functions: Callable[..., Any],
    ) -> Report:
        """What `verify` reports, returned whatever it says."""
        import_jax()  # before anything is derived for it
        return compare(self.passes, self.compile(), self.forward.function, seeds, tol, at, functions)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write the derivation in the form that the suffix names.

        Documents (.tex, .pdf, .html, .md, .ipynb) take `level` ("result", "adjoints", "steps"), `report` (what `verify` returned),
        `style` and `superscript`; pictures (.svg, .png) take `point` (numbers for the inputs: values above each wire, gradients
        below), `digits`, `second` (the tangent program too), `detail` ("equations", "operations") and `groups`.
        Code (.py) takes `target`, as `code` does.  Raises `InputError` for an unknown suffix or option, or a missing program.
        """
        return save(self, Path(path), options)


def _derive(program: Program, wrt: tuple[str, ...], of: str | None) -> Derivation:
    """Derive a program again: one of its symbols, with respect to any of its inputs."""
    whole = program.unsimplified or program
    if of is not None:
        found = [eq.symbol for eq in whole.equations if eq.name == of]
        if not found:
            raise InputError(f"program {program.name} assigns no {of!r}; it assigns {', '.join(eq.name for eq in whole.equations)}")
        whole = whole.needed(found)
    return Derivation(Forward(whole), wrt)


PASSES["derive"] = _derive
