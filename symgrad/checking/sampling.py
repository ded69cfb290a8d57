"""Random inputs for a forward pass, from the shapes and properties it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.core.op import Dim, Node, Shape
from symgrad.reading.annotations import FUNCTIONS, declare

_Array = Any
SIZES = (5, 4, 3, 2, 6, 7)
"""No two alike, so that a transposed result never fits by accident."""

ENLARGED = (0, 6, 18)
"""What is added to the sizes until every index of the program lies within its axis."""


@dataclass(frozen=True)
class Input:
    """What is known of one input: its name, shape and properties."""

    name: str
    shape: Shape
    properties: frozenset[str]


def inputs_of(variables: Iterable[Node]) -> list[Input]:
    return [Input(str(v.params["name"]), v.shape, v.params["properties"]) for v in variables]


def inputs_from(shapes: Mapping[str, str]) -> list[Input]:
    """The same from annotations, {"W1": "h d"}; functions among them have no array and are left out."""
    declared = {name: declare(text, name) for name, text in shapes.items()}
    return [Input(name, d.shape, d.properties) for name, d in declared.items() if not d.properties & FUNCTIONS]


def sizes_for(inputs: Iterable[Input], shift: int = 0, least: int = 0) -> dict[str, int]:
    """A size for every dimension name, all different and different from the numbers among the dimensions.

    `shift` hands the sizes round; `least` is added to all of them, for programs that index far into an axis.
    """
    dims = [d for x in inputs for d in x.shape]
    names = dict.fromkeys(name for d in dims for name in sorted(map(str, getattr(d, "free_symbols", ()))))
    fixed = {d for d in dims if isinstance(d, int)}
    free = [n + least for n in (*SIZES, *range(8, 8 + len(names) + len(fixed))) if n + least not in fixed]
    count = max(len(names), min(len(SIZES), len(free)))
    return {name: free[(i + shift) % count] for i, name in enumerate(names)}


def sample_inputs(inputs: Iterable[Input], sizes: Mapping[str, int], seed: int, domain: str = "normal") -> dict[str, _Array]:
    """One random array an input; `domain` says from where entries come that no property binds: normal, positive or unit."""
    rng = np.random.default_rng(seed)
    labels = min(sizes.values(), default=2)
    arrays = {}
    for x in inputs:
        shape = tuple(size_of(d, sizes) for d in x.shape)
        if "int" in x.properties:
            arrays[x.name] = rng.integers(min([labels, *(d for d in x.shape if isinstance(d, int))]), size=shape)
        else:
            arrays[x.name] = sample_array(rng, shape, x.properties, domain)
    return arrays


def size_of(dim: Dim, sizes: Mapping[str, int]) -> int:
    return dim if isinstance(dim, int) else int(dim.subs({s: sizes[s.name] for s in dim.free_symbols}))


def sample_array(rng: np.random.Generator, shape: tuple[int, ...], properties: frozenset[str], domain: str = "normal") -> _Array:
    """A random array with these properties."""
    array = DOMAINS[domain](rng.normal(size=shape))
    for name, impose in IMPOSED.items():
        if name in properties:
            array = impose(array, rng)
    return np.float64(array) if shape == () else np.ascontiguousarray(array)


def _logistic(a: _Array) -> _Array:
    return 1 / (1 + np.exp(-a))


def _lower(a: _Array, rng: np.random.Generator) -> _Array:
    return np.tril(a, -1) + np.diag(0.5 + rng.random(len(a)))


def _softmax(a: _Array, _: np.random.Generator) -> _Array:
    return np.exp(a) / np.exp(a).sum(-1, keepdims=True)


DOMAINS: dict[str, Callable[[_Array], _Array]] = {
    "normal": lambda a: a,
    "positive": lambda a: 0.2 + _logistic(a),
    "unit": lambda a: 0.1 + 0.8 * _logistic(a),
}

IMPOSED: dict[str, Callable[[_Array, np.random.Generator], _Array]] = {
    "positive": lambda a, rng: 0.2 + _logistic(a),
    "unit": lambda a, rng: 0.1 + 0.8 * _logistic(a),
    "binary": lambda a, rng: (a > 0).astype(float),
    "sign": lambda a, rng: np.where(a > 0, 1.0, -1.0),
    "onehot": lambda a, rng: np.eye(a.shape[-1])[rng.integers(a.shape[-1], size=a.shape[:-1])],
    "simplex": _softmax,
    "orthogonal": lambda a, rng: np.linalg.qr(a)[0],
    "symmetric": lambda a, rng: (a + a.T) / 2,
    "spd": lambda a, rng: a @ a.T / len(a) + np.eye(len(a)),
    "lower": _lower,
    "diagonal": lambda a, rng: np.diag(np.diagonal(a)),
}
"""How a property is imposed on random entries, in an order in which a later one keeps the earlier."""
