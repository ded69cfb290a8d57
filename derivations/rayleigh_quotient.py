"""The Rayleigh quotient: Golub and Van Loan, Matrix Computations, section 8.2; stationary exactly at the eigenvectors of A.

With q its value, the gradient is 2 (A x - q x) / x^T x and, at an eigenvector, the Hessian 2 (A - q I) / x^T x.
"""

import symgrad as sg


@sg.forward
def rayleigh_quotient(x: "n", A: "n n | symmetric"):
    a = x @ A @ x  # quadratic form
    b = x @ x  # squared length
    q = a / b  # Rayleigh quotient
    return q


WRT = ("x",)
