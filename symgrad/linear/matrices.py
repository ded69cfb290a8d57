"""One structured term as a matrix on vec, as a dense array, or as its diagonal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from symgrad.core.op import OPERATORS, Node, Shape, constant
from symgrad.linear.structure import Chain, Diagonal, LinearTerm, MapStage, Sandwich, multiplied, transposed
from symgrad.ops.broadcasting import broadcast, fill
from symgrad.ops.contraction import contract
from symgrad.ops.kronecker import commutation, kron, vec
from symgrad.ops.product import diag, diagonal, eye, matmul, outer, trace


def _flat(X: Node) -> Node:
    return vec(X) if X.ndim == 2 else X


def matrix_of(term: LinearTerm, columns: Shape, rows: Shape) -> Node:
    """The term's matrix with column-stacking vec on both sides; a vector is its own vec."""
    if term.inner is not None and term.spread is not None:
        return OPERATORS["multiply"](term.coefficient, outer(_flat(term.spread), _flat(term.inner)))
    result, shape = eye(sympy.Mul(*columns)), columns
    for stage in _transposed_first(term.stages):
        factor, shape = _stage_matrix(stage, shape)
        result = matmul(factor, result)
    return OPERATORS["multiply"](term.coefficient, result)


def _transposed_first(stages: tuple[MapStage, ...]) -> tuple[MapStage, ...]:
    """The same map with no transposition but one before everything else, so that its matrix has one commutation matrix at most.

    (A X^T B)^T = B^T X A^T and (U * X)^T = U^T * X^T; two transpositions cancel.
    """
    result: list[MapStage] = []
    turned = False
    for stage in reversed(stages):
        stage = _turned(stage) if turned else stage
        if isinstance(stage, Sandwich):
            turned, stage = stage.flip, replace(stage, flip=False)
        result.append(stage)
    first = [Sandwich(flip=True)] if turned else []
    return tuple(first + result[::-1])


def _turned(stage: MapStage) -> MapStage:
    """What comes after it transposed: the same as transposing what goes in, and another stage."""
    if isinstance(stage, Diagonal):
        return Diagonal(stage.weight.T)
    return Sandwich(transposed(stage.right), transposed(stage.left), not stage.flip)


def _stage_matrix(stage: MapStage, shape: Shape) -> tuple[Node, Shape]:
    """The stage's matrix on vec, and the shape it leaves."""
    if isinstance(stage, Diagonal):
        return diag(_flat(stage.weight)), shape
    rows, columns = (*shape, 1)[:2]
    m, n = (columns, rows) if stage.flip else (rows, columns)
    left, right = side(stage.left, m), side(stage.right, n)
    # A vector meets on its right a scalar at most, made of a row and a column.
    factor = OPERATORS["multiply"](trace(right), left) if n == right.shape[1] == 1 else kron(right.T, left)
    if stage.flip and 1 not in (rows, columns):
        factor = matmul(factor, commutation(m=rows, n=columns))
    i, j = left.shape[0], right.shape[1]
    return factor, (i,) if j == 1 else (i, j)


def side(chain: Chain, size: Any) -> Node:
    """One side of a sandwich as a matrix."""
    if not chain:
        return eye(size)
    node, row = multiplied(chain)
    if node.ndim == 2:
        return node
    if node.ndim == 0:
        return broadcast(node, shape=(1, 1), axes=())
    return broadcast(node, shape=(1, *node.shape), axes=(1,)) if row else broadcast(node, shape=(*node.shape, 1), axes=(0,))


# one term as an array ---------------------------------------------------------------------------------------------------------


class _Letters:
    """Builds one contraction: every stage renames the letters of the array that it leaves."""

    def __init__(self, shape: Shape) -> None:
        self.free = iter("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        self.sizes: dict[str, Any] = {}
        self.columns = [self.letter(d) for d in shape]
        self.rows: list[str | None] = [*self.columns, None][:2] if shape else [None, None]
        self.operands: list[tuple[Node, str]] = []

    def letter(self, size: Any) -> str:
        name = next(self.free)
        self.sizes[name] = size
        return name

    def act(self, stage: MapStage) -> None:
        if isinstance(stage, Diagonal):
            self.operands.append((stage.weight, "".join(c for c in self.rows if c)))
            return
        if stage.flip:
            self.rows.reverse()
        for side, chain in enumerate((stage.left, stage.right)):
            if chain:
                self._side(side, *multiplied(chain))

    def _side(self, side: int, node: Node, row: bool) -> None:
        old = self.rows[side]
        if node.ndim == 2:
            new = self.letter(node.shape[side])
            self.operands.append((node, f"{new}{old}" if side == 0 else f"{old}{new}"))
            self.rows[side] = new
        elif node.ndim == 0:
            self.operands.append((node, ""))
        elif row == (side == 0):
            self.operands.append((node, str(old)))
            self.rows[side] = None
        else:
            self.rows[side] = self.letter(node.shape[0])
            self.operands.append((node, str(self.rows[side])))


def summed_between(terms: tuple[LinearTerm, ...], columns: Shape) -> list[LinearTerm]:
    """Terms that enter and leave by the same stages, with vectors between, as one term around the sum of the matrices between.

    B M1 A + B M2 A = B (M1 + M2) A: what the outer stages spread over a large array is spread once.
    """
    alike: dict[Any, list[LinearTerm]] = {}
    for term in terms:
        alike.setdefault(_ends(term, columns) or term, []).append(term)
    return [t for group in alike.values() for t in (_joined(group, columns) if len(group) > 1 and _is_full(group) else group)]


def _ends(term: LinearTerm, columns: Shape) -> tuple[MapStage, MapStage] | None:
    """The first and the last stage, where what lies between maps vectors."""
    if len(term.stages) < 3:
        return None
    first, *_, last = term.stages
    vectors = len(_left_by((first,), columns)) == len(_left_by(term.stages[:-1], columns)) == 1
    return (first, last) if vectors else None


def _is_full(group: list[LinearTerm]) -> bool:
    """Is one of the maps between more than a diagonal, so that their sum is a full matrix anyway?"""
    return any(isinstance(stage, Sandwich) for t in group for stage in t.stages[1:-1])


def _joined(group: list[LinearTerm], columns: Shape) -> list[LinearTerm]:
    first, *_, last = group[0].stages
    entered, left = _left_by((first,), columns), _left_by(group[0].stages[:-1], columns)
    between = [matrix_of(replace(t, stages=t.stages[1:-1]), entered, left) for t in group]
    return [LinearTerm(constant(1), (first, Sandwich(left=((OPERATORS["add"](*between), False),)), last))]


def _left_by(stages: tuple[MapStage, ...], shape: Shape) -> Shape:
    """The shape of what stages make of an array; a single column is a vector."""
    for stage in stages:
        shape = _stage_matrix(stage, shape)[1]
    return shape


def array_of(term: LinearTerm, columns: Shape, rows: Shape, on_diagonal: bool) -> Node:
    """The term as the dense array of shape rows + columns, or its diagonal."""
    if term.inner is not None and term.spread is not None:
        r, c = "abc"[: len(rows)], "defg"[: len(columns)]
        spec = f"{r},{r}->{r}" if on_diagonal else f"{r},{c}->{r}{c}"
        return OPERATORS["multiply"](term.coefficient, contract(spec, term.spread, term.inner))
    letters = _Letters(columns)
    for stage in term.stages:
        letters.act(stage)
    left = [c for c in letters.rows if c]
    build = _on_diagonal if on_diagonal else _dense
    return OPERATORS["multiply"](term.coefficient, build(letters, left))


def _dense(letters: _Letters, left: list[str]) -> Node:
    """Letters that pass from input to output untouched are tied by an identity."""
    output = []
    for c in left:
        if c in letters.columns:
            new = letters.letter(letters.sizes[c])
            letters.operands.append((eye(letters.sizes[c]), new + c))
            c = new
        output.append(c)
    spec = ",".join(s for _, s in letters.operands) + "->" + "".join(output + letters.columns)
    return contract(spec, *(x for x, _ in letters.operands))


def _on_diagonal(letters: _Letters, left: list[str]) -> Node:
    pairs = list(zip(left, letters.columns, strict=True))
    same = {a: b for a, b in pairs if a not in letters.columns}
    letters.operands += [(eye(letters.sizes[b]), a + b) for a, b in pairs if a != b and a in letters.columns]
    operands = [_tied(x, "".join(same.get(c, c) for c in s)) for x, s in letters.operands]
    if missing := [c for c in letters.columns if all(c not in s for _, s in operands)]:
        operands += [(fill(1, (letters.sizes[c],)), c) for c in missing]
    return contract(",".join(s for _, s in operands) + "->" + "".join(letters.columns), *(x for x, _ in operands))


def _tied(x: Node, letters: str) -> tuple[Node, str]:
    return (diagonal(x), letters[0]) if len(letters) == 2 and letters[0] == letters[1] else (x, letters)
