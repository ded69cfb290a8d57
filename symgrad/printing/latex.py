"""Expressions and equations as LaTeX, from the templates and precedences of the operations' records."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sympy

from symgrad.core.budget import limit, tick
from symgrad.core.graph import postorder
from symgrad.core.op import ATOM, CHAIN, POWER, PRODUCT, SUM, SYMMETRIC, VARIABLE, Dim, Node, Op, value_of
from symgrad.core.roles import Printed
from symgrad.core.source import as_written, decimal_of, symbolic
from symgrad.errors import UnsupportedError, one_of
from symgrad.printing.identifiers import Notation, latex_symbol


@dataclass(frozen=True)
class Theme:
    """How names and derivatives are written.

    `style` is "partial" for the textbook's dJ/dW and R{z}, or "accent" for bars and dots; `superscript` writes W1 as W^{(1)}.
    """

    style: str = "partial"
    superscript: bool = False
    transpose: str = r"\top"

    def __post_init__(self) -> None:
        one_of("style", self.style, ("partial", "accent"))

    def adjoint(self, objective: str, name: str) -> str:
        return rf"\frac{{\partial {objective}}}{{\partial {name}}}" if self.style == "partial" else rf"\bar{{{name}}}"

    def tangent(self, name: str, letter: str) -> str:
        return rf"{letter}\!\left\{{{name}\right\}}" if self.style == "partial" else rf"\dot{{{name}}}"


class Show:
    """Prints the operands of an operation: `show(node, level)` brackets what binds more weakly than `level`."""

    def __init__(self, theme: Theme | None = None, notation: Notation | None = None) -> None:
        self.theme, self.notation = theme or Theme(), notation or Notation()
        self.top = self.theme.transpose
        self._done: dict[Node, tuple[str, int]] = {}

    @property
    def printed(self) -> Iterable[Node]:
        """Every node printed so far."""
        return self._done

    def text(self, root: Node) -> str:
        if root not in self._done:
            for node in postorder([root]):
                if node not in self._done:
                    self._done[node] = self._print(node)
        return self._done[root][0]

    def _print(self, node: Node) -> tuple[str, int]:
        tick()
        template = node.op.latex
        printed = self._fill(template, node) if isinstance(template, str) else template(node, self)
        text, precedence = printed if isinstance(printed, tuple) else (printed, node.op.precedence)
        if len(text) > (most := limit("formula")):
            raise UnsupportedError(f"a printed formula has more than {most} characters; name intermediate results")
        return text, SUM if text.startswith("-") else precedence

    def _fill(self, template: str, node: Node) -> str:
        """Operands for #1, #2, ...: alone in round brackets they need none of their own."""

        def operand(match: re.Match[str]) -> str:
            if match["index"] == "0":
                return self.letter(node.op)
            x = node.args[int(match["index"]) - 1]
            if match["open"]:
                return bracket(self(x, 0))
            return self(x, node.op.precedence)

        return re.sub(r"(?P<open>\((?=#\d\)))?#(?P<index>\d)(?(open)\))", operand, template)

    def __call__(self, node: Node, level: int) -> str:
        if node not in self._done:
            self.text(node)
        text, precedence = self._done[node]
        return bracket(text) if precedence < level else text

    def symbol(self, node: Node) -> Any:
        role = node.params["role"]
        if isinstance(role, Printed):
            return role.text, role.precedence
        text = latex_symbol(role, self.theme, self.notation)
        if text.startswith(r"\frac"):
            return text, POWER
        return f"{{{text}}}" if "^{(" in text else text  # W^{(1)} takes an exponent of its own

    def name(self, identifier: str) -> str:
        return self.notation.name(identifier).latex(self.theme.superscript)

    def letter(self, op: Op) -> str:
        """The letter that stands for an operation, unless it is an author's."""
        return self.notation.letter(op.letter)

    def argument(self, node: Node) -> str:
        """An operand in the round brackets of a function."""
        return bracket(self(node, 0))

    def number(self, value: sympy.Expr) -> str:
        """A number: decimals as typed where halves, thirds and dimensions do not ask for a fraction."""
        if value.is_Rational and value.q % 5 == 0 and (decimal := decimal_of(value)):
            mantissa, _, exponent = decimal.partition("e")
            if not exponent:
                return mantissa
            power = f"10^{{{exponent}}}"
            return power if mantissa == "1" else f"{mantissa} \\cdot {power}"
        if value.is_Rational and value.q != 1 and value.q & (value.q - 1) == 0 and value.q > 16 and (decimal := decimal_of(value)):
            return decimal
        if value.is_Symbol:
            return self.notation.dim(value.name).latex()
        if value.is_Integer:
            return str(value.p)
        named = {s: self.notation.dim(s.name).latex() for s in value.free_symbols}
        order = "none" if value.is_Add else None
        return re.sub("^- ", "-", sympy.latex(as_written(value), symbol_names=named, order=order))

    def size(self, dim: Dim) -> str:
        return self.number(symbolic(dim))

    def constant(self, value: sympy.Expr) -> tuple[str, int]:
        """A number and how tightly its print holds together."""
        text = self.number(value)
        if value.is_Add or text.startswith("-"):
            return text, SUM
        if text.startswith(r"\frac"):
            return text, POWER
        return text, CHAIN if " " in text and not value.is_Function else POWER if value.is_Pow or "^" in text else ATOM

    def filling(self, value: sympy.Expr, level: int) -> str:
        """A number that stands for the array it fills, in brackets where it binds more weakly than `level`."""
        text, precedence = self.constant(value)
        return bracket(text) if precedence < level else text

    def exponent(self, value: sympy.Expr) -> str:
        """A number as an exponent: halves and thirds in one line."""
        return f"{value.p}/{value.q}" if value.is_Rational and value.q in (2, 3, 4) else self.number(value)

    def fraction(self, number: sympy.Expr, above: list[Node], below: list[Node]) -> str:
        """number * above / below as one fraction where anything stands below; nothing at all for 1."""
        over, under = (number, sympy.S.One) if number.is_Integer or self._is_decimal(number) else number.as_numer_denom()
        if not below and under == 1:
            return self.side_by_side([*self._numeral(over, 2), *(self.factor(x) for x in above)])
        return rf"\frac{{{self._row(over, above) or '1'}}}{{{self._row(under, below)}}}"

    def _is_decimal(self, number: sympy.Expr) -> bool:
        text = self.number(number)
        return "." in text or "10^" in text

    def _row(self, number: sympy.Expr, nodes: list[Node]) -> str:
        """A number and factors above or below the line of a fraction."""
        numerals = self._numeral(number, 1 + len(nodes))
        return self.side_by_side([*numerals, *self.factors(nodes, len(numerals))])

    def _numeral(self, number: sympy.Expr, factors: int) -> list[str]:
        """A number among so many factors; 1 is none."""
        return [] if number == 1 else [self.filling(number, CHAIN if factors > 1 else SUM)]

    def factors(self, nodes: list[Node], others: int) -> list[str]:
        """What stands side by side: alone, it needs no brackets."""
        return [self.factor(x) if len(nodes) + others > 1 else self(x, 0) for x in nodes]

    def factor(self, node: Node) -> str:
        """A factor beside others; a scalar that is itself a product, x^T y, keeps its brackets."""
        return self(node, CHAIN if node.ndim else POWER)

    def side_by_side(self, factors: list[str]) -> str:
        """Factors without a sign between them, but a dot before a number, which would read as more digits: 2 · 2^x."""
        return "".join([*factors[:1], *(rf" \cdot {f}" if f[0].isdigit() else f" {f}" for f in factors[1:])])

    def entrywise(self, node: Node) -> str:
        """An operand of the entrywise product: another such product needs no brackets, factors side by side do."""
        text, precedence = self.as_is(node)
        return text if precedence == PRODUCT else self(node, POWER)

    def transposed(self, node: Node) -> str:
        if node.op.name == "inv":
            return f"{self(node.args[0], ATOM)}^{{-{self.top}}}"
        if node.op is VARIABLE and node.params["properties"] & SYMMETRIC:
            return self(node, ATOM)
        return f"{self(node, ATOM)}^{{{self.top}}}"

    def norm(self, node: Node) -> str:
        return self.between(r"\lVert", node, r"\rVert") + ("_F" if node.ndim > 1 else "")

    def between(self, left: str, node: Node, right: str) -> str:
        """An operand between bars; one that has such bars outside of all brackets gets brackets, since bars do not nest."""
        text = self(node, 0)
        return f"{left} {bracket(text) if left in _outside(text) else text} {right}"

    def as_is(self, node: Node) -> tuple[str, int]:
        """The operand's own form: inserting or dropping an axis of size one is silent."""
        self(node, 0)
        return self._done[node]

    def entry(self, node: Node, level: int) -> str:
        """An operand of an entrywise operation: a number stands for the array it fills."""
        value = value_of(node)
        return self(node, level) if value is None else self.filling(value, level)

    def bracketed(self, node: Node) -> str:
        return self(node, ATOM)


_TALL = re.compile(r"\\frac|\\sum|\\prod|\\left|\\sqrt")


def bracket(text: str) -> str:
    return rf"\left( {text} \right)" if _TALL.search(text) else f"({text})"


_INNERMOST = re.compile(r"\([^()]*\)")


def _outside(text: str) -> str:
    """What of a formula stands outside of its round brackets."""
    while (outer := _INNERMOST.sub("", text)) != text:
        text = outer
    return text
