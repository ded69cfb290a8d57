"""Where the named dimensions of a program are read off, the axes of its inputs, and what must hold between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sympy

from symgrad.core.graph import postorder
from symgrad.core.op import Dim, Node
from symgrad.core.source import symbolic
from symgrad.errors import UnsupportedError

_Sizes = Mapping[str, int]


@dataclass(frozen=True)
class AxisPlace:
    """An axis of an input whose size is `factor` times the dimension plus `offset`, in dimensions that are read off before."""

    input: Node
    axis: int
    factor: int = 1
    offset: Dim = 0

    def size(self, found: int, known: _Sizes) -> int:
        """The dimension where the axis has this size."""
        return (found - size_of(self.offset, known)) // self.factor

    @property
    def needs(self) -> list[str]:
        """The dimensions that have to be known before."""
        return sorted(s.name for s in symbolic(self.offset).free_symbols)


def size_of(dim: Dim, sizes: _Sizes) -> int:
    """The number that a dimension is at these sizes."""
    return dim if isinstance(dim, int) else int(dim.subs({s: sizes[s.name] for s in dim.free_symbols}))


def places(inputs: Iterable[Node]) -> dict[str, AxisPlace]:
    """By the name of a dimension, each after those that it needs; an axis that is the dimension itself goes before one such as
    2*n + 1, and that before n - k, which gives n away where k is known."""
    axes = [(v, axis, d) for v in inputs for axis, d in enumerate(v.shape) if isinstance(d, sympy.Expr)]
    found: dict[str, AxisPlace] = {}
    for v, axis, dim in sorted(axes, key=lambda a: (not a[2].is_Symbol, len(a[2].free_symbols))):
        found.update(_read(v, axis, dim, found))
    while new := next((new for v, axis, dim in axes if (new := _read(v, axis, dim, found))), {}):
        found.update(new)
    return found


def in_order(names: Iterable[str], known: Mapping[str, AxisPlace]) -> list[str]:
    """These dimensions, each after those that it is read off with."""
    found: dict[str, None] = {}
    for name in names:
        found.update(dict.fromkeys(in_order(known[name].needs, known) if name in known else ()))
        found[name] = None
    return list(found)


def read_sizes(inputs: Iterable[Node], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The sizes of the dimensions where the inputs have these shapes, as far as they show them."""
    sizes: dict[str, int] = {}
    for name, place in places(inputs).items():
        sizes[name] = place.size(shapes[str(place.input)][place.axis], sizes)
    return sizes


def unknown(name: str) -> UnsupportedError:
    """A dimension that no axis gives away."""
    return UnsupportedError(f"the dimension {name} is no axis of any input, so the code cannot know it")


def compound(inputs: Iterable[Node]) -> list[tuple[Node, int, sympy.Expr]]:
    """The axes whose size is an expression in the dimensions, to be held against what is read off elsewhere."""
    inputs = list(inputs)
    found = places(inputs)
    return [
        (v, axis, d) for v in inputs for axis, d in enumerate(v.shape)
        if isinstance(d, sympy.Expr) and not d.is_Symbol and all(s.name in found for s in d.free_symbols)
        and all((place.input, place.axis, place.factor) != (v, axis, 1) for place in found.values())
    ]  # fmt: skip


def _read(v: Node, axis: int, dim: sympy.Expr, known: Mapping[str, AxisPlace]) -> dict[str, AxisPlace]:
    """The one dimension that an axis adds to those that are known, if it is a whole multiple of it and others."""
    if isinstance(dim, sympy.Symbol):
        return {} if dim.name in known else {dim.name: AxisPlace(v, axis)}
    new = [s for s in dim.free_symbols if s.name not in known]
    if len(new) != 1:
        return {}
    offset, factor = dim.subs(new[0], 0), dim.coeff(new[0], 1)
    if not (factor.is_Integer and factor and sympy.expand(factor * new[0] + offset - dim) == 0):
        return {}
    return {new[0].name: AxisPlace(v, axis, int(factor), int(offset) if offset.is_Integer else offset)}


# what must hold ------------------------------------------------------------------------------------------------------------


def is_sure(dim: Dim, least: int = 1) -> bool:
    """Whether an expression is 0 or more for any sizes from `least` on: with n = least + t it has no term that is subtracted."""
    return all(c >= 0 for c in _counted(dim, least))


def is_hopeless(dim: Dim) -> bool:
    """Whether no sizes make it 1 or more: with n = 1 + t it has no term that is added."""
    return all(c <= 0 for c in _counted(dim, 1))


def _counted(dim: Dim, least: int) -> list[sympy.Expr]:
    """The coefficients of a polynomial in the dimensions, each counted from its least size."""
    dim = symbolic(dim)
    shifted = {s: s + least for s in dim.free_symbols}
    terms: list[sympy.Expr] = sympy.Poly(dim.xreplace(shifted), *shifted).coeffs() if shifted else [dim]
    return terms


def constraints(nodes: Iterable[Node], least: int = 0) -> list[sympy.Expr]:
    """What must be 0 or more for the shapes of these expressions to exist, as far as it need not be: n - k for x[k:].

    `least` is the smallest size that an axis may have.
    """
    gaps = dict.fromkeys(gap for node in postorder(nodes) for gap in _gaps(node, least))
    open_ = [gap for gap in gaps if not is_sure(gap)]
    return [gap for gap in open_ if not any(other is not gap and is_sure(gap - other) for other in open_)]


def _gaps(node: Node, least: int) -> Iterator[sympy.Expr]:
    """The sizes of a node, and what a slice leaves of its axis on either side."""
    yield from (d - least for d in node.shape if isinstance(d, sympy.Expr) and not d.is_Symbol)
    if node.op.name in ("take", "put"):
        whole = node.args[0].shape if node.op.name == "take" else node.shape
        for entry, dim in zip(node.params["index"], whole, strict=True):
            if isinstance(entry, tuple) and entry[2] == 1:
                start, rest = symbolic(entry[0]), sympy.expand(symbolic(dim) - entry[0] - entry[1])
                yield from (gap for gap in (start, rest) if gap.free_symbols)
