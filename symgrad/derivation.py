"""What `forward` and `derive` return: a forward pass, and everything derived from it, joined and kept."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import symgrad.ops
import symgrad.reading.sympy_door  # noqa: F401  (registers Program.from_sympy)
from symgrad.checking.evaluation import evaluate
from symgrad.checking.sampling import ENLARGED, inputs_of, program_sizes, sample_inputs
from symgrad.core.dimensions import size_of
from symgrad.core.files import split_target
from symgrad.core.flops import known_sizes, symbols_of
from symgrad.core.graph import postorder, substitute
from symgrad.core.op import SYMMETRIC, Node, variable
from symgrad.core.program import PASSES, Equation, Program, fresh
from symgrad.costs.summary import Cost
from symgrad.derive.adjoints import adjoint
from symgrad.derive.probabilities import by_name, differentiable
from symgrad.derive.simplification import legible, readable, simplified, simplify
from symgrad.derive.tangents import direction_names, tangent
from symgrad.errors import InputError, UnsupportedError
from symgrad.export.loading import load
from symgrad.export.numpy import Sources, numpy_module
from symgrad.export.selftest import example_functions
from symgrad.export.targets import Target, target_of
from symgrad.ops.generic import functions_of
from symgrad.planning.plans import Plan, cheapest, diagonal_program, hessian_plans, jacobian_plans
from symgrad.printing.document import embedded, save
from symgrad.printing.equations import align, legend, listing, reordered, restated
from symgrad.printing.identifiers import Notation
from symgrad.printing.latex import Show, Theme
from symgrad.printing.letters import Letters
from symgrad.printing.notation import notation_of
from symgrad.printing.sharing import Sharing
from symgrad.printing.sympy_form import sympy_of
from symgrad.reading.door import read_file, read_function, read_text
from symgrad.second.assembly import commute, factored
from symgrad.second.curvature import gauss_newton
from symgrad.second.hessian import Block, block

MOST_READ = 120
"""Equations of a backward pass above which no second derivative has a closed form short enough to look for."""

MOST_MOVED = 1_000
"""Equations, those of the backward pass once a variable, above which products along one direction at a time are the only plan."""

LARGEST_CLOSED_FORM = 10_000
"""Nodes, counted as a tree, above which an expanded closed form is refused: it would not be read."""


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


class _Gradients(Mapping[str, Node]):
    """Gradients by the name of their variable."""

    def __init__(self, table: dict[str, Node]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> Node:
        if name not in self._table:
            raise InputError(f"{name!r} was not derived; derived are {', '.join(self._table)}")
        return self._table[name]

    def __iter__(self) -> Any:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


class _Blocks(Mapping[tuple[str, str], Block]):
    """Hessian blocks, made when they are asked for."""

    def __init__(self, derivation: Derivation) -> None:
        self._derivation = derivation

    def __getitem__(self, key: tuple[str, str]) -> Block:
        names = [str(v) for v in self._derivation.wrt]
        if not (isinstance(key, tuple) and len(key) == 2 and set(key) <= set(names)):
            raise InputError(f"a Hessian block is named by two of {', '.join(names)}, as in d.hessian[{names[0]!r}, {names[-1]!r}]")
        return self._derivation.block(*key)

    def __iter__(self) -> Any:
        names = [str(v) for v in self._derivation.wrt]
        return iter([(a, b) for a in names for b in names])

    def __len__(self) -> int:
        return len(self._derivation.wrt) ** 2


class Derivation:
    """The backward equations of a forward pass with respect to some of its inputs, and all that follows from them.

    `adjoint` and `tangent` are Programs: the backward pass, and its tangent (the Hessian-vector product); where the value is no
    scalar, `tangent` is the Jacobian-vector product and there is no adjoint.
    """

    def __init__(self, forward: Forward, names: tuple[str, ...]) -> None:
        self.forward, self.program = forward, forward.program
        floats = [v for v in self.program.inputs if "int" not in v.params["properties"]]
        self.wrt: tuple[Node, ...] = tuple(self.program.input(n) for n in names) or tuple(floats)
        if len(set(self.wrt)) != len(self.wrt):
            raise InputError(f"a variable is named twice in {', '.join(names)}")
        if labels := [v for v in self.wrt if v not in floats]:
            raise InputError(f"{labels[0]} holds integer labels; there is no derivative in it")

    @property
    def is_scalar(self) -> bool:
        return self.program.output.ndim == 0

    # programs -----------------------------------------------------------------------------------------------------------

    @cached_property
    def _normal(self) -> Program:
        """The forward pass in the form that differentiates best; equal for any inputs, no property used."""
        return differentiable(self.program)

    @cached_property
    def _adjoint(self) -> Program:
        """The adjoint before any property of a variable is used: what is differentiated again."""
        if not self.is_scalar:
            raise InputError(
                f"{self.program.name} has a value of shape {self.program.output.shape}, not a scalar; ask for its jacobian"
            )
        return adjoint(self._normal, self.wrt)

    @cached_property
    def adjoint(self) -> Program:
        """The forward equations followed by one adjoint equation each; outputs are the value and the gradients."""
        return simplified(self._adjoint)

    @cached_property
    def directions(self) -> dict[Node, Node]:
        """The direction that stands for each variable in products."""
        return direction_names(self.program, self.wrt)

    @cached_property
    def tangent(self) -> Program:
        """The Hessian-vector product of a scalar program, the Jacobian-vector product of any other."""
        if not self.is_scalar:
            return simplified(tangent(self._normal, self.directions))
        raw = self._adjoint
        return simplified(tangent(raw, self.directions, raw.outputs[1:]).needed())

    def block(self, row: str, column: str) -> Block:
        """One block of the Hessian as a structured linear map; of the Jacobian where the value is no scalar (`row` is unused)."""
        return replace(self._block(row, column), derivation=self)

    def _block(self, row: str, column: str) -> Block:
        b = self.program.input(column)
        v = self.directions[b]
        if not self.is_scalar:
            moved = self._pushed(b)
            return block(moved, moved.outputs[0], self.program.output, b, v)
        a = self.program.input(row)
        moved, _ = self._moved(self.wrt.index(b), [self.wrt.index(a)])
        return block(moved, moved.outputs[0], a, b, v, self.program.output)

    def gauss_newton_block(self, row: str, column: str) -> Block:
        """One block of J^T H_L J, the Gauss-Newton matrix; raises `InputError` where there is none."""
        a, b = self.program.input(row), self.program.input(column)
        v = self.directions[b]
        raw = self._model_and_loss({b: v})
        return replace(block(simplified(raw), raw.outputs[self.wrt.index(a)], a, b, v), letter="G", derivation=self)

    @property
    def gauss_newton(self) -> Program:
        """The product of the Gauss-Newton matrix J^T H_L J with the directions, for a model followed by a loss.

        For the negative log-likelihood of an exponential family in its natural parameters it is the product with the Fisher matrix.
        Raises `InputError` where the program is no model followed by a loss.
        """
        return simplified(self._model_and_loss(self.directions))

    def _model_and_loss(self, directions: dict[Node, Node]) -> Program:
        raw = gauss_newton(self._normal, self.wrt, directions) if self.is_scalar else None
        if raw is None:
            raise InputError(
                f"{self.program.name} is no model followed by a loss: no array stands between the variables and the value"
            )
        return raw

    @cached_property
    def commutes(self) -> bool:
        """Is the Hessian symmetric in every direction?  One that is not, as jax.hessian has it, comes column by column."""
        return not self.is_scalar or commute(self._normal, self.wrt)

    @cached_property
    def plans(self) -> list[Plan]:
        """The ways to all second derivatives (first ones, where the value is no scalar) as dense arrays."""
        if self._is_too_long or not self.commutes:
            return []
        if self.is_scalar:
            return hessian_plans(self.adjoint, self._upper, self.wrt, self._moved)
        seed = variable(fresh(f"{self.program.output}_bar", self.program.names), self.program.output.shape)
        raw = adjoint(self._normal, self.wrt, of=self.program.output, seed=seed)
        pulled = replace(raw, outputs=raw.outputs[1:]).needed()
        forward = [(self._pushed(v), self.directions[v]) for v in self.wrt]
        blocks = {} if self._is_too_deep else {j: self.block("", str(v)) for j, v in enumerate(self.wrt)}
        return jacobian_plans(simplified(self._normal), blocks, self.wrt, forward, (simplified(pulled), seed))

    @cached_property
    def plan(self) -> Plan | None:
        """The plan of fewest flops; None where products along one direction at a time are the only way."""
        return cheapest(self.plans)

    @property
    def _is_too_deep(self) -> bool:
        """Is there no hope of a closed form that is short?"""
        return 2 * len(self._normal.equations) > MOST_READ

    @property
    def _is_too_long(self) -> bool:
        """Are products along one direction at a time the only way that ends soon?"""
        return len(self.wrt) * 2 * len(self._normal.equations) > MOST_MOVED

    @property
    def _dense(self) -> Program | None:
        return None if self.plan is None else self.plan.program

    def _moved(self, column: int, rows: list[int]) -> tuple[Program, Node]:
        """Gradients moved in the direction of one variable, and that direction."""
        raw, b = self._adjoint, self.wrt[column]
        gradients = [raw.outputs[1 + i] for i in rows]
        return simplified(tangent(raw, {b: self.directions[b]}, gradients).needed()), self.directions[b]

    def _pushed(self, v: Node) -> Program:
        """The value of an array program moved in the direction of one variable."""
        return simplified(tangent(self._normal, {v: self.directions[v]}))

    @cached_property
    def _upper(self) -> dict[tuple[int, int], Block]:
        """The Hessian's blocks on and above the diagonal, those below are their transposes; none of a program too long for them."""
        if self._is_too_deep or self._is_too_long or not self.commutes:
            return {}
        return {(i, j): self.block(str(a), str(b)) for i, a in enumerate(self.wrt) for j, b in enumerate(self.wrt) if i <= j}

    @cached_property
    def _diagonal(self) -> Program | None:
        """The Hessian's diagonal, if it takes no loop over directions."""
        if not self.is_scalar or self._is_too_long:
            return None
        return diagonal_program(self.adjoint, self._upper, self.wrt, self._moved)

    @cached_property
    def _gauss_newton(self) -> Program | None:
        raw = gauss_newton(self._normal, self.wrt, self.directions) if self.is_scalar else None
        return None if raw is None else simplified(raw)

    @property
    def hessian(self) -> Mapping[tuple[str, str], Block]:
        """Blocks of the Hessian by the names of row and column."""
        return _Blocks(self)

    # formulas -----------------------------------------------------------------------------------------------------------

    @cached_property
    def stable_forms(self) -> tuple[Equation, ...]:
        """The equations that are differentiated in another form than typed, in that form, which neither cancels nor overflows."""
        typed = by_name(legible(self.program)).defined
        meant = by_name(legible(self._normal)).equations
        return tuple(eq for eq in meant if eq.symbol in typed and typed[eq.symbol].expr is not eq.expr)

    @cached_property
    def legible_adjoint(self) -> Program:
        """The adjoint as it is printed: fewer operations to read than to compute."""
        return by_name(legible(self.adjoint))

    @cached_property
    def gradient(self) -> Mapping[str, Node]:
        """Each variable's gradient over inputs, named intermediates and named adjoints."""
        defined = self.legible_adjoint.defined
        return _Gradients({str(v): defined[g].expr for v, g in zip(self.wrt, self.adjoint.outputs[1:], strict=True)})

    def closed_form(self, name: str) -> Node:
        """The gradient over the inputs alone; raises `UnsupportedError` where it would be too long to read.

        `closed_equations` is the same with names for what it repeats.
        """
        expr = substitute(self.gradient[name], _expanded(self.adjoint.equations))
        if (count := _tree_size(expr)) > LARGEST_CLOSED_FORM:
            raise UnsupportedError(f"the closed form in {name} has {count} operations; read it equation by equation")
        return readable(expr)

    def closed_equations(self, *names: str, letters: Letters | None = None) -> Program:
        """Closed forms as they are printed: what they repeat stands under the author's names, or under letters left free."""
        bars = dict(zip(map(str, self.wrt), self.adjoint.outputs[1:], strict=True))
        own = {readable(x): v for v, x in _expanded(self.program.equations).items()}
        closed = [Equation(bars[name], expr) for name, expr in {name: self.closed_form(name) for name in names or bars}.items()]
        equations = Sharing(letters or self._letters, own=own).of(closed)
        return Program(self.program.name, self.program.inputs, equations, tuple(eq.symbol for eq in closed))

    def sympy(self, name: str) -> Any:
        """The gradient as a SymPy matrix expression; raises `UnsupportedError` above rank 2 and where SymPy has no words."""
        return sympy_of(self.gradient[name])

    def latex(self, style: str = "partial", superscript: bool = False) -> str:
        """The whole derivation as LaTeX: forward, backward and product equations, in `align` environments."""
        show = self.show(Theme(style, superscript))
        notes = "\n".join((legend(self.program.inputs, show), *restated(self.stable_forms, show)))
        parts = [notes, *(align(p, show) for _, p in self.sections())]
        return "\n\n".join(part for part in parts if part)

    def sections(self) -> list[tuple[str, tuple[Equation, ...]]]:
        """The equations a reader sees, under their headings; what they repeat stands under letters, as asides."""
        return list(self._sections.items())

    @cached_property
    def _sections(self) -> dict[str, tuple[Equation, ...]]:
        forward = self.program.equations
        if not self.is_scalar:
            product = self.sharing.of(self._new(by_name(legible(self.tangent)), forward))
            return {"Forward pass": forward, "Jacobian-vector product": product, "Jacobian": self.sharing.of(self._jacobian())}
        backward = reordered(self._new(self.legible_adjoint, forward), forward)
        second = self._new(by_name(legible(self.tangent)), (*forward, *backward))
        return {
            "Forward pass": forward,
            "Backward pass": self.sharing.of(backward),
            "Hessian-vector product": self.sharing.of(second),
        }

    @cached_property
    def sharing(self) -> Sharing:
        """The letters of what is printed, one for the whole derivation."""
        named = [eq for eq in self.program.equations if eq.name != self.program.name]  # a value returned at once has no name
        readable = [eq for eq in legible(self.program).equations if eq.name != self.program.name]
        return Sharing(self._letters, [*named, *readable])

    @property
    def _letters(self) -> Letters:
        return Letters([*self.program.names, *self._functions, *(str(v) for v in self.directions.values())])

    @cached_property
    def _functions(self) -> list[str]:
        """Generic functions, by name."""
        return sorted(functions_of(postorder(eq.expr for eq in self.program.equations)))

    def show(self, theme: Theme | None = None) -> Show:
        """What prints this derivation, and any part of it: no two names, dimensions or letters of operations look alike."""
        return Show(theme, self._notation)

    @cached_property
    def _notation(self) -> Notation:
        printed = [eq for _, equations in self.sections() for eq in equations]
        symbols = [*self.program.symbols, *self.directions.values(), *(eq.symbol for eq in printed)]
        return notation_of(symbols, (eq.expr for eq in printed), self._functions)

    def _jacobian(self) -> tuple[Equation, ...]:
        """The Jacobian in each variable as a matrix, where it has a short one: with column-stacking vec above rank 1."""
        equations = []
        for v in self.wrt:
            matrix = self.block("", str(v)).matrix
            if matrix is not None:
                of = self.program.output.params["symbol"]
                symbol = variable(f"J_{v}", matrix.shape, symbol=("bar", v.params["symbol"], of))
                equations.append(Equation(symbol, matrix))
        return tuple(equations)

    def symmetrised(self, name: str) -> Node:
        """(G + G^T) / 2 of the gradient G in a variable declared symmetric: its part along symmetric directions.

        `gradient` stays the unconstrained one, as `jax.grad` gives it.
        """
        v = self.program.input(name)
        if not v.params["properties"] & SYMMETRIC:
            raise InputError(f'{name} is not declared symmetric; annotate it ({name}: "n n | symmetric")')
        G = self.gradient[name]
        return simplify((G + G.T) / 2)

    def _new(self, program: Program, known: tuple[Equation, ...]) -> tuple[Equation, ...]:
        symbols = {eq.symbol for eq in known}
        return tuple(eq for eq in program.equations if eq.symbol not in symbols)

    def __str__(self) -> str:
        show = self.show()
        return "\n\n".join(f"{title}\n{listing(equations, show)}" for title, equations in self.sections() if equations)

    def _repr_latex_(self) -> str:
        return self.latex()

    def _repr_html_(self) -> str:
        return embedded(self)

    def values(self, point: Mapping[str, Any], program: Program | None = None) -> dict[str, Any]:
        """The number or array of every symbol of the backward pass at a point: intermediates and adjoints by name.

        The point holds a value for each input, and a function for each generic one.
        """
        program = program or (self.adjoint if self.is_scalar else self.program)
        inputs = {k: v for k, v in point.items() if not callable(v)}
        if missing := [str(v) for v in program.inputs if str(v) not in inputs]:
            raise InputError(f"the point gives no value for {', '.join(missing)}")
        if wrong := [v for v in program.inputs if np.ndim(inputs[str(v)]) != v.ndim]:
            raise InputError(f"the point gives {wrong[0]} {np.ndim(inputs[str(wrong[0])])} axes, and it has {wrong[0].ndim}")
        return evaluate(program, inputs, {k: v for k, v in point.items() if callable(v)})

    # code ---------------------------------------------------------------------------------------------------------------

    def numpy(self) -> str:
        """One standalone module that imports numpy alone: value, grad, hvp, hessian and more, or value, jvp and jacobian."""
        return self.code("numpy")

    def code(self, target: str, sizes: Mapping[str, int] | None = None) -> str:
        """The module over `target`: "numpy", "jax" for one of pure functions that jax.jit takes, "numba" for compiled ones.

        `sizes` are those of dimensions that are known: products come in the order that costs least for them, and the code is right
        for any others.  Raises `InputError` for a target or a dimension that is not known, and `UnsupportedError` with the name of
        what the library has no words for.
        """
        known, over = known_sizes(self.program, sizes or {}), target_of(target)
        key = target, *known.items()
        if key not in self._texts:
            self._texts[key] = self._written(over, known)
        return self._texts[key]

    @cached_property
    def _texts(self) -> dict[Any, str]:
        return {}

    def _written(self, target: Target, sizes: Mapping[str, int]) -> str:
        directions = tuple(self.directions.values())
        adjoint = self.adjoint if self.is_scalar else None
        factors = factored(self.adjoint, self._upper) if self.is_scalar and self.commutes else None
        return numpy_module(
            Sources(
                forward=simplified(self._normal),
                wrt=self.wrt,
                directions=directions,
                adjoint=adjoint,
                tangent=self.tangent,
                dense=self._dense,
                diagonal=self._diagonal,
                factors=factors,
                gauss_newton=self._gauss_newton,
                equations={title: listing(equations, self.show()) for title, equations in self.sections()},
                sizes=self._shapes(),
                numbers={s: sizes[s.name] for s in symbols_of(self.program) if s.name in sizes},
            ),
            target,
        )

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """A shape for every input, all sizes different; larger ones where the program indexes beyond the small."""
        inputs = inputs_of(self.program.inputs)
        examples = example_functions(self.program)
        for least in ENLARGED:
            sizes = program_sizes(self.program, least=least)
            try:
                with np.errstate(all="ignore"):  # shapes alone matter here
                    evaluate(self.program, sample_inputs(inputs, sizes, 0), examples)
                break
            except (IndexError, ValueError):
                continue
        return {x.name: tuple(size_of(d, sizes) for d in x.shape) for x in inputs}

    def compile(self, target: str = "numpy", sizes: Mapping[str, int] | None = None) -> types.ModuleType:
        """That module, loaded; every function takes the inputs by name."""
        text = self.code(target, sizes)
        if text not in self._modules:
            self._modules[text] = load(text, self.program.name)
        return self._modules[text]

    @cached_property
    def _modules(self) -> dict[str, types.ModuleType]:
        return {}

    def cost(self, sizes: Mapping[str, int] | None = None, dtype: str = "float64") -> Cost:
        """Flops and memory as formulas in the dimensions, and as numbers where `sizes` has them; see `symgrad.costs.summary`."""
        return Cost(self, sizes, dtype)

    def partition(
        self,
        mesh: Mapping[str, int],
        plan: Mapping[str, Any] | None = None,
        sizes: Mapping[str, int] | None = None,
        dtype: str = "float64",
    ) -> Any:
        """The gradient split over a mesh of devices: equations, what is sent, what is held, and modules for JAX.

        A plan splits dimensions, `{"n": "data"}`, or the axes of single arrays, `{"W1": ("model", None)}`; see
        `symgrad.partition.sharding`.
        """
        from symgrad.partition.sharding import Partition  # noqa: PLC0415  (a layer above)

        return Partition(self, mesh, plan, sizes, dtype)

    def pipeline(
        self, ends: Sequence[str], batch: str, microbatches: int = 1, sizes: Mapping[str, int] | None = None, dtype: str = "float64"
    ) -> Any:
        """The gradient in stages, one a device, ended by these named values; the dimension `batch` is cut into microbatches."""
        from symgrad.partition.pipeline import Pipeline  # noqa: PLC0415  (a layer above)

        return Pipeline(self, ends, batch, microbatches, sizes, dtype)

    def verify(
        self,
        seeds: int | Sequence[int] = 2,
        tol: float = 1e-9,
        at: Mapping[str, Any] | None = None,
        **functions: Callable[..., Any],
    ) -> Any:
        """A report on the user's own function under jax, and on NumPy arrays where it may be NumPy's code.

        `seeds` are those of the random points, or how many; `at` gives one point of your own, an array for each input.
        Raises `VerificationError` with the report if anything disagrees.
        """
        from symgrad.checking.verification import verify  # noqa: PLC0415  (a layer above, and it needs jax)

        return verify(self, seeds, tol, at, **functions)

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write the derivation in the form that the suffix names.

        Documents (.tex, .pdf, .html, .md, .ipynb) take `level` ("result", "adjoints", "steps"), `report` (what `verify` returned),
        `style` and `superscript`; pictures (.svg, .png) take `point` (numbers for the inputs: values above each wire, gradients
        below), `digits`, `second` (the tangent program too), `detail` ("equations", "operations") and `groups`.
        Code (.py) takes `target`, as `code` does.  Raises `InputError` for a suffix or an option that is not known, and where the
        program that makes the file is missing.
        """
        path = Path(path)
        save(self, path, options)
        return path


def _expanded(equations: Iterable[Equation]) -> dict[Node, Node]:
    """Every symbol over the inputs alone."""
    table: dict[Node, Node] = {}
    for eq in equations:
        table[eq.symbol] = substitute(eq.expr, table)
    return table


def _tree_size(root: Node) -> int:
    """Operations counted as often as they would be printed."""
    sizes: dict[Node, int] = {}
    for node in postorder([root]):
        sizes[node] = 1 + sum(sizes[a] for a in node.args)
    return sizes[root]


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
