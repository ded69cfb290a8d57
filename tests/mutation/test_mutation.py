"""A sample of the sabotages: all are killed, or excused with a reason that holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from symgrad.core.op import REGISTRY
from symgrad.rules import RULES
from tests.mutation.equivalents import EQUIVALENT, reason
from tests.mutation.laws import sound
from tests.mutation.record import KILLED, recorded, written
from tests.mutation.sabotage import Mutant, mutants, sabotaged
from tests.mutation.score import dies, sample, scored

SAMPLE = 120
MUTANTS = list(mutants())
OPS = list(REGISTRY.values())  # those of the language; other packages register their own when they are imported


def test_a_sample_is_killed():
    score = scored(sample(SAMPLE, seed=len(MUTANTS)))
    assert not score.alive and not score.wrongly_excused, score
    assert len(score.killed) > 0.9 * SAMPLE


def test_every_rule_of_every_operation_and_every_rewrite_is_sabotaged():
    assert len(MUTANTS) > 2500 and len({m.name for m in MUTANTS}) == len(MUTANTS)
    for op in OPS:
        fields = {m.field for m in MUTANTS if m.record is op}
        assert not op.samples or {"numpy", "latex", "flops"} <= fields, op.name
    assert {entry.name for entries in RULES.values() for entry in entries} == {m.record.name for m in MUTANTS if m.field == "apply"}


def test_the_last_full_pass_on_the_page_was_over_nearly_all_mutants():
    page = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
    told = re.search(r"made ([\d,]+) mutants, (\d+) of them equivalent, and\s+killed the ([\d,]+) that", page)
    made, excused, killed = (int(number.replace(",", "")) for number in told.groups())
    assert killed == made - excused and abs(made - len(MUTANTS)) < 0.1 * len(MUTANTS)
    assert excused == sum(reason(m.name) is not None for m in MUTANTS)


def test_every_mutant_that_was_killed_is_still_made():
    """What `make mutation` has killed stands in a file; `python -m tests.mutation --record` writes it anew."""
    lost = recorded(KILLED.read_text(encoding="utf-8")) - {m.name for m in MUTANTS}
    assert not lost


def test_the_record_of_mutants_reads_as_it_was_written():
    names = {m.name for m in MUTANTS}
    assert recorded(written(names)) == names


def test_the_page_has_the_numbers_of_the_record():
    killed = recorded(KILLED.read_text(encoding="utf-8"))
    page = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert f"killed the {len(killed):,} that are not" in page


def test_every_kind_of_sabotage_is_there():
    whats = " ".join(m.what for m in MUTANTS)
    for kind in (
        "sign",
        "transpose",
        "factor 2",
        "missing term",
        "taken for",
        "> 5",
        "= 0",
        "tie",
        "one more",
        "exchanged",
        "never",
    ):
        assert kind in whats


def test_every_excuse_is_needed():
    unused = [pattern for pattern in EQUIVALENT if not any(re.fullmatch(pattern, m.name) for m in MUTANTS)]
    assert not unused


def test_a_record_as_it_is_survives():
    tanh = REGISTRY["tanh"]
    assert not any(
        dies(Mutant(tanh, field, "nothing", getattr(tanh, field))) for field in ("vjp", "jvp", "numpy", "latex", "flops")
    )


def test_a_sabotage_is_undone():
    tanh = REGISTRY["tanh"]
    rule = tanh.vjp
    with pytest.raises(ZeroDivisionError), sabotaged(Mutant(tanh, "vjp", "none", None)):
        assert tanh.vjp is None
        raise ZeroDivisionError
    assert tanh.vjp is rule


def test_a_mutant_that_changes_nothing_is_reported_alive():
    tanh = REGISTRY["tanh"]
    assert scored([Mutant(tanh, "flops", "nothing", tanh.flops)]).alive == ["tanh.flops: nothing"]


def test_sound_tells_a_broken_record():
    tanh = REGISTRY["tanh"]
    with sabotaged(Mutant(tanh, "flops", "none", lambda X: 0)):
        assert sound(tanh) == ["tanh"]
    assert sound(tanh) == []
