"""Every operation's SymPy form, evaluated by SymPy alone, against the NumPy code of its record; and both doors in a circle."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

import symgrad as sg
import symgrad.reading.sympy_door
from symgrad.core.op import CONSTANT, REGISTRY, Node, Op, Sample, variable
from symgrad.core.program import Equation, Program
from symgrad.printing.sympy_form import sympy_of, sympy_symbols_of
from symgrad.reading.annotations import declare

SIZES = {"m": 2, "n": 3, "k": 4, "l": 5, "b": 2, "d": 3, "h": 4, "q": 2}
DIMS = {sympy.Symbol(s, integer=True, positive=True): sympy.Integer(v) for s, v in SIZES.items()}


def as_sympy(value):
    """An array as an explicit SymPy matrix, a vector as a column."""
    if np.ndim(value) == 0:
        return sympy.Float(float(value))
    return sympy.ImmutableMatrix(np.reshape(value, (len(value), -1)).tolist())


def explicit(expr, values):
    """Evaluation by SymPy: explicit matrices in, `doit`, and the traces and determinants that `doit` leaves standing."""
    expr = expr.xreplace(DIMS).xreplace({s.xreplace(DIMS): v for s, v in values.items()}).doit()
    inner = (sympy.Trace, sympy.Determinant)
    expr = expr.replace(lambda e: isinstance(e, inner), lambda e: e.func(e.arg.as_explicit()).doit())
    return expr.as_explicit() if expr.is_Matrix else expr


def as_array(value):
    return np.array(sympy.Matrix(value).evalf().tolist(), dtype=float) if value.is_Matrix else float(value)


def run(program: Program, values):
    """All equations of `program.sympy()` one after the other, by SymPy."""
    table = dict(zip(sympy_symbols_of(program), map(as_sympy, values), strict=True))
    for symbol, expr in program.sympy().items():
        table[symbol] = explicit(expr, table)
    return table[sympy_of(program.outputs[-1])]


def sample_node(op: Op, sample: Sample) -> tuple[list[Node], Node]:
    operands = [variable("XYZW"[i], *_declared(spec)) for i, spec in enumerate(sample.specs)]
    return operands, op.node(*operands, **sample.static)


def _declared(spec):
    declared = declare(spec, "X")
    return declared.shape, declared.properties


def draw(node: Node, rng):
    """Entries in (0.2, 0.9); a strong diagonal keeps square matrices regular, and the lower ones triangular."""
    shape = tuple(int(sympy.sympify(d).xreplace(DIMS)) for d in node.shape)
    value = rng.uniform(0.2, 0.9, shape)
    return value + 2 * np.eye(shape[0]) if len(shape) == 2 and shape[0] == shape[1] else value


def says_its_form(op: Op) -> bool:
    """In its record: directly, by other operations, by its scalar body or as a sum of products."""
    _, node = sample_node(op, op.samples[0])
    signature = op.axes(node)
    summed = signature.is_contraction and len({*signature.result}) == node.ndim
    return bool(op.sympy or op.scalar or op.defined(node) or summed)


WITHOUT_FORM = {op.name for op in REGISTRY.values() if op.samples and not says_its_form(op)}

CASES = [
    pytest.param(op, sample, id=f"{op.name}-{i}")
    for op in REGISTRY.values()
    if op.name not in WITHOUT_FORM | {"loss", "apply"}
    for i, sample in enumerate(op.samples)
    if all(len(_declared(s)[0]) <= 2 for s in sample.specs) and not any("int" in s for s in sample.specs)
]


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_the_form_evaluates_to_what_the_code_computes(op, sample):
    operands, node = sample_node(op, sample)
    if node.ndim > 2 or node.op is CONSTANT:
        pytest.skip("rank above 2")
    rng = np.random.default_rng(0)
    operands += [variable(f"only_{d}", (d,)) for d in DIMS]  # so that exported code knows every dimension
    values = [draw(x, rng) for x in operands]
    expected = sg.Forward(_program(node, operands)).derive().compile().value(*values)
    expected = np.reshape(expected, (len(expected), -1)) if np.ndim(expected) else expected
    np.testing.assert_allclose(as_array(run(_program(node, operands), values)), expected, rtol=1e-11, atol=1e-12)


def _program(node, operands):
    symbol = variable("f_", node.shape)
    return Program("model", tuple(operands), (Equation(symbol, node),), (symbol,))


@pytest.mark.parametrize("name", sorted(WITHOUT_FORM))
def test_what_has_no_form_is_refused_by_name(name):
    nodes = [sample_node(REGISTRY[name], sample) for sample in REGISTRY[name].samples]
    node = next(node for operands, node in nodes if max(X.ndim for X in (*operands, node)) <= 2)  # higher ranks are refused as such
    with pytest.raises(sg.UnsupportedError, match=f"^{name} has no SymPy form"):
        sympy_of(node)


def test_rank_three_is_refused_by_name():
    with pytest.raises(sg.UnsupportedError, match=r'variable of shape \(m, n, k\) has no SymPy form; matrices have rank 2 in "s"'):
        sg.forward('def f(X: "m n k"):\n    s = sum(X)\n    return s').program.sympy()


MODELS = {
    "mlp": """
def mlp(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive"):
    z = W1 @ x
    h = tanh(z)
    o = W2 @ h
    L = 0.5 * sum((o - y) ** 2)
    s = lam / 2 * (sum(W1**2) + sum(W2**2))
    J = L + s
    return J""",
    "softmax regression": """
def model(X: "m d", Y: "m q", W: "d q", b: "q"):
    A = X @ W + b
    L = -mean(sum(Y * log_softmax(A, axis=1), axis=1))
    return L""",
    "gaussian": """
def model(x: "n", mu: "n", S: "n n | spd"):
    r = x - mu
    L = 0.5 * (r @ solve(S, r)) + 0.5 * log(det(S))
    return L""",
    "broadcasting": """
def model(X: "m n", u: "m", v: "n", t: ""):
    A = X * v + u[:, None] * t - t / 3
    B = A / (1 + exp(-X)) + maximum(A, X)
    f = sum(B @ diag(v) @ X.T) + trace(X @ X.T) + (X @ v) @ u
    return f""",
}


@pytest.mark.parametrize("name", MODELS)
def test_source_to_sympy_and_back_gives_the_same_values(name):
    program = sg.forward(MODELS[name]).program
    rng = np.random.default_rng(1)
    values = [draw(v, rng) for v in program.inputs]
    expected = sg.Forward(program).derive().compile().value(*values)
    assert float(run(program, values)) == pytest.approx(expected, rel=1e-12)
    again = sg.Program.from_sympy(program.sympy(), inputs=sympy_symbols_of(program))
    columns = [v.reshape(-1, 1) if v.ndim == 1 else v for v in values]
    assert sg.Forward(again).derive().compile().value(*columns) == pytest.approx(expected, rel=1e-12)


def test_the_adjoint_program_has_a_sympy_form():
    """dJ/dW1 = (W2^T (o - y) * (1 - h^2)) x^T + lam W1, evaluated by SymPy."""
    d = sg.forward(MODELS["mlp"]).derive("W1")
    rng = np.random.default_rng(2)
    x, y, W1, W2, lam = values = [draw(v, rng) for v in d.program.inputs]
    h = np.tanh(W1 @ x)
    expected = np.outer(W2.T @ (W2 @ h - y) * (1 - h**2), x) + lam * W1
    np.testing.assert_allclose(as_array(run(d.adjoint, values)), expected, rtol=1e-12)


def test_generic_functions_keep_their_name_and_derivative():
    z = variable("z", (sympy.Symbol("n", integer=True, positive=True),))
    expr = sympy_of(REGISTRY["apply"](z, function="phi", order=1))
    t = sympy.Symbol("t", real=True)
    assert expr.function.expr == sympy.Function("phi")(t).diff(t)
    assert expr.shape == (sympy.Symbol("n", integer=True, positive=True), 1)


def test_conditions_on_conditions_evaluate():
    """SymPy folds a Piecewise out of the Lambda of another; the form keeps them apart."""
    program = sg.forward('def f(x: "n"):\n    y = where((x > 0.3) & (exp(x) < 2), x, x**2)\n    f = sum(y)\n    return f').program
    x = np.array([0.1, 0.5, 0.9])
    assert float(run(program, [x])) == pytest.approx(0.01 + 0.5 + 0.81)


def test_a_vector_is_a_column_and_a_scalar_a_symbol():
    program = sg.forward(MODELS["mlp"]).program
    x, _, W1, _, lam = sympy_symbols_of(program)
    d, h = (sympy.Symbol(s, integer=True, positive=True) for s in "dh")
    assert x == sympy.MatrixSymbol("x", d, 1)
    assert W1 == sympy.MatrixSymbol("W1", h, d)
    assert lam == sympy.Symbol("lam", positive=True)
    assert next(iter(program.sympy().items())) == (sympy.MatrixSymbol("z", h, 1), W1 * x)


def test_entrywise_functions_of_one_by_one_arrays_have_a_form_that_reads_back():
    source = 'def f(b: "1"):\n    t = abs(b)\n    u = logical_and(t > 0, t < 0.4) * sin(t)\n    return sum(u)\n'
    program = sg.forward(source).program
    back = Program.from_sympy(program.sympy(), sympy_symbols_of(program)).derive("b")
    assert back.values({"b": np.array([[0.3]])})["f"] == pytest.approx(np.sin(0.3))


def test_a_kinked_function_of_a_sum_has_entries_that_are_scalars():
    program = sg.forward('def f(b: "2"): return sum(hard_sigmoid(b) * cos(b))').program
    (form,) = program.sympy().values()
    b = sympy.MatrixSymbol("b", 2, 1)
    at = {b: sympy.Matrix([sympy.Rational(1, 2), -4])}
    assert form.subs(at).doit() == sympy.Rational(7, 12) * sympy.cos(sympy.Rational(1, 2))


PARTS = {
    "4 3": "X[1] X[-1] X[:,2] X[1:3] X[:2] X[2:] X[::2] X[1::2] X[::-1] X[3:0:-2] X[:,:1] X[:,::-1] X[1:3,1:] X[1:2,1:2] X[1:,1]",
    "2 3": "split(X,2)[0] split(X,2)[1] X[:1] X[:,1:2]",
    "1 3": "X[0] X[:,1:] X[0,::2]",
    "3 1": "X[1:] X[::-1] X[1:2] X[:,0]",
    "1 1": "X[0] X[::-1] X[0,0]",
    "5": "X[3] X[1:] X[:2] X[::2] X[3:0:-2] X[4:5] diff(X) X[1:]*X[:-1]",
    "m n": "X[-1] X[1:] X[:-1] X[:2] X[:,::-1] X[0,1:] X[:-1,0] X[1:,1:] tanh(X[1:])*X[:-1]",
    "n": "X[-1] X[1:] X[:-1] X[:2] X[::-1]",
}


@pytest.mark.parametrize(("shape", "part"), [(shape, part) for shape, parts in PARTS.items() for part in parts.split()])
def test_parts_of_an_array_have_a_form_that_reads_back(shape, part):
    forward = sg.forward(f'def f(X: "{shape}"):\n    t = {part}\n    return sum(t * cos(t))\n')
    X = np.random.default_rng(0).normal(size=[{"m": 4, "n": 5}.get(d) or int(d) for d in shape.split()])
    again = Program.from_sympy(forward.program.sympy(), sympy_symbols_of(forward.program))
    gradient, expected = again.derive("X").compile().grad(X.reshape(len(X), -1)).X, forward.derive("X").compile().grad(X).X
    np.testing.assert_allclose(gradient.reshape(X.shape), expected, rtol=1e-12)
