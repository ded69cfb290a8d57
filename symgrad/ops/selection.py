"""Choosing entry by entry: comparisons, where, maximum and minimum.

One operation does it all: `select` takes X where A > B (or whatever the relation) and Y elsewhere.  A comparison is the
selection of 1 and 0, so `where(x > 0, a, b)` never forms the indicator, and a masked cotangent is never 0 times infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from symgrad.core.builders import elementwise
from symgrad.core.language import named
from symgrad.core.op import ATOM, CHAIN, PRODUCT, SUM, Node, Op, as_node, on, same_shape, size, value_of, zeros
from symgrad.core.signature import entrywise
from symgrad.core.source import value_source
from symgrad.errors import UnsupportedError
from symgrad.ops.arithmetic import HALF
from symgrad.ops.broadcasting import align, broadcast, fill

RELATIONS = {
    ">": (r">", "<=", sympy.Gt),
    ">=": (r"\ge", "<", sympy.Ge),
    "<": (r"<", ">=", sympy.Lt),
    "<=": (r"\le", ">", sympy.Le),
    "==": (r"=", "!=", sympy.Eq),
    "!=": (r"\ne", "==", sympy.Ne),
}
"""How each relation prints, its opposite, and SymPy's word for it."""


def plain_operand(x: Node, show: Any) -> str:
    """An operand inside brackets or between commas; an array of one number is that number, copies of a scalar are the scalar."""
    value = value_of(x)
    if value is not None:
        return str(show.number(value))
    return str(show(x.args[0] if x.op is broadcast and not x.args[0].ndim else x, 0))


# select -----------------------------------------------------------------------------------------------------------------


def _fold_select(A: Node, B: Node, X: Node, Y: Node, relation: str) -> Node | None:
    """Nothing to choose: both branches are one, or two numbers are compared."""
    if X is Y:
        return X
    a, b = value_of(A), value_of(B)
    if a is None or b is None:
        return None
    holds = RELATIONS[relation][2](a, b)
    return {sympy.true: X, sympy.false: Y}.get(holds)  # n > 2 is neither


def _indicator(node: Node, show: Any, relation: str) -> str:
    A, B = node.args[:2]
    return rf"\mathbf{{1}}[{plain_operand(A, show)} {RELATIONS[relation][0]} {plain_operand(B, show)}]"


def _select_latex(node: Node, show: Any) -> Any:
    """1[A > B] * X where the other branch is zero, two cases elsewhere."""
    (A, B, X, Y), relation = node.args, node.params["relation"]
    for kept, other, held in ((X, Y, relation), (Y, X, RELATIONS[relation][1])):
        if value_of(other) == 0:
            mark = _indicator(node, show, held)
            if value_of(kept) == 1:
                return mark, ATOM
            return (rf"{mark} \odot {show.entrywise(kept)}", PRODUCT) if node.ndim else (f"{mark} {show.factor(kept)}", CHAIN)
    test = rf"{plain_operand(A, show)} {RELATIONS[relation][0]} {plain_operand(B, show)}"
    rows = rf"{plain_operand(X, show)} & \text{{if }} {test} \\ {plain_operand(Y, show)} & \text{{otherwise}}"
    return rf"\left\{{\begin{{array}}{{ll}} {rows} \end{{array}}\right.", SUM


def _select_entry(node: Node, index: Any, show: Any) -> Any:
    """1[a > b] x where the other branch is zero."""
    (A, B, X, Y), relation = node.args, node.params["relation"]
    for kept, other, held in ((X, Y, relation), (Y, X, RELATIONS[relation][1])):
        if value_of(other) == 0:
            mark = show.of(select, show.at(A, index), show.at(B, index), 1, 0, relation=held)
            return show.product(mark, show.at(kept, index))
    return show.applied(node, index)


def _select_python(node: Node, line: Any) -> str:
    (A, B, X, Y), relation = node.args, node.params["relation"]
    for kept, other, held in ((X, Y, relation), (Y, X, RELATIONS[relation][1])):
        if value_of(other) == 0:
            mark = f"({line.entry(A)} {held} {line.entry(B)})"
            return mark if value_of(kept) == 1 else f"({mark} * {line.entry(kept)})"
    return f"where({line.entry(A)} {relation} {line.entry(B)}, {line.entry(X)}, {line.entry(Y)})"


def _select_numpy(node: Node) -> str:
    branches = [float_literal(x) or f"{{{i}}}" for i, x in enumerate(node.args) if i > 1]
    cast = ".astype(_dtype)" if all(map(float_literal, node.args[2:])) else ""
    return f"np.where({{0}} {node.params['relation']} {{1}}, {', '.join(branches)}){cast}"


def float_literal(x: Node) -> str | None:
    """A branch of one number, written as a float so that two of them make an array of floats."""
    value = value_of(x)
    if value is None:
        return None
    return f"{value}.0" if value.is_Integer else value_source(value)


select: Op = Op(
    "select",
    shape=same_shape,
    vjp=lambda Z, A, B, X, Y, Z_bar, relation: (
        zeros(A.shape),
        zeros(B.shape),
        select(A, B, Z_bar, zeros(Y.shape), relation=relation),
        select(A, B, zeros(X.shape), Z_bar, relation=relation),
    ),
    jvp=lambda Z, A, B, X, Y, A_dot, B_dot, X_dot, Y_dot, relation: select(A, B, X_dot, Y_dot, relation=relation),
    axes=lambda node: entrywise(node, (frozenset({2, 3}),)),
    latex=_select_latex,
    entry=_select_entry,
    python=_select_python,
    precedence=SUM,
    numpy=_select_numpy,
    flops=lambda A, *_, **__: 2 * size(A),
    samples=(on(*["m n"] * 4, relation=">"), on(*["n"] * 4, relation="<="), on(*[""] * 4, relation="<")),
    fold=_fold_select,
    spreads=True,
    scalar=lambda a, b, x, y, relation: sympy.Piecewise((x, RELATIONS[relation][2](a, b)), (y, True)),
    found="The choice is piecewise constant: each branch collects the cotangent where it is taken, and zero elsewhere.",
    kink="The jump of a choice has no derivative in what is compared: it counts as 0, as in jax.",
)


def comparing(relation: str) -> Callable[[Any, Any], Node]:
    """1 where the relation holds and 0 elsewhere."""

    def comparison(x1: Any, x2: Any) -> Node:
        A, B = align(x1, x2)
        return select(A, B, fill(1, A.shape), fill(0, A.shape), relation=relation)

    return comparison


greater, greater_equal = named("greater")(comparing(">")), named("greater_equal")(comparing(">="))
less, less_equal = named("less")(comparing("<")), named("less_equal")(comparing("<="))
equal, not_equal = named("equal")(comparing("==")), named("not_equal")(comparing("!="))


def _truth(condition: Any) -> Node:
    """A condition as a choice of 1 and 0, or one of the two: a comparison already is, a number counts as true unless it is zero."""
    c = as_node(int(condition) if isinstance(condition, bool) else condition)
    is_choice = c.op is select and {value_of(x) for x in c.args[2:]} == {sympy.S.Zero, sympy.S.One}
    return c if is_choice or value_of(c) in (0, 1) else not_equal(c, 0)


@named("where")
def where(condition: Any, x: Any = None, y: Any = None) -> Node:
    """x where the condition holds, y elsewhere."""
    if x is None or y is None:
        raise UnsupportedError(
            "where of a condition alone gives places that only running knows; write where(condition, x, y) with both branches"
        )
    c = _truth(condition)
    if c.op is not select:
        return align(x, y, c)[0 if value_of(c) == 1 else 1]
    (A, B, yes, _), relation = c.args, c.params["relation"]
    if value_of(yes) == 0:
        x, y = y, x
    return select(*align(A, B, x, y), relation=relation)


@named("logical_and", "bitwise_and")
def logical_and(x1: Any, x2: Any) -> Node:
    return where(x1, _truth(x2), 0)


@named("logical_or", "bitwise_or")
def logical_or(x1: Any, x2: Any) -> Node:
    return where(x1, 1, _truth(x2))


@named("logical_not", "bitwise_not", "invert")
def logical_not(x: Any) -> Node:
    return where(x, 0, 1)


@named("logical_xor", "bitwise_xor")
def logical_xor(x1: Any, x2: Any) -> Node:
    return where(x1, logical_not(x2), _truth(x2))


# maximum and minimum ----------------------------------------------------------------------------------------------------


def shared_sign(relation: str) -> str:
    """The sign of a relation that several may attain at once, who then share the 1."""
    return rf"[\![{relation}]\!]"


def _pair_latex(name: str) -> Callable[[Node, Any], str]:
    return lambda node, show: rf"\{name}({plain_operand(node.args[0], show)}, {plain_operand(node.args[1], show)})"


def _wins_latex(node: Node, show: Any) -> str:
    index = "" if node.params["at"] == HALF else f"_{{{show.exponent(node.params['at'])}}}"
    return shared_sign(rf"{plain_operand(node.args[0], show)} > {plain_operand(node.args[1], show)}") + index


def _wins_numpy(node: Node) -> str:
    at = node.params["at"]
    if at == HALF:
        return "(({0} > {1}).astype(_dtype) + ({0} >= {1}).astype(_dtype)) / 2"
    return f"(({{0}} > {{1}}) * {value_source(1 - at)} + ({{0}} >= {{1}}) * {value_source(at)}).astype(_dtype)"


wins = elementwise(
    "wins",
    lambda Z, X, Y, at: (zeros(X.shape), zeros(Y.shape)),
    latex=_wins_latex,
    numpy=_wins_numpy,
    scalar=lambda x, y, at: sympy.Heaviside(x - y, at),
    samples=(on("m n", "m n", at=HALF), on("", "", at=HALF), on("", "", at=HALF**2)),
    spreads=True,
    found="1 where X is the larger, 0 where Y is, 1/2 at a tie or what else is said: piecewise constant.",
    kink="1/2 at a tie",
    defines=rf"${shared_sign('a > b')}$ is 1 where $a > b$, 1/2 (or what its index says) where $a = b$, and 0 elsewhere",
)
"""1 where X is the larger, 0 where Y is, and `at` at a tie."""

maximum = elementwise(
    "maximum",
    lambda Z, X, Y: (wins(X, Y, at=HALF), wins(Y, X, at=HALF)),
    latex=_pair_latex("max"),
    numpy="np.maximum({0}, {1})",
    scalar=sympy.Max,
    samples=(on("m n", "m n"), on("", "")),
    spreads=True,
    found="The larger of the two hands the cotangent on.",
    kink="the two share equally at a tie, 1/2 each",
)
minimum = elementwise(
    "minimum",
    lambda Z, X, Y: (wins(Y, X, at=HALF), wins(X, Y, at=HALF)),
    latex=_pair_latex("min"),
    numpy="np.minimum({0}, {1})",
    scalar=sympy.Min,
    samples=(on("m n", "m n"), on("", "")),
    spreads=True,
    found="The smaller of the two hands the cotangent on.",
    kink="the two share equally at a tie, 1/2 each",
)


@named("maximum", "fmax")
def maximum_of(x1: Any, x2: Any) -> Node:
    return maximum(*align(x1, x2))


@named("minimum", "fmin")
def minimum_of(x1: Any, x2: Any) -> Node:
    return minimum(*align(x1, x2))


@named("clip", method=True)
def clip(a: Any, min: Any = None, max: Any = None, *, a_min: Any = None, a_max: Any = None) -> Node:
    """min(max(a, lower), upper); None is no bound."""
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    lower = as_node(a) if low is None else maximum_of(a, low)
    return lower if high is None else minimum_of(lower, high)
