"""Lowered functions as text: the spacing of ruff, and no line longer than it allows.

What is too long is given one argument a line, closed by a comma.  Neither depends on the line length that a reader's formatter is
set to, as long as that is not shorter.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.core.op import Node, show_shape
from symgrad.export.lowered import Assign, Call, Delete, Function, Return, Statement, Update
from symgrad.export.syntax import Word

LONGEST = 88
"""Columns, as ruff has it by default."""

INDENT = 4

TEST, COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(7)
"""How strongly Python's operators bind."""

_OPERATORS: Mapping[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", PRODUCT),
    ast.MatMult: ("@", PRODUCT),
    ast.Div: ("/", PRODUCT),
    ast.FloorDiv: ("//", PRODUCT),
    ast.Mod: ("%", PRODUCT),
    ast.Pow: ("**", POWER),
}
_RELATIONS: Mapping[type[ast.cmpop], str] = {
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


@dataclass(frozen=True)
class Writer:
    """Text in the words of one function of a module."""

    words: Mapping[str, str]

    # expressions --------------------------------------------------------------------------------------------------------

    def text(self, node: Any, least: int = TEST) -> str:
        """An expression, in brackets where it binds less strongly than what stands around it."""
        text, strength = _EXPRESSIONS[type(node)](self, node)
        return f"({text})" if strength < least else text

    def _listed(self, nodes: Sequence[Any]) -> str:
        return ", ".join(map(self.text, nodes)) + ("," if len(nodes) == 1 else "")

    def _name(self, node: ast.Name) -> tuple[str, int]:
        return node.id, ATOM

    def _word(self, node: ast.Name) -> tuple[str, int]:
        return self.words.get(node.id, node.id), ATOM

    def _constant(self, node: ast.Constant) -> tuple[str, int]:
        return "..." if node.value is ... else repr(node.value).replace("'", '"'), ATOM

    def _attribute(self, node: ast.Attribute) -> tuple[str, int]:
        return f"{self.text(node.value, ATOM)}.{node.attr}", ATOM

    def _call(self, node: ast.Call) -> tuple[str, int]:
        return f"{self.text(node.func, ATOM)}({', '.join(map(self.text, (*node.args, *node.keywords)))})", ATOM

    def _keyword(self, node: ast.keyword) -> tuple[str, int]:
        return f"{node.arg}={self.text(node.value)}" if node.arg else f"**{self.text(node.value)}", ATOM

    def _starred(self, node: ast.Starred) -> tuple[str, int]:
        return f"*{self.text(node.value, SUM)}", ATOM

    def _tuple(self, node: ast.Tuple) -> tuple[str, int]:
        return f"({self._listed(node.elts)})" if node.elts else "()", ATOM

    def _list(self, node: ast.List) -> tuple[str, int]:
        return f"[{', '.join(map(self.text, node.elts))}]", ATOM

    def _subscript(self, node: ast.Subscript) -> tuple[str, int]:
        index = self._listed(node.slice.elts) if isinstance(node.slice, ast.Tuple) and node.slice.elts else self.text(node.slice)
        return f"{self.text(node.value, ATOM)}[{index}]", ATOM

    def _slice(self, node: ast.Slice) -> tuple[str, int]:
        """x[:, 1:n] but x[:: n + 1]: as the weakest operator, where a bound has one."""
        lower, upper, step = ("" if bound is None else self.text(bound) for bound in (node.lower, node.upper, node.step))
        if all(map(_is_short, (node.lower, node.upper, node.step))):
            return f"{lower}:{upper}{f':{step}' if step else ''}", ATOM
        text = f"{lower} :{f' {upper}' if upper else ''}" if lower else f":{f' {upper}' if upper else ''}"
        return text + (f"{' ' if upper else ''}: {step}" if step else ""), ATOM

    def _unary(self, node: ast.UnaryOp) -> tuple[str, int]:
        return f"{'-' if isinstance(node.op, ast.USub) else '+'}{self.text(node.operand, SIGN)}", SIGN

    def _binary(self, node: ast.BinOp) -> tuple[str, int]:
        """Equal operators from left to right, powers from right to left; x**2 but (x + 1) ** 2."""
        sign, strength = _OPERATORS[type(node.op)]
        if strength == POWER:
            space = "" if is_tight(node) else " "
            return f"{self.text(node.left, ATOM)}{space}**{space}{self.text(node.right, POWER)}", POWER
        return f"{self.text(node.left, strength)} {sign} {self.text(node.right, strength + 1)}", strength

    def _compare(self, node: ast.Compare) -> tuple[str, int]:
        parts = zip(node.ops, node.comparators, strict=True)
        rest = (f" {_RELATIONS[type(op)]} {self.text(x, SUM)}" for op, x in parts)
        return self.text(node.left, SUM) + "".join(rest), COMPARISON

    def _lambda(self, node: ast.Lambda) -> tuple[str, int]:
        return f"lambda {', '.join(a.arg for a in node.args.args)}: {self.text(node.body)}", TEST

    def _generator(self, node: ast.GeneratorExp) -> tuple[str, int]:
        loops = (f" for {self.text(g.target)} in {self.text(g.iter)}" for g in node.generators)
        return f"({self.text(node.elt)}{''.join(loops)})", ATOM

    # statements ---------------------------------------------------------------------------------------------------------

    def line(self, statement: Statement) -> str:
        """A statement on one line, however long that is."""
        match statement:
            case Delete(targets=targets):
                return f"del {', '.join(targets)}"
            case Function(name=name, parameters=parameters):
                return f"def {name}({', '.join(parameters)}):"
        return self.head(statement) + self._value(statement)

    def head(self, statement: Statement) -> str:
        """What stands before the value."""
        match statement:
            case Assign(target=target):
                return f"{target} = "
            case Call(targets=(target,)):
                return f"({target},) = "
            case Call(targets=targets):
                return f"{', '.join(targets)} = " if targets else ""
            case Update(place=place, subtracts=subtracts):
                return f"{self.text(place)} {'-' if subtracts else '+'}= "
            case Return():
                return "return "
        raise TypeError(statement)

    def _value(self, statement: Any) -> str:
        match statement:
            case Return(code=ast.Tuple(elts=[_, _, *_] as parts)):
                return self._listed(parts)
        return self.text(statement.code)

    def lines(self, statement: Statement, indent: int = INDENT) -> list[str]:
        """One line, or one argument a line; nothing where neither fits."""
        if len(text := self.line(statement)) + indent <= LONGEST:
            return [text]
        value = getattr(statement, "code", None)
        if not isinstance(value, ast.Call | ast.Tuple | ast.List):
            return []
        *targets, head = self._targets(statement, indent)
        lines = [*targets, *self._exploded(head, value, "", indent)]
        return lines if all(len(line) + indent <= LONGEST for line in lines) else []

    def _targets(self, statement: Statement, indent: int) -> list[str]:
        """What stands before the value: one line, or one name a line where many are unpacked."""
        head = self.head(statement)
        if isinstance(statement, Call) and len(head) + indent + len("_arrays(_") > LONGEST:
            return ["(", *(f"{' ' * INDENT}{target}," for target in statement.targets), ") = "]
        return [head]

    def _exploded(self, head: str, node: ast.expr, tail: str, indent: int) -> list[str]:
        """A call, tuple or list with one element a line and a comma behind each, so that no formatter joins them."""
        text = head + self.text(node) + tail
        if len(text) + indent <= LONGEST or not isinstance(node, ast.Call | ast.Tuple | ast.List):
            return [text]
        opening, closing = ("[", "]") if isinstance(node, ast.List) else ("(", ")")
        name = self.text(node.func) if isinstance(node, ast.Call) else ""
        lines = [f"{head}{name}{opening}"]
        for key, item in _elements(node):
            lines += (" " * INDENT + line for line in self._exploded(key, item, ",", indent + INDENT))
        return [*lines, f"{closing}{tail}"]

    # functions ----------------------------------------------------------------------------------------------------------

    def body(self, statements: Sequence[Statement], indent: int = INDENT, comments: bool = True) -> Iterator[str]:
        """The lines of a function's body, without its indentation; shapes beside or above what is assigned."""
        lines: list[str] = []
        for statement in statements:
            if isinstance(statement, Function):
                inner = self.body(statement.body, indent + INDENT, comments=False)
                yield from ("", self.line(statement), *(" " * INDENT + line for line in inner), "")
                continue
            lines += self.lines(statement, indent) or [self.line(statement)]
            if not (isinstance(statement, Assign) and statement.leads):
                yield from _beside(lines, statement.node) if comments and isinstance(statement, Assign) else lines
                lines = []


def written(function: Function) -> str:
    """The text of a function: its signature on one line where it fits, else one parameter a line."""
    line = f"def {function.name}({', '.join(function.parameters)}){function.returns}:"
    several = [f"def {function.name}(", *(f"    {p}," for p in function.parameters), f"){function.returns}:"]
    head = [*([function.top] if function.top else []), *([line] if len(line) <= LONGEST else several), function.says]
    body = Writer(function.words).body(function.body)
    return "\n".join([*head, *(f"    {line}".rstrip() for line in body)])


def _beside(lines: list[str], node: Node | None) -> list[str]:
    """The shape behind the last line where that has room, above them elsewhere."""
    if node is None or not node.ndim:
        return lines
    comment = show_shape(node.shape)
    if not lines[-1].startswith((" ", ")", "]")) and len(lines[-1]) + len(comment) + 4 <= LONGEST - INDENT:
        return [*lines[:-1], f"{lines[-1]}  # {comment}"]
    return [f"# {comment}", *lines]


def _elements(node: ast.Call | ast.Tuple | ast.List) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(node, ast.Call):
        yield from (("", item) for item in node.elts)
        return
    yield from (("", a) for a in node.args)
    yield from ((f"{k.arg}=" if k.arg else "**", k.value) for k in node.keywords)


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


_EXPRESSIONS: Mapping[type, Callable[[Writer, Any], tuple[str, int]]] = {
    ast.Name: Writer._name,
    Word: Writer._word,
    ast.Constant: Writer._constant,
    ast.Attribute: Writer._attribute,
    ast.Call: Writer._call,
    ast.keyword: Writer._keyword,
    ast.Starred: Writer._starred,
    ast.Tuple: Writer._tuple,
    ast.List: Writer._list,
    ast.Subscript: Writer._subscript,
    ast.Slice: Writer._slice,
    ast.UnaryOp: Writer._unary,
    ast.BinOp: Writer._binary,
    ast.Compare: Writer._compare,
    ast.Lambda: Writer._lambda,
    ast.GeneratorExp: Writer._generator,
}
