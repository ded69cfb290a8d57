"""One line for everything that fails: what, in which statement, in which file and line, why, and the way out."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from symgrad.core.op import OPERATORS, Node, show_shape
from symgrad.errors import ShapeError, SymgradError, printable
from symgrad.reading.module import Module

LONGEST_STATEMENT = 80
_LONGEST_PIECE = 40

NAMES: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power", ast.MatMult: "matmul",
    ast.FloorDiv: "floor_divide", ast.Mod: "mod", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|",
    ast.BitXor: "^",
    ast.UAdd: "+", ast.USub: "negative", ast.Not: "not", ast.Invert: "~",
    ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not",
    ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
"""Operators by the name they have in a message."""

_WORDS: dict[type[ast.AST], str] = {
    ast.NamedExpr: ":=", ast.JoinedStr: "f-string", ast.Starred: "*", ast.Compare: "comparison", ast.Delete: "del",
    ast.SetComp: "set", ast.YieldFrom: "yield", ast.Tuple: "unpacking", ast.List: "unpacking",
}  # fmt: skip
SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@"}


@dataclass
class SourcePlace:
    """Where reading stands: the statement, and the piece of it that is being evaluated."""

    module: Module
    statement: ast.AST
    tree: ast.AST

    def located(self, error: SymgradError) -> SymgradError:
        """The same error as one line that says where."""
        line = getattr(self.tree, "lineno", getattr(self.statement, "lineno", 0))
        where = f'in "{self._quoted()}" ({self.module.filename}, line {line})'
        return type(error)(printable(f"{_piece(self.tree)} {where}: {error}"))

    def _quoted(self) -> str:
        """The statement in one line, as its author wrote it where it is one line already."""
        first = self.statement.lineno if hasattr(self.statement, "lineno") else 0
        line = self.module.lines[first - 1] if 0 < first <= len(self.module.lines) else ""
        one_line = getattr(self.statement, "end_lineno", first) == first and not hasattr(self.statement, "body")
        if one_line:
            raw = line.encode("utf-8", "replace")[self.statement.col_offset : self.statement.end_col_offset]  # type: ignore[attr-defined]
            return cut(raw.decode("utf-8", "replace"), LONGEST_STATEMENT)
        return cut(line.strip() if hasattr(self.statement, "body") else unparsed(self.statement), LONGEST_STATEMENT)


def cut(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 3] + "..."


def unparsed(tree: ast.AST) -> str:
    try:
        return ast.unparse(tree)
    except (RecursionError, MemoryError, ValueError):
        return "..."


def operand(tree: ast.AST) -> str:
    return cut(unparsed(tree), _LONGEST_PIECE)


def _piece(tree: ast.AST) -> str:
    """What failed, in a word: the operation, or the name."""
    match tree:
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) | ast.AugAssign(op=op) | ast.Compare(ops=[op]):
            return NAMES.get(type(op), type(op).__name__)
        case ast.Call(func=function):
            return operand(function)
        case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
            return cut(name, _LONGEST_PIECE)
        case ast.Constant(value=float(value)) if value - value != 0:
            return "the number"
        case ast.Attribute() | ast.Subscript() | ast.Constant():
            return operand(tree)
        case ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Expr(value=value) | ast.Await(value=value):
            return _piece(value)
    return _WORDS.get(type(tree), type(tree).__name__.lower())


def suggest(name: str, known: Iterable[str]) -> str:
    """The known name that differs by a slip of the pen, as a question, or nothing."""
    most = 0 if len(name) < 3 else 1 if len(name) < 6 else 2
    near = [k for k in dict.fromkeys(known) if abs(len(k) - len(name)) <= most and slips(name, k) <= most]
    return f". Did you mean {min(near, key=lambda k: slips(name, k))}?" if near else ""


def slips(a: str, b: str) -> int:
    """Letters left out, put in, exchanged for another or for their neighbour on the way from one name to the other."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(b, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other)))
            if i > 1 and j > 1 and letter == b[j - 2] and other == a[i - 2]:
                row[j] = min(row[j], last[j - 2] + 1)
    return row[-1]


def operands_differ(name: str, left: tuple[str, Node], right: tuple[str, Node]) -> str:
    """Why two arrays do not fit an operator, under the names their author gave them."""
    what = "inner dimensions differ" if name == "matmul" else "the shapes do not broadcast"
    (X, x), (Y, y) = left, right
    return f"{what}, {X} is {show_shape(x.shape)} and {Y} is {show_shape(y.shape)}{_transposed(name, left, right)}"


def _transposed(name: str, left: tuple[str, Node], right: tuple[str, Node]) -> str:
    """The transposition under which the operands would fit."""
    (X, x), (Y, y) = left, right
    candidates = [(x, y.T, f"{X} {SYMBOLS[name]} {_bracketed(Y)}.T"), (x.T, y, f"{_bracketed(X)}.T {SYMBOLS[name]} {Y}")]
    for one, other, text in candidates:
        if (one, other) != (x, y) and _fits(name, one, other):
            return f". Did you mean {text}?"
    return ""


def _fits(name: str, x: Node, y: Node) -> bool:
    try:
        OPERATORS[name](x, y)
    except (ShapeError, ValueError):
        return False
    return True


def _bracketed(text: str) -> str:
    return text if text.replace(".", "").replace("_", "").isalnum() else f"({text})"
