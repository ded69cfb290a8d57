"""A pipeline as a module that runs on JAX: under `jax.shard_map` every device is one stage, and hands on by `ppermute`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from symgrad.core.graph import postorder
from symgrad.core.op import Node
from symgrad.core.program import Program, fresh
from symgrad.core.source import tuple_source, value_source
from symgrad.errors import UnsupportedError
from symgrad.export.lowered import Assign, Call
from symgrad.export.syntax import call_of, filled, name, tuple_of
from symgrad.export.writer import Writer
from symgrad.ops.generic import functions_of
from symgrad.partition.jax_source import HELPERS, JAX_WORDS, helper_sources, pure, whole_float, whole_size
from symgrad.partition.mesh import Mesh
from symgrad.partition.pipeline_text import PIPELINE
from symgrad.partition.stages import Stage, Stages

_OWN = frozenset(
    """Any Gradient INPUTS MICRO NamedTuple NamedSharding PartitionSpec STAGES Stage arrays axis batch data dtype function gradient
    groups held jax jnp length make_mesh math mesh packed params partial put received results returned rows run sizes specs
    stages sums unpacked value_and_grad width""".split()
) | set(HELPERS)
"""Names of the module itself, which an input must not have."""


@dataclass(frozen=True)
class PipelineParts:
    """What the module is made from: the whole gradient, its stages, the mesh of microbatches, the variables, the equations."""

    whole: Program
    staged: Stages
    mesh: Mesh
    wrt: tuple[Node, ...]
    equations: str

    @property
    def microbatches(self) -> int:
        return self.mesh.devices

    @cached_property
    def inputs(self) -> list[Node]:
        names = {str(v) for v in (*self.wrt, *self.staged.data)}
        return [v for v in self.whole.inputs if str(v) in names]

    @cached_property
    def generics(self) -> list[str]:
        return sorted(functions_of(postorder(eq.expr for eq in self.whole.equations)))

    @cached_property
    def symbols(self) -> set[str]:
        return {str(v) for v in (*self.whole.inputs, *(eq.symbol for eq in self.whole.equations))}

    @cached_property
    def sizes(self) -> dict[str, str]:
        """Each dimension of the inputs under the name it has in the code."""
        dims = dict.fromkeys(s.name for v in self.inputs for d in v.shape for s in sorted(getattr(d, "free_symbols", ()), key=str))
        taken = self.symbols | _OWN | set(self.generics)
        return {d: fresh(d if d not in taken else f"n_{d}", taken) for d in dims}

    @cached_property
    def words(self) -> dict[str, str]:
        """How dimensions are spelled, whole or of a microbatch, and the words that are jax's."""
        whole = {f"_dim_{d}": name for d, name in self.sizes.items()}
        parts = {f"_dim_{s.name}": fresh(s.name, self.symbols | _OWN) for s in self.mesh.meaning}
        return {"np": "jnp", **JAX_WORDS, **whole, **parts}


def pipeline_module(p: PipelineParts) -> str:
    """The text of the module; parameters travel as one vector a stage, so that a device holds those of its stage alone."""
    if hidden := [str(v) for v in p.inputs if str(v) in _OWN | set(p.generics)]:
        raise UnsupportedError(f"an input called {hidden[0]} would hide what the module calls so; rename it")
    text = p.equations.replace("\\", "\\\\").replace('"""', "'''")
    title = f'"""{p.whole.name} and its gradient in {len(p.staged.stages)} stages, {p.microbatches} microbatches.\n\n{text}\n"""'
    imports = ["import math", "from functools import partial", "from typing import Any, NamedTuple", ""]
    imports += ["import jax", "import jax.numpy as jnp", "from jax.sharding import NamedSharding, PartitionSpec"]
    gradient = [
        "class Gradient(NamedTuple):",
        '    """One array a variable, of its shape."""',
        "",
        *(f"    {v}: jax.Array" for v in p.wrt),
    ]
    programs = [q for s in p.staged.stages for q in (s.forward, s.backward, s.last)]
    helpers = list(dict.fromkeys(text for q in programs for text in helper_sources(q)))
    head = "\n".join([title, "", *imports, "", *_tables(p)])
    return "\n\n\n".join([head, "\n".join(gradient), PIPELINE.strip(), *helpers, _sizes(p), _stages(p), _doors(p)]) + "\n"


def _tables(p: PipelineParts) -> list[str]:
    axes = {str(v): next((k for k, a in enumerate(p.staged.placed.splits[v]) if a), None) for v in p.staged.data}
    rows = ", ".join(f'"{name}": {axis}' for name, axis in axes.items())
    return [f"STAGES, MICRO = {len(p.staged.stages)}, {p.microbatches}", f"INPUTS = {{{rows}}}"]


def _sizes(p: PipelineParts) -> str:
    """The function that reads the dimensions off whole inputs."""
    rows = [f'"{size}": {Writer({}).text(whole_size(p.whole, p.mesh, {}, dim))}' for dim, size in p.sizes.items()]
    says = '"""The dimensions of whole inputs, as `stages` and what calls it take them."""'
    return "\n".join([f"def sizes({_names(p.inputs)}):", f"    {says}", f"    return {{{', '.join(rows)}}}"])


def _stages(p: PipelineParts) -> str:
    """The functions of all stages, within the one that knows the dimensions."""
    lines = ['"""What each stage holds and does."""']
    for symbol, (dim, axes) in p.mesh.meaning.items():
        part = filled(f"{value_source(dim)} // {p.mesh.count(axes)}")
        lines.append(Writer(p.words).line(Assign(p.words[f"_dim_{symbol.name}"], part)))
    for i, s in enumerate(p.staged.stages):
        given = {"params": s.params, "data": p.staged.data, "received": s.received}
        after = p.staged.stages[i + 1].returned if i + 1 < len(p.staged.stages) else ()
        returned, sums = len(s.returned), len(s.sums)
        lines += _function(p, f"forward_{i}", s.forward, given, [len(s.forward.outputs)])
        lines += _function(p, f"backward_{i}", s.backward, given | {"returned": after}, [returned, sums])
        held = {"params": s.params, "data": p.staged.data, "sums": s.sums}
        lines += _function(p, f"last_{i}", s.last, held, [None, len(s.params)])
    lines += ["", "return (", *(f"    {_stage(p, i, s)}," for i, s in enumerate(p.staged.stages)), ")"]
    return "\n".join([f"def stages({_signature(p)}):", *(f"    {line}" if line else "" for line in lines)])


def _function(
    p: PipelineParts, called: str, program: Program, given: Mapping[str, Sequence[Node]], groups: Sequence[int | None]
) -> list[str]:
    """One function; its results in groups of so many, None for a number by itself."""
    made, names = pure(program, [*_OWN, *p.generics, *p.words.values()])
    results = [whole_float(program, v, names[v]) for v in program.outputs]
    parts, start = [], 0
    for count in groups:
        parts.append(results[start] if count is None else f"({''.join(f'{r}, ' for r in results[start : start + count]).strip()})")
        start += 1 if count is None else count
    read = [Call(tuple(map(str, vs)), name(word)) for word, vs in given.items() if vs]
    inside = map(Writer(p.words).line, (*read, *made))
    return ["", f"def {called}({', '.join(given)}):", *(f"    {line}" for line in (*inside, f"return {', '.join(parts)}"))]


def _stage(p: PipelineParts, i: int, s: Stage) -> str:
    groups = (s.params, s.received, s.returned, s.sums)
    shapes = [tuple_of(filled(tuple_source(v.shape)) for v in vs) for vs in groups]
    return Writer(p.words).text(call_of("Stage", *shapes, *(name(f"{kind}_{i}") for kind in ("forward", "backward", "last"))))


def _doors(p: PipelineParts) -> str:
    """What a user calls: put, value_and_grad, gradient."""
    order = [str(v) for s in p.staged.stages for v in s.params]
    given = ", ".join(f"{n}={n}" for n in [*p.sizes.values(), *p.generics])
    by_stage = ", ".join(f"({_names(s.params)}{',' if s.params else ''})" for s in p.staged.stages)
    specs = ", ".join(["PartitionSpec()"] * len(p.staged.data))
    put = [
        f"def put(mesh, {_names(p.inputs)}):",
        '    """The parameters as one row a stage, each on its device, and the other inputs on every device."""',
        f"    groups = ({by_stage},)",
        "    width = max(sum(jnp.size(a) for a in group) for group in groups)",
        "    dtype = jnp.result_type(*(a for group in groups for a in group))",
        "    rows = jnp.stack([packed(group, width, dtype) for group in groups])",
        '    params = jax.device_put(rows, NamedSharding(mesh, PartitionSpec("stage")))',
        f"    return params, *jax.device_put(({_names(p.staged.data)},), NamedSharding(mesh, PartitionSpec()))",
    ]
    value_and_grad = [
        f"def value_and_grad(mesh, {_signature(p)}):",
        f'    """A compiled function (params, {_names(p.staged.data)}) -> (value, gradient as params lie), of what `put` gives."""',
        f"    function = partial(run, stages({given}))",
        f'    specs = (PartitionSpec("stage"), {specs})',
        '    results = (PartitionSpec(), PartitionSpec("stage"))',
        "    return jax.jit(jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=results, check_vma=False))",
    ]
    gradient = [
        f"def gradient(rows, {_signature(p)}):",
        '    """The rows of a gradient as arrays by name."""',
        f"    held = [a for row, s in zip(rows, stages({given}), strict=True) for a in unpacked(row, s.params)]",
        f"    return Gradient(**dict(zip({tuple(order)!r}, held, strict=True)))".replace("'", '"'),
    ]
    return "\n\n\n".join("\n".join(part) for part in (put, value_and_grad, gradient))


def _signature(p: PipelineParts) -> str:
    return ", ".join(["*", *p.sizes.values(), *(f"{g}=None" for g in p.generics)])


def _names(nodes: Iterable[Node]) -> str:
    return ", ".join(map(str, nodes))
