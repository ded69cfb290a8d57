"""The mesh of devices and the plan: which axes of which arrays are split over which axes of the mesh."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy

from symgrad.core.counting import dimensions
from symgrad.core.op import Dim, Node, Shape
from symgrad.core.program import Program, fresh
from symgrad.core.source import symbolic
from symgrad.errors import InputError

Axes: TypeAlias = tuple[str, ...]
AxisSplit: TypeAlias = tuple[Axes, ...]
"""For every axis of an array the mesh axes that it is split over, the first of them outermost."""

WHOLE = frozenset({"entrywise", "loss"})
"""Inputs that are functions, of which there is nothing to split."""


class Mesh:
    """Devices in a grid with named axes, in this order; `local` is the size of a part of a dimension on one device.

    >>> mesh = Mesh({"data": 4, "model": 2})
    >>> mesh.devices, mesh.count(("data",))
    (8, 4)
    """

    def __init__(self, sizes: Mapping[str, Any], names: Iterable[str] = ()) -> None:
        self.sizes = {name: _checked_size(name, k) for name, k in sizes.items()}
        if not self.sizes:
            raise InputError('a mesh needs at least one axis, as in mesh={"data": 4}')
        self.taken = set(names)
        self.symbols = {name: sympy.Symbol(fresh(name, self.taken), integer=True, positive=True) for name in self.sizes}
        self.parts: dict[sympy.Symbol, sympy.Expr] = {}
        self.meaning: dict[sympy.Symbol, tuple[Dim, Axes]] = {}
        self._local: dict[tuple[Dim, Axes], Dim] = {}

    @property
    def devices(self) -> int:
        return self.count(self.sizes)

    def count(self, axes: Iterable[str]) -> int:
        """How many devices these axes run over."""
        total = 1
        for name in axes:
            total *= self.sizes[name]
        return total

    def ordered(self, axes: Iterable[str]) -> Axes:
        found = set(axes)
        return tuple(name for name in self.sizes if name in found)

    def local(self, dim: Dim, axes: Axes) -> Dim:
        """The part of a dimension that one device holds: a number, or a symbol that `formula` reads as n / data."""
        if not axes:
            return dim
        if isinstance(dim, int):
            return _divided(dim, self.count(axes), axes)
        if (dim, axes) not in self._local:
            word = "_".join(("".join(c if c.isalnum() else "_" for c in str(dim)), *axes))
            symbol = sympy.Symbol(fresh(word, self.taken), integer=True, positive=True)
            self.taken.add(symbol.name)
            self.parts[symbol] = dim / sympy.Mul(*(self.symbols[a] for a in axes))
            self.meaning[symbol] = (dim, axes)
            self._local[dim, axes] = symbol
        return self._local[dim, axes]

    def local_shape(self, shape: Shape, split: AxisSplit) -> Shape:
        return tuple(self.local(d, axes) for d, axes in zip(shape, split, strict=True))

    def formula(self, expr: Any) -> sympy.Expr:
        """An expression over one device's sizes as one over the whole dimensions and the mesh."""
        return symbolic(expr).subs(self.parts)

    def numbers(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """The sizes of dimensions and of the mesh, by the names they have in formulas."""
        return {**sizes, **{self.symbols[name].name: k for name, k in self.sizes.items()}}

    def __str__(self) -> str:
        return ", ".join(f"{name} = {k}" for name, k in self.sizes.items())


def _checked_size(name: Any, k: Any) -> int:
    if not (isinstance(name, str) and name.isidentifier()):
        raise InputError(f"a mesh axis is named by a word, not {name!r}")
    if isinstance(k, bool) or not hasattr(k, "__index__") or k < 1:
        raise InputError(f"the mesh axis {name} has a positive whole number of devices, not {k!r}")
    return int(k.__index__())


def _divided(size: int, count: int, axes: Axes) -> int:
    if size % count:
        raise InputError(f"{' * '.join(axes)} = {count} does not divide a dimension of size {size}")
    return size // count


# plans ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MeshPlan:
    """How arrays lie on the mesh: by dimension, wherever it stands, and for single arrays by name."""

    dims: Mapping[str, Axes]
    arrays: Mapping[str, AxisSplit]

    def split(self, v: Node) -> AxisSplit:
        """Where a variable is split; a dimension that stands twice in one array is split where it stands first."""
        if (name := str(v.params["name"])) in self.arrays:
            return self.arrays[name]
        used: set[str] = set()
        split = []
        for d in v.shape:
            axes = tuple(a for a in self.dims.get(str(d), ()) if a not in used)
            used.update(axes)
            split.append(axes)
        return tuple(split)

    def __str__(self) -> str:
        words = [f"{d}={'+'.join(axes)}" for d, axes in self.dims.items()]
        return ", ".join([*words, *(f"{name}={_written(split)}" for name, split in self.arrays.items())]) or "nothing split"


def _written(split: AxisSplit) -> str:
    """A split as the plan has it: (data,-)."""
    return f"({','.join('+'.join(axes) or '-' for axes in split)})"


def planned(program: Program, mesh: Mesh, plan: Mapping[str, Any] | None) -> MeshPlan:
    """The plan, checked against the program and the mesh.

    A word splits a dimension wherever it stands (`n="data"`), a sequence the axes of one array (`W1=("model", None)`); a text
    with a comma is such a sequence, and two mesh axes on one dimension are joined by a plus.
    """
    named = {str(s): s for s in (*program.inputs, *(eq.symbol for eq in program.equations))}
    dims: dict[str, Axes] = {}
    arrays: dict[str, AxisSplit] = {}
    for key, value in (plan or {}).items():
        entries = _entries(value)
        if entries is None:
            dims[key] = _dimension(program, mesh, key, str(value), key in named)
        elif key not in named:
            raise InputError(f"{program.name} has no array {key!r}; its arrays are {', '.join(named)}")
        else:
            arrays[key] = _array(mesh, named[key], entries)
    return MeshPlan(dims, arrays)


def _entries(value: Any) -> Sequence[Any] | None:
    """The entries of a sequence, or None for the word that splits a dimension."""
    if isinstance(value, str):
        return [part.strip() for part in value.removesuffix(",").split(",")] if "," in value else None
    if isinstance(value, tuple | list):
        return value
    raise InputError(f"a plan gives a mesh axis for a dimension or a sequence of them for an array, not {value!r}")


def _dimension(program: Program, mesh: Mesh, name: str, word: str, is_array: bool) -> Axes:
    if name not in (known := dimensions(program)):
        if is_array:
            raise InputError(f"{name} is an array, whose axes are split one by one: an entry for each, as in {word},-")
        raise InputError(f"{program.name} has no dimension {name!r}; its dimensions are {', '.join(known) or 'none'}")
    return _axes(mesh, word)


def _array(mesh: Mesh, v: Node, entries: Sequence[Any]) -> AxisSplit:
    if len(entries) != v.ndim:
        raise InputError(f"the plan splits {v} along {len(entries)} axes, and it has {v.ndim}")
    if v.params["properties"] & WHOLE:
        raise InputError(f"{v} is a function, and there is nothing to split")
    split = tuple(_axes(mesh, e) for e in entries)
    used = [a for axes in split for a in axes]
    if twice := [a for a in used if used.count(a) > 1]:
        raise InputError(f"the plan splits two axes of {v} over {twice[0]}; a mesh axis splits one axis of an array")
    return split


def _axes(mesh: Mesh, entry: Any) -> Axes:
    if entry is None or entry in ("", "-"):
        return ()
    words = entry.split("+") if isinstance(entry, str) else list(entry)
    if unknown := [w for w in words if w not in mesh.sizes]:
        raise InputError(f"the mesh has no axis {unknown[0]!r}; its axes are {', '.join(mesh.sizes)}")
    if mesh.ordered(words) != tuple(words):
        raise InputError(
            f"write the axes {'+'.join(words)} once each and in the order of the mesh, {'+'.join(mesh.ordered(words))}"
        )
    return tuple(words)


def check_divides(mesh: Mesh, plan: MeshPlan, arrays: Iterable[Node], sizes: Mapping[str, int]) -> None:
    """Every split dimension must be divided by the devices it is split over."""
    for v in arrays:
        for d, axes in zip(v.shape, plan.split(v), strict=True):
            n = d if isinstance(d, int) else int(d.subs({s: sizes[s.name] for s in d.free_symbols}))
            if n % mesh.count(axes):
                name = d if isinstance(d, int) else f"{d} = {n}"
                raise InputError(
                    f"{' * '.join(axes)} = {mesh.count(axes)} does not divide {name} of {v}; choose another mesh or another axis"
                )
