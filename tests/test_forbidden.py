"""What library code never calls: whatever makes code of text.  The rule is ruff's, so `make check` holds it; here it must bite."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "symgrad").rglob("*.py"))

PLANTED = {
    "from sympy import sympify\nx = sympify('1')\n": "TID251",
    "import sympy\nx = sympy.sympify('1')\n": "TID251",
    "import sympy as sp\nf = sp.lambdify([], 1)\n": "TID251",
    "from sympy.parsing.sympy_parser import parse_expr\nx = parse_expr('1')\n": "TID251",
    "from sympy.core.sympify import sympify as s\nx = s('1')\n": "TID251",
    "x = eval('1')\n": "S307",
    "exec('1')\n": "S102",
    "import pickle\nx = pickle.loads(b'')\n": "S301",
    "import marshal\nx = marshal.loads(b'')\n": "S302",
    "import os\nos.system('true')\n": "S605",
    "import subprocess\nsubprocess.run('true', shell=True)\n": "S602",
    "import shelve\nx = shelve.open('a')\n": "TID251",
}


def codes(text, path="symgrad/planted.py"):
    command = [sys.executable, "-m", "ruff", "check", "--output-format=concise", f"--stdin-filename={path}", "-"]
    run = subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode in (0, 1), run.stderr
    return run.stdout


@pytest.mark.parametrize(("text", "code"), PLANTED.items(), ids=range(len(PLANTED)))
def test_the_rule_bites(text, code):
    assert code in codes(text)


def test_the_rule_lets_other_code_be():
    assert "All checks passed" in codes('"""A file."""\n\nx = 1\n')


def runs_code(tree):
    """Lines that call exec, or SymPy's S as a function, which no rule of ruff sees."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name(id="exec" | "eval" | "S" | "__import__") | ast.Attribute(attr="S" | "sympify" | "_sympify")
            ):
                yield node.lineno


def test_code_is_run_in_two_places_alone():
    found = {path.name for path in FILES if list(runs_code(ast.parse(path.read_text(encoding="utf-8"))))}
    assert found == {"loading.py", "oracle.py"}


def test_python_parses_and_compiles_in_one_place():
    """In Python 3.11 two threads that parse at once fail now and then (SystemError); one file holds the lock."""
    calls = re.compile(r"ast\.parse\(|inspect\.getsource\(|(?<![.\w])(?<!def )compile\(")
    found = {path.name for path in FILES if calls.search(path.read_text(encoding="utf-8"))}
    assert found == {"source.py"}


@pytest.mark.parametrize("text", ["S('1')", "sympy.S('1')", "exec('1')"])
def test_the_search_finds_what_is_planted(text):
    assert list(runs_code(ast.parse(text)))
