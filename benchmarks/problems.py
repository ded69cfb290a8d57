"""Losses whose Hessians have a closed form: the forward pass, and the Hessian and its product as an expert writes them by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import experts
import jax.numpy as jnp
import numpy as np
from jax.nn import log_softmax, relu
from jax.scipy.special import logsumexp
from scipy.special import expit

rng = np.random.default_rng(0)
normal = rng.normal

Function = Callable[..., Any]


@dataclass(frozen=True)
class Problem:
    """`hessian(**inputs)` and `product(direction, **inputs)` are the expert's; derivatives are with respect to `wrt`."""

    name: str
    forward: Function
    wrt: tuple[str, ...]
    hessian: Function
    product: Function
    inputs: dict[str, Any]
    direction: tuple[np.ndarray, ...]


def problem(name: str, forward: Function, wrt: tuple[str, ...], hessian: Function, product: Function, **inputs: Any) -> Problem:
    return Problem(name, forward, wrt, hessian, product, inputs, tuple(normal(size=inputs[w].shape) for w in wrt))


# logistic regression ----------------------------------------------------------------------------------------------------


def logistic(X: "n d", w: "d", y: "n | sign"):
    return jnp.sum(jnp.log(1 + jnp.exp(-y * (X @ w))))


def logistic_hessian(X, w, y):
    s = expit(X @ w)
    R = X * np.sqrt(s * (1 - s))[:, None]
    return R.T @ R


# softmax regression --------------------------------------------------------------------------------------------------------


def softmax_regression(X: "n d", W: "d k", Y: "n k | onehot"):
    return -jnp.sum(Y * log_softmax(X @ W, axis=1))


def softmax_hessian(X, W, Y):
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


# quadratics -------------------------------------------------------------------------------------------------------------------


def ridge(X: "n d", w: "d", y: "n", lam: " | positive"):
    return 0.5 * jnp.sum((X @ w - y) ** 2) + lam / 2 * w @ w


def ridge_hessian(X, w, y, lam):
    H = X.T @ X
    H.flat[:: len(w) + 1] += lam
    return H


def quadratic(x: "n", A: "n n"):
    return x @ A @ x


def quadratic_hessian(x, A):
    return A + A.T


def quadratic_product(v, x, A):
    return (A @ v[0] + v[0] @ A,)


def lse(x: "n"):
    return logsumexp(x)


def lse_hessian(x):
    p = np.exp(x - x.max())
    p /= p.sum()
    H = np.outer(-p, p)
    H.flat[:: len(x) + 1] += p
    return H


def lse_product(v, x):
    p = np.exp(x - x.max())
    p /= p.sum()
    return (p * (v[0] - p @ v[0]),)


def factorisation(T: "m n", U: "m k", V: "n k"):
    return jnp.sum((T - U @ V.T) ** 2)


def factorisation_hessian(T, U, V):
    (m, k), G = U.shape, 2 * (V.T @ V)
    H = np.zeros((m, k, m, k))
    i = np.arange(m)
    H[i, :, i, :] = G
    return H


def factorisation_product(v, T, U, V):
    return (v[0] @ (2 * (V.T @ V)),)


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


def net_hessian(x, W, A, f, slope, curvature):
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


def net_product(v, x, W, A, f, slope, curvature):
    z, z_dot = [W @ x], [v[0] @ x]
    for _ in range(9):
        z.append(A @ f(z[-1]))
        z_dot.append(A @ (slope(z[-2]) * z_dot[-1]))
    g, g_dot = 2 * f(z[-1]), 2 * slope(z[-1]) * z_dot[-1]
    for layer, moved in zip(reversed(z), reversed(z_dot), strict=True):
        s = slope(layer)
        bar, bar_dot = s * g, s * g_dot
        if curvature is not None:
            bar_dot += g * curvature(layer) * moved
        g, g_dot = A.T @ bar, A.T @ bar_dot
    return (np.outer(bar_dot, x),)


TANH = (np.tanh, lambda z: 1 - np.tanh(z) ** 2, lambda z: -2 * np.tanh(z) * (1 - np.tanh(z) ** 2))
RELU = (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0, None)
"""The activation, its slope and its curvature, None where it has none."""


# likelihood, one hidden layer ---------------------------------------------------------------------------------------------


def gaussian(S: "n n", L: "n n"):
    return 0.5 * jnp.trace(S @ L) - 0.5 * jnp.linalg.slogdet(L)[1]


def gaussian_hessian(S, L):
    P = np.linalg.inv(L)
    return 0.5 * np.einsum("jk,li->ijkl", P, P)


def gaussian_product(v, S, L):
    P = np.linalg.inv(L)
    return (0.5 * (P @ v[0] @ P).T,)


def mlp(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive"):
    h = jnp.tanh(W1 @ x)
    r = W2 @ h - y
    return 0.5 * jnp.sum(r**2) + lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))


def mlp_hessian(x, y, W1, W2, lam):
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


# the list -------------------------------------------------------------------------------------------------------------------


def _logistic(n: int, d: int) -> Problem:
    arrays = {"X": normal(size=(n, d)), "w": normal(size=d) / d**0.5, "y": np.sign(normal(size=n))}
    return problem(f"logistic {n} x {d}", logistic, ("w",), logistic_hessian, experts.logistic_product, **arrays)


def _softmax(n: int, d: int, k: int) -> Problem:
    arrays = {"X": normal(size=(n, d)), "W": normal(size=(d, k)) / d**0.5, "Y": np.eye(k)[rng.integers(k, size=n)]}
    by_hand = softmax_hessian, experts.softmax_regression_product
    return problem(f"softmax regression {n} x {d}, k = {k}", softmax_regression, ("W",), *by_hand, **arrays)


def _ridge(n: int, d: int) -> Problem:
    arrays = {"X": normal(size=(n, d)), "w": normal(size=d), "y": normal(size=n), "lam": np.float64(0.1)}
    return problem(f"ridge {n} x {d}", ridge, ("w",), ridge_hessian, experts.ridge_product, **arrays)


def _factorisation(n: int, k: int) -> Problem:
    arrays = {"T": normal(size=(n, n)), "U": normal(size=(n, k)), "V": normal(size=(n, k))}
    by_hand = factorisation_hessian, factorisation_product
    return problem(f"factorisation {n} x {n}, k = {k}", factorisation, ("U",), *by_hand, **arrays)


def _net(kind: str, n: int) -> Problem:
    forward, rules = (tanh_net, TANH) if kind == "tanh" else (relu_net, RELU)
    arrays = {"x": normal(size=n), "W": normal(size=(n, n)) / n**0.5, "A": normal(size=(n, n)) / n**0.5}
    return problem(
        f"ten-layer {kind} net, n = {n}",
        forward,
        ("W",),
        lambda **inputs: net_hessian(**inputs, f=rules[0], slope=rules[1], curvature=rules[2]),
        lambda v, **inputs: net_product(v, **inputs, f=rules[0], slope=rules[1], curvature=rules[2]),
        **arrays,
    )


def _gaussian(n: int) -> Problem:
    Q = normal(size=(n, n)) / n**0.5
    by_hand = gaussian_hessian, gaussian_product
    return problem(f"Gaussian likelihood, n = {n}", gaussian, ("L",), *by_hand, S=Q @ Q.T, L=Q @ Q.T + np.eye(n))


def _mlp(d: int, h: int, q: int) -> Problem:
    arrays = {
        "x": normal(size=d),
        "y": normal(size=q),
        "W1": normal(size=(h, d)),
        "W2": normal(size=(q, h)),
        "lam": np.float64(0.1),
    }
    return problem(f"D2L MLP {d}-{h}-{q}, all blocks", mlp, ("W1", "W2"), mlp_hessian, experts.mlp_one_product, **arrays)


def problems() -> list[Problem]:
    x, A = normal(size=1000), normal(size=(1000, 1000))
    return [
        _logistic(2000, 100),
        _logistic(10000, 500),
        _softmax(2000, 100, 10),
        _ridge(2000, 500),
        problem("x'Ax, n = 1000", quadratic, ("x",), quadratic_hessian, quadratic_product, x=x, A=A),
        problem("logsumexp, n = 1000", lse, ("x",), lse_hessian, lse_product, x=normal(size=1000)),
        _factorisation(300, 5),
        *(_net(kind, n) for n in (20, 50) for kind in ("tanh", "relu")),
        _gaussian(60),
        _mlp(20, 10, 5),
    ]
