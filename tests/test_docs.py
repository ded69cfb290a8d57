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
import symgrad.ops
from benchmarks.house import TABLES
from symgrad.core.budget import Limits
from symgrad.core.op import REGISTRY
from symgrad.partition.collectives import COLLECTIVES, part
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
    environment = os.environ | {"PYTHONPATH": str(TOP / "tests" / "support"), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_code_of_a_page_prints_what_the_page_shows(page, tmp_path):
    shown = "".join(blocks(read(page), "text"))
    assert run("\n".join(blocks(read(page), "python")), tmp_path).split() == shown.split()


LAWS = """
import checkers
from cases import DISTINCT, ONES, case_of

for sample in log1mexp.samples:
    for sizes in (DISTINCT, ONES):
        for law in ("value", "jvp", "still", "vjp", "second", "flops", "closure", "latex", "shapes", "partials"):
            getattr(checkers, f"check_{law}")(case_of(log1mexp, sample, sizes))
            print(law)
"""


def test_the_operation_of_the_page_keeps_every_law(tmp_path):
    code = blocks(read(TOP / "docs" / "adding-an-operation.md"), "python")[0]
    assert len(run(code + LAWS, tmp_path).split()) == 2 * 2 * 10


def test_a_wrong_rule_on_the_page_would_be_found(tmp_path):
    code = blocks(read(TOP / "docs" / "adding-an-operation.md"), "python")[0].replace("exp(-X - Z)", "exp(-X + Z)")
    with pytest.raises(AssertionError, match="log1mexp"):
        run(code + LAWS, tmp_path)


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


def test_the_table_of_kinks_is_that_of_the_records():
    table = "".join(f"| `{op.name}` | {op.kink} |\n" for op in sorted(REGISTRY.values(), key=lambda op: op.name) if op.kink)
    section = read(TOP / "docs" / "conventions.md").partition("## Kinks")[2]
    found = "".join(line + "\n" for line in section.splitlines() if line.startswith("| `"))
    assert found == table, f"docs/conventions.md needs these rows:\n{table}"


def test_the_tables_beside_the_records_are_counted_right():
    page = read(TOP / "docs" / "architecture.md")
    counted = {name: len(table) for name, table in TABLES.items()}
    rows = {name: int(count) for name, count in re.findall(r"^\| (`\w[^|]*`) \| (\d+) \| ", page, re.MULTILINE)}
    assert {name.replace("`", ""): count for name, count in rows.items()} == counted
    package = [op for op in REGISTRY.values() if op.name not in {op.name for op in (*COLLECTIVES, part)}]
    assert f"Those are {sum(counted.values())} rows for the {len(package)} operations." in page


@pytest.mark.parametrize("name", ["forms", "operations"])
def test_a_page_that_is_made_is_what_its_maker_makes(name, tmp_path):
    made = run(
        f"import sys\nsys.path.insert(0, {str(TOP / 'docs')!r})\nimport make_{name}\nprint(make_{name}.page(), end='')", tmp_path
    )
    assert read(TOP / "docs" / f"{name}.md") == made, f"run python docs/make_{name}.py"


def test_every_derivation_has_its_page_in_the_gallery():
    titles = runpy.run_path(str(TOP / "docs" / "make_gallery.py"))["TITLES"]
    assert sorted(titles) == sorted(path.stem for path in (TOP / "derivations").glob("*.py"))


def test_links_between_pages_lead_somewhere():
    for page in [*TOP.glob("*.md"), *(TOP / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(page)):
            made = target.startswith("gallery/")  # by docs/make_gallery.py
            assert made or (page.parent / target).exists(), f"{page.name} links to {target}"
