"""The functions that hold derivatives, lowered: a value, its gradient, products, all second (first) derivatives and maps."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from symgrad.core.program import Program, fresh
from symgrad.export.functions import Frame, Result, is_label
from symgrad.export.lowered import Assign, Call, LoweredFunction, LoweredStatement, Return
from symgrad.export.maps import by_factors, by_products
from symgrad.export.release import without_unused
from symgrad.export.sources import Sources
from symgrad.export.syntax import Word, call_of, filled, function_of, name, same_names, tuple_of

_GAUSS_NEWTON = "The Gauss-Newton matrix J^T H J times a direction: the curvature of the loss, not of the model."


@dataclass(frozen=True)
class Derivatives:
    """The functions of a module from their programs, scheduled and needed by nothing else."""

    sources: Sources
    frame: Frame
    programs: Mapping[str, Program]

    def scalar(self) -> Iterator[LoweredFunction]:
        yield from self._value("float" if self._is_float else self.frame.array, self._as_number)
        yield from self._value_and_grad()
        says = self._says("The gradient", ", in the shapes of the variables")
        yield self._short("grad", "Gradient", says, Return(filled("{0}[1]", self.frame.call("value_and_grad"))))
        yield from self._product("hvp", "The Hessian times a direction, which holds one array a variable.")
        if "gnvp" in self.programs:
            yield from self._product("gnvp", _GAUSS_NEWTON)
        yield from self._hessian()
        yield from self._hessian_diag()
        yield self._check()
        yield from self._hessian_factors()

    def array(self) -> Iterator[LoweredFunction]:
        yield from self._value(self.frame.array, lambda value: value)
        yield from self._product("jvp", "The Jacobian times a direction: the tangent of the value.")
        yield from self._jacobian()
        yield self._check()

    # values and products ------------------------------------------------------------------------------------------------

    def _value(self, kind: str, handed: Callable[[ast.expr], ast.expr]) -> Iterator[LoweredFunction]:
        return self._computed("value", kind, self._says("The value"), lambda made, _: [Return(handed(made[0]))])

    def _value_and_grad(self) -> Iterator[LoweredFunction]:
        kind = "float" if self._is_float else self.frame.array
        says = self._says("The value and the gradient", ", in the shapes of the variables")

        def result(made: Sequence[ast.expr], _: str) -> list[LoweredStatement]:
            return [Return(tuple_of([self._as_number(made[0]), call_of("Gradient", *made[1:])]))]

        return self._computed("value_and_grad", f"tuple[{kind}, Gradient]", says, result)

    def _product(self, function: str, says: str) -> Iterator[LoweredFunction]:
        if function == "jvp":
            kind = f"tuple[{self.frame.array}]"
            return self._computed(function, kind, says, lambda made, _: [Return(tuple_of(made[:1]))], moves=True)
        return self._computed(function, "Gradient", says, _gradient, moves=True)

    # all derivatives ----------------------------------------------------------------------------------------------------

    def _hessian(self) -> Iterator[LoweredFunction]:
        says = "Block [i][j] holds the second derivatives, of shape shape(i) + shape(j)."
        returns, k = f"tuple[tuple[{self.frame.array}, ...], ...]", len(self.sources.wrt)
        if "hessian" not in self.programs:
            last = Return(filled("tuple(zip(*{0}, strict=True))", name("columns")))
            yield self._short("hessian", returns, says, *self._columns("hvp", "columns", "_columns"), last)
            return

        def result(made: Sequence[ast.expr], _: str) -> list[LoweredStatement]:
            return [Return(tuple_of(tuple_of(made[i * k : i * k + k]) for i in range(k)))]

        yield from self._computed("hessian", returns, says, result)

    def _hessian_diag(self) -> Iterator[LoweredFunction]:
        says = "The diagonal of the Hessian, in the shapes of the variables."
        if "hessian_diag" in self.programs:
            yield from self._computed("hessian_diag", "Gradient", says, _gradient)
            return
        columns = self._columns("hvp", "diagonals", "_diagonals")
        yield self._short("hessian_diag", "Gradient", says, *columns, Return(filled("Gradient(*{0})", name("diagonals"))))

    def _jacobian(self) -> Iterator[LoweredFunction]:
        says = "The Jacobian: one array a variable, of the value's shape followed by the variable's."
        if "jacobian" in self.programs:
            yield from self._computed("jacobian", "Gradient", says, _gradient)
            return
        blocks = Return(filled("Gradient(*(block for (block,) in {0}))", name("columns")))
        yield self._short("jacobian", "Gradient", says, *self._columns("jvp", "columns", "_columns"), blocks)

    def _columns(self, product: str, made: str, helper: str) -> Iterator[LoweredStatement]:
        """What a helper makes of products with all unit directions."""
        frame = self.frame
        v, given = (fresh(word, [*frame.names, *frame.generics]) for word in ("v", "given"))
        yield Assign(given, call_of("dict", **same_names((*frame.names, *frame.generics))))
        product_at = function_of(v, filled("{0}({1}, **{2})", Word(product), name(v), name(given)))
        arrays = [filled("np.asarray({0})", name(str(v))) for v in self.sources.wrt]
        yield Assign(made, call_of(helper, product_at, *arrays))

    # maps ---------------------------------------------------------------------------------------------------------------

    def _hessian_factors(self) -> Iterator[LoweredFunction]:
        """Blocks as maps: over their factors, by products where they have none, and formed where they are not symmetric."""
        says, returns = "The blocks of `hessian` as maps: matvec, solve, toarray, T.", "tuple[tuple[LinearMap, ...], ...]"
        factors, frame, wrt = self.sources.factors, self.frame, self.sources.wrt
        if factors is not None and "hessian_factors" in self.programs:
            taken, known = {*frame.reserved, *frame.names, *factors.program.names}, factors

            def result(made: Sequence[ast.expr], dtype: str) -> Iterator[LoweredStatement]:
                return by_factors(known, wrt, "hvp", self._held(dtype), taken, made)

            yield from self._computed("hessian_factors", returns, says, result, owned=False)
            return
        taken = {*frame.names, *frame.generics}
        dtype = fresh("dtype", taken)
        held = self._held(dtype)
        if factors is None:
            body: list[LoweredStatement] = [Return(call_of("_by_arrays", frame.call("hessian"), *(held[str(v)] for v in wrt)))]
        else:
            before, made = by_products("hvp", wrt, held, taken)
            body = [before, Return(made)]
        yield self._short("hessian_factors", returns, says, *without_unused([frame.unpacked(dtype), *body]))

    def _held(self, dtype: str) -> dict[str, ast.expr]:
        """What a product is given for every argument: the inputs, also where compiled code took them in a dtype of its own."""
        changed = [str(v) for v in self.frame.inputs if self.frame.target.compiled and not is_label(v)]
        cast = {v: filled("np.asarray({0}, dtype={1})", name(v), name(dtype)) for v in changed}
        return {**same_names((*self.frame.names, *self.frame.generics)), **cast}

    # pieces -------------------------------------------------------------------------------------------------------------

    def _check(self) -> LoweredFunction:
        says = "Hold inputs against declared shapes and properties; raises ValueError with a name."
        given, taken, checks = same_names(self.frame.names), set(self.frame.names), list(self.frame.size_checks())
        sizes, words = self.frame.sizes(checks, taken)
        unpacked = self.frame.unpacked(fresh("dtype", taken)) if checks else Call((), call_of("_arrays", **given))
        body = without_unused([unpacked, *sizes, *checks, Call((), call_of("_check", call_of("dict", **given)))])
        return self.frame.function("check", "None", says, body, generics=False, words=words)

    def _computed(self, function: str, returns: str, says: str, result: Result, **how: bool) -> Iterator[LoweredFunction]:
        return self.frame.lowered(function, self.programs[function], result, returns, says, **how)

    def _short(self, function: str, returns: str, says: str, *body: LoweredStatement) -> LoweredFunction:
        return self.frame.function(function, returns, says, body)

    def _says(self, text: str, rest: str = "") -> str:
        return f"{text} of {self.sources.forward.name}{rest}."

    @property
    def _is_float(self) -> bool:
        return self.frame.target.floats

    def _as_number(self, value: ast.expr) -> ast.expr:
        """A scalar as it is handed back."""
        return call_of("float", value) if self._is_float else value


def _gradient(made: Iterable[ast.expr], _: str) -> list[LoweredStatement]:
    return [Return(call_of("Gradient", *made))]
