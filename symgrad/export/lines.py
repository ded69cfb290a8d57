"""Statements as lines: the spacing of ruff, and no line longer than it allows.

What is too long is given one argument a line, closed by a comma, or loses its largest operand to a statement of its own.  Neither
depends on the line length that a reader's formatter is set to, as long as that is not shorter.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Mapping, Set
from functools import lru_cache
from typing import Any

from symgrad.core.program import fresh
from symgrad.core.source import parsed

LONGEST = 88
"""Columns, as ruff has it by default."""

KEPT_STATEMENTS = 4_096
"""Statements whose normal form is kept: the functions of a module have most of theirs in common."""

INDENT = 4
_COMPOUND = (ast.For, ast.If, ast.While, ast.With, ast.FunctionDef)
_OPAQUE = (ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.DictComp, ast.SetComp)


def laid_out(source: str, taken: Set[str], comments: Mapping[str, str] | None = None) -> list[str]:
    """The lines of a function's body, without its indentation; `comments` are put beside or above the names assigned."""
    if (line := _one_line(source)) is not None:
        text, name = line
        return _beside([text], (comments or {}).get(name, ""))
    lines: list[str] = []
    for statement in parsed(source).body:
        made = list(_statement(statement, INDENT, taken, _names(statement)))
        inner = isinstance(statement, ast.FunctionDef)  # stands between empty lines
        lines += ["", *made, ""] if inner else _commented(statement, made, comments or {})
    return lines


@lru_cache(maxsize=KEPT_STATEMENTS)
def _one_line(source: str) -> tuple[str, str] | None:
    """A single statement that fits on a line, and the one name that it assigns, if any; most are such."""
    body = parsed(source).body
    if len(body) != 1 or isinstance(body[0], _COMPOUND):
        return None
    text = spelled(ast.unparse(body[0]))
    return (text, _assigned(body[0])) if len(text) + INDENT <= LONGEST else None


def _assigned(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return ""


def _commented(statement: ast.stmt, lines: list[str], comments: Mapping[str, str]) -> list[str]:
    return _beside(lines, comments.get(_assigned(statement), ""))


def _beside(lines: list[str], comment: str) -> list[str]:
    """A comment behind the last line where that has room, above them elsewhere."""
    if not comment:
        return lines
    if not lines[-1].startswith((" ", ")", "]")) and len(lines[-1]) + len(comment) + 4 <= LONGEST - INDENT:
        return [*lines[:-1], f"{lines[-1]}  # {comment}"]
    return [f"# {comment}", *lines]


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _statement(node: ast.stmt, indent: int, taken: Set[str], own: Set[str]) -> Iterator[str]:
    """Its lines; where it does not fit, its operands before it, under names that neither the function nor the statement has."""
    if isinstance(node, _COMPOUND):
        yield from _compound(node, indent, taken, own)
        return
    hoisted: list[ast.stmt] = []
    rest: Any = node
    while not (lines := _fitting(rest, indent)):
        if (operand := _largest_operand(rest)) is None:
            lines = [spelled(ast.unparse(rest))]
            break
        name = fresh("term", taken, own)
        own = own | {name}
        hoisted.append(ast.Assign([ast.Name(name, ast.Store())], copy.deepcopy(operand), lineno=0))
        rest = _Replaced(operand, name).visit(rest)
    for assignment in hoisted:
        yield from _statement(assignment, indent, taken, own)
    yield from lines


def _compound(node: ast.stmt, indent: int, taken: Set[str], own: Set[str]) -> Iterator[str]:
    head = copy.copy(node)
    head.body = [ast.Pass()]  # type: ignore[attr-defined]
    yield spelled(ast.unparse(ast.fix_missing_locations(head)).splitlines()[0])
    for inner in node.body:  # type: ignore[attr-defined]
        yield from (" " * INDENT + line for line in _statement(inner, indent + INDENT, taken, own))


def _fitting(node: ast.stmt, indent: int) -> list[str]:
    """One line, or one argument a line; nothing where neither fits."""
    text = spelled(ast.unparse(ast.fix_missing_locations(node)))
    if len(text) + indent <= LONGEST:
        return [text]
    value = getattr(node, "value", None)
    if not isinstance(value, ast.Call | ast.Tuple | ast.List):
        return []
    hole = copy.copy(node)
    hole.value = ast.Name("_", ast.Load())  # type: ignore[attr-defined]
    *targets, head = _head(hole, indent)
    lines = [*targets, *_exploded(head.removesuffix("_"), value, "", indent)]
    return lines if all(len(line) + indent <= LONGEST for line in lines) else []


def _head(node: ast.stmt, indent: int) -> list[str]:
    """What stands before the value: one line, or one name a line where many are unpacked."""
    text = spelled(ast.unparse(ast.fix_missing_locations(node)))
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=names)]) if len(text) + indent + len("_arrays(") > LONGEST:
            return ["(", *(f"{' ' * INDENT}{ast.unparse(name)}," for name in names), ") = _"]
    return [text]


def _exploded(head: str, node: ast.expr, tail: str, indent: int) -> list[str]:
    """A call, tuple or list with one element a line and a comma behind each, so that no formatter joins them."""
    text = head + spelled(ast.unparse(node)) + tail
    if len(text) + indent <= LONGEST or not isinstance(node, ast.Call | ast.Tuple | ast.List):
        return [text]
    opening, closing = ("[", "]") if isinstance(node, ast.List) else ("(", ")")
    name = spelled(ast.unparse(node.func)) if isinstance(node, ast.Call) else ""
    lines = [f"{head}{name}{opening}"]
    for key, item in _elements(node):
        lines += (" " * INDENT + line for line in _exploded(key, item, ",", indent + INDENT))
    return [*lines, f"{closing}{tail}"]


def _elements(node: ast.Call | ast.Tuple | ast.List) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(node, ast.Call):
        yield from (("", item) for item in node.elts)
        return
    yield from (("", a) for a in node.args)
    yield from ((f"{k.arg}=" if k.arg else "**", k.value) for k in node.keywords)


class _Replaced(ast.NodeTransformer):
    """One expression gives way to a name."""

    def __init__(self, old: ast.expr, name: str) -> None:
        self.old, self.name = old, name

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.Name(self.name, ast.Load()) if node is self.old else self.generic_visit(node)


def _largest_operand(node: ast.stmt) -> ast.expr | None:
    """The operand that leaves the shortest pair of statements: about half of what is there."""
    value = getattr(node, "value", None)
    if value is None:
        return None
    whole = len(ast.unparse(value))
    inner = [(abs(whole - 2 * len(ast.unparse(e))), k, e) for k, e in enumerate(_operands(value)) if e is not value]
    return min(inner)[2] if inner else None


def _operands(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions that are values for themselves: products, calls, views; nothing inside a lambda, an index or a plain list."""
    if isinstance(node, _OPAQUE):
        return
    if isinstance(node, ast.BinOp | ast.Call | ast.UnaryOp | ast.Attribute | ast.Subscript) and not _is_plain(node):
        yield node
    for name, child in ast.iter_fields(node):
        if name in ("func", "slice"):
            receiver = child.value if isinstance(child, ast.Attribute) and not _is_plain(child) else None
            cast = isinstance(child, ast.Attribute) and child.attr == "astype"  # stays with what it casts
            yield from (e for e in (_operands(receiver) if receiver else ()) if not (cast and e is receiver))
            continue
        for part in child if isinstance(child, list) else [child]:
            if isinstance(part, ast.AST):
                yield from _operands(part.value if isinstance(part, ast.keyword) else part)


def _is_plain(node: ast.AST) -> bool:
    """A number, a name, or what is read of one: -2, np.linalg, W.T."""
    match node:
        case ast.Constant() | ast.Name():
            return True
        case ast.Attribute(value=inner) | ast.UnaryOp(operand=inner):
            return _is_plain(inner)
    return False


# spacing --------------------------------------------------------------------------------------------------------------------


def spelled(line: str) -> str:
    """A statement as `ast.unparse` has it in the spacing of ruff: x**2 but (x + 1) ** 2, a[:: n + 1], double quotes."""
    line = re.sub(r"^(\w+), = ", r"(\1,) = ", line.replace("'", '"'))
    if line.startswith("return (") and isinstance(parsed(line).body[0].value, ast.Tuple):  # type: ignore[attr-defined]
        line = f"return {line.removeprefix('return (').removesuffix(')')}" if not line.endswith(",)") else line
    while (change := next(_changes(line), None)) is not None:
        start, stop, text = change
        raw = line.encode()
        line = (raw[:start] + text.encode() + raw[stop:]).decode()
    return line


def _changes(line: str) -> Iterator[tuple[int, int, str]]:
    """The first of the pieces that ruff spaces otherwise: where it starts and stops, in bytes, and what stands there."""
    if "**" not in line and not ("[" in line and ":" in line):
        return
    raw = line.encode()
    for node in ast.walk(parsed(f"{line} pass" if line.endswith(":") else line)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            start, stop = node.left.end_col_offset or 0, node.right.col_offset
            if raw[start:stop] == b" ** " and _hugs(node.left) and _hugs(node.right):
                yield start, stop, "**"
        if isinstance(node, ast.Slice) and not all(map(_is_short, bounds := (node.lower, node.upper, node.step))):
            wanted = _sliced(*("" if b is None else ast.get_source_segment(line, b) or "" for b in bounds))
            if raw[node.col_offset : node.end_col_offset].decode() != wanted:
                yield node.col_offset, node.end_col_offset or 0, wanted


def _hugs(node: ast.expr) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Constant(value=value) | ast.UnaryOp(operand=ast.Constant(value=value)):
            return isinstance(value, int | float | complex)
        case ast.Attribute(value=inner):
            return _hugs(inner) and not isinstance(inner, ast.Constant)
    return False


def _is_short(bound: ast.expr | None) -> bool:
    if isinstance(bound, ast.UnaryOp):
        return _is_short(bound.operand)
    return bound is None or isinstance(bound, ast.Name | ast.Constant)


def _sliced(lower: str, upper: str, step: str) -> str:
    text = f"{lower} :" if lower else ":"
    text += f" {upper}" if upper else ""
    if step:
        text += f"{' ' if upper else ''}: {step}"
    return text
