"""Our derivatives at adversarial points are right to 13 digits; where jax's are not, the operations page lists them."""

import pytest
from judged import Judgement, agrees, judgements

JUDGED = list(judgements())


@pytest.mark.parametrize("j", JUDGED, ids=lambda j: f"{j.operation}-{j.point:g}")
def test_ours_is_right(j: Judgement):
    assert j.ours_agrees, j


def test_jax_is_right_but_for_the_listed_points():
    wrong = {(j.operation, j.point) for j in JUDGED if not j.theirs_agrees}
    assert wrong == {("expm1", -40.0), ("tanh", -40.0), ("tanh", 40.0), ("sigmoid", 40.0)}


def test_the_judge_sees_a_wrong_digit():
    assert agrees(1.0, 1.0) and not agrees(1.0 + 1e-11, 1.0) and not agrees(0.0, 4e-18)


def test_many_points_are_judged():
    assert len(JUDGED) > 150 and len({j.operation for j in JUDGED}) > 20
