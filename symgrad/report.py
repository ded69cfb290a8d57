"""What a verification found, as a table of text or of HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

from symgrad.errors import VerificationError


@dataclass(frozen=True)
class Row:
    """One comparison: what was compared, for which variables, the largest relative error, and whether that is small enough."""

    quantity: str
    block: str
    error: float
    ok: bool


@dataclass(frozen=True)
class Report:
    """What a verification found; prints as a table, is true if everything agreed."""

    name: str
    witness: str
    rows: tuple[Row, ...]
    seeds: tuple[int, ...]
    sizes: tuple[dict[str, int], ...]
    tol: float
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
        table = [("quantity", "block", "error", ""), *((r.quantity, r.block, f"{r.error:.1e}", _verdict(r)) for r in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in table]
        return "\n".join([*self._heading(), "", *lines, "", self._summary()])

    def _heading(self) -> list[str]:
        points = [f"seed {seed}: {_sizes_text(sizes)}" for seed, sizes in zip(self.seeds, self.sizes, strict=True)]
        return [f"{self.name} against {self.witness}", *points, *self.notes]

    def _summary(self) -> str:
        failed = [f"{r.quantity} {r.block}".strip() for r in self.rows if not r.ok]
        if failed:
            return f"{len(failed)} of {len(self.rows)} checks FAILED (tolerance {self.tol:g}): {', '.join(failed)}"
        return f"{len(self.rows)} checks, all within {self.tol:g}"

    def _repr_html_(self) -> str:
        cells = [(r.quantity, r.block, f"{r.error:.1e}", _verdict(r)) for r in self.rows]
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(c)}</td>' for c in line)}</tr>" for line in cells)
        head = "<tr><th>quantity</th><th>block</th><th>error</th><th></th></tr>"
        heading = "<br>".join(map(html.escape, self._heading()))
        return f"<p>{heading}</p><table>{head}{body}</table><p>{html.escape(self._summary())}</p>"


def _verdict(row: Row) -> str:
    return "ok" if row.ok else "FAIL"


def _sizes_text(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items()) or "scalars only"
