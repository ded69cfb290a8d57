"""The operations, one file a family; importing this package registers them all."""

from symgrad.ops import (
    arithmetic,
    broadcasting,
    contraction,
    elementwise,
    extrema,
    generic,
    kronecker,
    linalg,
    norm,
    polynomial,
    product,
    reduction,
    triangular,
)

__all__ = [
    "arithmetic",
    "broadcasting",
    "contraction",
    "elementwise",
    "extrema",
    "generic",
    "kronecker",
    "linalg",
    "norm",
    "polynomial",
    "product",
    "reduction",
    "triangular",
]
