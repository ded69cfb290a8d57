"""A program linear in one direction, run along every unit direction at once: second derivatives where no closed form is short.

An array that moves gets the axes of the variable in front: Z_dot[a, b] is its tangent along E_ab, so that a gradient's is a block
of the Hessian as it lies in memory.  The unit directions are products of identities, which contractions never multiply out.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping

import sympy

from symgrad.graph import postorder
from symgrad.op import OPERATORS, Node, Shape, constant, variable
from symgrad.ops.arithmetic import add, hadamard, scale
from symgrad.ops.broadcasting import broadcast, fill, sum_
from symgrad.ops.contraction import contract, einsum, einsum_of
from symgrad.ops.elementwise import ratio
from symgrad.ops.embedding import embed
from symgrad.ops.indexing import put, take, whole
from symgrad.ops.layout import reshape
from symgrad.ops.linalg import solve
from symgrad.ops.polynomial import cofactor
from symgrad.ops.powers import quotient
from symgrad.ops.product import diag, diagonal, dot, eye, identity, matmul, outer, trace, transpose, transposition
from symgrad.ops.selection import select
from symgrad.ops.triangular import cumsum, lower_half, triangular, tril, triu
from symgrad.program import Equation, Program, fresh

LEADING = "uvwxyz"
"""Letters of the variable's axes in contractions."""

Moved = Mapping[Node, Node]


class NotBatched(Exception):
    """An operation that takes one direction at a time."""


def batched(program: Program, v: Node, suffix: str, taken: Iterable[str] = ()) -> tuple[tuple[Equation, ...], tuple[Node, ...]]:
    """The equations of a program linear in its input `v`, with all that moves along every unit direction of v; and its outputs.

    Names of what moves end in the suffix.  Raises `NotBatched` where an operation takes one direction at a time.
    """
    moved: dict[Node, Node] = {v: basis(v.shape)}
    names, equations = set(program.names) | set(taken), []
    for eq in program.equations:
        expr = _along(eq.expr, moved, v.shape)
        if expr is eq.expr:
            equations.append(eq)
            continue
        name = fresh(f"{eq.name}_{suffix}", names)
        names.add(name)
        moved[eq.symbol] = variable(name, v.shape + eq.symbol.shape)
        equations.append(Equation(moved[eq.symbol], expr))
    return tuple(equations), tuple(moved.get(s) or fill(0, v.shape + s.shape) for s in program.outputs)


def basis(shape: Shape) -> Node:
    """Every unit direction of an array: E[a, b, i, j] is 1 where a = i and b = j."""
    if len(shape) < 2:
        return eye(shape[0]) if shape else constant(1)
    first, second = string.ascii_lowercase[: len(shape)], string.ascii_uppercase[: len(shape)]
    pairs = ",".join(a + b for a, b in zip(first, second, strict=True))
    return einsum(*map(eye, shape), spec=f"{pairs}->{first}{second}")


def _along(expr: Node, moved: dict[Node, Node], lead: Shape) -> Node:
    for node in postorder([expr]):
        if node not in moved and any(a in moved for a in node.args):
            if node.op.name not in _RULES:
                raise NotBatched(node.op.name)
            moved[node] = _RULES[node.op.name](node, moved, lead)
    return moved.get(expr, expr)


# contractions ---------------------------------------------------------------------------------------------------------------


def fused(spec: str, *operands: Node) -> Node:
    """A contraction whose operands made of identities are taken into it, so that they only rename its subscripts."""
    inputs, _, output = spec.partition("->")
    letters, nodes, number = inputs.split(","), list(operands), constant(1)
    for i, x in enumerate(operands):
        if x.op is scale:
            number, x = OPERATORS["multiply"](number, x.args[0]), x.args[1]
        nodes[i : i + 1], letters[i : i + 1] = [x], [letters[i]]
    parts = [part for s, x in zip(letters, nodes, strict=True) for part in _opened(s, x, set(spec))]
    return OPERATORS["multiply"](number, contract(",".join(s for s, _ in parts) + f"->{output}", *(x for _, x in parts)))


def _opened(letters: str, x: Node, taken: set[str]) -> list[tuple[str, Node]]:
    if not _is_unit(x) or x.op is identity:
        return [(letters, x)]
    inputs, _, output = x.params["spec"].partition("->")
    names = dict(zip(output, letters, strict=True))
    for c in dict.fromkeys(inputs.replace(",", "")):
        if c not in names:
            names[c] = next(free for free in string.ascii_letters if free not in taken)
            taken.add(names[c])
    return [("".join(names[c] for c in s), a) for s, a in zip(inputs.split(","), x.args, strict=True)]


def _is_unit(x: Node) -> bool:
    return x.op is identity or (x.op is einsum and any(a.op is identity for a in x.args))


def _contraction(spec: Callable[[Node], str]) -> Callable[[Node, Moved, Shape], Node]:
    """An operation that is a contraction, by its subscripts."""

    def rule(node: Node, moved: Moved, lead: Shape) -> Node:
        inputs, _, output = spec(node).partition("->")
        front = LEADING[: len(lead)]
        letters = [front + s if a in moved else s for s, a in zip(inputs.split(","), node.args, strict=True)]
        return fused(",".join(letters) + f"->{front}{output}", *(moved.get(a, a) for a in node.args))

    return rule


def _letters(x: Node) -> str:
    return string.ascii_lowercase[: x.ndim]


# everything else ------------------------------------------------------------------------------------------------------------


def _spread(x: Node, lead: Shape) -> Node:
    """An array that does not move, the same along every direction."""
    inner, axes = (x.args[0], x.params["axes"]) if x.op is broadcast else (x, tuple(range(x.ndim)))
    return broadcast(inner, shape=lead + x.shape, axes=tuple(len(lead) + a for a in axes)) if lead else x


def _entrywise(node: Node, moved: Moved, lead: Shape) -> Node:
    return node.op(*(moved[a] if a in moved else _spread(a, lead) for a in node.args), **node.params)


def _select(node: Node, moved: Moved, lead: Shape) -> Node:
    """A branch that does not move is zero in a linear map."""
    test, branches = node.args[:2], node.args[2:]
    arms = (moved.get(x) or fill(0, lead + node.shape) for x in branches)
    return select(*(_spread(x, lead) for x in test), *arms, **node.params)


def _hadamard(node: Node, moved: Moved, lead: Shape) -> Node:
    letters = _letters(node)
    if any(_is_unit(moved[a]) for a in node.args if a in moved):
        return _contraction(lambda _: f"{letters},{letters}->{letters}")(node, moved, lead)
    return _entrywise(node, moved, lead)


def _scale(node: Node, moved: Moved, lead: Shape) -> Node:
    c, X = node.args
    return scale(c, moved[X]) if X in moved else _contraction(lambda _: f",{_letters(X)}->{_letters(X)}")(node, moved, lead)


def _broadcast(node: Node, moved: Moved, lead: Shape) -> Node:
    axes = (*range(len(lead)), *(len(lead) + a for a in node.params["axes"]))
    return broadcast(moved[node.args[0]], shape=lead + node.shape, axes=axes)


def _sum(node: Node, moved: Moved, lead: Shape) -> Node:
    (x,), axes = node.args, node.params["axes"]
    if _is_unit(moved[x]):
        kept = "".join(c for i, c in enumerate(_letters(x)) if i not in axes)
        return _contraction(lambda _: f"{_letters(x)}->{kept}")(node, moved, lead)
    return sum_(moved[x], axes=tuple(len(lead) + a for a in axes))


def _transposition(node: Node, moved: Moved, lead: Shape) -> Node:
    permuted = "".join(_letters(node)[a] for a in node.params["axes"])
    return _contraction(lambda _: f"{_letters(node)}->{permuted}")(node, moved, lead)


def _masked(node: Node, moved: Moved, lead: Shape) -> Node:
    """An operation that weighs entries one by one."""
    weights = node.op(fill(1, node.shape), **node.params)
    return hadamard(_spread(weights, lead), moved[node.args[0]])


def _by_columns(node: Node, moved: Moved, lead: Shape) -> Node:
    """A system with the directions as further columns of its right side."""
    A, b = node.args
    if A in moved or not lead:
        return node.op(A, moved[b], **node.params) if A not in moved else _refuse(node)
    k, B = len(lead), moved[b]
    columns = transpose(B, (k, *range(k), *range(k + 1, B.ndim)))
    shape = (b.shape[0], sympy.Mul(*lead, *b.shape[1:]))
    solved = reshape(node.op(A, reshape(columns, shape=shape), **node.params), shape=(b.shape[0], *lead, *b.shape[1:]))
    return transpose(solved, (*range(1, k + 1), 0, *range(k + 1, B.ndim)))


def _cofactor(node: Node, moved: Moved, lead: Shape) -> Node:
    """The helper takes directions along axes in front."""
    X, *V = node.args
    return cofactor(X, moved[V[0]]) if len(V) == 1 and X not in moved else _refuse(node)


def _refuse(node: Node) -> Node:
    raise NotBatched(node.op.name)


def _quotient(node: Node, moved: Moved, lead: Shape) -> Node:
    return _refuse(node) if node.args[1] in moved else _entrywise(node, moved, lead)


def _diag(node: Node, moved: Moved, lead: Shape) -> Node:
    front = LEADING[: len(lead)]
    return embed(moved[node.args[0]], spec=f"{front}i->{front}ii")


def _on_diagonal(kept: str) -> Callable[[Node, Moved, Shape], Node]:
    def rule(node: Node, moved: Moved, lead: Shape) -> Node:
        front = LEADING[: len(lead)]
        return einsum_of(f"{front}ii->{front}{kept}", moved[node.args[0]])

    return rule


def _whole(lead: Shape) -> tuple[object, ...]:
    return tuple(whole(d) for d in lead)


_RULES: dict[str, Callable[[Node, Moved, Shape], Node]] = {
    add.name: lambda node, moved, lead: OPERATORS["add"](*(moved[a] for a in node.args if a in moved)),
    scale.name: _scale,
    hadamard.name: _hadamard,
    quotient.name: _quotient,
    ratio.name: _quotient,
    select.name: _select,
    matmul.name: _contraction(lambda node: "ij,jk->ik" if node.ndim == 2 else "ij,j->i"),
    dot.name: _contraction(lambda node: "i,i->"),
    outer.name: _contraction(lambda node: "i,j->ij"),
    einsum.name: _contraction(lambda node: str(node.params["spec"])),
    transposition.name: _transposition,
    sum_.name: _sum,
    broadcast.name: _broadcast,
    reshape.name: lambda node, moved, lead: reshape(moved[node.args[0]], shape=lead + node.shape),
    take.name: lambda node, moved, lead: take(moved[node.args[0]], index=_whole(lead) + node.params["index"]),
    put.name: lambda node, moved, lead: put(
        moved[node.args[0]], shape=lead + node.shape, index=_whole(lead) + node.params["index"]
    ),
    cumsum.name: lambda node, moved, lead: cumsum(
        moved[node.args[0]], axis=len(lead) + node.params["axis"], backward=node.params["backward"]
    ),
    tril.name: _masked,
    triu.name: _masked,
    lower_half.name: _masked,
    solve.name: _by_columns,
    triangular.name: _by_columns,
    cofactor.name: _cofactor,
    diag.name: _diag,
    diagonal.name: _on_diagonal("i"),
    trace.name: _on_diagonal(""),
}
"""How an operation acts on what moves along many directions; one that is missing takes them one at a time."""
