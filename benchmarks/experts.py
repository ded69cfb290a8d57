"""Gradient and Hessian-vector product of every model as an expert writes them in plain NumPy, by hand.

`gradient` returns the value and one array a variable; `product` one array a variable for a direction.
"""

from __future__ import annotations

import numpy as np
from models import Model
from scipy.special import expit

# networks -------------------------------------------------------------------------------------------------------------------


def mlp_one_gradient(x, y, W1, W2, lam):
    h = np.tanh(W1 @ x)
    r = W2 @ h - y
    value = 0.5 * (r @ r) + lam / 2 * (np.vdot(W1, W1) + np.vdot(W2, W2))
    z_bar = (W2.T @ r) * (1 - h * h)
    return value, np.outer(z_bar, x) + lam * W1, np.outer(r, h) + lam * W2


def mlp_one_product(v, x, y, W1, W2, lam):
    V1, V2 = v
    h = np.tanh(W1 @ x)
    r, s = W2 @ h - y, 1 - h * h
    h_dot = s * (V1 @ x)
    r_dot = W2 @ h_dot + V2 @ h
    h_bar = W2.T @ r
    z_bar_dot = (W2.T @ r_dot + V2.T @ r) * s - 2 * h_bar * h * h_dot
    return np.outer(z_bar_dot, x) + lam * V1, np.outer(r_dot, h) + np.outer(r, h_dot) + lam * V2


def mlp_gradient(X, Y, W1, W2, lam):
    n = len(X)
    H = np.tanh(X @ W1.T)
    R = H @ W2.T - Y
    value = 0.5 * np.vdot(R, R) / n + lam / 2 * (np.vdot(W1, W1) + np.vdot(W2, W2))
    G = R / n
    W2_bar = G.T @ H
    W2_bar += lam * W2
    Z_bar = G @ W2
    Z_bar *= 1 - H * H
    W1_bar = Z_bar.T @ X
    W1_bar += lam * W1
    return value, W1_bar, W2_bar


def mlp_product(v, X, Y, W1, W2, lam):
    V1, V2 = v
    n = len(X)
    H = np.tanh(X @ W1.T)
    G = (H @ W2.T - Y) / n
    S = 1 - H * H
    H_dot = S * (X @ V1.T)
    G_dot = (H_dot @ W2.T + H @ V2.T) / n
    Z_bar_dot = (G_dot @ W2 + G @ V2) * S
    Z_bar_dot -= 2 * (G @ W2) * H * H_dot
    return Z_bar_dot.T @ X + lam * V1, G_dot.T @ H + G.T @ H_dot + lam * V2


def deep_gradient(X, Y, **weights):
    W, H = list(weights.values()), [X]
    for A in W:
        H.append(np.tanh(H[-1] @ A))
    G = H[-1] - Y
    value, bars = 0.5 * np.vdot(G, G), []
    for A, before, after in zip(reversed(W), reversed(H[:-1]), reversed(H[1:]), strict=True):
        G = G * (1 - after * after)
        bars.append(before.T @ G)
        if A is not W[0]:
            G = G @ A.T
    return value, *reversed(bars)


def deep_product(v, X, Y, **weights):
    W, H, H_dot, S = list(weights.values()), [X], [None], []
    for A, V in zip(W, v, strict=True):
        H.append(np.tanh(H[-1] @ A))
        S.append(1 - H[-1] * H[-1])
        moved = H[-2] @ V
        if H_dot[-1] is not None:
            moved += H_dot[-1] @ A
        H_dot.append(S[-1] * moved)
    G, G_dot, products = H[-1] - Y, H_dot[-1], []
    for i in reversed(range(len(W))):
        Z_bar_dot = G_dot * S[i] - 2 * G * H[i + 1] * H_dot[i + 1]
        Z_bar = G * S[i]
        products.append(H[i].T @ Z_bar_dot)
        if i:
            products[-1] += H_dot[i].T @ Z_bar
            G, G_dot = Z_bar @ W[i].T, Z_bar_dot @ W[i].T + Z_bar @ v[i].T
    return tuple(reversed(products))


# regression -----------------------------------------------------------------------------------------------------------------


def logistic_gradient(X, w, y):
    m = y * (X @ w)
    return np.sum(np.logaddexp(0, -m)), X.T @ (-y * expit(-m))


def logistic_product(v, X, w, y):
    s = expit(X @ w)
    return (X.T @ (s * (1 - s) * (X @ v[0])),)


def softmax(Z):
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return P


def softmax_regression_gradient(X, W, Y):
    Z = X @ W
    Z -= Z.max(axis=1, keepdims=True)
    P = np.exp(Z)
    total = P.sum(axis=1, keepdims=True)
    value = np.log(total).sum() - np.vdot(Y, Z)
    P /= total
    P -= Y
    return value, X.T @ P


def softmax_regression_product(v, X, W, Y):
    P, Z_dot = softmax(X @ W), X @ v[0]
    Z_dot -= np.sum(P * Z_dot, axis=1, keepdims=True)
    Z_dot *= P
    return (X.T @ Z_dot,)


def ridge_gradient(X, w, y, lam):
    r = X @ w - y
    return 0.5 * (r @ r) + lam / 2 * (w @ w), X.T @ r + lam * w


def ridge_product(v, X, w, y, lam):
    return (X.T @ (X @ v[0]) + lam * v[0],)


def factorisation_gradient(T, U, V):
    R = U @ V.T
    R -= T
    return 0.5 * np.vdot(R, R), R @ V, R.T @ U


def factorisation_product(v, T, U, V):
    dU, dV = v
    R = U @ V.T
    R -= T
    return dU @ (V.T @ V) + U @ (dV.T @ V) + R @ dV, dV @ (U.T @ U) + V @ (dU.T @ U) + R.T @ dU


# likelihoods ----------------------------------------------------------------------------------------------------------------


def gaussian_gradient(S, Sigma):
    P = np.linalg.inv(Sigma)
    PS = P @ S
    return 0.5 * (np.linalg.slogdet(Sigma)[1] + np.trace(PS)), 0.5 * (P - PS @ P).T


def gaussian_product(v, S, Sigma):
    P = np.linalg.inv(Sigma)
    A = P @ v[0] @ P
    B = A @ (S @ P)
    C = P @ (S @ A)
    return (0.5 * (B + C - A).T,)


def gaussian_process_gradient(D, y, ell, sigma_f, sigma_n):
    E = np.exp(D * (-0.5 / ell**2))
    K = sigma_f**2 * E
    K.flat[:: len(y) + 1] += sigma_n**2
    P = np.linalg.inv(K)
    alpha = P @ y
    value = -0.5 * (y @ alpha) - 0.5 * np.linalg.slogdet(K)[1]
    P -= np.outer(alpha, alpha)  # K_bar = -P / 2
    P_E = P * E
    ell_bar = -0.5 * sigma_f**2 / ell**3 * np.vdot(P_E, D)
    return value, ell_bar, -sigma_f * P_E.sum(), -sigma_n * np.trace(P)


def gaussian_process_product(v, D, y, ell, sigma_f, sigma_n):
    dl, df, dn = v
    E = np.exp(D * (-0.5 / ell**2))
    K = sigma_f**2 * E
    K.flat[:: len(y) + 1] += sigma_n**2
    DE = D * E
    M = (2 * sigma_f * df) * E + (sigma_f**2 * dl / ell**3) * DE
    M.flat[:: len(y) + 1] += 2 * sigma_n * dn  # K_dot
    P = np.linalg.inv(K)
    alpha = P @ y
    alpha_dot = -(P @ (M @ alpha))
    B = 0.5 * (np.outer(alpha, alpha) - P)
    B_dot = 0.5 * (np.outer(alpha_dot, alpha) + np.outer(alpha, alpha_dot) + P @ M @ P)
    E_dot = (dl / ell**3) * DE
    along_ell, along_ell_dot = np.vdot(B, DE), np.vdot(B_dot, DE) + np.vdot(B * D, E_dot)
    c = sigma_f**2 / ell**3
    c_dot = 2 * sigma_f * df / ell**3 - 3 * sigma_f**2 / ell**4 * dl
    f_dot = 2 * df * np.vdot(B, E) + 2 * sigma_f * (np.vdot(B_dot, E) + np.vdot(B, E_dot))
    return c_dot * along_ell + c * along_ell_dot, f_dot, 2 * dn * np.trace(B) + 2 * sigma_n * np.trace(B_dot)


# layers ---------------------------------------------------------------------------------------------------------------------


def attention_gradient(Q, K, V, G):
    A = softmax(Q @ K.T / 8)
    A_bar = G @ V.T
    value = np.vdot(A, A_bar)
    V_bar = A.T @ G
    A_bar -= np.einsum("ij,ij->i", A, A_bar)[:, None]
    A_bar *= A
    A_bar /= 8
    return value, A_bar @ K, A_bar.T @ Q, V_bar


def attention_product(v, Q, K, V, G):
    dQ, dK, dV = v
    A = softmax(Q @ K.T / 8)
    S_dot = (dQ @ K.T + Q @ dK.T) / 8
    A_dot = S_dot - np.einsum("ij,ij->i", A, S_dot)[:, None]
    A_dot *= A
    A_bar, A_bar_dot = G @ V.T, G @ dV.T
    centred = A_bar - np.einsum("ij,ij->i", A, A_bar)[:, None]
    S_bar = A * centred / 8
    inner = np.einsum("ij,ij->i", A, A_bar_dot) + np.einsum("ij,ij->i", A_dot, A_bar)
    S_bar_dot = (A_dot * centred + A * (A_bar_dot - inner[:, None])) / 8
    return S_bar_dot @ K + S_bar @ dK, S_bar_dot.T @ Q + S_bar.T @ dQ, A_dot.T @ G


def layer_norm_gradient(A, g, b, G, eps):
    X = A - A.mean(axis=1, keepdims=True)
    sigma = np.sqrt(np.einsum("ij,ij->i", X, X)[:, None] / A.shape[1] + eps)
    X /= sigma
    b_bar = G.sum(axis=0)
    g_bar = np.einsum("ij,ij->j", G, X)
    B = G * g
    value = g @ g_bar + b @ b_bar
    A_bar = B - B.mean(axis=1, keepdims=True)
    A_bar -= X * (np.einsum("ij,ij->i", B, X)[:, None] / A.shape[1])
    A_bar /= sigma
    return value, A_bar, g_bar, b_bar


def layer_norm_product(v, A, g, b, G, eps):
    dA, dg, _ = v
    k = A.shape[1]
    X = A - A.mean(axis=1, keepdims=True)
    sigma = np.sqrt(np.einsum("ij,ij->i", X, X)[:, None] / k + eps)
    X /= sigma
    C = dA - dA.mean(axis=1, keepdims=True)
    slope = np.einsum("ij,ij->i", X, C)[:, None] / k  # sigma_dot
    X_dot = (C - X * slope) / sigma
    B, B_dot = G * g, G * dg
    inner = np.einsum("ij,ij->i", B, X)[:, None] / k
    inner_dot = (np.einsum("ij,ij->i", B_dot, X) + np.einsum("ij,ij->i", B, X_dot))[:, None] / k
    A_bar = (B - B.mean(axis=1, keepdims=True) - X * inner) / sigma
    A_bar_dot = B_dot - B_dot.mean(axis=1, keepdims=True) - X_dot * inner - X * inner_dot - A_bar * slope
    A_bar_dot /= sigma
    return A_bar_dot, np.einsum("ij,ij->j", G, X_dot), np.zeros_like(b)


def chain_gradient(x, y):
    u, v = np.tanh(x * y), np.exp(-0.5 * x * x)
    t = u + y
    w, uv = np.sin(t), u * v
    uvw = uv * w
    t_bar = uv * np.cos(t)
    p = (v * w + t_bar) * (1 - u * u)
    return uvw.sum(), p * y - x * uvw, p * x + t_bar


def chain_product(direction, x, y):
    a, b = direction
    u, v = np.tanh(x * y), np.exp(-0.5 * x * x)
    t, s = u + y, 1 - u * u
    w, c, uv = np.sin(t), np.cos(t), u * v
    q_dot = a * y + x * b
    u_dot, v_dot = s * q_dot, -v * x * a
    t_dot = u_dot + b
    w_dot, uv_dot = c * t_dot, u_dot * v + u * v_dot
    t_bar, t_bar_dot = uv * c, uv_dot * c - uv * w * t_dot
    u_bar, u_bar_dot = v * w + t_bar, v_dot * w + v * w_dot + t_bar_dot
    p, p_dot = u_bar * s, u_bar_dot * s - 2 * u_bar * u * u_dot
    x_bar_dot = p_dot * y + p * b - a * (uv * w) - x * (uv_dot * w + uv * w_dot)
    return x_bar_dot, p_dot * x + p * a + t_bar_dot


def gradient(model: Model):
    """The expert's gradient of a model."""
    return _named(model, "gradient")


def product(model: Model):
    """The expert's Hessian-vector product of a model."""
    return _named(model, "product")


def _named(model: Model, kind: str):
    name = "deep" if isinstance(model.source, str) else model.source.__name__
    return globals()[f"{name}_{kind}"]
