"""What a derivation costs, in print: tables and pictures of what is counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from symgrad.costs import breakdown
from symgrad.costs.counts import Counts
from symgrad.costs.plots import plot
from symgrad.printing.tables import Table, html, markdown, plain


class Cost(Counts):
    """Flops and memory of a derivation: SymPy formulas in the dimensions, and numbers where `sizes` are given.

    >>> import symgrad as sg
    >>> cost = sg.forward('def f(x: "n", A: "m n"): return jnp.sum((A @ x) ** 2)').derive("A").cost({"m": 3, "n": 4})
    >>> cost.flops["Hessian-vector product"], cost.memory["training"].results
    (3*m*n + m, 8*m*n)
    """

    def tables(self) -> list[Table]:
        """Everything above as tables of text."""
        return breakdown.tables(self)

    def roofline_table(self, flops_per_second: float | None = None, bytes_per_second: float | None = None) -> Table:
        return breakdown.roofline_table(self, flops_per_second, bytes_per_second)

    def checkpoint_table(self, budget: int | None = None) -> Table:
        return breakdown.checkpoint_table(self, budget)

    def plot(self, path: str | Path, against: str | None = None, values: Sequence[int] = ()) -> Path:
        """Draw memory and flops against these sizes of a dimension; without one, along the equations of a training step."""
        return plot(self, path, against, values)

    def __str__(self) -> str:
        return "\n\n".join(plain(t) for t in self.tables())

    def markdown(self) -> str:
        """The tables for a page in Markdown."""
        return "\n\n".join(markdown(t) for t in self.tables())

    def _repr_html_(self) -> str:
        return "\n".join(html(t) for t in self.tables())
