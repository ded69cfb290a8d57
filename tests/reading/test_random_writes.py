"""Random lines of views, copies and acts in place: whatever is read has NumPy's value."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from in_place import POINT, text

from symgrad.checking.evaluation import evaluate
from symgrad.derivation import forward

AT = {name: x + 0.3 if name in "AbX" else x for name, x in POINT.items()}
Shape = tuple[int, ...]


class Lines:
    """A body as it grows: the arrays that have names, and their shapes."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.shapes: dict[str, Shape] = {"A": (3, 3), "b": (3,), "X": (4, 3)}
        self.lines: list[str] = []

    def body(self) -> str:
        for _ in range(self.draw.randrange(3, 9)):
            self.draw.choice(ACTS)(self)
        read = [f"np.sum({name} * {i}.5) + np.sum({name}[0] ** 2)" for i, name in enumerate(self.shapes, 1)]
        return "\n".join([*self.lines, f"return {' + '.join(read)}"])

    def name(self) -> str:
        return self.draw.choice(list(self.shapes))

    def value(self, shape: Shape) -> str:
        alike = [name for name, other in self.shapes.items() if other == shape]
        arrays = [form.format(name) for name in alike for form in ("{}", "{} * 0.5", "{}[::-1]")]
        return self.draw.choice(["c", "0.5", "b[1]", *arrays])

    def part(self, name: str, forms: list[str]) -> tuple[str, Shape]:
        """A piece of source over an array, and its shape as NumPy has it."""
        i, j = (self.draw.randrange(d) for d in (*self.shapes[name], 1)[:2])
        piece = self.draw.choice(forms).format(name, i=i, j=j)
        return piece, np.shape(eval(piece, {"np": np, name: np.ones(self.shapes[name]), "c": 2.0}))


def _view(lines: Lines) -> None:
    name, new = lines.name(), f"v{len(lines.shapes)}"
    forms = [
        "{0}[1:]",
        "{0}[::-1]",
        "{0}[None]",
        "{0}[::2]",
        "{0}[...]",
        "{0}.copy()",
        "+{0}",
        "np.asarray({0})",
        "np.ones_like({0})",
    ]
    wide = ["{0}[{i}]", "{0}[:, {j}]", "{0}.T", "{0}.reshape(-1)", "np.ravel({0})", "{0}[:-1, 1:]", "np.flip({0}, axis=1)"]
    piece, shape = lines.part(name, forms + wide * (len(lines.shapes[name]) == 2))
    if shape and min(shape) > 0:
        lines.lines.append(f"{new} = {piece}")
        lines.shapes[new] = shape


def _whole(lines: Lines) -> None:
    name = lines.name()
    lines.lines.append(f"{name} {lines.draw.choice(['+=', '-=', '*='])} {lines.value(lines.shapes[name])}")


def _part(lines: Lines) -> None:
    name = lines.name()
    forms = ["{0}[{i}]", "{0}[{i}:]", "{0}[::-1]", "{0}[:]", "{0}[-1]", "{0}[[0, 0]]", "{0}[[0, {i}]]"]
    wide = ["{0}[{i}, {j}]", "{0}[:, {j}]", "{0}[:1, {j}:]", "{0}.T[{j}]", "{0}[{i}][{j}]", "{0}[{i}:].T[{j}]"]
    piece, shape = lines.part(name, forms + wide * (len(lines.shapes[name]) == 2))
    lines.lines.append(f"{piece} {lines.draw.choice(['=', '+=', '*='])} {lines.value(shape)}")


def _other(lines: Lines) -> None:
    name = lines.name()
    acts = ["{0}[{0} > 2] = c", "{0}[{0} > 2] *= 0.5", "np.multiply({0}, 0.5, out={0})", "{0}.fill(0.5)", "np.fill_diagonal(A, c)"]
    others = ["for row in A:\n    row *= 0.5", "A[0], A[1] = A[1], A[0]", "b[0], b[1] = b[1], b[0]"]
    lines.lines.append(lines.draw.choice(acts + others).format(name))


ACTS: list[Callable[[Lines], None]] = [_view, _view, _whole, _part, _part, _other]


@pytest.mark.parametrize("start", range(0, 120, 20))
def test_random_acts_have_the_value_that_numpy_gives(start: int):
    for seed in range(start, start + 20):
        source, scope = text(Lines(seed).body()), {}
        exec(source, scope)
        wanted = scope["f"](**{name: np.array(x) if np.ndim(x) else x for name, x in AT.items()})
        program = forward(source).program
        np.testing.assert_allclose(evaluate(program, AT)[str(program.output)], wanted, rtol=1e-10, err_msg=source)
