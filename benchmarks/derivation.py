"""What a derivation costs to make: time for every file in derivations/, growth with depth, and what an import pays.

python benchmarks/derivation.py            # Markdown tables; docs/speed.md holds them
"""

from __future__ import annotations

import os
import platform
import runpy
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy
import sympy

import symgrad as sg
from symgrad.core.graph import postorder
from symgrad.core.program import Program

TOP = Path(__file__).parents[1]
REPEATS = 3
DEPTHS = (8, 64, 512)
HEAVY = ("jax", "scipy", "matplotlib")


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print("\n\n".join([files(), depth(), imports(), machine()]))


def median(run: Callable[[], object]) -> float:
    """Median CPU seconds of some calls; the first pays for what Python keeps, none finds the work of an earlier one."""
    times = []
    for _ in range(REPEATS):
        forget()
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


def forget() -> None:
    """Empty what symgrad keeps from one derivation to the next."""
    modules = [module for name, module in sys.modules.items() if name.startswith("symgrad")]
    for kept in {value for module in modules for value in vars(module).values() if hasattr(value, "cache_clear")}:
        kept.cache_clear()


def everything(text: str, wrt: tuple[str, ...]) -> sg.Derivation:
    """Read, derive, simplify, print, and write all code."""
    derivation = sg.forward(text).derive(*wrt)
    derivation.latex()
    derivation.numpy()
    return derivation


def files() -> str:
    """One row a derivation: printing and code apart, because the code holds every block of the Hessian."""
    rows = {}
    for path in sorted((TOP / "derivations").glob("*.py")):
        text, wrt = path.read_text(encoding="utf-8"), runpy.run_path(str(path))["WRT"]
        formulas = median(lambda t=text, w=wrt: sg.forward(t).derive(*w).latex())
        whole = median(lambda t=text, w=wrt: everything(t, w))
        rows[path.stem] = (len(wrt), formulas, whole)
    return "\n".join(
        [
            "## Every derivation",
            "",
            "| derivation | variables | formulas (s) | formulas and code (s) |",
            "| --- | --: | --: | --: |",
        ]
        + [f"| {name} | {n} | {formulas:.3f} | {whole:.3f} |" for name, (n, formulas, whole) in rows.items()]
        + [_summary(f.__name__, f, rows) for f in (statistics.median, max)]
    )


def _summary(name: str, of: Callable[[list[float]], float], rows: dict[str, tuple[int, float, float]]) -> str:
    return f"| **{name}** | | **{of([r[1] for r in rows.values()]):.3f}** | **{of([r[2] for r in rows.values()]):.3f}** |"


def network(layers: int) -> str:
    """The source of a tanh network, every layer with weights of its own."""
    inputs = ", ".join(f'W{i}: "n n"' for i in range(1, layers + 1))
    equations = "".join(f"    h{i} = jnp.tanh(W{i} @ h{i - 1})\n" for i in range(1, layers + 1))
    return f'def network(h0: "n", y: "n", {inputs}):\n{equations}    J = 0.5 * jnp.sum((h{layers} - y) ** 2)\n    return J\n'


def depth() -> str:
    """Cost of value, gradient and Hessian-vector product as the number of equations grows; each column also an equation."""
    rows = []
    for equations in DEPTHS:
        text, wrt = network(equations - 1), [f"W{i}" for i in range(1, equations)]
        seconds = median(lambda t=text, w=wrt: sg.forward(t).derive(*w).latex())
        d = sg.forward(text).derive(*wrt)
        nodes, letters, n = _nodes(d.tangent), len(d.latex()), equations
        cells = (n, f"{seconds:.3f}", f"{1e3 * seconds / n:.2f}", nodes, f"{nodes / n:.1f}", letters, f"{letters / n:.0f}")
        rows.append(f"| {' | '.join(map(str, cells))} |")
    head = ["equations", "time (s)", "an equation (ms)", "nodes", "an equation", "LaTeX characters", "an equation"]
    title = "## A network of L tanh layers: gradient and Hessian-vector product"
    return "\n".join([title, "", f"| {' | '.join(head)} |", "|" + " --: |" * len(head), *rows])


def _nodes(program: Program) -> int:
    return sum(1 for _ in postorder([eq.expr for eq in program.equations]))


def imports() -> str:
    """Seconds of a fresh process, and which heavy packages it loaded on the way."""
    head = ["## Import", "", f"| statement | time (s) | of {', '.join(HEAVY)} it loads |", "| --- | --: | --- |"]
    return "\n".join([*head, *map(_import, ("import symgrad", "import symgrad; symgrad.forward"))])


def _import(statement: str) -> str:
    timed = f"import sys, time; t = time.process_time(); {statement}; seconds = time.process_time() - t"
    code = f"{timed}; print(seconds, *(m for m in {HEAVY} if m in sys.modules))"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(REPEATS)
    ]
    return f"| `{statement}` | {statistics.median(float(run[0]) for run in runs):.2f} | {', '.join(runs[0][1:]) or 'none'} |"


def machine() -> str:
    parts = [platform.machine(), f"Python {platform.python_version()}", f"SymPy {sympy.__version__}", f"NumPy {numpy.__version__}"]
    return f"CPU time of the process on one core of a shared machine ({', '.join([_processor(), *parts])}); medians of {REPEATS}."


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "processor unknown")


if __name__ == "__main__":
    main()
