"""Two arrays agree relative to what is wanted, and beside that up to rounding alone, which is seen and not guessed."""

import numpy as np
import pytest

from symgrad.checking.agreement import DIGITS, MOVED, gap, held, neighbours, widest_gap


@pytest.mark.parametrize("size", [1e-200, 1e-10, 1.0, 1e10])
def test_an_error_is_relative_to_what_is_wanted(size):
    wanted = size * np.array([1.0, -2.0])
    assert gap(wanted * (1 + 1e-12), wanted, 1e-9).ok
    for wrong in (0 * wanted, 4 * wanted, -wanted, wanted * (1 + 1e-8)):
        assert not gap(wrong, wanted, 1e-9).ok
    assert abs(gap(wanted + np.array([0, size]), wanted, 1e-9).error - 0.5) < 1e-15


def test_the_worst_entry_is_named():
    found = gap([[1.0, 2.0], [3.0, 4.5]], [[1.0, 2.0], [3.0, 4.0]], 1e-9)
    assert found.entry == (1, 1) and (found.got, found.wanted) == (4.5, 4.0)
    assert str(found) == "relative error 1.2e-01 at [1, 1], got 4.5, wanted 4, tolerance 1.0e-09"


def test_an_error_is_absolute_where_zero_is_wanted():
    found = gap([0.0, 3e-12], [0.0, 0.0], 1e-9)
    assert found.absolute and not found.ok and found.error == 3e-12
    assert gap([0.0, 3e-12], [0.0, 0.0], 1e-9, doubt=1e-12).ok


def test_what_is_not_finite_agrees_with_itself_alone():
    assert gap([np.nan, np.inf, 1.0], [np.nan, np.inf, 1.0], 1e-9).ok
    for got, wanted in (([np.nan], [1.0]), ([1.0], [np.nan]), ([np.inf], [1.0]), ([1.0], [np.inf]), ([np.inf], [-np.inf])):
        assert not gap(got, wanted, 1e-9).ok
    assert not gap([1.0], [[1.0]], 1e-9).ok and gap(np.zeros((0, 3)), np.zeros((0, 3)), 1e-9).ok


def held_at(ours, theirs, x):
    nearby = [(ours(*moved), theirs(*moved)) for moved in neighbours([x])]
    return held(ours(x), theirs(x), 1e-9, lambda: nearby)


def perfect_fit(X, w):
    return lambda v: X.T @ (X @ v - X @ w)


def test_terms_that_cancel_are_zero_up_to_their_rounding():
    """The gradient of |Xv - Xw|^2 / 2 at v = w, in two orders of the products, and zero itself."""
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(7, 4)), rng.normal(size=4)
    other = perfect_fit(X, w * 1.0)
    reordered = lambda v: (X.T @ X) @ v - X.T @ (X @ w)  # noqa: E731
    assert np.any(reordered(w)) and held_at(other, reordered, w).ok and held_at(reordered, other, w).ok
    assert held_at(reordered, lambda v: np.zeros(4), w).ok
    assert not held_at(lambda v: reordered(v) + 1e-12, other, w).ok
    assert not held_at(lambda v: np.full(4, 1e-12), lambda v: np.zeros(4), w).ok


def test_a_jump_is_no_rounding():
    """Beside a step what moves by roundings moves the value by 1, which excuses no error of that size."""
    step = lambda x: np.where(x - 0.1 - 0.2 > 0, 1.0, 0.0)  # noqa: E731
    x = np.array([0.3, 0.7])
    assert widest_gap(step(x), [step(*moved) for moved in neighbours([x])]) == 1
    assert not held_at(lambda x: step(x) + 1e-6, step, x).ok


def test_rounding_is_seen_only_where_it_is_needed():
    def never():
        raise AssertionError("nothing to excuse")

    assert held([1.0], [1.0], 1e-9, never).ok and not held([1.0], [[1.0]], 1e-9, never).ok
    assert not held([1.0], [2.0], 1e-9, lambda: [([1.0], [2.0])] * 2).ok


def test_inputs_move_by_roundings_and_equal_numbers_alike():
    S = np.array([[2.0, 0.3, 0.0], [0.3, 5.0, 0.7], [0.0, 0.7, 1.0]])
    arrays = [S, np.array([0.3, 0.7]), np.array([1, 2]), np.float64(5.0)]
    found = list(neighbours(arrays))
    assert len(found) == len(DIGITS)
    for moved_S, x, labels, five in found:
        assert (moved_S == moved_S.T).all() and x[0] == moved_S[0, 1] and five == moved_S[1, 1] and moved_S[0, 2] == 0
        assert 0 < np.max(np.abs(moved_S / np.where(S, S, 1) - (S != 0))) <= 2 * MOVED
        assert labels is arrays[2] and np.shape(five) == ()
    assert list(neighbours([np.array([1])])) == [[np.array([1])]] * len(DIGITS)
