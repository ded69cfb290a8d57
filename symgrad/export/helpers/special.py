"""Error functions and quotients with a removable singularity, by their series."""

import math

import numpy as np


def _horner(coefficients, x):
    """The polynomial with these coefficients, the highest power first."""
    value = coefficients[0]
    for c in coefficients[1:]:
        value = value * x + c
    return value


def _erf_near_zero(x):
    """The error function up to 1/2, by Cody's rational approximation."""
    y = np.minimum(np.abs(x), 0.5) ** 2
    over = (
        1.85777706184603153e-1,
        3.16112374387056560,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    )
    under = (
        1.0,
        2.36012909523441209e1,
        2.44024637934444173e2,
        1.28261652607737228e3,
        2.84423683343917062e3,
    )
    return x * _horner(over, y) / _horner(under, y)


def _erf(x):
    """The error function: Cody's rational approximation near zero, 1 - erfc beyond."""
    far = np.sign(x) * (1.0 - _erfc(np.abs(x)))
    return np.where(np.abs(x) <= 0.5, _erf_near_zero(x), far)


def _erfcx_beyond(y):
    """exp(y^2) erfc(y) from 15/32 on, by Cody's rational approximations."""
    m = np.minimum(y, 4.0)
    over = (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    )
    under = (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    )
    middle = _horner(over, m) / _horner(under, m)
    t = np.maximum(y, 4.0) ** -2.0
    over = (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    )
    under = (
        1.0,
        2.56852019228982242,
        1.87295284992346725,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    )
    tail = (0.5641895835477563 - t * _horner(over, t) / _horner(under, t)) / y
    return np.where(y <= 4.0, middle, tail)


def _erfc(x):
    """1 - erf(x) without cancellation.

    W. J. Cody, Rational Chebyshev approximations for the error function (1969); of the
    two factors of exp(-y^2) the first is exact.
    """
    y = np.maximum(np.abs(x), 0.46875)
    cut = np.minimum(y, 30.0)
    head = np.floor(cut * 16.0) / 16.0
    far = np.exp(-head * head) * np.exp(-(cut - head) * (cut + head)) * _erfcx_beyond(y)
    near = 1.0 - _erf_near_zero(x)
    return np.where(np.abs(x) <= 0.46875, near, np.where(x < 0, 2.0 - far, far))


def _sinc(x, order):
    """The derivative of this order of sin(u) / u in x, u = pi x.

    A power series near zero, u f_n = sin_n - n f_(n-1) beyond.
    """
    u = np.pi * x
    is_far = np.abs(u) > order + 1.0
    far, near = np.where(is_far, u, order + 2.0), np.where(is_far, 0.0, u)
    value = np.sin(far) / far
    for n in range(1, order + 1):
        value = (np.sin(far + n * np.pi / 2) - n * value) / far
    first = (order + 1) // 2
    term = (-1.0) ** first * near ** (2 * first - order) / (2 * first + 1)
    series = term
    for k in range(first + 1, first + 24):
        below = (2 * k + 1) * (2 * k - order) * (2 * k - order - 1)
        term = -term * near**2 * (2 * k - 1) / below
        series = series + term
    return np.pi**order * np.where(is_far, value, series)


def _riccati(sign, count):
    """Coefficients of tan (1) or tanh (-1), the odd solution of t' = 1 + sign t^2."""
    c = [0.0]
    for n in range(count):
        square = sum(c[i] * c[n - i] for i in range(n + 1))
        c.append(((n == 0) + sign * square) / (n + 1))
    return c


def _riccati_slope(sign, order, t):
    """The derivative of this order of tan or tanh as a polynomial in its value t."""
    p = [0.0, 1.0]
    for _ in range(order):
        d = [k * c for k, c in enumerate(p)][1:]
        pairs = zip([*d, 0.0, 0.0], [0.0, 0.0, *d], strict=True)
        p = [low + sign * high for low, high in pairs]
    return _horner(p[::-1], t)


def _removable(x, function, order):
    """The derivative of this order of f(x) / x, f being zero at zero.

    Smooth at zero: a power series near it, x f_n = g_n - n f_(n-1) beyond.
    """
    near = np.abs(x) < 0.25 * (order + 1) / (order + 2)
    small, series = np.where(near, x, 0.0), 0.0
    odd = _riccati(1.0 if function == "tan" else -1.0, order + 31)
    coefficient = {
        "log1p": lambda k: (-1.0) ** k / (k + 1),
        "expm1": lambda k: 1.0 / math.factorial(k + 1),
        "sinh": lambda k: (k + 1) % 2 / math.factorial(k + 1),
        "arctan": lambda k: (k + 1) % 2 * (-1.0) ** (k // 2) / (k + 1),
    }.get(function, lambda k: odd[k + 1])
    for k in range(order + 30, order - 1, -1):
        series = series * small + coefficient(k) * math.perm(k, order)
    far = np.where(near, 1.0, x)
    value = _removed_slope(far, function, 0) / far
    for k in range(1, order + 1):
        value = (_removed_slope(far, function, k) - k * value) / far
    return np.where(near, series, value)[()]


def _removed_slope(x, function, k):
    """The derivative of order k of the function above the line."""
    if function == "log1p" and k:
        return -((-1.0) ** k) * math.factorial(k - 1) / (1.0 + x) ** k
    if function == "arctan" and k:
        angle = np.arctan2(1.0, x)
        power = math.factorial(k - 1) * np.hypot(1.0, x) ** -k
        return (-1.0) ** (k - 1) * power * np.sin(k * angle)
    if function in ("tan", "tanh"):
        t = np.tan(x) if function == "tan" else np.tanh(x)
        if function == "tanh" and k == 1:
            return 1.0 / np.cosh(x) ** 2
        return _riccati_slope(1.0 if function == "tan" else -1.0, k, t)
    return {
        "log1p": lambda: np.log1p(x),
        "expm1": lambda: np.exp(x) if k else np.expm1(x),
        "sinh": lambda: np.cosh(x) if k % 2 else np.sinh(x),
        "arctan": lambda: np.arctan(x),
    }[function]()


def _erfcx(x, order):
    """The derivative of this order of exp(x^2) erfc(x), (-2)^n n! J_n.

    2 n J_n = J_(n-2) - 2 x J_(n-1): upwards below 1, by its continued fraction beyond.
    """
    low = np.minimum(x, 1.0)
    before, value, factor = 1.1283791670955126, np.exp(low * low) * _erfc(low), 1.0
    for n in range(1, order + 1):
        before, value = value, (before - 2.0 * low * value) / (2.0 * n)
        factor = -2.0 * n * factor
    high = np.maximum(x, 1.0)
    ratio = 1.0 / (high + np.hypot(high, 20.0))
    product = 1.1283791670955126
    for n in range(200, -1, -1):
        ratio = 1.0 / (2.0 * high + 2.0 * (n + 1) * ratio)
        if n <= order:
            product = product * ratio
    return factor * np.where(x < 1.0, value, product)


def _log_erfc(x):
    """log(erfc(x)), where erfc may underflow; near zero by log1p(-erf(x))."""
    near = np.log1p(-_erf_near_zero(np.minimum(np.maximum(x, -0.5), 0.5)))
    middle = np.log(_erfc(np.minimum(x, 1.0)))
    high = np.log(_erfcx(np.maximum(x, 1.0), 0)) - np.square(x)
    return np.where(np.abs(x) < 0.5, near, np.where(x < 1.0, middle, high))
