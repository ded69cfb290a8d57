"""Hostile input at every door: nothing runs, nothing hangs, and everything is refused with one line."""

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgrad.errors import SymgradError
from symgrad.reading.annotations import declare
from symgrad.reading.source import read_file, read_text

SECONDS = 10.0
"""Every refusal takes well under two seconds on a free core; tests share theirs."""

ATTACK = "open('canary', 'w').write('x')"
HEAD = 'def f(x: "n", A: "n n", c: ""):\n'

EXPRESSIONS = [
    ATTACK,
    "__import__('os').system('touch canary')",
    "eval(\"open('canary', 'w')\")",
    "exec('import os')",
    "compile('1', '', 'eval')",
    "globals()['f']",
    "().__class__.__bases__[0].__subclasses__()",
    "x.__class__.__init__.__globals__",
    "''.__class__",
    "(lambda: 0).__code__",
    "jnp.__loader__",
    "jnp.os.system('touch canary')",
    "np.ctypeslib.ctypes",
    "jax.numpy.load('canary')",
    "np.save('canary', x)",
    "np.fromfile('canary')",
    "np.lib.npyio.os",
    "getattr(x, '__class__')",
    "setattr(x, 'a', 1)",
    "type(x)('a')",
    "vars()",
    "input()",
    "breakpoint()",
    "help()",
    "[y for y in (1).__class__.__mro__]",
    "{**globals()}",
    "'%s' % x",
    "'{0.__class__}'.format(x)",
    "f'{x.__class__}'",
    "x.shape.__class__",
    "x.shape.count.__self__",
    "A.T.T.tofile('canary')",
    "x.dump('canary')",
    "(y := x)",
    "(yield x)",
    "x @ (await x)",
    "10**10**10",
    "9**9**9**9 * x",
    "2**(2**40)",
    "1 << 10**10",
    "10**-10**10 + 1e999",
    "(2**0.5)**(10**9)",
    "(1e308 * 1e308) * x",
    "10**400 * x",
    "1" + "0" * 4000,
    "1" + "0" * 10_000,
    "c ** 1e999",
    "0 ** -1",
    "1 // 0",
    "[0] * 10**9",
    "'a' * 10**9",
    "list(range(10**9))",
    "sum(range(10**12))",
    "[i for i in range(10**5) for j in range(10**5)]",
    "sum(c * i for i in range(10**5))",
    "{i: x for i in range(99999)}[99999]",
    "(" * 10_000 + "x" + ")" * 10_000,
    "[" * 150 + "x" + "]" * 150,
    "-" * 10_000 + "x",
    "not " * 10_000 + "x",
    "x" + ".T" * 10_000,
    "x" + "[0]" * 3000,
    "jnp.exp(" * 150 + "x" + ")" * 150 + "+ missing",
    "+".join(["x"] * 300_000),
    "x if " * 5000 + "x",
    "lambda: " * 3000 + "x",
    "x" * 1_100_000,
    "'" + "a" * 1_100_000 + "'",
    "ｅｖａｌ('1')",
    "ｘ",
    "x\u0301",
    "x\u200b",
    "\u202ex",
    "x\0",
    "\ud800",
    "x if os.system('touch canary') else x",
    "x \\\\input{/etc/passwd}",
    "%x",
    "nan",
    "float('nan')",
    "complex(1, 2)",
    "1j",
    "b'x'",
    "...",
    "jnp.array('x')",
    "jnp.exp(jnp)",
    "jnp.exp(A.shape)",
    "jnp.sum(x, axis=10**10)",
    "jnp.sum(x, axis='0')",
    "jnp.einsum('i' * 3, x)",
    "x.shape[10**20]",
    "x.shape(3)",
]

BODIES = [
    "for i in range(10**9): pass\nreturn x",
    "for i in range(10**5):\n    for j in range(10**5):\n        pass\nreturn x",
    "for i in range(90000):\n    x = x * 2\nreturn x",
    "t = (1,)\nfor i in range(99):\n    t = t + t\nreturn t",
    "t = (1,)\nu = (1,)\nfor i in range(99):\n    t = (t, t)\n    u = (u, u)\nreturn t == u",
    "t = (1,)\nfor i in range(99):\n    t = (t, t)\nreturn jnp.stack(t)",
    "t = 'ab'\nfor i in range(99):\n    t = t + t\nreturn t",
    "t = [1]\nfor i in range(99):\n    t += t\nreturn t",
    "t = [1]\nfor i in t:\n    t.append(i)\nreturn x",
    "y = 3\nfor i in range(9999):\n    y = y * y\nreturn y",
    "n = x.shape[0]\nfor i in range(999):\n    n = (n + 1) ** 0.5\nreturn n",
    "n = x.shape[0]\nfor i in range(999):\n    n = n * n + i\nreturn n",
    "def g(y):\n    return h(y)\ndef h(y):\n    return g(y)\nreturn g(x)",
    "g = lambda y: g(y)\nreturn g(x)",
    "g = lambda h: h(h)\nreturn g(g)",
    "while True: pass",
    "import os\nos.system('touch canary')\nreturn x",
    "from os import system as exp\nreturn exp('touch canary')",
    "def g(y=" + ATTACK + "):\n    return x\nreturn g()",
    "assert __import__('os').system('touch canary')\nreturn x",
    "if 0:\n    ().__class__\nreturn x",
    "class K:\n    " + ATTACK + "\nreturn x",
    "@" + ATTACK + "\ndef g(y):\n    return y\nreturn g(x)",
    "__builtins__ = 3\nreturn x",
    "del x\nreturn x",
]

FILES = [
    "",
    "\ufeff\ufeff",
    "\0",
    "(" * 100_000,
    "\\" * 1000,
    ATTACK,
    f"K = {ATTACK}\ndef f(x: 'n'): return K * x",
    "K = (lambda: K)()\ndef f(x: 'n'): return K * x",
    f"def f(x: 'n', k={ATTACK}): return x * k",
    f"def f(x: {ATTACK}): return x",
    f"def f(x: Float[Array, {ATTACK}]): return x",
    "def f(x: 'n'):\n" + " " * 50_000 + "return y",
    "# -*- coding: rot13 -*-\nqrs s(k: 'a'): erghea k",
    "def f(x: 'n'): return x\n" * 3 + "def g(x: 'n'): return x",
    "def f(" + ", ".join(f"x{i}: 'n{i}'" for i in range(300)) + "): return y",
    "exec('x')\ndef f(x): return x",
    "if 1:\n" * 150 + "x",
]

SHAPES = [
    "__import__('os')",
    "().__class__",
    "n" * 10**6,
    "n " * 10**5,
    "(" * 10_000,
    "2**10**10",
    "10**10**10",
    "1e999",
    "n-n",
    "ｎ",
    "n\0",
    "n\u0301",
    "lambda",
    "n | " + "x" * 10**5,
    "\ud800",
    "exec('1')",
    "n=1",
    "-n",
    "9" * 5000,
    "+".join(["n"] * 10**5),
]


@pytest.fixture(autouse=True)
def canary(tmp_path, monkeypatch):
    """Every attack would leave a file behind."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not os.path.exists("canary")


def refused(read, *args):
    start = time.process_time()
    with pytest.raises(SymgradError) as caught:
        read(*args)
    assert time.process_time() - start < SECONDS
    message = str(caught.value)
    assert message.isprintable() and 10 < len(message) < 600


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_expression(expression):
    refused(read_text, f"{HEAD}    return {expression}\n", {})


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_body(body):
    refused(read_text, HEAD + "".join(f"    {line}\n" for line in body.splitlines()), {})


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_text(text):
    refused(read_text, text, {})


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
def test_shape(shape):
    refused(declare, shape, "x")
    refused(read_text, "def f(x): return x", {"x": shape})


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x80", b"\0", b"# coding: latin-1\n\xe9", b"(" * 10**5, b"\n" * (5 * 10**6)])
def test_file(tmp_path, content):
    (tmp_path / "m.py").write_bytes(content)
    refused(read_file, tmp_path / "m.py", {})


def test_paths(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "gone", tmp_path / "a\0b", tmp_path / ("a" * 300)):
        refused(read_file, path, {})


def quiet(read, *args):
    """Whatever comes in, only errors of ours come out, in one line."""
    try:
        read(*args)
    except SymgradError as error:
        assert str(error).isprintable()


TOKENS = st.sampled_from(
    "x A c n + - * ** / // % @ ( ) [ ] { } , : . = == < 0 1 2 0.5 1e9 'a' jnp np exp sum T shape lambda if else for in and not "
    "range len ( ) . , return \n".split(" ")
)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_random_text(text):
    quiet(read_text, text, {})
    quiet(read_text, f"{HEAD}    return {text}", {})
    quiet(declare, text, "x")
    quiet(read_text, "def f(x): return x", {"x": text})


@settings(max_examples=500, deadline=None)
@given(st.lists(TOKENS, max_size=14))
def test_random_tokens(tokens):
    quiet(read_text, f"{HEAD}    return {' '.join(tokens)}", {})
