"""The functions of a module, lowered: what each begins with, the statements of its program, and what it hands back."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy

from symgrad.core.dimensions import compound, in_order, places, unknown
from symgrad.core.op import CONSTANT, Node
from symgrad.core.program import Program, fresh
from symgrad.core.source import dim_source, dim_text
from symgrad.export.blocking import parted
from symgrad.export.docstrings import function_docstring
from symgrad.export.fitting import fitted_lines
from symgrad.export.lowered import Assign, Call, LoweredFunction, LoweredStatement, Return, names_of
from symgrad.export.release import released, without_unused
from symgrad.export.statements import Statements
from symgrad.export.syntax import Word, call_of, called, filled, name, same_names, tuple_of
from symgrad.export.targets import Target
from symgrad.export.writer import Writer

Result = Callable[[Sequence[ast.expr], str], Iterable[LoweredStatement]]
"""What a function ends with, from its results and the name that the dtype of the arguments has in compiled code."""


@dataclass(frozen=True)
class Frame:
    """What the functions of a module have in common: arguments, names that give way to the author's, texts."""

    target: Target
    inputs: tuple[Node, ...]
    wrt: tuple[Node, ...]
    directions: tuple[Node, ...]
    generics: tuple[str, ...]
    words: Mapping[str, str]
    """How the library, and functions of the module that others call, are spelled."""

    aliases: Mapping[str, str]
    reserved: frozenset[str]
    equations: Mapping[str, str]
    """Equations as text, by the function below which they stand."""

    gaps: tuple[sympy.Expr, ...]
    """What is left of axes beside their parts, which the sizes decide: never less than 0."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(str, self.inputs))

    @property
    def array(self) -> str:
        return self.spelled(self.target.array)

    def spelled(self, text: str) -> str:
        """The name of a type in the module's own name for the library."""
        library, dot, rest = text.partition(".")
        return self.words.get(library, library) + dot + rest

    def call(self, function: str, *first: ast.expr) -> ast.Call:
        """A function of the module at all arguments."""
        return call_of(function, *first, **same_names((*self.names, *self.generics)))

    def unpacked(self, dtype: str) -> Call:
        """The inputs held against their shapes; compiled code has their dtype beside them."""
        targets = (*self.names, *([dtype] if self.target.compiled else []))
        return Call(targets, call_of("_arrays", **same_names(self.names)))

    # functions ----------------------------------------------------------------------------------------------------------

    def lowered(
        self, function: str, program: Program, result: Result, returns: str, says: str, moves: bool = False, owned: bool = True
    ) -> Iterator[LoweredFunction]:
        """A function that computes the outputs of a program, after its kernel where code is compiled."""
        parts, reserved = parted(program) if self.target.writes else None, self.reserved | {str(v) for v in self.directions}
        statements = Statements(program, reserved, parts, self.target.writes, self.target.template)
        body = statements.emit()
        results: list[ast.expr] = [name(statements.names[v]) for v in program.outputs]
        if owned:
            results = [self._owned(program, v, r) for v, r in zip(program.outputs, results, strict=True)]
        taken, dtype = statements.taken, fresh("dtype", statements.taken)
        if self.target.compiled and results:
            arguments = [*(map(str, self.directions) if moves else ()), *self.names]
            yield self._kernel(function, arguments, [*body, Return(tuple_of(results))], taken)
            made = fresh("made", taken)
            body = [Assign(made, call_of("_results", call_of(f"_{function}", *map(name, arguments)), name(dtype)))]
            results = [filled(f"{{0}}[{k}]", name(made)) for k in range(len(results))]
        body = [*self.size_checks(), *body, *result(results, dtype)]
        sizes, words = self.sizes(body, taken)
        body = without_unused([self.unpacked(dtype), *([self._like()] if moves else []), *sizes, *body])
        if self.target.writes:
            body = released(body, {n for v, n in statements.names.items() if v.ndim > 1 and n not in self.names})
        yield self.function(function, returns, says, body, moves, words=words, taken=taken)

    def _like(self) -> Call:
        return Call(tuple(map(str, self.directions)), call_of("_like", Word("direction"), **same_names(map(str, self.wrt))))

    def _kernel(
        self, function: str, arguments: Sequence[str], body: Sequence[LoweredStatement], taken: set[str]
    ) -> LoweredFunction:
        """The statements alone, on arrays that are held against their shapes already, as numba compiles them at the first call."""
        sizes, words = self.sizes(body, taken)
        says = f'    """The statements of `{function}`, compiled when they are first called."""'
        top = '@numba.njit(error_model="numpy", boundscheck=True)'
        body = tuple(self._fitted([*sizes, *body], words, taken))
        return LoweredFunction(words[f"_{function}"], tuple(arguments), body, says=says, words=words, top=top)

    def function(
        self,
        function: str,
        returns: str,
        says: str,
        body: Sequence[LoweredStatement],
        moves: bool = False,
        generics: bool = True,
        words: Mapping[str, str] | None = None,
        taken: Iterable[str] = (),
    ) -> LoweredFunction:
        """A function of the module from its statements."""
        words = self.words if words is None else words
        return LoweredFunction(
            function,
            tuple(self._parameters(moves, generics)),
            tuple(self._fitted(body, words, taken)),
            f" -> {returns}",
            function_docstring(says, self.equations.get(function, "")),
            words,
        )

    def _fitted(
        self, body: Sequence[LoweredStatement], words: Mapping[str, str], taken: Iterable[str]
    ) -> Iterator[LoweredStatement]:
        writer, names = Writer(words), {*self.reserved, *self.names, *taken}
        return (part for statement in body for part in fitted_lines(statement, writer, names))

    def _parameters(self, moves: bool, generics: bool) -> Iterator[str]:
        if moves:
            yield from (f"{self.words['direction']}: Sequence[{self.array}]", "/")
        for v in self.inputs:
            yield f"{v}: {self.array if v.ndim else 'int' if is_label(v) else 'float'}"
        if self.generics and generics:
            yield from ("*", *(f"{f}: Callable[..., {self.array}]" for f in self.generics))

    # dimensions and dtypes ----------------------------------------------------------------------------------------------

    def sizes(self, body: Sequence[LoweredStatement], taken: set[str]) -> tuple[list[LoweredStatement], dict[str, str]]:
        """Sizes are read off the arrays once, under the dimension's name or the first that is free."""
        words, made = dict(self.words), list[LoweredStatement]()
        read = names_of(body).words
        dims = dict.fromkeys(word.removeprefix("_dim_") for word in read if word.startswith("_dim_"))
        for dim in in_order(dims, places(self.inputs)):
            words[f"_dim_{dim}"] = fresh(dim if dim not in taken else f"n_{dim}", taken)
            taken.add(words[f"_dim_{dim}"])
            made.append(self._read_off(dim, words[f"_dim_{dim}"]))
        if self.target.compiled:
            words["_dtype"] = f"{words['np']}.float64"
        elif "_dtype" in read:
            words["_dtype"] = fresh("dtype", taken)
            floats = [name(str(v)) for v in self.inputs if not is_label(v)]
            made.append(Assign(words["_dtype"], called(filled("np.result_type"), floats)))
        return made, words

    def _read_off(self, dim: str, size: str) -> LoweredStatement:
        """The size of a dimension under its name, from an axis of which all else is known."""
        if (place := places(self.inputs).get(dim)) is None:
            raise unknown(dim)
        shifted = f"{{0}}.shape[{place.axis}]" + (f" + {dim_source(-place.offset)}" if place.offset else "")
        return Assign(size, filled(shifted if place.factor == 1 else f"({shifted}) // {place.factor}", name(str(place.input))))

    def size_checks(self) -> Iterator[LoweredStatement]:
        """What must hold between the dimensions and no name alone says: axes that are expressions, and slices of axes."""
        for v, axis, d in compound(self.inputs):
            said = ast.Constant(str(v)), ast.Constant(axis), ast.Constant(dim_text(d))
            yield Call((), call_of("_same_size", *said, filled(f"{{0}}.shape[{axis}]", name(str(v))), filled(dim_source(d))))
        for gap in self.gaps:
            yield Call((), call_of("_has_room", ast.Constant(dim_text(gap)), filled(dim_source(gap))))

    # results ------------------------------------------------------------------------------------------------------------

    def _owned(self, program: Program, output: Node, result: ast.expr) -> ast.expr:
        """Results are arrays or NumPy scalars, share no memory with an input, and are never a read-only view."""
        node = output
        while node in program.defined or node.op.name in ("transpose", "diagonal", "reshape"):
            node = program.defined[node].expr if node in program.defined else node.args[0]
        if node.op is CONSTANT:
            return result if self.target.compiled else filled("_dtype.type({0})", result)
        is_shared = output.ndim and self.target.shares and node.op.name in ("variable", "broadcast")
        return filled("{0}.copy()", result) if is_shared else result


def is_label(v: Node) -> bool:
    return "int" in v.params["properties"]
