"""A minute of fuzzing, and every oracle on something that it must refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

from symgrad.core.language import LANGUAGE
from symgrad.core.op import REGISTRY
from tests.fuzz import exact, layers, witness
from tests.fuzz.oracles import Judge, Session, Skipped, Subject, check
from tests.fuzz.programs import Drawn, Input
from tests.fuzz.rows import FAMILIES
from tests.fuzz.runner import MOST_SKIPPED, Result, batch, run

BATCHES = range(6)
"""About a minute; the same programs on every machine, so that the suite says the same everywhere."""

UNDRAWN = {
    **dict.fromkeys(
        "eye identity array asarray copy astype positive".split(), "no arithmetic of its own; others are written with it"
    ),
    **dict.fromkeys("diag_indices empty empty_like".split(), "written into, by the tests of acts in place"),
    **dict.fromkeys("cho_factor".split(), "drawn inside cho_solve"),
    **dict.fromkeys("acos acosh asin asinh atan atan2 atanh".split(), "another name of arccos and its kin"),
    **dict.fromkeys(
        "absolute fabs amax amin average concat div true_divide expit float_power pow fmax fmin".split(), "another name"
    ),
    **dict.fromkeys("hard_swish swish invert logistic mul permute_dims softsign sub".split(), "another name"),
    **dict.fromkeys(
        "bitwise_and bitwise_not bitwise_or bitwise_xor".split(), "another name of the logical ones, drawn as operators"
    ),
}
"""Names of the language that no row writes, each with the reason."""


def drawn(text: str, seed: int = 0, **inputs: Input) -> Drawn:
    return Drawn(text, inputs, seed, ())


TANH = drawn('def f(x: "2 3"):\n    z = tanh(x)\n    return sum(z * cos(z))\n', x=Input((2, 3)))


@pytest.fixture
def sabotage() -> Iterator[Any]:
    """A field of a record changed until the test is over."""
    sound: list[tuple[Any, str, Any]] = []

    def change(op: str, field: str, value: Any) -> None:
        record = REGISTRY[op]
        sound.append((record, field, getattr(record, field)))
        object.__setattr__(record, field, value)

    yield change
    for record, field, value in reversed(sound):
        object.__setattr__(record, field, value)


# the run ------------------------------------------------------------------------------------------------------------------


def test_random_programs_under_every_oracle():
    result = run(BATCHES)
    assert not result.failures, "\n\n".join(result.failures)
    assert result.tally["programs judged by mpmath"] > 0
    assert result.skipped <= MOST_SKIPPED, result.tally


def test_every_name_of_the_language_is_drawn():
    written = " ".join(row.name for rows in FAMILIES.values() for row in rows)
    drawn = set(re.findall(r"\w+", written + " " + " ".join(exact.NAMES)))
    others = set(LANGUAGE) - drawn - set(UNDRAWN)
    assert others <= REGISTRY.keys(), "the laws hold what is a record of its own; any other word needs a row"
    assert set(UNDRAWN) <= set(LANGUAGE) and len(drawn & set(LANGUAGE)) > 140


def test_skips_are_a_share():
    result = Result()
    result.tally.update({"programs": 200, "skipped: outside the domain": 8, "skipped: ill-conditioned": 3})
    assert result.skipped == pytest.approx(0.055) and result.skipped > MOST_SKIPPED


# every oracle must be able to fail ----------------------------------------------------------------------------------------


def test_mpmath_notices_a_wrong_gradient(sabotage: Any):
    sabotage("tanh", "vjp", lambda Z, X, Z_bar: ((1 - Z**2) * 2 * Z_bar,))
    with pytest.raises(AssertionError, match="gradient along a direction"):
        check(TANH, Session())


def test_mpmath_notices_a_wrong_second_derivative(sabotage: Any):
    rule = REGISTRY["tanh"].jvp
    sabotage("tanh", "jvp", lambda Z, X, X_dot: 2 * rule(Z, X, X_dot))
    with pytest.raises(AssertionError, match="u'Hv"):
        check(TANH, Session())


def test_mpmath_notices_a_wrong_value(sabotage: Any):
    sabotage("tanh", "numpy", "np.tanh({0}) + 1e-6")
    with pytest.raises(AssertionError, match="value is"):
        check(TANH, Session())


def test_a_kink_is_seen_and_jax_says_what_holds(sabotage: Any):
    at_zero = drawn('def f(x: ""):\n    return abs(x - x) + relu(x - x + 0.0 * x) + x\n', x=Input(()))
    check(at_zero, Session())
    kink = drawn('def f(x: "8 | binary"):\n    return sum(abs(x) + x)\n', seed=1, x=Input((8,), "binary"))
    session = Session()
    check(kink, session)
    assert session.tally["kinks, by jax's convention"] == 1
    sabotage("abs", "vjp", lambda Z, X, Z_bar: (REGISTRY["sign"](X) * Z_bar,))
    with pytest.raises(AssertionError, match="at a kink"):
        check(kink, Session())


SMOOTH_ON_LINES = {
    "relu": 'def f(x: "8 | binary"):\n    t = relu(x ** 2)\n    return sum(t * cos(t))\n',
    "abs": 'def f(x: "8 | binary"):\n    t = abs(-abs(x * sin(x)))\n    return sum(t * cos(t))\n',
    "min": 'def f(x: "8 | onehot"):\n    t = min(x ** 2)\n    return t * cos(t)\n',
}


@pytest.mark.parametrize("name", SMOOTH_ON_LINES)
def test_a_kink_of_second_order_is_jaxs(name: str, monkeypatch: pytest.MonkeyPatch):
    text = SMOOTH_ON_LINES[name]
    kink = drawn(text, seed=1, x=Input((8,), "onehot" if "onehot" in text else "binary"))
    session = Session()
    check(kink, session)
    assert session.tally["kinks of second order, by jax's convention"] == 1
    hvp = witness.hvp
    monkeypatch.setattr(witness, "hvp", lambda s, v: {name: a + 1e-3 for name, a in hvp(s, v).items()})
    with pytest.raises(AssertionError, match="u'Hv"):
        check(kink, Session())


def test_a_wrong_second_derivative_beside_a_kink_is_no_convention(sabotage: Any):
    rule = REGISTRY["tanh"].jvp
    sabotage("tanh", "jvp", lambda Z, X, X_dot: 2 * rule(Z, X, X_dot))
    with pytest.raises(AssertionError, match="u'Hv"):
        check(drawn('def f(x: "8 | binary"):\n    return sum(tanh(abs(x + 1)))\n', seed=1, x=Input((8,), "binary")), Session())


def test_a_jump_is_seen_as_a_kink():
    jump = drawn('def f(x: "8 | binary"):\n    return sum(sign(x) + x)\n', seed=1, x=Input((8,), "binary"))
    session = Session()
    check(jump, session)
    assert session.tally["kinks, by jax's convention"] == 1


def test_every_layer_notices_another_gradient():
    s = Subject(TANH, Session())
    value, bars = s.gradient()
    v = s.direction(1)
    Hv = s.hvp(s.product, v)
    wrong = {name: bar * 1.001 for name, bar in bars.items()}
    for layer in (layers.simplified, layers.exported, layers.sympy_door):
        layer(s, value, bars, Hv, v)
        with pytest.raises(AssertionError, match="expected"):
            layer(s, value, wrong, Hv, v)
    assert not any("beyond" in what for what in s.tally)
    layers.exported(s, value, {name: bar * (1 + 1e-8) for name, bar in bars.items()}, Hv, v)
    assert s.tally["exported gradient: beyond 1e-10"] == 1


def test_jax_is_logged_where_it_disagrees():
    s = Subject(TANH, Session())
    value, bars = s.gradient()
    v = s.direction(1)
    layers.jax(s, value, bars, s.hvp(s.product, v), v)
    assert not any(what.startswith("log: ") for what in s.tally)
    layers.jax(s, value, {"x": 2 * bars["x"]}, s.hvp(s.product, v), v)
    assert s.tally["jax's gradient contradicted by mpmath"] == 1


def test_outside_the_domain_is_skipped_and_counted():
    session = Session()
    check(drawn('def f(x: ""):\n    return log(-exp(x))\n', x=Input(())), session)
    assert session.tally["skipped: outside the domain"] == 1


NO_FULL_RANK = """def f(X: "1 3", Y: "2 1"):
    P = pinv(kron(X - 0.3, Y))
    return sum(P * cos(0.3 * P + 0.2))
"""


def test_a_pseudo_inverse_without_full_rank_is_outside_the_domain(monkeypatch: pytest.MonkeyPatch):
    program = drawn(NO_FULL_RANK, seed=6, X=Input((1, 3)), Y=Input((2, 1)))
    session = Session()
    check(program, session)
    assert session.tally["skipped: outside the domain"] == 1
    check(drawn(NO_FULL_RANK.replace("kron(X - 0.3, Y)", "X - 0.3"), X=Input((1, 3)), Y=Input((2, 1))), session)
    assert session.tally["programs judged by mpmath"] == 1
    monkeypatch.setattr(exact, "SINGULAR", 0)
    with pytest.raises((AssertionError, np.linalg.LinAlgError)):
        check(program, Session())


SINGULAR = drawn('def f(X: "3 3 | sign"):\n    return tanh(slogdet(X + X).logabsdet)\n', seed=2, X=Input((3, 3), "sign"))
NO_LENGTH = """def f(x: "3", y: "3"):
    m = where(x > 100.0, x, 0.0)
    return {length} + sum(y ** 3)
"""


ALL_EQUAL = drawn('def f(a: ""):\n    return sum(std(tanh(zeros((2,)) + abs(a)), keepdims=True) + a)\n', a=Input(()))


def test_no_number_is_skipped_where_jax_has_none_either(monkeypatch: pytest.MonkeyPatch):
    norm = drawn(NO_LENGTH.format(length="norm(m) * y[0]"), x=Input((3,)), y=Input((3,)))
    outer = drawn(NO_LENGTH.format(length="norm(outer(m, m * y))"), x=Input((3,)), y=Input((3,)))
    for program in (SINGULAR, outer, ALL_EQUAL):
        session = Session()
        check(program, session)
        assert session.tally["skipped: no number, nor has jax"] == 1
    session = Session()
    check(norm, session)
    assert session.tally["programs judged by mpmath"] == 1
    monkeypatch.setattr(witness, "has_numbers", lambda _: True)
    with pytest.raises(np.linalg.LinAlgError):
        check(SINGULAR, Session())
    with pytest.raises(AssertionError, match="is nan"):
        check(outer, Session())


def test_a_hypotenuse_that_is_always_zero_has_a_second_derivative():
    session = Session()
    check(drawn(NO_LENGTH.format(length="sum(hypot(m, m * y))"), x=Input((3,)), y=Input((3,))), session)
    assert session.tally["programs judged by mpmath"] == 1


def test_a_batch_that_fails_is_shrunk(sabotage: Any):
    sabotage("scale", "numpy", "{0} * {1} * 1.001")
    failure = batch(Session(), 3, 60)
    assert failure is not None and "mpmath says" in failure


# the judge ----------------------------------------------------------------------------------------------------------------


def test_the_judge_knows_the_derivatives_of_a_cube():
    s = Subject(drawn('def f(x: ""):\n    return x ** 3\n', x=Input(())), Session())
    with mpmath.workdps(exact.DIGITS):
        both, across, second = Judge(s).corners()
    x, u, v = (float(a) for a in (s.at["x"], s.direction(0)["x"], s.direction(1)["x"]))
    np.testing.assert_allclose([both, across, second], [3 * x**2 * (u + v), 3 * x**2 * (u - v), 6 * x * u * v], rtol=1e-14)


def test_the_judge_refuses_complex_numbers():
    s = Subject(drawn('def f(x: ""):\n    return sqrt(x - 100)\n', x=Input(())), Session())
    with mpmath.workdps(exact.DIGITS), pytest.raises(Skipped):
        Judge(s)


def test_what_stands_under_stop_gradient_is_held():
    check(drawn('def f(x: "3"):\n    return sum(stop_gradient(x) * x ** 2)\n', x=Input((3,))), Session())


def test_exact_functions_are_numpys():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.2, 0.8, size=(2, 3))
    for name, function in exact.ONE.items():
        if hasattr(np, name) and name not in ("arccosh",):
            np.testing.assert_allclose(function(x).astype(float), getattr(np, name)(x), rtol=1e-14)
