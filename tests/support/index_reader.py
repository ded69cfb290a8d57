"""Formulas in index notation read back from their LaTeX and evaluated entry by entry, with loops over every letter.

A name without indices is the whole array, as inside of a norm; what stands in square brackets is matrix notation.  Axes of
size one have no index, so all arrays are squeezed.  A letter runs as far as the shortest axis that it indexes alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from latex_reader import RELATIONS
from latex_reader import value_of as matrix_value
from scipy.special import expit

Value = Callable[[Mapping[str, int]], Any]
"""What a formula is worth, given the letters."""

FUNCTIONS = {
    r"\exp": np.exp,
    r"\log": np.log,
    r"\tanh": np.tanh,
    r"\sigma": expit,
    r"\max": np.maximum,
    r"\min": np.minimum,
    r"\operatorname{relu}": lambda x: np.maximum(x, 0),
    r"\operatorname{sign}": np.sign,
    r"\operatorname{sign}_{+}": lambda x: np.where(x >= 0, 1.0, -1.0),
    r"\operatorname{log0}": lambda x: 0.0 if x == 0 else np.log(x),
    r"\operatorname{softplus}": lambda x: np.logaddexp(0, x),
}
ALONG = {
    r"\operatorname{softmax}": lambda here, all: np.exp(here) / np.sum(np.exp(all)),
    r"\operatorname{log\,softmax}": lambda here, all: here - np.log(np.sum(np.exp(all))),
}
FOLDED = {r"\sum": sum, r"\prod": prod, r"\max": max, r"\min": min}
_END = re.compile(r"[-+)\]},&/<>=]|\\\\|\\(?:right|rVert|rvert|rfloor|end|bmod|ge|le|ne|oslash)(?![A-Za-z])")


class Reader:
    """Reads one formula; `sizes` says how far each letter in scope runs, None until an axis tells."""

    def __init__(self, text: str, names: Mapping[str, Any], sizes: dict[str, int | None]) -> None:
        self.text, self.at, self.sizes = text, 0, sizes
        self.names = dict(sorted(names.items(), key=lambda item: -len(item[0])))

    def rest(self) -> str:
        self.at += len(re.match(r"(?:\s|\\,|\\!|\\;)*", self.text[self.at :])[0])
        return self.text[self.at :]

    def take(self, word: str) -> bool:
        rest = self.rest()
        found = rest.startswith(word) and not (word[0] == "\\" and word[-1].isalpha() and rest[len(word) :][:1].isalpha())
        self.at += len(word) if found else 0
        return found

    def need(self, word: str) -> None:
        assert self.take(word), f"expected {word} before {self.rest()!r} in {self.text}"

    def whole(self) -> Value:
        found = self.sum()
        assert not self.rest(), f"{self.rest()!r} is left of {self.text}"
        return found

    def group(self) -> str:
        self.need("{")
        start, depth = self.at, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(self.text[self.at], 0)
            self.at += 1
        return self.text[start : self.at - 1]

    def inner(self) -> Value:
        return Reader(self.group(), self.names, self.sizes).whole()

    # what binds more and more tightly -----------------------------------------------------------------------------------

    def sum(self) -> Value:
        terms = [(-1 if self.take("-") else 1, self.product())]
        while True:
            if self.take("+"):
                terms.append((1, self.product()))
            elif self.take("-"):
                terms.append((-1, self.product()))
            else:
                return lambda env: sum(sign * term(env) for sign, term in terms)

    def product(self) -> Value:
        """Factors side by side; behind one that is zero nothing is looked up."""
        factors = [self.factor()]
        while self.rest() and not _END.match(self.rest()):
            factors.append(self.factor())
        if self.take(r"\oslash_"):
            at, below = Fraction(self.group()), self.product()
            return lambda env: _quotient(_multiplied(factors, env), below(env), float(at))
        return lambda env: _multiplied(factors, env)

    def factor(self) -> Value:
        found = self.atom()
        while self.take("^"):
            above, _, below = self.group().removeprefix(r"\odot").partition("/")  # 3/2 stands in one line
            power = Reader(rf"\frac{{{above}}}{{{below}}}" if below else above, self.names, self.sizes).whole()
            found = lambda env, base=found, power=power: base(env) ** power(env)  # noqa: E731
        return found

    # names, numbers, brackets, functions --------------------------------------------------------------------------------

    def atom(self) -> Value:
        for read in (self.folded, self.applied, self.named, self.letter, self.number, self.special):
            if (found := read()) is not None:
                return found
        raise AssertionError(f"nothing known stands at {self.rest()!r} in {self.text}")

    def folded(self) -> Value | None:
        """A sum, product or extremum over letters."""
        if (found := self.runs()) is None:
            return None
        word, values = found
        return lambda env: FOLDED[word](values(env))

    def runs(self) -> tuple[str, Value] | None:
        """A sign that stands before what runs over letters, and all the values of that."""
        word = next((w for w in FOLDED if self.rest().startswith(w + "_")), None)
        if word is None:
            return None
        self.take(word)
        self.need("_")
        letters, test = self._bound(self.group())
        body = self.product() if word == r"\sum" else self.factor()
        ranges = [range(self._closed(c)) for c in letters]

        def values(env: Mapping[str, int]) -> Any:
            runs = (dict(env, **dict(zip(letters, run, strict=True))) for run in itertools.product(*ranges))
            return [body(run) for run in runs if test(run)]

        return word, values

    def _bound(self, below: str) -> tuple[str, Value]:
        """The letters under a sign, and the condition on them."""
        parts = below.split(", ")
        letters = re.match(r"\w+", parts[0])[0]
        assert not set(letters) & set(self.sizes), f"{letters} is bound twice in {self.text}"
        self.sizes.update(dict.fromkeys(letters))
        tests = [self._limit(*found.groups()) for part in parts if (found := re.fullmatch(r"(\w) (\\[gl]e|<) (.+)", part))]
        return letters, lambda env: all(test(env) for test in tests)

    def _limit(self, letter: str, relation: str, text: str) -> Value:
        limit = Reader(text, self.names, self.sizes).whole()
        if relation == "<":
            self.sizes[letter] = int(limit({}))
        return lambda env: RELATIONS[relation](env[letter], limit(env))

    def _closed(self, letter: str) -> int:
        size = self.sizes.pop(letter)
        assert size is not None, f"nothing says how far {letter} runs in {self.text}"
        return size

    def applied(self) -> Value | None:
        for name, function in FUNCTIONS.items():
            if re.match(re.escape(name) + r"(?:\\left)?\(", self.rest()):
                self.at += len(name)
                operands = self.bracketed()
                return lambda env: function(*(x(env) for x in operands))
        for name, function in ALONG.items():
            if self.rest().startswith(name + "_"):
                self.at += len(name) + 1
                letters = self.group()
                (operand,) = self.bracketed()
                ranges = [range(self.sizes[c]) for c in letters]
                runs = [dict(zip(letters, run, strict=True)) for run in itertools.product(*ranges)]
                return lambda env: function(operand(env), np.array([operand({**env, **run}) for run in runs]))
        return None

    def named(self) -> Value | None:
        rest = self.rest()
        for name, value in self.names.items():
            behind = rest[len(name) :]
            if rest.startswith(name) and not (name[0] == "\\" and name[-1].isalpha() and behind[:1].isalpha()):
                if behind.startswith("_"):
                    self.at += len(name) + 1
                    return self.entry(value)
                if name not in self.sizes:
                    self.at += len(name)
                    return lambda env: value
        return None

    def entry(self, array: Any) -> Value:
        places = self.indices(self.group() if self.rest().startswith("{") else self._next())
        assert len(places) == array.ndim, f"{len(places)} indices of an array of shape {array.shape} in {self.text}"
        for (text, _), d in zip(places, array.shape, strict=True):
            if text in self.sizes:
                self.sizes[text] = min(d, self.sizes[text] or d)

        def value(env: Mapping[str, int]) -> Any:
            index = tuple(int(place(env)) for _, place in places)
            assert all(0 <= i < d for i, d in zip(index, array.shape, strict=True)), f"{index} is outside of {array.shape}"
            return array[index]

        return value

    def _next(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def indices(self, text: str) -> list[tuple[str, Value]]:
        parts = text.split(",") if "," in text or not text.isalpha() else text
        return [(part, Reader(part, self.names, self.sizes).position()) for part in parts]

    def position(self) -> Value:
        found = self.sum()
        if self.take(r"\bmod"):
            divisor = self.sum()
            return lambda env: found(env) % divisor(env)
        assert not self.rest(), f"{self.rest()!r} is left of {self.text}"
        return found

    def letter(self) -> Value | None:
        if (letter := self.rest()[:1]) not in self.sizes:
            return None
        self.at += 1
        return lambda env: env[letter]

    def number(self) -> Value | None:
        if not (number := re.match(r"\d+(?:\.\d+)?", self.rest())):
            return None
        self.at += number.end()
        return lambda env: float(number[0])

    def bracketed(self) -> list[Value]:
        grows = self.take(r"\left")
        self.need("(")
        found = [self.sum()]
        while self.take(","):
            found.append(self.sum())
        if grows:
            self.need(r"\right")
        self.need(")")
        return found

    def special(self) -> Value | None:
        if self.take(r"\delta_"):
            (_, i), (_, j) = self.indices(self.group())
            return lambda env: float(i(env) == j(env))
        if self.take(r"\mathbf{1}["):
            test = self.test()
            self.need("]")
            return lambda env: float(test(env))
        if self.take(r"[\!["):
            return self.shared()
        if self.take(r"\frac"):
            above, below = self.inner(), self.inner()
            return lambda env: above(env) / below(env)
        if self.take(r"\sqrt"):
            inside = self.inner()
            return lambda env: np.sqrt(inside(env))
        if self.take(r"\lfloor"):
            above = self.sum()
            self.need("/")
            below = self.sum()
            self.need(r"\rfloor")
            return lambda env: above(env) // below(env)
        return self.enclosed()

    def enclosed(self) -> Value | None:
        for opening, closing, function in ((r"\lVert", r"\rVert", lambda x: np.sqrt(np.sum(x**2))), (r"\lvert", r"\rvert", np.abs)):
            if self.take(opening):
                inside = self.sum()
                self.need(closing)
                self.take("_F")
                return lambda env: function(inside(env))
        if self.take(r"\left["):
            return self.matrix()
        if self.take(r"\left\{\begin{array}{ll}"):
            return self.cases()
        (found,) = self.bracketed()
        return found

    def matrix(self) -> Value:
        """One entry of a formula in matrix notation."""
        inside, _, behind = self.rest().partition(r"\right]_")
        self.at = len(self.text) - len(behind)
        names = {n: np.reshape(v, (len(v), -1) if np.ndim(v) else (1, 1)) for n, v in self.names.items()}
        return self.entry(np.squeeze(matrix_value(inside, names)))

    def test(self) -> Value:
        left = self.sum()
        relation = next(r for r in RELATIONS if self.take(r))
        right = self.sum()
        return lambda env: RELATIONS[relation](left(env), right(env))

    def shared(self) -> Value:
        """A half each at a tie of two; where several attain an extremum, their shares."""
        left = self.sum()
        if self.take(">"):
            right = self.sum()
            self.need(r"]\!]")
            at = float(Fraction(self.group())) if self.take("_") else 0.5
            return lambda env: at if left(env) == right(env) else float(left(env) > right(env))
        self.need("=")
        found = self.runs()
        if found is None:
            self.sum()
            self.need(r"]\!]")
            return lambda env: 1.0  # of a single entry
        self.need(r"]\!]")
        word, values = found

        def share(env: Mapping[str, int]) -> float:
            best = FOLDED[word](values(env))
            return (left(env) == best) / sum(v == best for v in values(env))

        return share

    def cases(self) -> Value:
        first = self.sum()
        self.need(r"& \text{if }")
        test = self.test()
        self.need(r"\\")
        second = self.sum()
        self.need(r"& \text{otherwise} \end{array}\right.")
        return lambda env: first(env) if test(env) else second(env)


def _quotient(above: Any, below: Any, at: float) -> Any:
    return at if above == 0 and below == 0 else above / below


def _multiplied(factors: list[Value], env: Mapping[str, int]) -> Any:
    found: Any = 1.0
    for factor in factors:
        found = found * factor(env)
        if np.ndim(found) == 0 and found == 0:
            return 0.0
    return found


def value_of(left: str, right: str, names: Mapping[str, Any]) -> tuple[Any, Any]:
    """The array that is named on the left, and the right side at all of its indices."""
    name, below = next((n, left[len(n) :]) for n in sorted(names, key=len, reverse=True) if left.startswith(n))
    array = np.asarray(names[name])
    letters = re.fullmatch(r"_\{?(\w+)\}?", below)[1] if below else ""
    assert len(letters) == array.ndim, f"{left} has {len(letters)} indices and {array.ndim} axes"
    formula = Reader(right, names, dict(zip(letters, array.shape, strict=True))).whole()
    found = np.zeros(array.shape)
    for index in np.ndindex(*array.shape):
        found[index] = formula(dict(zip(letters, index, strict=True)))
    return array, found
