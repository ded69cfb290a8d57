"""What is said of words that are not read: the reason once, and a suggestion only where it is a slip of the pen."""

import re
import types
from collections import Counter
from itertools import pairwise

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import jax.scipy.special
import numpy as np
import pytest

import symgrad as sg
from symgrad.core.language import LANGUAGE, REFUSED
from symgrad.errors import InputError, SymgradError, UnsupportedError
from symgrad.reading.door import read_text
from symgrad.reading.messages import slips, suggest

MODULES = {
    "np": np, "np.linalg": np.linalg, "np.fft": np.fft, "np.random": np.random, "jnp": jnp, "jnp.linalg": jnp.linalg, "jax": jax,
    "jax.nn": jax.nn, "jax.lax": jax.lax, "jax.scipy.special": jax.scipy.special, "jax.scipy.linalg": jax.scipy.linalg,
}  # fmt: skip
HEAD = 'import numpy as np\nimport jax\nimport jax.numpy as jnp\ndef f(x: "n", k: "n | int", A: "n n"):\n'


def names(module: types.ModuleType) -> list[str]:
    public = [name for name in dir(module) if not name.startswith("_")]
    return [name for name in public if not isinstance(getattr(module, name, module), types.ModuleType)]


def refusal(expression: str) -> str:
    """The line that a use of the expression is refused with; nothing where it is read."""
    try:
        read_text(f"{HEAD}    return {expression}\n", {}, "m.py")
    except SymgradError as refused:
        return str(refused)
    return ""


def said(line: str) -> str:
    return line[line.find("): ") + 3 :]


def stutters(text: str) -> bool:
    clauses = [clause.strip().lower() for clause in re.split(r"[;,.:]\s", text)]
    words = re.findall(r"[a-z]{2,}", text.lower())
    return max(Counter(clauses).values()) > 1 or any(a == b for a, b in pairwise(words))


def test_what_stutters():
    assert (
        stutters("it is not read; it is not read; use solve")
        and stutters("it is is not read")
        and not stutters("it is not read; use solve")
    )


@pytest.mark.parametrize("module", MODULES)
def test_every_word_of_the_libraries_is_read_or_refused_in_one_clear_line(module: str):
    for name in names(MODULES[module]):
        line = refusal(f"{module}.{name}(x)")
        assert "\n" not in line and "Did you mean" not in line, line
        assert not line or (f"{module}.{name}" in line and not stutters(said(line))), line


def test_every_method_of_an_array_is_read_or_refused_in_one_clear_line():
    for name in names(np.ndarray):
        line = refusal(f"x.{name}()")
        assert "Did you mean" not in line and not stutters(said(line)), line


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_ways_out_name_words_of_the_language(name: str):
    """What a refusal tells to write, it tells in words that are read."""
    if way := re.search(r"(?:write|use) (.*)", REFUSED[name]):
        words = set(re.findall(r"([a-z_][a-z_0-9]+)\(|(?:use|or|,) ([a-z_]+)(?=,| or|$)", way[1]))
        assert {a or b for a, b in words} <= LANGUAGE.keys() | {"slices", "lower"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("tanhh", "tanh"), ("sotfmax", "softmax"), ("logsumexpp", "logsumexp"), ("summ", "sum"), ("mena", "mean"), ("wher", "where"),
     ("pad", ""), ("isnan", ""), ("convolve", ""), ("cond", ""), ("lu", ""), ("f", ""), ("foo", "")],
)  # fmt: skip
def test_a_suggestion_is_a_slip_away(typed: str, meant: str):
    line = refusal(f"jnp.{typed}(x)")
    assert line.endswith(f"Did you mean {meant}?") if meant else "Did you mean" not in line
    assert not suggest("y", ["x"]) and slips("ab", "ba") == 1 and slips("abc", "abc") == 0


HINTS = [
    ("np.linalg.cond(A)", "not supported", "where"), ("jax.lax.cond(True, k, k)", "use where", "not supported"),
    ("np.sum(x % 2)", "x - y * q", "piecewise"), ("np.sum(x // 2)", "piecewise constant", "not supported"),
    ("np.sum(x[x > 0])", "where(condition, x, 0)", "declare"), ("np.isnan(x)", "finite", "inner"),
    ("np.pad(x, 1)", "not supported", "add"),
    ("np.convolve(x, x)", "not supported", "cho_solve"), ("np.sum(A[range(0, 9), k])", "np.arange(0, 9)", "literal range"),
    ("np.sort(x)", "pass sorted data in", "not read"), ("np.argmax(x)", "pass its result in", "labels"), 
    ("x.argmax()", "pass its result in", "amax"),
    ("x.at[0].set(1.0)", "x[index] = value", "known"), ("np.random.randn(3)", "draw outside", "rand?"),
    ("np.sum(~x)", "comparisons", "known"), ("np.sum(np.where(x > 0))", "both branches", "argument"),
    ("np.float64(x[0])", "float64", "string"), ("jax.lax.clamp(0.0, x, 1.0)", "clip", "jax.numpy"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "wanted", "unwanted"), HINTS)
def test_hints_are_right(expression: str, wanted: str, unwanted: str):
    line = said(refusal(expression))
    assert wanted in line and unwanted not in line


def test_a_remainder_has_the_way_out_that_its_refusal_names():
    line = 'def f(x: "n", q: "n | int"):\n    return sum((x - 2 * q) ** 2)\n'
    module, x = sg.forward(line).derive("x").compile(), np.array([0.3, 2.7, 5.1])
    np.testing.assert_allclose(module.grad(x=x, q=np.array([0, 1, 2])).x, 2 * (x % 2))


def test_axes_count_from_the_end():
    text = 'def f(X: "2 3 4"):\n    Y = X.transpose(0, -1, -2)\n    return sum(Y * np.transpose(X, (-3, 2, -2)))\n'
    program = sg.forward(text).program
    assert program.equations[0].symbol.shape == (2, 4, 3)


# sizes ---------------------------------------------------------------------------------------------------------------------

BEYOND = [
    "np.eye({})", "np.identity({})", "np.zeros({})", "np.ones(({}, {}))", "np.full({}, 2.0)", "np.arange({})",
    "np.arange(0, {}, 2)", "np.linspace(0, 1, {})", "np.tile(x, {})", "np.tile(x, ({}, 2))", "np.repeat(x, {})",
    "np.repeat(A, {}, axis=0)", "np.broadcast_to(x, ({}, len(x)))", "jax.nn.one_hot(k, {})", "np.zeros(({},)).reshape(-1, 1)",
    "np.outer(np.ones({}), x)", "[i for i in range({})]", "np.zeros((2, {})) + 1.0",
]  # fmt: skip


@pytest.mark.parametrize("expression", BEYOND)
def test_sizes_that_cannot_be_are_refused_on_reading(expression: str):
    with pytest.raises(UnsupportedError, match=r"entries|copies|steps"):
        read_text(f"{HEAD}    return np.sum({expression.replace('{}', '10**9')}) + np.sum(x)\n", {})


def test_an_input_beyond_the_limit_is_refused_and_the_limit_can_be_raised():
    with pytest.raises(UnsupportedError, match=r"limits\(entries"):
        read_text('def f(x: "1000000000"):\n    return sum(x)\n', {})
    with sg.limits(entries=2e9):
        assert read_text('def f(x: "1000000000"):\n    return sum(x)\n', {}).inputs


@pytest.mark.parametrize("size", ["-1", "2.5", "'a'", "x", "None"])
@pytest.mark.parametrize("maker", ["np.eye({})", "np.zeros({})", "np.arange({})", "np.repeat(x, {})", "jax.nn.one_hot(k, {})"])
def test_what_is_no_size_is_refused_on_reading(maker: str, size: str):
    with pytest.raises(SymgradError):
        read_text(f"{HEAD}    return np.sum({maker.format(size)}) + np.sum(x)\n", {})


@pytest.mark.parametrize("name", ["file.py", "file.py:f", "some folder/file.py:loss", "C:\\models\\mlp.py"])
def test_text_never_opens_a_file(name: str, tmp_path, monkeypatch):
    (tmp_path / "file.py").write_text('def f(x: "n"):\n    return sum(x)\ndef g(x: "n"):\n    return sum(x)\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"pathlib\.Path") as refused:
        sg.forward(name)
    assert f"Path({name!r})" in str(refused.value)


def test_the_path_of_a_file_may_name_its_function(tmp_path):
    path = tmp_path / "file.py"
    path.write_text('def f(x: "n"):\n    return sum(x)\ndef g(x: "n"):\n    return sum(x)\n')
    assert sg.forward(path.with_name("file.py:g")).program.name == "g"
