"""Forward passes and their inputs: one text, which every contender runs or reads."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

rng = np.random.default_rng(0)
normal = rng.normal


@dataclass(frozen=True)
class Model:
    """A forward pass as `source` (a function or its text), the variables of its derivatives, its inputs and a direction."""

    name: str
    source: Callable[..., Any] | str
    wrt: tuple[str, ...]
    inputs: dict[str, np.ndarray]
    direction: tuple[np.ndarray, ...]

    def function(self, **namespaces: Any) -> Callable[..., Any]:
        """The forward pass over these namespaces in place of jax's."""
        scope = {"jnp": jnp, "jax": jax, **namespaces}
        if isinstance(self.source, str):
            exec(self.source, scope)
            return scope["deep"]
        return type(self.source)(self.source.__code__, scope)


def model(name: str, source: Callable[..., Any] | str, *wrt: str, **inputs: Any) -> Model:
    arrays = {k: np.asarray(v, dtype=float) for k, v in inputs.items()}
    return Model(name, source, wrt, arrays, tuple(normal(size=arrays[w].shape) for w in wrt))


def weights(*shape: int) -> np.ndarray:
    return normal(size=shape) / shape[-1] ** 0.5


def mlp_one(x: "d", y: "q", W1: "h d", W2: "q h", lam: " | positive"):
    z = W1 @ x
    h = jnp.tanh(z)
    o = W2 @ h
    L = 0.5 * jnp.sum((o - y) ** 2)
    s = lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))
    J = L + s
    return J


def mlp(X: "n d", Y: "n q", W1: "h d", W2: "q h", lam: " | positive"):
    Z = X @ W1.T
    H = jnp.tanh(Z)
    O = H @ W2.T  # noqa: E741
    L = 0.5 * jnp.sum((O - Y) ** 2) / X.shape[0]
    s = lam / 2 * (jnp.sum(W1**2) + jnp.sum(W2**2))
    J = L + s
    return J


def deep(layers: int) -> str:
    names = [f"W{i}" for i in range(1, layers + 1)]
    body = [f"H{i} = jnp.tanh({f'H{i - 1}' if i > 1 else 'X'} @ W{i})" for i in range(1, layers + 1)]
    lines = [*body, f"R = H{layers} - Y", "J = 0.5 * jnp.sum(R**2)", "return J"]
    given = ", ".join(f'{w}: "d d"' for w in names)
    return f'def deep(X: "n d", Y: "n d", {given}):\n{textwrap.indent(chr(10).join(lines), "    ")}\n'


def logistic(X: "n d", w: "d", y: "n | sign"):
    m = y * (X @ w)
    L = jnp.sum(jnp.log(1 + jnp.exp(-m)))
    return L


def softmax_regression(X: "n d", W: "d k", Y: "n k | onehot"):
    Z = X @ W
    L = -jnp.sum(Y * jax.nn.log_softmax(Z, axis=1))
    return L


def ridge(X: "n d", w: "d", y: "n", lam: " | positive"):
    r = X @ w - y
    J = 0.5 * jnp.sum(r**2) + lam / 2 * jnp.sum(w**2)
    return J


def factorisation(T: "m n", U: "m k", V: "n k"):
    R = U @ V.T - T
    J = 0.5 * jnp.sum(R**2)
    return J


def gaussian(S: "d d | spd", Sigma: "d d | spd"):
    _, logdet = jnp.linalg.slogdet(Sigma)
    q = jnp.trace(jnp.linalg.solve(Sigma, S))
    J = 0.5 * (logdet + q)
    return J


def gaussian_process(D: "n n | symmetric positive", y: "n", ell: "| positive", sigma_f: "| positive", sigma_n: "| positive"):
    K = sigma_f**2 * jnp.exp(-D / (2 * ell**2)) + sigma_n**2 * jnp.eye(y.shape[0])
    alpha = jnp.linalg.solve(K, y)
    _, logdet = jnp.linalg.slogdet(K)
    L = -0.5 * y @ alpha - 0.5 * logdet
    return L


def attention(Q: "n k", K: "m k", V: "m v", G: "n v"):
    S = Q @ K.T / 8
    A = jax.nn.softmax(S, axis=1)
    O = A @ V  # noqa: E741
    J = jnp.sum(G * O)
    return J


def layer_norm(A: "n H", g: "H", b: "H", G: "n H", eps: " | positive"):
    mu = jnp.mean(A, axis=1, keepdims=True)
    sigma = jnp.sqrt(jnp.mean((A - mu) ** 2, axis=1, keepdims=True) + eps)
    A_hat = (A - mu) / sigma
    Y = g * A_hat + b
    J = jnp.sum(G * Y)
    return J


def chain(x: "n", y: "n"):
    u = jnp.tanh(x * y)
    v = jnp.exp(-0.5 * x**2)
    w = jnp.sin(u + y)
    J = jnp.sum(u * v * w)
    return J


def onehot(n: int, k: int) -> np.ndarray:
    return np.eye(k)[rng.integers(k, size=n)]


def covariance(n: int) -> np.ndarray:
    A = normal(size=(n, 2 * n))
    return A @ A.T / (2 * n)


def _batched_mlp(d: int, h: int, q: int, n: int) -> Model:
    arrays = {"X": normal(size=(n, d)), "Y": normal(size=(n, q)), "W1": weights(h, d), "W2": weights(q, h), "lam": 0.1}
    return model(f"MLP {d}-{h}-{q}, n = {n}", mlp, "W1", "W2", **arrays)


def _deep(layers: int, d: int = 128, n: int = 64) -> Model:
    matrices = {f"W{i}": weights(d, d) for i in range(1, layers + 1)}
    arrays = {"X": normal(size=(n, d)), "Y": normal(size=(n, d)), **matrices}
    return model(f"MLP of {layers} layers of {d}, n = {n}", deep(layers), *matrices, **arrays)


def _logistic(n: int, d: int) -> Model:
    return model(f"logistic {n} x {d}", logistic, "w", X=normal(size=(n, d)), w=weights(d), y=np.sign(normal(size=n)))


def _gaussian_process(n: int) -> Model:
    x = normal(size=(n, 3))
    D = ((x[:, None] - x) ** 2).sum(axis=2)
    arrays = {"D": D, "y": normal(size=n), "ell": 1.1, "sigma_f": 0.9, "sigma_n": 0.7}
    return model(f"GP likelihood, n = {n}", gaussian_process, "ell", "sigma_f", "sigma_n", **arrays)


def _attention(t: int, d: int) -> Model:
    arrays = {name: normal(size=(t, d)) for name in ("Q", "K", "V", "G")}
    return model(f"attention, T = {t}, d = {d}", attention, "Q", "K", "V", **arrays)


def _layer_norm(n: int) -> Model:
    arrays = {"A": normal(size=(n, n)), "g": normal(size=n), "b": normal(size=n), "G": normal(size=(n, n)), "eps": 1e-5}
    return model(f"layer norm {n} x {n}", layer_norm, "A", "g", "b", **arrays)


def models() -> list[Model]:
    one = {"x": normal(size=20), "y": normal(size=5), "W1": weights(10, 20), "W2": weights(5, 10), "lam": 0.1}
    X, W, Y = normal(size=(2000, 100)), normal(size=(100, 10)) / 10, onehot(2000, 10)
    return [
        model("MLP 20-10-5, n = 1", mlp_one, "W1", "W2", **one),
        _batched_mlp(784, 256, 10, 64),
        _batched_mlp(1024, 1024, 1000, 256),
        _deep(8),
        _deep(32),
        _logistic(2000, 100),
        _logistic(10000, 500),
        model("softmax regression 2000 x 100, k = 10", softmax_regression, "W", X=X, W=W, Y=Y),
        model("ridge 2000 x 500", ridge, "w", X=normal(size=(2000, 500)), w=weights(500), y=normal(size=2000), lam=0.1),
        model(
            "factorisation 300 x 300, k = 5",
            factorisation,
            "U",
            "V",
            T=normal(size=(300, 300)),
            U=normal(size=(300, 5)),
            V=normal(size=(300, 5)),
        ),
        model("Gaussian likelihood, n = 200", gaussian, "Sigma", S=covariance(200), Sigma=covariance(200)),
        _gaussian_process(300),
        _attention(256, 64),
        _layer_norm(512),
        model("elementwise chain of 1e6", chain, "x", "y", x=normal(size=10**6), y=normal(size=10**6)),
    ]
