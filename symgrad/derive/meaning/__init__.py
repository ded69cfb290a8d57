"""Recognise what a formula means, so that its derivatives neither cancel nor overflow.

Each entry is an identity, used on the forward pass before it is differentiated: log(1 + exp x) is softplus, sqrt(sum x^2) a norm.
Only within one equation: what the author named stays as named, but for the logarithm of a named probability, which
`symgrad.derive.probabilities` reads through.  The printed forward pass keeps the author's formula.
"""

from symgrad.derive.meaning import cancellation, error_function, exponentials, hyperbolic, lengths, rational  # noqa: F401  (each fills the table)
from symgrad.derive.meaning.table import MEANINGS, Meaning, means, recognise

__all__ = ["MEANINGS", "Meaning", "means", "recognise"]
