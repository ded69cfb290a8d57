"""Write forms.md, our gradients and Hessian blocks beside the textbook's: `python docs/make_forms.py`."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from compared import Compared, compared  # noqa: E402
from forms import COOKBOOK, MODELS, USERS, Form  # noqa: E402
from second_compared import compared as second_compared  # noqa: E402
from second_forms import MATRICES, VECTORS  # noqa: E402

from symgrad.printing.latex import Show  # noqa: E402

HEAD = """# Closed forms

Written by `docs/make_forms.py` from the forms in `tests/support/forms.py`, written by hand; the tests hold every row to at
most the number of operations of its right side there, and to the same value.

Operations are the interior nodes of the printed expression. Transposes, signs, norms and scalar factors count one each, a matrix
power one whatever its exponent; names and numbers are leaves; a named intermediate or adjoint is a leaf and is not reopened. One
function, `symgrad.rules.brevity.operations`, counts both sides.

Two rows do not compare with the book as it stands. (55) there is $2 (X^+)^{\\top}$: three operations if $X^+$ is one symbol, for
which we have none; the row spells it out as $X (X^{\\top} X)^{-1}$, five on both sides. (92) is compared with a corrected sum.
"""

SECOND = """## Second order

The forms in `tests/support/second_forms.py`, compared in the same way. A block of two matrices acts on the column-stacked vec of a
direction; $K_{m,n}$ is the commutation matrix, $K_{m,n} \\operatorname{vec}(X) = \\operatorname{vec}(X^{\\top})$ for an m x n
matrix X. A variable that is declared symmetric keeps the block of an unconstrained one; [b, a] is the transpose of [a, b].
"""


def main() -> None:
    Path(__file__).with_name("forms.md").write_text(page(), encoding="utf-8")


def page() -> str:
    first = {"The Matrix Cookbook": COOKBOOK, "Models": MODELS, "Formulas of users": USERS}
    second = {"Second order: vectors and scalars": VECTORS, "Second order: matrices": MATRICES}
    gradients = {title: [row for form in forms for row in compared(form)] for title, forms in first.items()}
    blocks = {title: [row for form in forms for row in second_compared(form)] for title, forms in second.items()}
    return "\n\n".join([HEAD.strip(), *sections("forms", gradients), SECOND.strip(), *sections("Hessian blocks", blocks)]) + "\n"


def sections(kind: str, tables: Mapping[str, Sequence[Compared]]) -> list[str]:
    whole = [row for rows in tables.values() for row in rows]
    parts = [f"## {title}\n\n{ratio(rows)}\n\n{table(rows)}" for title, rows in tables.items()]
    return [f"All {len(whole)} {kind}: {ratio(whole)}", *parts]


def ratio(rows: Sequence[Compared]) -> str:
    """Ours over theirs, in total and form by form; a form without operations, such as x, has no ratio."""
    counts = [row.counts for row in rows]
    ours, theirs = (sum(side) for side in zip(*counts, strict=True))
    each = [a / b for a, b in counts if b]
    return (
        f"{ours} operations printed, {theirs} in the sources, ratio {ours / theirs:.3f};"
        f" form by form at most {max(each):.2f}, on average {statistics.mean(each):.2f}."
    )


def table(rows: Sequence[Compared]) -> str:
    lines = ["| source | model | in | printed | ours | source |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        ours, theirs = row.counts
        cells = [plain(row.form.source), f"`{body(row.form)}`", f"`{row.name}`", f"${formula(row)}$", str(ours), str(theirs)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def body(form: Form) -> str:
    """What is differentiated, without its annotations; a bar would end the cell."""
    return form.model.partition("->")[2].strip().replace("|", "\\|")


def plain(text: str) -> str:
    return text.replace("|", "\\|")


def formula(row: Compared) -> str:
    return Show().text(row.printed).replace("|", r"\vert ")


if __name__ == "__main__":
    main()
