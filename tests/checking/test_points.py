"""A point of the user's is held against what the inputs are, one clear line for whatever does not fit."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.checking.points import HOLDS, given_point, read_point
from symgrad.checking.sampling import IMPOSED, sample_array
from symgrad.core.op import variable

INPUTS = sg.forward(
    "def f(X: 'n d', y: 'n | int', w: 'd+1', lam: ' | positive', S: '3 3 | symmetric'): return sum(w) * lam"
).program.inputs
POINT = {"X": np.zeros((4, 2)), "y": np.arange(4), "w": [1, 2, 3], "lam": 0.5, "S": np.eye(3, dtype=np.float32)}


def test_sizes_follow_and_real_numbers_are_float64():
    arrays, sizes = given_point(INPUTS, POINT)
    assert sizes == {"n": 4, "d": 2} and list(arrays) == ["X", "y", "w", "lam", "S"]
    assert all(arrays[name].dtype == np.float64 for name in ("X", "w", "lam", "S")) and arrays["y"].dtype.kind == "i"
    assert isinstance(arrays["lam"], np.float64)
    arrays["X"][0, 0] = 1
    assert POINT["X"][0, 0] == 0


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"z": 1.0}, "the point gives z, which is no input; the inputs are X, y, w, lam, S"),
        ({"X": None}, "X holds real numbers, and the point gives it object"),
        ({"X": np.zeros((4, 2), complex)}, "X holds real numbers, and the point gives it complex128"),
        ({"y": np.zeros(4)}, "y holds whole numbers, and the point gives it float64; give it integers"),
        ({"y": np.zeros(4, bool)}, "y holds whole numbers, and the point gives it bool; give it integers"),
        ({"X": np.full((4, 2), np.nan)}, "the point gives X an entry that is not finite"),
        ({"X": np.zeros(4)}, "the point gives X the shape (4,), and it is (n, d)"),
        ({"y": np.arange(5)}, "the point gives y the shape (5,), and it is (n,) with n = 4"),
        ({"w": [1.0, 2.0]}, "the point gives w the shape (2,), and it is (d + 1,) with d = 2"),
        ({"S": np.eye(2)}, "the point gives S the shape (2, 2), and it is (3, 3)"),
        ({"lam": -1.0}, "lam is declared positive, and the array that the point gives is not"),
        ({"S": np.arange(9.0).reshape(3, 3)}, "S is declared symmetric, and the array that the point gives is not"),
    ],
)
def test_what_does_not_fit_is_one_line(changed, said):
    with pytest.raises(sg.InputError) as failure:
        given_point(INPUTS, POINT | changed)
    assert str(failure.value) == said


def test_what_is_missing_is_named():
    with pytest.raises(sg.InputError, match=r"^the point gives no array for X, lam; the inputs are X, y, w, lam, S$"):
        given_point(INPUTS, {name: POINT[name] for name in ("y", "w", "S")})


def test_the_properties_are_those_that_are_imposed():
    assert set(HOLDS) == set(IMPOSED)


@pytest.mark.parametrize("word", sorted(HOLDS))
def test_a_property_is_held_against_the_array(word):
    v = variable("x", (4, 4), properties=frozenset({word}))
    given_point([v], {"x": sample_array(np.random.default_rng(0), (4, 4), frozenset({word}))})
    with pytest.raises(sg.InputError, match=f"x is declared {word}"):
        given_point([v], {"x": -2 - np.arange(16.0).reshape(4, 4)})


def test_a_file_is_read_by_name(tmp_path):
    np.savez(tmp_path / "p.npz", x=np.arange(3.0), y=1)
    assert {k: v.tolist() for k, v in read_point(tmp_path / "p.npz").items()} == {"x": [0, 1, 2], "y": 1}


def test_nothing_is_unpickled_and_every_other_file_is_refused_in_one_line(tmp_path):
    np.savez(tmp_path / "objects.npz", x=np.array([print], dtype=object))
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("x = 1")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "cut.npz").write_bytes((tmp_path / "objects.npz").read_bytes()[:40])
    for name, said in {
        "objects.npz": "objects.npz is no .npz file of plain arrays; write the point with",
        "single.npy": "single.npy holds one array without a name; write the point with",
        "text.npz": "text.npz is no .npz file of plain arrays",
        "empty.npz": "empty.npz is no .npz file of plain arrays",
        "cut.npz": "cut.npz is no .npz file of plain arrays",
        "none.npz": "none.npz is no file; write the point with",
        "folder": "folder is no file",
    }.items():
        with pytest.raises(sg.InputError) as failure:
            read_point(tmp_path / name)
        assert str(failure.value).startswith(said) and "\n" not in str(failure.value)
