"""Ridge regression: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, section 3.4.1."""

import symgrad as sg


@sg.forward
def ridge(X: "N p", y: "N", beta: "p", lam: " | positive"):
    r = y - X @ beta  # residual
    RSS = r @ r  # residual sum of squares
    J = RSS + lam * beta @ beta  # penalised residual sum of squares
    return J


WRT = ("beta",)
