"""docs/adding-an-operation.md followed to the letter in a copy of the package: one file an operation, and everything knows it."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PAGE = (TOP / "docs" / "adding-an-operation.md").read_text(encoding="utf-8")
STRUCTURAL = re.search(r"\{literalinclude\} \.\./(symgrad/ops/\w+\.py)", PAGE)[1]
ELEMENTWISE = re.search(r"`(symgrad/ops/\w+\.py)`; where", PAGE)[1]
FILES = {
    ELEMENTWISE: re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1],
    STRUCTURAL: (TOP / STRUCTURAL).read_text(encoding="utf-8"),
}
"""What the page tells to write, by the file to write it to."""

LAWS = (
    "tests/test_every_op.py",
    "tests/derive/test_vectorization.py",
    "tests/printing/test_glossary.py",
    "tests/printing/test_indices.py",
)
"""What every operation of the registry is held to."""

USE = """
import jax
import jax.numpy as jnp
import numpy as np
from symgrad.derive.adjoints import adjoint
from symgrad.derive.vectorization import vmap
from symgrad.export.targets import TARGETS

import symgrad as sg


def f(x: "n | positive", A: "m n"):
    z = jax.nn.log1mexp(x)
    Z = jnp.cumsum(A * z, axis=1)
    J = jnp.sum(Z**3) + jnp.sum(jnp.cumsum(x) ** 2)
    return J


def test_cumsum_and_log1mexp_are_read_derived_verified_and_written(tmp_path):
    d = sg.forward(f).derive()
    d.verify()
    assert r"\\operatorname{cumsum}_{1}(A " in d.latex() and "cumsumᵀ" in str(d) and "exp(-x - z)" in str(d)
    for target, library in (("numpy", "np"), ("jax", "jnp")):
        assert f"{library}.cumsum(" in d.code(target) and "expm1" in d.code(target)


def test_cumsum_and_log1mexp_on_a_stack_of_points():
    program = adjoint(sg.forward(f).program, sg.forward(f).program.inputs)
    whole = vmap(program, program.inputs, 2)
    assert not any(hasattr(s, "body") for s in whole.statements)


def test_cumsum_by_index():
    d = sg.forward('def f(X: "b m n"): return sum(cumsum(X, axis=1)**2)').derive()
    assert r"\\sum_{k \\le j} X_{ikl}" in d.latex() or r"\\sum_{l \\le j} X_{ilk}" in d.latex()
"""


@pytest.fixture
def copy(tmp_path):
    """The package and its laws without the two operations of the page."""
    for folder in ("symgrad", "tests/support"):
        shutil.copytree(TOP / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/conftest.py", *LAWS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(TOP / name, tmp_path / name)
    (tmp_path / STRUCTURAL).unlink()
    for name in ("latex_forms", "witnesses"):
        path = tmp_path / "tests" / "support" / f"{name}.py"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith('    "cumsum')), encoding="utf-8")
    (tmp_path / "tests" / "test_use.py").write_text(USE, encoding="utf-8")
    return tmp_path


def write(copy, files):
    for name, text in files.items():
        (copy / name).write_text(text, encoding="utf-8")


def found_by(copy, chosen, *files):
    """What pytest says in the copy of the tests chosen."""
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, *files]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False)
    return done.stdout + done.stderr


def contents(copy):
    return {str(p.relative_to(copy)): hashlib.sha256(p.read_bytes()).hexdigest() for p in copy.rglob("*") if p.is_file()}


def test_the_page_makes_two_operations_that_keep_every_law(copy):
    before = contents(copy)
    write(copy, FILES)
    found = found_by(copy, "log1mexp or cumsum", *LAWS, "tests/test_use.py")
    assert re.search(r"^1\d\d passed, \d+ deselected in", found, re.MULTILINE), found[-3000:]
    after = contents(copy)
    assert {name for name in after if after[name] != before.get(name)} == set(FILES)


def test_a_wrong_rule_on_the_page_would_be_found(copy):
    wrong = {"exp(-X - Z)": "exp(-X + Z)", "backward=not backward": "backward=backward"}
    files = dict(FILES)
    for right, false in wrong.items():
        assert sum(right in text for text in FILES.values()) == 1
        files = {name: text.replace(right, false) for name, text in files.items()}
    write(copy, files)
    found = found_by(copy, "(log1mexp and jvp or cumsum and vjp) and distinct", *LAWS[:1])
    assert re.search(r"^5 failed, \d+ deselected in", found, re.MULTILINE), found[-3000:]
    assert all(f"AssertionError: {name}: " in found for name in ("log1mexp", "cumsum"))
