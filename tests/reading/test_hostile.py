"""Hostile input at every door: nothing runs, nothing hangs, and everything is refused with one line."""

import os
import time

import pytest
from hostile import BODIES, CONTENTS, EXPRESSIONS, FILES, HEAD, SHAPES
from hypothesis import given, settings
from hypothesis import strategies as st

from symgrad.errors import SymgradError
from symgrad.reading.annotations import declare
from symgrad.reading.door import read_file, read_text

SECONDS = 10.0
"""Every refusal takes well under two seconds on a free core; tests share theirs."""


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


@pytest.mark.parametrize("content", CONTENTS)
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
