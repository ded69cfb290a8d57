"""The operations, one file a family; importing this package registers them all."""

from symgrad.ops import arithmetic, broadcasting, elementwise, generic, product, reduction

__all__ = ["arithmetic", "broadcasting", "elementwise", "generic", "product", "reduction"]
