"""The first gradient of a fresh process: import, compile where that is needed, and one call."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import symgrad as sg

ROUNDS = 5

MODEL = """
def mlp(X: "n d", Y: "n q", W1: "h d", W2: "q h"):
    H = jnp.tanh(X @ W1.T)
    R = H @ W2.T - Y
    J = 0.5 * jnp.sum(R**2) / X.shape[0]
    return J
"""

_INPUTS = """
import numpy as np
rng = np.random.default_rng(0)
inputs = {n: 0.1 * rng.normal(size=s) for n, s in {"X": (64, 784), "Y": (64, 10), "W1": (256, 784), "W2": (10, 256)}.items()}
"""

SCRIPTS = {
    "the exported module": f"import exported\n{_INPUTS}\nexported.value_and_grad(**inputs)",
    "jax.jit": (
        f"import jax, jax.numpy as jnp\njax.config.update('jax_enable_x64', True)\n{MODEL}\n{_INPUTS}\n"
        "gradient = jax.jit(jax.value_and_grad(mlp, (2, 3)))\njax.block_until_ready(gradient(*inputs.values()))"
    ),
    "symgrad, derived anew": (
        f"import symgrad as sg\n{_INPUTS}\nsg.forward({MODEL!r}).derive('W1', 'W2').compile().value_and_grad(**inputs)"
    ),
}


def table() -> str:
    """CPU seconds of the process, and the exported module's share of them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "exported.py").write_text(sg.forward(MODEL).derive("W1", "W2").numpy(), encoding="utf-8")
        times = {name: statistics.median(_seconds(script, folder) for _ in range(ROUNDS)) for name, script in SCRIPTS.items()}
    ours = times["the exported module"]
    lines = [
        "## First gradient after a cold start",
        "",
        "| a fresh process | CPU time (s) | over the exported module |",
        "| --- | --: | --: |",
    ]
    lines += [f"| {name} | {t:.2f} | {t / ours:.1f} |" for name, t in times.items()]
    return "\n".join([*lines, "", "MLP 784-256-10, n = 64; import, compilation and one call."])


def _seconds(script: str, folder: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
