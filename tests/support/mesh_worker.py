"""Runs partitions on eight virtual devices, in a process of its own because jax must know of them before it starts; prints JSON."""

import json
import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import random
import runpy
from pathlib import Path

import jax
import jax.numpy as jnp

import symgrad as sg
from symgrad.partition import collectives, trial
from symgrad.partition.hlo import sent

FOLDER = Path(__file__).parents[2] / "derivations"
FUNCTIONS = {"l": lambda o, y: 0.5 * jnp.sum((o - y) ** 2), "phi": jnp.tanh}
MLP = {"n": 16, "d": 6, "h": 8, "q": 5}
HYBRID = {"n": "data", "h": "model"}

PLANS = {
    "data": ("mlp_batch", {"data": 8}, {"n": "data"}, MLP),
    "tensor": ("mlp_batch", {"model": 8}, {"h": "model"}, MLP),
    "hybrid": ("mlp_batch", {"data": 4, "model": 2}, HYBRID, MLP),
    "parameters": ("mlp_batch", {"data": 4}, {"n": "data", "W1": ("data", None), "W2": (None, "data")}, MLP),
    "named value": ("mlp_batch", {"model": 4}, {"h": "model", "O": ("model", None)}, MLP),
    "attention": ("attention", {"data": 4, "model": 2}, {"n": "data", "m": "model"}, {"n": 8, "m": 6, "k": 3, "v": 5}),
    "rnn": ("rnn_three_steps", {"model": 4}, {"h": "model"}, {"h": 8, "d": 3, "q": 5}),
    "logistic": ("logistic", {"data": 4, "model": 2}, {"N": "data", "M": "model"}, {"N": 8, "M": 6}),
}

DEEP = """
def deep(X: "n d", Y: "n q", A: "d h", B: "h k", C: "k q", c: "q", lam: ""):
    H = tanh(X @ A)
    G = tanh(H @ B)
    O = G @ C + c
    J = sum((O - Y)**2) / X.shape[0] + lam * (sum(A**2) + sum(B**2))
    return J
"""
PIPELINES = {
    "two stages": (FOLDER / "mlp_batch.py", ("W1", "b1", "W2", "b2"), ["H"], "n", 4, MLP),
    "three stages": (DEEP, ("A", "B", "C", "c"), ["H", "G"], "n", 4, {"n": 12, "d": 6, "h": 8, "q": 5, "k": 7}),
}


def derived(stem):
    path = FOLDER / f"{stem}.py"
    return sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])


def bound(derivation):
    """The functions that a derivation leaves open."""
    names = derivation.program.origin.arguments
    return {name: FUNCTIONS[name] for name in names if name in FUNCTIONS}


def rows(report):
    return [[r.quantity, r.block, r.error, r.ok] for r in report.rows]


def compiled(p, source, name):
    """A module's function compiled for its mesh, by shapes alone."""
    with trial.double_precision():
        module = trial.loaded(source, name)
        mesh = module.make_mesh()
        placed = module.put(mesh, **trial._inputs(p, {}, 0)).values()
        return module.value_and_grad(mesh).lower(*placed).compile()


def plan(name):
    stem, mesh, split, sizes = PLANS[name]
    derivation = derived(stem)
    p = derivation.partition(mesh, split, sizes)
    found = {"rows": rows(trial.check_partition(p, bound(derivation)))}
    if name in ("data", "tensor", "hybrid"):
        found["xla"] = sent(compiled(p, p.named_sharding(), "by_xla").as_text())
    if name == "hybrid":
        memory = compiled(p, p.shard_map(), "by_hand").memory_analysis()
        found |= {"arguments": memory.argument_size_in_bytes, "results": memory.output_size_in_bytes}
    return found


def pipeline(name):
    source, wrt, *rest = PIPELINES[name]
    return {"rows": rows(trial.check_pipeline(sg.forward(source).derive(*wrt).pipeline(*rest), {}))}


def random_plan(seed):
    """Random splits of the inputs of one derivation after the other; sizes are multiples of both mesh axes."""
    rng = random.Random(seed)
    stem = ("mlp_batch", "attention", "softmax_regression")[seed % 3]
    derivation = derived(stem)
    dims = dict.fromkeys(str(d) for v in derivation.program.inputs for d in v.shape)
    plan = {}
    for v in derivation.program.inputs:
        split = ["-"] * v.ndim
        for m in ("a", "b") if v.ndim else ():
            k = rng.randrange(-1, v.ndim)
            if k >= 0 and not isinstance(v.shape[k], int):
                split[k] = m if split[k] == "-" else f"{split[k]}+{m}"
        plan[str(v)] = tuple(split)
    p = derivation.partition({"a": 4, "b": 2}, plan, {d: 8 * (i % 2 + 1) for i, d in enumerate(dims) if not d.isdecimal()})
    return {"plan": str(p.plan), "rows": rows(trial.check_partition(p, {}))}


def broken():
    """The same check where a collective is left out, and where the bytes are predicted wrong: it must say so."""
    p = derived("mlp_batch").partition({"data": 4}, {"n": "data"}, MLP)
    p.sent["all-reduce"] += 8
    silent = {"bytes": rows(trial.check_partition(p, {}))}
    collectives.all_reduce.__dict__["numpy"] = "+{0}"
    return silent | {"gradient": rows(trial.check_partition(derived("mlp_batch").partition({"data": 4}, {"n": "data"}, MLP), {}))}


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    results = {"plans": {name: plan(name) for name in PLANS}, "pipelines": {name: pipeline(name) for name in PIPELINES}}
    results |= {"random": [random_plan(seed) for seed in range(3)], "broken": broken()}
    json.dump(results, sys.stdout)
