"""What a verification found, as a table of text or of HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

from symgrad.errors import VerificationError

_HEAD = ("quantity", "block", "error", "tolerance", "")


@dataclass(frozen=True)
class ReportRow:
    """One comparison: what was compared, for which variables, the worst error and what is allowed there.

    Errors are relative to the largest entry of what is wanted; where they are not, or another witness spoke, the remark says so.
    """

    quantity: str
    block: str
    error: float
    tol: float
    remark: str = ""

    @property
    def ok(self) -> bool:
        return self.error <= self.tol

    @property
    def excess(self) -> float:
        """How many times the error is what is allowed."""
        return self.error / self.tol if self.tol else float("inf") if self.error else 0.0

    @property
    def cells(self) -> tuple[str, ...]:
        verdict = "ok" if self.ok else "FAIL"
        return self.quantity, self.block, f"{self.error:.1e}", f"{self.tol:.1e}", f"{verdict}  {self.remark}".rstrip()


@dataclass(frozen=True)
class Report:
    """What a verification found; prints as a table, is true if everything agreed.

    There is one entry of `sizes` a seed, or one for the point that was given, and then no seed.
    """

    name: str
    witness: str
    rows: tuple[ReportRow, ...]
    seeds: tuple[int, ...]
    sizes: tuple[dict[str, int], ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)

    def __bool__(self) -> bool:
        return self.ok

    def raise_for_failure(self) -> Report:
        """The report itself, or `VerificationError` with its table."""
        if not self.ok:
            raise VerificationError(str(self))
        return self

    def __str__(self) -> str:
        table = [_HEAD, *(row.cells for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in table]
        return "\n".join([*self._heading(), "", *lines, "", self._summary()])

    def _heading(self) -> list[str]:
        return [f"{self.name} against {self.witness}", *self.points, *self.notes]

    @property
    def points(self) -> list[str]:
        """Where it was held, with the sizes there."""
        names = [f"seed {seed}" for seed in self.seeds] or ["the given point"]
        return [f"{name}: {_sizes_text(sizes)}" for name, sizes in zip(names, self.sizes, strict=True)]

    def _summary(self) -> str:
        failed = [f"{r.quantity} {r.block}".strip() for r in self.rows if not r.ok]
        if failed:
            return f"{len(failed)} of {len(self.rows)} checks FAILED: {', '.join(failed)}"
        return f"{len(self.rows)} checks, each within its tolerance"

    def _repr_html_(self) -> str:
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in row.cells)}</tr>" for row in self.rows)
        head = f"<tr>{''.join(f'<th>{c}</th>' for c in _HEAD)}</tr>"
        heading = "<br>".join(map(html.escape, self._heading()))
        return f"<p>{heading}</p><table>{head}{body}</table><p>{html.escape(self._summary())}</p>"


def _sizes_text(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items()) or "scalars only"
