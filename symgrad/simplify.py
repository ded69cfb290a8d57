"""Named rewrite rules between operations, each with its equation, its condition and why it ends.

`simplify` may use what is known of variables, so it comes after the last differentiation; `normalise` uses the rules that hold
for any operands and may come before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import sympy

from symgrad.graph import rewrite_all
from symgrad.op import SYMMETRIC, VARIABLE, Node, constant, value_of
from symgrad.ops.arithmetic import add, coefficient, hadamard, multiply, scalar_product, scale
from symgrad.ops.broadcasting import broadcast, fill, sum_
from symgrad.ops.powers import divide, power
from symgrad.ops.product import diag, dot, matmul, outer, trace, transposition
from symgrad.ops.reduction import softmax
from symgrad.ops.selection import select
from symgrad.program import Program

Rule = Callable[[Node], Node | None]


@dataclass(frozen=True)
class Rewrite:
    """One equation read from left to right; `ends` says what it makes smaller, `facts` whether it reads a variable's properties."""

    name: str
    equation: str
    ends: str
    apply: Rule
    facts: bool = False


RULES: dict[str, list[Rewrite]] = {}
"""The rewrites by the operation at the root of their left side."""


def rule(equation: str, *heads: str, ends: str, facts: bool = False) -> Callable[[Rule], Rule]:
    """Register a rewrite under the operations at its root."""

    def register(function: Rule) -> Rule:
        entry = Rewrite(function.__name__, equation, ends, function, facts)
        for head in heads:
            RULES.setdefault(head, []).append(entry)
        return function

    return register


def normalise(root: Node) -> Node:
    """Apply the rules that hold for any operands."""
    return _apply([root], facts=False)[0]


def simplify(root: Node) -> Node:
    """Apply all rules; only after the last differentiation with respect to the variables whose properties they read."""
    return _apply([root], facts=True)[0]


def simplified(program: Program) -> Program:
    """The program with every right side simplified, and the parts of its sums."""
    return replace(program.map(simplify), unsimplified=program.unsimplified or program)


def _apply(roots: list[Node], facts: bool) -> list[Node]:
    def step(node: Node) -> Node:
        for entry in RULES.get(node.op.name, ()):
            if entry.facts and not facts:
                continue
            found = entry.apply(node)
            if found is not None and found is not node:
                return _apply([found], facts)[0]
        return node

    return rewrite_all(roots, step)


# sums and broadcasts ------------------------------------------------------------------------------------------------------


@rule("sum(x * y) = x^T y for vectors", "sum", ends="fewer sums")
def sum_of_products(node: Node) -> Node | None:
    (x,) = node.args
    if x.ndim != 1 or node.params["axes"] != (0,):
        return None
    if x.op is hadamard:
        return dot(*x.args)
    return None


@rule("sum(sum(X)) = sum(X) over all the axes", "sum", ends="fewer sums")
def sum_of_sum(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is not sum_:
        return None
    left = [a for a in range(x.args[0].ndim) if a not in x.params["axes"]]
    axes = sorted({*x.params["axes"], *(left[a] for a in node.params["axes"])})
    return sum_(x.args[0], axes=tuple(axes))


@rule("summing copies counts them: sum(broadcast(x)) = n x", "sum", ends="fewer sums")
def sum_of_broadcast(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op is not broadcast:
        return None
    kept, (inner,) = x.params["axes"], x.args
    copied = [a for a in axes if a not in kept]
    if not copied:
        return None
    count = sympy.Mul(*(x.shape[a] for a in copied))
    rest = [a for a in range(x.ndim) if a not in copied]
    spread = broadcast(inner, shape=tuple(x.shape[a] for a in rest), axes=tuple(rest.index(a) for a in kept))
    return multiply(count, sum_(spread, axes=tuple(rest.index(a) for a in axes if a in rest)))


@rule("a copy of a copy is a copy", "broadcast", ends="fewer broadcasts")
def broadcast_of_broadcast(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op is not broadcast:
        return None
    return broadcast(x.args[0], shape=node.shape, axes=tuple(axes[a] for a in x.params["axes"]))


@rule("a scalar factor of a sum comes to the front", "sum", ends="smaller operand of the sum")
def scalar_out_of_sum(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is hadamard and (copied := [y for y in x.args if _constant_along(y, node.params["axes"])]):
        y = copied[0]
        other = x.args[1] if x.args[0] is y else x.args[0]
        kept = y.params["axes"]
        if len(kept) + len(node.params["axes"]) == x.ndim:
            return multiply(y.args[0], sum_(other, axes=node.params["axes"]))
    return None


def _constant_along(y: Node, axes: tuple[int, ...]) -> bool:
    return y.op is broadcast and not set(y.params["axes"]) & set(axes)


# transposes, traces, diagonals ---------------------------------------------------------------------------------------------


@rule("(X Y)^T = Y^T X^T", "transpose", ends="transposes move towards the leaves")
def transpose_of_product(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is matmul and x.ndim == 2:
        return matmul(x.args[1].T, x.args[0].T)
    if x.op is outer:
        return outer(x.args[1], x.args[0])
    return None


@rule("(X + Y)^T = X^T + Y^T", "transpose", ends="transposes move towards the leaves")
def transpose_of_sum(node: Node) -> Node | None:
    (x,) = node.args
    if x.op in (add, hadamard) and x.ndim == 2:
        return x.op(*(transposition(a, axes=node.params["axes"]) for a in x.args))
    return None


@rule("the transpose of copied columns is copied rows", "transpose", ends="transposes move towards the leaves")
def transpose_of_copies(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is broadcast and node.ndim == 2:
        return broadcast(x.args[0], shape=node.shape, axes=tuple(1 - a for a in x.params["axes"]))
    return None


@rule("diag(x)^T = diag(x)", "transpose", ends="fewer operations")
def transpose_of_diagonal(node: Node) -> Node | None:
    return node.args[0] if node.args[0].op is diag else None


@rule("X^T = X for a symmetric variable", "transpose", ends="fewer operations", facts=True)
def transpose_of_symmetric(node: Node) -> Node | None:
    (x,) = node.args
    return x if x.op is VARIABLE and x.params["properties"] & SYMMETRIC else None


@rule("tr(X^T) = tr(X), tr(x y^T) = x^T y", "trace", ends="fewer operations")
def trace_of_transpose(node: Node) -> Node | None:
    (x,) = node.args
    if x.op is transposition:
        return trace(x.args[0])
    return dot(*x.args) if x.op is outer else None


@rule("a 1 x 1 matrix is its own trace", "trace", ends="fewer operations")
def trace_of_scalar(node: Node) -> Node | None:
    (x,) = node.args
    return x.args[0] if x.op is broadcast and x.args[0].ndim == 0 and x.shape == (1, 1) else None


@rule("tr(X (x) Y) = tr(X) tr(Y)", "trace", ends="fewer operations")
def trace_of_kron(node: Node) -> Node | None:
    (x,) = node.args
    if x.op.name != "kron" or any(a.shape[0] != a.shape[1] for a in x.args):
        return None
    return multiply(trace(x.args[0]), trace(x.args[1]))


@rule("diag(x) y = x * y, diag(x) Y = rows of Y times x", "matmul", ends="fewer operations")
def product_with_diagonal(node: Node) -> Node | None:
    X, Y = node.args
    if X.op is diag and Y.ndim == 1:
        return hadamard(X.args[0], Y)
    if X.op is diag:
        return hadamard(broadcast(X.args[0], shape=Y.shape, axes=(0,)), Y)
    if Y.op is diag:
        return hadamard(X, broadcast(Y.args[0], shape=X.shape, axes=(1,)))
    return None


# elementwise -----------------------------------------------------------------------------------------------------------------


@rule("x * y^-1 = x / y", "hadamard", ends="fewer operations")
def product_with_reciprocal(node: Node) -> Node | None:
    X, Y = node.args
    for one, other in ((X, Y), (Y, X)):
        if one.op is power and one.params["exponent"] == -1:
            return divide(other, one.args[0])
    return None


@rule("c X + c Y = c (X + Y), c a number", "add", ends="fewer multiples", facts=False)
def common_factor(node: Node) -> Node | None:
    parts = [coefficient(t) for t in node.args]
    size = abs(parts[0][0])
    if size == 1 or any(abs(c) != size or value_of(rest) is not None for c, rest in parts):
        return None
    sign = sympy.S.NegativeOne if all(c.could_extract_minus_sign() for c, _ in parts) else sympy.S.One
    return multiply(sign * size, add(*(multiply(sign * c / size, rest) for c, rest in parts)))


@rule("x^a x^b = x^(a + b)", "scale", "hadamard", ends="fewer powers")
def product_of_powers(node: Node) -> Node | None:
    X, Y = node.args
    if node.op is hadamard:
        return _merged_power(X, Y)
    number, factors, arrays = scalar_product(node)
    for i, x in enumerate(factors):
        for j in range(i):
            merged = _merged_power(factors[j], x)
            if merged is not None:
                rest = [f for k, f in enumerate(factors) if k not in (i, j)]
                return _multiplied([constant(number), merged, *rest, *arrays])
    return None


def _multiplied(parts: list[Node]) -> Node:
    result = parts[-1]
    for x in reversed(parts[:-1]):
        result = multiply(x, result)
    return result


def _merged_power(X: Node, Y: Node) -> Node | None:
    """Only where a negative power meets a positive one: x x stays as typed, and 1 / h / h does not square h."""
    (x, a), (y, b) = _as_power(X), _as_power(Y)
    return power(x, exponent=a + b) if x is y and a.is_negative != b.is_negative else None


def _as_power(X: Node) -> tuple[Node, sympy.Expr]:
    return (X.args[0], X.params["exponent"]) if X.op is power else (X, sympy.S.One)


@rule("(a b)^k = a^k b^k for scalars and whole k", "power", ends="powers move towards the leaves")
def power_of_product(node: Node) -> Node | None:
    (x,), k = node.args, node.params["exponent"]
    if node.ndim or x.op is not scale or not k.is_Integer:
        return None
    number, factors, _ = scalar_product(x)
    return _multiplied([constant(number**k), *(power(f, exponent=k) for f in factors)])


@rule("(x^a)^k = x^(a k) for scalars and whole k", "power", ends="fewer powers")
def power_of_power(node: Node) -> Node | None:
    (x,), k = node.args, node.params["exponent"]
    if x.op is not power or not k.is_Integer or node.ndim:
        return None
    return power(x.args[0], exponent=k * x.params["exponent"])


@rule("x / x^b = x^(1 - b)", "divide", ends="fewer powers")
def quotient_of_powers(node: Node) -> Node | None:
    (x, a), (y, b) = (_as_power(z) for z in node.args)
    return power(x, exponent=a - b) if x is y and a != b else None


@rule("where(c, x, 0) y = where(c, x y, 0): zero stays zero whatever y is", "scale", "hadamard", ends="choices move to the root")
def product_with_choice(node: Node) -> Node | None:
    for chosen, other in (node.args, tuple(reversed(node.args))):
        if chosen.op is not select or chosen.ndim != node.ndim or other.op is select:
            continue
        A, B, X, Y = chosen.args
        if (value_of(X) == 0) != (value_of(Y) == 0):
            return select(A, B, multiply(X, other), multiply(Y, other), **chosen.params)
    return None


@rule("diag(a) (diag(b) X) = diag(a * b) X", "hadamard", ends="smaller products")
def rows_scaled_twice(node: Node) -> Node | None:
    for outside, inside in (node.args, tuple(reversed(node.args))):
        if outside.op is not broadcast or inside.op is not hadamard:
            continue
        for a, rest in (inside.args, tuple(reversed(inside.args))):
            if a.op is broadcast and a.params == outside.params:
                merged = broadcast(hadamard(outside.args[0], a.args[0]), **a.params)
                return hadamard(merged, rest)
    return None


# facts about variables -----------------------------------------------------------------------------------------------------------


@rule("the last axis of a one-hot or simplex array sums to one", "sum", ends="fewer sums", facts=True)
def sum_of_onehot(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op is VARIABLE and x.params["properties"] & {"onehot", "simplex"} and x.ndim - 1 in axes:
        ones = fill(1, x.shape[:-1])
        return sum_(ones, axes=tuple(a for a in axes if a != x.ndim - 1))
    return None


def _entrywise(node: Node) -> list[Node]:
    """The factors of a nest of Hadamard products."""
    return [f for x in node.args for f in _entrywise(x)] if node.op is hadamard else [node]


@rule("y * y = 1 for signs, y for binary and one-hot y", "hadamard", ends="fewer factors", facts=True)
def product_of_labels(node: Node) -> Node | None:
    factors = _entrywise(node)
    for i, y in enumerate(factors):
        facts = y.params["properties"] if y.op is VARIABLE else frozenset()
        if y in factors[:i] and facts & {"sign", "binary", "onehot"}:
            rest = factors[:i] + factors[i + 1 :]
            if "sign" in facts:
                rest.remove(y)
            return _product_of(rest) if rest else fill(1, node.shape)
    return None


def _product_of(factors: list[Node]) -> Node:
    result = factors[0]
    for x in factors[1:]:
        result = hadamard(result, x)
    return result


@rule("softmax sums to one along its axes", "sum", ends="fewer sums")
def sum_of_softmax(node: Node) -> Node | None:
    (x,), axes = node.args, node.params["axes"]
    if x.op is not softmax or not set(x.params["axes"]) <= set(axes):
        return None
    summed = x.params["axes"]
    ones = fill(1, tuple(d for a, d in enumerate(x.shape) if a not in summed))
    kept = [a for a in range(x.ndim) if a not in summed]
    return sum_(ones, axes=tuple(kept.index(a) for a in axes if a in kept))


@rule("a product with ones is a sum of rows or columns", "matmul", "dot", ends="fewer products")
def product_with_ones(node: Node) -> Node | None:
    X, Y = node.args
    if value_of(Y) == 1 and Y.ndim == 1:
        return sum_(X, axes=(X.ndim - 1,))
    if node.op is dot and value_of(X) == 1:
        return sum_(Y, axes=(0,))
    return None


