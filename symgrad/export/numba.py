"""The operations in the words of numba, which compiles a part of NumPy; what it has no words for is refused by name.

Compiled code computes in float64 on arrays that are contiguous, so views that are not are copied, and an operation over axes
acts on the rows of a matrix (`helpers/in_numba.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

import sympy

from symgrad.core.op import Node
from symgrad.core.source import dim_source, parsed, tuple_source, value_source
from symgrad.errors import UnsupportedError
from symgrad.export.statements import in_numpy
from symgrad.ops.broadcasting import index_source
from symgrad.ops.contraction import transposed_operand
from symgrad.ops.indexing import index_text
from symgrad.ops.integers import label_source
from symgrad.ops.labels import gather_source
from symgrad.ops.selection import float_literal

SAME = frozenset(
    "constant variable abs add arange arccos arcsin arcsinh arctan arctan2 arctanh cbrt cholesky cos cosh det det_sign diag "
    "divide dot erf erfc erfcx exp exp2 expm1 hadamard hypot identity inv kron log log10 log1p log1p_square log2 log_cosh "
    "log_erfc log_sigmoid logaddexp logdet logit lower_half matmul maximum minimum ndtr outer pinv pow power ratio relu saturation "
    "scale sech2 sigmoid sign sin sinh slant softplus softsign solve solve_triangular stop_gradient tan tanh trace "
    "tril triu".split()
)
"""What is written as in NumPy; of helpers there may be another form."""

MISSING = {
    "apply": "form of functions that are handed over",
    "loss": "form of functions that are handed over",
    "cofactor": "cofactors of singular matrices (the gradient of det)",
    "prod_slope": "products of all entries but one (the gradient of prod)",
    "removable": "series for removable quotients such as log1p(x) / x",
    "embed": "np.einsum that writes to a diagonal",
    "blocks_with": "np.einsum over blocks",
    "entries_with": "np.einsum over blocks",
    "commutation": "np.einsum over blocks",
}
"""What the operations need that numba has not."""


def in_numba(node: Node) -> str:
    """The code of one operation; raises `UnsupportedError` with its name where numba has none."""
    if node.op.name in SAME:
        return in_numpy(node)
    if node.op.name in WORDS:
        return WORDS[node.op.name](node)
    what = MISSING.get(node.op.name, f"form of {node.op.name}")
    raise UnsupportedError(f"numba has no {what}, which `{_asked_for(node)}` needs; use target numpy")


def _asked_for(node: Node) -> str:
    """The name of what was handed over, or of the operation."""
    return str(node.params["function"]) if node.op.name in ("apply", "loss") else node.op.name


# operations over axes -------------------------------------------------------------------------------------------------------


def _rows(x: Node, kept: Sequence[int], axes: Sequence[int]) -> str:
    """A matrix whose rows run along the axes."""
    turned = _turned("{0}", (*kept, *axes))
    if len(kept) == len(axes) == 1:
        return turned
    dims = tuple(sympy.Mul(*(x.shape[a] for a in group)) for group in (kept, axes))
    return f"np.ascontiguousarray({turned}).reshape({tuple_source(dims)})"


def _turned(operand: str, order: tuple[int, ...]) -> str:
    if order == tuple(range(len(order))):
        return operand
    return f"{operand}.T" if order == (1, 0) else f"{operand}.transpose({', '.join(map(str, order))})"


def _parted(node: Node) -> tuple[Node, list[int], list[int]]:
    """The operand, its other axes, and those that the operation runs over."""
    x = node.args[0]
    axes = list(node.params["axes"]) if "axes" in node.params else [node.params["axis"]]
    return x, [a for a in range(x.ndim) if a not in axes], axes


def _reducing(helper: str) -> Callable[[Node], str]:
    """One number a row."""

    def words(node: Node) -> str:
        x, kept, axes = _parted(node)
        made = f"{helper}({_rows(x, kept, axes)})"
        return made if len(kept) == 1 else f"{made}.reshape({tuple_source(node.shape)})" if kept else f"{made}[0]"

    return words


def _keeping(helper: str) -> Callable[[Node], str]:
    """A row for every row."""

    def words(node: Node) -> str:
        x, kept, axes = _parted(node)
        order = (*kept, *axes)
        made = f"{helper}({_rows(x, kept, axes)})"
        if len(kept) != 1 or len(axes) != 1:
            made += f".reshape({tuple_source(tuple(x.shape[a] for a in order))})"
        return _turned(made, tuple(order.index(a) for a in range(x.ndim)))

    return words


def _cumsum(node: Node) -> str:
    """Backwards from the total: what stands behind an entry, and itself."""
    forward = _keeping("_cumsum")(node)
    if not node.params["backward"]:
        return forward
    flip = f"[{':, ' * node.params['axis']}::-1]"
    return _copied(f"{forward.format('{0}' + flip)}{flip}", node)


def _sum(node: Node) -> str:
    x, kept, axes = _parted(node)
    if all(x.shape[a] == 1 for a in axes):
        return _copied(in_numpy(node), node)
    return _summed("{0}", axes) if kept else "np.sum({0})"


def _summed(text: str, axes: Sequence[int]) -> str:
    """Along one axis after the other, the last one first."""
    for a in sorted(axes, reverse=True):
        text = f"np.sum({text}, axis={a})"
    return text


# products -------------------------------------------------------------------------------------------------------------------


def _einsum(node: Node) -> str:
    """The array of all products, summed: it is small, or the program is one for NumPy."""
    inputs, _, output = node.params["spec"].partition("->")
    operands = inputs.split(",")
    if any(len(set(letters)) < len(letters) for letters in (*operands, output)):
        raise UnsupportedError(f"numba has no np.einsum, which `einsum` of {node.params['spec']!r} needs; use target numpy")
    summed = "".join(dict.fromkeys(c for letters in operands for c in letters if c not in output))
    every = " * ".join(transposed_operand(f"{{{i}}}", letters, output + summed) for i, letters in enumerate(operands))
    if not output:
        return f"np.sum({every})"
    return _summed(every, range(len(output), len(output + summed)))


# views ----------------------------------------------------------------------------------------------------------------------


def _copied(text: str, node: Node) -> str:
    return f"np.ascontiguousarray({text})" if node.ndim else text


def _reshape(node: Node) -> str:
    if not node.args[0].ndim:
        return f"np.full({tuple_source(node.shape)}, {{0}}, dtype=_dtype)"
    flat = "np.ascontiguousarray({0})"
    return f"{flat}.reshape({tuple_source(node.shape)})" if node.ndim else f"{flat}.reshape(-1)[0]"


def _broadcast(node: Node) -> str:
    (x,) = node.args
    if not x.ndim:
        return f"np.full({tuple_source(node.shape)}, {{0}}, dtype=_dtype)"
    return f"np.ascontiguousarray(np.broadcast_to({index_source(node)}, {tuple_source(node.shape)}))"


def _put(node: Node) -> str:
    text = index_text(node.params["index"], node.shape)
    return f"_put({{0}}, {tuple_source(node.shape)}, ({_slices(text)},))"


def _overwrite(node: Node) -> str:
    return f"_overwrite({{0}}, {{1}}, ({_slices(index_text(node.params['index'], node.shape))},))"


def _slices(text: str) -> str:
    """What stands in an index, as the objects it stands for."""
    index = parsed(f"_[{text}]").body[0].value.slice  # type: ignore[attr-defined]
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return ", ".join(_slice(p) if isinstance(p, ast.Slice) else ast.unparse(p) for p in parts)


def _slice(part: ast.Slice) -> str:
    bounds = (part.lower, part.upper, *([part.step] if part.step else []))
    return f"slice({', '.join('None' if b is None else ast.unparse(b) for b in bounds)})"


def _joined(word: str) -> Callable[[Node], str]:
    def words(node: Node) -> str:
        inside = ", ".join(f"{{{i}}}" for i in range(len(node.args)))
        if not node.args[0].ndim:
            return f"np.array([{inside}])"
        return f"np.{word}(({inside},), axis={node.params['axis']})"

    return words


# choices and labels ---------------------------------------------------------------------------------------------------------


_INTEGER = "np.int64"
"""Of Python's own int numba makes no dtype."""


def _select(node: Node) -> str:
    branches = [float_literal(x) or f"{{{i}}}" for i, x in enumerate(node.args) if i > 1]
    return f"_where({{0}} {node.params['relation']} {{1}}, {', '.join(branches)})"


def _wins(node: Node) -> str:
    at = node.params["at"]
    return f"({{0}} > {{1}}) * {value_source(1 - at)} + ({{0}} >= {{1}}) * {value_source(at)}"


def _one_hot(node: Node) -> str:
    classes = dim_source(node.params["classes"])
    labels = f"({{0}} % {classes})" if node.params["wraps"] else "{0}"
    index = "[..., None]" if node.ndim > 1 else ""
    return f"(np.arange({classes}) == {labels}{index}) * 1.0"


def _pick(node: Node) -> str:
    x, kept, axes = _parted(node)
    if x.ndim != 2:
        raise UnsupportedError(f"numba has no np.take_along_axis, which `{node.op.name}` needs; use target numpy")
    return f"_pick({_rows(x, kept, axes)}, {label_source(node.args[1], _INTEGER)})"


def _gather(node: Node) -> str:
    if node.args[1].ndim > 1:
        raise UnsupportedError(f"numba has no index by a matrix of labels, which `{node.op.name}` needs; use target numpy")
    return _copied(gather_source(node, _INTEGER), node)


def _scatter(node: Node) -> str:
    axis, (rows, labels) = node.params["axis"], node.args
    if labels.ndim != 1:
        raise UnsupportedError(f"numba has no index by a matrix of labels, which `{node.op.name}` needs; use target numpy")
    order = (axis, *(a for a in range(rows.ndim) if a != axis))
    shape = tuple_source(tuple(node.shape[a] for a in order))
    return _turned(
        f"_scatter({_turned('{0}', order)}, {label_source(labels, _INTEGER)}, {shape})",
        tuple(order.index(a) for a in range(rows.ndim)),
    )


def _fixed(text: str) -> Callable[[Node], str]:
    return lambda node: text


WORDS: Mapping[str, Callable[[Node], str]] = {
    "broadcast": _broadcast,
    "concatenate": _joined("concatenate"),
    "cumsum": _cumsum,
    "diagonal": _fixed("np.diag({0})"),
    "direction": _keeping("_direction"),
    "einsum": _einsum,
    "gather": _gather,
    "highest": _keeping("_highest"),
    "log_or_zero": _fixed("np.log(_where({0} == 0, 1.0, {0}))"),
    "log_softmax": _keeping("_log_softmax"),
    "logsumexp": _reducing("_logsumexp"),
    "lowest": _keeping("_lowest"),
    "max": _reducing("_max"),
    "min": _reducing("_min"),
    "norm": _reducing("_norm"),
    "one_hot": _one_hot,
    "pick": _pick,
    "prod": _reducing("_prod"),
    "overwrite": _overwrite,
    "put": _put,
    "reshape": _reshape,
    "scatter": _scatter,
    "select": _select,
    "sinc": lambda node: f"_sinc({{0}}, {node.params['order']})",
    "slope": _fixed("_where({0} >= 0, 1.0, -1.0)"),
    "softmax": _keeping("_softmax"),
    "stack": _joined("stack"),
    "sum": _sum,
    "take": lambda node: _copied(in_numpy(node), node),
    "transpose": lambda node: in_numpy(node) if node.ndim == 2 else _copied(in_numpy(node), node),
    "unvec": lambda node: f"np.ascontiguousarray({{0}}).reshape({tuple_source(node.shape[::-1])}).T",
    "vec": _fixed("np.ascontiguousarray({0}.T).reshape(-1)"),
    "wins": _wins,
    "xlogy": _fixed("_where({0} == 0, 0.0, {0} * np.log(_where({0} == 0, 1.0, {1})))"),
}
"""What is written otherwise than in NumPy."""
