"""Shapes as text, and what annotations of jaxtyping say."""

import pytest
import sympy

from symgrad.errors import InputError, SymgradError
from symgrad.reading.annotations import check_identifier, declare, jaxtyped
from symgrad.reading.door import read_text

n, d = sympy.symbols("n d", integer=True, positive=True)


@pytest.mark.parametrize(
    ("text", "shape", "properties"),
    [
        ("", (), set()),
        ("n", (n,), set()),
        ("n d", (n, d), set()),
        ("n 3 1", (n, 3, 1), set()),
        ("n+1 2*d", (n + 1, 2 * d), set()),
        ("n-d+1 2*n-1 2*(n-1)", (n - d + 1, 2 * n - 1, 2 * n - 2), set()),
        ("n-n+3 n*(d-1)", (3, n * d - n), set()),
        ("2*3", (6,), set()),
        (" | positive", (), {"positive"}),
        ("n n|spd positive", (n, n), {"spd", "positive"}),
        ("  n\td  ", (n, d), set()),
        ("n | int", (n,), {"int"}),
        ("θ", (sympy.Symbol("θ", integer=True, positive=True),), set()),
    ],
)
def test_declaration(text, shape, properties):
    declaration = declare(text, "x")
    assert declaration.shape == shape and declaration.properties == properties


@pytest.mark.parametrize(
    "text",
    [*"0 -1 1.5 n,d n/2 n-n 1-n 2-n-k 2**9 n() n.d [n] é ｎ __n lambda n\0 *b ... #n _ n=3".split(), "n" * 70],
)
def test_refused_dimension(text):
    with pytest.raises(SymgradError, match=r"x|dimension"):
        declare(text, "x")


@pytest.mark.parametrize("text", ["n | nice", "n d | spd", " | simplex", "n " * 17, "n " * 1000, None, 3, b"n", ["n"]])
def test_refused_declaration(text):
    with pytest.raises(InputError, match=r"^x"):
        declare(text, "x")


@pytest.mark.parametrize("name", ["", "1x", "x y", "x-y", "if", "__x", "é", "ｘ", "x" * 65, "x\n", "e\u0301"])
def test_refused_identifier(name):
    with pytest.raises(InputError):
        check_identifier(name)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("Float", "n"), ("Float32", "n"), ("Int", "n | int"), ("UInt8", "n | int"), ("Bool", "n | binary")],
)
def test_jaxtyping_kinds(kind, text):
    assert jaxtyped(kind, "n") == text


@pytest.mark.parametrize(
    ("annotation", "shape"),
    [
        ('Float[Array, "n d"]', (n, d)),
        ('jaxtyping.Float[jax.Array, "n d"]', (n, d)),
        ('Float[jnp.ndarray, ""]', ()),
        ("float", ()),
        ('"n d"', (n, d)),
    ],
)
def test_annotation(annotation, shape):
    assert read_text(f"def f(x: {annotation}): return x", {}).inputs[0].shape == shape


def test_shapes_from_outside_replace_annotations():
    program = read_text("def f(x: jax.Array, W: 'a b'): return W @ x", {"x": "d", "W": "n d"})
    assert [v.shape for v in program.inputs] == [(d,), (n, d)]
