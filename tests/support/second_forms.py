"""Second derivatives as textbooks and papers have them, written by hand beside the formulas they are the second derivatives of.

`of` names a block by its two variables, `w_w` or `U_V`.  A right side is over the inputs, the named intermediates and the named
adjoints (`z_bar`), with column-stacking vec for matrices; `K(m, n)` is the matrix of vec(X) -> vec(X^T) for an m x n matrix X,
`hessian(o, y)` the second derivative of a loss left open in its first operand.
"""

from __future__ import annotations

from dataclasses import dataclass

from forms import Form


@dataclass(frozen=True, eq=False)
class SecondForm(Form):
    """A model in our language, and the Hessian blocks that its source prints."""

    @property
    def blocks(self) -> list[tuple[str, str, str]]:
        """Row, column and right side."""
        return [(*name.split("_"), text) for name, text in self.of.items()]

    @property
    def wrt(self) -> list[str]:
        return list(dict.fromkeys(v for row, column, _ in self.blocks for v in (row, column)))


def form(source: str, name: str, model: str, **of: str) -> SecondForm:
    return SecondForm(name, source, model, of)


BOYD, MAGNUS, COOKBOOK = "Boyd and Vandenberghe", "Magnus and Neudecker", "Matrix Cookbook"

VECTORS = [
    form(f"{COOKBOOK} (98)", "quadratic", "x: n, A: n n, b: n -> x @ A @ x + b @ x", x_x="A + A.T"),
    form(
        f"{BOYD} A.4.3", "quadratic_symmetric", "x: n, P: n n | symmetric, q: n, r: -> 0.5 * x @ P @ x + q @ x + r",
        x_x="P", q_x="eye(x.shape[0])", x_r="zeros(x.shape[0])",
    ),
    form(
        "bilinear form", "bilinear", "x: m, A: m n, y: n -> x @ A @ y",
        x_y="A", y_x="A.T", x_A="kron(y[None, :], eye(x.shape[0]))",
    ),
    form(
        f"{COOKBOOK} (78), differentiated again", "two_affine",
        "B: m n, x: n, b: m, C: m k, D: k n, d: k -> (B @ x + b) @ C @ (D @ x + d)", x_x="B.T @ C @ D + D.T @ C.T @ B",
    ),
    form(
        f"{COOKBOOK} (84), (85), differentiated again", "weighted_least_squares",
        "s: n, A: m n, x: m, W: m m | symmetric -> (x - A @ s) @ W @ (x - A @ s)",
        s_s="2 * (A.T @ W @ A)", x_x="2 * W", s_x="-2 * (A.T @ W)",
    ),
    form("least squares", "least_squares", "X: n d, w: d, y: n -> r = X @ w - y; 0.5 * sum(r**2)",
         w_w="X.T @ X", w_y="-X.T", w_X="kron(w[None, :], X.T) + kron(eye(w.shape[0]), r[None, :])"),
    form(
        "ridge regression with an intercept", "ridge",
        "X: n d, w: d, b: , y: n, lam: | positive -> r = X @ w + b - y; mean(r**2) + lam * w @ w",
        w_w="2 / y.shape[0] * (X.T @ X) + 2 * lam * eye(w.shape[0])", w_b="2 / y.shape[0] * sum(X, axis=0)", b_b="2",
        w_lam="2 * w",
    ),
    form(f"{BOYD} 3.1.5, log-sum-exp", "log_sum_exp", "x: n -> logsumexp(x)", x_x="diag(x_bar) - outer(x_bar, x_bar)"),
    form(
        f"{BOYD} A.4.4, log-sum-exp of an affine map", "logsumexp_affine", "A: m n, x: n, b: m -> z = A @ x + b; logsumexp(z)",
        x_x="A.T @ (diag(z_bar) - outer(z_bar, z_bar)) @ A",
    ),
    form(
        "softmax cross-entropy in the logits", "cross_entropy", "z: k, y: k | onehot -> logsumexp(z) - y @ z",
        z_z="diag(softmax(z)) - outer(softmax(z), softmax(z))", z_y="-eye(z.shape[0])",
    ),
    form(
        "Hastie, Tibshirani and Friedman (4.25)", "logistic_from_logits",
        "X: n d, w: d, y: n | binary -> z = X @ w; sum(softplus(z) - y * z)",
        w_w="X.T @ diag(sigmoid(z) * (1 - sigmoid(z))) @ X", w_y="-X.T",
        w_X="kron(w[None, :], X.T @ diag(sigmoid(z) * (1 - sigmoid(z)))) + kron(eye(w.shape[0]), z_bar[None, :])",
    ),
    form(
        "Laue et al., logistic regression", "logistic",
        "X: n d, w: d, y: n | sign, lam: | positive -> m = y * (X @ w); sum(log(1 + exp(-m))) + lam / 2 * w @ w",
        w_w="X.T @ diag(sigmoid(-m) * (1 - sigmoid(-m))) @ X + lam * eye(w.shape[0])",
    ),
    form(
        "Bishop (4.97)", "logistic_from_probabilities",
        "X: n d, w: d, t: n | binary -> a = X @ w; -sum(t * log(sigmoid(a)) + (1 - t) * log(1 - sigmoid(a)))",
        w_w="X.T @ diag(sigmoid(a) * (1 - sigmoid(a))) @ X",
    ),
    form(
        "McCullagh and Nelder, Poisson regression",
        "poisson", "X: n d, w: d, y: n | positive -> eta = X @ w; sum(exp(eta) - y * eta)",
        w_w="X.T @ diag(exp(eta)) @ X",
    ),
    form(
        "Chapelle, squared hinge", "squared_hinge",
        "X: n d, w: d, y: n | sign, C: | positive -> m = y * (X @ w); 0.5 * w @ w + C * sum(maximum(0, 1 - m)**2)",
        w_w="eye(w.shape[0]) + 2 * C * (X.T @ diag(step(1 - m)) @ X)",
    ),
    form(
        f"{BOYD} A.4.4, entrywise", "generic_sum", "X: n d, w: d, phi: | entrywise -> z = X @ w; sum(phi(z))",
        w_w="X.T @ diag(d2phi(z)) @ X",
    ),
    form(
        f"{BOYD} A.4.4, affine", "generic_affine", "A: m n, x: n, y: m, l: | loss -> z = A @ x; l(z, y)",
        x_x="A.T @ hessian(z, y) @ A",
    ),
    form(
        f"{BOYD} A.4.4, scalar chain", "generic_chain", "A: n n | symmetric, x: n, phi: | entrywise -> u = 0.5 * x @ A @ x; phi(u)",
        x_x="dphi(u) * A + d2phi(u) * outer(A @ x, A @ x)",
    ),
    form(f"{BOYD} 3.1.5, quadratic over linear", "quadratic_over_linear", "x: , y: | positive -> x**2 / y",
         x_x="2 / y", x_y="-2 * x / y**2", y_y="2 * x**2 / y**3"),
    form(
        f"{BOYD} 3.1.5, sum of squares over linear", "squares_over_linear", "x: n, t: | positive -> x @ x / t",
        x_x="2 / t * eye(x.shape[0])", x_t="-2 / t**2 * x", t_t="2 * (x @ x) / t**3",
    ),
    form(
        f"{BOYD} 3.1.5, geometric mean", "geometric_mean", "x: n | positive -> g = sum(log(x)) / x.shape[0]; exp(g)",
        x_x="exp(g) / x.shape[0]**2 * outer(1 / x, 1 / x) - exp(g) / x.shape[0] * diag(x**-2)",
    ),
    form(f"{BOYD} 3.1.5, entropy", "entropy", "x: n | positive -> sum(x * log(x))", x_x="diag(1 / x)"),
    form(
        f"{BOYD} 11.2.1, log barrier", "log_barrier",
        "A: m n | positive, x: n | positive, b: m | positive -> s = b + A @ x; -sum(log(s))",
        x_x="A.T @ diag(s**-2) @ A",
    ),
    form(f"{COOKBOOK} (131), differentiated again", "squared_norm", "x: n -> x @ x", x_x="2 * eye(x.shape[0])"),
    form(
        f"{COOKBOOK} (129), (130)", "distance", "x: n, a: n -> r = x - a; norm(r)",
        x_x="eye(x.shape[0]) / norm(r) - outer(r, r) / norm(r)**3", x_a="outer(r, r) / norm(r)**3 - eye(x.shape[0]) / norm(r)",
    ),
    form("norm of a vector", "length", "x: n -> norm(x)", x_x="eye(x.shape[0]) / norm(x) - outer(x, x) / norm(x)**3"),
    form(
        "pseudo-Huber", "smooth_norm", "x: n -> s = sqrt(1 + x @ x); s",
        x_x="eye(x.shape[0]) / s - outer(x, x) / s**3",
    ),
    form("fourth power of the norm", "fourth_power", "x: n -> (x @ x)**2", x_x="4 * (x @ x) * eye(x.shape[0]) + 8 * outer(x, x)"),
    form(
        "Gaussian kernel", "gaussian_kernel", "x: n, a: n -> r = x - a; k = exp(-0.5 * r @ r); k",
        x_x="k * (outer(r, r) - eye(x.shape[0]))",
    ),
    form("exponential of a linear form", "exponential", "a: n, x: n -> f = exp(a @ x); f", x_x="f * outer(a, a)"),
    form("sum of fourth powers", "fourth_powers", "x: n -> sum(x**4)", x_x="12 * diag(x**2)"),
    form(
        "Rayleigh quotient, by the quotient rule", "rayleigh",
        "x: n, A: n n | symmetric -> a = x @ A @ x; b = x @ x; a / b",
        x_x="2 / b * A - 2 * a / b**2 * eye(x.shape[0]) - 4 / b**2 * (A @ outer(x, x) + outer(x, x) @ A)"
        " + 8 * a / b**3 * outer(x, x)",
    ),
    form(
        "Kingma and Welling, appendix B", "kl_of_gaussians", "mu: n d, rho: n d -> -0.5 * sum(1 + rho - mu**2 - exp(rho))",
        mu_mu="eye(mu.shape[0] * mu.shape[1])", rho_rho="0.5 * diag(vec(exp(rho)))",
        mu_rho="zeros((mu.shape[0] * mu.shape[1], mu.shape[0] * mu.shape[1]))",
    ),
]  # fmt: skip

MATRICES = [
    form(
        f"{MAGNUS}, chapter 10, quadratic", "trace_quadratic", "X: m n, A: m m -> trace(X.T @ A @ X)",
        X_X="kron(eye(X.shape[1]), A + A.T)",
    ),
    form(
        f"{MAGNUS}, chapter 10, XAXB", "trace_axbx", "X: m n, A: n m, B: n m -> trace(X @ A @ X @ B)",
        X_X="(kron(A, B.T) + kron(B, A.T)) @ K(X.shape[0], X.shape[1])",
    ),
    form(
        f"{MAGNUS}, chapter 10, XAX'B", "trace_axbxt", "X: m n, A: n n, B: m m -> trace(X @ A @ X.T @ B)",
        X_X="kron(A, B.T) + kron(A.T, B)",
    ),
    form(f"{MAGNUS}, chapter 10, square", "trace_of_square", "X: n n -> trace(X @ X)", X_X="2 * K(X.shape[0], X.shape[0])"),
    form(
        f"{MAGNUS}, chapter 10, cube", "trace_of_cube", "X: n n -> trace(matrix_power(X, 3))",
        X_X="3 * ((kron(eye(X.shape[0]), X.T) + kron(X, eye(X.shape[0]))) @ K(X.shape[0], X.shape[0]))",
    ),
    form(
        f"{MAGNUS}, chapter 10, log det", "logdet", "X: n n -> slogdet(X)[1]",
        X_X="-(kron(inv(X), inv(X).T) @ K(X.shape[0], X.shape[0]))",
    ),
    form(
        f"{BOYD} 3.1.5, log det of a positive definite matrix", "logdet_spd", "X: n n | spd -> slogdet(X)[1]",
        X_X="-(kron(inv(X), inv(X)) @ K(X.shape[0], X.shape[0]))",
    ),
    form(
        f"{MAGNUS}, chapter 10, determinant", "determinant", "X: n n -> det(X)",
        X_X="det(X) * (outer(vec(inv(X).T), vec(inv(X).T)) - kron(inv(X), inv(X).T) @ K(X.shape[0], X.shape[0]))",
    ),
    form(
        f"{MAGNUS}, chapter 10, trace of the inverse", "trace_of_inverse", "X: n n | symmetric -> trace(inv(X))",
        X_X="(kron(inv(X), inv(X) @ inv(X)) + kron(inv(X) @ inv(X), inv(X))) @ K(X.shape[0], X.shape[0])",
    ),
    form(
        f"{COOKBOOK} (61), differentiated again", "bilinear_in_inverse", "a: n, X: n n, b: n -> Y = inv(X); a @ Y @ b",
        X_X="(kron(Y, Y.T @ outer(a, b) @ Y.T) + kron(Y @ outer(b, a) @ Y, Y.T)) @ K(X.shape[0], X.shape[0])",
        a_X="-kron((Y @ b)[None, :], Y)", a_b="Y",
    ),
    form(
        f"{COOKBOOK} (119), differentiated again", "squared_affine",
        "A: k m, X: m n, B: n p, C: k p -> R = A @ X @ B + C; trace(R @ R.T)", X_X="2 * kron(B @ B.T, A.T @ A)",
    ),
    form(
        "least squares with many outputs", "many_outputs", "X: n d, W: d k, Y: n k -> R = X @ W - Y; 0.5 * sum(R**2)",
        W_W="kron(eye(W.shape[1]), X.T @ X)", W_Y="-kron(eye(W.shape[1]), X.T)",
    ),
    form(
        "Laue et al., factorisation", "factorisation", "T: m n, U: m k, V: n k -> R = T - U @ V.T; 0.5 * sum(R**2)",
        U_U="kron(V.T @ V, eye(U.shape[0]))", V_V="kron(U.T @ U, eye(V.shape[0]))",
        U_V="kron(V.T, U) @ K(V.shape[0], V.shape[1]) - kron(eye(U.shape[1]), R)",
    ),
    form(
        "factorisation of observed entries", "masked_factorisation",
        "T: m n, M: m n | binary, U: m k, V: n k, lam: | positive -> R = M * (T - U @ V.T);"
        " 0.5 * sum(R**2) + lam / 2 * (sum(U**2) + sum(V**2))",
        U_U="kron(V.T, eye(U.shape[0])) @ diag(vec(M)) @ kron(V, eye(U.shape[0])) + lam * eye(U.shape[0] * U.shape[1])",
        V_V="kron(U.T, eye(V.shape[0])) @ diag(vec(M.T)) @ kron(U, eye(V.shape[0])) + lam * eye(V.shape[0] * V.shape[1])",
    ),
    form(
        "CS231n", "squared_length", "W: m n, x: n -> q = W @ x; sum(q**2)",
        x_x="2 * (W.T @ W)", W_W="2 * kron(outer(x, x), eye(W.shape[0]))",
        x_W="kron(eye(x.shape[0]), q_bar[None, :]) + 2 * kron(x[None, :], W.T)",
    ),
    form(
        "softmax regression, one sample", "softmax_of_one",
        "x: d, W: k d, y: k | onehot -> z = W @ x; logsumexp(z) - y @ z",
        W_W="kron(outer(x, x), diag(softmax(z)) - outer(softmax(z), softmax(z)))",
        x_x="W.T @ (diag(softmax(z)) - outer(softmax(z), softmax(z))) @ W",
        x_W="kron(x[None, :], W.T @ (diag(softmax(z)) - outer(softmax(z), softmax(z)))) + kron(eye(x.shape[0]), z_bar[None, :])",
    ),
    form(
        "softmax regression, a batch", "softmax_regression",
        "X: n d, W: d k, Y: n k | onehot -> Z = X @ W; P = softmax(Z, axis=1); -sum(Y * log_softmax(Z, axis=1))",
        W_W="kron(eye(W.shape[1]), X.T) @ (diag(vec(softmax(Z, axis=1)))"
        " - diag(vec(softmax(Z, axis=1))) @ kron(ones((W.shape[1], W.shape[1])), eye(X.shape[0])) @ diag(vec(softmax(Z, axis=1))))"
        " @ kron(eye(W.shape[1]), X)",
    ),
    form(
        f"{MAGNUS}, chapter 15, Gaussian in the covariance", "gaussian_covariance",
        "S: d d | spd, Sigma: d d | spd -> 0.5 * (slogdet(Sigma)[1] + trace(solve(Sigma, S)))",
        Sigma_Sigma="0.5 * ((kron(inv(Sigma) @ S @ inv(Sigma), inv(Sigma)) + kron(inv(Sigma), inv(Sigma) @ S @ inv(Sigma))"
        " - kron(inv(Sigma), inv(Sigma))) @ K(S.shape[0], S.shape[0]))",
    ),
    form(
        "Gaussian likelihood in the precision", "gaussian_precision",
        "X: n d, mu: d, Lambda: d d | spd -> R = X - mu;"
        " 0.5 * trace(R @ Lambda @ R.T) - 0.5 * X.shape[0] * slogdet(Lambda)[1]",
        mu_mu="X.shape[0] * Lambda", X_mu="-kron(Lambda, ones(X.shape[0])[:, None])", X_X="kron(Lambda, eye(X.shape[0]))",
        Lambda_Lambda="X.shape[0] / 2 * (kron(inv(Lambda), inv(Lambda)) @ K(mu.shape[0], mu.shape[0]))",
    ),
    form(
        "Frobenius norm", "frobenius", "X: m n -> s = norm(X); s",
        X_X="eye(X.shape[0] * X.shape[1]) / s - outer(vec(X), vec(X)) / s**3",
    ),
    form(
        "Hinton, free energy of a restricted Boltzmann machine", "rbm",
        "v: n, W: n m, b: m -> x = W.T @ v + b; -sum(softplus(x))",
        v_v="-(W @ diag(sigmoid(x) * (1 - sigmoid(x))) @ W.T)",
        W_W="-kron(diag(sigmoid(x) * (1 - sigmoid(x))), outer(v, v))",
        v_W="kron(x_bar[None, :], eye(v.shape[0])) - kron(W @ diag(sigmoid(x) * (1 - sigmoid(x))), v[None, :])",
    ),
    form(
        "D2L 5.3, with phi and l left open", "d2l",
        "x: d, y: q, W1: h d, W2: q h, lam: | positive, phi: | entrywise, l: | loss -> z = W1 @ x; h = phi(z); o = W2 @ h;"
        " L = l(o, y); s = lam / 2 * (sum(W1**2) + sum(W2**2)); J = L + s; J",
        W1_W1="kron(outer(x, x), diag(dphi(z)) @ W2.T @ hessian(o, y) @ W2 @ diag(dphi(z)) + diag(h_bar * d2phi(z)))"
        " + lam * eye(W1.shape[0] * W1.shape[1])",
        W2_W2="kron(outer(h, h), hessian(o, y)) + lam * eye(W2.shape[0] * W2.shape[1])",
        W1_W2="kron(kron(x[:, None], diag(dphi(z))), o_bar[None, :])"
        " + kron(outer(x, h), diag(dphi(z)) @ W2.T @ hessian(o, y))",
        W1_lam="W1",
    ),
]  # fmt: skip

SECOND_FORMS = [*VECTORS, *MATRICES]
