"""The program of one device run for all devices of a mesh in lockstep, with NumPy: a collective is what its definition says."""

import math
from itertools import product

import numpy as np

from symgrad.checking.evaluation import applied
from symgrad.core.graph import postorder
from symgrad.export import helpers
from symgrad.partition.collectives import all_gather, all_reduce, part, reduce_scatter


class Devices:
    """The devices of a mesh: their places, and arrays cut into pieces and put together again."""

    def __init__(self, mesh, sizes):
        self.mesh = mesh
        self.places = [dict(zip(mesh.sizes, at, strict=True)) for at in product(*(range(k) for k in mesh.sizes.values()))]
        numbers = mesh.numbers(sizes)
        local = {s.name: int(e.subs({f: numbers[f.name] for f in e.free_symbols})) for s, e in mesh.parts.items()}
        self.scope = {
            "np": np,
            "math": math,
            "_dtype": np.dtype(float),
            "_sizes": {**sizes, **local},
            "__builtins__": {"float": float},
            **vars(helpers),
        }

    def index(self, place, axes):
        found = 0
        for m in axes:
            found = found * self.mesh.sizes[m] + place[m]
        return found

    def cut(self, array, place, split):
        for k, axes in enumerate(split):
            array = self.taken(array, k, place, axes)
        return array

    def taken(self, array, axis, place, axes):
        return np.split(array, self.mesh.count(axes), axis=axis)[self.index(place, axes)]

    def joined(self, pieces, split, shape):
        """The whole array; every device must hold the piece that its place says."""
        whole = np.full(shape, np.nan)
        for place, x in zip(self.places, pieces, strict=True):
            where = [slice(None)] * len(shape)
            for k, axes in enumerate(split):
                n = shape[k] // self.mesh.count(axes)
                i = self.index(place, axes)
                where[k] = slice(i * n, (i + 1) * n)
            known = whole[tuple(where)]
            new = ~np.isnan(known)
            np.testing.assert_allclose(np.asarray(x)[new], known[new], rtol=1e-12, atol=1e-12)
            whole[tuple(where)] = x
        return whole

    def group(self, place, axes):
        """The devices that differ from this one along these axes alone, in their order there."""
        others = [m for m in self.mesh.sizes if m not in axes]
        found = [i for i, p in enumerate(self.places) if all(p[m] == place[m] for m in others)]
        return sorted(found, key=lambda i: self.index(self.places[i], axes))

    def run(self, placed, inputs, functions=None):
        """Every symbol's pieces, one a device."""
        known = {}
        for v in placed.program.inputs:
            if str(v) in inputs:
                known[v] = [self.cut(np.asarray(inputs[str(v)]), p, placed.splits[v]) for p in self.places]
        for eq in placed.program.equations:
            for node in postorder([eq.expr]):
                if node not in known:
                    known[node] = self.step(node, [known[a] for a in node.args], functions or {})
            known[eq.symbol] = known[eq.expr]
        return known

    def step(self, node, operands, functions):
        if node.op not in (all_reduce, all_gather, reduce_scatter, part):
            return [applied(node, [x[i] for x in operands], {**self.scope, **functions}) for i in range(len(self.places))]
        (pieces,), axes = operands, node.params["mesh_axes"]
        if node.op is part:
            return [self.taken(x, node.params["axis"], p, axes) for x, p in zip(pieces, self.places, strict=True)]
        groups = [[pieces[i] for i in self.group(p, axes)] for p in self.places]
        if node.op is all_gather:
            return [np.concatenate(g, axis=node.params["axis"]) for g in groups]
        sums = [sum(g[1:], start=g[0]) for g in groups]
        if node.op is all_reduce:
            return sums
        return [self.taken(s, node.params["axis"], p, axes) for s, p in zip(sums, self.places, strict=True)]
