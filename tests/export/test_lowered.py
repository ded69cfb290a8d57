"""How often text is parsed and programs are put in order while a module is made: by count, not by time."""

import ast
from pathlib import Path

import pytest

import symgrad as sg
from symgrad.export import embedded, syntax
from symgrad.planning import schedule

README = Path(__file__).parents[2] / "derivations" / "d2l_mlp.py"
DEEP = 'def f(X: "n d", W1: "d h", W2: "h h"): return sum(tanh(tanh(X @ W1) @ W2 + exp(X @ W1)) ** 2)'


@pytest.fixture
def parsed(monkeypatch):
    """The texts that Python parses, of a process that has made no module yet."""
    for cache in (syntax.template_of, embedded.known, embedded.forms, embedded._pieces):
        cache.cache_clear()
    texts, parse = [], ast.parse
    monkeypatch.setattr(ast, "parse", lambda text, *rest, **how: texts.append(text) or parse(text, *rest, **how))
    return texts


def ours(texts):
    """Those that hold a name of the author's, as no template and no helper does."""
    return [text for text in texts if "W1" in text or "W2" in text]


@pytest.mark.parametrize("target", ["numpy", "jax", "numba"])
@pytest.mark.parametrize("source", [README, DEEP], ids=["README", "deep"])
def test_nothing_that_was_written_is_parsed_but_by_the_loader(source, target, parsed):
    derivation = sg.forward(source).derive()
    derivation.code("numpy" if target != "numpy" else "jax")
    del parsed[:]
    text = derivation.code(target)
    derivation.cost().memory_of("training")
    assert ours(parsed) == [] and len(parsed) == len(set(parsed))
    if target == "numpy":
        derivation.compile()
        assert ours(parsed) == [text]


def test_templates_and_helpers_are_parsed_once_in_a_process(parsed):
    sg.forward(DEEP).derive().code("numpy")
    assert any("def _arrays(" in text for text in parsed) and "np.tanh({0})" in parsed
    again = sg.forward(DEEP.replace("W", "V")).derive()
    del parsed[:]
    assert "np.tanh(" in again.code("numpy") and parsed == []


@pytest.mark.parametrize("source", [README, DEEP], ids=["README", "deep"])
def test_each_function_is_scheduled_once(source, monkeypatch):
    """And each way to the Hessian that was not taken, whose cost is counted as it would be exported."""
    schedule._scheduled.cache_clear()
    programs, turned = [], schedule.turned
    monkeypatch.setattr(schedule, "turned", lambda program: programs.append(program) or turned(program))
    derivation = sg.forward(source).derive()
    derivation.numpy()
    functions = dict(derivation.modules.lowered().sources.programs())
    assert len(functions) >= 6 and all(program in programs for program in functions.values())
    assert len(programs) == len(functions) + len(derivation.passes.plans) - 1
    derivation.compile()
    derivation.cost().memory_of("training")
    assert len(programs) == len(functions) + len(derivation.passes.plans) - 1
