"""The pictures of the README and the site, into docs/_static: `python docs/make_picture.py`.

Needs pdflatex and pdftoppm, Graphviz, matplotlib, and chromium for what a browser shows.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import symgrad as sg
from symgrad.costs.plots import doubled

HERE = Path(__file__).resolve().parent
STATIC = HERE / "_static"
DERIVATIONS = HERE.parent / "derivations"

SIZES = {"n": 64, "d": 784, "h": 256, "q": 10}

DEEP = """
def deep(X: "n d", Y: "n d", W1: "d d", W2: "d d", W3: "d d", W4: "d d", W5: "d d", W6: "d d"):
    H1 = jnp.tanh(X @ W1)
    H2 = jnp.tanh(H1 @ W2)
    H3 = jnp.tanh(H2 @ W3)
    H4 = jnp.tanh(H3 @ W4)
    H5 = jnp.tanh(H4 @ W5)
    H6 = jnp.tanh(H5 @ W6)
    L = 0.5 * jnp.sum((H6 - Y) ** 2)
    return L
"""


def main() -> None:
    generic = sg.forward(DERIVATIONS / "d2l_generic.py").derive("W1", "W2")
    biases = sg.forward(DERIVATIONS / "d2l_mlp_bias.py").derive("W1", "b1", "W2", "b2")
    batch = sg.forward(DERIVATIONS / "mlp_batch.py").derive("W1", "b1", "W2", "b2")
    document(generic, "derivation")
    browser(biases, "page")
    biases.save(STATIC / "graph.svg")
    biases.save(STATIC / "second.svg", second=True)
    batch.cost(SIZES, "float32").plot(STATIC / "batch.png", "n", doubled(1, 4096))
    sg.forward(DEEP).derive(*(f"W{k}" for k in range(1, 7))).cost({"n": 64, "d": 256}).plot(STATIC / "depth.png")


def document(d: sg.Derivation, name: str) -> None:
    """The first page of the document."""
    with tempfile.TemporaryDirectory() as folder:
        pdf = d.save(Path(folder) / "page.pdf", level="result")
        subprocess.run(["pdftoppm", "-r", "100", "-singlefile", "-gray", "-png", str(pdf), str(STATIC / name)], check=True)


def browser(d: sg.Derivation, name: str) -> None:
    """The top of the same as a page in a browser."""
    with tempfile.TemporaryDirectory() as folder:
        page = d.save(Path(folder) / "page.html")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=900,1180"]
        command = ["chromium", *options, f"--user-data-dir={folder}/profile", f"--screenshot={STATIC / name}.png", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
