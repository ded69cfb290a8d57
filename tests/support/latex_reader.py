"""Our LaTeX read back by its brackets and signs alone, and evaluated in NumPy: does a printed formula say what is computed?

Every array is a matrix: a vector is a column, a number one by one.  The vector of ones and the identity have no size of their own;
a copied vector stays one row or one column, which NumPy broadcasts.
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


FUNCTIONS: dict[str, Callable[..., Array]] = {
    r"\exp": np.exp,
    r"\log": np.log,
    r"\tanh": np.tanh,
    r"\max": np.maximum,
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

_STEP = r"\mathbf{1}["
_CLOSING = {"(": ")", "[": "]", r"\lVert": r"\rVert", r"\lvert": r"\rvert", r"\langle": r"\rangle"}
_ENDS = (*_CLOSING.values(), ",", "}", r"\right", ">")


class Reader:
    """Reads one formula; `names` are the values of what is printed as a name."""

    def __init__(self, text: str, names: Mapping[str, Array]) -> None:
        self.text, self.at = text, 0
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
        total = _times(-1.0, self.product()) if self.take("-") else self.product()
        while True:
            if self.take("+"):
                total = _plus(total, self.product())
            elif self.take("-"):
                total = _plus(total, _times(-1.0, self.product()))
            else:
                return total

    def product(self) -> Array:
        """Entrywise products and quotients of chains."""
        found = self.chain()
        while True:
            if self.take(r"\odot"):
                found = _filled(found) * _filled(self.chain())
            elif self.take(r"\oslash"):
                found = _filled(found) / _filled(self.chain())
            else:
                return found

    def chain(self) -> Array:
        """Factors side by side: the matrix product."""
        found = self.factor()
        while self.rest() and not self.rest().startswith(("+", "-", r"\odot", r"\oslash", *_ENDS)):
            found = _matmul(found, self.factor())
        return found

    def factor(self) -> Array:
        found = self.atom()
        while self.take("^"):
            found = _raised(found, self.group())
        return found

    def group(self) -> str:
        """The text in braces."""
        self.need("{")
        start, depth = self.at, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(self.text[self.at], 0)
            self.at += 1
        return self.text[start : self.at - 1]

    def inner(self) -> Array:
        return Reader(self.group(), self.names).whole()

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
        opens = behind.startswith(("(", r"\left(")) or (function == r"\log" and behind.startswith(r" \lvert"))
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
            return [np.reshape(np.sqrt(np.sum(found[0] ** 2)), (1, 1))]
        if opening == r"\langle":
            return [np.reshape(np.sum(found[0] * found[1]), (1, 1))]
        return [np.abs(found[0])] if opening == r"\lvert" else found

    def special(self) -> Array:
        if self.take(_STEP):
            left = self.sum()
            self.need(">")
            right = self.sum()
            self.need("]")
            return np.asarray(left > right, dtype=float)
        for word, made in ((r"\mathbf{1}", Ones), (r"\mathbf{I}", Eye), ("I", Eye)):
            if self.take(word):
                return made()
        if self.take(r"\mathbf{0}"):
            return np.zeros((1, 1))
        if self.take(r"\frac"):
            above = self.inner()
            return _times(1 / self.inner().item(), above)
        if self.take(r"\sqrt"):
            return np.sqrt(self.inner())
        if self.take(r"\pi"):
            return np.array([[np.pi]])
        (found,) = self.bracketed()
        return found


def _times(number: float, x: Array) -> Array:
    return Eye(number * x.scale) if isinstance(x, Eye) else number * _filled(x)


def _filled(x: Array) -> Array:
    """Ones that stand alone: a number, which NumPy copies."""
    return np.ones((1, 1)) if isinstance(x, Ones) else x


def _plus(x: Array, y: Array) -> Array:
    x, y = _filled(x), _filled(y)
    if isinstance(x, Eye):
        x, y = y, x
    return x + (y.scale * np.eye(len(x)) if isinstance(y, Eye) else y)


def _matmul(x: Array, y: Array) -> Array:
    """A product; with ones a sum over rows or columns, or copies of a vector, which stay one."""
    if isinstance(y, Ones):
        return x if y.row or x.shape == (1, 1) else x.sum(1, keepdims=True)
    if isinstance(x, Ones):
        return y.sum(0, keepdims=True) if x.row else y
    for number, other in ((x, y), (y, x)):
        if isinstance(number, Eye):
            return _times(number.scale, other)
        if number.shape == (1, 1):
            return _times(number.item(), other)
    return x @ y


def _raised(x: Array, power: str) -> Array:
    if power == r"\top":
        return Ones(row=True) if isinstance(x, Ones) else x.T
    if power == "+":
        return np.linalg.pinv(x)
    if power in ("-1", r"-\top"):
        inverse = 1 / x if x.shape == (1, 1) else np.linalg.inv(x)
        return inverse.T if "top" in power else inverse
    exponent = float(Fraction(power.removeprefix(r"\odot").strip()))
    if power.startswith(r"\odot") or x.shape == (1, 1):
        return x**exponent
    diagonal = np.diagonal(x)
    assert np.array_equal(x, np.diag(diagonal)), f"a power {power} of an array"
    return np.diag(diagonal**exponent)


def value_of(text: str, names: Mapping[str, Array]) -> Array:
    """The value of a formula as it is printed."""
    return _filled(Reader(text, names).whole())
