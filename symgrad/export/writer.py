"""Lowered functions as text: the spacing of ruff, and no line longer than it allows.

What is too long is given one argument a line, closed by a comma.  Neither depends on the line length that a reader's formatter is
set to, as long as that is not shorter.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symgrad.core.op import Node, show_shape
from symgrad.export.lowered import Assign, Call, Delete, LoweredFunction, LoweredStatement, Return, Update
from symgrad.export.spelling import spelled, with_commas

LONGEST = 88
"""Columns, as ruff has it by default."""

INDENT = 4


@dataclass(frozen=True)
class Writer:
    """Text in the words of one function of a module."""

    words: Mapping[str, str]

    def text(self, node: ast.expr) -> str:
        return spelled(node, self.words)

    # statements ---------------------------------------------------------------------------------------------------------

    def line(self, statement: LoweredStatement) -> str:
        """A statement on one line, however long that is."""
        match statement:
            case Delete(targets=targets):
                return f"del {', '.join(targets)}"
            case LoweredFunction(name=name, parameters=parameters):
                return f"def {name}({', '.join(parameters)}):"
        return self.head(statement) + self._value(statement)

    def head(self, statement: LoweredStatement) -> str:
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
                return with_commas(parts, self.words)
        return self.text(statement.code)

    def lines(self, statement: LoweredStatement, indent: int = INDENT) -> list[str]:
        """One line, or one argument a line; nothing where neither fits."""
        if len(text := self.line(statement)) + indent <= LONGEST:
            return [text]
        value = getattr(statement, "code", None)
        if not isinstance(value, ast.Call | ast.Tuple | ast.List):
            return []
        *targets, head = self._targets(statement, indent)
        lines = [*targets, *self._exploded(head, value, "", indent)]
        return lines if all(len(line) + indent <= LONGEST for line in lines) else []

    def _targets(self, statement: LoweredStatement, indent: int) -> list[str]:
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

    def body(self, statements: Sequence[LoweredStatement], indent: int = INDENT, comments: bool = True) -> Iterator[str]:
        """The lines of a function's body, without its indentation; shapes beside or above what is assigned."""
        lines: list[str] = []
        for statement in statements:
            if isinstance(statement, LoweredFunction):
                inner = self.body(statement.body, indent + INDENT, comments=False)
                yield from ("", self.line(statement), *(" " * INDENT + line for line in inner), "")
                continue
            lines += self.lines(statement, indent) or [self.line(statement)]
            if not (isinstance(statement, Assign) and statement.leads):
                yield from _beside(lines, statement.node) if comments and isinstance(statement, Assign) else lines
                lines = []


def function_text(function: LoweredFunction) -> str:
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
