"""The same bytes in every process and thread; files whole whatever happens to their writers."""

import gc
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from bytes_of import MODELS, forms

import symgrad as sg
from symgrad.core.budget import _peak_memory, _work
from symgrad.core.files import write_text
from symgrad.core.source import parsed

SCRIPT = Path(__file__).parent / "support" / "bytes_of.py"


def started(code, *argv, seed="0", **options):
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.Popen(
        [sys.executable, *code, *argv], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def test_hash_randomisation_changes_no_byte():
    runs = [started([str(SCRIPT)], seed=seed) for seed in "01"]
    found = {run.communicate(timeout=300)[0] for run in runs}
    assert len(found) == 1 and found.pop().count(b"\n") == 27


def test_eight_threads_derive_the_same():
    wanted = forms(MODELS["gauss"])
    with ThreadPoolExecutor(8) as pool:
        for made in pool.map(forms, [MODELS["gauss"]] * 8):
            assert made == wanted


def test_eight_threads_call_the_same_module():
    f = sg.forward(MODELS["mlp"]).derive("W1", "W2").compile()
    rng = np.random.default_rng(0)
    points = [
        {"x": rng.normal(size=3), "y": rng.normal(size=5), "W1": rng.normal(size=(4, 3)), "W2": rng.normal(size=(5, 4))}
        for _ in range(40)
    ]
    wanted = [f.grad(**point, lam=0.1) for point in points]
    with ThreadPoolExecutor(8) as pool:
        for got, want in zip(pool.map(lambda point: f.grad(**point, lam=0.1), points), wanted, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


class Litter:
    """Rubbish in a cycle, whose finalizer is Python and so may hand over to another thread, wherever memory is collected."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        sum(range(50))


@pytest.fixture
def hasty():
    """Threads that take turns all the time, and memory that is collected all the time."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(20)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)


def test_eight_threads_parse_while_memory_is_collected(hasty):
    """Python 3.11 counts how deep its parser is once for all threads; unguarded, one in a hundred of these is a SystemError."""

    def parse_often(_):
        return [len(parsed("x = (a + b * (c - d)) ** 2\n" * 20).body) for _ in range(50) if Litter()]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(parse_often, range(8))) == [[20] * 50] * 8


def test_limits_are_those_of_their_thread():
    def nodes(limit):
        with sg.limits(nodes=limit):
            return sg.forward(MODELS["mlp"]).derive().numpy()

    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(nodes, 30 if i % 2 else 10**7) for i in range(8)]
    assert [type(r.exception()) for r in results] == [type(None), sg.UnsupportedError] * 4


@pytest.mark.parametrize("name", ["seconds", "memory", "nodes", "characters", "syntax", "steps", "equations", "formula"])
def test_every_limit_is_held_and_named(name):
    megabytes = _peak_memory() // 2**20 + 40  # above the peak of whatever this process did before
    with sg.limits(**{name: 1e-9 if name in ("seconds", "memory") else 1}), pytest.raises(sg.SymgradError) as caught:
        for _ in range(30):
            kept = bytearray(2**20) * megabytes if name == "memory" else None
            str(sg.forward(MODELS["mlp"]).derive())
            del kept
    assert "\n" not in str(caught.value) and (
        "limit" in str(caught.value)
        or "more than 1 " in str(caught.value)
        or "longer than 1 " in str(caught.value)
        or "name intermediate" in str(caught.value)
    )


@pytest.mark.parametrize("wrong", [{"colour": 1}, {"seconds": -1}, {"seconds": "1"}, {"nodes": float("nan")}, {"steps": True}])
def test_wrong_limits_are_refused(wrong):
    with pytest.raises(sg.InputError, match=next(iter(wrong))), sg.limits(**wrong):
        pass


def work_of(what, n):
    """Nodes built on the way from the source of a chain of n equations."""
    steps = "".join(f"    z{i + 1} = tanh(w * z{i})\n" for i in range(n))
    with sg.limits():
        what(sg.forward(f'def f(z0: "n", w: "n"):\n{steps}    return sum(z{n})\n').derive("w"))
        return _work.get().ticks


@pytest.mark.parametrize(
    ("what", "n"),
    [
        (lambda d: d.adjoint, 1000),
        (lambda d: d.tangent, 300),
        (lambda d: d.latex(), 80),
        (lambda d: d.numpy(), 130),
    ],
    ids=["adjoint", "tangent", "print", "export"],
)
def test_work_grows_with_the_equations(what, n):
    assert work_of(what, n) < 2.5 * work_of(what, n // 2)


def test_work_that_is_quadratic_is_noticed():
    def pairs(d):
        return [a + b for a in d.program.defined for b in d.program.defined if a.shape == b.shape]

    assert work_of(pairs, 40) > 2.5 * work_of(pairs, 20)


# files ----------------------------------------------------------------------------------------------------------------------

WRITER = (
    "import sys\nfrom symgrad.core.files import write_text\nfor _ in range(200): write_text(sys.argv[1], sys.argv[2] * 100_000)\n"
)


def test_two_writers_leave_the_whole_file_of_one(tmp_path):
    path = tmp_path / "new" / "file.txt"
    writers = [started(["-c", WRITER], str(path), letter) for letter in "ab"]
    while any(w.poll() is None for w in writers):
        if path.exists():
            assert path.read_text() in ("a" * 100_000, "b" * 100_000)
    assert [w.wait() for w in writers] == [0, 0] and [p.name for p in path.parent.iterdir()] == ["file.txt"]
    for w in writers:
        w.communicate()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_control_c_leaves_no_half_written_file(tmp_path):
    path = write_text(tmp_path / "file.txt", "old")
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = heard + WRITER.replace("range(200)", "iter(int, 1)").replace("100_000", "10_000_000")
    writer = started(["-c", code], str(path), "a")
    while path.stat().st_size < 10:
        time.sleep(0.01)
    writer.send_signal(signal.SIGINT)
    writer.communicate(timeout=60)
    assert path.stat().st_size == 10_000_000 and [p.name for p in tmp_path.iterdir()] == ["file.txt"]


FULL = (
    "import resource, signal, sys\nfrom symgrad.command.cli import main\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\nsys.exit(main(sys.argv[1:]))\n"
)


@pytest.mark.skipif(os.name == "nt", reason="resource limits")
def test_a_full_disk_is_one_line(tmp_path):
    (tmp_path / "m.py").write_text(MODELS["gauss"])
    run = started(["-c", FULL], "export", str(tmp_path / "m.py"), "-o", str(tmp_path / "out"))
    out, err = run.communicate(timeout=300)
    assert run.returncode == 2 and err.startswith(b"symgrad: error: cannot write") and err.count(b"\n") == 1 and not out
    assert [p.name for p in tmp_path.iterdir()] == ["m.py"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_terminal_is_one_line(tmp_path):
    (tmp_path / "m.py").write_text(MODELS["gauss"])
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "symgrad", "derive", str(tmp_path / "m.py")]
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (
        run.returncode == 2 and run.stderr.startswith(b"symgrad: error: cannot write the output") and run.stderr.count(b"\n") == 1
    )
