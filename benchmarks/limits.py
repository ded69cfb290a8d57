"""How fast the machine could be: its measured dgemm rate and bandwidth, and what a model asks of them at least."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from pathlib import Path

import alone  # noqa: F401  (before anything reads the environment)
import numpy as np
import sympy
from models import Model

import symgrad as sg
from symgrad.core.counting import flops_of
from symgrad.core.graph import postorder
from symgrad.planning.schedule import scheduled

_BY_BLAS = frozenset({"matmul", "dot", "inv", "solve", "logdet"})


@dataclass(frozen=True)
class Rates:
    flops: float
    bytes: float

    def __str__(self) -> str:
        return (
            "The limit of a row is the longer of two times: the flops of its products and factorisations at "
            f"{self.flops / 1e9:.0f} GFlop/s (dgemm of 1024), and one reading of its inputs and writing of its results at "
            f"{self.bytes / 1e9:.1f} GB/s (copy)."
        )


def rates() -> Rates:
    A, big = np.ones((1024, 1024)), np.ones(2**23)
    out, target = np.empty_like(A), np.empty_like(big)
    product = _quickest(lambda: np.matmul(A, A, out=out))
    return Rates(2 * 1024**3 / product, 2 * big.nbytes / _quickest(lambda: np.copyto(target, big)))


def _quickest(run) -> float:
    times = []
    for _ in range(10):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def time_of(model: Model, kind: str, rate: Rates) -> float:
    """Seconds that the machine needs at least, by the products of the exported schedule and by what goes in and comes out."""
    derivation = sg.forward(model.source).derive(*model.wrt)
    program = scheduled(derivation.adjoint if kind == "gradient" else derivation.tangent)
    sizes = {
        d: n
        for v in derivation.program.inputs
        for d, n in zip(v.shape, model.inputs[str(v)].shape, strict=True)
        if not isinstance(d, int)
    }
    nodes = [n for n in postorder(eq.expr for eq in program.equations) if n.op.name in _BY_BLAS]
    flops = float(sympy.Add(*(flops_of(n) for n in nodes)).subs(sizes))
    moved = sum(x.nbytes for x in model.inputs.values()) + sum(x.nbytes for x in model.direction) * (1 if kind == "gradient" else 2)
    return max(flops / rate.flops, moved / rate.bytes)


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0] if names else platform.machine()
