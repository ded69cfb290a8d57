"""Arrays that are zero off a diagonal: identity factors of a Hessian are never multiplied out, their place is written to."""

from __future__ import annotations

from typing import Any

from symgrad.core.builders import linear
from symgrad.core.op import ATOM, Node, Shape, on, show_shape
from symgrad.core.signature import contraction
from symgrad.core.source import tuple_source
from symgrad.errors import ShapeError
from symgrad.ops.contraction import einsum_of


def _parts(spec: str) -> tuple[str, str]:
    inside, _, outside = spec.partition("->")
    return inside, outside


def _embed_shape(X: Node, *, spec: str) -> Shape:
    inside, outside = _parts(spec)
    if len(inside) != X.ndim or set(inside) != set(outside):
        raise ShapeError(f"subscripts {spec!r} do not fit shape {show_shape(X.shape)}")
    return tuple(X.shape[inside.index(c)] for c in outside)


def _latex(node: Node, show: Any) -> str:
    inside, outside = _parts(node.params["spec"])
    return rf"\operatorname{{diag}}_{{{inside} \to {outside}}}{show.argument(node.args[0])}"


embed = linear(
    "embed",
    shape=_embed_shape,
    vjp=lambda Z, X, Z_bar, spec: (einsum_of("->".join(reversed(_parts(spec))), Z_bar),),
    axes=lambda node: contraction(node.params["spec"]),
    latex=_latex,
    precedence=ATOM,
    numpy=lambda node: f'_embed({{0}}, "{node.params["spec"]}", {tuple_source(node.shape)})',
    helpers=("_embed",),
    flops=lambda X, spec: 0,
    samples=(on("m n k", spec="abc->acbc"), on("n", spec="a->aa")),
    found="Entries where repeated subscripts agree are those of X, all others zero; the adjoint reads them off again.",
    defines=(
        r"$\operatorname{diag}_{a \to aa}(X)$ holds the entries of $X$ where letters that are repeated agree, and 0 elsewhere"
    ),
)
