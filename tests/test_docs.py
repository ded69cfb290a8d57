"""The pages keep their word: code on them runs and prints what they show, tables and formulas are those of the package."""

import doctest
import importlib
import os
import re
import runpy
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import symgrad as sg
from symgrad.core.budget import Limits
from symgrad.printing.equations import align_environment

TOP = Path(__file__).parents[1]
PAGES = [TOP / "README.md", TOP / "docs" / "start.md", TOP / "docs" / "second-order.md", TOP / "docs" / "adding-an-operation.md"]


def read(path):
    return path.read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(code, folder):
    """What a script prints, in a process of its own: a page may register operations."""
    script = folder / "page.py"
    script.write_text(code, encoding="utf-8")
    path = os.pathsep.join([str(TOP), str(TOP / "tests" / "support")])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_code_of_a_page_prints_what_the_page_shows(page, tmp_path):
    shown = "".join(blocks(read(page), "text"))
    assert run("\n".join(blocks(read(page), "python")), tmp_path).split() == shown.split()


def test_the_readme_shows_the_formulas_that_are_printed():
    """GitHub renders `aligned` where a document has `align`; everything else is the same, character for character."""
    d = sg.forward(TOP / "derivations" / "d2l_generic.py").derive("W1", "W2")
    shown = align_environment(dict(d.sections())["Backward pass"], d.show()).replace("{align}", "{aligned}") + "\n"
    assert blocks(read(TOP / "README.md"), "math") == [shown]
    assert f"$$\n{shown}$$" in read(TOP / "docs" / "index.md")


EXAMPLES = sorted(path for path in (TOP / "symgrad").rglob("*.py") if ">>> " in read(path))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_examples_in_docstrings_print_what_they_show(path):
    module = importlib.import_module(".".join(path.relative_to(TOP).with_suffix("").parts))
    done = doctest.testmod(module)
    assert done.attempted and not done.failed


def test_the_table_of_limits_is_that_of_the_package():
    rows = re.findall(
        r"^\| `(\w+)` \| ([\d,e]+) \| ", read(TOP / "docs" / "reliability.md").partition("## Limits")[2], re.MULTILINE
    )
    assert {name: float(value.replace(",", "")) for name, value in rows} == asdict(Limits())


MAKERS = """
import sys

sys.path.insert(0, {docs!r})
import make_forms, make_operations
from symgrad.core.op import REGISTRY

page, operations = make_operations.page(), list(REGISTRY.values())
import make_fragments

kinks, figures = make_fragments.kinks(), make_fragments.house.figures()
for op in operations:
    assert not op.samples or "## " + op.name in page.splitlines(), op.name
    assert not op.kink or f"| `{{op.name}}` | {{op.kink}} |" in kinks.splitlines(), op.name
assert "| operations | " in figures and "## Models" in make_forms.page()
print("made")
"""


def test_the_pages_that_are_made_tell_of_every_operation(tmp_path):
    assert run(MAKERS.format(docs=str(TOP / "docs")), tmp_path) == "made\n"


def test_a_page_includes_what_is_made():
    made = runpy.run_path(str(TOP / "docs" / "make_fragments.py"))["FRAGMENTS"]
    included = {name for page in (TOP / "docs").glob("*.md") for name in re.findall(r"\{include\} made/(\w+)\.md", read(page))}
    assert included == made.keys()


def test_every_derivation_has_its_page_in_the_gallery():
    titles = runpy.run_path(str(TOP / "docs" / "make_gallery.py"))["TITLES"]
    assert sorted(titles) == sorted(path.stem for path in (TOP / "derivations").glob("*.py"))


def test_links_between_pages_lead_somewhere():
    for page in [*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(page)):
            made = target.startswith("gallery/") or target in ("forms.md", "operations.md")  # by docs/make_*.py
            assert made or (page.parent / target).exists(), f"{page.name} links to {target}"
