"""Forward passes drawn at random, well typed by construction: every operand asked for is found among the names or declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Shape = tuple[int, ...]
Piece = tuple[str, Shape]

SHAPES: list[Shape] = [(), (2,), (3,), (2, 3), (3, 2), (2, 2), (3, 3), (1, 3), (2, 1), (1,), (2, 3, 2)]
LETTERS = {2: "m", 3: "n"}
LARGEST = 24
WORDS = ("positive", "unit", "sign", "binary")
SQUARE_WORDS = ("symmetric", "spd", "diagonal", "orthogonal", "lower")
ROW_WORDS = ("onehot", "simplex")


@dataclass(frozen=True)
class Input:
    """One argument: its shape, the word behind the bar of its annotation, and for labels how many classes there are."""

    shape: Shape
    words: str = ""
    classes: int = 0


@dataclass(frozen=True)
class Drawn:
    """A source text, its arguments, the seed of the numbers to put in, and how many operations were drawn."""

    text: str
    inputs: dict[str, Input]
    seed: int
    rows: tuple[str, ...]

    @property
    def generics(self) -> list[str]:
        return [name for name, given in self.inputs.items() if given.words in ("entrywise", "loss")]

    @property
    def arrays(self) -> dict[str, Input]:
        return {name: given for name, given in self.inputs.items() if given.words not in ("entrywise", "loss")}


@dataclass
class Builder:
    """What has been declared and assigned so far."""

    draw: Callable[[Any], Any]
    symbolic: bool
    modules: bool
    inputs: dict[str, Input] = field(default_factory=dict)
    names: dict[str, Shape] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)

    # choices ------------------------------------------------------------------------------------------------------------

    def index(self, count: int) -> int:
        return int(self.draw(_INDICES.setdefault(count, st.integers(0, count - 1))))

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self.index(len(options))]

    def chance(self, one_in: int) -> bool:
        return self.index(one_in) == one_in - 1

    # operands -----------------------------------------------------------------------------------------------------------

    def declare(self, shape: Shape, words: str = "") -> str:
        name = f"{'k' if words == 'int' else 'abuvwx'[len(shape)] if len(shape) < 2 else 'XYZ'[len(shape) - 2]}{len(self.inputs)}"
        self.inputs[name] = Input(shape, words)
        if words not in ("int", "entrywise", "loss"):
            self.names[name] = shape
        return name

    def property(self, shape: Shape) -> str:
        """No word most of the time."""
        if not self.chance(3):
            return ""
        square = SQUARE_WORDS if len(shape) == 2 and shape[0] == shape[1] else ()
        return str(self.choice((*WORDS, *(ROW_WORDS if shape else ()), *square, *square)))

    def shape(self) -> Shape:
        """That of a name that is there, or one of the usual."""
        if self.names and not self.chance(3):
            return self.choice(list(self.names.values()))
        return self.choice(SHAPES[: 10 if not self.chance(6) else 11])

    def named(self, shape: Shape) -> str:
        known = [name for name, s in self.names.items() if s == shape]
        if known and not self.chance(4):
            return str(known[-1 - self.index(len(known))])
        return self.declare(shape, self.property(shape))

    def real(self, shape: Shape | None = None) -> Piece:
        """A name, or now and then an expression around one."""
        shape = self.shape() if shape is None else shape
        name = self.named(shape)
        if not self.chance(4):
            return name, shape
        return self.choice(_WRAPPED).format(self.f, name, x=self.call("tanh", name)), shape

    def of_rank(self, *ranks: int) -> Piece:
        shapes = [s for s in self.names.values() if len(s) in ranks]
        if not shapes or self.chance(3):
            shapes = [s for s in SHAPES if len(s) in ranks]
        return self.real(self.choice(shapes))

    def bounded(self, shape: Shape | None = None) -> Piece:
        e, s = self.real(shape)
        return self.choice((self.call("tanh", e), self.call("sin", e), f"0.4 * ({e})")), s

    def positive(self, shape: Shape | None = None) -> Piece:
        """An expression above zero."""
        shape = self.shape() if shape is None else shape
        if self.chance(3):
            return self.declare(shape, "positive"), shape
        e, _ = self.real(shape)
        ways = (
            f"({e}) ** 2 + 0.5",
            f"{self.call('abs', e)} + 0.4",
            self.call("exp", f"0.3 * ({e})"),
            f"{self.call('softplus', e)} + 0.2",
        )
        return f"({self.choice(ways)})", shape

    def unit(self, shape: Shape | None = None) -> Piece:
        """An expression between zero and one."""
        e, s = self.real(shape)
        return self.choice((self.call("sigmoid", e), f"(0.5 + 0.4 * {self.call('tanh', e)})")), s

    def square(self) -> Piece:
        return self.real(self.choice([(2, 2), (3, 3)]))

    def regular(self) -> Piece:
        """A matrix with an inverse."""
        e, s = self.square()
        ways = (
            f"({e} + 3.0 * {self.call('eye', self.dim(s[0]))})",
            e,
            f"({self.call('tanh', e)} - 2.5 * {self.call('eye', self.dim(s[0]))})",
        )
        return self.choice(ways), s

    def spd(self) -> Piece:
        if self.chance(2):
            k = self.choice((2, 3))
            return self.declare((k, k), "spd"), (k, k)
        e, s = self.of_rank(2)
        return f"({e} @ ({e}).T + 1.5 * {self.call('eye', self.dim(s[0]))})", (s[0], s[0])

    def labels(self, shape: Shape, classes: int) -> str:
        """Integers below the number of classes."""
        name = self.declare(shape, "int")
        self.inputs[name] = Input(shape, "int", classes)
        return name

    # text ---------------------------------------------------------------------------------------------------------------

    def f(self, name: str) -> str:
        """A function as the text calls it: bare, or under its module."""
        return f"{MODULES.get(name, 'jnp')}.{name}" if self.modules else name

    def call(self, name: str, *arguments: str) -> str:
        return f"{self.f(name)}({', '.join(a for a in arguments if a)})"

    def dim(self, size: int) -> str:
        """A dimension as the text writes it: a number, or an axis of something that has it."""
        if not self.symbolic or size == 1:
            return str(size)
        found = [f"{name}.shape[{s.index(size)}]" for name, s in self.names.items() if size in s]
        return found[0] if found else f"{self.declare((size,))}.shape[0]"

    def bracketed(self, dims: Shape) -> str:
        return f"({', '.join(map(self.dim, dims))}{',' if len(dims) == 1 else ''})"

    def assign(self, expression: str, shape: Shape) -> str:
        """Under a new name, or one that is taken over."""
        rebound = [name for name in self.names if name.startswith("t")]
        name = self.choice(rebound) if rebound and self.chance(6) else f"t{len(self.lines)}"
        self.lines.append(f"{name} = {expression}")
        self.names.pop(name, None)
        self.names[name] = shape
        return str(name)


_INDICES: dict[int, Any] = {}
_WRAPPED = ("-{1}", "2.5 * {1}", "({1} - 0.3)", "({1} / 1.7)", "{1} ** 2", "{x}", "(1 - {1})", "(0.5 * {1} + 0.1)")

MODULES: dict[str, str] = dict.fromkeys(
    """sigmoid softplus relu relu6 leaky_relu elu selu celu gelu silu mish hard_tanh hard_sigmoid hard_silu soft_sign squareplus
    log_sigmoid softmax log_softmax one_hot""".split(),
    "jax.nn",
)
MODULES |= dict.fromkeys("solve inv det slogdet cholesky pinv matrix_power multi_dot norm".split(), "jnp.linalg")
MODULES |= dict.fromkeys("vector_norm matrix_norm".split(), "jnp.linalg")
MODULES |= dict.fromkeys("logsumexp erf erfc ndtr logit entr xlogy".split(), "jax.scipy.special")
MODULES |= dict.fromkeys("solve_triangular cho_factor cho_solve".split(), "jax.scipy.linalg")
MODULES |= {"rsqrt": "jax.lax", "stop_gradient": "jax.lax"}


def size(shape: Shape) -> int:
    count = 1
    for d in shape:
        count *= d
    return count


def common(*shapes: Shape) -> Shape:
    """What NumPy broadcasts to."""
    ndim = max(map(len, shapes))
    padded = [(1,) * (ndim - len(s)) + s for s in shapes]
    return tuple(max(dims) for dims in zip(*padded, strict=True))


# the program ----------------------------------------------------------------------------------------------------------------


@st.composite
def programs(draw: Callable[[Any], Any], families: dict[str, list[Any]], most: int = 8) -> Drawn:
    """A scalar function of a few statements out of the given families of rows."""
    b = Builder(draw, symbolic=draw(st.booleans()), modules=draw(st.booleans()))
    names = list(families)
    for _ in range(1 + b.index(most)):
        rows = families[b.choice(names)]
        row = b.choice([r for r in rows if not (b.symbolic and r.literal)])
        expression, shape = row.build(b)
        if size(shape) <= LARGEST:
            b.assign(expression, shape)
            b.rows.append(row.name)
    return finished(b)


def finished(b: Builder) -> Drawn:
    """The value: every entry of the last result with a weight and a curvature of its own, beside most that nothing else reads."""
    *others, last = list(b.names) or [b.declare((2,))]
    total = [scalar(b, last)]
    total += [scalar(b, name) for name in others if name.startswith("t") and not _read(b, name) and not b.chance(4)]
    if b.chance(2):
        total.append(scalar(b, b.choice([*others, last])))
    b.lines.append(f"J = {' + '.join(total)}")
    annotations = [f"{name}: {_annotation(b, given)}" for name, given in b.inputs.items()]
    header = "import jax\nimport jax.numpy as jnp\n" if b.modules else ""
    body = "\n".join(f"    {line}" for line in b.lines)
    text = f"{header}def f({', '.join(annotations)}):\n{body}\n    return J\n"
    return Drawn(text, dict(b.inputs), b.index(100_000), tuple(b.rows))


def _read(b: Builder, name: str) -> bool:
    """Whether a statement reads the name."""
    return any(re.search(rf"\b{name}\b", line.partition(" = ")[2]) for line in b.lines)


def scalar(b: Builder, name: str) -> str:
    shape = b.names[name]
    ways = [f"{name} * {b.call('cos', f'0.3 * {name} + 0.2')}", f"{name} ** 2", b.call("tanh", name), name]
    inside = b.choice(ways)
    return inside if shape == () else b.call("sum", inside)


def _annotation(b: Builder, given: Input) -> str:
    dims = " ".join(LETTERS.get(d, str(d)) if b.symbolic else str(d) for d in given.shape)
    return f'"{dims}{" | " if given.words else ""}{given.words}"'
