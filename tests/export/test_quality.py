"""Exported modules as a reviewer's tools see them: format, lint, dtypes, and the test at their foot."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for
from symgrad.core.graph import postorder
from symgrad.core.op import variable
from symgrad.export.fitting import fitted_lines
from symgrad.export.lowered import Assign, Call, Return, Update
from symgrad.export.selftest import example
from symgrad.export.syntax import filled
from symgrad.export.writer import Writer
from symgrad.ops.generic import functions_of

FILES = sorted((Path(__file__).parents[2] / "derivations").glob("*.py"))
RULES = "E,F,I,UP,B,RUF"
RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """One module a derivation."""
    folder = tmp_path_factory.mktemp("modules")
    for path in FILES:
        (folder / f"{path.stem}_gradients.py").write_text(derived(path).numpy(), encoding="utf-8")
    return folder


def derived(path):
    return sg.forward(path).derive(*runpy.run_path(str(path))["WRT"])


def run(*command, cwd):
    return subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
@pytest.mark.parametrize("width", [88, 132])
def test_ruff_accepts_every_module_at_either_line_length(exported, width):
    for command in (["check", "--select", RULES], ["format", "--check"]):
        done = run(RUFF, *command, "--isolated", "--no-cache", "--line-length", width, ".", cwd=exported)
        assert done.returncode == 0, done.stdout[:3000]


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
def test_ruff_refuses_what_is_laid_out_otherwise(tmp_path):
    (tmp_path / "module.py").write_text("x=1\n")
    assert run(RUFF, "format", "--check", "--isolated", "--no-cache", ".", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_module_passes_its_own_test(exported, path):
    done = run(sys.executable, "-W", "error", f"{path.stem}_gradients.py", cwd=exported)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok" in done.stdout and "FAILED" not in done.stdout


SABOTAGED = [
    ("d2l_mlp_bias", "def value_and_grad", "_tanh_slope(z, h) * ", "_tanh_slope(z, h) / ", "grad in W1"),
    ("d2l_mlp_bias", "def hvp", "- 2 * (", "- 3 * (", "hvp in W1"),
    ("d2l_mlp_bias", "def hessian(", "+= lam", "+= 2 * lam", "hessian in W1"),
    ("gaussian_covariance", "def value_and_grad", "np.linalg.inv(Sigma)", "2 * np.linalg.inv(Sigma)", "grad in Sigma"),
    ("d2l_generic", "def value_and_grad", "dphi(z)", "phi(z)", "grad in W1"),
]


@pytest.mark.parametrize(("stem", "function", "right", "wrong", "found"), SABOTAGED, ids=lambda x: str(x)[:20])
def test_a_sabotaged_module_fails_its_own_test(exported, tmp_path, stem, function, right, wrong, found):
    before, head, after = (exported / f"{stem}_gradients.py").read_text(encoding="utf-8").partition(function)
    assert right in after.partition("\ndef ")[0]
    (tmp_path / "module.py").write_text(before + head + after.replace(right, wrong, 1), encoding="utf-8")
    done = run(sys.executable, "module.py", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr == ""
    quantity, name = found.split(" in ")
    assert any(line.split()[:3] == [quantity, "in", name] and line.endswith("FAILED") for line in done.stdout.splitlines())


def test_a_value_of_any_shape_is_tested_too(tmp_path):
    source = 'def f(x: "d", W: "h d", S: "h h | symmetric", y: "h | int"):\n    return S @ tanh(W @ x)\n'
    (tmp_path / "module.py").write_text(sg.forward(source).derive("x", "W", "S").numpy(), encoding="utf-8")
    done = run(sys.executable, "module.py", cwd=tmp_path)
    assert done.returncode == 0 and [line.split()[0] for line in done.stdout.splitlines()] == ["jvp", "jacobian"] * 3


# dtypes -----------------------------------------------------------------------------------------------------------------------


def wide_locals(module, call):
    """Arrays and NumPy scalars of float64 that a function of the module holds when it returns, or calls hand back."""
    found = []

    def watch(frame, event, result):
        if frame.f_code.co_filename == module.value.__code__.co_filename and event == "return":
            held = {**frame.f_locals, "return": result}
            for name, x in held.items():
                parts = x if isinstance(x, tuple | list) else [x]
                if any(isinstance(p, np.ndarray | np.generic) and p.dtype == np.float64 for p in parts):
                    found.append(f"{frame.f_code.co_name}: {name}")

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def narrow(derivation):
    """A point in float32, and functions for what is left open, in the dtype of their operands."""
    inputs = inputs_of(derivation.program.inputs)
    point = sample_inputs(inputs, sizes_for(inputs), 0)
    point = {k: a if a.dtype.kind == "i" else np.asarray(a, np.float32) for k, a in point.items()}
    programs = [derivation.adjoint, derivation.tangent]
    nodes = list(postorder(eq.expr for p in programs for eq in p.equations))
    return {**point, **{name: in_float32(example(node)) for name, node in functions_of(nodes).items()}}


def in_float32(function):
    return lambda *x: np.asarray(function(*x), dtype=np.float32)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_float32_stays_float32_in_every_statement(path):
    derivation = derived(path)
    f, at = derivation.compile(), narrow(derivation)
    directions = tuple(np.ones_like(at[str(v)]) for v in derivation.wrt)

    def results():
        blocks = [b for row in f.hessian(**at) for b in row]
        diagonal = f.hessian_diag(**at)
        return [*f.grad(**at), *f.hvp(directions, **at), *blocks, *diagonal]

    assert {np.result_type(x) for x in results()} == {np.dtype(np.float32)}
    assert wide_locals(f, results) == []


def test_a_promoted_statement_is_seen():
    f = sg.forward('def f(x: "n"): return sum(tanh(x) ** 2)').derive("x").compile()
    x = np.ones(3, np.float32)
    assert wide_locals(f, lambda: f.grad(x=x)) == []
    assert wide_locals(f, lambda: f.grad(x=x.astype(float)))


def test_numbers_lists_and_integers_take_the_dtype_of_the_arrays():
    f = sg.forward('def f(x: "n", y: "n", c: ""): return c * sum(exp(x) * y)').derive().compile()
    x = np.ones(3, np.float32)
    assert {g.dtype for g in f.grad(x=x, y=[1, 2, 3], c=0.5)} == {np.dtype(np.float32)}
    assert {g.dtype for g in f.grad(x=[1, 2, 3], y=np.arange(3), c=2)} == {np.dtype(np.float64)}
    assert {g.dtype for g in f.grad(x=x.astype(float), y=[1, 2, 3], c=np.float32(2))} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"x": np.ones(3) * 1j}, TypeError, r"^x: expected real numbers, got dtype complex128$"),
        ({"x": ["a", "b", "c"]}, TypeError, r"^x: expected real numbers, got dtype <U1$"),
        ({"k": np.zeros(3)}, TypeError, r"^k: expected integer labels, got dtype float64$"),
        ({"k": np.zeros((3, 1), int)}, ValueError, r"^k: expected shape \(n,\), got \(3, 1\)$"),
        ({"X": np.zeros((2, 4))}, ValueError, r"^X: dimension n is 2, elsewhere 3$"),
    ],
)
def test_errors_name_the_argument(given, error, message):
    text = 'def f(x: "n", X: "n c", k: "n | int"): return x @ X[arange(X.shape[0]), k]'
    f = sg.forward(text).derive("x").compile()
    at = {"x": np.ones(3), "X": np.ones((3, 4)), "k": np.array([0, 1, 3])}
    assert np.isfinite(f.value(**at))
    with pytest.raises(error, match=message):
        f.value(**{**at, **given})


# lines ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        (Assign("y", filled("x ** 2 + (a + b) ** 2")), "y = x**2 + (a + b) ** 2"),
        (Update(filled("K.flat[::n + 1]"), filled("x[:, 1:n + 2]"), subtracts=True), "K.flat[:: n + 1] -= x[:, 1 : n + 2]"),
        (Return(filled("(a, b)")), "return a, b"),
        (Return(filled("(a,)")), "return (a,)"),
        (Call(("v",), filled("f('a', *b, k=-c, **d)")), '(v,) = f("a", *b, k=-c, **d)'),
    ],
)
def test_statements_have_the_spacing_of_ruff(statement, wanted):
    assert Writer({}).line(statement) == wanted


BRACKETS = "a - (b - c); (a + b) * c; a @ (b @ c); -(a * b); 2 ** (-a); (-a) ** 2; (a > b) * c; (a / b).T; lambda v: f(v, **g)"


@pytest.mark.parametrize("text", BRACKETS.split("; "))
def test_brackets_stand_where_they_are_needed(text):
    assert Writer({}).text(filled(f"(({text}))")) == text


def test_a_long_statement_loses_its_largest_operand():
    long = Assign("y", filled(" + ".join(f"(alpha_{i} * beta_{i})" for i in range(8))), variable("y", (3,)))
    writer = Writer({})
    above, first, last = writer.body(list(fitted_lines(long, writer, {"alpha_0"})))
    assert above == "# (3,)" and first.startswith("term = ") and "term" in last and max(len(first), len(last)) <= 84
    scope = {f"{name}_{i}": i + 1.0 for name in ("alpha", "beta") for i in range(8)}
    exec(f"{first}\n{last}", scope)
    assert scope["y"] == sum((i + 1.0) ** 2 for i in range(8))
