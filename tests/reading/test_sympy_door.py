"""SymPy expressions in: the textbook's network, every kind of expression, and a table of what SymPy lets pass and we do not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from sympy import (
    Abs,
    Derivative,
    Determinant,
    Dummy,
    Function,
    FunctionMatrix,
    HadamardProduct,
    Identity,
    Inverse,
    KroneckerProduct,
    Matrix,
    MatrixSlice,
    MatrixSymbol,
    Max,
    Min,
    OneMatrix,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    Trace,
    ZeroMatrix,
    cos,
    erf,
    exp,
    log,
    sign,
    sin,
    sqrt,
    symbols,
    tanh,
)
from sympy.matrices.expressions import DotProduct, HadamardPower, MatPow
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf

import symgrad as sg
import symgrad.printing.sympy_form
import symgrad.reading.sympy_door

d, h, q, m, n, k = symbols("d h q m n k", integer=True, positive=True)
SIZES = {d: 3, h: 4, q: 2, m: 2, n: 3, k: 4}
x, y = MatrixSymbol("x", d, 1), MatrixSymbol("y", q, 1)
W1, W2 = MatrixSymbol("W1", h, d), MatrixSymbol("W2", q, h)
z, hid, o = MatrixSymbol("z", h, 1), MatrixSymbol("h", h, 1), MatrixSymbol("o", q, 1)
L, s, J, lam = symbols("L s J lam")

MLP = {
    z: W1 * x,
    hid: z.applyfunc(tanh),
    o: W2 * hid,
    L: Trace((o - y).T * (o - y)) / 2,
    s: lam / 2 * (Trace(W1.T * W1) + Trace(W2.T * W2)),
    J: L + s,
}
SOURCE = """
def mlp(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive"):
    z = W1 @ x
    h = tanh(z)
    o = W2 @ h
    L = 0.5 * sum((o - y) ** 2)
    s = lam / 2 * (sum(W1**2) + sum(W2**2))
    J = L + s
    return J"""


def value_of(program, *values):
    return sg.Forward(program).derive().compile().value(*values)


def shape_of(symbol):
    return tuple(int(sympy.sympify(s).xreplace(SIZES)) for s in getattr(symbol, "shape", ()))


# the textbook's network -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mlp():
    return sg.Program.from_sympy(MLP, inputs={x: "", y: "", W1: "", W2: "", lam: "positive"}, name="mlp")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape_of(v)) for v in (x, y, W1, W2)] + [0.3]


def test_the_network_keeps_its_equations(mlp):
    assert [eq.name for eq in mlp.equations] == ["z", "h", "o", "L", "s", "J"]
    assert [eq.symbol.ndim for eq in mlp.equations] == [2, 2, 2, 0, 0, 0]
    assert mlp.output.ndim == 0
    assert mlp.input("lam").params["properties"] == {"positive"}


def test_both_doors_give_one_gradient_and_hessian_product(mlp, data):
    ours = sg.Forward(mlp).derive("W1", "W2").compile()
    source = sg.forward(SOURCE).derive("W1", "W2").compile()
    flat = [data[0][:, 0], data[1][:, 0], *data[2:]]
    rng = np.random.default_rng(1)
    direction = tuple(rng.normal(size=shape_of(v)) for v in (W1, W2))
    names = ("x", "y", "W1", "W2", "lam")
    for a, b in zip(
        (*ours.grad(*data), *ours.hvp(direction, **dict(zip(names, data, strict=True)))),
        (*source.grad(*flat), *source.hvp(direction, **dict(zip(names, flat, strict=True)))),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_the_gradient_is_the_one_sympy_finds_entry_by_entry(mlp, data):
    """J written out over the entries of explicit matrices, differentiated by sympy.diff in each."""
    X, Y, A, B = (
        Matrix(*v.shape, lambda i, j, letter=letter: Symbol(f"{letter}_{i}_{j}"))
        for letter, v in zip("xyab", data[:4], strict=True)
    )
    out = B * (A * X).applyfunc(tanh)
    residual = out - Y
    value = (residual.T * residual)[0, 0] / 2 + lam / 2 * (sum(a**2 for a in A) + sum(b**2 for b in B))
    numbers = {lam: data[4]}
    for M, values in zip((X, Y, A, B), data, strict=False):
        numbers |= dict(zip(M, values.ravel(), strict=True))
    gradient = sg.Forward(mlp).derive("W1", "W2", "x").compile().grad(*data)
    for M, ours in zip((A, B, X), gradient, strict=True):
        expected = [float(value.diff(e).xreplace(numbers)) for e in M]
        np.testing.assert_allclose(ours.ravel(), expected, rtol=1e-10)


def test_a_one_by_one_objective_is_a_number(data):
    value = MatrixSymbol("J", 1, 1)
    program = sg.Program.from_sympy({z: W1 * x, value: z.T * z}, inputs=[x, W1])
    assert program.output.ndim == 0
    X, A = data[0], data[2]
    np.testing.assert_allclose(sg.Forward(program).derive("W1").compile().grad(X, A)[0], 2 * A @ X @ X.T, rtol=1e-12)


def test_equations_may_be_pairs_and_dimensions_plain_symbols():
    a, b = Symbol("a"), Symbol("b")
    A = MatrixSymbol("A", a, b)
    program = sg.Program.from_sympy([(Symbol("f"), Trace(A.T * A) / a)], inputs=[(A, "positive")])
    assert all(s.is_integer and s.is_positive for s in program.inputs[0].shape)
    assert value_of(program, np.ones((2, 3))) == pytest.approx(3)


# one row a kind of expression ---------------------------------------------------------------------------------------------

A, B, C = MatrixSymbol("A", m, n), MatrixSymbol("B", n, k), MatrixSymbol("C", m, n)
S, u, v, w = MatrixSymbol("S", n, n), MatrixSymbol("u", n, 1), MatrixSymbol("v", n, 1), MatrixSymbol("w", m, 1)
t, e, i, j = Symbol("t"), Dummy("e"), Symbol("i", integer=True), Symbol("j", integer=True)
INPUTS = [A, B, C, S, u, v, w, t]


def drawn():
    rng = np.random.default_rng(3)
    values = [rng.uniform(0.2, 0.9, shape_of(symbol)) for symbol in INPUTS]
    values[3] = values[3] + 2 * np.eye(3)
    return values


a, b, c, S_, u_, v_, w_, t_ = drawn()
sigmoid = 1 / (1 + np.exp(-a))


def each(body, X=A):
    return ElementwiseApplyFunction(sympy.Lambda(e, body), X)


READ = {
    "product": (A * B, a @ b),
    "scalar multiples": (2 * t * A * B / 3, 2 * t_ / 3 * a @ b),
    "decimals": (0.1 * A, 0.1 * a),
    "sum": (A - 2 * C, a - 2 * c),
    "transpose": ((A * B).T, (a @ b).T),
    "column chain": (A * S * u, a @ S_ @ u_),
    "hadamard": (HadamardProduct(A, C, A), a * c * a),
    "hadamard power": (HadamardPower(A, 3), a**3),
    "hadamard power of a scalar": (HadamardPower(A, t), a**t_),
    "hadamard power of a matrix": (HadamardPower(A, C), a**c),
    "inverse": (Inverse(S) * u, np.linalg.solve(S_, u_)),
    "power": (S**3, S_ @ S_ @ S_),
    "negative power": (MatPow(S, -2), np.linalg.inv(S_ @ S_)),
    "power 0": (MatPow(S, 0), np.eye(3)),
    "one by one inverse": (u * (u.T * v) ** -1, u_ / (u_.T @ v_)),
    "identity": (S + 2 * Identity(n), S_ + 2 * np.eye(3)),
    "zeros and ones": (A + OneMatrix(m, n) + ZeroMatrix(m, n), a + 1),
    "diag of a column": (DiagMatrix(u) * B, u_ * b),
    "diagonal part": (DiagonalMatrix(S), np.diag(np.diag(S_))),
    "diagonal as a column": (DiagonalOf(S), np.diag(S_)[:, None]),
    "kron": (KroneckerProduct(A, B), np.kron(a, b)),
    "outer": (w * u.T, w_ * u_.T),
    "explicit matrix of one number": (A + sympy.ImmutableMatrix(1, 1, [2])[0] * OneMatrix(m, n), a + 2),
    "tanh": (A.applyfunc(tanh), np.tanh(a)),
    "nested": (A.applyfunc(sin).applyfunc(exp), np.exp(np.sin(a))),
    "sigmoid": (each(1 / (1 + exp(-e))), sigmoid),
    "scalar body": (
        each(e**2 * cos(e) / (1 + e) - sqrt(e) + t * Abs(e - 1)),
        a**2 * np.cos(a) / (1 + a) - np.sqrt(a) + t_ * np.abs(a - 1),
    ),
    "constant body": (each(sympy.Integer(2)), np.full((2, 3), 2.0)),
    "body with a scalar of matrices": (each(e * Trace(S) + n), a * np.trace(S_) + 3),
    "max and min": (each(Max(e, Rational(1, 2)) - Min(e, t)), np.maximum(a, 0.5) - np.minimum(a, t_)),
    "sign": (each(sign(e - Rational(1, 2))), np.sign(a - 0.5)),
    "heaviside": (each(sympy.Heaviside(e - Rational(1, 2), 0)), (a > 0.5) * 1.0),
    "piecewise": (
        each(Piecewise((e**2, e > Rational(1, 2)), (e, e > Rational(1, 4)), (0, True))),
        np.where(a > 0.5, a**2, np.where(a > 0.25, a, 0)),
    ),
    "conditions": (each(Piecewise((1, (e > t) & (e < 1)), (0, True))), ((a > t_) & (a < 1)) * 1.0),
    "function matrix": (sympy.FunctionMatrix(n, m, sympy.Lambda((i, j), A[j, i] * u[i, 0])), a.T * u_),
    "trace": (Trace(S * S) + Trace(u.T * v), np.trace(S_ @ S_) + u_.T @ v_),
    "log det": (log(Determinant(S)), np.log(np.linalg.det(S_))),
    "dot": (DotProduct(u, v) + DotProduct(u.T, v), 2 * u_.T @ v_),
    "entry of a product": ((u.T * S * v)[0, 0] / sqrt((u.T * u)[0, 0]), u_.T @ S_ @ v_ / np.linalg.norm(u_)),
    "entry": (A[1, 2] + (A * u)[0, 0] * t, a[1, 2] + (a @ u_)[0, 0] * t_),
    "sum over entries": (Sum(A[i, j] * exp(A[i, j] * u[j, 0]), (i, 0, m - 1), (j, 0, n - 1)), np.sum(a * np.exp(a * u_.T))),
    "sum over the diagonal": (Sum(S[i, i] ** 2, (i, 0, n - 1)), np.sum(np.diag(S_) ** 2)),
    "erf of a scalar": (erf(t) / t + sympy.pi, math.erf(t_) / t_ + math.pi),
    "dimension": (Trace(A.T * A) / (m * n), np.mean(a**2)),
    "slice": (S[1:, :2], S_[1:, :2]),
    "slice with a step": (MatrixSlice(A, (0, m, 1), (0, 2, 2)), a[:, 0:2:2]),
    "row as a slice": (A[1, :], a[1:2, :]),
    "part by its entries": (FunctionMatrix(n - 1, m, sympy.Lambda((i, j), A[j, i + 1])), a[:, 1:].T),
    "entries backwards": (FunctionMatrix(n, 1, sympy.Lambda((i, j), u[n - 1 - i, 0])), u_[::-1]),
    "every second entry": (FunctionMatrix(2, 1, sympy.Lambda((i, j), u[2 * i, 0])), u_[::2]),
    "beside the diagonal": (FunctionMatrix(n - 1, 1, sympy.Lambda((i, j), S[i, i + 1])), np.diag(S_, 1)[:, None]),
    "last entry": (u[n - 1, 0], u_[-1, 0]),
}


@pytest.mark.parametrize("case", READ)
def test_an_expression_means_what_it_means_in_numpy(case):
    expr, expected = READ[case]
    key = MatrixSymbol("F", *expr.shape) if getattr(expr, "is_Matrix", False) else Symbol("F")
    program = sg.Program.from_sympy({key: expr}, inputs=INPUTS)
    found = value_of(program, *drawn())
    np.testing.assert_allclose(found, np.squeeze(expected) if np.ndim(found) == 0 else expected, rtol=1e-12)


def test_undefined_functions_stay_generic():
    phi, loss = Function("phi"), Function("l")
    equations = {z: W1 * x, hid: z.applyfunc(phi), L: loss(hid, MatrixSymbol("y4", h, 1))}
    program = sg.Program.from_sympy(equations, inputs=[x, W1, MatrixSymbol("y4", h, 1)])
    operations = [eq.expr.op.name for eq in program.equations]
    assert operations == ["matmul", "apply", "loss"]
    slope = ElementwiseApplyFunction(sympy.Lambda(t, Derivative(phi(t), t)), z)
    program = sg.Program.from_sympy({z: W1 * x, hid: slope}, inputs=[x, W1])
    assert program.equations[-1].expr.params == {"function": "phi", "order": 1}


# what is refused, and the words -------------------------------------------------------------------------------------------

K = MatrixSymbol("K", k, q)
NOWHERE = "is neither an input nor assigned earlier; add it to inputs or move its equation up"
NOT_READ = "write it with the operations of docs/sympy.md"
TRAPS = {
    "inner dimensions": (
        A * K,
        "product with inner dimensions n and k: A is (m, n) and K is (k, q); check the order of the factors",
    ),
    "inner dimensions, transposed": (
        A * C,
        "product with inner dimensions n and m: A is (m, n) and C is (m, n); did you mean A.T*C?",
    ),
    "1x1 times a matrix": (
        (u.T * v) * A,
        "product with inner dimensions 1 and m: v is (n, 1) and A is (m, n); "
        "a 1x1 product such as x.T*y is a number only inside Trace(x.T*y)",
    ),
    "sum": (A + B, "sum of two shapes: A is (m, n) and B is (n, k); copy a row or column with a product with OneMatrix"),
    "sum of a transpose": (A + C.T, "sum of two shapes: A is (m, n) and C.T is (n, m); did you mean (C.T).T?"),
    "hadamard": (HadamardProduct(u, v.T), "HadamardProduct of two shapes: u is (n, 1) and v.T is (1, n); did you mean (v.T).T?"),
    "inverse": (Inverse(A), "inverse of A, which is (m, n) and not square; entrywise use HadamardPower"),
    "division by a column": (v * MatPow(u, -1), "inverse of u, which is (n, 1) and not square; entrywise use HadamardPower"),
    "power": (MatPow(A, 2), "power 2 of A, which is (m, n) and not square; entrywise use HadamardPower"),
    "root": (sqrt(S), "the power 1/2 of S is no whole number to 64; entrywise use HadamardPower"),
    "huge power": (S**10**9, "the power 1000000000 of S is no whole number to 64; entrywise use HadamardPower"),
    "trace": (Trace(A), "Trace of A, which is (m, n) and not square"),
    "determinant": (Determinant(A), "Determinant of A, which is (m, n) and not square"),
    "diagonal": (DiagonalMatrix(A), "DiagonalMatrix of A, which is (m, n) and not square"),
    "tanh of a matrix": (tanh(A * u), "tanh of the matrix A*u is no entrywise function; write (A*u).applyfunc(tanh)"),
    "exp of a matrix": (exp(S), "exp of the matrix S is no entrywise function; write (S).applyfunc(exp)"),
    "phi of a matrix": (Function("phi")(A), "phi of the matrix A is no entrywise function; write (A).applyfunc(phi)"),
    "number plus 1x1": (
        sympy.Add(1, u.T * v, evaluate=False),
        "the matrix u.T*v stands where a number is needed; Trace(u.T*v) is the number in a 1x1 matrix",
    ),
    "number plus matrix": (
        sympy.Add(1, A, evaluate=False),
        "the matrix A stands where a number is needed; use MatAdd, MatMul or applyfunc",
    ),
    "part of an axis": (Sum(u[i, 0], (i, 0, n - 2)), "the index of u[i, 0] runs over n - 1 values on an axis of n"),
    "entries beside a sum": (Sum(u[i + 1, 0], (i, 0, n - 2)), "the index of u[i + 1, 0] runs over n - 1 values on an axis of n"),
    "beyond an axis": (
        FunctionMatrix(n, 1, sympy.Lambda((i, j), u[i + 1, 0])),
        "the index of u[i + 1, 0] runs over n values on an axis of n",
    ),
    "along another axis": (
        FunctionMatrix(m, 1, sympy.Lambda((i, j), u[i, 0])),
        "the index of u[i, 0] runs over m values on an axis of n",
    ),
    "index of two": (
        FunctionMatrix(m, 1, sympy.Lambda((i, j), u[i + j, 0])),
        "the entry u[i + j, 0] is not read; an index is a place, or one plus a multiple of an index",
    ),
    "place outside": (u[-1, 0], "the entry u[-1, 0] is not read; an index is a whole number on the axis of n"),
    "slice that NumPy counts otherwise": (
        MatrixSlice(u, (0, 3, 2), (0, 1, 1)),
        "the size 3/2 is no whole number",
    ),
    "not from 0": (Sum(u[i, 0], (i, 1, n)), "Sum(u[i, 0], (i, 1, n)) does not start at 0; only sums over a whole axis are read"),
    "index as a number": (Sum(i * u[i, 0], (i, 0, n - 1)), "the index i stands outside the brackets of an entry; that is not read"),
    "unknown matrix": (A * MatrixSymbol("R", n, 1), f"'R' {NOWHERE}"),
    "unknown symbol": (t + Symbol("r"), f"'r' {NOWHERE}"),
    "other shape": (MatrixSymbol("A", n, m) * w, "A has shape (n, m) here and (m, n) where it is declared; use one symbol"),
    "other assumptions": (Symbol("t", real=True) + 1, "t has other assumptions here than where it is declared; use one symbol"),
    "unknown dimension": (OneMatrix(m, Symbol("r")), "the dimension 'r' is no dimension of an input"),
    "function": (sympy.zeta(t), "the function zeta is not read; write it with elementary ones"),
    "integral": (sympy.Integral(t, (t, 0, 1)), f"Integral is not read (Integral(t, (t, 0, 1))); {NOT_READ}"),
    "complex": (sympy.I * A, f"ImaginaryUnit is not read (I); {NOT_READ}"),
    "infinite": (t + sympy.oo, "the number oo is not finite and real"),
    "explicit": (
        Matrix([[1, 2]]) * MatrixSymbol("P", 2, 1),
        "the explicit matrix Matrix([[1, 2]]) is not read; make it a MatrixSymbol and an input",
    ),
    "no otherwise": (Piecewise((t, t > 0)), "Piecewise((t, t > 0)) has no last case (value, True)"),
    "derivative": (Derivative(sin(t), t), "Derivative(sin(t), t) is not read; differentiate with derive"),
    "string": ("__import__('os')", "a str is no SymPy expression; nothing is parsed or evaluated here"),
}


@pytest.mark.parametrize("case", TRAPS)
def test_what_sympy_accepts_and_means_nothing_is_refused_in_one_line(case):
    expr, message = TRAPS[case]
    key = MatrixSymbol("F", *expr.shape) if getattr(expr, "is_Matrix", False) else Symbol("F")
    with pytest.raises(sg.SymgradError) as caught:
        sg.Program.from_sympy({key: expr}, inputs=[*INPUTS, K])
    text, _, where = str(caught.value).rpartition(" in ")
    assert text == message
    assert where.endswith("equation 1") or where.endswith("(equation 1)")


LETTERS = "is refused: use ASCII or Greek letters, digits and underscores"
HOSTILE = {
    "dummy": (Dummy("d"), "the input '_d' is a Dummy; use Symbol or MatrixSymbol"),
    "code": (
        MatrixSymbol("__import__('os').system('true')", n, 1),
        "the input \"__import__('os').system('true')\" is refused: use ASCII or Greek letters, digits and underscores",
    ),
    "keyword": (Symbol("lambda"), "the input 'lambda' is refused: it is reserved in Python"),
    "underscore": (Symbol("_dim_n"), "the input '_dim_n' starts with an underscore; rename it"),
    "full width": (Symbol("ｘ"), f"the input '\\uff58' {LETTERS}"),
    "dimension": (MatrixSymbol("X", Symbol("n()"), 1), f"the dimension 'n()' {LETTERS}"),
    "dimension with a space": (MatrixSymbol("X", Symbol("n m"), 1), f"the dimension 'n m' {LETTERS}"),
    "string": ("x", "the input 'x' is a string; hand in the SymPy symbol itself"),
    "expression": (A * B, "the input A*B is no symbol"),
    "noncommuting": (Symbol("a", commutative=False), "the input 'a' does not commute; use a MatrixSymbol"),
    "quotient": (MatrixSymbol("X", n / 2, 1), "X: the dimension 'n/2' is no name and no positive number"),
    "no size": (MatrixSymbol("X", 1 - n, 1), "X: the dimension '1-n' is 0 or less whatever the sizes"),
    "property": ((A, "shiny"), None),
    "not square": ((A, "spd"), 'A: spd needs a square matrix, got "m n"'),
    "one-hot column": (
        (u, "onehot"),
        "u: onehot speaks of the rows of a matrix, and those of a column have one entry; leave it out",
    ),
    "function": ((t, "entrywise"), 't: a function is no input here; write Function("t") where it is called, not entrywise'),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_useless_input_is_refused(case):
    symbol, message = HOSTILE[case]
    with pytest.raises(sg.InputError) as caught:
        sg.Program.from_sympy({Symbol("F"): t}, inputs=[symbol])
    assert message is None or str(caught.value) == message


def test_two_symbols_of_one_name_are_refused():
    with pytest.raises(sg.InputError, match=r"^t is the name of two different symbols; rename one$"):
        sg.Program.from_sympy({Symbol("F"): t}, inputs=[t, Symbol("t", real=True)])
    with pytest.raises(sg.InputError, match=r"^n names two different dimensions; make it one Symbol$"):
        sg.Program.from_sympy({Symbol("F"): t}, inputs=[t, A, MatrixSymbol("D", Symbol("n"), 1)])
    with pytest.raises(sg.InputError, match=r"^L is declared twice"):
        sg.Program.from_sympy([(L, t), (L, t)], inputs=[t])


def test_shapes_of_the_two_sides_are_compared():
    """x/x is the identity matrix for SymPy, whatever the shape of x."""
    with pytest.raises(sg.ShapeError, match=r"^F has shape \(n, 1\), its right side \(n, n\) in \"F = I\" \(equation 1\)$"):
        sg.Program.from_sympy({MatrixSymbol("F", n, 1): u / u}, inputs=[u])


def test_equations_in_the_wrong_order_are_refused():
    with pytest.raises(sg.InputError, match=f"^'z' {NOWHERE} in"):
        sg.Program.from_sympy({hid: z.applyfunc(tanh), z: W1 * x}, inputs=[x, W1])


def test_deep_and_shared_expressions():
    f, deep = t, t
    for _ in range(60):
        f = f * f + 1 if f == t else sin(f) * sin(f, evaluate=False) + f
    program = sg.Program.from_sympy({L: f}, inputs=[t])
    assert program.output.ndim == 0
    for _ in range(3000):
        deep = sin(deep, evaluate=False)
    with pytest.raises(sg.InputError, match="equation 1 of model is nested too deeply; name intermediate results"):
        sg.Program.from_sympy({L: deep}, inputs=[t])
