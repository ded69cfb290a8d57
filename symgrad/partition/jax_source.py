"""A Program as the statements of a function over jax.numpy: the words of the NumPy exporter, with jax's where they differ."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from symgrad.core.graph import postorder
from symgrad.core.op import Node, value_of
from symgrad.core.program import Program, fresh
from symgrad.core.source import symbolic, value_source
from symgrad.errors import UnsupportedError
from symgrad.export.embedded import helper_source, with_needs
from symgrad.export.lowered import Assign, LoweredStatement, names_of
from symgrad.export.reuse import helpers_of
from symgrad.export.statements import Statements, in_numpy
from symgrad.export.syntax import call_of, called, filled, name, tuple_of
from symgrad.export.writer import Writer
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
    """The statements of a function, how their words are spelled, and the name under which each symbol stands in them."""

    statements: list[LoweredStatement]
    words: Mapping[str, str]
    names: Mapping[Node, str]

    @property
    def lines(self) -> list[str]:
        return list(map(Writer(self.words).line, self.statements))


def pure(program: Program, reserved: Iterable[str]) -> tuple[list[LoweredStatement], dict[Node, str]]:
    """The equations as statements that never write into an array, and the name of each symbol."""
    statements = Statements(program, reserved, writes=False, template=_summed)
    made = statements.emit()
    if "_dtype" in names_of(made).words:
        floats = [name(str(v)) for v in program.inputs if "int" not in v.params["properties"]]
        made.insert(0, Assign("_dtype", called(filled("np.result_type"), floats)))
    return made, statements.names


def _summed(node: Node) -> str:
    """An inner product of arrays as the sum of a product: vdot lays them out in one row, for which split ones are gathered."""
    return in_numpy(node).replace("np.vdot({0}, {1})", "np.sum({0} * {1})")


def body(program: Program, mesh: Mesh, whole: Program, splits: Mapping[str, AxisSplit], reserved: Collection[str]) -> Body:
    """The equations as statements, after those that read the dimensions off the inputs, which are split in this way."""
    made, found = pure(program, reserved)
    taken = {*reserved, *found.values(), *names_of(made).own, *names_of(made).words}
    words = {"np": "jnp", **JAX_WORDS}
    read = [Assign(words[f"_dim_{dim}"], size) for dim, size in _dimensions(made, mesh, whole, splits, taken, words).items()]
    return Body([*read, *made], words, {v: whole_float(program, v, name) for v, name in found.items()})


def _dimensions(
    made: Sequence[LoweredStatement],
    mesh: Mesh,
    whole: Program,
    splits: Mapping[str, AxisSplit],
    taken: set[str],
    words: dict[str, str],
) -> dict[str, ast.expr]:
    """Every dimension that the statements read, with its size: an axis of an input, or the part that a device has of it."""
    used = [word.removeprefix("_dim_") for word in names_of(made).words if word.startswith("_dim_")]
    parts = {s.name: meaning for s, meaning in mesh.meaning.items()}
    found: dict[str, ast.expr] = {}

    def add(dim: str) -> None:
        if dim in found:
            return
        if dim in parts:
            of, axes = parts[dim]
            for s in sorted(map(str, symbolic(of).free_symbols)):
                add(s)
            found[dim] = filled(f"{value_source(of)} // {mesh.count(axes)}")
        else:
            found[dim] = whole_size(whole, mesh, splits, dim)
        words[f"_dim_{dim}"] = fresh(dim if dim not in taken else f"n_{dim}", taken)
        taken.add(words[f"_dim_{dim}"])

    for dim in used:
        add(dim)
    return found


def whole_size(whole: Program, mesh: Mesh, splits: Mapping[str, AxisSplit], dim: str) -> ast.expr:
    """The size of a whole dimension, from the part of an input that a device has."""
    for v in whole.inputs:
        split = splits.get(str(v), tuple(() for _ in v.shape))
        for axis, (d, axes) in enumerate(zip(v.shape, split, strict=True)):
            if str(d) == dim:
                return filled(f"{{0}}.shape[{axis}]" + (f" * {mesh.count(axes)}" if axes else ""), name(str(v)))
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
    return Writer({}).text(call_of("PartitionSpec", *spec(split)))


def spec(split: Sequence[Axes]) -> list[ast.expr]:
    """The mesh axes of each axis of an array, as a PartitionSpec has them."""
    return [tuple_of(map(ast.Constant, axes)) if len(axes) > 1 else ast.Constant(axes[0] if axes else None) for axes in split]
