"""A derivation's programs as one standalone NumPy module, as source text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from symgrad.core.budget import budgeted
from symgrad.core.dimensions import compound, constraints, in_order, places, unknown
from symgrad.core.graph import postorder
from symgrad.core.loop import right_sides
from symgrad.core.op import CONSTANT, Node, show_shape
from symgrad.core.program import Program, fresh
from symgrad.core.source import dim_source, dim_text
from symgrad.core.version import VERSION
from symgrad.errors import UnsupportedError
from symgrad.export.blocking import parted
from symgrad.export.docstrings import function_docstring, module_docstring
from symgrad.export.embedded import forms, helper_source, with_needs
from symgrad.export.lines import LONGEST, laid_out
from symgrad.export.maps import by_factors, by_products
from symgrad.export.release import released
from symgrad.export.reuse import helpers_of
from symgrad.export.selftest import REPORTS, TESTING, self_test
from symgrad.export.statements import Statements, names_in, tidy
from symgrad.export.targets import NUMPY, Target
from symgrad.ops.generic import apply, functions_of
from symgrad.planning.association import Sizes
from symgrad.planning.schedule import scheduled
from symgrad.second.assembly import Factors

_GAUSS_NEWTON = "The Gauss-Newton matrix J^T H J times a direction: the curvature of the loss, not of the model."
_CALLED = ("Gradient", "LinearMap", "float", "value_and_grad", "hvp", "hessian", "jvp")
"""Names that the functions call; where an input is called the same, they call an alias."""

_SECTIONS = {
    "value": "Forward pass",
    "value_and_grad": "Backward pass",
    "hvp": "Hessian-vector product",
    "jvp": "Jacobian-vector product",
    "jacobian": "Jacobian",
}
"""The equations that stand above a function."""

_CHECKING = ("_check", "_fits")
"""Helpers that look at values, which are numbers there."""

_FUNCTIONS = {"Callable": "Callable[..., np.ndarray]", "Sequence": "Sequence[np.ndarray]"}
"""Types of what is handed over beside the inputs."""

PUBLIC = (
    "value",
    "grad",
    "value_and_grad",
    "hvp",
    "gnvp",
    "hessian",
    "hessian_diag",
    "hessian_factors",
    "LinearMap",
    "jvp",
    "jacobian",
    "check",
    "PROPERTIES",
    "Gradient",
    "SHAPES",
    "LABELS",
)


@dataclass(frozen=True)
class Sources:
    """What a module is made from: the forward program, its adjoint and the tangent of that (of the forward pass for arrays), the
    closed forms of all second (first) derivatives where they exist, and the Gauss-Newton product where there is one; its equations
    as text by section, and a shape for every input at which the module tests itself."""

    forward: Program
    wrt: tuple[Node, ...]
    directions: tuple[Node, ...]
    adjoint: Program | None
    tangent: Program
    dense: Program | None
    diagonal: Program | None
    factors: Factors | None
    gauss_newton: Program | None
    equations: Mapping[str, str]
    sizes: Mapping[str, tuple[int, ...]]
    numbers: Sizes
    """What is known of the sizes of the dimensions when the code is written."""


@budgeted("exporting")
def numpy_module(s: Sources, target: Target = NUMPY) -> str:
    """The text of the module; the same sources give the same bytes."""
    parts = _Module(s, target)
    bodies = parts.scalar() if s.adjoint is not None else parts.array()
    foot = parts.foot()
    pieces = [*parts.tables(), *parts.helper_sources([*bodies, *foot]), *bodies, parts.aliases(), *foot]
    text = "\n\n\n".join([parts.header([*bodies, *foot]) + "\n\n" + pieces[0], *(piece for piece in pieces[1:] if piece)]) + "\n"
    target.hold(text, parts.np)
    return text


class _Module:
    def __init__(self, s: Sources, target: Target) -> None:
        self.target, self.left_out = target, dict[str, str]()
        self.s = s = self._with_words(s)
        self.inputs = [str(v) for v in s.forward.inputs]
        self.helpers: set[str] = {"_arrays", "_by_blocks", *forms(target.name)}
        self.np, self.math = (fresh(library, s.forward.names) for library in (target.library, "math"))
        programs = [p for p in (s.forward, s.adjoint, s.tangent, s.dense, s.gauss_newton) if p is not None]
        nodes = list(postorder(eq.expr for p in programs for eq in scheduled(p, s.numbers).equations))
        self.open = functions_of(nodes)
        self.generics = _sorted_generics(self.open)
        self.helpers |= {h for node in nodes for h in helpers_of(node)}
        self.word = {name: fresh(name, self.inputs) for name in (*_CALLED, "direction")}
        self.kernels = {name: fresh(f"_{name}", s.forward.names) for name in PUBLIC} if target.compiled else {}
        self.reserved = {*PUBLIC, *self.generics, *self.helpers, self.np, self.math, *self.word.values(), *self.kernels.values()}

    def _with_words(self, s: Sources) -> Sources:
        """Without what the target has no words for; closed forms of whole Hessians would take it minutes to compile."""
        if not self.target.compiled:
            return s
        if reason := self._refusal(s.gauss_newton):
            self.left_out["gnvp"] = reason
        return replace(
            s,
            dense=None,
            diagonal=None,
            factors=replace(s.factors, terms={}) if s.factors and self._refusal(s.factors.program) else s.factors,
            gauss_newton=None if "gnvp" in self.left_out else s.gauss_newton,
        )

    def _refusal(self, program: Program | None) -> str:
        """Why the target cannot compute a program; nothing where it can."""
        try:
            for node in postorder(eq.expr for eq in scheduled(program).equations) if program else ():
                self.target.code(node)
        except UnsupportedError as refusal:
            return str(refusal)
        return ""

    # functions ----------------------------------------------------------------------------------------------------------

    def scalar(self) -> list[str]:
        s = self.s
        assert s.adjoint is not None
        value, gradients = s.adjoint.outputs[0], s.adjoint.outputs[1:]
        call, (kind, number) = self._call("value_and_grad"), self.target.number
        return [
            self._function("value", s.forward, [value], f"return {number}", kind, self._says("The value")),
            self._function(
                "value_and_grad",
                s.adjoint,
                [value, *gradients],
                f"return {number}, {{Gradient}}({{rest}})",
                f"tuple[{kind}, Gradient]",
                self._says("The value and the gradient", ", in the shapes of the variables"),
            ),
            self._short("grad", "Gradient", self._says("The gradient", ", in the shapes of the variables"), f"return {call}[1]"),
            self._product("hvp", s.tangent, "The Hessian times a direction, which holds one array a variable."),
            *([] if s.gauss_newton is None else [self._product("gnvp", s.gauss_newton, _GAUSS_NEWTON)]),
            self._hessian(),
            self._hessian_diag(),
            self._checks(),
            self._hessian_factors(),
        ]

    def _hessian_diag(self) -> str:
        says = "The diagonal of the Hessian, in the shapes of the variables."
        if self.s.diagonal is not None:
            return self._function(
                "hessian_diag", self.s.diagonal, list(self.s.diagonal.outputs), "return {Gradient}({all})", "Gradient", says
            )
        self.helpers.add("_diagonals")
        columns = self._columns("hvp").replace("columns = _columns", "diagonals = _diagonals")
        return self._short("hessian_diag", "Gradient", says, columns, f"return {self.word['Gradient']}(*diagonals)")

    def _hessian_factors(self) -> str:
        """Blocks as maps: over their factors, by products where they have none, and formed where they are not symmetric."""
        says, returns = "The blocks of `hessian` as maps: matvec, solve, toarray, T.", "tuple[tuple[LinearMap, ...], ...]"
        self.helpers |= {"LinearMap", "_by_products", "_by_arrays"}
        factors = self.s.factors
        if factors is not None and factors.terms:
            taken = {*self.reserved, *self.inputs, *factors.program.names}
            result = by_factors(factors, self.s.wrt, self.word["hvp"], self._held("{dtype}"), taken)
            outputs = list(factors.program.outputs)
            return self._function("hessian_factors", factors.program, outputs, result, returns, says, owned=False)
        taken = {*self.inputs, *self.generics}
        dtype = fresh("dtype", taken)
        held = self._held(dtype)
        formed = f"return _by_arrays({self._call('hessian')}, {', '.join(held[str(v)] for v in self.s.wrt)})"
        made = formed if factors is None else by_products(self.word["hvp"], self.s.wrt, held, taken)
        return self._short("hessian_factors", returns, says, *_without_unused([self._unpacked(dtype), *made.splitlines()]))

    def _held(self, dtype: str) -> dict[str, str]:
        """What a product is given for every argument: the inputs, also where compiled code took them in a dtype of its own."""
        changed = [v for v in self.s.forward.inputs if self.target.compiled and not is_label(v)]
        same = {name: name for name in (*self.inputs, *self.generics)}
        return same | {str(v): f"{self.np}.asarray({v}, dtype={dtype})" for v in changed}

    def _unpacked(self, dtype: str) -> str:
        """The statement that holds the inputs against their shapes; compiled code has their dtype beside them."""
        names = [*self.inputs, *([dtype] if self.target.compiled else [])]
        return f"{', '.join(names)}{',' if len(names) == 1 else ''} = _arrays({_keywords(self.inputs)})"

    def _hessian(self) -> str:
        says, returns = (
            "Block [i][j] holds the second derivatives, of shape shape(i) + shape(j).",
            "tuple[tuple[np.ndarray, ...], ...]",
        )
        if self.s.dense is None:
            return self._short("hessian", returns, says, self._columns("hvp"), "return tuple(zip(*columns, strict=True))")
        k = len(self.s.wrt)
        rows = [", ".join(f"{{{i * k + j}}}" for j in range(k)) + ("," if k == 1 else "") for i in range(k)]
        result = f"return ({', '.join(f'({row})' for row in rows)}{',' if k == 1 else ''})"
        return self._function("hessian", self.s.dense, list(self.s.dense.outputs), result, returns, says)

    def _jacobian(self) -> str:
        says = "The Jacobian: one array a variable, of the value's shape followed by the variable's."
        if self.s.dense is None:
            result = f"return {self.word['Gradient']}(*(block for (block,) in columns))"
            return self._short("jacobian", "Gradient", says, self._columns("jvp"), result)
        outputs = list(self.s.dense.outputs)
        return self._function("jacobian", self.s.dense, outputs, "return {Gradient}({all})", "Gradient", says)

    def array(self) -> list[str]:
        s = self.s
        return [
            self._function("value", s.forward, s.forward.outputs, "return {0}", "np.ndarray", self._says("The value")),
            self._product("jvp", s.tangent, "The Jacobian times a direction: the tangent of the value."),
            self._jacobian(),
            self._checks(),
        ]

    def _checks(self) -> str:
        self.helpers |= {"_check", "_fits"}
        says = "Hold inputs against declared shapes and properties; raises ValueError with a name."
        taken = {*self.inputs}
        sizes = self._with_dimensions(list(self._size_checks()), taken)
        unpacked = self._unpacked(fresh("dtype", taken)) if sizes else f"_arrays({_keywords(self.inputs)})"
        body = _without_unused([unpacked, *sizes, f"_check(dict({_keywords(self.inputs)}))"])
        return self._written("check", "None", says, body, generics=False)

    def _product(self, name: str, program: Program, says: str) -> str:
        moved = [str(v) for v in self.s.directions]
        variables = _keywords([str(v) for v in self.s.wrt])
        like = f"{', '.join(moved)}{',' if len(moved) == 1 else ''} = _like({self.word['direction']}, {variables})"
        self.helpers.add("_like")
        result = "return ({0},)" if name == "jvp" else "return {Gradient}({all})"
        kind = "tuple[np.ndarray]" if name == "jvp" else "Gradient"
        return self._function(name, program, list(program.outputs), result, kind, says, like)

    def _says(self, text: str, rest: str = "") -> str:
        return f"{text} of {self.s.forward.name}{rest}."

    def _function(
        self,
        name: str,
        program: Program,
        outputs: Sequence[Node],
        result: str,
        returns: str,
        says: str,
        first: str = "",
        owned: bool = True,
    ) -> str:
        program = scheduled(program.needed(outputs), self.s.numbers)
        parts = parted(program) if self.target.writes else None
        reserved = self.reserved | {str(v) for v in self.s.directions}
        statements = Statements(program, reserved, parts, self.target.writes, self.target.code)
        lines = statements.emit()
        named = [statements.names[v] for v in outputs]
        if owned:
            named = [_owned(program, v, name, self.target) for v, name in zip(outputs, named, strict=True)]
        shapes = {n: show_shape(v.shape) for v, n in statements.names.items() if v.ndim and n not in self.inputs}
        kernel, dtype = "", fresh("dtype", statements.taken)
        if self.target.compiled and named:
            arguments = [*map(str, self.s.directions if first else ()), *self.inputs]
            kernel = self._kernel(name, arguments, lines, named, shapes, statements.taken) + "\n\n\n"
            made = fresh("made", statements.taken)
            lines = [f"{made} = _results({self.kernels[name]}({', '.join(arguments)}), {dtype})"]
            named = [f"{made}[{k}]" for k in range(len(named))]
        lines += result.format(*named, rest=", ".join(named[1:]), all=", ".join(named), dtype=dtype, **self.word).splitlines()
        lines = self._with_dimensions([*self._size_checks(), *lines], statements.taken)
        body = _without_unused([line for line in (self._unpacked(dtype), first, *lines) if line])
        if self.target.writes:
            body = released(body, {n for v, n in statements.names.items() if v.ndim > 1 and n not in self.inputs})
        return kernel + self._written(name, returns, says, body, bool(first), shapes, taken=statements.taken)

    def _kernel(
        self, name: str, arguments: list[str], lines: list[str], results: list[str], shapes: Mapping[str, str], taken: set[str]
    ) -> str:
        """The statements alone, on arrays that are held against their shapes already, as numba compiles them at the first call."""
        lines = self._with_dimensions([*lines, f"return ({', '.join(results)},)"], taken)
        names = {*self.reserved, *self.inputs, *taken}
        parameters = [f"    {argument}," for argument in arguments]
        head = f"def {self.kernels[name]}({', '.join(arguments)}):"
        return "\n".join(
            [
                '@numba.njit(error_model="numpy", boundscheck=True)',
                *([head] if len(head) <= LONGEST else [f"def {self.kernels[name]}(", *parameters, "):"]),
                f'    """The statements of `{name}`, compiled when they are first called."""',
                *(f"    {line}".rstrip() for statement in lines for line in laid_out(statement, names, shapes)),
            ]
        )

    def _short(self, name: str, returns: str, says: str, *lines: str) -> str:
        return self._written(name, returns, says, lines)

    def _written(
        self,
        name: str,
        returns: str,
        says: str,
        body: Sequence[str],
        direction: bool = False,
        shapes: Mapping[str, str] | None = None,
        generics: bool = True,
        taken: Iterable[str] = (),
    ) -> str:
        """A function from its statements."""
        names = {*self.reserved, *self.inputs, *taken}
        lines = [line for statement in body for line in laid_out(statement, names, shapes)]
        head = self._signature(name, returns, direction, generics)
        return "\n".join(
            [
                *head,
                function_docstring(says, self.s.equations.get(_SECTIONS.get(name, ""), "")),
                *(f"    {line}".rstrip() for line in lines),
            ]
        )

    def _signature(self, name: str, returns: str, direction: bool, generics: bool) -> list[str]:
        """On one line where it fits, else one parameter a line with its shape beside it."""
        hints = {
            str(v): "np.ndarray" if v.ndim else "int" if "int" in v.params["properties"] else "float" for v in self.s.forward.inputs
        }
        parameters = [
            *([f"{self.word['direction']}: {_FUNCTIONS['Sequence']}", "/"] if direction else []),
            *(f"{v}: {kind}" for v, kind in hints.items()),
            *(["*", *(f"{f}: {_FUNCTIONS['Callable']}" for f in self.generics)] if self.generics and generics else []),
        ]
        parameters, returns = [self._typed(text) for text in parameters], self._typed(returns)
        line = f"def {name}({', '.join(parameters)}) -> {returns}:"
        if len(line) <= LONGEST:
            return [line]
        return [f"def {name}(", *(f"    {parameter}," for parameter in parameters), f") -> {returns}:"]

    def _typed(self, text: str) -> str:
        """Types in the words of the target."""
        return text.replace("np.ndarray", self.target.array.replace("np.", f"{self.np}."))

    def _call(self, name: str, first: str = "") -> str:
        arguments = [*([first] if first else []), _keywords([*self.inputs, *self.generics])]
        return f"{self.word[name]}({', '.join(arguments)})"

    def _columns(self, product: str) -> str:
        self.helpers |= {"_columns"}
        arrays = ", ".join(f"{self.np}.asarray({v})" for v in self.s.wrt)
        v, given = (fresh(name, [*self.inputs, *self.generics]) for name in ("v", "given"))
        held = f"{given} = dict({_keywords([*self.inputs, *self.generics])})"
        return f"{held}\ncolumns = _columns(lambda {v}: {self.word[product]}({v}, **{given}), {arrays})"

    def _read_off(self, dim: str, name: str) -> Iterator[str]:
        """The size under its name, held against the axes that are expressions in it alone."""
        inputs = self.s.forward.inputs
        if (place := places(inputs).get(dim)) is None:
            raise unknown(dim)
        size = f"{place.input}.shape[{place.axis}]"
        shifted = f"{size} + {dim_source(-place.offset)}" if place.offset else size
        yield f"{name} = {shifted}" if place.factor == 1 else f"{name} = ({shifted}) // {place.factor}"

    def _size_checks(self) -> Iterator[str]:
        """What must hold between the dimensions and no name alone says: axes that are expressions, and slices of axes."""
        forward, known = self.s.forward, places(self.s.forward.inputs)
        for v, axis, d in compound(forward.inputs):
            self.helpers.add("_same_size")
            yield f'_same_size("{v}", {axis}, "{dim_text(d)}", {v}.shape[{axis}], {dim_source(d)})'
        held = constraints([*forward.inputs, *right_sides(forward)])
        for gap in (gap for gap in held if all(s.name in known for s in gap.free_symbols)):
            self.helpers.add("_has_room")
            yield f'_has_room("{dim_text(gap)}", {dim_source(gap)})'

    def _with_dimensions(self, lines: list[str], taken: set[str]) -> list[str]:
        """Sizes are read off the arrays once, under the dimension's name or the first that is free."""
        used = dict.fromkeys(n.removeprefix("_dim_") for line in lines for n in names_in(line) if n.startswith("_dim_"))
        renamed, unpacked = {"np": self.np, "math": self.math}, list[str]()
        for dim in in_order(used, places(self.s.forward.inputs)):
            name = fresh(dim if dim not in taken else f"n_{dim}", taken)
            taken.add(name)
            renamed[f"_dim_{dim}"] = name
            unpacked += [tidy(line, renamed) for line in self._read_off(dim, name)]
        if self.target.compiled:
            renamed["_dtype"] = f"{self.np}.float64"
        elif any("_dtype" in names_in(line) for line in lines):
            floats = _listed([v for v in self.s.forward.inputs if not is_label(v)])
            renamed["_dtype"] = dtype = fresh("dtype", taken)
            unpacked.append(f"{dtype} = {self.np}.result_type({floats})")
        return unpacked + [tidy(line, renamed) for line in lines]

    # the rest of the module -----------------------------------------------------------------------------------------------

    def header(self, bodies: Sequence[str]) -> str:
        texts = [*(helper_source(name, self.target.name) for name in self._called(bodies)), *bodies]
        abstract = [name for name in _FUNCTIONS if any(f"{name}[" in text for text in bodies)]
        imports = [
            *(["import functools"] if any(re.search(r"\bfunctools\.", text) for text in texts) else []),
            *([_import("math", self.math)] if any(re.search(rf"\b(math|{self.math})\.", text) for text in texts) else []),
            *([f"from collections.abc import {', '.join(abstract)}"] if abstract else []),
            "from typing import NamedTuple",
        ]
        defined = [name for name in PUBLIC if any(f"\ndef {name}(" in f"\n{text}" for text in bodies)]
        title = module_docstring(self.s.forward, self.s.wrt, VERSION, self.target.title, defined, self.left_out, self.s.numbers)
        libraries = [line.format(np=self.np) for line in self.target.imports]
        return "\n".join([title, *self._exempt(), "", *imports, "", *libraries])

    def _exempt(self) -> list[str]:
        """The author's letters stay, whatever a linter thinks of them."""
        names = {*self.inputs, *self.generics, *(self.s.adjoint or self.s.forward).names}
        return ["# ruff: noqa: E741"] if names & {"l", "I", "O"} else []

    def foot(self) -> list[str]:
        """The self-test, which runs when the module runs as a script."""
        kind = "scalar" if self.s.adjoint is not None else "array"
        text = self_test(kind, self.s.sizes, {name: self.open[name] for name in self.generics}, self.target.prepare)
        return [self._tested(text), 'if __name__ == "__main__":\n    _self_test()']

    def aliases(self) -> str:
        """The names that gave way to an input's, for the functions that call them."""
        return "\n".join(f"{alias} = {name}" for name, alias in self.word.items() if alias != name and name != "direction")

    def tables(self) -> list[str]:
        inputs = self.s.forward.inputs
        known = {str(v): tuple(sorted(v.params["properties"])) for v in inputs if v.params["properties"]}
        labels = tuple(str(v) for v in inputs if is_label(v))
        shapes = {str(v): tuple(d if isinstance(d, int) else dim_text(d) for d in v.shape) for v in inputs}
        gradient = ["class Gradient(NamedTuple):", '    """One array a variable, of its shape."""', ""]
        gradient += [f"    {v}: {self._typed('np.ndarray' if v.ndim or not self.target.writes else 'float')}" for v in self.s.wrt]
        tables = [*_table("SHAPES", shapes), f"LABELS = {labels!r}".replace("'", '"'), *_table("PROPERTIES", known)]
        return ["\n".join(tables), "\n".join(gradient)]

    def helper_sources(self, bodies: Sequence[str]) -> list[str]:
        """Helpers that are called, in the order of their names, after those of the self-test are known."""
        self.helpers |= REPORTS["scalar" if self.s.adjoint is not None else "array"]
        self.helpers |= {"_tanh" if node.op is apply else "_tanh_loss" for node in self.open.values()}
        return [self._embedded(name) for name in self._called(bodies)]

    def _called(self, bodies: Sequence[str]) -> list[str]:
        text = "\n".join(bodies)
        named = (name for name in self.helpers if re.search(rf"\b{name}\b", text))
        return sorted(with_needs(named, self.target.name))

    def _embedded(self, name: str) -> str:
        text = helper_source(name, self.target.name)
        text = re.sub(r"\bmath\b", self.math, text)
        return self._tested(text) if name in TESTING or name in _CHECKING else re.sub(r"\b(np|jnp)\b", self.np, text)

    def _tested(self, text: str) -> str:
        """The module's own test, and what holds inputs against their properties, compute with NumPy whatever the target."""
        return text if self.target.library != "np" else re.sub(r"\bnp\b", self.np, text)


def is_label(v: Node) -> bool:
    return "int" in v.params["properties"]


def _table(name: str, rows: Mapping[str, tuple[object, ...]]) -> list[str]:
    """A dictionary of tuples, one entry a line."""
    if not rows:
        return [f"{name} = {{}}"]
    return [f"{name} = {{", *(f"    {key!r}: {value!r},".replace("'", '"') for key, value in rows.items()), "}"]


def _without_unused(lines: Sequence[str]) -> list[str]:
    """What is unpacked and never read is called _."""
    kept = []
    for k, line in enumerate(lines):
        targets, equals, value = line.partition(" = ")
        if "," in targets and equals and not line.startswith("def "):
            read = {n for later in lines[k + 1 :] for n in names_in(later)}
            names = [name.strip() for name in targets.rstrip(",").split(",")]
            comma = "," if len(names) == 1 else ""
            line = f"{', '.join(n if n in read else '_' for n in names)}{comma} = {value}"
        kept.append(line)
    return kept


def _sorted_generics(functions: dict[str, object]) -> list[str]:
    return sorted(functions, key=lambda name: (name.lstrip("d0123456789_") or name, len(name), name))


def _listed(nodes: Sequence[Node]) -> str:
    return ", ".join(map(str, nodes))


def _keywords(names: Sequence[str]) -> str:
    return ", ".join(f"{n}={n}" for n in names)


def _import(library: str, alias: str) -> str:
    return f"import {library}" + (f" as {alias}" if alias != library else "")


def _owned(program: Program, output: Node, name: str, target: Target) -> str:
    """Results are arrays or NumPy scalars, share no memory with an input, and are never a read-only view."""
    node = output
    while node in program.defined or node.op.name in ("transpose", "diagonal", "reshape"):
        node = program.defined[node].expr if node in program.defined else node.args[0]
    if node.op is CONSTANT:
        return name if target.compiled else f"_dtype.type({name})"
    return f"{name}.copy()" if output.ndim and target.shares and node.op.name in ("variable", "broadcast") else name
