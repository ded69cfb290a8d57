"""A partition run on the devices that jax sees: its gradient against jax's on one device, its bytes against the compiled HLO."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from symgrad.checking.agreement import Pairs, held, neighbours
from symgrad.checking.generics import Functions, derivative
from symgrad.checking.libraries import double_precision, import_jax
from symgrad.checking.report import Report, ReportRow
from symgrad.checking.sampling import inputs_of, sample_inputs
from symgrad.checking.witness import checked_witness
from symgrad.core.graph import postorder
from symgrad.core.op import Node
from symgrad.core.program import Program
from symgrad.errors import InputError
from symgrad.export.loading import load
from symgrad.ops.generic import apply, functions_of
from symgrad.partition.hlo import sent
from symgrad.partition.mesh import WHOLE, Mesh
from symgrad.printing.derived import Derived

Answer = Callable[[Mapping[str, Any]], list[Any]]
"""Arrays to the value and the gradient in each variable."""
_IMPORTS = frozenset({"jax", "jax.numpy", "jax.sharding", "math", "functools", "typing"})
_READ = frozenset({"at", "set", "add", "Auto"})
ENGINES = ("shard_map", "named_sharding")


class Tried(Protocol):
    """What a trial asks of a partition or a pipeline."""

    derivation: Derived
    whole: Program
    wrt: tuple[Node, ...]
    sizes: dict[str, int] | None
    dtype: str

    @property
    def sent(self) -> Mapping[str, Any]: ...

    def at(self, formula: Any) -> int: ...

    def known_sizes(self, purpose: str) -> dict[str, int]: ...

    def shard_map(self) -> str: ...


class Meshed(Tried, Protocol):
    """What it asks of a partition alone."""

    mesh: Mesh

    def named_sharding(self) -> str: ...


class Staged(Tried, Protocol):
    """What it asks of a pipeline alone."""

    @property
    def stages(self) -> Sequence[Any]: ...


def check_partition(partition: Meshed, functions: Functions, seed: int = 0, tol: float = 1e-9) -> Report:
    """Both modules at a random point, in float64; raises `InputError` if jax sees fewer devices than the mesh has."""
    arrays = _inputs(partition, functions, seed)
    _enough(partition.mesh.devices)
    with double_precision():
        expected = _on_one_device(partition.derivation, arrays, functions)
        rows = [row for engine in ENGINES for row in _engine(partition, engine, arrays, functions, expected, tol)]
    return _report(f"{partition.whole.name} on {partition.mesh}", rows, partition.sizes, seed)


def check_pipeline(pipeline: Staged, functions: Functions, seed: int = 0, tol: float = 1e-9) -> Report:
    """The same for a pipeline."""
    arrays = _inputs(pipeline, functions, seed)
    _enough(len(pipeline.stages))
    with double_precision():
        expected = _on_one_device(pipeline.derivation, arrays, functions)
        module = loaded(pipeline.shard_map(), f"{pipeline.whole.name}_pipeline")
        mesh, given = module.make_mesh(), module.sizes(**arrays) | _derivatives(pipeline.whole, functions)
        compiled = module.value_and_grad(mesh, **given).lower(*module.put(mesh, **arrays)).compile()

        def split(arrays: Mapping[str, Any]) -> list[Any]:
            value, packed = compiled(*module.put(mesh, **arrays))
            return [value, *module.gradient(packed, **given)]

        rows = _compared("pipeline", pipeline, split, expected, arrays, tol)
        rows += _sent_rows("pipeline", pipeline, sent(compiled.as_text()))
    return _report(f"{pipeline.whole.name} in {len(pipeline.stages)} stages", rows, pipeline.sizes, seed)


def _enough(needed: int) -> None:
    if (seen := len(import_jax().devices())) < needed:
        raise InputError(
            f"the mesh has {needed} devices and jax sees {seen}; to try it on one machine, "
            f"set XLA_FLAGS=--xla_force_host_platform_device_count={needed} before Python starts"
        )


def _inputs(p: Tried, functions: Functions, seed: int) -> dict[str, Any]:
    if p.dtype != "float64":
        raise InputError("the check runs in float64; leave out the dtype")
    if missing := sorted({str(node.params["function"]) for node in _left_open(p.whole).values()} - functions.keys()):
        raise InputError(f"{p.whole.name} leaves {', '.join(missing)} open; bind them for the check, as in verify(phi=jnp.tanh)")
    wanted = inputs_of(v for v in p.derivation.program.inputs if not v.params["properties"] & WHOLE)
    return sample_inputs(wanted, p.known_sizes("a run"), seed)


def _report(name: str, rows: list[ReportRow], sizes: dict[str, int] | None, seed: int) -> Report:
    witness = f"jax {import_jax().__version__} in float64 on one device; collectives against the compiled HLO"
    return Report(name, witness, tuple(rows), (seed,), (sizes or {},))


def _on_one_device(derivation: Derived, arrays: Mapping[str, Any], functions: Functions) -> Answer:
    """Value and gradient of the user's own function, where its inputs have the shapes of these arrays."""
    jax, names = import_jax(), [str(v) for v in derivation.wrt]
    witness = checked_witness(derivation.program, functions)
    others = {name: a for name, a in arrays.items() if name not in names}
    both = jax.jit(jax.value_and_grad(lambda moving, others: witness({**others, **moving})))

    def answer(arrays: Mapping[str, Any]) -> list[Any]:
        value, gradient = both({name: arrays[name] for name in names}, {name: arrays[name] for name in others})
        return [value, *(gradient[name] for name in names)]

    return answer


def _engine(
    p: Meshed, engine: str, arrays: Mapping[str, Any], functions: Functions, expected: Answer, tol: float
) -> list[ReportRow]:
    source = p.shard_map() if engine == "shard_map" else p.named_sharding()
    module = loaded(source, f"{p.whole.name}_{engine}")
    mesh = module.make_mesh()
    placed = tuple(module.put(mesh, **arrays).values())
    compiled = module.value_and_grad(mesh, **_derivatives(p.whole, functions)).lower(*placed).compile()

    def split(arrays: Mapping[str, Any]) -> list[Any]:
        value, gradient = compiled(*module.put(mesh, **arrays).values())
        return [value, *gradient]

    rows = _compared(engine, p, split, expected, arrays, tol)
    return [*rows, *(_sent_rows(engine, p, sent(compiled.as_text())) if engine == "shard_map" else [])]


def _compared(engine: str, p: Tried, split: Answer, expected: Answer, arrays: Mapping[str, Any], tol: float) -> list[ReportRow]:
    """Sums in another order round otherwise; what that makes of terms that cancel is seen at inputs moved by roundings."""
    names = ["value", *(f"gradient {v}" for v in p.wrt)]
    nearby = [dict(zip(arrays, moved, strict=True)) for moved in neighbours(list(arrays.values()))]

    def pairs(i: int) -> Pairs:
        return [(np.asarray(split(at)[i]), np.asarray(expected(at)[i])) for at in nearby]

    both = zip(split(arrays), expected(arrays), strict=True)
    gaps = [held(got, wanted, tol, partial(pairs, i)) for i, (got, wanted) in enumerate(both)]
    return [ReportRow(name, engine, gap.error, gap.tol) for name, gap in zip(names, gaps, strict=True)]


def _sent_rows(engine: str, p: Tried, found: Mapping[str, int]) -> list[ReportRow]:
    predicted = {kind: p.at(b) for kind, b in p.sent.items()}
    off = {kind: abs(found.get(kind, 0) - predicted.get(kind, 0)) for kind in {**predicted, **found}}
    return [ReportRow(f"bytes of {kind}", engine, d / max(1, predicted.get(kind, 0)), 0.0) for kind, d in off.items()]


def loaded(source: str, name: str) -> types.ModuleType:
    """A module over jax, loaded behind the same whitelist as those over NumPy, widened by jax's public names."""
    jax = import_jax()
    places = (
        jax,
        jax.numpy,
        jax.numpy.linalg,
        jax.lax,
        jax.lax.linalg,
        jax.nn,
        jax.sharding,
        jax.tree,
        jax.Array,
        type(jax.numpy.zeros(1).at),
    )
    public = frozenset(name for place in places for name in dir(place) if not name.startswith("_"))
    return load(source, name, _IMPORTS, public | _READ)


def _derivatives(whole: Program, functions: Functions) -> dict[str, Callable[..., Any]]:
    """What a module takes for the functions left open, their derivatives made by jax."""
    return {name: derivative(functions[node.params["function"]], *_order(node)) for name, node in _left_open(whole).items()}


def _left_open(whole: Program) -> dict[str, Node]:
    """The functions left open and their derivatives, by the names under which a module takes them."""
    return functions_of(postorder(eq.expr for eq in whole.equations))


def _order(node: Node) -> tuple[str, tuple[int, ...]]:
    return ("entrywise", (0,) * node.params["order"]) if node.op is apply else ("loss", node.params["wrt"])
