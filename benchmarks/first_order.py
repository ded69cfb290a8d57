"""Gradients and Hessian-vector products: the exported module against jax.jit, torch, autograd and an expert's NumPy.

python benchmarks/first_order.py            # Markdown tables; docs/speed.md holds them
python benchmarks/first_order.py MLP        # only the models whose name holds the word

BENCHMARK_SECONDS is the time of a row; with BENCHMARK_THREADS=default nothing is pinned and the wall clock counts.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version

import alone
import cold_start
import contenders
import experts
import limits
import numpy as np
import techniques
import torch
from harness import Row, exported, jax, measure
from models import Model, models

OTHERS = ("jax.jit", "torch", "autograd")


def gradient_row(model: Model) -> Row:
    derived, expert = exported(model.source, model.wrt, model.inputs), experts.gradient(model)
    return Row(
        model.name,
        {
            "ours": lambda: derived.value_and_grad(**model.inputs),
            "jax.jit": contenders.jax_gradient(model),
            "torch": contenders.torch_gradient(model),
            "autograd": contenders.autograd_gradient(model),
            "expert": lambda: expert(**model.inputs),
        },
    )


def product_row(model: Model) -> Row:
    derived, expert = exported(model.source, model.wrt, model.inputs), experts.product(model)
    return Row(
        model.name,
        {
            "ours": lambda: derived.hvp(model.direction, **model.inputs),
            "jax.jit": contenders.jax_product(model),
            "torch": contenders.torch_product(model),
            "autograd": contenders.autograd_product(model),
            "expert": lambda: expert(model.direction, **model.inputs),
        },
    )


def table(rows: Sequence[Row], shares: Sequence[str], title: str) -> str:
    """Medians, our time over each contender's and over the best of the other tools, and the distance to the limit."""
    names = list(rows[0].contenders)
    head = ["model", *(f"{n} (us)" for n in names), *(f"ours / {n}" for n in names[1:]), "ours / best tool", "of the limit"]
    lines = [f"## {title}", "", "| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    for row, share in zip(rows, shares, strict=True):
        ratios = [row.ratios[n] for n in names[1:]]
        cells = [row.name, *(f"{1e6 * row.medians[n]:.4g}" for n in names), *(f"{r:.2f}" for r in (*ratios, _best(row))), share]
        lines.append("| " + " | ".join(cells) + " |")
    means = [np.exp(np.mean([np.log(r.ratios[n]) for r in rows])) for n in names[1:]]
    means.append(np.exp(np.mean([np.log(_best(r)) for r in rows])))
    lines.append(
        "| **geometric mean** | " + " | ".join(["", *[""] * (len(names) - 1), *(f"**{m:.2f}**" for m in means), ""]).lstrip() + " |"
    )
    return "\n".join(lines)


def _best(row: Row) -> float:
    return max(row.ratios[n] for n in OTHERS)


def machine() -> str:
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, jax {jax.__version__}, torch {torch.__version__}"
    core = "One core, BLAS with one thread, CPU time of the process" if alone.THREADS == "1" else "Default threads, wall clock"
    return (
        f"{core}; a shared machine ({limits.processor()}, {versions}, autograd {version('autograd')}), float64; "
        "medians over interleaved rounds, ratios are medians of ratios.  All results agree to 1e-9 before anything is timed."
    )


def main() -> None:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [m for m in models() if word in m.name]
    rates = limits.rates()
    for title, row_of, kind in (("Gradients", gradient_row, "gradient"), ("Hessian-vector products", product_row, "product")):
        rows = [measure(row_of(m)) for m in chosen]
        shares = [f"{limits.time_of(m, kind, rates) / r.medians['ours']:.0%}" for m, r in zip(chosen, rows, strict=True)]
        print(table(rows, shares, title), "\n", flush=True)
    print(rates, machine(), sep="\n\n", end="\n\n")
    if not word and alone.THREADS == "1":
        print(techniques.table(), cold_start.table(), sep="\n\n")


if __name__ == "__main__":
    main()
