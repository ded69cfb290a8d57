"""The operations in the words of numba, which compiles a part of NumPy; what it has no words for is refused by name.

Compiled code computes in float64 on arrays that are contiguous, so views that are not are copied, and an operation over axes
acts on the rows of a matrix (`helpers/in_numba.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from symgrad.core.op import Node
from symgrad.core.source import dim_source, parsed, tuple_source, value_source
from symgrad.errors import UnsupportedError
from symgrad.export.embedded import forms
from symgrad.export.rows import along_axes, axes_turned, keeping, reducing, rows_of
from symgrad.export.statements import in_numpy
from symgrad.ops.broadcasting import index_source
from symgrad.ops.contraction import transposed_operand
from symgrad.ops.indexing import index_text
from symgrad.ops.integers import label_source
from symgrad.ops.labels import gather_source

WORDS_OF_NUMPY = frozenset(
    "abs arange arccos arcsin arcsinh arctan arctan2 arctanh array cbrt cos cosh diag exp exp2 expm1 eye hypot isfinite kron "
    "linalg.cholesky linalg.det linalg.inv linalg.pinv linalg.slogdet linalg.solve log log10 log1p log2 logaddexp maximum minimum "
    "pi sign sin sinh sqrt square tan tanh trace tril triu".split()
)
"""What numba has of NumPy with the arguments that operations and the functions of one entry that they call give it."""


def in_numba(node: Node) -> str | None:
    """The code of an operation that is odd, or that acts over axes by a loop of `helpers/in_numba.py`; None where it is NumPy's.

    Raises `UnsupportedError` with the name of what numba has no words for.
    """
    name = node.op.name
    if name in ODD:
        return ODD[name](node)
    if f"_{name}" in forms("numba") and "axes" in node.params:
        return (reducing if node.ndim < node.args[0].ndim else keeping)(f"_{name}", node)
    return None


def of_entries(template: str) -> str:
    """NumPy's code of an operation as compiled code has it: a choice is made an entry, and all floats are float64."""
    return template.replace("np.where(", "_where(").removesuffix(".astype(_dtype)")


def _refused(what: str) -> Callable[[Node], str]:
    def words(node: Node) -> str:
        asked_for = node.params["function"] if node.op.name in ("apply", "loss") else node.op.name
        raise UnsupportedError(f"numba has no {what}, which `{asked_for}` needs; use target numpy")

    return words


# operations over axes -----------------------------------------------------------------------------------------------------


def _cumsum(node: Node) -> str:
    """Backwards from the total: what stands behind an entry, and itself."""
    forward = keeping("_cumsum", node)
    if not node.params["backward"]:
        return forward
    flip = f"[{':, ' * node.params['axis']}::-1]"
    return _copied(f"{forward.format('{0}' + flip)}{flip}", node)


def _sum(node: Node) -> str:
    x, kept, axes = along_axes(node)
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


def _wins(node: Node) -> str:
    at = node.params["at"]
    return f"({{0}} > {{1}}) * {value_source(1 - at)} + ({{0}} >= {{1}}) * {value_source(at)}"


def _one_hot(node: Node) -> str:
    classes = dim_source(node.params["classes"])
    labels = f"({{0}} % {classes})" if node.params["wraps"] else "{0}"
    index = "[..., None]" if node.ndim > 1 else ""
    return f"(np.arange({classes}) == {labels}{index}) * 1.0"


def _pick(node: Node) -> str:
    x, kept, axes = along_axes(node)
    if x.ndim != 2:
        raise UnsupportedError(f"numba has no np.take_along_axis, which `{node.op.name}` needs; use target numpy")
    return f"_pick({rows_of(x, kept, axes)}, {label_source(node.args[1], _INTEGER)})"


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
    return axes_turned(
        f"_scatter({axes_turned('{0}', order)}, {label_source(labels, _INTEGER)}, {shape})",
        tuple(order.index(a) for a in range(rows.ndim)),
    )


def _fixed(text: str) -> Callable[[Node], str]:
    return lambda node: text


ODD: Mapping[str, Callable[[Node], str]] = {
    # functions that are handed over are Python's, of which numba compiles nothing
    "apply": _refused("form of functions that are handed over"),
    "loss": _refused("form of functions that are handed over"),
    # a function of one entry takes no text, and the series are chosen by one
    "removable": _refused("series for removable quotients such as log1p(x) / x"),
    "sinc": lambda node: f"_sinc({{0}}, {node.params['order']})",  # and no arguments by name
    # copies and views: what is not contiguous is another type to numba, and some functions refuse it
    "broadcast": _broadcast,
    "reshape": _reshape,
    "take": lambda node: _copied(in_numpy(node), node),
    "transpose": lambda node: in_numpy(node) if node.ndim == 2 else _copied(in_numpy(node), node),
    "unvec": lambda node: f"np.ascontiguousarray({{0}}).reshape({tuple_source(node.shape[::-1])}).T",
    "vec": _fixed("np.ascontiguousarray({0}.T).reshape(-1)"),
    "diagonal": _fixed("np.diag({0})"),
    # NumPy's functions are there, with fewer arguments: one axis, no keyword, arrays in a tuple
    "sum": _sum,
    "cumsum": _cumsum,
    "concatenate": _joined("concatenate"),
    "stack": _joined("stack"),
    # no np.einsum, no np.tensordot
    "einsum": _einsum,
    # no np.s_, no list of labels, and a condition has no dtype
    "gather": _gather,
    "one_hot": _one_hot,
    "pick": _pick,
    "put": _put,
    "scatter": _scatter,
    "wins": _wins,
}
"""What is written otherwise than in NumPy, or not at all, and why."""
