"""What is printed of a derivation: its sections, closed forms, and the letters and names that all of it shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from symgrad.core.graph import postorder, substitute
from symgrad.core.op import SYMMETRIC, Node, variable
from symgrad.core.program import Equation, Program
from symgrad.core.roles import Adjoint
from symgrad.derive.probabilities import by_name
from symgrad.derive.simplification import readable, simplify
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.generic import functions_of
from symgrad.passes import Passes
from symgrad.printing.equations import align_environment, legend, listing, reordered, restated
from symgrad.printing.identifiers import Notation
from symgrad.printing.latex import Show, Theme
from symgrad.printing.letters import Letters
from symgrad.printing.notation import notation_of
from symgrad.printing.sharing import Sharing
from symgrad.second.hessian import Block

LARGEST_CLOSED_FORM = 10_000
"""Nodes, counted as a tree, above which an expanded closed form is refused: it would not be read."""


class Formulary:
    """The printed equations of a derivation: the same programs with fewer operations to read than to compute."""

    def __init__(self, passes: Passes) -> None:
        self.passes, self.program, self.wrt = passes, passes.program, passes.wrt
        self._legible = passes.simplifier.legible
        self._shows: dict[Theme, Show] = {}

    # gradients ----------------------------------------------------------------------------------------------------------

    @cached_property
    def legible_adjoint(self) -> Program:
        """The adjoint as it is printed."""
        return by_name(self._legible(self.passes.adjoint))

    @cached_property
    def gradient(self) -> Mapping[str, Node]:
        """Each variable's gradient over inputs, named intermediates and named adjoints."""
        defined = self.legible_adjoint.defined
        return _Gradients({str(v): defined[g].expr for v, g in zip(self.wrt, self.passes.adjoint.outputs[1:], strict=True)})

    def closed_form(self, name: str) -> Node:
        """The gradient over the inputs alone; raises `UnsupportedError` where it would be too long to read."""
        expr = substitute(self.gradient[name], _expanded(self.passes.adjoint.equations))
        if (count := _tree_size(expr)) > LARGEST_CLOSED_FORM:
            raise UnsupportedError(f"the closed form in {name} has {count} operations; read it equation by equation")
        return readable(expr)

    def closed_equations(self, *names: str, letters: Letters | None = None) -> Program:
        """Closed forms as they are printed: what they repeat stands under the author's names, or under letters left free."""
        bars = dict(zip(map(str, self.wrt), self.passes.adjoint.outputs[1:], strict=True))
        own = {readable(x): v for v, x in _expanded(self.program.equations).items()}
        closed = [Equation(bars[name], expr) for name, expr in {name: self.closed_form(name) for name in names or bars}.items()]
        equations = Sharing(letters or self._letters, own=own).of(closed)
        return Program(self.program.name, self.program.inputs, equations, tuple(eq.symbol for eq in closed))

    def symmetrised(self, name: str) -> Node:
        """(G + G^T) / 2 of the gradient G in a variable declared symmetric."""
        v = self.program.input(name)
        if not v.params["properties"] & SYMMETRIC:
            raise InputError(f'{name} is not declared symmetric; annotate it ({name}: "n n | symmetric")')
        G = self.gradient[name]
        return simplify((G + G.T) / 2)

    # blocks -------------------------------------------------------------------------------------------------------------

    @property
    def hessian(self) -> Mapping[tuple[str, str], Block]:
        """Blocks of the Hessian by the names of row and column."""
        return _Blocks(self)

    def block(self, row: str, column: str) -> Block:
        """One block of the Hessian, or of the Jacobian, which prints with the letters and names of this derivation."""
        return replace(self.passes.block(row, column), formulas=self)

    def gauss_newton_block(self, row: str, column: str) -> Block:
        """One block of J^T H_L J, likewise."""
        return replace(self.passes.gauss_newton_block(row, column), formulas=self)

    # sections -----------------------------------------------------------------------------------------------------------

    @cached_property
    def stable_forms(self) -> tuple[Equation, ...]:
        """The equations that are differentiated in another form than typed, in that form, which neither cancels nor overflows."""
        typed = by_name(self._legible(self.program)).defined
        meant = by_name(self._legible(self.passes.normal)).equations
        return tuple(eq for eq in meant if eq.symbol in typed and typed[eq.symbol].expr is not eq.expr)

    @cached_property
    def sections(self) -> dict[str, tuple[Equation, ...]]:
        """The equations a reader sees, under their headings; what they repeat stands under letters, as asides."""
        forward = self.program.equations
        if not self.passes.is_scalar:
            product = self.sharing.of(_new(by_name(self._legible(self.passes.tangent)), forward))
            return {"Forward pass": forward, "Jacobian-vector product": product, "Jacobian": self.sharing.of(self._jacobian())}
        backward = reordered(_new(self.legible_adjoint, forward), forward)
        second = _new(by_name(self._legible(self.passes.tangent)), (*forward, *backward))
        return {
            "Forward pass": forward,
            "Backward pass": self.sharing.of(backward),
            "Hessian-vector product": self.sharing.of(second),
        }

    def _jacobian(self) -> Iterator[Equation]:
        """The Jacobian in each variable as a matrix, where it has a short one: with column-stacking vec above rank 1."""
        of = self.program.output.params["role"]
        for v in self.wrt:
            matrix = self.passes.block("", str(v)).matrix
            if matrix is not None:
                yield Equation(variable(f"J_{v}", matrix.shape, role=Adjoint(v.params["role"], of)), matrix)

    @cached_property
    def sharing(self) -> Sharing:
        """The letters of what is printed, one for the whole derivation."""
        named = [eq for eq in self.program.equations if eq.name != self.program.name]  # a value returned at once has no name
        readable = [eq for eq in self._legible(self.program).equations if eq.name != self.program.name]
        return Sharing(self._letters, [*named, *readable])

    @property
    def _letters(self) -> Letters:
        return Letters([*self.program.names, *self._functions, *(str(v) for v in self.passes.directions.values())])

    @cached_property
    def _functions(self) -> list[str]:
        """Generic functions, by name."""
        return sorted(functions_of(postorder(eq.expr for eq in self.program.equations)))

    # text ---------------------------------------------------------------------------------------------------------------

    def show(self, theme: Theme | None = None) -> Show:
        """What prints this derivation, and any part of it: no two names, dimensions or letters of operations look alike."""
        return Show(theme, self._notation)

    @cached_property
    def _notation(self) -> Notation:
        printed = [eq for equations in self.sections.values() for eq in equations]
        symbols = [*self.program.symbols, *self.passes.directions.values(), *(eq.symbol for eq in printed)]
        return notation_of(symbols, (eq.expr for eq in printed), self._functions)

    def _show(self, theme: Theme) -> Show:
        """The one that prints the sections in this theme, each node once."""
        if theme not in self._shows:
            self._shows[theme] = self.show(theme)
        return self._shows[theme]

    @cached_property
    def listings(self) -> dict[str, str]:
        """Each section as a terminal shows it."""
        show = self._show(Theme())
        return {title: listing(equations, show) for title, equations in self.sections.items()}

    def latex(self, theme: Theme) -> str:
        """The whole derivation in `align` environments."""
        show = self._show(theme)
        notes = "\n".join((legend(self.program.inputs, show), *restated(self.stable_forms, show)))
        parts = [notes, *(align_environment(equations, show) for equations in self.sections.values())]
        return "\n\n".join(part for part in parts if part)

    def __str__(self) -> str:
        return "\n\n".join(f"{title}\n{text}" for title, text in self.listings.items() if self.sections[title])


class _Gradients(Mapping[str, Node]):
    """Gradients by the name of their variable."""

    def __init__(self, table: dict[str, Node]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> Node:
        if name not in self._table:
            raise InputError(f"{name!r} was not derived; derived are {', '.join(self._table)}")
        return self._table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


class _Blocks(Mapping[tuple[str, str], Block]):
    """Hessian blocks, made when they are asked for."""

    def __init__(self, formulas: Formulary) -> None:
        self._formulas, self._names = formulas, [str(v) for v in formulas.wrt]

    def __getitem__(self, key: tuple[str, str]) -> Block:
        if not (isinstance(key, tuple) and len(key) == 2 and set(key) <= set(self._names)):
            first, last = self._names[0], self._names[-1]
            raise InputError(f"a Hessian block is named by two of {', '.join(self._names)}, as in d.hessian[{first!r}, {last!r}]")
        return self._formulas.block(*key)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter([(a, b) for a in self._names for b in self._names])

    def __len__(self) -> int:
        return len(self._names) ** 2


def _new(program: Program, known: tuple[Equation, ...]) -> tuple[Equation, ...]:
    symbols = {eq.symbol for eq in known}
    return tuple(eq for eq in program.equations if eq.symbol not in symbols)


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
