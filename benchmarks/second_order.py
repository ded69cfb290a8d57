"""Full Hessians: the exported closed form against jax.jit(jax.hessian) and against NumPy that an expert would write.

python benchmarks/second_order.py            # a Markdown table
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from harness import Row, jitted, measure, table
from jax.nn import log_softmax, relu
from jax.scipy.special import logsumexp
from scipy.special import expit

import symgrad as sg

rng = np.random.default_rng(0)
normal = rng.normal


def row(name: str, fn: Callable[..., Any], wrt: tuple[str, ...], expert: Callable[..., Any], **inputs: np.ndarray) -> Row:
    ours = sg.forward(fn).derive(*wrt).compile()

    def of(*variables: Any) -> Any:
        return fn(**{**inputs, **dict(zip(wrt, variables, strict=True))})

    hessian = jax.hessian(of, tuple(range(len(wrt))))
    return Row(
        name,
        {
            "ours": lambda: ours.hessian(**inputs),
            "jax.jit": jitted(hessian, *(inputs[w] for w in wrt)),
            "expert": lambda: expert(**inputs),
        },
    )


# logistic regression ----------------------------------------------------------------------------------------------------


def logistic(X: "n d", w: "d", y: "n | sign"):
    return jnp.sum(jnp.log(1 + jnp.exp(-y * (X @ w))))


def logistic_expert(X, w, y):
    s = expit(X @ w)
    R = X * np.sqrt(s * (1 - s))[:, None]
    return R.T @ R


def logistic_row(n: int, d: int) -> Row:
    y = np.sign(normal(size=n))
    return row(f"logistic {n} x {d}", logistic, ("w",), logistic_expert, X=normal(size=(n, d)), w=normal(size=d) / d**0.5, y=y)


# softmax regression --------------------------------------------------------------------------------------------------------


def softmax_regression(X: "n d", W: "d k", Y: "n k | onehot"):
    return -jnp.sum(Y * log_softmax(X @ W, axis=1))


def softmax_expert(X, W, Y):
    Z = X @ W
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    d, k = W.shape
    H = np.empty((d, k, d, k))
    for a in range(k):
        for b in range(a + 1):
            weight = P[:, a] * ((a == b) - P[:, b])
            H[:, a, :, b] = X.T @ (weight[:, None] * X)
            H[:, b, :, a] = H[:, a, :, b]
    return H


def softmax_row() -> Row:
    n, d, k = 2000, 100, 10
    Y = np.eye(k)[rng.integers(k, size=n)]
    return row(
        "softmax regression 2000 x 100, k = 10",
        softmax_regression,
        ("W",),
        softmax_expert,
        X=normal(size=(n, d)),
        W=normal(size=(d, k)) / 10,
        Y=Y,
    )


# quadratics -------------------------------------------------------------------------------------------------------------------


def ridge(X: "n d", w: "d", y: "n", lam: " | positive"):
    return 0.5 * jnp.sum((X @ w - y) ** 2) + lam / 2 * w @ w


def ridge_expert(X, w, y, lam):
    H = X.T @ X
    H.flat[:: len(w) + 1] += lam
    return H


def quadratic(x: "n", A: "n n"):
    return x @ A @ x


def lse(x: "n"):
    return logsumexp(x)


def lse_expert(x):
    p = np.exp(x - x.max())
    p /= p.sum()
    H = np.outer(-p, p)
    H.flat[:: len(x) + 1] += p
    return H


def factorisation(T: "m n", U: "m k", V: "n k"):
    return jnp.sum((T - U @ V.T) ** 2)


def factorisation_expert(T, U, V):
    (m, k), G = U.shape, 2 * (V.T @ V)
    H = np.zeros((m, k, m, k))
    i = np.arange(m)
    H[i, :, i, :] = G
    return H


# deep nets, first layer ---------------------------------------------------------------------------------------------------------


def tanh_net(x: "n", W: "n n", A: "n n"):
    h = jnp.tanh(W @ x)
    for _ in range(9):
        h = jnp.tanh(A @ h)
    return jnp.sum(h**2)


def relu_net(x: "n", W: "n n", A: "n n"):
    h = relu(W @ x)
    for _ in range(9):
        h = relu(A @ h)
    return jnp.sum(h**2)


def net_expert(x, W, A, f, slope, curvature):
    """H = (sum over layers of J_l^T diag(g_l f''(z_l)) J_l + J^T 2 J) over z_1, spread by x: H[i,j,k,l] = M[i,k] x_j x_l."""
    z = [W @ x]
    for _ in range(9):
        z.append(A @ f(z[-1]))
    g, J = 2 * f(z[-1]), np.eye(len(x))
    jacobians = [J]
    for layer in z[:-1]:
        J = A @ (slope(layer)[:, None] * J)
        jacobians.append(J)
    D = slope(z[-1])[:, None] * J
    M = 2 * D.T @ D
    for layer, J in zip(reversed(z), reversed(jacobians), strict=True):
        if curvature is not None:
            M += J.T @ ((g * curvature(layer))[:, None] * J)
        g = A.T @ (slope(layer) * g)
    return np.einsum("ik,j,l->ijkl", M, x, x)


def tanh_expert(x, W, A):
    return net_expert(x, W, A, np.tanh, lambda z: 1 - np.tanh(z) ** 2, lambda z: -2 * np.tanh(z) * (1 - np.tanh(z) ** 2))


def relu_expert(x, W, A):
    return net_expert(x, W, A, lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0, None)


# likelihood, one hidden layer ---------------------------------------------------------------------------------------------


def gaussian(S: "n n", L: "n n"):
    return 0.5 * jnp.trace(S @ L) - 0.5 * jnp.linalg.slogdet(L)[1]


def gaussian_expert(S, L):
    P = np.linalg.inv(L)
    return 0.5 * np.einsum("jk,li->ijkl", P, P)


def mlp(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive"):
    h = jnp.tanh(W1 @ x)
    r = W2 @ h - y
    return 0.5 * jnp.sum(r**2) + lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))


def mlp_expert(x, y, W1, W2, lam):
    h = np.tanh(W1 @ x)
    r, s = W2 @ h - y, 1 - h**2
    M = (s[:, None] * (W2.T @ W2)) * s
    M.flat[:: len(h) + 1] -= 2 * h * s * (W2.T @ r)
    xx = np.outer(x, x)
    H11 = M[:, None, :, None] * xx[None, :, None, :]
    n = W1.size
    H11.reshape(n, n).flat[:: n + 1] += lam
    B = (s[:, None] * W2.T)[:, :, None] * h  # h, q, h
    i = np.arange(len(h))
    B[i, :, i] += s[:, None] * r
    H12 = B[:, None] * x[None, :, None, None]
    m, hh = W2.size, np.outer(h, h)
    H22 = np.zeros((len(y), len(h), len(y), len(h)))
    k = np.arange(len(y))
    H22[k, :, k, :] = hh
    H22.reshape(m, m).flat[:: m + 1] += lam
    return ((H11, H12), (H12.transpose(2, 3, 0, 1), H22))


def rows() -> list[Row]:
    q = normal(size=(60, 60)) / 8
    return [
        logistic_row(2000, 100),
        logistic_row(10000, 500),
        softmax_row(),
        row(
            "ridge 2000 x 500",
            ridge,
            ("w",),
            ridge_expert,
            X=normal(size=(2000, 500)),
            w=normal(size=500),
            y=normal(size=2000),
            lam=np.float64(0.1),
        ),
        row("x'Ax, n = 1000", quadratic, ("x",), lambda x, A: A + A.T, x=normal(size=1000), A=normal(size=(1000, 1000))),
        row("logsumexp, n = 1000", lse, ("x",), lse_expert, x=normal(size=1000)),
        row(
            "factorisation 300 x 300, k = 5",
            factorisation,
            ("U",),
            factorisation_expert,
            T=normal(size=(300, 300)),
            U=normal(size=(300, 5)),
            V=normal(size=(300, 5)),
        ),
        *(
            row(
                f"ten-layer {kind} net, n = {n}",
                fn,
                ("W",),
                expert,
                x=normal(size=n),
                W=normal(size=(n, n)) / n**0.5,
                A=normal(size=(n, n)) / n**0.5,
            )
            for n in (20, 50)
            for kind, fn, expert in (("tanh", tanh_net, tanh_expert), ("relu", relu_net, relu_expert))
        ),
        row("Gaussian likelihood, n = 60", gaussian, ("L",), gaussian_expert, S=q @ q.T, L=q @ q.T + np.eye(60)),
        row(
            "D2L MLP 20-10-5, all blocks",
            mlp,
            ("W1", "W2"),
            mlp_expert,
            x=normal(size=20),
            y=normal(size=5),
            W1=normal(size=(10, 20)),
            W2=normal(size=(5, 10)),
            lam=np.float64(0.1),
        ),
    ]


if __name__ == "__main__":
    print(table([measure(r) for r in rows()], "Hessians"), file=sys.stdout)
