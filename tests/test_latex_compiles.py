"""The document of every derivation goes through pdflatex without a warning and without a line that sticks out."""

import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

import symgrad as sg

FILES = sorted((Path(__file__).parents[1] / "derivations").glob("*.py"))
SECONDS = 60

pytestmark = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed (Debian: texlive-latex-base)")


def typeset(source, folder, program="pdflatex"):
    """The complaints of one run of TeX, which may neither run programs nor read files outside its own folders."""
    (folder / "document.tex").write_text(source, encoding="utf-8")
    command = [program, "-no-shell-escape", "-halt-on-error", "-interaction=nonstopmode", "document.tex"]
    environment = os.environ | {"openin_any": "p", "openout_any": "p", "max_print_line": "1000"}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
    log = (folder / "document.log").read_text(encoding="latin-1")
    complaints = re.findall(r"^(?:!|.*Warning:|Overfull|Underfull|Missing character).*", log, re.MULTILINE)
    return complaints or ([] if run.returncode == 0 and (folder / "document.pdf").stat().st_size else ["no pdf"])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_compiles_without_a_complaint(path, tmp_path):
    derivation = sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])
    source = derivation.save(tmp_path / "saved.tex").read_text(encoding="utf-8")
    assert typeset(source, tmp_path) == []


BATCHED = """def f(X: "b t d", W: "d k", Y: "b t k"):
    S = softmax(X @ W, axis=-1)
    return sum((S - Y)**2)
"""


HEADS = """def f(X: "t 2*e", W: "2*e 2*e", V: "2*e 2*e"):
    t, d = X.shape
    Q = (X @ W).reshape(t, 2, d // 2).transpose(1, 0, 2)
    P = softmax(Q @ Q.transpose(0, 2, 1) / sqrt(d // 2), axis=-1)
    O = (P @ Q).transpose(1, 0, 2).reshape(t, d) @ V
    return sum(O**2)
"""


@pytest.mark.parametrize("text", [BATCHED, HEADS], ids=["batches", "heads"])
def test_index_notation_compiles_without_a_complaint(text, tmp_path):
    source = sg.forward(text).derive().save(tmp_path / "saved.tex").read_text(encoding="utf-8")
    assert typeset(source, tmp_path) == []


def has_lualatex():
    """With the fonts that it loads, which Debian has in a package of their own."""
    found = shutil.which("lualatex") and shutil.which("kpsewhich")
    return bool(found and subprocess.run(["kpsewhich", "luaotfload-main.lua"], capture_output=True, check=False).stdout)


@pytest.mark.skipif(not has_lualatex(), reason="lualatex is not installed (Debian: texlive-luatex, lmodern)")
@pytest.mark.parametrize("stem", ["d2l_generic", "gru_cell"])
def test_compiles_under_lualatex_too(stem, tmp_path):
    path = next(p for p in FILES if p.stem == stem)
    derivation = sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])
    source = derivation.save(tmp_path / "saved.tex").read_text(encoding="utf-8")
    assert typeset(source, tmp_path, "lualatex") == []


BROKEN = {
    "an undefined command": r"$\nosuchcommand$",
    "an overfull line": r"\noindent\rule{1.2\textwidth}{1pt}",
    "a missing reference": r"\ref{nowhere}",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_the_check_can_fail(body, tmp_path):
    source = r"\documentclass{article}\begin{document}" + body + r"\end{document}"
    assert typeset(source, tmp_path)
