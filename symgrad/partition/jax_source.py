"""A Program as the statements of a function over jax.numpy: the words of the NumPy exporter, with jax's where they differ."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from symgrad.core.graph import postorder
from symgrad.core.op import Node, value_of
from symgrad.core.program import Program, fresh
from symgrad.core.source import parsed, symbolic, value_source
from symgrad.errors import UnsupportedError
from symgrad.export.embedded import helper_source, with_needs
from symgrad.export.reuse import helpers_of
from symgrad.export.statements import Statements, names_in, tidy
from symgrad.partition.mesh import Axes, AxisSplit, Mesh

JAX_WORDS = {
    "_sigmoid": "jax.nn.sigmoid",
    "_softmax": "jax.nn.softmax",
    "_log_softmax": "jax.nn.log_softmax",
    "_logsumexp": "jax.nn.logsumexp",
    "_erf": "jax.lax.erf",
    "_erfc": "jax.lax.erfc",
}
"""Helpers of the NumPy exporter that jax has itself."""

CARRIED = frozenset(
    """_norm _direction _highest _lowest _log_cosh _ratio _sinc _removable _log1p_square _sech2 _others _prod_slope _cholesky
    _lower_half _softplus _tanh_slope _classes_first _overwrite _put _scatter _embed _solve_triangular""".split()
)
"""Helpers that jax can trace, as they stand or in the form that the exporter has for it."""

HELPERS = tuple(sorted(CARRIED))
"""Names that a module may define."""

_WITHIN = frozenset({"_substitute"})
"""Helpers that others above do without."""


@dataclass(frozen=True)
class Body:
    """The lines of a function, and the name under which each symbol stands in them."""

    lines: list[str]
    names: Mapping[Node, str]


class _Summed(ast.NodeTransformer):
    """An inner product of arrays as the sum of a product: vdot lays them out in one row, for which split ones are gathered."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="vdot"), args=[x, y]):
                total = ast.Attribute(ast.Name("np", ast.Load()), "sum", ast.Load())
                return ast.fix_missing_locations(ast.Call(total, [ast.BinOp(x, ast.Mult(), y)], []))
        return node


def pure_lines(program: Program, reserved: Iterable[str]) -> tuple[list[str], dict[Node, str]]:
    """The equations as statements that never write into an array, with markers for dimensions; and the name of each symbol."""
    statements = Statements(program, reserved, writes=False)
    lines = [ast.unparse(_Summed().visit(parsed(line))) for line in statements.emit()]
    if any("_dtype" in names_in(line) for line in lines):
        floats = [str(v) for v in program.inputs if "int" not in v.params["properties"]]
        lines.insert(0, f"_dtype = np.result_type({', '.join(floats)})")
    return lines, statements.names


def body(program: Program, mesh: Mesh, whole: Program, splits: Mapping[str, AxisSplit], reserved: Collection[str]) -> Body:
    """The equations as statements, after those that read the dimensions off the inputs, which are split in this way."""
    lines, found = pure_lines(program, reserved)
    taken = {*reserved, *found.values(), *(name for line in lines for name in names_in(line))}
    renamed = {"np": "jnp", **JAX_WORDS}
    sizes = _dimensions(lines, mesh, whole, splits, taken, renamed)
    read = [f"{renamed[f'_dim_{dim}']} = {source}" for dim, source in sizes.items()]
    names = {v: whole_float(program, v, name) for v, name in found.items()}
    return Body([tidy(line, renamed) for line in (*read, *lines)], names)


def _dimensions(
    lines: list[str], mesh: Mesh, whole: Program, splits: Mapping[str, AxisSplit], taken: set[str], renamed: dict[str, str]
) -> dict[str, str]:
    """Every dimension that the lines read, with its source: an axis of an input, or the part that a device has of it."""
    used = dict.fromkeys(n.removeprefix("_dim_") for line in lines for n in names_in(line) if n.startswith("_dim_"))
    parts = {s.name: meaning for s, meaning in mesh.meaning.items()}
    found: dict[str, str] = {}

    def add(dim: str) -> None:
        if dim in found:
            return
        if dim in parts:
            of, axes = parts[dim]
            for s in sorted(map(str, symbolic(of).free_symbols)):
                add(s)
            found[dim] = f"{value_source(of)} // {mesh.count(axes)}"
        else:
            found[dim] = size_source(whole, mesh, splits, dim)
        name = fresh(dim if dim not in taken else f"n_{dim}", taken)
        taken.add(name)
        renamed[f"_dim_{dim}"] = name

    for dim in used:
        add(dim)
    return found


def size_source(whole: Program, mesh: Mesh, splits: Mapping[str, AxisSplit], dim: str) -> str:
    """The size of a whole dimension, from the part of an input that a device has."""
    for v in whole.inputs:
        split = splits.get(str(v), tuple(() for _ in v.shape))
        for axis, (d, axes) in enumerate(zip(v.shape, split, strict=True)):
            if str(d) == dim:
                return f"{v}.shape[{axis}]" + (f" * {mesh.count(axes)}" if axes else "")
    raise UnsupportedError(f"the dimension {dim} is no axis of any input, so the code cannot know it")


def whole_float(program: Program, v: Node, name: str) -> str:
    """A result that holds one number everywhere is still an array of floats."""
    node = v
    while node in program.defined:
        node = program.defined[node].expr
    return f"jnp.asarray({name}, float)" if v.op.name == "variable" and value_of(node) is not None else name


def helper_sources(program: Program) -> list[str]:
    """The text of the helpers that a program's equations call; raises `UnsupportedError` for one that has no form in jax."""
    nodes = list(postorder(eq.expr for eq in program.equations))
    needed = {h: node.op.name for node in nodes for h in helpers_of(node)}
    own = set(needed) - JAX_WORDS.keys() - _WITHIN
    if refused := sorted(own - CARRIED):
        raise UnsupportedError(f"{needed[refused[0]]} has no form for jax yet; leave it out of what is partitioned")
    carried = sorted(with_needs(own, "jax") - JAX_WORDS.keys() - _WITHIN)
    return [re.sub(r"\bnp\b", "jnp", helper_source(name, "jax")) for name in carried]


def spec_source(split: Sequence[Axes]) -> str:
    """A PartitionSpec: which mesh axes each axis of an array is split over."""
    return f"PartitionSpec({', '.join(_entry(axes) for axes in split)})"


def _entry(axes: Axes) -> str:
    if len(axes) < 2:
        return f'"{axes[0]}"' if axes else "None"
    return "(" + ", ".join(f'"{a}"' for a in axes) + ")"
