"""Every law of checkers.py on an operation that breaks it: a checker that cannot fail checks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import checkers
import corners
import printed
import pytest
import sympy
from cases import case_of
from witnesses import WITNESSES

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.op import ATOM, CHAIN, POWER, PRODUCT, QUOTIENT, REGISTRY, SUM, Node, Op, on
from symgrad.errors import InputError
from symgrad.ops.arithmetic import HALF

hadamard, matmul, sigmoid, tanh = (REGISTRY[name] for name in ("hadamard", "matmul", "sigmoid", "tanh"))
Broken = Callable[..., Op]


def step(X: Node) -> Node:
    return (1 + REGISTRY["sign"](X)) / 2


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    """A copy of an operation with fields changed, registered beside it until the test is over."""
    kept = dict(REGISTRY)

    def make(op: Op, **fields: Any) -> Op:
        name = f"broken_{op.name}"
        if op.name in WITNESSES:
            monkeypatch.setitem(WITNESSES, name, WITNESSES[op.name])
        return replace(op, name=name, **fields)

    yield make
    REGISTRY.clear()
    REGISTRY.update(kept)


def fails(law: Callable[..., None], op: Op) -> None:
    with pytest.raises(AssertionError, match=op.name):
        for sample in op.samples:
            law(case_of(op, sample))


def doubled_far_out(Z: Node, X: Node, Z_bar: Node) -> Node:
    """The rule of tanh, twice as large where |x| > 5: next to nothing there, so the laws look at the entry itself."""
    return (1 - Z**2) * (1 + step(X**2 - 25)) * Z_bar


def test_value_notices_a_sign(broken: Broken):
    fails(checkers.check_value, broken(sigmoid, numpy="-_sigmoid({0})"))


def test_value_notices_a_lost_axis(broken: Broken):
    fails(checkers.check_value, broken(matmul, numpy="({0} @ {1}).T.reshape(-1)"))


def test_value_by_the_scalar_body_notices_a_constant(broken: Broken, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(WITNESSES, "tanh")
    fails(checkers.check_value, broken(tanh, numpy="np.tanh({0}) + 1e-9"))


def test_value_asks_for_a_witness(broken: Broken, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(WITNESSES, "matmul")
    fails(checkers.check_value, broken(matmul))


def test_value_by_the_definition_notices_a_constant(broken: Broken, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(WITNESSES, "cumsum")
    fails(checkers.check_value, broken(REGISTRY["cumsum"], numpy="np.cumsum({0}, axis=0) + 1e-8"))


def test_adversarial_points_notice_an_overflow(broken: Broken):
    fails(checkers.check_adversarial, broken(REGISTRY["softplus"], numpy="np.log(1 + np.exp({0}))", samples=(on(""),)))


def test_jvp_notices_a_factor(broken: Broken):
    fails(checkers.check_jvp, broken(matmul, jvp=lambda Z, X, Y, X_dot, Y_dot: X_dot @ Y + 2 * (X @ Y_dot)))


def test_jvp_notices_a_missing_term(broken: Broken):
    fails(checkers.check_jvp, broken(hadamard, jvp=lambda Z, X, Y, X_dot, Y_dot: X_dot * Y))


def test_jvp_notices_a_wrong_region(broken: Broken):
    relu = REGISTRY["relu"]
    fails(checkers.check_jvp, broken(relu, jvp=lambda Z, X, X_dot: (step(X) + step(X - 5)) * X_dot))


def test_still_notices_a_derivative_kept_back(broken: Broken):
    fails(checkers.check_still, broken(hadamard, vjp=lambda Z, X, Y, Z_bar: (Z_bar * Y, None)))


def test_vjp_notices_a_transpose(broken: Broken):
    square = on("n n", "n n")
    fails(checkers.check_vjp, broken(matmul, vjp=lambda Z, X, Y, Z_bar: (Z_bar @ Y, X.T @ Z_bar), samples=(square,)))


def test_vjp_notices_a_sign(broken: Broken):
    fails(checkers.check_vjp, broken(hadamard, vjp=lambda Z, X, Y, Z_bar: (Z_bar * Y, -(X * Z_bar))))


def test_vjp_notices_a_wrong_region(broken: Broken):
    relu = REGISTRY["relu"]
    fails(checkers.check_vjp, broken(relu, vjp=lambda Z, X, Z_bar: ((step(X) + step(X - 5)) * Z_bar,)))


def test_closure_notices_an_operation_outside_the_registry(broken: Broken):
    stray = replace(REGISTRY["cos"], name="stray")
    del REGISTRY["stray"]
    sine = broken(REGISTRY["sin"], vjp=lambda Z, X, Z_bar: (stray(X) * Z_bar,))
    with pytest.raises((AssertionError, InputError), match="stray"):
        checkers.check_closure(case_of(sine, sine.samples[0]))


def test_second_notices_a_derivative_that_is_not_the_derivatives_own(broken: Broken):
    fails(checkers.check_second, broken(sigmoid, jvp=lambda Z, X, X_dot: 2 * (Z * (1 - Z)) * X_dot))


def test_linear_notices_a_square(broken: Broken):
    transpose = broken(REGISTRY["transpose"], numpy="{0}.T ** 2", samples=(on("m n", axes=(1, 0)),))
    assert checkers.declared_linear(case_of(transpose, transpose.samples[0]))
    fails(checkers.check_linear, transpose)


def test_flops_notice_a_negative_count(broken: Broken):
    fails(checkers.check_flops, broken(tanh, flops=lambda X: -sympy.Symbol("m", integer=True, positive=True)))


@pytest.mark.parametrize("latex", [r"\tanh(#1", r"\tanh{{#1}", r"\tanh({0})", r"\left( #1 )", r"\tanh"])
def test_latex_notices(broken: Broken, latex: str):
    fails(checkers.check_latex, broken(tanh, latex=latex))


def test_shapes_notice_a_rule_that_lets_everything_through(broken: Broken):
    fails(checkers.check_shapes, broken(hadamard, shape=lambda X, Y: X.shape))


def test_shapes_notice_another_error(broken: Broken):
    fails(checkers.check_shapes, broken(matmul, shape=lambda X, Y: (X.shape[0], Y.shape[1])))


def test_partials_notice_a_wrong_region(broken: Broken):
    fails(checkers.check_partials, broken(tanh, jvp=lambda Z, X, X_dot: doubled_far_out(Z, X, X_dot)))


def test_corners_notice_a_slope_that_is_wrong_at_zero(broken: Broken, monkeypatch: pytest.MonkeyPatch):
    relu = REGISTRY["relu"]
    monkeypatch.setitem(corners.TANGENTS, "broken_relu", corners.TANGENTS["relu"])
    at_zero = REGISTRY["select"]
    steps = lambda X: at_zero(X, 0 * X, 1 + 0 * X, 0 * X, relation=">=")  # noqa: E731
    rules = {"vjp": lambda Z, X, Z_bar: (steps(X) * Z_bar,), "jvp": lambda Z, X, X_dot: steps(X) * X_dot}
    fails(corners.check_at_corners, broken(relu, **rules))


def test_corners_notice_a_tie_that_is_not_shared(broken: Broken, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(corners.TANGENTS, "broken_maximum", corners.TANGENTS["maximum"])
    maximum, wins = REGISTRY["maximum"], REGISTRY["wins"]
    rule = lambda Z, X, Y, Z_bar: (2 * wins(X, Y, at=HALF) ** 2 * Z_bar, wins(Y, X, at=HALF) * Z_bar)  # noqa: E731
    fails(corners.check_at_corners, broken(maximum, vjp=rule))


def test_corners_ask_what_holds_at_a_kink(broken: Broken):
    fails(corners.check_at_corners, broken(tanh, kink="somewhere"))


def test_in_process_notices_another_value(broken: Broken, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(corners, "evaluate", lambda program, inputs, functions: {"Z": 2 * inputs["X1"]})
    fails(corners.check_in_process, broken(tanh))


def test_fold_notices_a_lost_sign(broken: Broken):
    fails(corners.check_fold, broken(hadamard, fold=lambda X, Y: -Y if X.op.name == "broadcast" else None))


def test_count_notices_a_missing_factor(broken: Broken):
    fails(corners.check_count, broken(tanh, flops=lambda X: 2 * sympy.Mul(*X.shape)))


def test_brackets_notice_a_sum_that_stands_open(broken: Broken):
    fails(
        printed.check_brackets, broken(hadamard, latex=lambda node, show: rf"{show(node.args[0], 0)} \odot {show(node.args[1], 0)}")
    )


def test_brackets_notice_a_precedence_too_high(broken: Broken):
    fails(printed.check_brackets, broken(hadamard, precedence=CHAIN))


def test_printed_notices_another_form(broken: Broken):
    fails(printed.check_printed, broken(tanh, latex=r"\frac{\sinh(#1)}{2}"))


def test_printed_notices_an_operand_that_is_missing(broken: Broken):
    fails(printed.check_printed, broken(matmul, latex=r"\operatorname{product}(#1)"))


@pytest.mark.parametrize(
    ("text", "operands", "is_plain"),
    [
        (r"\tanh(X_1)", 1, True), (r"\operatorname{cumsum}^{\top}_{0}(X_1)", 1, True), (r"\max(X_1, X_2)", 2, True),
        (r"\max(X_2, X_1)", 2, False), (r"\exp(-X_1)", 1, False), (r"X_1 \odot X_2", 2, False), (r"\log(\exp(X_1))", 1, False),
    ],
)  # fmt: skip
def test_a_function_of_its_operands_is_plain(text: str, operands: int, is_plain: bool):
    assert printed.plain(text, operands) == is_plain


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("x", ATOM), ("-x", SUM), ("a + b", SUM), ("(a + b)", ATOM), (r"a \odot b", PRODUCT), ("A B", CHAIN), ("x^{2}", POWER),
        (r"\log x", CHAIN), (r"a \oslash b", QUOTIENT), (r"A \otimes B", QUOTIENT), (r"\log \lvert x \rvert", POWER),
        (r"\tanh(a + b)", ATOM), (r"\frac{1}{a + b}", POWER), (r"{X_1}_{ij}", ATOM), (r"\operatorname{diag}(x)^{-1} X", CHAIN),
        (r"\phi'(x)", ATOM), (r"A (B + C)", CHAIN),
    ],
)  # fmt: skip
def test_looseness(text: str, level: int):
    assert printed.looseness(text) == level
