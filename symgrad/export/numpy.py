"""A Derivation's programs as one standalone NumPy module, as source text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.blocks import Factors
from symgrad.budget import budgeted
from symgrad.errors import UnsupportedError
from symgrad.export import helpers
from symgrad.export.schedule import scheduled
from symgrad.export.statements import Statements, names_in, tidy
from symgrad.graph import postorder
from symgrad.op import CONSTANT, Node
from symgrad.ops.generic import functions_of
from symgrad.program import Program, fresh
from symgrad.source import source_of

_GAUSS_NEWTON = "The Gauss-Newton matrix J^T H J times a direction: the curvature of the loss, not of the model."
_CALLED = ("Gradient", "LinearMap", "float", "value_and_grad", "hvp", "jvp")
"""Names that the functions call; where an input is called the same, they call an alias."""

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
    closed forms of all second (first) derivatives where they exist, and the Gauss-Newton product where there is one."""

    forward: Program
    wrt: tuple[Node, ...]
    directions: tuple[Node, ...]
    adjoint: Program | None
    tangent: Program
    dense: Program | None
    diagonal: Program | None
    factors: Factors | None
    gauss_newton: Program | None
    equations: str


@budgeted("exporting")
def numpy_module(s: Sources) -> str:
    """The text of the module; the same sources give the same bytes."""
    parts = _Module(s)
    bodies = parts.scalar() if s.adjoint is not None else parts.array()
    pieces = [parts.header(), *parts.tables(), *parts.helper_sources(bodies), *bodies, parts.aliases()]
    return "\n\n\n".join(piece for piece in pieces if piece) + "\n"


class _Module:
    def __init__(self, s: Sources) -> None:
        self.s = s
        self.inputs = [str(v) for v in s.forward.inputs]
        self.helpers: set[str] = {"_arrays"}
        self.np = fresh("np", s.forward.names)
        programs = [p for p in (s.forward, s.adjoint, s.tangent, s.dense, s.gauss_newton) if p is not None]
        nodes = list(postorder(eq.expr for p in programs for eq in scheduled(p).equations))
        self.generics = _sorted_generics(functions_of(nodes))
        self.helpers |= {h for node in nodes for h in node.op.helpers}
        self.word = {name: fresh(name, self.inputs) for name in (*_CALLED, "direction")}
        self.reserved = {*PUBLIC, *self.generics, *self.helpers, self.np, *self.word.values()}

    # functions ----------------------------------------------------------------------------------------------------------

    def scalar(self) -> list[str]:
        s = self.s
        assert s.adjoint is not None
        value, gradients = s.adjoint.outputs[0], s.adjoint.outputs[1:]
        call = self._call("value_and_grad")
        return [
            self._function("value", s.forward, [value], "return {float}({0})", "float", self._says("The value")),
            self._function(
                "value_and_grad",
                s.adjoint,
                [value, *gradients],
                "return {float}({0}), {Gradient}({rest})",
                "tuple[float, Gradient]",
                self._says("The value and its gradient, in the shapes of the variables"),
            ),
            self._short("grad", "Gradient", "The gradient, in the shapes of the variables.", f"return {call}[1]"),
            self._product("hvp", s.tangent, "The Hessian times a direction: one array a variable, by forward over reverse."),
            *([] if s.gauss_newton is None else [self._product("gnvp", s.gauss_newton, _GAUSS_NEWTON)]),
            self._hessian(),
            self._hessian_diag(),
            self._checks(),
            *([] if s.factors is None else [self._hessian_factors(s.factors)]),
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

    def _hessian_factors(self, factors: Factors) -> str:
        """Blocks as maps over the named factors; those below the diagonal are transposes."""
        self.helpers.add("LinearMap")
        outputs = list(factors.program.outputs)
        place = {v: f"{{{i}}}" for i, v in enumerate(outputs)}
        k, lines = len(self.s.wrt), []
        for (i, j), terms in factors.terms.items():
            written = ", ".join(f"({place[c]}, [{', '.join(_stage(s, place) for s in stages)}])" for c, stages in terms)
            lines.append(f"H_{i}_{j} = {{LinearMap}}({self.s.wrt[i]}.shape, {self.s.wrt[j]}.shape, [{written}])")
        rows = [", ".join(f"H_{i}_{j}" if i <= j else f"H_{j}_{i}.T" for j in range(k)) for i in range(k)]
        comma = "," if k == 1 else ""
        lines.append(f"return ({', '.join(f'({row}{comma})' for row in rows)}{comma})")
        says = "The blocks of `hessian` as maps that keep their structure: matvec, solve, toarray."
        returns = "tuple[tuple[LinearMap, ...], ...]"
        return self._function("hessian_factors", factors.program, outputs, "\n".join(lines), returns, says, owned=False)

    def _hessian(self) -> str:
        says, returns = (
            "Block [i][j] holds the second derivatives, of shape shape(i) + shape(j).",
            "tuple[tuple[np.ndarray, ...], ...]",
        )
        if self.s.dense is None:
            return self._short("hessian", returns, says, self._columns("hvp"), "return tuple(zip(*columns))")
        k = len(self.s.wrt)
        rows = [", ".join(f"{{{i * k + j}}}" for j in range(k)) + ("," if k == 1 else "") for i in range(k)]
        result = f"return ({', '.join(f'({row})' for row in rows)}{',' if k == 1 else ''})"
        return self._function("hessian", self.s.dense, list(self.s.dense.outputs), result, returns, says)

    def _jacobian(self) -> str:
        says = "One array a variable, of the value's shape followed by the variable's."
        if self.s.dense is None:
            result = f"return {self.word['Gradient']}(*(block for (block,) in columns))"
            return self._short("jacobian", "Gradient", says, self._columns("jvp"), result)
        return self._function("jacobian", self.s.dense, list(self.s.dense.outputs), "return {Gradient}({all})", "Gradient", says)

    def array(self) -> list[str]:
        s = self.s
        (value,) = s.forward.outputs
        return [
            self._function("value", s.forward, [value], "return {0}", "np.ndarray", self._says("The value")),
            self._product("jvp", s.tangent, "The Jacobian times a direction: the tangent of the value."),
            self._jacobian(),
            self._checks(),
        ]

    def _checks(self) -> str:
        self.helpers |= {"_check", "_fits"}
        says = "Hold the inputs against the declared shapes and properties; raises ValueError that names what does not fit."
        body = [f"_arrays({_keywords(self.inputs)})", f"_check(dict({_keywords(self.inputs)}))"]
        return "\n".join([f"def check({', '.join(self.inputs)}) -> None:", f'    """{says}"""', *(f"    {line}" for line in body)])

    def _product(self, name: str, program: Program, says: str) -> str:
        moved = [str(v) for v in self.s.directions]
        like = f"{', '.join(moved)}{',' if len(moved) == 1 else ''} = _like({self.word['direction']}, {_listed(self.s.wrt)})"
        self.helpers.add("_like")
        result = "return ({0},)" if name == "jvp" else "return {Gradient}({all})"
        kind = "tuple[np.ndarray]" if name == "jvp" else "Gradient"
        return self._function(name, program, list(program.outputs), result, kind, says, like)

    def _says(self, text: str) -> str:
        return f"{text} of {self.s.forward.name}."

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
        program = scheduled(program.needed(outputs))
        statements = Statements(program, self.reserved | {str(v) for v in self.s.directions})
        lines = statements.emit()
        own = _owned if owned else lambda _program, _v, name: name
        named = [own(program, v, statements.names[v]) for v in outputs]
        named = [name.replace("np.float64(", f"{self.np}.float64(") for name in named]
        lines += result.format(*named, rest=", ".join(named[1:]), all=", ".join(named), **self.word).splitlines()
        lines = self._with_dimensions(lines, statements.taken)
        unpack = f"{', '.join(self.inputs)}{',' if len(self.inputs) == 1 else ''} = _arrays({_keywords(self.inputs)})"
        head = [self._signature(name, returns, bool(first)), f'    """{says}"""']
        return "\n".join([*head, *(f"    {line}" for line in (unpack, first, *lines) if line)])

    def _short(self, name: str, returns: str, says: str, *lines: str) -> str:
        return "\n".join([self._signature(name, returns, False), f'    """{says}"""', *(f"    {line}" for line in lines)])

    def _signature(self, name: str, returns: str, direction: bool) -> str:
        parameters = [
            *([f"{self.word['direction']}, /"] if direction else []),
            *self.inputs,
            *(["*", *self.generics] if self.generics else []),
        ]
        return f"def {name}({', '.join(parameters)}) -> {returns.replace('np.', self.np + '.')}:"

    def _call(self, name: str, first: str = "") -> str:
        arguments = [*([first] if first else []), _keywords([*self.inputs, *self.generics])]
        return f"{self.word[name]}({', '.join(arguments)})"

    def _columns(self, product: str) -> str:
        self.helpers |= {"_columns"}
        arrays = ", ".join(f"{self.np}.asarray({v})" for v in self.s.wrt)
        v = fresh("v", [*self.inputs, *self.generics])
        return f"columns = _columns(lambda {v}: {self._call(product, v)}, {arrays})"

    def _with_dimensions(self, lines: list[str], taken: set[str]) -> list[str]:
        """Sizes are read off the arrays once, under the dimension's name or the first that is free."""
        used = dict.fromkeys(n for line in lines for n in names_in(line.replace("return ", "", 1)) if n.startswith("_dim_"))
        renamed, unpacked = {"np": self.np}, []
        for marker in used:
            dim = marker.removeprefix("_dim_")
            name = fresh(dim if dim not in taken else f"n_{dim}", taken)
            taken.add(name)
            renamed[marker] = name
            unpacked.append(f"{name} = {_where(self.s.forward, dim)}")
        return unpacked + [tidy(line, renamed) if not line.startswith("return") else line for line in lines]

    # the rest of the module -----------------------------------------------------------------------------------------------

    def header(self) -> str:
        text = self.s.equations.replace("\\", "\\\\").replace('"""', "'''")
        title = f'"""{self.s.forward.name} with its derivatives, generated by symgrad; imports numpy alone.\n\n{text}\n"""'
        imports = ["import math"] if any("math." in source_of(getattr(helpers, h)) for h in self.helpers) else []
        return "\n".join([title, "", *imports, "from typing import NamedTuple", "", f"import numpy as {self.np}"])

    def aliases(self) -> str:
        """The names that gave way to an input's, for the functions that call them."""
        return "\n".join(f"{alias} = {name}" for name, alias in self.word.items() if alias != name and name != "direction")

    def tables(self) -> list[str]:
        shapes = [f"    {str(v)!r}: ({''.join(_dim(d) + ', ' for d in v.shape).strip()})," for v in self.s.forward.inputs]
        labels = [str(v) for v in self.s.forward.inputs if "int" in v.params["properties"]]
        gradient = ["class Gradient(NamedTuple):", '    """One array a variable, of its shape."""', ""]
        gradient += [f"    {v}: {self.np}.ndarray" for v in self.s.wrt]
        known = {str(v): sorted(v.params["properties"]) for v in self.s.forward.inputs if v.params["properties"]}
        facts = [f"    {name!r}: {tuple(words)!r}," for name, words in known.items()]
        tables = ["SHAPES = {", *(line.replace("'", '"') for line in shapes), "}", f"LABELS = {tuple(labels)!r}"]
        tables += ["PROPERTIES = {", *(line.replace("'", '"') for line in facts), "}"]
        return ["\n".join(tables), "\n".join(gradient)]

    def helper_sources(self, bodies: list[str]) -> list[str]:
        sources = {name: source_of(getattr(helpers, name)).strip() for name in sorted(self.helpers)}
        return [re.sub(r"  # noqa.*", "", re.sub(r"\bnp\b", self.np, text)) for text in sources.values()]


def _stage(stage: tuple[Any, ...], place: Mapping[Node, str]) -> str:
    kind, *arrays = stage
    written = [place[a] if isinstance(a, Node) else str(a) for a in arrays]
    return f'("{kind}", {", ".join(written)})'


def _sorted_generics(functions: dict[str, object]) -> list[str]:
    return sorted(functions, key=lambda name: (name.lstrip("d0123456789_") or name, len(name), name))


def _listed(nodes: Sequence[Node]) -> str:
    return ", ".join(map(str, nodes))


def _keywords(names: Sequence[str]) -> str:
    return ", ".join(f"{n}={n}" for n in names)


def _dim(dim: object) -> str:
    return str(dim) if isinstance(dim, int) else repr(str(dim))


def _where(program: Program, dim: str) -> str:
    for v in program.inputs:
        for axis, d in enumerate(v.shape):
            if str(d) == dim:
                return f"{v}.shape[{axis}]"
    raise UnsupportedError(f"the dimension {dim} is no axis of any input, so the code cannot know it")


def _owned(program: Program, output: Node, name: str) -> str:
    """Results never share memory with an input, and are never a read-only view."""
    node = output
    while node in program.defined or node.op.name in ("transpose", "diagonal", "reshape"):
        node = program.defined[node].expr if node in program.defined else node.args[0]
    if node.op is CONSTANT:
        return f"np.float64({name})"
    return f"{name}.copy()" if output.ndim and node.op.name in ("variable", "broadcast") else name
