"""Write the gallery from derivations/: `python docs/make_gallery.py`, a page a derivation, with its verification against jax."""

from __future__ import annotations

import ast
import os
import runpy
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import symgrad as sg
from symgrad.printing.composition import content
from symgrad.printing.elements import Code, Heading, Part
from symgrad.printing.graphviz import has_dot
from symgrad.printing.tables import markdown
from symgrad.printing.webpage import fragment

HERE = Path(__file__).parent
SOURCES = HERE.parent / "derivations"
TARGET = HERE / "gallery"

JAX = {
    "JAX_PLATFORMS": "cpu",
    "JAX_COMPILATION_CACHE_DIR": str(HERE / "_build" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "XLA_FLAGS": "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
}
"""What JAX compiled for one build is there for the next; and what runs once is not worth optimising."""

WIDEST = 78
"""Characters of an equation in the site's column."""

GROUPS = {
    "Circuits": {
        "cs231n_circuit": "CS231n: a circuit",
        "cs231n_neuron": "CS231n: a neuron, gate by gate",
        "cs231n_sigmoid": "CS231n: a neuron with a sigma gate",
        "cs231n_squared_length": "CS231n: squared length",
    },
    "Networks": {
        "d2l_generic": "D2L 5.3, generic",
        "d2l_mlp": "D2L 5.3, tanh",
        "d2l_mlp_bias": "D2L 5.3, biases",
        "mlp_batch": "D2L 5.3, a batch",
        "mlp_hvp": "Pearlmutter's R-operator",
        "softmax_mse": "Softmax, squared error",
        "softmax_cross_entropy": "Softmax, cross-entropy",
        "rnn_three_steps": "RNN through time",
        "lstm_cell": "LSTM cell",
        "gru_cell": "GRU cell",
    },
    "Layers": {
        "attention": "Attention",
        "layer_norm": "Layer normalisation",
        "batch_norm": "Batch normalisation",
        "graph_convolution": "Graph convolution",
        "lora": "LoRA",
    },
    "Regression and classification": {
        "ridge": "Ridge regression",
        "logistic": "Logistic regression",
        "logistic_hessian": "Logistic regression, Newton's method",
        "softmax_regression": "Softmax regression",
        "softmax_hessian": "Log-sum-exp",
        "poisson": "Poisson regression",
        "svm_squared_hinge": "Support vector machine",
    },
    "Likelihoods": {
        "gaussian_precision": "Gaussian, precision",
        "gaussian_covariance": "Gaussian, covariance",
        "gaussian_mixture": "Gaussian mixture",
        "gp_marginal_likelihood": "Gaussian process",
        "vae_kl": "VAE, Kullback-Leibler term",
        "rbm_free_energy": "Restricted Boltzmann machine",
    },
    "Factorisations and representations": {
        "factorisation": "Matrix factorisation",
        "factorisation_hessian": "Factorisation's Hessian",
        "pca": "Principal components",
        "info_nce": "InfoNCE",
        "rayleigh_quotient": "Rayleigh quotient",
    },
}
"""Pages by group, and what they are called."""

TITLES = {stem: title for group in GROUPS.values() for stem, title in group.items()}


@dataclass(frozen=True)
class Entry:
    """What the index says of one page."""

    stem: str
    says: str
    checks: int
    worst: float


def main() -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    if missing := {p.stem for p in SOURCES.glob("*.py")} ^ set(TITLES):
        sys.exit(f"docs/make_gallery.py: put {', '.join(sorted(missing))} into a group, or take it out")
    os.environ.update(JAX)
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        entries = {entry.stem: entry for entry in pool.map(write, TITLES)}
    (TARGET / "index.md").write_text(index(entries), encoding="utf-8")


def write(stem: str) -> Entry:
    """One page, and its picture where Graphviz is installed."""
    path = SOURCES / f"{stem}.py"
    names = runpy.run_path(str(path))
    derivation = sg.forward(path).derive(*names["WRT"])
    report = derivation.verify(seeds=(0,), **stand_ins(names[stem].function))
    picture = ""
    if has_dot():
        numbers = {"point": names["POINT"], "digits": names.get("DIGITS")} if "POINT" in names else {}
        derivation.save(TARGET / f"{stem}.svg", **numbers)
        picture = f"```{{image}} {stem}.svg\n:alt: The computational graph of {stem}\n:class: graph\n```"
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    text = ast.get_docstring(tree) or ""
    parts = content(derivation, report=report)
    costs = [markdown(table) for table in derivation.cost().tables()]
    (TARGET / f"{stem}.md").write_text(
        "\n\n".join(page(stem, text, listing(source, tree), picture, parts, costs)) + "\n", encoding="utf-8"
    )
    return Entry(
        stem, text.splitlines()[0], len(report.rows), max(row.error for row in report.rows if "Taylor" not in row.quantity)
    )


def stand_ins(function: Any) -> dict[str, Any]:
    """What functions that are left open are bound to for the check: tanh, and half the squared error."""
    import jax.numpy as jnp  # noqa: PLC0415  (after JAX_PLATFORMS is set)

    known = {"phi": jnp.tanh, "l": lambda o, y: 0.5 * jnp.sum((o - y) ** 2)}
    return {name: stand_in for name, stand_in in known.items() if name in function.__annotations__}


def listing(source: str, tree: ast.Module) -> str:
    """The forward pass as it stands in the file."""
    (function,) = (s for s in tree.body if isinstance(s, ast.FunctionDef))
    return "\n".join(source.splitlines()[function.decorator_list[0].lineno - 1 : function.end_lineno])


def page(stem: str, text: str, forward: str, picture: str, parts: list[Part], costs: list[str]) -> Iterator[str]:
    """Headings as Markdown, so that the site knows them; everything else as the package's own HTML."""
    yield f"# {TITLES[stem]}"
    yield text
    yield f"```python\n{forward}\n```"
    for part in parts:
        if isinstance(part, Heading) and part.level == 1:
            continue
        if isinstance(part, Heading):
            if part.text == "Forward pass" and picture:
                yield f"## Graph\n\n{picture}"
            if part.text == "Conventions":
                yield "## Cost"
                yield from costs
            yield f"{'#' * part.level} {part.text}"
        elif isinstance(part, Code):
            yield f"```python\n{part.text}```"
        else:
            yield f"```{{raw}} html\n{fragment([part], widest=WIDEST)}\n```"


def cell(text: str) -> str:
    """Text in a table, where a bar would end the cell."""
    return text.replace("|", r"\|")


def index(entries: dict[str, Entry]) -> str:
    """All pages under their groups, and the verification in one table a group."""
    lines = [
        "# Gallery",
        f"{len(entries)} derivations, each a file of equations in `derivations/` that its page is built from: "
        "document, picture, cost, code, and the comparison with JAX at a random point whose dimensions all differ.",
    ]
    for group, stems in GROUPS.items():
        rows = [entries[stem] for stem in stems]
        table = [f"| [{TITLES[e.stem]}]({e.stem}.md) | {cell(e.says)} | {e.checks} | {e.worst:.0e} |" for e in rows]
        lines += [
            f"## {group}",
            "\n".join(["| derivation | source | checks | largest error |", "| --- | --- | --: | --: |", *table]),
        ]
        lines += ["```{toctree}\n:hidden:\n\n" + "\n".join(stems) + "\n```"]
    return "\n\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
