"""Write operations.md from the registry: `python docs/make_operations.py`."""

from __future__ import annotations

import os
import re
import string
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from judged import listed

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.language import LANGUAGE
from symgrad.core.op import REGISTRY, Node, Op, Sample, variable
from symgrad.core.roles import Adjoint
from symgrad.derive.meaning import MEANINGS
from symgrad.printing.latex import Show, Theme
from symgrad.printing.wording import worded
from symgrad.reading.annotations import declare

HEAD = """# Operations

Written by `docs/make_operations.py` from the records in `symgrad/ops/`; change it there.
A rule reads the output of its operation by name, so its right side may hold $Z$ (or $z$).
A bar is the cotangent of what stands under it.
"""

MEANT = """
## Stable forms

What is recognised in a formula before it is differentiated, so that its derivatives neither cancel nor overflow; the forward pass
prints as typed.
"""

DIFFERENCES = """
## Where jax differs

Derivatives of the entrywise operations at -1e100, -40, -1e-100, 0, 1e-100, 1e-8, 0.5, 40 and 1e100, judged by mpmath with 420
digits: the points where ours or `jax.grad`'s is not right to 13 digits.
"""


def main() -> None:
    Path(__file__).with_name("operations.md").write_text(page(), encoding="utf-8")


def page() -> str:
    shown = sorted((op for op in REGISTRY.values() if op.samples), key=lambda op: op.name)
    return "\n\n".join([HEAD.strip(), *map(section, shown), MEANT.strip(), stable_forms(), DIFFERENCES.strip(), listed()]) + "\n"


def stable_forms() -> str:
    meanings = {m.written: m.meant for entries in MEANINGS.values() for m in entries}
    rows = [f"| `{cell(written)}` | {cell(meant)} |" for written, meant in sorted(meanings.items())]
    return "\n".join(["| as typed | as differentiated |", "| --- | --- |", *rows])


def cell(text: str) -> str:
    """Text in a table, where a bar would end the cell."""
    return text.replace("|", r"\|")


def section(op: Op) -> str:
    sample = op.samples[0]
    operands = letters(sample)
    Z = op.node(*operands, **sample.static)
    names = written_as(op, sample, operands)
    written = f"Written as {', '.join(f'`{n}`' for n in names)}." if names else "Made by rules and by other operations."
    found = "".join(plain(p) if isinstance(p, str) else f"${p.latex}$" for p in worded(op.found))
    lines = [f"## {op.name}", written, f"$$\n{formula(Z)}\n$$", found.strip()]
    facts = [("Source", op.source), ("Does not hold", op.limits), ("At a kink", op.kink)]
    told = [f"{title}: {plain(text.rstrip('.'))}." for title, text in facts if text]
    return "\n\n".join(lines + told + ([f"In print: {op.defines}."] if op.defines else []))


def plain(text: str) -> str:
    """The words of a record, kept from being read as markup."""
    return re.sub(r"([\\<*_^$|`])", r"\\\1", text)


def letters(sample: Sample) -> tuple[Node, ...]:
    """x and y for vectors and scalars, X and Y for what has more axes."""
    result = []
    for letter, spec in zip("xyuvw" + string.ascii_lowercase, sample.specs, strict=False):
        declared = declare(spec, letter)
        name = letter.upper() if len(declared.shape) > 1 else letter
        result.append(variable(name, declared.shape, declared.properties))
    return tuple(result)


def formula(Z: Node) -> str:
    """The operation, and the cotangent of every operand that has one."""
    show = Show(Theme(style="accent"))
    letter = "Z" if Z.ndim > 1 else "z"
    out = variable(letter, Z.shape)
    bars = Z.op.vjp(out, *Z.args, variable(f"{letter}_bar", Z.shape, role=Adjoint(letter, letter)), **Z.params)
    lines = [f"{letter} &= {show.text(Z)}"]
    for X, bar in zip(Z.args, bars, strict=True):
        lines += [rf"\bar{{{show.text(X)}}} &= {show.text(bar)}"] if bar is not None else []
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def written_as(op: Op, sample: Sample, operands: tuple[Node, ...]) -> list[str]:
    """The names of the language that make this operation out of these operands and nothing else."""
    return sorted(name for name, function in LANGUAGE.items() if _makes(function, op, sample, operands))


def _makes(function: Callable[..., Any], op: Op, sample: Sample, operands: tuple[Node, ...]) -> bool:
    axes = sample.static.get("axes", sample.static.get("axis"))
    for keywords in ({"axis": axes}, {}) if axes is not None else ({},):
        try:
            made = function(*operands, **keywords)
        except Exception:  # a function that takes other operands says so in its own way
            continue
        if isinstance(made, Node) and made.op is op and made.args == operands:
            return True
    return False


if __name__ == "__main__":
    main()
