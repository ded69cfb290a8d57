"""Hostile input at the doors besides the source text: nothing runs, nothing leaks, everything is one line."""

import ast
import functools
import os
import re
import time
from pathlib import Path

import pytest
import sympy
from hostile import ARGUMENTS, MARKUP, PATHS, SHAPES, SIZES, count

import symgrad as sg
from symgrad.command.cli import main
from symgrad.errors import SymgradError
from symgrad.export.loading import check_code, load
from symgrad.printing.graphviz import rendered
from symgrad.printing.typesetting import pdf

SECONDS = 10.0
DOCS = Path(__file__).parents[1] / "docs"
TEXT = 'def f(x: "n"):\n    y = sum(x**2)\n    return y\n'


@pytest.fixture(autouse=True)
def canary(tmp_path, monkeypatch):
    """Every attack would leave a file behind."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not os.path.exists("canary")


def refused(function, *args, **kwargs):
    start = time.process_time()
    with pytest.raises(SymgradError) as caught:
        function(*args, **kwargs)
    assert time.process_time() - start < SECONDS
    assert str(caught.value).isprintable() and 10 < len(str(caught.value)) < 600


def run(capsys, *argv):
    start = time.process_time()
    code = main(list(argv))
    out, err = capsys.readouterr()
    assert time.process_time() - start < SECONDS
    return code, out, err


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "m.py"
    path.write_text(TEXT)
    return str(path)


@pytest.mark.parametrize("argv", ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_command_line(argv, file, capsys):
    code, out, err = run(capsys, *(a.replace("{file}", file) for a in argv))
    assert code in (2, 3) and ("-o" in argv or not out)
    assert err.startswith("symgrad: error: ") and err.count("\n") == 1 and err[:-1].isprintable() and len(err) < 700
    assert [p.name for p in Path().iterdir()] == ["m.py"]


@pytest.mark.parametrize("sizes", SIZES, ids=range(len(SIZES)))
def test_sizes(sizes, file, capsys):
    code, out, err = run(capsys, "cost", file, "--sizes", sizes)
    assert code == 2 and not out and err.count("\n") == 1 and err[:-1].isprintable() and len(err) < 700


@pytest.mark.parametrize("name", MARKUP, ids=range(len(MARKUP)))
def test_keyword_names(name):
    refused(sg.forward, TEXT, **{name: "n"})


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
def test_keyword_shapes(shape):
    refused(sg.forward, "def f(x): return x", x={"a": shape})


@pytest.mark.parametrize("name", MARKUP, ids=range(len(MARKUP)))
def test_sympy_names(name):
    n, x, y = sympy.Symbol("n", integer=True, positive=True), sympy.Symbol("x"), sympy.Symbol("y")
    hostile = sympy.Symbol(name) if name else sympy.Dummy()
    X = sympy.MatrixSymbol("X", n, sympy.Symbol(name, integer=True, positive=True) if name else 0)
    refused(sg.Program.from_sympy, {y: hostile**2}, inputs=[hostile])
    refused(sg.Program.from_sympy, {hostile: x**2}, inputs=[x])
    refused(sg.Program.from_sympy, {y: sympy.Trace(X * X.T)}, inputs=[X])
    refused(sg.Program.from_sympy, {y: name}, inputs=[name])
    refused(sg.Program.from_sympy, {y: x}, inputs=[x], name=name)


class Canary:
    """An object of which nothing may be asked."""

    def __getattr__(self, name):
        Path("canary").write_text(name)
        raise AttributeError(name)

    def __call__(self, x):
        return self.touched


BAIT = None
"""A canary while the test runs; pytest, which collects, asks something of whatever stands in a module."""


def reads_bait(x: "n"):
    return sum(x * BAIT)


def calls_bait(x: "n"):
    return BAIT(x)


def test_live_objects_are_asked_for_nothing(monkeypatch):
    monkeypatch.setitem(globals(), "BAIT", Canary())
    for hostile in (BAIT, reads_bait, calls_bait, functools.partial(reads_bait, 1)):
        refused(sg.forward, hostile)
    with pytest.raises(AttributeError):
        BAIT.anything  # noqa: B018
    assert Path("canary").read_text() == "anything"
    Path("canary").unlink()


def test_a_live_function_whose_file_is_a_pipe_or_is_wrapped_by_itself(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    scope = {}
    exec(compile(TEXT, str(tmp_path / "pipe"), "exec"), scope)
    refused(sg.forward, scope["f"])
    scope["f"].__wrapped__ = scope["f"]
    refused(sg.forward, scope["f"])


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_paths_of_save(path):
    Path("taken").write_text("a file")
    refused(sg.forward(TEXT).derive().save, path)
    assert sorted(p.name for p in Path().iterdir()) == ["taken"]


# what gets out --------------------------------------------------------------------------------------------------------------

WORDS = "input write end begin script img print eval exec open dict list tuple range float len value grad np math check label rank"


def test_words_of_other_languages_are_plain_names_in_every_output():
    """Names that mean something in LaTeX, HTML, DOT or Python are names, and the code computes with them."""
    names = WORDS.split()
    arguments = ", ".join(f'{n}: "subgraph"' for n in names)
    digraph = " + ".join(f"{n} * {n}" for n in names)
    text = f"def node({arguments}):\n    digraph = {digraph}\n    return tanh(digraph).sum()"
    d = sg.forward(text).derive("input", "np", "dict")
    assert not re.search(r"\\(input|write|end|begin)\b(?!\{(align|document)\})", d.latex())
    arrays = {n: [0.1, 0.2] for n in names}
    assert d.compile().grad(**arrays).dict.shape == (2,)


@pytest.mark.parametrize("name", ["<script>alert(1)<.py", "$\\input{x}%.py", "'); import os; (\".py", 'a"; b->c [URL="x.py'])
def test_a_hostile_file_name_gets_into_no_output(name, tmp_path, capsys):
    path = tmp_path / name.replace("/", "_")
    path.write_text(TEXT)
    assert main(["export", str(path), "-o", "out", "--tests"]) == 0
    d = sg.forward(path).derive()
    for text in (d.latex(), d.numpy(), str(d), d._repr_html_()):
        assert "script>" not in text and "\\input" not in text and "import os" not in text
    tree = ast.parse(Path("out/test_f_gradients.py").read_text())
    assert not [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names if a.name == "os"]


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "from os import system",
        "x = __import__('os')",
        "import numpy as np\nnp.load('canary')",
        "import numpy as np\nnp.zeros(3).tofile('canary')",
        "import numpy as np\nnp.lib.npyio",
        "x = ().__class__",
        "x = '{0.a}'.format(1)",
        "with open('canary', 'w') as f:\n    pass",
        "try:\n    pass\nexcept ValueError:\n    pass",
        "del x",
        "x = (y := 3)",
        "global x",
        "async def f(): pass",
        "x = open",
    ],
)
def test_generated_code_is_held_against_a_whitelist(source):
    with pytest.raises((SymgradError, NameError)):
        load(source, "planted")


def test_what_the_exporter_writes_passes():
    assert check_code(sg.forward(TEXT).derive().numpy())


@pytest.mark.parametrize("attribute", ["tofile('canary')", "dump('canary')", "at.__class__", "addressable_data(0)"])
def test_a_branch_that_reading_and_running_take_differently_stays_in_the_language(attribute, tmp_path, capsys):
    """0.1 + 0.2 is 0.3 on reading and is not when it runs: what stands in the other branch is checked too."""
    head = 'def f(x: "n"):\n    y = sum(x**2)\n'
    text = f"{head}    if 0.1 + 0.2 == 0.3:\n        z = y\n    else:\n        z = x.{attribute}\n    return y\n"
    (tmp_path / "m.py").write_text(text)
    code, _, err = run(capsys, "verify", str(tmp_path / "m.py"), "--seeds", "1")
    assert code in (2, 3) and err.count("\n") == 1 and ("never compiled" in err or "refused" in err)


# programs that are run ------------------------------------------------------------------------------------------------------


@pytest.fixture
def spy(tmp_path, monkeypatch):
    """A program under the names of pdflatex and dot that writes down how it was called."""
    for name in ("pdflatex", "dot"):
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text('#!/bin/sh\n{ echo "$@"; pwd; ls -A; env; } > "$SPY"\nexit 1\n'.replace("$SPY", str(tmp_path / "spy")))
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SECRET", "hunter2")
    monkeypatch.setenv("TEXINPUTS", "/")
    return tmp_path / "spy"


@pytest.mark.parametrize("call", [lambda: pdf("x"), lambda: rendered("digraph {}", "svg")])
def test_programs_get_an_empty_folder_and_a_bare_environment(call, spy):
    refused(call)
    seen = spy.read_text()
    assert "hunter2" not in seen and "TEXINPUTS" not in seen and str(Path.cwd()) + "\n" not in seen
    if "document.tex" in seen:
        assert "-no-shell-escape" in seen and "openin_any=p" in seen and "openout_any=p" in seen
    else:
        assert "SERVER_NAME" in seen


def test_a_program_that_hangs_is_stopped(tmp_path, monkeypatch):
    script = tmp_path / "dot"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with sg.limits(tools=1), pytest.raises(SymgradError, match="took longer than 1 s"):
        rendered("digraph {}", "svg")


@pytest.mark.skipif(not any(Path(p, "pdflatex").exists() for p in os.environ["PATH"].split(os.pathsep)), reason="no pdflatex")
@pytest.mark.parametrize(
    "body", [r"\immediate\write18{touch canary}\stop", r"\input{/etc/passwd}", r"\openout5=/tmp/../canary \stop"]
)
def test_pdflatex_itself_is_shut_in(body):
    refused(pdf, rf"\documentclass{{article}}\begin{{document}}{body}\end{{document}}")


# the figure -----------------------------------------------------------------------------------------------------------------


def test_the_page_has_the_number_of_inputs():
    page = (DOCS / "reliability.md").read_text(encoding="utf-8")
    total = sum(count().values())
    assert total >= 200 and f"{total} hostile inputs" in page
    assert [int(n) for n in re.findall(r"^\| .* \| (\d+) \|$", page.split("## Hostile input")[1].split("\n##")[0], re.M)] == list(
        count().values()
    )
