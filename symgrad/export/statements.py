"""A Program as Python statements: one a named equation, one more for what several equations share."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from symgrad.core.graph import postorder
from symgrad.core.op import CONSTANT, VARIABLE, Node, Shape, constant, value_of
from symgrad.core.program import Equation, Program, numbered
from symgrad.core.source import dim_source, parsed, tuple_source, value_source
from symgrad.export.blocking import Parted
from symgrad.export.lines import KEPT_STATEMENTS
from symgrad.export.reuse import reused, wanted
from symgrad.ops.arithmetic import add, scale
from symgrad.ops.broadcasting import broadcast, index_source
from symgrad.ops.embedding import embed
from symgrad.ops.product import diag, identity

_WIDEST = 88
"""A right side longer than this is cut at its largest operands."""

MOST_SUMMANDS = 24
"""Terms of a sum in one statement."""

_VIEWS = frozenset({"transpose", "broadcast", "identity", "variable", "constant"})

_ALIASES = frozenset({"reshape", "take", "diagonal", "vec", "unvec"})
"""Operations whose result may share memory with their operand, beside the views."""


def in_numpy(node: Node) -> str:
    """The code of one operation over its operands, which stand as {0}, {1}, ..."""
    return node.op.numpy if isinstance(node.op.numpy, str) else node.op.numpy(node)


class Statements:
    """Turns the equations of a program into statements, each shared subexpression computed once."""

    def __init__(
        self,
        program: Program,
        reserved: Iterable[str],
        parts: Parted | None = None,
        writes: bool = True,
        template: Callable[[Node], str] = in_numpy,
    ) -> None:
        self.split, self.writes, self.template = parts, writes, template
        self.program = program = program if parts is None else parts.rest
        given = [v for v in program.inputs if parts is None or v not in parts.entries.outputs]
        self.taken = set(reserved) | {str(v) for v in given}
        self.numbers: dict[str, int] = {}
        self.lines: list[str] = []
        self.names: dict[Node, str] = {v: str(v) for v in given}
        self.code: dict[Node, str] = {}
        self.current: Node | None = None
        exprs = [eq.expr for eq in program.equations]
        self.uses = Counter(a for node in postorder(exprs) for a in node.args)
        self.uses.update(exprs)
        self.uses.update(wanted(list(self.uses)))
        self.roots = {eq.expr: eq for eq in reversed(program.equations)}

    def emit(self) -> list[str]:
        for i, eq in enumerate(self.program.equations):
            if self.split is not None and i == self.split.at:
                self._blocks(self.split.entries)
            if not self._accumulated(eq):
                self._equation(eq)
        if self.split is not None and len(self.program.equations) == self.split.at:
            self._blocks(self.split.entries)
        return self.lines

    def _blocks(self, entries: Program) -> None:
        """Entrywise equations as a function of one block, and its call on all of them."""
        inner = Statements(entries, self.taken)
        lines = inner.emit()
        given = [str(v) for v in entries.inputs]
        returned = ", ".join(inner.names[v] for v in entries.outputs)
        function, comma = self._name("entries"), "," if len(entries.outputs) == 1 else ""
        body = "\n    ".join([*lines, f"return ({returned}{comma})"])
        self.lines.append(f"def {function}({', '.join(given)}):\n    {body}")
        for v in entries.outputs:
            self.names[v] = self._name(str(v))
        made = ", ".join(self.names[v] for v in entries.outputs)
        arguments = ", ".join(self.names[v] for v in entries.inputs)
        self.lines.append(f"{made}{comma} = _by_blocks({function}, {arguments})")

    def _equation(self, eq: Equation) -> None:
        if eq.symbol in self.names:
            return
        self.current = eq.expr
        self._compute_below(eq.expr)
        name = self._name(eq.name)
        if eq.expr not in self.names or eq.expr.op is VARIABLE:
            self._assign(name, self.code.get(eq.expr) or self.names[eq.expr])
            self.names.setdefault(eq.expr, name)
        elif self.names[eq.expr] != name:
            self._assign(name, self.names[eq.expr])
        self.names[eq.symbol] = name

    def _compute_below(self, *roots: Node) -> None:
        """Everything that the roots still need, operands first; what has a name is not opened again."""
        stack = [(root, False) for root in reversed(roots)]
        while stack:
            node, ready = stack.pop()
            if node in self.names or node in self.code:
                continue
            if ready:
                self._compute(node)
            elif self._sums_a_diagonal(node):
                self._accumulate(node, _describe(node))
            else:
                stack.append((node, True))
                stack.extend((a, False) for a in reversed(node.args))

    def _accumulated(self, eq: Equation) -> bool:
        """Terms that are zero off a diagonal are added in their place, to a sum that no other name shares."""
        terms, rest = _summands(eq.expr)
        if not self.writes or len(rest) == len(terms) or eq.expr in self.names or (len(rest) == 1 and self._aliased(rest[0])):
            return False
        self._accumulate(eq.expr, eq.name)
        self.names[eq.symbol] = self.names[eq.expr]
        return True

    def _accumulate(self, node: Node, wanted: str) -> None:
        terms, rest = _summands(node)
        outer, self.current = self.current, rest[0] if len(rest) == 1 and self.uses[rest[0]] == 1 else None
        self._compute_below(*rest)
        self.current = outer
        name = self._name(wanted)
        silent = _fills(node.shape, rest)
        total = " + ".join(self._operand(t, silent) for t in rest)
        total += ".copy()" if len(rest) == 1 and self.uses[rest[0]] > 1 else ""
        self._assign(name, total or f"np.zeros({tuple_source(node.shape)}, dtype=_dtype)")
        for term in terms:
            self._add_in_place(term, name)
        self.names[node] = name

    def _add_in_place(self, term: Node, name: str) -> None:
        if (found := _place(term, name)) is None:
            return
        factors, place = found
        if (number := value_of(factors[0])) is not None and number.is_negative:
            factors, place = [constant(-number), *factors[1:]], place.replace("+=", "-=")
        self._compute_below(*factors)
        factors = [f for f in factors if value_of(f) != 1] or [constant(1)]
        self.lines.append(f"{place} {' * '.join(self._operand(f, True) for f in factors)}")

    def _sums_a_diagonal(self, node: Node) -> bool:
        """A sum inside an equation of one dense array and of terms on its diagonal."""
        if not self.writes or node.op is not add or node in self.roots or node.ndim != 2:
            return False
        terms, rest = _summands(node)
        return 1 == len(rest) < len(terms) and rest[0] not in self.roots and not self._aliased(rest[0])

    def _aliased(self, node: Node) -> bool:
        return node in self.names or node.op.name in _VIEWS | _ALIASES

    def _name(self, wanted: str) -> str:
        """Counted on from the last one: a long function has thousands of one kind."""
        name, self.numbers[wanted] = numbered(wanted, self.numbers.get(wanted, 1), self.taken.__contains__)
        self.taken.add(name)
        return name

    def _compute(self, node: Node) -> None:
        text, is_view = self._expression(node), node.op.name in _VIEWS
        if is_view and (self.uses[node] > 1 or len(text) > _WIDEST):
            for operand in node.args:
                self._named(operand)
            text = self._expression(node)
        self.code[node] = text
        if node not in self.roots and node is not self.current and not is_view and (self.uses[node] > 1 or len(text) > _WIDEST):
            self._named(node)
        elif node in self.roots and node is not self.current and node.op not in (VARIABLE, CONSTANT):
            self._brought_forward(self.roots[node])

    def _brought_forward(self, eq: Equation) -> None:
        """An equation whose right side an earlier one reads is stated there; its operands are at hand."""
        name = self._name(eq.name)
        self._assign(name, self.code[eq.expr])
        self.names[eq.expr] = self.names[eq.symbol] = name

    def _named(self, node: Node) -> None:
        """Give a value a statement of its own, if it has none and is more than a number."""
        if node not in self.names and node.op is not CONSTANT and node not in self.roots:
            name = self._name(_describe(node))
            self._assign(name, self.code[node])
            self.names[node] = name

    def _assign(self, name: str, text: str) -> None:
        self.lines.append(f"{name} = {text}")

    def _expression(self, node: Node) -> str:
        if node.op is add and len(node.args) > MOST_SUMMANDS:
            return self._long_sum(node)
        template = reused(node, self.names) or self.template(node)
        for i, operand in enumerate(node.args):
            if template.count(f"{{{i}}}") > 1:
                self._named(operand)
        silent = node.op.spreads and _fills(node.shape, node.args)
        text = template.format(*(self._operand(a, silent) for a in node.args))
        is_number = not node.ndim and node.args and all(a.op is CONSTANT for a in node.args)
        # A number of NumPy would widen what it meets.
        return f"float({text})" if is_number and self.writes and "np." in text else text

    def _long_sum(self, node: Node) -> str:
        """A sum of many terms in statements that Python reads without running out of stack."""
        silent = _fills(node.shape, node.args)
        total, *rest = [" + ".join(self._operand(a, silent) for a in part) for part in _batched(node.args, MOST_SUMMANDS)]
        for part in rest:
            name = self._name("total")
            self._assign(name, total)
            total = f"{name} + {part}"
        return total

    def _operand(self, node: Node, silent: bool) -> str:
        if node in self.names:
            return self.names[node]
        if silent and (copies := _copies(node)) is not None:
            spread = index_source(copies).format(self._operand(copies.args[0], False))
            return f"({spread})" if copies is node else f"(-{spread})"
        if node.op is CONSTANT:
            return f"({value_source(node.params['value'])})"
        if node.op is VARIABLE:
            return self.code[node]
        return f"({self.code[node]})"


def _fills(shape: Shape, operands: Sequence[Node]) -> bool:
    """Does NumPy's broadcasting of these operands give the whole shape, copies written without a word?"""
    own = [range(x.ndim) if (copies := _copies(x)) is None else copies.params["axes"] for x in operands]
    first = any(min(axes, default=1) == 0 for axes in own)
    return first and all(d == 1 or any(a in axes for axes in own) for a, d in enumerate(shape))


def _copies(node: Node) -> Node | None:
    """The broadcast that an operand is, or is the negative of."""
    inner = node.args[1] if node.op is scale and value_of(node.args[0]) == -1 else node
    return inner if inner.op is broadcast else None


def _summands(node: Node) -> tuple[Sequence[Node], list[Node]]:
    """The terms of a sum, and those of them that fill the whole array."""
    terms = node.args if node.op is add else (node,)
    return terms, [t for t in terms if _place(t, "") is None]


def _place(term: Node, name: str) -> tuple[list[Node], str] | None:
    """The factors of what a term adds, and the statement up to +=; None for a term that fills the whole array."""
    number, inner = ([term.args[0]], term.args[1]) if term.op is scale else ([], term)
    if inner.op is embed:
        inside, outside = inner.params["spec"].split("->")
        return [*number, *inner.args], f'np.einsum("{outside}->{inside}", {name})[...] +='
    if inner.op in (diag, identity):
        return [*number, *inner.args] or [constant(1)], f"{name}.flat[:: {dim_source(inner.shape[0])} + 1] +="
    return None


def _batched(items: Sequence[Node], size: int) -> list[Sequence[Node]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _describe(node: Node) -> str:
    """A readable name for a shared value: exp_z for exp(z); none of Python's own."""
    leaf = next((a for a in node.args if a.op is VARIABLE), None)
    if leaf is not None and len(node.args) == 1:
        return f"{node.op.name}_{leaf}"
    word = node.op.name.rstrip("_")
    return {"sum": "total", "max": "top", "min": "bottom"}.get(word, word)


ARRAY = frozenset({"T", "shape", "flat", "copy", "reshape", "transpose", "size"})
"""What is read of arrays, so that an array called np or math is not taken for the module."""


class _Tidy(ast.NodeTransformer):
    """a + -b as a - b, 1 / c * x as x / c, and names replaced."""

    def __init__(self, renamed: dict[str, str]) -> None:
        self.renamed = renamed

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """X.T.T is X; np.exp is the module's, np.T an array that its author called np."""
        match node:
            case ast.Attribute(value=ast.Attribute(value=inner, attr="T"), attr="T"):
                return self.visit(inner)
        if isinstance(node.value, ast.Name) and node.value.id in ("np", "math") and node.attr not in ARRAY:
            return ast.Attribute(
                value=ast.Name(id=self.renamed.get(node.value.id, node.value.id), ctx=ast.Load()), attr=node.attr, ctx=node.ctx
            )
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return node if node.id in ("np", "math") else ast.Name(id=self.renamed.get(node.id, node.id), ctx=node.ctx)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        match node:
            case ast.BinOp(left=left, op=ast.Add(), right=ast.UnaryOp(op=ast.USub(), operand=right)):
                return ast.BinOp(left=left, op=ast.Sub(), right=right)
            case ast.BinOp(left=ast.UnaryOp(op=ast.USub(), operand=right), op=ast.Add(), right=left):
                return ast.BinOp(left=left, op=ast.Sub(), right=right)
            case ast.BinOp(
                left=left, op=ast.Add(), right=ast.BinOp(left=ast.UnaryOp(op=ast.USub(), operand=c), op=ast.Mult(), right=x)
            ):
                return ast.BinOp(left=left, op=ast.Sub(), right=ast.BinOp(left=c, op=ast.Mult(), right=x))
            case ast.BinOp(
                left=ast.BinOp(left=ast.UnaryOp(op=ast.USub(), operand=c), op=ast.Mult(), right=x), op=ast.Add(), right=left
            ):
                return ast.BinOp(left=left, op=ast.Sub(), right=ast.BinOp(left=c, op=ast.Mult(), right=x))
            case ast.BinOp(left=above, op=ast.Mult(), right=ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=below)):
                return ast.BinOp(left=above, op=ast.Div(), right=below)
            case ast.BinOp(
                left=left,
                op=ast.Add(),
                right=ast.Subscript(value=ast.UnaryOp(op=ast.USub(), operand=x), slice=index),
            ):
                right = ast.Subscript(value=x, slice=index, ctx=ast.Load())
                return ast.BinOp(left=left, op=ast.Sub(), right=right)
            case ast.BinOp(left=ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=below), op=ast.Mult(), right=above):
                return ast.BinOp(left=above, op=ast.Div(), right=below)
        return node


def tidy(line: str, renamed: Mapping[str, str]) -> str:
    """One statement in normal form: no needless brackets, dimensions under their final names."""
    return _tidied(line, tuple(renamed.items()))


@lru_cache(maxsize=KEPT_STATEMENTS)
def _tidied(line: str, renames: tuple[tuple[str, str], ...]) -> str:
    renamed = dict(renames)
    text = ast.unparse(ast.fix_missing_locations(_Tidy(renamed).visit(parsed(line))))
    return text.replace("'", '"')


@lru_cache(maxsize=KEPT_STATEMENTS)
def names_in(line: str) -> tuple[str, ...]:
    return tuple(n.id for n in ast.walk(parsed(line)) if isinstance(n, ast.Name))
