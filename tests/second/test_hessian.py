"""Hessian blocks: the matrix that is printed, the array that is exported and its diagonal agree with products by directions."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from numeric import numeric, stacked

import symgrad as sg
from symgrad.checking.sampling import inputs_of, sample_inputs, sizes_for

MODELS = {
    "quadratic form": 'def f(x: "n", A: "n n"): return x @ A @ x',
    "logistic": 'def f(X: "n d", w: "d", y: "n | sign"): return sum(log(1 + exp(-y * (X @ w))))',
    "softmax regression": """
def f(X: "n d", W: "d k", b: "k", Y: "n k | onehot"):
    Z = X @ W + b
    return -mean(sum(Y * log_softmax(Z, axis=1), axis=1))""",
    "one hidden layer": """
def f(x: "d", y: "q", W1: "h d", W2: "q h"):
    h = tanh(W1 @ x)
    return sum((W2 @ h - y) ** 2)""",
    "factorisation": 'def f(T: "m n", U: "m k", V: "n k"): return sum((T - U @ V.T) ** 2)',
    "weighted factorisation": 'def f(T: "m n", M: "m n", U: "m k", V: "n k"): return sum(M * (T - U @ V.T) ** 2)',
    "precision matrix": """
def f(X: "n d", mu: "d", Lambda: "d d"):
    R = X - mu
    return trace(R @ Lambda @ R.T) - slogdet(Lambda)[1]""",
    "trace of a product": 'def f(X: "n n", B: "n n"): return trace(X @ X @ B)',
    "norm": 'def f(x: "n", a: "n"): return norm(x - a)',
    "columns scaled": 'def f(X: "m n", s: "n", c: ""): return c * sum((X * s) ** 2)',
    "rows scaled": 'def f(X: "m n", s: "m", c: ""): return sum(exp(c * (s @ X)))',
    "four layers": """
def f(x: "n", W: "n n", A: "n n"):
    h = tanh(W @ x)
    for _ in range(3):
        h = relu(A @ h) + sin(h)
    return sum(h**2)""",
    "root of a number made of vectors": """
def f(b: "n"):
    q = sum(cos(b) * tanh(b))
    s = sqrt(q**2 + 0.5)
    return s * cos(s)""",
    "choice by a number made of vectors": """
def f(b: "n"):
    q = sum(cos(b) * tanh(b))
    t = where(q > 1, q**2, sin(q))
    return t * cos(t)""",
    "scalar circuit": 'def f(x: "", y: "", z: ""): return (x + y) * z * x',
}


@cache
def derived(name: str) -> tuple[sg.Derivation, Any, dict[str, np.ndarray]]:
    """A model's derivation, its exported module and a point; once for all blocks."""
    d = sg.forward(MODELS[name]).derive()
    declared = inputs_of(d.program.inputs)
    return d, d.compile(), sample_inputs(declared, sizes_for(declared), seed=3)


PAIRS = [(name, a, b) for name in MODELS for a, b in derived(name)[0].hessian]


def products(name: str, a: str, b: str) -> tuple[np.ndarray, dict[str, np.ndarray], sg.Derivation]:
    """The block from Hessian-vector products with the unit directions."""
    d, module, inputs = derived(name)
    names = [str(v) for v in d.wrt]
    zeros = [np.zeros(np.shape(inputs[n])) for n in names]
    columns = []
    for k in range(max(1, zeros[names.index(b)].size)):
        direction = [z.copy() for z in zeros]
        direction[names.index(b)].reshape(-1)[k] = 1.0
        columns.append(np.asarray(getattr(module.hvp(tuple(direction), **inputs), a)))
    block = np.stack(columns, axis=-1).reshape(np.shape(inputs[a]) + np.shape(inputs[b]))
    return block, inputs, d


@pytest.mark.parametrize(("name", "a", "b"), PAIRS)
def test_every_reading_of_a_block_agrees_with_products(name, a, b):
    want, inputs, d = products(name, a, b)
    block = d.hessian[a, b]
    if (name, b) == ("four layers", "A"):  # a weight that enters at every layer: products make the block
        assert block.array is None and block.matrix is None
        return
    np.testing.assert_allclose(numeric(d, block.array, inputs), want, rtol=1e-9, atol=1e-9)
    for matrix in (block.matrix, block.printed) if block.row.ndim and block.column.ndim else ():
        if matrix is not None:
            found = numeric(d, matrix, inputs)
            np.testing.assert_allclose(found, stacked(want, block.row.ndim, block.column.ndim), rtol=1e-9, atol=1e-9)
    if a == b:
        size = int(np.prod(want.shape[: want.ndim // 2]))
        diagonal = np.diagonal(want.reshape(size, size)).reshape(want.shape[: want.ndim // 2])
        np.testing.assert_allclose(numeric(d, block.diagonal, inputs), diagonal, rtol=1e-9, atol=1e-9)
