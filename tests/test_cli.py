"""Every command with its exit codes; errors are one line and leave nothing behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import symgrad.cli
from symgrad.cli import main, split_target
from symgrad.files import write_bytes, write_text
from symgrad.op import REGISTRY

TWO = """
def ridge(X: "n d", w: "d", y: "n", lam: " | positive"):
    r = X @ w - y
    return sum(r**2) / 2 + lam * sum(w**2)

def quartic(x: "n"):
    return sum(x**4)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "models.py"
    path.write_text(TWO)
    return path


def run(capsys, *argv):
    code = main([str(a) for a in argv])
    return code, *capsys.readouterr()


def one_line(err):
    return err.startswith("symgrad: error: ") and err.count("\n") == 1


def test_derive_prints_and_writes(file, tmp_path, capsys):
    code, out, _ = run(capsys, "derive", f"{file}:ridge", "--wrt", "w", "-o", tmp_path / "new" / "out")
    assert code == 0 and "r = " in out
    assert sorted(p.name for p in (tmp_path / "new" / "out").iterdir()) == ["ridge.py", "ridge.tex"]


def test_derive_takes_shapes_from_outside(tmp_path, capsys):
    (tmp_path / "plain.py").write_text("def f(X, w):\n    return sum((X @ w)**2)\n")
    code, out, _ = run(capsys, "derive", tmp_path / "plain.py", "--shape", "X=n d", "--shape", "w=d", "--wrt", "w,X")
    assert code == 0 and "X" in out


def test_verify(file, capsys):
    code, out, _ = run(capsys, "verify", f"{file}:ridge", "--wrt", "w", "X", "--seeds", "1")
    assert code == 0 and "hessian" in out and "each within its tolerance" in out


def test_verify_at_a_point_from_a_file(tmp_path, capsys):
    (tmp_path / "barrier.py").write_text('def f(x: "n", A: "m n", b: "m"):\n    return -sum(log(b - A @ x - 5))\n')
    point = tmp_path / "point.npz"
    np.savez(point, x=[0.1, 0.2], A=np.ones((3, 2), dtype=np.float32), b=[7, 8, 9])
    code, _, err = run(capsys, "verify", tmp_path / "barrier.py", "--wrt", "x")
    assert code == 2 and "not finite at any random point" in err and "--at FILE.npz" in err
    code, out, _ = run(capsys, "verify", tmp_path / "barrier.py", "--wrt", "x", "--at", point)
    assert code == 0 and "the given point: n = 2, m = 3" in out and "each within its tolerance" in out
    np.savez(point, x=[0.1, 0.2], A=np.ones((3, 2)))
    code, _, err = run(capsys, "verify", tmp_path / "barrier.py", "--at", point)
    assert code == 2 and err == "symgrad: error: the point gives no array for b; the inputs are x, A, b\n"


def test_verify_counts_seeds_as_the_function_does(file, capsys):
    _, out, _ = run(capsys, "verify", f"{file}:ridge", "--seeds", "3")
    assert [line.split(":")[0] for line in out.splitlines() if line.startswith("seed")] == ["seed 0", "seed 1", "seed 2"]


def test_verify_with_bound_functions(tmp_path, capsys):
    text = 'def l2(o, y): return sum((o - y)**2)\ndef f(x: "n", y: "n", phi: "|entrywise", l: "|loss"): return l(phi(x), y)\n'
    (tmp_path / "g.py").write_text(text)
    assert run(capsys, "verify", tmp_path / "g.py", "--wrt", "x", "--seeds", "1", "--bind", "phi=tanh", "--bind", "l=l2")[0] == 0
    code, _, err = run(capsys, "verify", tmp_path / "g.py", "--wrt", "x", "--bind", "phi=nothing")
    assert code == 2 and "no function 'nothing'" in err and one_line(err)


def test_a_failed_verification_exits_with_1_and_shows_the_table(file, capsys, monkeypatch):
    file.write_text('def f(x: "n"): return sum(tanh(x))')
    right = REGISTRY["tanh"].vjp
    monkeypatch.setitem(REGISTRY["tanh"].__dict__, "vjp", lambda *a, **s: (3 * right(*a, **s)[0],))
    code, out, _ = run(capsys, "verify", file, "--seeds", "1")
    assert code == 1 and "FAILED" in out and "gradient" in out


def test_export(file, tmp_path, capsys):
    code, _, err = run(capsys, "export", f"{file}:quartic", "-o", tmp_path / "out", "--tests")
    assert code == 0 and "quartic_gradients.py" in err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["quartic_gradients.py", "test_quartic_gradients.py"]


@pytest.mark.parametrize(
    "argv, says",
    [
        ([], "choose"),
        (["derive"], "required"),
        (["nonsense"], "invalid choice"),
        (["derive", "{file}"], "say which"),
        (["derive", "{file}:absent"], "no function 'absent'"),
        (["derive", "{file}.none"], "there is no file"),
        (["derive", "{file}:ridge", "--wrt", "q"], "no input 'q'"),
        (["derive", "{file}:ridge", "--shape", "X"], "NAME=VALUE"),
        (["verify", "{file}:ridge", "--seeds", "0"], "no positive number"),
        (["verify", "{file}:ridge", "--tol", "nan"], "no positive number"),
        (["export", "{folder}"], "is no file"),
    ],
)
def test_wrong_input_exits_with_2_in_one_line(argv, says, file, capsys):
    if not argv:
        assert run(capsys)[0] == 0
        return
    code, out, err = run(capsys, *(a.format(file=file, folder=file.parent) for a in argv))
    assert code == 2 and says in err and one_line(err) and not out


@pytest.mark.parametrize("content", [b"\xff\xfe", b"def f(x: 'n'):\n  return (", b"\x00"])
def test_files_that_are_no_python(content, file, capsys):
    file.write_bytes(content)
    code, _, err = run(capsys, "derive", file)
    assert code == 2 and one_line(err)


def test_a_byte_order_mark_is_no_obstacle(file, capsys):
    file.write_bytes(b"\xef\xbb\xbf" + TWO.encode())
    assert run(capsys, "derive", f"{file}:quartic")[0] == 0


def test_unsupported_exits_with_3(file, capsys):
    file.write_text('def f(x: "n"):\n    while True:\n        pass\n    return sum(x)\n')
    code, _, err = run(capsys, "derive", file)
    assert code == 3 and one_line(err) and "while" in err and "line 2" in err


def test_interruption_exits_with_130_and_leaves_nothing(file, tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    assert run(capsys, "export", f"{file}:quartic", "-o", tmp_path / "out")[0] == 130
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(file, tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    code, _, err = run(capsys, "derive", f"{file}:quartic", "-o", tmp_path / "taken" / "out")
    assert code == 2 and one_line(err) and "cannot write" in err


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder(file, tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o555)
    code, _, err = run(capsys, "export", f"{file}:quartic", "-o", tmp_path / "locked")
    assert code == 2 and one_line(err)


def test_the_source_is_never_written_over(tmp_path, capsys):
    path = tmp_path / "f.py"
    path.write_text('def f(x: "n"): return sum(x**2)\n')
    code, _, err = run(capsys, "derive", path, "-o", tmp_path)
    assert code == 2 and "written over" in err and [p.name for p in tmp_path.iterdir()] == ["f.py"]


def test_progress_is_shown_on_a_terminal_alone(file, capsys, monkeypatch):
    assert run(capsys, "derive", f"{file}:quartic")[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    err = run(capsys, "derive", f"{file}:quartic")[2]
    assert "deriving" in err and err.endswith("\r\033[K")


def test_files_keep_their_colons(tmp_path):
    assert split_target("models.py:mlp") == (Path("models.py"), "mlp")
    assert split_target(r"C:\models\mlp.py") == (Path(r"C:\models\mlp.py"), None)
    assert split_target(r"C:\models\mlp.py:mlp") == (Path(r"C:\models\mlp.py"), "mlp")
    assert split_target("C:mlp") == (Path("C:mlp"), None)
    (tmp_path / "a:b").touch()
    assert split_target(str(tmp_path / "a:b")) == (tmp_path / "a:b", None)


@pytest.mark.parametrize("command", [[], ["derive"], ["verify"], ["export"]])
def test_help_has_examples(command, capsys):
    code, out, _ = run(capsys, *command, "--help")
    assert code == 0 and "examples:" in out and "exit codes:" in out


def test_version(capsys):
    assert run(capsys, "--version")[1] == f"symgrad {symgrad.__version__}\n"


def test_help_in_a_process_is_quick_and_loads_no_sympy():
    code = "import sys, symgrad.cli as c; c.main(['--help']); sys.exit(bool({'sympy', 'numpy', 'jax'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=30)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "symgrad", "--help"], check=True, capture_output=True, timeout=30)
    assert time.perf_counter() - start < 2  # 0.15 s on an idle machine


def test_atomic_writes_replace_whole_files_and_keep_their_mode(tmp_path):
    path = write_text(tmp_path / "a" / "b.txt", "ü\n")
    assert path.read_bytes() == b"\xc3\xbc\n"
    path.chmod(0o640)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new" and path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_a_failed_write_keeps_the_old_file_and_no_folder(tmp_path, monkeypatch):
    path = write_text(tmp_path / "old.txt", "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    for target in (path, tmp_path / "new" / "deep" / "file.txt"):
        with pytest.raises(symgrad.InputError, match="No space left"):
            write_text(target, "new")
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["old.txt"]
