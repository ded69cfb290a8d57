"""Every command with its exit codes; errors are one line and leave nothing behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import symgrad.command.cli
from symgrad.command.cli import main
from symgrad.command.commands import COMMANDS
from symgrad.command.outputs import SUFFIXES
from symgrad.core.files import split_target, write_bytes, write_text
from symgrad.core.op import REGISTRY
from symgrad.export.targets import TARGETS
from symgrad.printing.document import WRITERS

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


# where it writes ----------------------------------------------------------------------------------------------------------

FILES = sorted(WRITERS)
TEXTS = [".html", ".ipynb", ".md", ".py", ".tex"]


def test_what_is_no_folder_is_what_a_derivation_can_be_saved_as():
    assert sorted(SUFFIXES) == FILES


@pytest.mark.parametrize("suffix", TEXTS)
def test_a_known_suffix_is_a_file_of_that_kind(suffix, file, tmp_path, capsys):
    path = tmp_path / "out" / f"x{suffix}"
    for _ in range(2):  # it writes over what it has written
        assert run(capsys, "derive", f"{file}:quartic", "-o", path)[0] == 0
    assert [p.name for p in path.parent.iterdir()] == [path.name] and path.stat().st_size > 1000


@pytest.mark.parametrize("suffix", FILES)
def test_no_command_makes_a_folder_that_is_called_as_a_file(suffix, file, tmp_path, capsys):
    for command in (["export"], ["partition", "--mesh", "data=2", "--plan", "n=data"]):
        if command == ["export"] and suffix == ".py":
            continue
        code, _, err = run(capsys, command[0], f"{file}:quartic", *command[1:], "-o", tmp_path / f"x{suffix}")
        assert code == 2 and one_line(err) and "nothing of that kind is written here" in err
    assert [p.name for p in tmp_path.iterdir()] == ["models.py"]


@pytest.mark.parametrize(
    "command", [["derive"], ["export"], ["export", "--tests"], ["partition", "--mesh", "data=2", "--plan", "n=data"]]
)
def test_a_file_is_no_folder(command, file, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    code, _, err = run(capsys, command[0], f"{file}:quartic", *command[1:], "-o", tmp_path / "taken")
    assert code == 2 and one_line(err) and "taken is a file" in err and (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("command", [["derive"], ["export", "--tests"], ["partition", "--mesh", "data=2", "--plan", "n=data"]])
def test_what_it_has_not_written_itself_stays(command, file, tmp_path, capsys):
    """Nothing is lost: files of somebody, and what was made from a function of the same name in another file."""
    out = tmp_path / "out"
    assert run(capsys, command[0], f"{file}:quartic", *command[1:], "-o", out)[0] == 0
    written = {p: p.read_text() for p in out.iterdir()}
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "models.py"
    other.write_text(TWO.replace("x**4", "x**6"))
    code, _, err = run(capsys, command[0], f"{other}:quartic", *command[1:], "-o", out)
    assert code == 2 and one_line(err) and "was made from ../models.py:quartic, and stays as it is" in err
    assert {p: p.read_text() for p in out.iterdir()} == written
    first, second = sorted(out.iterdir())
    first.unlink()
    second.write_text("by hand\n")
    code, _, err = run(capsys, command[0], f"{file}:quartic", *command[1:], "-o", out)
    assert code == 2 and one_line(err) and "is none that this command wrote" in err
    assert [p.name for p in out.iterdir()] == [second.name] and second.read_text() == "by hand\n"


def test_the_modules_of_all_targets_lie_side_by_side(file, tmp_path, capsys):
    for target in TARGETS:
        assert run(capsys, "export", f"{file}:quartic", "--target", target, "-o", tmp_path / "out")[0] == 0
    assert len(list((tmp_path / "out").iterdir())) == len(TARGETS)
    numba = (tmp_path / "out" / "quartic_gradients_numba.py").read_text()
    assert "numba.njit" in numba and "njit" not in (tmp_path / "out" / "quartic_gradients.py").read_text()


def test_a_module_by_another_name_is_the_one_that_its_tests_load(file, tmp_path, capsys):
    assert run(capsys, "export", f"{file}:quartic", "-o", tmp_path / "my-own.py", "--tests")[0] == 0
    text = (tmp_path / "test_my-own.py").read_text()
    compile(text, "test_my-own.py", "exec")
    assert 'load_module(HERE / "my-own.py")' in text


@pytest.mark.parametrize("name", ["a\nimport os.py", "a-->b.py"])
def test_the_name_of_the_source_stays_in_its_comment(name, tmp_path, capsys):
    (tmp_path / name).write_text('def f(x: "n"): return sum(x**2)\n')
    for kind in (".py", ".html"):
        assert run(capsys, "derive", tmp_path / name, "-o", tmp_path / f"out{kind}")[0] == 0
    last = (tmp_path / "out.html").read_text().splitlines()[-1]
    assert last.startswith("<!-- Made by symgrad from ") and last.index("-->") == len(last) - 3
    assert (tmp_path / "out.py").read_text().splitlines()[-1].startswith("# Made by symgrad from a")


# which function it reads --------------------------------------------------------------------------------------------------

HELPED = """
def square(z: float):
    return z * z

def predict(x: "n d", w: "d"):
    return x @ w

def loss(x: "n d", w: "d", y: "n"):
    return sum(square(predict(x, w) - y))

def train(steps):
    return loss(*steps)
"""


def test_of_several_functions_with_shapes_it_reads_the_one_that_calls_the_others_and_says_so(tmp_path, capsys):
    (tmp_path / "m.py").write_text(HELPED)
    code, out, err = run(capsys, "derive", tmp_path / "m.py", "--wrt", "w")
    assert code == 0 and "x w - y" in out and err == "read loss of m.py, which also holds square, predict, train\n"
    assert run(capsys, "derive", f"{tmp_path / 'm.py'}:predict")[2] == ""


SEVERAL = [
    TWO,
    "def ridge(x):\n    return sum(x)\n\ndef quartic(x: float):\n    return x\n",
    'def ridge(x: "n"):\n    return sum(quartic(x))\n\ndef quartic(x: "n"):\n    return ridge(x)\n',
]


@pytest.mark.parametrize("text", SEVERAL)
def test_of_several_in_a_text_it_picks_none(text):
    says = r"^<string> holds the functions ridge, quartic; hand in one of them and what it calls$"
    with pytest.raises(symgrad.InputError, match=says):
        symgrad.forward(text)


@pytest.mark.parametrize("text", SEVERAL)
def test_of_several_it_picks_none(text, file, capsys):
    file.write_text(text)
    code, _, err = run(capsys, "derive", file)
    assert code == 2 and err == "symgrad: error: models.py holds the functions ridge, quartic; say which, as in models.py:ridge\n"


def test_the_one_with_shapes_is_read(file, capsys):
    file.write_text(TWO.replace('x: "n"', "x"))
    assert run(capsys, "derive", file, "--wrt", "w")[0] == 0


def test_a_path_says_which_function_as_the_command_line_does(file):
    assert symgrad.forward(Path(f"{file}:quartic")).program.name == "quartic"


# too much for the machine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [MemoryError(), MemoryError("Unable to allocate 8 EiB"), RuntimeError("RESOURCE_EXHAUSTED: memory")]
)
@pytest.mark.parametrize(
    "place", ["symgrad.derivation.Forward.derive", "symgrad.command.commands.made", "symgrad.derivation.compare"]
)
def test_too_little_memory_is_one_line_wherever_it_runs_out(place, error, file, tmp_path, capsys, monkeypatch):
    def exhausted(*_, **__):
        raise error

    monkeypatch.setattr(place, exhausted)
    command = ["verify"] if place.endswith("compare") else ["derive", "-o", tmp_path / "out"]
    code, _, err = run(capsys, command[0], f"{file}:quartic", *command[1:])
    assert code == 3 and one_line(err) and "too little memory" in err and not (tmp_path / "out").exists()


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


@pytest.mark.parametrize("command", sorted(COMMANDS))
@pytest.mark.parametrize(
    "name, says",
    [("folder", "is no file"), ("absent.py", "there is no file"), ("binary.py", "is no UTF-8"), ("prose.py", "no Python")],
)
def test_no_command_reads_what_is_no_file_of_python(command, name, says, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "prose.py").write_text("no python (")
    code, out, err = run(capsys, command, tmp_path / name)
    assert code == 2 and says in err and one_line(err) and not out


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
    code = "import sys, symgrad.command.cli as c; c.main(['--help']); sys.exit(bool({'sympy', 'numpy', 'jax'} & set(sys.modules)))"
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
