"""A placed gradient as a module that runs on JAX: by `jax.shard_map` with every collective written out, or by `NamedSharding`.

Nothing of this package is needed at run time; JAX is the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from symgrad.core.graph import postorder
from symgrad.core.op import Node
from symgrad.core.program import Program, fresh
from symgrad.errors import UnsupportedError
from symgrad.export.lowered import Assign, LoweredStatement
from symgrad.export.syntax import call_of
from symgrad.ops.generic import functions_of
from symgrad.partition.jax_source import HELPERS, Body, body, helper_sources, spec, spec_source
from symgrad.partition.mesh import WHOLE, AxisSplit, Mesh
from symgrad.partition.placing import Placed

_OWN = (
    *"Gradient MESH NamedTuple NamedSharding PartitionSpec SPECS device function jax jnp make_mesh math mesh".split(),
    *"partial placed places put results specs split value_and_grad".split(),
    *HELPERS,
)
"""Names of the module itself, which an input must not have."""

_MESH = '''
def make_mesh(devices=None):
    """The mesh over these devices, or over the first of all that jax sees, on every process."""
    devices = jax.devices() if devices is None else devices
    needed = math.prod(MESH.values())
    if len(devices) < needed:
        raise ValueError(f"the mesh {MESH} needs {needed} devices, and there are {len(devices)}")
    kinds = (jax.sharding.AxisType.Auto,) * len(MESH)
    return jax.make_mesh(tuple(MESH.values()), tuple(MESH), devices=devices[:needed], axis_types=kinds)


def put(mesh, **inputs):
    """The inputs on the mesh, each split as SPECS says; on several processes each gives the whole array."""
    wrong = [name for name in (*SPECS, *inputs) if name not in SPECS or name not in inputs]
    if wrong:
        raise ValueError(f"the inputs are {', '.join(SPECS)}; missing or unknown: {', '.join(wrong)}")
    return {name: jax.device_put(inputs[name], NamedSharding(mesh, spec)) for name, spec in SPECS.items()}
'''


@dataclass(frozen=True)
class MeshParts:
    """What a module is made from: the whole gradient program and its placed form, the mesh, the variables, and a title's words."""

    whole: Program
    placed: Placed
    mesh: Mesh
    wrt: tuple[Node, ...]
    plan: str
    equations: str

    @property
    def inputs(self) -> list[Node]:
        """The arrays among the inputs, as one device sees them."""
        return [v for v in self.placed.program.inputs if not v.params["properties"] & WHOLE]

    @property
    def generics(self) -> list[str]:
        """Functions that the equations leave open, and their derivatives."""
        return sorted(functions_of(postorder(eq.expr for eq in self.whole.equations)))

    def split(self, v: Node) -> AxisSplit:
        """Where a symbol of the whole program is split, by its name."""
        return self.by_name[str(v)]

    @property
    def by_name(self) -> dict[str, AxisSplit]:
        return {str(v): split for v, split in self.placed.splits.items()}


def shard_map_module(p: MeshParts) -> str:
    """One device's program under `jax.shard_map`: what is sent stands in it by name."""
    program = p.placed.program
    made = body(program, p.mesh, p.whole, p.by_name, [*_OWN, *p.generics])
    device = _function("device", p, made, program.outputs, "One device's part of the equations.", made.lines)
    call = [
        f"specs = tuple(SPECS[name] for name in ({_tuple(f'{chr(34)}{v}{chr(34)}' for v in p.inputs)}))",
        f"results = (PartitionSpec(), Gradient({', '.join(f'{v}=SPECS[{chr(34)}{v}{chr(34)}]' for v in p.wrt)}))",
        f"split = jax.shard_map({_bound('device', p)}, mesh=mesh, in_specs=specs, out_specs=results, check_vma=False)",
        f"return jax.jit(lambda {_names(p)}: split({_names(p)}))",
    ]
    return _module(p, "jax.shard_map", device, call, helper_sources(program))


def named_sharding_module(p: MeshParts) -> str:
    """The whole gradient under `jax.jit`, its named values held to their places; XLA puts in what is sent."""
    made = body(p.whole, p.mesh, p.whole, {}, [*_OWN, *p.generics, "placed"])
    lines = _constrained(p, made)
    function = _function(
        "function", p, made, p.whole.outputs, "The whole equations, with the places of what they name.", lines, "mesh"
    )
    call = [
        f"results = (PartitionSpec(), Gradient({', '.join(f'{v}=SPECS[{chr(34)}{v}{chr(34)}]' for v in p.wrt)}))",
        "places = jax.tree.map(lambda spec: NamedSharding(mesh, spec), results, is_leaf=lambda x: isinstance(x, PartitionSpec))",
        f"return jax.jit(lambda {_names(p)}: {_bound('function', p, 'mesh')}({_names(p)}), out_shardings=places)",
    ]
    return _module(p, "NamedSharding", function, call, helper_sources(p.whole))


def _constrained(p: MeshParts, made: Body) -> list[str]:
    """The statements, arrays that have a name in the program held to their place."""
    places = {made.names[eq.symbol]: p.split(eq.symbol) for eq in p.whole.equations if eq.symbol.ndim}
    lines = [
        "def placed(x, *axes):",
        "    return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, PartitionSpec(*axes)))",
        "",
    ]
    return [*lines, *replace(made, statements=[_placed(s, places) for s in made.statements]).lines]


def _placed(statement: LoweredStatement, places: Mapping[str, AxisSplit]) -> LoweredStatement:
    if not isinstance(statement, Assign) or statement.target not in places:
        return statement
    return replace(statement, code=call_of("placed", statement.code, *spec(places[statement.target])))


def _function(
    name: str, p: MeshParts, made: Body, outputs: Sequence[Node], says: str, lines: Iterable[str], first: str = ""
) -> str:
    value, *gradients = (made.names[v] for v in outputs)
    parameters = ", ".join([*([first] if first else []), _names(p), *(["*", *p.generics] if p.generics else [])])
    result = f"return {value}, Gradient({', '.join(gradients)})"
    inside = [f'"""{says}"""', *lines, result]
    return "\n".join([f"def {name}({parameters}):", *(f"    {line}" if line else "" for line in inside)])


def _bound(name: str, p: MeshParts, first: str = "") -> str:
    """A function with its mesh and the functions left open given."""
    given = [*([first] if first else []), *(f"{g}={g}" for g in p.generics)]
    return f"partial({', '.join([name, *given])})" if given else name


def _names(p: MeshParts) -> str:
    return ", ".join(str(v) for v in p.inputs)


def _tuple(items: Iterable[str]) -> str:
    words = list(items)
    return ", ".join(words) + ("," if len(words) == 1 else "")


def _module(p: MeshParts, engine: str, function: str, call: Sequence[str], helpers: Sequence[str]) -> str:
    _check_names(p)
    text = p.equations.replace("\\", "\\\\").replace('"""', "'''")
    title = f'"""{p.whole.name} and its gradient on a mesh of {p.mesh}, by {engine}: {p.plan}.\n\n{text}\n"""'
    imports = [
        "import math",
        *(["from functools import partial"] if "partial(" in "".join(call) else []),
        "from typing import NamedTuple",
    ]
    jax = ["import jax", "import jax.numpy as jnp", "from jax.sharding import NamedSharding, PartitionSpec"]
    sizes = ", ".join(f'"{name}": {k}' for name, k in p.mesh.sizes.items())
    specs = [f'    "{v}": {spec_source(p.placed.splits[v])},' for v in p.inputs]
    tables = [f"MESH = {{{sizes}}}", "SPECS = {", *specs, "}"]
    gradient = ["class Gradient(NamedTuple):", '    """One array a variable, of its shape and split as it is."""', ""]
    gradient += [f"    {v}: jax.Array" for v in p.wrt]
    star = f", *, {', '.join(p.generics)}" if p.generics else ""
    says = f'"""A compiled function ({_names(p)}) -> (value, Gradient) on this mesh, of arrays placed by `put`."""'
    maker = [f"def value_and_grad(mesh{star}):", f"    {says}", *(f"    {line}" for line in call)]
    head = "\n".join([title, "", *imports, "", *jax, "", *tables])
    return "\n\n\n".join([head, "\n".join(gradient), _MESH.strip(), *helpers, function, "\n".join(maker)]) + "\n"


def _check_names(p: MeshParts) -> None:
    """The module's own names stay its own."""
    for v in p.inputs:
        if str(v) in (*_OWN, *p.generics):
            raise UnsupportedError(f"an input called {v} would hide what the module calls so; rename it, {fresh(str(v), [str(v)])}")
