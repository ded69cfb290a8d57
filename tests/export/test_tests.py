"""The test file that export writes runs in the user's repository, and fails when the module is wrong."""

import os
import subprocess
import sys

import pytest

import symgrad as sg
from symgrad.command.cli import main
from symgrad.export.tests import pytest_module

MLP = """
import jax.numpy as jnp

def mlp(x: "d", W: "h d", y: "h", lam: " | positive"):
    h = jnp.tanh(W @ x)
    return 0.5 * jnp.sum((h - y) ** 2) + lam * jnp.sum(W**2)
"""
GENERIC = """
def squared(o, y):
    return sum((o - y) ** 2) / 2

def net(x: "d", W: "h d", y: "h", phi: " | entrywise", l: " | loss"):
    return l(phi(W @ x), y)
"""


def run_pytest(folder, *options):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def export(tmp_path, text, *arguments):
    (tmp_path / "model.py").write_text(text)
    assert main(["export", str(tmp_path / "model.py"), "-o", str(tmp_path / "out"), "--tests", *arguments]) == 0
    return tmp_path / "out"


def test_it_passes_as_it_is_and_fails_on_a_wrong_module(tmp_path):
    out = export(tmp_path, MLP, "--wrt", "W")
    result = run_pytest(out)
    assert result.returncode == 0 and "8 passed" in result.stdout, result.stdout
    module = out / "mlp_gradients.py"
    module.write_text(module.read_text().replace("np.tanh", "np.sin"))
    result = run_pytest(out, "-k", "gradient-0")
    assert result.returncode == 1 and "relative error" in result.stdout


def test_generic_functions_and_bare_names(tmp_path):
    out = export(tmp_path, GENERIC, "--wrt", "W", "--bind", "phi=tanh", "--bind", "l=squared")
    result = run_pytest(out)
    assert result.returncode == 0 and "8 passed" in result.stdout, result.stdout


def test_generic_functions_without_a_stand_in_are_named(tmp_path, capsys):
    (tmp_path / "model.py").write_text(GENERIC)
    assert main(["export", f"{tmp_path / 'model.py'}:net", "-o", str(tmp_path / "out"), "--tests", "--bind", "phi=tanh"]) == 2
    assert "bind one, such as --bind l=" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("quoted", ['a "b".py', "c\\d.py"])
def test_the_text_is_python_whatever_the_path(quoted):
    program = sg.forward('def f(x: "n+1 2*d | positive"): return sum(x)').program
    text = pytest_module(program, quoted)
    compile(text, "test", "exec")
    assert '"x": "n+1 2*d | positive"' in text and '"hessian"' in text


def test_a_vector_value_has_no_hessian_to_test():
    assert '"hessian"' not in pytest_module(sg.forward('def f(x: "n"): return 2 * x').program, "f.py")
