"""Expressions as text in the spacing of ruff: brackets where they are needed, x**2 but (x + 1) ** 2."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.export.syntax import Word

_TEST, _COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(7)
"""How strongly Python's operators bind."""

_OPERATORS: Mapping[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", _SUM),
    ast.Sub: ("-", _SUM),
    ast.Mult: ("*", _PRODUCT),
    ast.MatMult: ("@", _PRODUCT),
    ast.Div: ("/", _PRODUCT),
    ast.FloorDiv: ("//", _PRODUCT),
    ast.Mod: ("%", _PRODUCT),
    ast.Pow: ("**", _POWER),
}
_RELATIONS: Mapping[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def spelled(node: Any, words: Mapping[str, str]) -> str:
    """An expression as text, each word of it as the module has it."""
    return _Spelling(words).text(node)


def with_commas(nodes: Sequence[Any], words: Mapping[str, str]) -> str:
    """Expressions with commas between them, and behind a single one."""
    return _Spelling(words).listed(nodes)


@dataclass(frozen=True)
class _Spelling:
    words: Mapping[str, str]

    def text(self, node: Any, least: int = _TEST) -> str:
        """An expression, in brackets where it binds less strongly than what stands around it."""
        text, strength = _EXPRESSIONS[type(node)](self, node)
        return f"({text})" if strength < least else text

    def listed(self, nodes: Sequence[Any]) -> str:
        return ", ".join(map(self.text, nodes)) + ("," if len(nodes) == 1 else "")

    def _name(self, node: ast.Name) -> tuple[str, int]:
        return node.id, _ATOM

    def _word(self, node: ast.Name) -> tuple[str, int]:
        return self.words.get(node.id, node.id), _ATOM

    def _constant(self, node: ast.Constant) -> tuple[str, int]:
        return "..." if node.value is ... else repr(node.value).replace("'", '"'), _ATOM

    def _attribute(self, node: ast.Attribute) -> tuple[str, int]:
        return f"{self.text(node.value, _ATOM)}.{node.attr}", _ATOM

    def _call(self, node: ast.Call) -> tuple[str, int]:
        return f"{self.text(node.func, _ATOM)}({', '.join(map(self.text, (*node.args, *node.keywords)))})", _ATOM

    def _keyword(self, node: ast.keyword) -> tuple[str, int]:
        return f"{node.arg}={self.text(node.value)}" if node.arg else f"**{self.text(node.value)}", _ATOM

    def _starred(self, node: ast.Starred) -> tuple[str, int]:
        return f"*{self.text(node.value, _SUM)}", _ATOM

    def _tuple(self, node: ast.Tuple) -> tuple[str, int]:
        return f"({self.listed(node.elts)})" if node.elts else "()", _ATOM

    def _list(self, node: ast.List) -> tuple[str, int]:
        return f"[{', '.join(map(self.text, node.elts))}]", _ATOM

    def _subscript(self, node: ast.Subscript) -> tuple[str, int]:
        index = self.listed(node.slice.elts) if isinstance(node.slice, ast.Tuple) and node.slice.elts else self.text(node.slice)
        return f"{self.text(node.value, _ATOM)}[{index}]", _ATOM

    def _slice(self, node: ast.Slice) -> tuple[str, int]:
        """x[:, 1:n] but x[:: n + 1]: as the weakest operator, where a bound has one."""
        lower, upper, step = ("" if bound is None else self.text(bound) for bound in (node.lower, node.upper, node.step))
        if all(map(_is_short, (node.lower, node.upper, node.step))):
            return f"{lower}:{upper}{f':{step}' if step else ''}", _ATOM
        text = f"{lower} :{f' {upper}' if upper else ''}" if lower else f":{f' {upper}' if upper else ''}"
        return text + (f"{' ' if upper else ''}: {step}" if step else ""), _ATOM

    def _unary(self, node: ast.UnaryOp) -> tuple[str, int]:
        return f"{'-' if isinstance(node.op, ast.USub) else '+'}{self.text(node.operand, _SIGN)}", _SIGN

    def _binary(self, node: ast.BinOp) -> tuple[str, int]:
        """Equal operators from left to right, powers from right to left; x**2 but (x + 1) ** 2."""
        sign, strength = _OPERATORS[type(node.op)]
        if strength == _POWER:
            space = "" if is_tight(node) else " "
            return f"{self.text(node.left, _ATOM)}{space}**{space}{self.text(node.right, _POWER)}", _POWER
        return f"{self.text(node.left, strength)} {sign} {self.text(node.right, strength + 1)}", strength

    def _compare(self, node: ast.Compare) -> tuple[str, int]:
        parts = zip(node.ops, node.comparators, strict=True)
        rest = (f" {_RELATIONS[type(op)]} {self.text(x, _SUM)}" for op, x in parts)
        return self.text(node.left, _SUM) + "".join(rest), _COMPARISON

    def _lambda(self, node: ast.Lambda) -> tuple[str, int]:
        return f"lambda {', '.join(a.arg for a in node.args.args)}: {self.text(node.body)}", _TEST

    def _generator(self, node: ast.GeneratorExp) -> tuple[str, int]:
        loops = (f" for {self.text(g.target)} in {self.text(g.iter)}" for g in node.generators)
        return f"({self.text(node.elt)}{''.join(loops)})", _ATOM


def is_tight(node: ast.BinOp) -> bool:
    """Is it a power such as x**2, which ruff writes without spaces?"""
    return isinstance(node.op, ast.Pow) and _hugs(node.left) and _hugs(node.right)


def _hugs(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Constant(value=value):
            return isinstance(value, int | float)
        case ast.Attribute(value=inner):
            return _hugs(inner) and not isinstance(inner, ast.Constant)
    return False


def _is_short(bound: ast.expr | None) -> bool:
    if isinstance(bound, ast.UnaryOp):
        return _is_short(bound.operand)
    return bound is None or isinstance(bound, ast.Name | ast.Constant)


_EXPRESSIONS: Mapping[type, Callable[[_Spelling, Any], tuple[str, int]]] = {
    ast.Name: _Spelling._name,
    Word: _Spelling._word,
    ast.Constant: _Spelling._constant,
    ast.Attribute: _Spelling._attribute,
    ast.Call: _Spelling._call,
    ast.keyword: _Spelling._keyword,
    ast.Starred: _Spelling._starred,
    ast.Tuple: _Spelling._tuple,
    ast.List: _Spelling._list,
    ast.Subscript: _Spelling._subscript,
    ast.Slice: _Spelling._slice,
    ast.UnaryOp: _Spelling._unary,
    ast.BinOp: _Spelling._binary,
    ast.Compare: _Spelling._compare,
    ast.Lambda: _Spelling._lambda,
    ast.GeneratorExp: _Spelling._generator,
}
