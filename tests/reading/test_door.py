"""What is read: source on the left, the equations it becomes on the right."""

import functools
from collections import ChainMap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symgrad.checking.evaluation import evaluate
from symgrad.errors import InputError, UnsupportedError
from symgrad.reading.door import read_file, read_function, read_text

HEAD = 'def f(x: "3", A: "4 3", c: "", u: "4"):\n'
VALUES = {
    "x": np.array([0.3, -0.5, 1.1]),
    "A": np.arange(12.0).reshape(4, 3) / 7,
    "c": np.float64(0.7),
    "u": np.array([0.2, 0.4, -0.6, 0.9]),
}

BODIES = [
    ("return A @ x", "f"),
    ("y = A @ x\nreturn y", "y"),
    ("y = A @ x\ny = y + u\nreturn y", "y y_2"),
    ("x = x * c\nreturn x", "x_2"),
    ("x += c\nx *= 2\nx **= 2\nreturn x", "x_2 x_3 x_4"),
    ("a, b = A @ x, c * x\nreturn a * c", "a b f"),
    ("a, (b, d) = u, (c, x)\nreturn b * d", "a b d f"),
    ("a, b = u, c * u\na, b = b, a\nreturn a - b", "a b a_2 b_2 f"),
    ("a = b = x * c\nreturn a + b", "a b f"),
    ("y: float = x * c\nreturn y", "y"),
    ("_, y = x, c * u\nreturn y", "y"),
    ("y = u\nfor i in range(3):\n    y = jnp.tanh(y * c + i)\nreturn y", "y y_2 y_3 y_4"),
    ("y = c\nfor i, w in enumerate([x, 2 * x], start=1):\n    y = y + i * jnp.sum(w)\nreturn y", "y w y_2 w_2 y_3"),
    ("s = 0\nfor w, k in zip((x, u), (2, 3)):\n    s = s + jnp.sum(w ** k)\nreturn s", "w s w_2 s_2"),
    (
        "y = x\nfor i in range(9):\n    if i == 1:\n        continue\n    if i > 2:\n        break\n    y = y * (i + 1)\nreturn y",
        "y y_2 y_3",
    ),
    ("return sum([jnp.sum(w * i) for i, w in enumerate((x, u)) if i != 5])", "f"),
    ("return sum(i * c for i in range(3) for j in range(i))", "f"),
    ("d = {k: c * i for i, k in enumerate(('a', 'b'))}\nreturn sum(v for k, v in d.items()) + d['b']", "f"),
    ("hs = []\nfor i in range(3):\n    hs.append(x * i)\nhs += [x]\nreturn sum(hs)", "f"),
    ("def g(v, k=2):\n    z = v * k\n    return jnp.tanh(z)\nh = g(x)\nh = g(h, k=3)\nreturn h", "z h z_2 h_2"),
    ("g = lambda v: v * c\nreturn g(g(x))", "f"),
    ("k = 2\ng = lambda v: v * k\nk = 3\nreturn g(x)", "f"),
    ("gs = [lambda v: v * i for i in range(3)]\nreturn gs[0](x)", "f"),
    ("def g(v):\n    w = v * 2\n    return w, v\na, b = g(x)\nreturn a + b", "w a b f"),
    ("act = jnp.tanh\nreturn act(x)", "f"),
    ("return x if x.ndim == 1 else u", "f"),
    ("if x.shape[0] == 3 and not A.ndim == 1:\n    return c * x\nelse:\n    return u", "f"),
    ("k = None or 2\nreturn (k and 3) * x", "f"),
    ("mode = 'mean'\nif mode in ('sum', 'mean'):\n    return jnp.mean(x)\nreturn c", "f"),
    ("return c if 0 < len(x) <= 3 else 2 * c", "f"),
    ("m = A.shape[0] // 2\nreturn x * m + A.size - A.ndim", "f"),
    ("return jnp.sum(x) / float(x.shape[0] - 1) + int(2.7) + int(-2.7)", "f"),
    ("return x * 2**-3 + 7 // 2 - 7 % 3 + (-7) // 2", "f"),
    ("return x * 1e-5 + 0.1 + 2.5e3 + True", "f"),
    ("return max(3, 4) * x + min((2, 5)) + abs(-2) + pow(2, 3)", "f"),
    ("return sum(x) + jnp.sum(A) * sum((1, 2))", "f"),
    ("return jnp.pi * x + np.e", "f"),
    ('"""A docstring, é."""\nassert c > 0, f"{c}"\n"note"\npass\nreturn x  # é', "f"),
    ("import jax.numpy as q\nfrom jax.nn import relu as r\nreturn r(q.exp(x) - 1)", "f"),
    ("return x", "f"),
    ("return 3", "f"),
    ("σ = c * x\nreturn σ", "σ"),
    ("return (\n    x\n    + c  # a comment\n)", "f"),
    ("tanh = jnp.exp\nreturn tanh(x)", "f"),
    ("return " + " + ".join(["c"] * 400), "f"),
]
"""Bodies of f and the names of their equations; NumPy and jax run them as they are."""


def source(body):
    return HEAD + "".join(f"    {line}\n" for line in body.splitlines())


def run(text):
    scope = {"jnp": jnp, "np": np, "jax": jax}
    exec(text, scope)
    return scope["f"](**{name: jnp.asarray(value) for name, value in VALUES.items()})


@pytest.mark.parametrize(("body", "names"), BODIES, ids=[row[0].splitlines()[0][:40] for row in BODIES])
def test_reads_what_python_computes(body, names):
    program = read_text("import jax, jax.numpy as jnp, numpy as np\n" + source(body), {}, "m.py")
    assert [e.name for e in program.equations] == names.split()
    table = evaluate(program, VALUES)
    np.testing.assert_allclose(table[program.output.params["name"]], run(source(body)), rtol=1e-12)


FILES = [
    ("EPS = 1e-5\nTWO = 2 * EPS / EPS\nA, B = 1, 2\ndef f(x: 'n'): return x * TWO + B + EPS", "f"),
    (
        "def g(W, v):\n    z = W @ v\n    return exp(z)\ndef f(W: 'n n', x: 'n'):\n    h = g(W, x)\n    h = g(W, h)\n    return h",
        "z h z_2 h_2",
    ),
    ("def f(p: {'W': 'h d', 'b': 'h'}, x: 'd'):\n    return p['W'] @ x + p['b']", "f"),
    ("def f(p: ('h d', 'h'), x: 'd'):\n    W, b = p\n    return W @ x + b", "W b f"),
    ("from jax.numpy import *\ndef f(X: 'n d'): return sum(exp(X), axis=1)", "f"),
    ("try:\n    import jax.numpy as np\nexcept ImportError:\n    import numpy as np\ndef f(x: 'n'): return np.exp(x)", "f"),
    ("@jax.jit\ndef g(x): return x * 2\ndef f(x: 'n'): return g(x)", "f"),
    ("def f(X: 'n d', phi: ' | entrywise'):\n    H = phi(X)\n    return H", "H"),
    ("def f(x: 'n', *, k=3, lam: float): return lam * x ** k", "f"),
]


@pytest.mark.parametrize(("text", "names"), FILES)
def test_file(text, names):
    assert [e.name for e in read_text(text, {}, function="f").equations] == names.split()


def test_entries_of_containers_are_inputs():
    program = read_text("def f(p: {'W': 'h d', 'x': 'd'}, x: 'd', q: ('h', '')): return p['W'] @ x + q[0]", {})
    assert [str(v) for v in program.inputs] == ["W", "p_x", "x", "q_0", "q_1"]


def test_lines_are_those_of_the_file():
    program = read_text("\n\ndef f(x: 'n'):\n    # why\n    y = (x\n         + 1)\n    return y", {})
    assert [e.line for e in program.equations] == [5]


def test_shapes_stay_symbolic():
    program = read_text("def f(X: 'n d'):\n    return jnp.sum(X) / (X.shape[0] - 1)", {})
    assert "n" in repr(program.equations[0].expr.args[0])


# live functions -----------------------------------------------------------------------------------------------------------

SCALE = 0.5
ARRAY = np.ones(3)


def helper(v, k=2):
    z = SCALE * v
    return z**k


def live(x: "n", eps=1e-3, lam: float = 1.0):
    h = helper(x)
    return jnp.sum(h) * lam + eps


@jax.jit
def jitted(x: "n"):
    return jnp.sum(x)


@functools.partial(jax.jit, static_argnums=1)
def jitted_static(x: "n", k=3):
    return jnp.sum(x**k)


def make(k, values):
    def inner(x: "n"):
        y = k * x
        return y

    def closes_over_an_array(x: "n"):
        return x @ values

    return inner, closes_over_an_array


def reads_an_array(x: "n"):
    return x @ ARRAY


async def asynchronous(x: "n"):
    return x


class Model:
    def method(self, x: "n"):
        return x


def test_live_function():
    program = read_function(live, {})
    assert [e.name for e in program.equations] == ["z", "h", "f"]
    assert [str(v) for v in program.inputs] == ["x", "lam"]
    assert program.source == "test_door.py"


@pytest.mark.parametrize("function", [jitted, jitted_static, make(3, ARRAY)[0]])
def test_live_function_under_wrappers(function):
    assert read_function(function, {}).equations


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (make(3, ARRAY)[1], "values is an array from outside the function; pass it in as an input$"),
        (reads_an_array, "the constant ARRAY of the file is an array; pass it in as an input$"),
        (jax.vmap(live), "^live is wrapped by a function of jax; hand in the plain function itself$"),
        (lambda x: x, "^a lambda has no names for its steps; write it as a def$"),
        (asynchronous, r"^asynchronous \(test_door.py, line \d+\) is async; write a plain def$"),
    ],
)
def test_live_function_outside_the_language(function, message):
    with pytest.raises(UnsupportedError, match=message):
        read_function(function, {"x": "n"})


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (Model().method, "method is a method; write it as a plain function of arrays"),
        (Model, "Model is a class; hand in a plain function of arrays"),
        (len, "len is no plain Python function; hand in the function itself, its source or its file"),
        (3, "int is no plain Python function; hand in the function itself, its source or its file"),
        (functools.partial(live), "a partial is no plain function; hand in the function itself, its other arguments with defaults"),
    ],
)
def test_no_plain_function(thing, message):
    with pytest.raises(InputError) as caught:
        read_function(thing, {})
    assert str(caught.value) == message


def test_function_without_source():
    scope = {}
    exec("def g(x: 'n'): return x", scope)
    with pytest.raises(InputError, match="the source of g is not available; hand it in as text or as a file"):
        read_function(scope["g"], {})


def test_changed_constant(monkeypatch):
    monkeypatch.setitem(globals(), "SCALE", 0.75)
    with pytest.raises(UnsupportedError, match="the constant SCALE has changed since its file was read"):
        read_function(live, {})


def test_no_call_walks_over_every_name_there_is(monkeypatch):
    walks = []
    walk = ChainMap.__iter__
    monkeypatch.setattr(ChainMap, "__iter__", lambda scope: walks.append(scope) or walk(scope))
    read_text(HEAD + "    y = tanh(A @ x)\n    z = exp(y)\n    return sum(z)\n", {})
    assert not walks


def test_file_on_disk(tmp_path):
    path = tmp_path / "m.py"
    path.write_bytes(b"\xef\xbb\xbfdef f(x: 'n'): return x\r\ndef g(x: 'n'): return x\r\n")
    assert read_file(path, {}, "g").name == "g"


def test_the_name_of_a_file_as_text_says_how_to_hand_it_in():
    with pytest.raises(
        InputError,
        match=r"^'models/mlp\.py' is the name of a file, and text never opens one; hand in pathlib\.Path\('models/mlp\.py'\)$",
    ):
        read_text("models/mlp.py", {})
