"""Whole lines as the terminal shows them, of models that people write: what a reader would put on paper."""

import pytest

import symgrad as sg

HUBER = """
def f(r: "n", delta: " | positive"):
    a = abs(r)
    return mean(where(a <= delta, 0.5 * r**2, delta * (a - 0.5 * delta)))
"""
CAUCHY = 'def f(x: "n"):\n    return sum(log(1 + x**2))\n'
CHAIN = 'def f(x: "n", y: "n"):\n    u = tanh(x * y)\n    return sum(u * sin(u + y))\n'
RMS = """
def f(X: "n d", T: "n d"):
    R = X / sqrt(mean(X**2, axis=1, keepdims=True) + 1e-6)
    return sum(R * T)
"""
LENGTHS = 'def f(A: "n d", T: "n d"):\n    a = A / norm(A, axis=1, keepdims=True)\n    return sum(a * T)\n'
OUTER = 'def f(x: "n", y: "m"):\n    Z = x[:, None] * y[None, :] - y[None, :]\n    return sum(Z**3)\n'
MIXED = 'def f(p: "n", y: "n"):\n    q = y * p + (1 - y) * (1 - p)\n    return sum(log(q))\n'
FREE_ENERGY = 'def f(X: "n d", q: "d", beta: " | positive"):\n    return -logsumexp(beta * X @ q) / beta\n'
STACKED = 'def f(x: "n", y: "n"):\n    z = stack([x @ y, x @ x])\n    return sum(z**3)\n'

LINES = {
    "f = (1/n) (𝟏ᵀ ({(1/2) r^⊙2 if a ≤ δ; δ (a - (δ/2) 𝟏) otherwise}))": HUBER,
    "∂f/∂a = (δ/n) 𝟏[a > δ]": HUBER,
    "R{∂f/∂x} = 2 (v ⊘ (x^⊙2 + 1) - 2 ((x^⊙2 ⊙ v) ⊘ (x^⊙2 + 1)^⊙2))": CAUCHY,
    "∂f/∂X = diag(u)^{-1/2} ∂f/∂R - (1/d) diag(((R ⊙ ∂f/∂R) 𝟏) ⊘ u) X": RMS,
    "∂f/∂A = diag(‖A‖_{rows})⁻¹ ∂f/∂a - diag(((a ⊙ ∂f/∂a) 𝟏) ⊘ ‖A‖_{rows}^⊙2) A": LENGTHS,
    "Z = x yᵀ - 𝟏 yᵀ": OUTER,
    "∂f/∂p = ∂f/∂q ⊙ (2 y - 1)": MIXED,
    "∂f/∂y = ∂f/∂q ⊙ (2 p - 1)": MIXED,
    "z = [xᵀ y; ‖x‖²]": STACKED,
}

BLOCKS = {
    "∂²f/∂x² = 2 diag((x^⊙2 + 1)^⊙(-1) - 2 (x^⊙2 ⊘ (x^⊙2 + 1)^⊙2))": (CAUCHY, "x", "x"),
    "∂²f/∂r² = (1/n) diag(𝟏[a ≤ δ])": (HUBER, "r", "r"),
}


def found(text: str) -> str:
    return "\n".join(line.strip() for line in str(sg.forward(text).derive()).splitlines())


@pytest.mark.parametrize("line", LINES)
def test_line(line):
    assert line in found(LINES[line]), found(LINES[line])


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block):
    text, row, column = BLOCKS[block]
    assert str(sg.forward(text).derive().hessian[row, column]) == block


def test_a_scalar_that_cancels_is_not_carried_along():
    assert "β" not in next(line for line in found(FREE_ENERGY).splitlines() if line.startswith("R{∂f/∂X}"))


def test_every_block_of_entrywise_functions_is_one_diagonal():
    d = sg.forward(CHAIN).derive()
    for row, column in d.hessian:
        assert str(d.hessian[row, column]).count("diag(") == 1
    hessian, diagonal = (
        d.code("numpy").partition(f"def {name}(")[2].partition("\ndef ")[0] for name in ("hessian", "hessian_diag")
    )
    assert "np.diag(" not in hessian and "np.eye(" not in hessian
    assert "(n, n)" not in diagonal


RUNGE_KUTTA = """
def f(x: "n", A: "n n", y: "n"):
    def g(z):
        return tanh(A @ z)
    for _ in range(2):
        k1 = g(x)
        k2 = g(x + 0.05 * k1)
        k3 = g(x + 0.05 * k2)
        k4 = g(x + 0.1 * k3)
        x = x + (k1 + 2 * k2 + 2 * k3 + k4) / 60
    return sum((x - y) ** 2)
"""


def test_long_blocks_are_broken_into_parts(tmp_path):
    d = sg.forward(RUNGE_KUTTA).derive()
    block = str(d.hessian["A", "x"])
    assert "where" in block and len(block) < 3000
    d.save(tmp_path / "rk4.md")
    assert (tmp_path / "rk4.md").stat().st_size > 10_000
