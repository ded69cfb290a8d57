"""Functions left undefined: phi applied entry by entry, and a loss l(o, y) of whole arrays, as textbooks have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from symgrad.core.op import ATOM, POWER, Node, Op, Shape, as_node, is_zero, on, size, zeros
from symgrad.core.signature import entrywise
from symgrad.errors import InputError, UnsupportedError
from symgrad.ops.arithmetic import multiply, plus
from symgrad.ops.contraction import contract
from symgrad.ops.elementwise import primes


def _apply_latex(node: Node, show: Any) -> str:
    return f"{show.name(node.params['function'])}{primes(node.params['order'])}({show(node.args[0], 0)})"


def _apply_sympy(node: Node, x: Any) -> Any:
    """phi, or its derivative of some order, at every entry."""
    t = sympy.Symbol("t", real=True)
    order, phi = node.params["order"], sympy.Function(node.params["function"])(t)
    body = phi.diff(t, order) if order else phi
    return ElementwiseApplyFunction(sympy.Lambda(t, body), x) if node.ndim else body.subs(t, x)


def derivative_name(function: str, order: int) -> str:
    """phi, dphi, d2phi, ...: the arguments that exported code takes."""
    return function if order == 0 else f"d{order if order > 1 else ''}{function}"


apply: Op = Op(
    "apply",
    shape=lambda X, **_: X.shape,
    vjp=lambda Z, X, Z_bar, function, order: (multiply(Z_bar, apply(X, function=function, order=order + 1)),),
    jvp=lambda Z, X, X_dot, function, order: multiply(apply(X, function=function, order=order + 1), X_dot),
    axes=entrywise,
    latex=_apply_latex,
    sympy=_apply_sympy,
    precedence=ATOM,
    numpy=lambda node: f"{derivative_name(node.params['function'], node.params['order'])}({{0}})",
    flops=lambda X, **_: size(X),
    samples=(on("m n", function="phi", order=0), on("", function="phi", order=1)),
    found="Entry by entry: d phi(x) = phi'(x) dx, and phi' is as generic as phi.",
    source="D2L (5.3.2), (5.3.13)",
)


def _loss_shape(*operands: Node, wrt: tuple[int, ...], **_: Any) -> Shape:
    return tuple(d for i in wrt for d in operands[i].shape)


def _derivative(operands: tuple[Node, ...], i: int, function: str, wrt: tuple[int, ...], label: str) -> Node:
    """The next derivative, its axes in the order of the operands, since derivatives commute."""
    return loss(*operands, function=function, wrt=tuple(sorted((*wrt, i))), label=label)


def _spec(operands: tuple[Node, ...], i: int, wrt: tuple[int, ...]) -> tuple[str, str, str]:
    """Letters of the derivative's axes, of those of operand i in it, and of the rest."""
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    order = tuple(sorted((*wrt, i)))
    groups = ["".join(next(letters) for _ in operands[k].shape) for k in order]
    mine = len(order) - 1 - order[::-1].index(i)
    return "".join(groups), groups[mine], "".join(g for k, g in enumerate(groups) if k != mine)


def _loss_vjp(Z: Node, *rest: Node, function: str, wrt: tuple[int, ...], label: str) -> tuple[Node, ...]:
    *X, Z_bar = rest
    operands = tuple(X)

    def cotangent(i: int) -> Node:
        whole, mine, others = _spec(operands, i, wrt)
        return contract(f"{whole},{others}->{mine}", _derivative(operands, i, function, wrt, _label(Z, label)), Z_bar)

    return tuple(cotangent(i) for i in range(len(operands)))


def _loss_jvp(Z: Node, *rest: Node, function: str, wrt: tuple[int, ...], label: str) -> Node:
    operands, dots = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    total = zeros(Z.shape)
    for i, dot in enumerate(dots):
        if not is_zero(dot):
            whole, mine, others = _spec(operands, i, wrt)
            slope = _derivative(operands, i, function, wrt, _label(Z, label))
            total = plus(total, contract(f"{whole},{mine}->{others}", slope, dot))
    return total


def _label(Z: Node, label: str) -> str:
    """The author's name of the loss, once an equation gives it one: dL/do, not dl/do."""
    return str(Z.params["name"]) if not label and Z.op.name == "variable" else label


def _loss_latex(node: Node, show: Any) -> Any:
    wrt, label = node.params["wrt"], node.params["label"]
    inside = ", ".join(show(x, 0) for x in node.args)
    if not wrt:
        return f"{show.name(node.params['function'])}({inside})"
    if any(node.args[i].op.name != "variable" for i in wrt):
        return _gradient_latex(node, inside, show)
    top = show.name(label or node.params["function"])
    order = "" if len(wrt) == 1 else f"^{{{len(wrt)}}}"
    return rf"\frac{{\partial{order} {top}}}{{{_below(node, show)}}}", POWER


def _gradient_latex(node: Node, inside: str, show: Any) -> Any:
    """A derivative in an operand that has no name: the gradient of l, taken at it."""
    slots = "" if set(node.params["wrt"]) == {0} else f"_{{{','.join(str(i + 1) for i in node.params['wrt'])}}}"
    order = "" if len(node.params["wrt"]) == 1 else f"^{{{len(node.params['wrt'])}}}"
    return rf"\nabla{slots}{order} {show.name(node.params['function'])}({inside})", POWER


def _below(node: Node, show: Any) -> str:
    wrt = node.params["wrt"]
    names = [show(node.args[i], ATOM) for i in wrt]
    if len(set(wrt)) == 1 and len(wrt) > 1:
        return rf"\partial {names[0]}^{{{len(wrt)}}}"
    return r" \, ".join(rf"\partial {n}" for n in names)


def _loss_sympy(node: Node, *operands: Any) -> Any:
    if node.params["wrt"]:
        raise UnsupportedError(f"the derivative of the generic loss {node.params['function']} has no SymPy form")
    return sympy.Function(node.params["function"])(*operands)


def loss_name(function: str, wrt: tuple[int, ...]) -> str:
    """l, dl, d2l for the first operand; d_1l, d2_01l where others take part."""
    if not wrt:
        return function
    which = "" if set(wrt) == {0} else "_" + "".join(map(str, wrt)) + "_"
    return f"d{len(wrt) if len(wrt) > 1 else ''}{which}{function}"


loss = Op(
    "loss",
    shape=_loss_shape,
    vjp=_loss_vjp,
    jvp=_loss_jvp,
    latex=_loss_latex,
    sympy=_loss_sympy,
    precedence=ATOM,
    numpy=lambda n: f"{loss_name(n.params['function'], n.params['wrt'])}({', '.join(f'{{{i}}}' for i in range(len(n.args)))})",
    flops=lambda *X, **_: sum(size(x) for x in X),
    samples=(on("n", "n", function="l", wrt=(), label=""), on("n", "n", function="l", wrt=(0,), label="")),
    found="A scalar function of arrays: its derivatives are named by what they are taken in, and commute.",
    source="D2L (5.3.4), (5.3.9)",
    defines=r"$\nabla l$ is the derivative of $l$ in its first argument, $\nabla_{i} l$ in its $i$-th",
)


@dataclass(frozen=True)
class Generic:
    """A function among the inputs of a forward pass, left undefined: called on nodes, it makes them."""

    name: str
    kind: str

    def __call__(self, *operands: Any) -> Node:
        nodes = [as_node(x) for x in operands]
        if self.kind == "loss":
            return loss(*nodes, function=self.name, wrt=(), label="")
        if len(nodes) != 1:
            raise InputError(f"{self.name} is entrywise and takes one array, got {len(nodes)}")
        return apply(nodes[0], function=self.name, order=0)


def functions_of(nodes: Any) -> dict[str, sympy.Expr]:
    """The generic functions and derivatives that these nodes call, by the names exported code takes them under."""
    found: dict[str, Any] = {}
    for node in nodes:
        if node.op is apply:
            found[derivative_name(node.params["function"], node.params["order"])] = node
        elif node.op is loss:
            found[loss_name(node.params["function"], node.params["wrt"])] = node
    return found
