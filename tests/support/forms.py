"""Gradients as textbooks and papers have them, written by hand beside the formulas they are the gradients of.

`of` names what is compared: a variable for the closed form over the inputs alone, `z_bar` for the adjoint equation of z over
named intermediates and adjoints.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Form:
    """A model in our language, and the right sides that its source prints."""

    name: str
    source: str
    model: str
    of: dict[str, str]

    @property
    def wrt(self) -> list[str]:
        return [v for v in dict.fromkeys(name.removesuffix("_bar") for name in self.of) if v in self.inputs]

    @property
    def inputs(self) -> list[str]:
        head = self.model.partition("->")[0].strip()
        return [part.split(":")[0].strip() for part in head.split(",")]

    @property
    def program(self) -> str:
        """`x: n, A: n n | spd -> y = A @ x; x @ y` as the text of a function."""
        head, _, body = self.model.partition("->")
        annotated = [[piece.strip() for piece in part.split(":")] for part in head.split(",")]
        *lines, value = [line.strip() for line in body.split(";")]
        arguments = ", ".join(f'{name}: "{shape}"' for name, shape in annotated)
        return "\n    ".join([f"def {self.name}({arguments}):", *lines, f"return {value}"]) + "\n"


def cookbook(number: str, name: str, model: str, **of: str) -> Form:
    return Form(name, f"Matrix Cookbook {number}", model, of)


COOKBOOK = [
    cookbook("(49)", "determinant", "X: n n -> det(X)", X="det(X) * inv(X).T"),
    cookbook("(51)", "det_of_product", "A: n n, X: n n, B: n n -> det(A @ X @ B)", X="det(A @ X @ B) * inv(X).T"),
    cookbook("(53)", "det_quadratic", "X: n n, A: n n -> det(X.T @ A @ X)", X="2 * det(X.T @ A @ X) * inv(X).T"),
    cookbook(
        "(54)", "det_quadratic_tall", "X: m n, A: m m | spd -> det(X.T @ A @ X)",
        X="2 * det(X.T @ A @ X) * (A @ X @ inv(X.T @ A @ X))",
    ),
    cookbook("(55), the pseudo-inverse spelled out", "logdet_gram", "X: m n -> slogdet(X.T @ X)[1]", X="2 * (X @ inv(X.T @ X))"),
    cookbook("(57)", "logdet", "X: n n -> slogdet(X)[1]", X="inv(X).T"),
    cookbook("(61)", "bilinear_in_inverse", "a: n, X: n n, b: n -> a @ inv(X) @ b", X="-(inv(X).T @ outer(a, b) @ inv(X).T)"),
    cookbook("(62)", "det_of_inverse", "X: n n -> det(inv(X))", X="-det(inv(X)) * inv(X).T"),
    cookbook(
        "(63)", "trace_of_inverse", "A: m n, X: n n, B: n m -> trace(A @ inv(X) @ B)", X="-(inv(X) @ B @ A @ inv(X)).T"
    ),
    cookbook("(64)", "trace_of_shifted_inverse", "X: n n, A: n n | spd -> trace(inv(X + A))", X="-(inv(X + A) @ inv(X + A)).T"),
    cookbook("(69)", "inner_product", "x: n, a: n -> x @ a", x="a"),
    cookbook("(70)", "bilinear", "a: m, X: m n, b: n -> a @ X @ b", X="outer(a, b)"),
    cookbook("(71)", "bilinear_transposed", "a: n, X: m n, b: m -> a @ X.T @ b", X="outer(b, a)"),
    cookbook("(77)", "gram_bilinear", "b: n, X: m n, c: n -> b @ X.T @ X @ c", X="X @ (outer(b, c) + outer(c, b))"),
    cookbook(
        "(78)", "two_affine", "B: m n, x: n, b: m, C: m k, D: k n, d: k -> (B @ x + b) @ C @ (D @ x + d)",
        x="B.T @ C @ (D @ x + d) + D.T @ C.T @ (B @ x + b)",
    ),
    cookbook("(81)", "quadratic", "x: n, B: n n -> x @ B @ x", x="(B + B.T) @ x"),
    cookbook(
        "(82)", "weighted_gram", "b: n, X: m n, D: m m, c: n -> b @ X.T @ D @ X @ c",
        X="D.T @ X @ outer(b, c) + D @ X @ outer(c, b)",
    ),
    cookbook(
        "(83)", "affine_quadratic", "X: m n, b: n, c: m, D: m m -> (X @ b + c) @ D @ (X @ b + c)",
        X="(D + D.T) @ outer(X @ b + c, b)",
    ),
    cookbook(
        "(84), (85), (88)", "weighted_least_squares",
        "s: n, A: m n, x: m, W: m m | symmetric -> (x - A @ s) @ W @ (x - A @ s)",
        s="-2 * (A.T @ W @ (x - A @ s))", x="2 * (W @ (x - A @ s))", A="-2 * (W @ outer(x - A @ s, s))",
    ),
    cookbook(
        "(91)", "bilinear_in_cube", "a: n, X: n n, b: n -> a @ matrix_power(X, 3) @ b",
        X="outer(a, b) @ (X @ X).T + X.T @ outer(a, b) @ X.T + (X @ X).T @ outer(a, b)",
    ),
    cookbook(
        "(92), its first term transposed, as it must be", "gram_of_square",
        "a: n, X: n n, b: n -> P = matrix_power(X, 2); a @ P.T @ P @ b",
        X="X @ X @ outer(b, a) @ X.T + X.T @ X @ X @ outer(b, a) + X @ X @ outer(a, b) @ X.T + X.T @ X @ X @ outer(a, b)",
        P_bar="P @ (outer(a, b) + outer(b, a))", X_bar="P_bar @ X.T + X.T @ P_bar",
    ),
    cookbook("(99)", "trace_alone", "X: n n -> trace(X)", X="eye(X.shape[0])"),
    cookbook("(101)", "trace_of_product", "A: k m, X: m n, B: n k -> trace(A @ X @ B)", X="A.T @ B.T"),
    cookbook("(102)", "trace_of_transposed", "A: k n, X: m n, B: m k -> trace(A @ X.T @ B)", X="B @ A"),
    cookbook("(105)", "trace_of_kron", "A: m m, X: n n -> trace(kron(A, X))", X="trace(A) * eye(X.shape[0])"),
    cookbook("(107)", "trace_of_square", "X: n n, B: n n -> trace(X @ X @ B)", X="(X @ B + B @ X).T"),
    cookbook("(108)", "trace_quadratic", "X: m n, B: m m -> trace(X.T @ B @ X)", X="B @ X + B.T @ X"),
    cookbook(
        "(113)", "trace_of_outer_quadratic", "B: n k, X: m n, C: m m -> trace(B.T @ X.T @ C @ X @ B)",
        X="C.T @ X @ B @ B.T + C @ X @ B @ B.T",
    ),
    cookbook("(114)", "trace_axbx", "A: n m, X: m n, B: n m -> trace(A @ X @ B @ X)", X="A.T @ X.T @ B.T + B.T @ X.T @ A.T"),
    cookbook(
        "(116)", "trace_axbxc", "A: k m, X: m n, B: n n, C: m k -> trace(A @ X @ B @ X.T @ C)",
        X="A.T @ C.T @ X @ B.T + C @ A @ X @ B",
    ),
    cookbook(
        "(119)", "squared_affine", "A: k m, X: m n, B: n p, C: k p -> R = A @ X @ B + C; trace(R @ R.T)",
        X="2 * (A.T @ (A @ X @ B + C) @ B.T)", R_bar="2 * R", X_bar="A.T @ R_bar @ B.T",
    ),
    cookbook("(120)", "trace_of_kron_square", "X: n n -> trace(kron(X, X))", X="2 * trace(X) * eye(X.shape[0])"),
    cookbook("(121)", "trace_of_fourth_power", "X: n n -> trace(matrix_power(X, 4))", X="4 * (X @ X @ X).T"),
    cookbook(
        "(123)", "trace_quartic", "B: n k, X: m n, C: m m -> trace(B.T @ X.T @ C @ X @ X.T @ C @ X @ B)",
        X="C @ X @ X.T @ C @ X @ B @ B.T + C.T @ X @ B @ B.T @ X.T @ C.T @ X"
        " + C @ X @ B @ B.T @ X.T @ C @ X + C.T @ X @ X.T @ C.T @ X @ B @ B.T",
    ),
    cookbook(
        "(124)", "trace_of_square_inverse", "A: n n, X: n n, B: n n -> trace(A @ inv(X) @ B)", X="-(inv(X) @ B @ A @ inv(X)).T"
    ),
    cookbook(
        "(125)", "trace_of_inverse_quadratic", "X: m n, C: m m | spd, A: n n -> trace(inv(X.T @ C @ X) @ A)",
        X="-(C @ X @ inv(X.T @ C @ X) @ (A + A.T) @ inv(X.T @ C @ X))",
    ),
    cookbook(
        "(126)", "trace_of_ratio",
        "X: m n, C: m m | spd, B: m m | symmetric -> trace(inv(X.T @ C @ X) @ (X.T @ B @ X))",
        X="-2 * (C @ X @ inv(X.T @ C @ X) @ X.T @ B @ X @ inv(X.T @ C @ X)) + 2 * (B @ X @ inv(X.T @ C @ X))",
    ),
    cookbook("(129)", "distance", "x: n, a: n -> norm(x - a)", x="(x - a) / norm(x - a)"),
    cookbook(
        "(130)", "unit_direction", "x: n, a: n, u: n -> r = x - a; u @ (r / norm(r))",
        x="u / norm(x - a) - ((x - a) @ u) * (x - a) / norm(x - a)**3",
        r_bar="u / norm(r) - (r @ u) * r / norm(r)**3", x_bar="r_bar",
    ),
    cookbook("(131)", "squared_norm", "x: n -> x @ x", x="2 * x"),
    cookbook("(132)", "squared_frobenius", "X: m n -> sum(X**2)", X="2 * X"),
    cookbook(
        "(57), (124), X symmetric", "gaussian_in_covariance", "X: n n | spd, S: n n | spd -> slogdet(X)[1] + trace(S @ inv(X))",
        X="inv(X) - inv(X) @ S @ inv(X)",
    ),
]  # fmt: skip


def paper(source: str, name: str, model: str, **of: str) -> Form:
    return Form(name, source, model, of)


MODELS = [
    paper("CS231n", "circuit", "x: , y: , z: -> q = x + y; f = q * z; f", z_bar="q", q_bar="z", x_bar="q_bar", y_bar="q_bar"),
    paper(
        "CS231n", "neuron", "w0: , x0: , w1: , x1: , w2: -> u = w0 * x0 + w1 * x1 + w2; f = 1 / (1 + exp(-u)); f",
        u_bar="(1 - f) * f", w0_bar="x0 * u_bar", x0_bar="w0 * u_bar", w1_bar="x1 * u_bar", x1_bar="w1 * u_bar", w2_bar="u_bar",
    ),
    paper(
        "CS231n", "squared_length", "W: m n, x: n -> q = W @ x; sum(q**2)",
        q_bar="2 * q", W="2 * outer(W @ x, x)", x="2 * (W.T @ W @ x)",
    ),
    paper(
        "least squares", "least_squares", "X: n d, w: d, y: n -> r = X @ w - y; 0.5 * sum(r**2)",
        w="X.T @ (X @ w - y)", r_bar="r", w_bar="X.T @ r_bar",
    ),
    paper(
        "ridge regression with an intercept", "ridge",
        "X: n d, w: d, b: , y: n, lam: | positive -> r = X @ w + b - y; mean(r**2) + lam * w @ w",
        r_bar="2 / r.shape[0] * r", w_bar="X.T @ r_bar + 2 * lam * w", b_bar="sum(r_bar)",
    ),
    paper(
        "Laue et al., logistic regression", "logistic",
        "X: n d, w: d, y: n | sign, lam: | positive -> sum(log(1 + exp(-y * (X @ w)))) + lam / 2 * w @ w",
        w="lam * w - X.T @ (y * sigmoid(-y * (X @ w)))",
    ),
    paper(
        "logistic regression, labels 0 and 1", "logistic_from_logits",
        "X: n d, w: d, y: n | binary -> z = X @ w; mean(softplus(z) - y * z)",
        w="1 / y.shape[0] * (X.T @ (sigmoid(X @ w) - y))", z_bar="1 / y.shape[0] * (sigmoid(z) - y)", w_bar="X.T @ z_bar",
    ),
    paper(
        "softmax regression", "softmax_regression",
        "X: n d, W: d k, b: k, Y: n k | onehot -> Z = X @ W + b; -mean(sum(Y * log_softmax(Z, axis=1), axis=1))",
        W="1 / X.shape[0] * (X.T @ (softmax(X @ W + b, axis=1) - Y))",
        Z_bar="1 / X.shape[0] * (softmax(Z, axis=1) - Y)", W_bar="X.T @ Z_bar", b_bar="sum(Z_bar, axis=0)",
    ),
    paper(
        "Bishop (4.91), probabilities named", "logistic_named",
        "X: n d, w: d, t: n -> a = X @ w; y = sigmoid(a); -sum(t * log(y) + (1 - t) * log(1 - y))",
        w="X.T @ (sigmoid(X @ w) - t)", a_bar="y - t", w_bar="X.T @ a_bar",
    ),
    paper(
        "softmax and cross-entropy, probabilities named", "cross_entropy_named",
        "x: d, y: k | onehot, W: k d -> z = W @ x; p = softmax(z); -sum(y * log(p))",
        W="outer(softmax(W @ x) - y, x)", z_bar="p - y", W_bar="outer(z_bar, x)",
    ),
    paper(
        "Poisson regression", "poisson", "X: n d, w: d, y: n | positive -> eta = X @ w; sum(exp(eta) - y * eta)",
        w="X.T @ (exp(X @ w) - y)", eta_bar="exp(eta) - y",
    ),
    paper(
        "Chapelle, squared hinge", "squared_hinge",
        "X: n d, w: d, y: n | sign -> m = maximum(0, 1 - y * (X @ w)); sum(m**2)",
        w="-2 * (X.T @ (y * maximum(0, 1 - y * (X @ w))))", m_bar="2 * m",
    ),
    paper(
        "batched network, mean cross-entropy, weight decay", "batched_network",
        "X: n d, Y: n q | onehot, W1: d h, b1: h, W2: h q, b2: q, lam: | positive -> Z = X @ W1 + b1; H = relu(Z);"
        " O = H @ W2 + b2; L = -sum(Y * log_softmax(O, axis=-1)) / X.shape[0]; s = lam / 2 * (sum(W1**2) + sum(W2**2)); L + s",
        O_bar="1 / X.shape[0] * (softmax(O, axis=1) - Y)", W2_bar="H.T @ O_bar + lam * W2", b2_bar="sum(O_bar, axis=0)",
        H_bar="O_bar @ W2.T", W1_bar="X.T @ Z_bar + lam * W1", b1_bar="sum(Z_bar, axis=0)",
    ),
    paper(
        "three-layer network, softmax and squared error", "softmax_squared_error",
        "X: n d, Y: n q | onehot, W1: d h, W2: h q -> h1 = X @ W1; o1 = tanh(h1); h2 = o1 @ W2; p = softmax(h2, axis=1);"
        " mean(sum((Y - p) ** 2, axis=1))",
        p_bar="-2 / X.shape[0] * (Y - p)", h2_bar="p * (p_bar - sum(p * p_bar, axis=1, keepdims=True))",
        W2_bar="o1.T @ h2_bar", o1_bar="h2_bar @ W2.T", h1_bar="(1 - o1**2) * o1_bar", W1_bar="X.T @ h1_bar",
    ),
    paper(
        "regression net with GELU", "gelu_network",
        "X: n d, y: n, W1: d h, w2: h -> Z = X @ W1; H = gelu(Z, approximate=False); r = H @ w2 - y; 0.5 * mean(r**2)",
        r_bar="1 / y.shape[0] * r", w2_bar="H.T @ r_bar", H_bar="outer(r_bar, w2)", W1_bar="X.T @ Z_bar",
        Z_bar="H_bar * (ndtr(Z) + 1 / sqrt(2 * pi) * (Z * exp(-0.5 * Z**2)))",
    ),
    paper(
        "single-head attention", "attention",
        "X: t d, Wq: d p, Wk: d p, Wv: d p, G: t p -> Q = X @ Wq; K = X @ Wk; V = X @ Wv; S = Q @ K.T / sqrt(Q.shape[1]);"
        " A = softmax(S, axis=-1); sum(G * (A @ V))",
        A_bar="G @ V.T", S_bar="A * (A_bar - sum(A * A_bar, axis=1, keepdims=True))", V_bar="A.T @ G", Wq_bar="X.T @ Q_bar",
        Q_bar="1 / sqrt(Q.shape[1]) * (S_bar @ K)", K_bar="1 / sqrt(Q.shape[1]) * (S_bar.T @ Q)",
        Wk_bar="X.T @ K_bar", Wv_bar="X.T @ V_bar",
    ),
    paper(
        "layer normalisation; the statistics' adjoints as in Ioffe and Szegedy", "layer_norm",
        "X: n d, gamma: d, beta: d, G: n d -> mu = mean(X, axis=1, keepdims=True);"
        " var = mean((X - mu) ** 2, axis=1, keepdims=True);"
        " Y = (X - mu) / sqrt(var + 1e-5) * gamma + beta; sum(G * Y)",
        gamma_bar="sum((X - mu) / sqrt(var + 1e-5) * Y_bar, axis=0)", beta_bar="sum(Y_bar, axis=0)",
        var_bar="-0.5 * sum((X - mu) * Y_bar * gamma, axis=1, keepdims=True) * (var + 1e-5)**-1.5",
        mu_bar="-sum(Y_bar * gamma / sqrt(var + 1e-5), axis=1, keepdims=True)"
        " - 2 / X.shape[1] * var_bar * sum(X - mu, axis=1, keepdims=True)",
        X_bar="Y_bar * gamma / sqrt(var + 1e-5) + 2 / X.shape[1] * var_bar * (X - mu) + 1 / X.shape[1] * mu_bar",
    ),
    paper(
        "D2L 9.7, three time steps", "three_time_steps",
        "x1: d, x2: d, x3: d, h0: h, Wxh: h d, Whh: h h, Who: q h, y: q -> h1 = tanh(Wxh @ x1 + Whh @ h0);"
        " h2 = tanh(Wxh @ x2 + Whh @ h1); h3 = tanh(Wxh @ x3 + Whh @ h2); o = Who @ h3; 0.5 * sum((o - y) ** 2)",
        o_bar="o - y", Who_bar="outer(o_bar, h3)", h3_bar="Who.T @ o_bar", h2_bar="Whh.T @ ((1 - h3**2) * h3_bar)",
        h1_bar="Whh.T @ ((1 - h2**2) * h2_bar)",
        Wxh_bar="outer((1 - h1**2) * h1_bar, x1) + outer((1 - h2**2) * h2_bar, x2) + outer((1 - h3**2) * h3_bar, x3)",
        Whh_bar="outer((1 - h1**2) * h1_bar, h0) + outer((1 - h2**2) * h2_bar, h1) + outer((1 - h3**2) * h3_bar, h2)",
    ),
    paper(
        "Gaussian likelihood in the precision", "gaussian_in_precision",
        "X: n d, mu: d, Lambda: d d | spd -> R = X - mu;"
        " 0.5 * trace(R @ Lambda @ R.T) - 0.5 * X.shape[0] * slogdet(Lambda)[1]",
        mu="-(Lambda @ (X - mu).T @ ones(X.shape[0]))", Lambda_bar="0.5 * (R.T @ R) - X.shape[0] / 2 * inv(Lambda)",
    ),
    paper(
        "Gaussian likelihood in the covariance", "gaussian_by_solve",
        "S: d d | spd, Sigma: d d | spd -> 0.5 * slogdet(Sigma)[1] + 0.5 * trace(solve(Sigma, S))",
        Sigma="0.5 * (inv(Sigma) - inv(Sigma) @ S @ inv(Sigma))",
    ),
    paper(
        "Rasmussen and Williams (5.9)", "gaussian_process",
        "D2: n n | symmetric positive, y: n, ell: | positive, sigma: | positive ->"
        " K = exp(-D2 / (2 * ell**2)) + (sigma**2 + 1) * eye(y.shape[0]); 0.5 * y @ solve(K, y) + 0.5 * slogdet(K)[1]",
        K_bar="0.5 * (inv(K) - inv(K) @ outer(y, y) @ inv(K))", sigma_bar="2 * sigma * trace(K_bar)",
        ell_bar="sum(K_bar * (D2 * exp(-D2 / (2 * ell**2)))) / ell**3",
    ),
    paper(
        "Kingma and Welling, appendix B", "kl_of_gaussians",
        "mu: n d, rho: n d -> -0.5 * sum(1 + rho - mu**2 - exp(rho))", mu="mu", rho="0.5 * (exp(rho) - 1)",
    ),
    paper(
        "mixture of unit Gaussians", "mixture",
        "X: n d, a: k, B: k d -> sq = sum(X**2, axis=1)[:, None] - 2 * X @ B.T + sum(B**2, axis=1);"
        " -sum(logsumexp(log_softmax(a) - 0.5 * sq, axis=1))",
        a_bar="X.shape[0] * softmax(a) - sum(softmax(log_softmax(a) - 0.5 * sq, axis=1), axis=0)",
        B_bar="2 * (diag(sum(sq_bar, axis=0)) @ B - sq_bar.T @ X)",
    ),
    paper(
        "Laue et al., factorisation", "factorisation", "T: m n, U: m k, V: n k -> R = T - U @ V.T; sum(R**2)",
        U="-2 * ((T - U @ V.T) @ V)", V="-2 * ((T - U @ V.T).T @ U)", R_bar="2 * R",
    ),
    paper(
        "factorisation of observed entries", "masked_factorisation",
        "T: m n, M: m n | binary, U: m k, V: n k, lam: | positive -> R = M * (T - U @ V.T);"
        " 0.5 * sum(R**2) + lam / 2 * (sum(U**2) + sum(V**2))",
        U="lam * U - (M * (T - U @ V.T)) @ V", V="lam * V - (M * (T - U @ V.T)).T @ U",
    ),
    paper(
        "Rayleigh quotient", "rayleigh", "w: n, A: n n | symmetric -> (w @ A @ w) / (w @ w)",
        w="2 / (w @ w) * (A @ w - (w @ A @ w) / (w @ w) * w)",
    ),
    paper(
        "cosine similarity", "cosine", "x: n, y: n -> x @ y / (norm(x) * norm(y))",
        x="y / (norm(x) * norm(y)) - (x @ y) * x / (norm(x)**3 * norm(y))",
        y="x / (norm(x) * norm(y)) - (x @ y) * y / (norm(y)**3 * norm(x))",
    ),
    paper(
        "van den Oord et al., InfoNCE", "info_nce",
        "Z1: n d, Z2: n d, tau: | positive -> S = Z1 @ Z2.T / tau; -mean(diagonal(log_softmax(S, axis=1)))",
        S_bar="1 / Z1.shape[0] * (softmax(S, axis=1) - eye(Z1.shape[0]))", Z1_bar="S_bar @ Z2 / tau", Z2_bar="S_bar.T @ Z1 / tau",
    ),
    paper(
        "D2L 5.3", "d2l",
        "x: d, y: q, W1: h d, W2: q h, lam: | positive -> z = W1 @ x; h = tanh(z); o = W2 @ h; L = 0.5 * sum((o - y) ** 2);"
        " s = lam / 2 * (sum(W1**2) + sum(W2**2)); J = L + s; J",
        o_bar="o - y", W2_bar="outer(o_bar, h) + lam * W2", h_bar="W2.T @ o_bar", z_bar="h_bar * (1 - h**2)",
        W1_bar="outer(z_bar, x) + lam * W1",
    ),
    paper(
        "D2L 5.3, exercise 2", "d2l_with_biases",
        "x: d, y: q | onehot, W1: h d, b1: h, W2: q h, b2: q -> z = W1 @ x + b1; h = tanh(z); o = W2 @ h + b2;"
        " logsumexp(o) - y @ o",
        o_bar="softmax(o) - y", W2_bar="outer(o_bar, h)", b2_bar="o_bar", h_bar="W2.T @ o_bar", z_bar="h_bar * (1 - h**2)",
        W1_bar="outer(z_bar, x)", b1_bar="z_bar",
    ),
]  # fmt: skip

USERS = [
    paper(
        "log-likelihood of a linear mixture", "linear_mixture",
        "y: n | positive, x: n d | positive, theta: d | positive -> y @ log(x @ theta)", theta="x.T @ (y / (x @ theta))",
    ),
    paper(
        "projection error", "projection_error", "V: m k, W: k n, z: n, target: m -> sum((V @ W @ z - target) ** 2)",
        z="2 * (W.T @ V.T @ (V @ W @ z - target))", W="2 * (V.T @ outer(V @ W @ z - target, z))",
    ),
    paper(
        "quadratic plus sine", "quadratic_and_sine", "A: n n | symmetric, c: , x: n, y: n -> x @ A @ x + c * sin(y) @ x",
        x="2 * (A @ x) + c * sin(y)",
    ),
    paper(
        "shifted residual", "shifted_residual", "A: n n, b: n, c: , x: n -> norm(b - A @ x + c * x)",
        x="(c * (b - A @ x + c * x) - A.T @ (b - A @ x + c * x)) / norm(b - A @ x + c * x)",
    ),
    paper(
        "logistic loss as typed", "logistic_loss", "A: m n, b: m | sign, x: n -> sum(log(exp(-b * (A @ x)) + 1))",
        x="-(A.T @ (b * sigmoid(-b * (A @ x))))",
    ),
    paper("weighted product", "weighted_product", "y: m, v: m, A: m n, x: n -> (y * v) @ A @ x", x="A.T @ (y * v)"),
    paper("least absolute deviations", "least_absolute", "A: m n, x: n, y: m -> sum(abs(A @ x - y))", x="A.T @ sign(A @ x - y)"),
    paper(
        "four-factor trace", "four_factor_trace", "A: k n, X: m n, B: m m, C: n k -> trace(A @ X.T @ B @ X @ C)",
        X="B @ X @ C @ A + B.T @ X @ A.T @ C.T",
    ),
    paper("log det of the inverse", "logdet_of_inverse", "X: n n | spd -> slogdet(inv(X))[1]", X="-inv(X)"),
]  # fmt: skip

FORMS = [*COOKBOOK, *MODELS, *USERS]
