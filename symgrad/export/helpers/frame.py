"""What every module begins with: inputs and directions, held against the declared."""

import numpy as np


def _arrays(**inputs):
    """The inputs as arrays, held against SHAPES: one name stands for one size.

    Numbers, lists and integers take the dtype of the arrays of floats beside them.
    """
    arrays = {name: np.asarray(given) for name, given in inputs.items()}
    floats = {n: a for n, a in arrays.items() if a.dtype.kind == "f"}
    typed = {a.dtype for n, a in floats.items() if a.ndim and a is inputs[n]}
    typed = typed or {a.dtype for a in floats.values()} or {np.dtype(float)}
    dtype = typed.pop() if len(typed) == 1 else np.result_type(*typed)
    sizes = {}
    for name, array in arrays.items():
        _fit_shape(name, array.shape, SHAPES[name], sizes)
        if name in LABELS or array.dtype is not dtype:
            arrays[name] = _typed(name, array, dtype, array is inputs[name])
    return list(arrays.values())


def _typed(name, array, dtype, is_given):
    """Labels as they are, arrays of floats as given, all else in a common dtype."""
    if array.dtype.kind not in ("iub" if name in LABELS else "fiub"):
        wanted = "integer labels" if name in LABELS else "real numbers"
        raise TypeError(f"{name}: expected {wanted}, got dtype {array.dtype}")
    is_typed = array.dtype.kind == "f" and is_given and array.ndim
    return array if is_typed or name in LABELS else array.astype(dtype)


def _fit_shape(name, shape, dims, sizes):
    """Hold a shape against the dimensions declared, and those against known sizes."""
    if len(shape) != len(dims):
        declared = ", ".join(map(str, dims)) + "," * (len(dims) == 1)
        raise ValueError(f"{name}: expected shape ({declared}), got {shape}")
    for axis, dim in enumerate(dims):
        size = shape[axis]
        known = dim if isinstance(dim, int) else sizes.setdefault(dim, size)
        if known != size:
            raise ValueError(f"{name}: dimension {dim} is {size}, elsewhere {known}")


def _same_size(name, axis, dim, size, expected):
    """Hold the size of an axis that is an expression in dimensions against them."""
    if size != expected:
        raise ValueError(f"{name}: axis {axis} is {size}, and {dim} is {expected}")


def _has_room(gap, size):
    """Hold what is left of an axis beside a part of it against 0."""
    if size < 0:
        raise ValueError(f"{gap} is {size} at these sizes, and has to be 0 or more")


def _like(direction, /, **variables):
    """The directions as arrays of the shapes and dtypes of the variables they move."""
    if len(direction) != len(variables):
        raise ValueError(
            f"expected {len(variables)} directions, got {len(direction)}",
        )
    moved = []
    for (name, x), given in zip(variables.items(), direction, strict=True):
        v = np.asarray(given, dtype=x.dtype)
        if v.shape != x.shape:
            raise ValueError(f"direction in {name}: shape {v.shape}, not {x.shape}")
        moved.append(v)
    return moved


def _check(inputs):
    """Hold the inputs against what was declared; raises ValueError with a name."""
    for name, words in PROPERTIES.items():
        for word in words:
            if not _fits(np.asarray(inputs[name], dtype=float), word):
                raise ValueError(f"{name} is declared {word}, and is not")


def _fits(x, word):
    """Does an array have a declared property, up to rounding?"""
    if word in ("symmetric", "spd", "orthogonal", "diagonal", "lower"):
        near = x @ x.T if word == "orthogonal" else x
        other = {
            "orthogonal": np.eye(len(x)),
            "diagonal": np.diag(np.diagonal(x)),
            "lower": np.tril(x),
        }.get(word, x.T)
        is_near = np.allclose(near, other)
        return is_near and (word != "spd" or np.linalg.eigvalsh(x)[0] > 0)
    if word in ("onehot", "simplex"):
        known = np.isin(x, (0, 1)) if word == "onehot" else x >= 0
        return np.allclose(x.sum(axis=-1), 1) and known.all()
    known = {
        "positive": x > 0,
        "unit": (x > 0) & (x < 1),
        "binary": np.isin(x, (0, 1)),
        "sign": np.isin(x, (-1, 1)),
        "int": x == np.floor(x),
    }
    return bool(np.all(known[word]))
