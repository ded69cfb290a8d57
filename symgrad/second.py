"""Second order: Hessian and Jacobian blocks read off tangent programs, and Gauss-Newton products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sympy

from symgrad.graph import postorder, substitute, variables
from symgrad.linear import Chain, Diagonal, Stage, Term, Unreadable, multiplied, read, read_through
from symgrad.op import OPERATORS, Node, Shape, constant, variable, zeros
from symgrad.ops.broadcasting import broadcast, fill
from symgrad.ops.contraction import contract
from symgrad.ops.kronecker import commutation, kron, vec
from symgrad.ops.product import diag, diagonal, eye, matmul, outer, trace, transpose
from symgrad.program import Equation, Program, fresh
from symgrad.reverse import adjoint, depends_on
from symgrad.simplify import simplify
from symgrad.tangent import tangent

DISTRIBUTED = 6
"""A block of more terms than this is printed as the operator it is and not as a sum of matrices."""


LONGEST = 7
"""Stages of one term; a longer product of Jacobians has names for its parts."""


@dataclass(frozen=True)
class Block:
    """The derivative of `row` (a gradient, or a value) in the variable `column`, as a linear map of the direction `v`.

    `operator` is the map's value at v, over inputs, named intermediates and named adjoints; `terms` are its structured parts, or
    None where an operation on the way has no matrix form.
    """

    row: Node
    column: Node
    v: Node
    operator: Node
    terms: tuple[Term, ...] | None

    @cached_property
    def matrix(self) -> Node | None:
        """The matrix of the map with column-stacking vec; a vector is its own vec.  None where no form is short enough to read."""
        if self.terms is None or len(self.terms) > DISTRIBUTED or max(self.row.ndim, self.column.ndim) > 2:
            return None
        if not self.column.ndim or not self.row.ndim:
            return self.array
        parts = [_matrix(t, self.column.shape, self.row.shape) for t in self.terms]
        shape = (sympy.Mul(*self.row.shape), sympy.Mul(*self.column.shape))
        return simplify(OPERATORS["add"](*parts)) if parts else zeros(shape)

    @cached_property
    def array(self) -> Node | None:
        """The dense array of shape(row) + shape(column), as jax.hessian lays it out; None where products must make it."""
        if not self.column.ndim:
            return simplify(substitute(self.operator, {self.v: constant(1)}))
        if self.terms is None:
            return None
        if self.row.ndim == self.column.ndim == 1 and self.matrix is not None and not _through_matrices(self.matrix):
            return self.matrix
        parts = [_array(t, self.column.shape, self.row.shape, False) for t in self.terms]
        return simplify(OPERATORS["add"](*parts)) if parts else zeros(self.row.shape + self.column.shape)

    @cached_property
    def diagonal(self) -> Node | None:
        """The entries where both indices agree, of the variable's shape."""
        if self.terms is None or self.row.shape != self.column.shape:
            return None
        parts = [_array(t, self.column.shape, self.row.shape, True) for t in self.terms]
        return simplify(OPERATORS["add"](*parts)) if parts else zeros(self.column.shape)


def _through_matrices(matrix: Node) -> bool:
    """Does the map of a vector pass through matrices, so that vec would be formed in full?"""
    return any(n.op in (kron, vec, commutation) for n in postorder([matrix]))


def block(program: Program, root: Node, row: Node, column: Node, v: Node) -> Block:
    """The block of a tangent program whose output `root` is linear in the direction v of `column`."""
    defined = program.needed([root]).defined
    dots = {s: eq for s, eq in defined.items() if _moves(s)}
    read_through_names: dict[Node, Node] = {}
    for eq in dots.values():
        read_through_names[eq.symbol] = substitute(eq.expr, read_through_names)
    operator = simplify(read_through_names.get(root, root))
    return Block(row, column, v, operator, _terms(operator, v))


def _terms(operator: Node, v: Node) -> tuple[Term, ...] | None:
    """The shorter reading: every path multiplied out while they are few, whole Jacobians between vectors otherwise."""
    for reading in (_multiplied_out, read_through):
        try:
            terms = tuple(_merged(reading(operator, v)))
        except Unreadable:
            continue
        if len(terms) <= DISTRIBUTED and all(len(t.stages) <= LONGEST for t in terms):
            return terms
    return None


def _multiplied_out(operator: Node, v: Node) -> list[Term]:
    return read(operator, v, {})


def _moves(symbol: Node) -> bool:
    return isinstance(symbol.params["symbol"], tuple) and symbol.params["symbol"][0] == "dot"


def _merged(terms: list[Term]) -> list[Term]:
    """Terms that differ in their coefficient alone, added."""
    merged: dict[Term, Node] = {}
    for term in terms:
        bare = replace(term, coefficient=constant(1))
        merged[bare] = OPERATORS["add"](merged[bare], term.coefficient) if bare in merged else term.coefficient
    return [replace(bare, coefficient=c) for bare, c in merged.items()]


# one term as a matrix -------------------------------------------------------------------------------------------------------


def _flat(X: Node) -> Node:
    return vec(X) if X.ndim == 2 else X


def _matrix(term: Term, columns: Shape, rows: Shape) -> Node:
    if term.inner is not None and term.spread is not None:
        return OPERATORS["multiply"](term.coefficient, outer(_flat(term.spread), _flat(term.inner)))
    result, shape = eye(sympy.Mul(*columns)), columns
    for stage in term.stages:
        factor, shape = _stage_matrix(stage, shape)
        result = matmul(factor, result)
    return OPERATORS["multiply"](term.coefficient, result)


def _stage_matrix(stage: Stage, shape: Shape) -> tuple[Node, Shape]:
    """The stage's matrix on vec, and the shape it leaves."""
    if isinstance(stage, Diagonal):
        return diag(_flat(stage.weight)), shape
    rows, columns = (*shape, 1)[:2]
    m, n = (columns, rows) if stage.flip else (rows, columns)
    left, right = _side(stage.left, m), _side(stage.right, n)
    # A vector meets on its right a scalar at most, made of a row and a column.
    factor = OPERATORS["multiply"](trace(right), left) if n == right.shape[1] == 1 else kron(right.T, left)
    if stage.flip and 1 not in (rows, columns):
        factor = matmul(factor, commutation(m=rows, n=columns))
    i, j = left.shape[0], right.shape[1]
    return factor, (i,) if j == 1 else (i, j)


def _side(chain: Chain, size: Any) -> Node:
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

    def act(self, stage: Stage) -> None:
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


def _array(term: Term, columns: Shape, rows: Shape, on_diagonal: bool) -> Node:
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


# all blocks together -----------------------------------------------------------------------------------------------------------


def dense(program: Program, blocks: Mapping[tuple[int, int], Block], wrt: tuple[Node, ...]) -> Program | None:
    """The program followed by one equation a Hessian block, row by row; None where a block needs products.

    Second derivatives commute, so blocks below the diagonal are transposes of those above it.
    """
    arrays = {key: b.array for key, b in blocks.items() if b.array is not None}
    if len(arrays) < len(blocks):
        return None
    equations, outputs, names = list(program.equations), [], set(program.names)
    for i, row in enumerate(wrt):
        for j, column in enumerate(wrt):
            expr = arrays[i, j] if i <= j else _exchanged(arrays[j, i], column.ndim)
            name = fresh(f"H_{row}_{column}", names)
            names.add(name)
            symbol = variable(name, row.shape + column.shape, symbol=("hessian", row.params["symbol"], column.params["symbol"]))
            equations.append(Equation(symbol, expr))
            outputs.append(symbol)
    return replace(program, equations=tuple(equations), outputs=tuple(outputs)).needed()


def diagonals(program: Program, blocks: list[Block]) -> Program | None:
    """The program followed by one equation a variable, the diagonal of its Hessian block."""
    equations, outputs, names = list(program.equations), [], set(program.names)
    for b in blocks:
        if b.diagonal is None:
            return None
        name = fresh(f"D_{b.column}", names)
        names.add(name)
        outputs.append(variable(name, b.column.shape))
        equations.append(Equation(outputs[-1], b.diagonal))
    return replace(program, equations=tuple(equations), outputs=tuple(outputs)).needed()


def dense_row(program: Program, blocks: Mapping[tuple[int, int], Block]) -> Program | None:
    """The program followed by one equation a Jacobian block; None where a block needs products."""
    if any(b.array is None for b in blocks.values()):
        return None
    equations, outputs, names = list(program.equations), [], set(program.names)
    for b in blocks.values():
        name = fresh(f"J_{b.column}", names)
        names.add(name)
        symbol = variable(name, b.row.shape + b.column.shape, symbol=("bar", b.column.params["symbol"], b.row.params["symbol"]))
        assert b.array is not None
        equations.append(Equation(symbol, b.array))
        outputs.append(symbol)
    return replace(program, equations=tuple(equations), outputs=tuple(outputs)).needed()


@dataclass(frozen=True)
class Factors:
    """A program whose outputs are the arrays that Hessian blocks are made of, and how each block uses them.

    `terms[i, j]` lists (coefficient, stages); a stage is a kind and its arrays, symbols of the program or None.
    """

    program: Program
    terms: Mapping[tuple[int, int], tuple[tuple[Node, tuple[tuple[Any, ...], ...]], ...]]


def factored(program: Program, blocks: Mapping[tuple[int, int], Block]) -> Factors | None:
    """The blocks' structured terms by name; None where a block has none."""
    if any(b.terms is None for b in blocks.values()):
        return None
    symbols: dict[Node, Node] = {}
    names = set(program.names)

    def symbol(expr: Node) -> Node:
        if expr not in symbols:
            name = fresh(f"factor_{len(symbols) + 1}", names)
            names.add(name)
            symbols[expr] = variable(name, expr.shape)
        return symbols[expr]

    terms = {key: tuple(_named_term(t, b.column.shape, symbol) for t in b.terms or ()) for key, b in blocks.items()}
    equations = (*program.equations, *(Equation(v, expr) for expr, v in symbols.items()))
    return Factors(replace(program, equations=equations, outputs=tuple(symbols.values())).needed(), terms)


def _named_term(term: Term, columns: Shape, symbol: Callable[[Node], Node]) -> tuple[Node, tuple[tuple[Any, ...], ...]]:
    coefficient = symbol(simplify(term.coefficient))
    if term.inner is not None and term.spread is not None:
        return coefficient, (("rank one", symbol(simplify(term.spread)), symbol(simplify(term.inner))),)
    stages: list[tuple[Any, ...]] = []
    shape = columns
    for stage in term.stages:
        if isinstance(stage, Diagonal):
            stages.append(("diagonal", symbol(simplify(stage.weight))))
            continue
        m, n = (*shape, 1)[:2][:: -1 if stage.flip else 1]
        left, right = _side(stage.left, m), _side(stage.right, n)
        sides = [symbol(simplify(side)) if chain else None for side, chain in ((left, stage.left), (right, stage.right))]
        stages.append(("sandwich", *sides, stage.flip))
        shape = (left.shape[0], right.shape[1])
    return coefficient, tuple(stages)


def _exchanged(X: Node | None, first: int) -> Node:
    """The axes after the first few, moved before them."""
    assert X is not None
    return transpose(X, (*range(first, X.ndim), *range(first))) if X.ndim else X


# Gauss-Newton -----------------------------------------------------------------------------------------------------------------


def model_output(program: Program, wrt: tuple[Node, ...]) -> Node | None:
    """Where a model ends and its loss begins: the last array that all earlier dependence on `wrt` passes through.

    A regulariser that reads the variables directly belongs to the loss.
    """
    active, index = depends_on(program, wrt), {eq.symbol: i for i, eq in enumerate(program.equations)}
    earliest = len(index)
    for i, eq in reversed(list(enumerate(program.equations))):
        if eq.symbol in active and eq.symbol.ndim and earliest >= i:
            return eq.symbol
        earliest = min([earliest, *(index[v] for v in variables(eq.expr) if v in active and v in index)])
    return None


def gauss_newton(program: Program, wrt: tuple[Node, ...], directions: dict[Node, Node]) -> Program | None:
    """J^T H J v: the tangent of the model, the Hessian of the loss in the model's output, and the model's adjoint.

    The curvature of the loss counts in full, that of the model not at all; None where the program is no model followed by a loss.
    Source: Schraudolph, Fast curvature matrix-vector products, 2002.
    """
    cut = model_output(program, wrt)
    if cut is None:
        return None
    split = next(i for i, eq in enumerate(program.equations) if eq.symbol is cut) + 1
    model = replace(program, equations=program.equations[:split], outputs=(cut,))
    loss = replace(program, inputs=(*program.inputs, *(eq.symbol for eq in model.equations)), equations=program.equations[split:])
    moved = tangent(model, directions)
    dot = moved.outputs[0]
    curved = adjoint(loss, [cut, *wrt])
    curvature = tangent(curved, {cut: dot, **directions}, curved.outputs[1:]).needed()
    seed, *direct = curvature.outputs
    pulled = adjoint(model, wrt, of=cut, seed=seed)
    return _joined(program, directions, (moved, curvature, pulled), list(zip(pulled.outputs[1:], direct, strict=True)))


def _joined(program: Program, directions: dict[Node, Node], parts: tuple[Program, ...], sums: list[tuple[Node, Node]]) -> Program:
    equations: dict[Node, Equation] = {}
    for part in parts:
        for eq in part.equations:
            equations.setdefault(eq.symbol, eq)
    names, outputs = {eq.name for eq in equations.values()}, []
    for v, (pulled, direct) in zip(directions, sums, strict=True):
        name = fresh(f"{v}_gnvp", names)
        symbol = variable(name, v.shape, symbol=("gnvp", v.params["symbol"]))
        equations[symbol] = Equation(symbol, OPERATORS["add"](pulled, direct))
        outputs.append(symbol)
    inputs = (*program.inputs, *directions.values())
    return replace(program, inputs=inputs, equations=tuple(equations.values()), outputs=tuple(outputs)).needed()
