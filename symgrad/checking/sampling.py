"""Random inputs for a forward pass, from the shapes and properties it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from symgrad.core.dimensions import constraints, size_of
from symgrad.core.loop import right_sides
from symgrad.core.op import Node, Shape, variable
from symgrad.core.program import Program
from symgrad.core.source import dim_text
from symgrad.errors import InputError
from symgrad.reading.annotations import FUNCTIONS, declare

_Array = Any
SIZES = (5, 4, 3, 2, 6, 7)
"""No two alike, so that a transposed result never fits by accident."""

MOST, MOST_TRIES = 64, 20_000

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


def program_sizes(program: Program, shift: int = 0, least: int = 0) -> dict[str, int]:
    """Sizes at which every array of a program has an entry."""
    held = constraints([*program.inputs, *right_sides(program)], least=1)
    return sizes_for(inputs_of(program.inputs), shift, least, held)


def sizes_for(inputs: Iterable[Input], shift: int = 0, least: int = 0, held: Sequence[sympy.Expr] = ()) -> dict[str, int]:
    """A size for every dimension name, all different and different from the numbers among the dimensions.

    `shift` hands the sizes round; `least` is added to all of them, for programs that index far into an axis.  What stands in
    `held` and the sizes of the inputs less 1 are 0 or more there; raises `InputError` where no sizes below 64 make them so.
    """
    inputs = list(inputs)
    dims = [d for x in inputs for d in x.shape]
    names = dict.fromkeys(name for d in dims for name in sorted(map(str, getattr(d, "free_symbols", ()))))
    fixed = {d for d in dims if isinstance(d, int)}
    free = [n + least for n in (*SIZES, *range(8, 8 + len(names) + len(fixed))) if n + least not in fixed]
    count = max(len(names), min(len(SIZES), len(free)))
    usual = [free[(i + shift) % count] for i in range(count)]
    wanted = [*usual, *(n for n in (*range(2, MOST), 1) if n not in {*usual, *fixed})]
    return _assigned(list(names), wanted, [*held, *constraints([variable(x.name, x.shape) for x in inputs], least=1)])


def _assigned(names: list[str], wanted: list[int], held: list[sympy.Expr]) -> dict[str, int]:
    """The first sizes of those wanted at which everything holds, each name's own first, found by going back where it does not."""
    read = [(gap, {s.name for s in gap.free_symbols}) for gap in held]
    waiting, tries = [iter(wanted)], 0
    sizes: dict[str, int] = {}
    while len(sizes) < len(names):
        name = names[len(sizes)]
        for size in waiting[-1]:
            tries += 1
            if size not in sizes.values() and _holds(read, {**sizes, name: size}, name):
                sizes[name] = size
                waiting.append(iter(wanted))
                break
        else:
            waiting.pop()
            if not sizes or tries > MOST_TRIES:
                below = ", ".join(dict.fromkeys(map(dim_text, held)))
                raise InputError(f"no sizes were found at which every axis has an entry: {below} go below 0")
            sizes.popitem()
    return sizes


def _holds(read: list[tuple[sympy.Expr, set[str]]], sizes: Mapping[str, int], name: str) -> bool:
    """Whether everything that this name decides, with those that are known, is 0 or more."""
    return all(size_of(gap, sizes) >= 0 for gap, letters in read if name in letters and letters <= sizes.keys())


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
