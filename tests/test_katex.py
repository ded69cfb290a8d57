"""Every formula that a browser or a notebook would typeset passes KaTeX in its strict mode: derivations and operations."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import symgrad as sg
from symgrad.core.op import REGISTRY
from symgrad.printing.composition import content
from symgrad.printing.latex import Theme
from symgrad.printing.notebooks import markdown_page
from symgrad.printing.wording import worded

TOP = Path(__file__).parents[1]
FILES = sorted((TOP / "derivations").glob("*.py"))
KATEX = Path(__file__).parent / "katex"
INSTALLED = bool(shutil.which("node")) and (KATEX / "node_modules" / "katex").is_dir()

pytestmark = pytest.mark.skipif(
    not INSTALLED and "CI" not in os.environ, reason="KaTeX is not installed (npm ci --prefix tests/katex)"
)


def said(formulas):
    """What KaTeX says of formulas that it refuses, from one process for all."""
    formulas = list(formulas)
    command = ["node", str(KATEX / "check.js")]
    run = subprocess.run(command, input=json.dumps(formulas), capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return [f"{text}: {why}" for (text, _), why in zip(formulas, json.loads(run.stdout), strict=True) if why is not None]


def in_markdown(text):
    """The formulas between dollar signs, outside code."""
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    yield from ((body, True) for body in re.findall(r"\$\$(.*?)\$\$", text, re.DOTALL))
    yield from ((body, False) for body in re.findall(r"(?<!\\)\$([^$]+)\$", re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL)))


def derivation(path):
    return sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])


def of_derivations():
    for path in FILES:
        d = derivation(path)
        yield from in_markdown(markdown_page(content(d)))
        yield from ((body, True) for body in re.findall(r"\\begin\{align\}.*?\\end\{align\}", d.latex(), re.DOTALL))


def test_derivations():
    formulas = list(dict.fromkeys(of_derivations()))
    assert len(formulas) > 20 * len(FILES) and said(formulas) == []


@pytest.mark.parametrize("options", [{"level": "steps"}, {"theme": Theme("accent", superscript=True)}], ids=["steps", "accents"])
def test_other_documents(options):
    path = next(p for p in FILES if p.stem == "d2l_generic")
    assert said(in_markdown(markdown_page(content(derivation(path), **options)))) == []


def test_operations(monkeypatch):
    """As the page of operations shows them: each operation, its rule, and the words on it."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(TOP / "docs")])
    from make_operations import formula, letters  # noqa: PLC0415  (a script of the site, not of the package)

    shown = [formula(op.node(*letters(s), **s.static)) for op in REGISTRY.values() for s in op.samples]
    shown += [piece.latex for op in REGISTRY.values() for piece in worded(op.found) if not isinstance(piece, str)]
    assert len(shown) > 200 and said((text, True) for text in shown) == []


@pytest.mark.parametrize("formula", [r"\nosuchcommand", r"\label{here} x", r"\frac{1}{", "é"])
def test_the_check_can_fail(formula):
    assert said([(formula, True)])
