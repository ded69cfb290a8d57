"""The picture of the README, the first page of a document, into docs/_static; needs pdflatex and pdftoppm."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import symgrad as sg

HERE = Path(__file__).resolve().parent
DERIVATION = HERE.parent / "derivations" / "d2l_generic.py"


def main() -> None:
    d = sg.forward(DERIVATION).derive("W1", "W2")
    with tempfile.TemporaryDirectory() as folder:
        pdf = d.save(Path(folder) / "page.pdf", level="result")
        target = HERE / "_static" / "derivation"
        subprocess.run(["pdftoppm", "-r", "100", "-singlefile", "-gray", "-png", str(pdf), str(target)], check=True)


if __name__ == "__main__":
    main()
