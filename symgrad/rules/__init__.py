"""Rewrite rules between operations, one file a family: importing the package registers them all."""

from symgrad.rules import (
    chains,
    contractions,
    entrywise,
    kronecker,
    labels,
    quotients,
    residuals,
    scalars,
    sigmoids,
    sums,
    systems,
    transposes,
)
from symgrad.rules.record import CODE, FACTORED, NORMAL, PRINT, RULES, Known, Rewrite, rules_at

__all__ = [
    "CODE", "FACTORED", "NORMAL", "PRINT", "RULES", "Known", "Rewrite",
    "chains", "contractions", "entrywise", "kronecker", "labels", "quotients", "residuals", "rules_at", "scalars",
    "sigmoids", "sums", "systems", "transposes",
]  # fmt: skip
