"""Every option that is one of a few words refuses any other, by the option's name and with the words there are."""

import inspect
import re

import pytest

import symgrad as sg
from symgrad.core.counting import ITEMSIZES
from symgrad.costs.counts import SCALAR_FUNCTIONS
from symgrad.export.targets import TARGETS
from symgrad.printing.composition import LEVELS
from symgrad.printing.document import WRITERS
from symgrad.printing.graphviz import DETAILS
from symgrad.printing.latex import Theme
from symgrad.testing import QUANTITIES, assert_module

SOURCE = """
def f(x: "n", W: "m n"):
    z = W @ x
    return sum(tanh(z))
"""
STYLES = ("partial", "accent")
DTYPES, USES, MESH = tuple(ITEMSIZES), tuple(SCALAR_FUNCTIONS), ({"data": 2}, {"n": "data"})

OPTIONS = {
    "style of latex": ("style", STYLES, lambda d, folder, word: d.latex(style=word)),
    "style of a theme": ("style", STYLES, lambda d, folder, word: d.adjoint.latex(theme=Theme(word))),
    "style of a document": ("style", STYLES, lambda d, folder, word: d.save(folder / "f.md", style=word)),
    "level of a document": ("level", LEVELS, lambda d, folder, word: d.save(folder / "f.md", level=word)),
    "detail of a picture": ("detail", DETAILS, lambda d, folder, word: d.save(folder / "f.svg", detail=word)),
    "target of a file": ("target", TARGETS, lambda d, folder, word: d.save(folder / "f.py", target=word)),
    "target of code": ("target", TARGETS, lambda d, folder, word: d.code(word)),
    "target of a module": ("target", TARGETS, lambda d, folder, word: d.compile(word)),
    "dtype of a cost": ("the dtype", DTYPES, lambda d, folder, word: d.cost(dtype=word)),
    "dtype of a partition": ("the dtype", DTYPES, lambda d, folder, word: d.partition(*MESH, dtype=word)),
    "dtype of a pipeline": ("the dtype", DTYPES, lambda d, folder, word: d.pipeline(["z"], "n", dtype=word)),
    "use of memory": ("the use", USES, lambda d, folder, word: d.cost().memory_of(word)),
    "quantity of a test": (
        "quantity",
        QUANTITIES,
        lambda d, folder, word: assert_module(d.compile(), None, {"x": "n", "W": "m n"}, quantity=word),
    ),
}


@pytest.fixture(scope="module")
def derived():
    return sg.forward(SOURCE).derive()


@pytest.mark.parametrize("wrong", ["foo", "", 3, ["foo"]], ids=repr)
@pytest.mark.parametrize("option, words, act", OPTIONS.values(), ids=list(OPTIONS))
def test_another_word_is_refused_by_name(option, words, act, wrong, derived, tmp_path):
    says = f"^{re.escape(f'{option} {wrong!r} is unknown; known are ' + ', '.join(words))}$"
    with pytest.raises(sg.InputError, match=says):
        act(derived, tmp_path, wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["f.foo", "f", "f.TEX"])
def test_another_suffix_is_refused(name, derived, tmp_path):
    with pytest.raises(sg.InputError, match=rf"^{name}: the suffix '[.\w]*' is unknown; known are \.html, .*\.tex$"):
        derived.save(tmp_path / name)
    with pytest.raises(sg.InputError, match=r"^a plot is written as \.svg, \.png, \.pdf, not 'f"):
        derived.cost({"n": 3, "m": 4}).plot(tmp_path / name)


def test_no_option_of_a_document_is_missing_above():
    """Options of `save` that are text have a row; the others are numbers, truth values, points and reports."""
    named = {name.partition(" ")[0] for name in OPTIONS}
    texts = {
        p.name
        for writer in WRITERS.values()
        for p in inspect.signature(writer).parameters.values()
        if p.kind is p.KEYWORD_ONLY and isinstance(p.default, str)
    }
    assert texts <= named


def test_no_option_of_a_derivation_is_missing_above():
    """The same of its methods: a default that is text is one of a few words."""
    named = {name.partition(" ")[0] for name in OPTIONS}
    for _, method in inspect.getmembers(sg.Derivation, inspect.isfunction):
        for p in inspect.signature(method).parameters.values():
            assert not isinstance(p.default, str) or p.name in named


def test_names_that_were_not_derived_are_refused_by_every_door(derived):
    for act in (derived.closed_form, derived.closed_equations, derived.sympy, derived.gradient.__getitem__):
        with pytest.raises(sg.InputError, match=r"^'foo' was not derived; derived are x, W$"):
            act("foo")
