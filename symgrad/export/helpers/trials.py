"""What a module tests itself with: random inputs, directions, finite differences."""

import numpy as np


def _random(shape, words, rng, spread=1.0, shift=0.0):
    """A random array with these properties."""
    if "int" in words:
        return rng.integers(2, size=shape)
    x = shift + spread * rng.normal(size=shape)
    if "positive" in words or "unit" in words:
        x = 0.2 + 0.6 / (1.0 + np.exp(-x))
    if "binary" in words or "sign" in words:
        x = np.where(x > 0, 1.0, 0.0 if "binary" in words else -1.0)
    if "onehot" in words:
        x = np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
    if "simplex" in words:
        x = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    if "orthogonal" in words:
        x = np.linalg.qr(x)[0]
    if "symmetric" in words:
        x = (x + x.T) / 2
    if "spd" in words:
        x = x @ x.T / len(x) + np.eye(len(x))
    if "lower" in words:
        x = np.tril(x, -1) + np.diag(0.5 + np.abs(np.diagonal(x)))
    if "diagonal" in words:
        x = np.diag(np.diagonal(x))
    return x


def _move(x, words, rng):
    """A random direction that keeps an array's properties, zero where none does."""
    v = rng.normal(size=np.shape(x))
    if {"int", "onehot", "binary", "sign"} & set(words):
        v = np.zeros(np.shape(x))
    if "simplex" in words:
        v = v - v.mean(-1, keepdims=True)
    if "orthogonal" in words:
        v = x @ (v - v.T)
    if "symmetric" in words or "spd" in words:
        v = (v + v.T) / 2
    if "lower" in words:
        v = np.tril(v)
    if "diagonal" in words:
        v = np.diag(np.diagonal(v))
    return v


def _slope(function, at, name, v):
    """The derivative of arrays along v in one input: central differences of order 4."""
    h = 1e-5 / max(1.0, np.max(np.abs(v), initial=0.0))

    def difference(step):
        up, down = (function(**{**at, name: at[name] + s * v}) for s in (step, -step))
        return [(u - d) / (2 * step) for u, d in zip(up, down, strict=True)]

    pairs = zip(difference(h), difference(2 * h), strict=True)
    return [(4 * near - far) / 3 for near, far in pairs]


def _error(got, wanted):
    """The largest difference, over the largest entry or 1."""
    size = max(1.0, *(np.max(np.abs(w), initial=0.0) for w in wanted))
    pairs = zip(got, wanted, strict=True)
    return max(np.max(np.abs(np.asarray(g) - w), initial=0.0) for g, w in pairs) / size


def _directions(at, name, rng):
    """A random direction in one of the variables, zero in the others."""
    v = _move(at[name], PROPERTIES.get(name, ()), rng)
    zeros = {other: np.zeros(np.shape(at[other])) for other in Gradient._fields}
    return v, tuple({**zeros, name: v}.values())


def _scalar_errors(tested, at, functions, rng):
    """How far each derivative in each variable is from the one below it."""
    value, grad, hvp, hessian = tested
    at, errors = {**at, **functions}, {}
    gradient, blocks = grad(**at), hessian(**at)
    for i, name in enumerate(Gradient._fields):
        v, direction = _directions(at, name, rng)
        slope = _slope(lambda **x: [value(**x)], at, name, v)
        errors["grad", name] = _error([np.sum(gradient[i] * v)], slope)
        product = hvp(direction, **at)
        errors["hvp", name] = _error(product, _slope(grad, at, name, v))
        summed = [np.tensordot(row[i], v, axes=np.ndim(v)) for row in blocks]
        errors["hessian", name] = _error(summed, product)
    return errors


def _array_errors(tested, at, functions, rng):
    """The same where the value is an array."""
    value, jvp, jacobian = tested
    at, errors = {**at, **functions}, {}
    blocks = jacobian(**at)
    for block, name in zip(blocks, Gradient._fields, strict=True):
        v, direction = _directions(at, name, rng)
        moved = jvp(direction, **at)
        slope = _slope(lambda **x: [value(**x)], at, name, v)
        errors["jvp", name] = _error(moved, slope)
        summed = np.tensordot(block, v, axes=np.ndim(v))
        errors["jacobian", name] = _error([summed], moved)
    return errors


def _report(errors):
    """Print the errors; leave with 1 where one is no rounding."""
    failed = [key for key, error in errors.items() if not error < 1e-6]
    for (quantity, name), error in errors.items():
        verdict = "FAILED" if (quantity, name) in failed else "ok"
        print(f"{quantity:<8} in {name:<12} {error:8.1e}  {verdict}")
    if failed:
        raise SystemExit(1)


def _tanh(order):
    """The derivative of tanh of this order: an example of a function entry by entry."""
    slope = np.poly1d([1.0, 0.0])
    for _ in range(order):
        slope = np.polyder(slope) * np.poly1d([-1.0, 0.0, 1.0])
    return lambda x: slope(np.tanh(x))


def _tanh_loss(*wrt):
    """A derivative of tanh of a weighted sum of all entries: an example of a loss."""

    def derivative(*operands):
        weights = [np.cos(np.arange(np.size(x))).reshape(np.shape(x)) for x in operands]
        total = sum(np.sum(w * x) for w, x in zip(weights, operands, strict=True))
        result = _tanh(len(wrt))(total)
        for i in wrt:
            result = np.multiply.outer(result, weights[i])
        return result

    return derivative
