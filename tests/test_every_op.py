"""Every registered operation, on every sample of its record, under every law of checkers.py."""

from __future__ import annotations

from collections.abc import Callable

import checkers
import corners
import printed
import pytest
from cases import DISTINCT, LEAVES, ONES, UNSAMPLED, Case, case_of, fits_size_one, samples
from witnesses import UNWITNESSED, WITNESSES

from symgrad.core.op import REGISTRY, Op, Sample

SAMPLES = list(samples())
NAMES = [name for name, _, _ in SAMPLES]
ALL = [(op, sample) for _, op, sample in SAMPLES]
SCALAR = [(name, op, sample) for name, op, sample in SAMPLES if op.scalar is not None]

every_sample = pytest.mark.parametrize(("op", "sample"), ALL, ids=NAMES)
SIZED = [(op, s, sizes) for op, s in ALL for sizes in (DISTINCT, ONES) if sizes is DISTINCT or fits_size_one(s)]
SIZED_NAMES = [f"{name}-{k}" for name, _, s in SAMPLES for k in ("distinct", "ones") if k == "distinct" or fits_size_one(s)]
every_size = pytest.mark.parametrize(("op", "sample", "sizes"), SIZED, ids=SIZED_NAMES)


def test_every_operation_but_the_leaves_has_samples():
    assert {op.name for op in REGISTRY.values() if not op.samples} == LEAVES | UNSAMPLED.keys()


def test_every_operation_has_a_witness():
    own = {name for name, op, sample in SAMPLES if op.scalar or op.defined(case_of(op, sample).node)}
    unseen = {op.name for name, op, _ in SAMPLES if name not in own} - WITNESSES.keys() - UNWITNESSED.keys()
    assert not unseen, f"give these a definition, or a line in tests/support/witnesses.py: {sorted(unseen)}"


@every_size
@pytest.mark.parametrize("law", ["value", "jvp", "still", "vjp", "second", "flops"])
def test_law_with_numbers(law: str, op: Op, sample: Sample, sizes: dict[str, int]):
    check(law)(case_of(op, sample, sizes))


@every_sample
@pytest.mark.parametrize("law", ["closure", "latex", "shapes"])
def test_law(law: str, op: Op, sample: Sample):
    check(law)(case_of(op, sample))


@every_sample
@pytest.mark.parametrize("law", ["at_corners", "in_process", "fold", "count"])
def test_further_law(law: str, op: Op, sample: Sample):
    getattr(corners, f"check_{law}")(case_of(op, sample))


@every_sample
@pytest.mark.parametrize("law", ["brackets", "printed"])
def test_law_of_print(law: str, op: Op, sample: Sample):
    getattr(printed, f"check_{law}")(case_of(op, sample))


@every_size
def test_declared_linear_maps_are_linear(op: Op, sample: Sample, sizes: dict[str, int]):
    case = case_of(op, sample, sizes)
    if checkers.declared_linear(case):
        checkers.check_linear(case)


@pytest.mark.parametrize(("op", "sample"), [(op, s) for _, op, s in SCALAR], ids=[name for name, _, _ in SCALAR])
def test_partials_are_those_of_the_scalar_body(op: Op, sample: Sample):
    checkers.check_partials(case_of(op, sample))


SCALAR_POINTS = [(name, op, s) for name, op, s in SCALAR if all(not spec.partition("|")[0].strip() for spec in s.specs)]


@pytest.mark.parametrize(("op", "sample"), [(op, s) for _, op, s in SCALAR_POINTS], ids=[name for name, _, _ in SCALAR_POINTS])
def test_value_at_adversarial_points(op: Op, sample: Sample):
    checkers.check_adversarial(case_of(op, sample))


def check(law: str) -> Callable[[Case], None]:
    return getattr(checkers, f"check_{law}")
