"""A program linear in one direction, run along every unit direction at once: second derivatives where no closed form is short.

An array that moves gets the axes of the variable in front: Z_dot[a, b] is its tangent along E_ab, so that a gradient's is a block
of the Hessian as it lies in memory.  The unit directions are products of identities, which contractions never multiply out.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence

from symgrad.core.graph import postorder
from symgrad.core.op import OPERATORS, Node, Shape, constant, variable
from symgrad.core.program import Equation, Program, fresh
from symgrad.core.signature import Signature
from symgrad.ops.arithmetic import scale
from symgrad.ops.broadcasting import broadcast, fill, in_front
from symgrad.ops.contraction import einsum, einsum_of
from symgrad.ops.embedding import embed
from symgrad.ops.product import eye, identity

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
            moved[node] = _applied(node, moved, lead)
    return moved.get(expr, expr)


def _applied(node: Node, moved: Moved, lead: Shape) -> Node:
    """The operation on what moves; raises `NotBatched` where it is not linear in that, or takes one direction at a time."""
    moving = frozenset(i for i, a in enumerate(node.args) if a in moved)
    jointly = next((s for s in node.op.axes(node).linear if moving <= s), None)
    if jointly is None:
        raise NotBatched(node.op.name)
    still = [fill(0, lead + a.shape) if i in jointly else in_front(a, lead) for i, a in enumerate(node.args)]
    return _stacked(node, moved, lead, still)


def vectorized(node: Node, stacks: Moved, lead: Shape) -> Node:
    """The operation on stacks of operands, whose axes `lead` are those in front of the result; other operands are the same in each.

    Raises `NotBatched` where no form of the operation takes a stack.
    """
    return _stacked(node, stacks, lead, [in_front(a, lead) for a in node.args])


def _stacked(node: Node, moved: Moved, lead: Shape, still: Sequence[Node]) -> Node:
    """By its signature; `still` has the axes in front for what has none of its own."""
    signature = node.op.axes(node)
    if node.op.stacked is not None:
        return _taken(node.op.stacked(node, moved, lead), node)
    operands = [moved.get(a) or s for a, s in zip(node.args, still, strict=True)]
    if node.op.front is not None:
        return node.op(*operands, **node.op.front(node, lead))
    if signature.whole:
        raise NotBatched(node.op.name)
    units = any(_is_unit(moved[a]) for a in node.args if a in moved)
    if signature.is_contraction and (units or not node.ndim or not signature.is_entrywise):
        return _contracted(signature, node, moved, lead)
    return node.op(*operands, **node.params)


def _taken(found: Node | None, node: Node) -> Node:
    if found is None:
        raise NotBatched(node.op.name)
    return found


# contractions ---------------------------------------------------------------------------------------------------------------


def fused(spec: str, *operands: Node) -> Node:
    """A contraction whose operands made of identities are taken into it, so that they only rename its subscripts."""
    inputs, _, output = spec.partition("->")
    letters, nodes, number = inputs.split(","), list(operands), constant(1)
    for i, x in enumerate(operands):
        if x.op is scale:
            number, x = OPERATORS["multiply"](number, x.args[0]), x.args[1]
        nodes[i : i + 1], letters[i : i + 1] = [x], [letters[i]]
    taken = set(spec)
    parts = [part for s, x in zip(letters, nodes, strict=True) for part in _opened(s, x, taken)]
    return OPERATORS["multiply"](number, einsum_of(",".join(s for s, _ in parts) + f"->{output}", *(x for _, x in parts)))


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


def _contracted(signature: Signature, node: Node, moved: Moved, lead: Shape) -> Node:
    """A sum of products, or copies of one operand, with the directions in front."""
    front = LEADING[: len(lead)]
    reads = [front + s if a in moved else s for s, a in zip(signature.reads, node.args, strict=True)]
    result = front + signature.result
    operands = [moved.get(a, a) for a in node.args]
    if len(set(result)) < len(result):
        return embed(*operands, spec=f"{reads[0]}->{result}")
    if not set(result) <= set("".join(reads)):
        return broadcast(*operands, shape=lead + node.shape, axes=tuple(result.index(c) for c in reads[0]))
    return fused(f"{','.join(reads)}->{result}", *operands)
