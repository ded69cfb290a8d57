"""Our LaTeX read back by its brackets and signs alone, and evaluated in NumPy: does a printed formula say what is computed?

Every array is a matrix: a vector is a column, a number one by one.  The vector of ones and the identity have no size of their own;
a copied vector stays one row or one column, which NumPy broadcasts.  A sign that a document defines is read as it is defined
there; that a factor of 0 makes a product 0 whatever else stands in it is read so only where a document says it (`vanishing`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.special import log_softmax, logsumexp, softmax

Array = Any


class Ones:
    """A vector of ones, as a column or as a row."""

    def __init__(self, row: bool = False) -> None:
        self.row = row


@dataclass
class Eye:
    """A multiple of the identity."""

    scale: float = 1.0


def _over(fold: Callable[..., Array], two: Callable[..., Array] | None = None) -> dict[str, Callable[..., Array]]:
    """A function of all entries (or of two arrays), of the rows of a matrix and of its columns, by what stands below its name."""
    return {
        "": lambda *x: np.reshape(fold(x[0], axis=None), (1, 1)) if len(x) == 1 else two(*x),
        r"_{\mathrm{rows}}": lambda x: fold(x, axis=1)[:, None],
        r"_{\mathrm{columns}}": lambda x: fold(x, axis=0)[:, None],
    }


def _others(x: Array, axis: int | None) -> Array:
    """For every entry the product of all others along the axis."""
    found = np.empty(np.shape(x))
    for i in np.ndindex(*np.shape(x)):
        left = np.array(x)
        left[i] = 1
        along = left.ravel() if axis is None else left[i[0]] if axis == 1 else left[:, i[1]]
        found[i] = np.prod(along)
    return found


def _others_along(axis: int | None, x: Array, *directions: Array) -> Array:
    """Its derivative along the directions: it is of degree one in each entry, so differences are exact along each of them."""
    if not directions:
        return _others(x, axis)
    v, *rest = directions
    total = np.zeros(np.shape(x))
    for i in np.ndindex(*np.shape(x)):
        moved = np.array(x, dtype=float)
        moved[i] += 1
        total += v[i] * (_others_along(axis, moved, *rest) - _others_along(axis, x, *rest))
    return total


_AXES = {"": None, r"_{\mathrm{rows}}": 1, r"_{\mathrm{columns}}": 0}
OTHERS = {rf"\nabla \operatorname{{prod}}{below}": axis for below, axis in _AXES.items()}

FUNCTIONS: dict[str, Callable[..., Array]] = {
    r"\exp": np.exp,
    r"\operatorname{expm1}": np.expm1,
    r"\log": np.log,
    r"\tanh": np.tanh,
    **{rf"\max{below}": f for below, f in _over(np.max, np.maximum).items()},
    **{rf"\min{below}": f for below, f in _over(np.min, np.minimum).items()},
    **{rf"\operatorname{{prod}}{below}": f for below, f in _over(np.prod).items()},
    **{name: lambda x, axis=axis: _others(x, axis) for name, axis in OTHERS.items()},
    r"\operatorname{sign}": np.sign,
    r"\operatorname{sign}_{+}": lambda x: np.where(x >= 0, 1.0, -1.0),
    r"\operatorname{sign} \det": lambda x: np.reshape(np.linalg.slogdet(x)[0], (1, 1)),
    r"\operatorname{log0}": lambda x: np.where(x == 0, 0.0, np.log(np.where(x == 0, 1.0, x))),
    r"\sigma": lambda x: 1 / (1 + np.exp(-x)),
    r"\det": lambda x: np.reshape(np.linalg.det(x), (1, 1)),
    r"\operatorname{tr}": lambda x: np.reshape(np.trace(x), (1, 1)),
    r"\operatorname{diag}": lambda x: np.diag(x[:, 0]) if x.shape[1] == 1 else np.diag(x)[:, None],
    r"\operatorname{relu}": lambda x: np.maximum(x, 0),
    r"\operatorname{softplus}": lambda x: np.logaddexp(0, x),
    r"\operatorname{softmax}": lambda x: softmax(x, axis=0),
    r"\operatorname{softmax}_{\mathrm{rows}}": lambda x: softmax(x, axis=1),
    r"\operatorname{log\,softmax}": lambda x: log_softmax(x, axis=0),
    r"\operatorname{log\,softmax}_{\mathrm{rows}}": lambda x: log_softmax(x, axis=1),
    r"\operatorname{logsumexp}_{\mathrm{rows}}": lambda x: logsumexp(x, axis=1, keepdims=True),
}

RELATIONS = {
    r"\ge": np.greater_equal,
    r"\le": np.less_equal,
    r"\ne": np.not_equal,
    ">": np.greater,
    "<": np.less,
    "=": np.equal,
}
_CLOSING = {"(": ")", "[": "]", r"\lVert": r"\rVert", r"\lvert": r"\rvert", r"\langle": r"\rangle"}
_SIGNS = (r"\odot", r"\oslash", *_CLOSING.values(), *RELATIONS, r"\right")
_END = re.compile("|".join(["[-+,}&]", r"\\\\", *(re.escape(s) + ("(?![A-Za-z])" if s[0] == "\\" else "") for s in _SIGNS)]))


class Reader:
    """Reads one formula; `names` are the values of what is printed as a name."""

    def __init__(self, text: str, names: Mapping[str, Array], vanishing: bool = False) -> None:
        self.text, self.at, self.vanishing = text, 0, vanishing
        self.names = dict(sorted(names.items(), key=lambda item: -len(item[0])))

    def rest(self) -> str:
        self.at += len(self.text[self.at :]) - len(re.sub(r"^(?:\s|\\,|\\!|\\;)+", "", self.text[self.at :]))
        return self.text[self.at :]

    def take(self, word: str) -> bool:
        """Is this word next?  Then it is behind us."""
        rest = self.rest()
        found = rest.startswith(word) and not (word[-1].isalpha() and word[0] == "\\" and re.match("[A-Za-z]", rest[len(word) :]))
        self.at += len(word) if found else 0
        return found

    def need(self, word: str) -> None:
        assert self.take(word), f"expected {word} before {self.rest()!r} in {self.text}"

    # what binds more and more tightly -----------------------------------------------------------------------------------

    def sum(self) -> Array:
        total = self.times(-1.0, self.product()) if self.take("-") else self.product()
        while True:
            if self.take("+"):
                total = _plus(total, self.product())
            elif self.take("-"):
                total = _plus(total, self.times(-1.0, self.product()))
            else:
                return total

    def product(self) -> Array:
        """Entrywise products and quotients of chains."""
        found = self.chain()
        while True:
            if self.take(r"\odot"):
                found = self.by(_filled(found), _filled(self.chain()))
            elif self.take(r"\oslash_"):
                at, below = float(Fraction(self.group())), _filled(self.chain())
                none = (_filled(found) == 0) & (below == 0)
                found = np.where(none, at, found / np.where(none, 1.0, below))
            elif self.take(r"\oslash"):
                found = self.by(_filled(found), 1.0 / _filled(self.chain()))
            else:
                return found

    def chain(self) -> Array:
        """Factors side by side: the matrix product."""
        found = self.factor()
        while self.rest() and not _END.match(self.rest()):
            found = self.matmul(found, self.factor())
        return found

    def by(self, x: Array, y: Array) -> Array:
        """An entrywise product."""
        return np.where((x == 0) | (y == 0), 0.0, x * y) if self.vanishing else x * y

    def times(self, number: float, x: Array) -> Array:
        return Eye(number * x.scale) if isinstance(x, Eye) else self.by(np.float64(number), _filled(x))

    def matmul(self, x: Array, y: Array) -> Array:
        """A product; with ones a sum over rows or columns, or copies of a vector, which stay one."""
        if isinstance(y, Ones):
            return x if y.row or x.shape == (1, 1) else x.sum(1, keepdims=True)
        if isinstance(x, Ones):
            return y.sum(0, keepdims=True) if x.row else y
        for number, other in ((x, y), (y, x)):
            if isinstance(number, Eye):
                return self.times(number.scale, other)
            if number.shape == (1, 1):
                return self.times(number.item(), other)
        return self.by(x[:, :, None], y[None, :, :]).sum(1) if self.vanishing else x @ y

    def factor(self) -> Array:
        found = self.atom()
        while self.take("^"):
            found = self.raised(found, self.group())
        return found

    def raised(self, x: Array, power: str) -> Array:
        entrywise = power.startswith(r"\odot") or getattr(x, "shape", ()) == (1, 1)
        try:
            exponent = float(Fraction(power.removeprefix(r"\odot").strip()))
        except ValueError:
            inner = Reader(power.removeprefix(r"\odot"), self.names, self.vanishing)
            return _raised(x, power) if power in _MATRIX else x ** inner.whole()
        return x**exponent if entrywise and power != "-1" else _raised(x, power)

    def group(self) -> str:
        """The text in braces."""
        self.need("{")
        start, depth = self.at, 1
        while depth:
            escaped = self.text[self.at] == "\\"
            depth += {"{": 1, "}": -1}.get(self.text[self.at], 0)
            self.at += 1 + escaped
        return self.text[start : self.at - 1]

    def inner(self) -> Array:
        return Reader(self.group(), self.names, self.vanishing).whole()

    def whole(self) -> Array:
        found = self.sum()
        assert not self.rest(), f"{self.rest()!r} is left of {self.text}"
        return found

    # names, numbers, brackets, functions --------------------------------------------------------------------------------

    def atom(self) -> Array:
        function = next((f for f in sorted(FUNCTIONS, key=len, reverse=True) if self._applied(f)), None)
        if function is not None:
            return self.applied(FUNCTIONS[function])
        for name, value in self.names.items():
            if self.rest().startswith(name) and not re.match("[A-Za-z_]", self.rest()[len(name) :] if name[0] == "\\" else ""):
                self.at += len(name)
                return value
        if number := re.match(r"\d+(?:\.\d+)?", self.rest()):
            self.at += number.end()
            return np.array([[float(number[0])]])
        return self.special()

    def _applied(self, function: str) -> bool:
        """A function is applied where its brackets, or the bars of log |x|, stand at once behind it."""
        behind = self.rest()[len(function) :]
        opens = behind.startswith(("(", r"\left(")) or (function == r"\log" and behind.startswith((r" \lvert", " (", r" \left(")))
        if not (self.rest().startswith(function) and opens):
            return False
        self.at += len(function)
        return True

    def applied(self, function: Callable[..., Array]) -> Array:
        if self.rest().startswith(r"\lvert"):
            return function(self.atom())
        return function(*self.bracketed())

    def bracketed(self) -> list[Array]:
        grows = self.take(r"\left")
        opening = next((b for b in _CLOSING if self.take(b)), None)
        assert opening, f"nothing known stands at {self.rest()!r} in {self.text}"
        found = [self.sum()]
        while self.take(","):
            found.append(self.sum())
        if grows:
            self.need(r"\right")
        self.need(_CLOSING[opening])
        if opening == r"\lVert":
            self.take("_F")
            below = next((b for b in list(_AXES)[1:] if self.take(b)), "")
            length = np.sqrt(np.sum(found[0] ** 2, axis=_AXES[below]))
            return [length[:, None] if below else np.reshape(length, (1, 1))]
        if opening == r"\langle":
            return [np.reshape(np.sum(found[0] * found[1]), (1, 1))]
        return [np.abs(found[0])] if opening == r"\lvert" else found

    def special(self) -> Array:
        if self.take(r"\mathbf{1}["):
            found = self.test()
            self.need("]")
            return found.astype(float)
        if self.take(r"[\!["):
            return self.shared()
        if self.take(r"\left\{\begin{array}{ll}"):
            return self.cases()
        if self.take(r"\nabla^"):
            order = int(self.group())
            name = next(n for n in sorted(OTHERS, key=len, reverse=True) if self.take(n.removeprefix(r"\nabla ")))
            (x,), directions = self.bracketed(), self.bracketed()
            assert len(directions) == order - 1
            return _others_along(OTHERS[name], x, *directions)
        for word, made in ((r"\mathbf{1}", Ones), (r"\mathbf{I}", Eye), ("I", Eye)):
            if self.take(word):
                return made()
        if self.take(r"\mathbf{0}"):
            return np.zeros((1, 1))
        if self.take(r"\frac"):
            above = self.inner()
            return self.times(1 / np.float64(self.inner().item()), above)
        if self.take(r"\sqrt"):
            return np.sqrt(self.inner())
        if self.take(r"\pi"):
            return np.array([[np.pi]])
        (found,) = self.bracketed()
        return found

    def test(self) -> Array:
        left = _filled(self.sum())
        relation = next(r for r in RELATIONS if self.take(r))
        return RELATIONS[relation](left, _filled(self.sum()))

    def shared(self) -> Array:
        """A half each at a tie of two; where several attain an extremum along an axis, their shares."""
        left = _filled(self.sum())
        if self.take(">"):
            right = _filled(self.sum())
            self.need(r"]\!]")
            at = float(Fraction(self.group())) if self.take("_") else 0.5
            return np.where(left == right, at, np.greater(left, right))
        self.need("=")
        along_columns = "columns" in self.rest().partition("(")[0]
        best = self.sum()
        self.need(r"]\!]")
        hit = np.asarray(left == (best.T if along_columns else best), dtype=float)
        return hit / hit.sum(axis=0 if along_columns else 1 if best.size > 1 else None, keepdims=True)

    def cases(self) -> Array:
        first = _filled(self.sum())
        self.need(r"& \text{if }")
        test = self.test()
        self.need(r"\\")
        second = _filled(self.sum())
        self.need(r"& \text{otherwise} \end{array}\right.")
        return np.where(test, first, second)


def _filled(x: Array) -> Array:
    """Ones that stand alone: a number, which NumPy copies."""
    return np.ones((1, 1)) if isinstance(x, Ones) else x


def _plus(x: Array, y: Array) -> Array:
    x, y = _filled(x), _filled(y)
    if isinstance(x, Eye):
        x, y = y, x
    return x + (y.scale * np.eye(len(x)) if isinstance(y, Eye) else y)


_MATRIX = (r"\top", "+", r"-\top")


def _raised(x: Array, power: str) -> Array:
    if power == r"\top":
        return Ones(row=True) if isinstance(x, Ones) else x.T
    if power == "+":
        return np.linalg.pinv(x)
    if power in ("-1", r"-\top"):
        if x.shape == (1, 1):
            return 1 / x
        inverse = np.linalg.inv(x) if np.linalg.matrix_rank(x) == len(x) or _off(x) else np.diag(1 / np.diagonal(x))
        return inverse.T if "top" in power else inverse
    exponent = float(Fraction(power))
    diagonal = np.diagonal(x)
    assert np.array_equal(x, np.diag(diagonal)), f"a power {power} of an array"
    return np.diag(diagonal**exponent)


def _off(x: Array) -> bool:
    return not np.array_equal(x, np.diag(np.diagonal(x)))


def value_of(text: str, names: Mapping[str, Array], vanishing: bool = False) -> Array:
    """The value of a formula as it is printed."""
    return _filled(Reader(text, names, vanishing).whole())
