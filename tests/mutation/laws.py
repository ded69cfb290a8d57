"""The suite's own laws, asked of one record: what a mutant has to survive."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import checkers
import corners
import judged
import numpy as np
import printed
from cases import DISTINCT, ONES, Case, case_of, fits_size_one

from symgrad.core.op import Op
from symgrad.rules import Rewrite

Law = Callable[[], None]

FIRST = {
    "vjp": ("vjp", "at_corners", "second", "closure"),
    "jvp": ("jvp", "at_corners", "second", "vjp", "linear", "partials"),
    "numpy": ("value", "in_process", "at_corners", "adversarial", "jvp", "vjp", "second"),
    "fold": ("fold",),
    "latex": ("printed", "latex"),
    "precedence": ("brackets", "printed"),
    "flops": ("count", "flops"),
    "shape": ("shapes", "value"),
}
"""The laws that speak of a field, the quickest first."""


def laws_of(record: Op | Rewrite, field: str) -> Iterator[Law]:
    """Every law that the suite holds against the record, as calls without arguments."""
    if isinstance(record, Rewrite):
        yield from _rewrite_laws(record)
        return
    cases = [
        case_of(record, s, sizes) for s in record.samples for sizes in (DISTINCT, ONES) if sizes is DISTINCT or fits_size_one(s)
    ]
    for law in FIRST[field]:
        check = LAWS[law]
        once = law in ("at_corners", "in_process")  # one size shows it
        yield from (lambda case=case, check=check: check(case) for case in cases if not once or case.sizes is DISTINCT)
    if field in ("vjp", "jvp"):
        yield lambda: _judged(record)


def _asked(op: Op, law: str) -> Iterator[Law]:
    """One law on every sample, at all sizes unless one of them shows it."""
    for sample in op.samples:
        for sizes in (DISTINCT, ONES):
            if sizes is DISTINCT or (fits_size_one(sample) and law not in ("at_corners", "in_process")):
                yield lambda sample=sample, sizes=sizes: LAWS[law](case_of(op, sample, sizes))


def _judged(op: Op) -> None:
    """test_judged.py on one operation."""
    for j in judged.judgements(op):
        assert j.ours_agrees, j


def _linear(case: Case) -> None:
    if checkers.declared_linear(case):
        checkers.check_linear(case)


def _partials(case: Case) -> None:
    if case.op.scalar is not None:
        checkers.check_partials(case)


def _adversarial(case: Case) -> None:
    if case.op.scalar is not None and all(not spec.partition("|")[0].strip() for spec in case.sample.specs):
        checkers.check_adversarial(case)


LAWS: dict[str, Callable[[Case], None]] = {
    **{name: getattr(checkers, f"check_{name}") for name in "value jvp vjp second closure latex shapes flops".split()},
    "linear": _linear,
    "partials": _partials,
    "adversarial": _adversarial,
    "at_corners": corners.check_at_corners,
    "in_process": corners.check_in_process,
    "fold": corners.check_fold,
    "count": corners.check_count,
    "brackets": printed.check_brackets,
    "printed": printed.check_printed,
}


@cache
def _simplify_tests() -> ModuleType:
    """tests/derive/test_simplification.py, which holds an example of every rewrite."""
    path = Path(__file__).parents[1] / "derive" / "test_simplification.py"
    spec = importlib.util.spec_from_file_location("simplify_tests", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _rewrite_laws(rewrite: Rewrite) -> Iterator[Law]:
    tests: Any = _simplify_tests()
    yield lambda: tests.test_rule(rewrite.name)
    yield lambda: tests.test_condition(rewrite.name)


def killed(laws: Iterator[Law]) -> bool:
    """Whether a law fails; an error in place of a number is a failure too."""
    with np.errstate(all="ignore"):
        for law in laws:
            try:
                law()
            except Exception:
                return True
    return False


def sound(*ops: Op) -> list[str]:
    """Those of the operations that break a law as they are; none, or the score means nothing."""
    return [op.name for op in ops if killed(law for laws in _each_once(op) for law in laws)]


def _each_once(op: Op) -> Iterator[Iterator[Law]]:
    seen: set[str] = set()
    for names in FIRST.values():
        for name in names:
            if name not in seen:
                seen.add(name)
                yield _asked(op, name)
