"""Ways of writing an index: what is read prints, and its module agrees with NumPy's own indexing; the rest is refused."""

from typing import Any

import numpy as np
import pytest

from symgrad.derivation import forward
from symgrad.errors import SymgradError, UnsupportedError

SHAPES = {"x": "3", "S": "3 3", "T": "3 4 5", "k": "3 | int", "K": "3 3 | int", "m": "3 | binary"}
POINT = {"k": np.array([1, 0, 2]), "K": np.array([[0, 1, 1], [2, 0, 1], [1, 1, 0]]), "m": np.array([1.0, 0.0, 1.0])}
READ = [
    "x[k]", "x[k - 1]", "x[2 * k - k]", "x[-k]", "x[np.abs(k)]", "x[np.maximum(k, 1)]", "x[np.minimum(k, 1)]",
    "x[np.clip(k, 0, 1)]", "x[np.where(k > 1, k, 0)]", "x[k[::-1]]", "x[k.reshape(3, 1)]", "x[k[k]]", "x[k][k]", "x[K]",
    "x[k[0]]", "x[k[0] + 1]", "x[k.max()]", "x[np.arange(3)]", "x[np.arange(2)]", "x[np.arange(3) - 1]", "x[np.arange(1, 3)]",
    "x[np.array([0, 2, 0])]", "x[np.concatenate([k, k])]", "x[np.stack([k, k])]", "x[np.flip(k)]", "x[np.roll(k, 1)]",
    "x[np.repeat(k, 2)]", "x[1:]", "x[::-1]", "x[-2]", "x[None]", "x[..., None]", "x[x.shape[0] - 1]", "x[-x.shape[0]]",
    "S[np.arange(3), np.arange(3)]", "S[np.arange(3), k]", "S[k, np.arange(3)]", "S[np.arange(3), k - 1]", "S[np.arange(3), 0]",
    "S[0, np.arange(3)]", "S[K]", "S[:, K]", "S[K, 0]", "S[k[0], k[1]]", "S[k[0]]", "S[k[0], 0]", "S[k][:, k]", "S[1:, :-1]",
    "S[:, None, 0]", "S[k][np.arange(3), k]", "T[k]", "T[:, k]", "T[..., k]", "T[0, k]", "T[0, :, k]", "T[k, :, 0]",
    "T[:, k, 0]", "T[k, 0]", "T[0, :, K]", "T[k[0], :, k[1]]", "T[:, 0, k]", "T[-1, 1:, k]", "T[:, k, 1:]", "np.take(x, k)",
    "np.take(S, k, axis=1)", "x.take(k)", "np.take_along_axis(S, k[:, None], axis=1)",
    "np.take_along_axis(S, (k - 1)[:, None], axis=1)", "x[[0, 1]]", "x[range(3)]", "S[range(3), k]", "S[range(n), k]",
]  # fmt: skip
MASKS = [
    "k == 1", "k > 0", "x > 0", "~(k == 1)", "(k == 1) & (x > 0)", "(k == 1) | (k == 2)", "np.logical_and(k == 1, x > 0)",
    "np.logical_not(x > 0)", "m", "~m", "(k == 1)[::-1]", "np.where(x > 0, k == 1, k == 2)", "held", "mask(k)", "(x > 0) & m",
]  # fmt: skip
MASKED = ["x[{}]", "S[{}]", "S[:, {}]", "S[{}, 0]", "np.take(x, {})", "S[np.arange(3), {}]"]
REFUSED = [
    "x[x]", "x[k / 2]", "x[np.exp(k)]", "x[np.sqrt(k)]", "x[k.mean()]", "x[0.5]", "x[3]", "x[-4]", "x['a']", "x[True]",
    "x[[True, False, True]]", "S[k, k]", "S[k[:, None], K]",
    "x[:k[0]]", "x[k[0]:]", "x[~k]", "x[k & 1]", "x[np.zeros(2)]", "x[None, k]", "S[S > 0]", "T[np.arange(3), k]",
    "np.take_along_axis(S, K, axis=1)", "x[S]", "x[s]",
]  # fmt: skip


def source(expression: str) -> str:
    used = ", ".join(f'{name}: "{shape}"' for name, shape in SHAPES.items())
    return f"""import numpy as np
def mask(labels):
    return labels == 1
def f({used}):
    n = len(x)
    held = x > 0
    s = np.tanh(x)
    E = {expression}
    return np.sum(E * np.cos(np.arange(E.size)).reshape(E.shape))
"""


def draw(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"x": rng.normal(size=3), "S": rng.normal(size=(3, 3)), "T": rng.normal(size=(3, 4, 5)), **POINT}


@pytest.mark.parametrize("expression", READ)
def test_what_is_read_is_what_numpy_does(expression: str):
    text = source(expression)
    derivation = forward(text).derive("x", "S", "T")
    assert str(derivation) and derivation.latex()
    module, own = derivation.compile(), _numpys(text)
    here, there = draw(0), draw(1)
    value, gradient = module.value_and_grad(**here)
    assert value == pytest.approx(own(**here), rel=1e-12)
    moved = sum(np.sum(g * (there[name] - here[name])) for name, g in gradient._asdict().items())
    assert moved == pytest.approx(own(**there) - own(**here), rel=1e-10)  # an index is linear in the array


def _numpys(text: str) -> Any:
    scope: dict[str, Any] = {}
    exec(text, scope)
    return scope["f"]


@pytest.mark.parametrize("form", MASKED)
@pytest.mark.parametrize("mask", MASKS)
def test_a_condition_in_an_index_is_refused_on_reading_with_a_way_that_works(form: str, mask: str):
    with pytest.raises(UnsupportedError, match=r"this is a condition; .* where") as refused:
        forward(source(form.format(mask)))
    assert "sum(where(x > 0, x, 0))" in str(refused.value)


@pytest.mark.parametrize("mask", MASKS)
def test_the_way_out_of_a_mask_is_the_sum_over_what_it_keeps(mask: str):
    value = forward(source(f"np.sum(np.where({mask}, x, 0))")).derive("x").compile().value(**draw(0))
    kept = _numpys(source(f"np.sum(x[np.asarray({mask}, dtype=bool)])"))
    assert value == pytest.approx(kept(**draw(0) | {"m": POINT["m"] > 0}))


@pytest.mark.parametrize("expression", REFUSED)
def test_what_no_index_can_be_is_refused_on_reading(expression: str):
    with pytest.raises(SymgradError):
        forward(source(expression))


@pytest.mark.parametrize("place", ["n", "n + 1", "-n - 1"])
def test_a_place_beyond_an_axis_of_any_length_is_refused(place: str):
    with pytest.raises(SymgradError, match="out of range"):
        forward(f'def f(x: "n"):\n    n = len(x)\n    return x[{place}]\n')


def test_names_keep_what_an_index_needs_to_know_of_them():
    lines = [
        'def f(S: "n d", k: "n | int"):',
        "rows = np.arange(S.shape[0])",
        "j = k - 1",
        "Z = np.tanh(S)",
        "return np.sum(Z[rows, j])",
    ]
    here = {"S": np.linspace(-1, 1, 12).reshape(3, 4), "k": np.array([1, 2, 4])}
    derivation = forward("\n    ".join(lines)).derive("S")
    assert derivation.compile().value(**here) == pytest.approx(np.tanh(here["S"])[np.arange(3), [0, 1, 3]].sum())
    assert derivation.verify().ok


@pytest.mark.parametrize("target", ["jax", "numba"])
def test_labels_that_are_computed_are_integers_in_every_target(target: str):
    pytest.importorskip(target)
    chosen = ["x[np.arange(3) - 1]", "x[np.where(k > 1, k, 0)]", "S[np.arange(3), k - 1]", "S[0, np.maximum(k, 1)]"]
    derivation = forward(source(f"({' + '.join(chosen)}) ** 2")).derive("x", "S")
    scope: dict[str, Any] = {"__name__": "module"}
    exec(derivation.code(target), scope)
    here = {name: value for name, value in draw(0).items() if name in ("x", "S", "T", "k", "K", "m")}
    value, gradient = scope["value_and_grad"](**here)
    wanted = derivation.compile().value_and_grad(**here)
    np.testing.assert_allclose(value, wanted[0], rtol=1e-5)
    np.testing.assert_allclose(gradient.S, wanted[1].S, rtol=1e-5, atol=1e-6)
