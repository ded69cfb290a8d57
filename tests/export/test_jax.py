"""Every operation in the words of jax, run eagerly: the same numbers as in NumPy's (test_targets.py compiles whole modules)."""

import math
import re
from operator import attrgetter

import cases
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import symgrad as sg
from symgrad.command.cli import main
from symgrad.errors import UnsupportedError
from symgrad.export import helpers
from symgrad.export.embedded import forms, helper_source
from symgrad.export.selftest import TESTING
from symgrad.export.statements import Statements
from symgrad.export.targets import _IN_JAX, JAX_TARGET, NUMPY_TARGET, TARGETS, Target
from symgrad.export.writer import Writer
from symgrad.ops.generic import functions_of

jax.config.update("jax_enable_x64", True)

WORDS = {f"_dim_{dim}": str(size) for dim, size in cases.DISTINCT.items()} | {"_dtype": "jnp.float64", "np": "jnp"}


@pytest.fixture(scope="module")
def scope():
    """The helpers as a module over jax carries them."""
    found = {"np": np, "jnp": jnp, "jax": jax, "math": math, "SHAPES": {}, "LABELS": ()}
    for name in sorted({*helpers.__all__, *forms("jax")} - TESTING):
        exec(re.sub(r"\bnp\b", "jnp", helper_source(name, "jax")), found)
    return found


@pytest.mark.parametrize("name, op, sample", list(cases.samples()), ids=[name for name, *_ in cases.samples()])
def test_the_same_numbers_as_in_numpy(name, op, sample, scope):
    case = cases.case_of(op, sample)
    statements = Statements(case.program, {"np"}, None, False, JAX_TARGET.code)
    lines = Writer(WORDS).body(statements.emit())
    at = cases.point(case, np.random.default_rng(3))
    local = scope | {str(X): jnp.asarray(at[str(X)]) for X in case.operands}
    local |= {name: cases.generic(node) for name, node in functions_of([case.node]).items()}
    exec("\n".join(lines), local)
    (wanted,) = cases.function_of(case.program, cases.DISTINCT)(at)
    got = local[statements.names[case.program.outputs[0]]]
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-12)


def test_jax_has_every_word_that_is_declared():
    for word in _IN_JAX:
        attrgetter(word)(jnp)


LEAVES = (
    'def f(x: "n", A: "n n"): return (A + eye(x.shape[0])) @ x + arange(x.shape[0]) * stop_gradient(x)',
    'def f(x: "n"): return 3.0',
    'def f(A: "m n"): return kron(A, A) @ ones((A.shape[1] ** 2,)) + sum(A.T.reshape(-1))',
)


@pytest.mark.parametrize("source", LEAVES)
def test_what_has_no_operands(source):
    d = sg.forward(source).derive()
    at = {"x": np.array([0.5, -1.0, 2.0]), "A": np.arange(9.0).reshape(3, 3)}
    at = {name: at[name] for name in map(str, d.program.inputs)}
    np.testing.assert_allclose(d.compile("jax").value(**at), d.compile().value(**at), rtol=1e-12)


# a library that lacks words ---------------------------------------------------------------------------------------------------


def row(*lacking, knows=None):
    """A target named torch: a library that has all of NumPy's words but these, or none but these."""
    has = (
        (lambda word: word in knows)
        if knows is not None
        else (lambda word: (word == "Tensor" or NUMPY_TARGET.has(word)) and word not in lacking)
    )
    return Target("torch", "PyTorch", "torch", "torch.Tensor", ("import torch",), has, floats=False)


@pytest.fixture
def torch(monkeypatch):
    def put(*lacking, knows=None):
        monkeypatch.setattr("symgrad.export.targets.TARGETS", {**TARGETS, "torch": row(*lacking, knows=knows)})

    return put


@pytest.mark.parametrize("op", {op.name: op for _, op, _ in cases.samples()}.values(), ids=lambda op: op.name)
def test_a_target_refuses_each_operation_that_it_lacks_words_for(op):
    """Whose template or helpers read NumPy; a product `{0} * {1}` is the same everywhere."""
    nothing = row(knows=())
    for sample in op.samples:
        node = cases.case_of(op, sample).node
        text = NUMPY_TARGET.code(node)
        read = re.search(r"(?<![\w.])(np\.(?!T\b|reshape)|_\w+\()", text)
        if read:
            with pytest.raises(UnsupportedError, match=rf"^torch has no torch\.[\w.]+, which `{op.name}` needs; use target numpy$"):
                nothing.code(node)
        else:
            assert nothing.code(node) == text


@pytest.mark.parametrize(
    "source, lacking, says",
    [
        ('def f(x: "n"): return sum(tanh(x))', ["tanh"], "torch has no torch.tanh, which `tanh` needs; use target numpy"),
        ('def f(x: "n"): return logsumexp(x)', ["max"], "torch has no torch.max, which `logsumexp` needs; use target numpy"),
        ('def f(x: "n"): return x @ x', ["asarray"], "torch has no torch.asarray, which its modules read; use target numpy"),
    ],
)
def test_nothing_is_written_over_a_library_that_lacks_a_word(source, lacking, says, torch, tmp_path, capsys):
    torch(*lacking)
    with pytest.raises(UnsupportedError, match=f"^{re.escape(says)}$"):
        sg.forward(source).derive().code("torch")
    (tmp_path / "f.py").write_text(source)
    assert main(["export", str(tmp_path / "f.py"), "--target", "torch", "-o", str(tmp_path / "out")]) == 3
    assert says in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_library_that_has_every_word_is_written_over(torch):
    torch()
    assert "torch.tanh(" in sg.forward('def f(x: "n"): return sum(tanh(x))').derive().code("torch")
