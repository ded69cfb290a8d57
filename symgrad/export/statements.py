"""A Program as lowered statements: one a named equation, one more for what several equations share."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from symgrad.core.graph import postorder
from symgrad.core.op import CONSTANT, VARIABLE, Node, Shape, constant, value_of
from symgrad.core.program import Equation, Program, numbered
from symgrad.core.source import tuple_source, value_source
from symgrad.export.addition import WideCode, copies_of, fills, named_code, over, place_of, summands, total_of
from symgrad.export.blocking import Parted
from symgrad.export.lowered import Assign, Call, LoweredFunction, LoweredStatement, Return, Update
from symgrad.export.reuse import reused, wanted
from symgrad.export.syntax import call_of, called, filled, joined_by, name, names_in, template_of, tuple_of
from symgrad.ops.arithmetic import add
from symgrad.ops.broadcasting import index_source
from symgrad.ops.generic import apply, loss

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
    """Lowers the equations of a program to statements, each shared subexpression computed once."""

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
        self.statements: list[LoweredStatement] = []
        self.names: dict[Node, str] = {v: str(v) for v in given}
        self.code: dict[Node, WideCode] = {}
        self.current: Node | None = None
        exprs = [eq.expr for eq in program.equations]
        self.uses = Counter(a for node in postorder(exprs) for a in node.args)
        self.uses.update(exprs)
        self.uses.update(wanted(list(self.uses)))
        self.roots = {eq.expr: eq for eq in reversed(program.equations)}

    def emit(self) -> list[LoweredStatement]:
        for i, eq in enumerate(self.program.equations):
            if self.split is not None and i == self.split.at:
                self._blocks(self.split.entries)
            if not self._accumulated(eq):
                self._equation(eq)
        if self.split is not None and len(self.program.equations) == self.split.at:
            self._blocks(self.split.entries)
        return self.statements

    def _blocks(self, entries: Program) -> None:
        """Entrywise equations as a function of one block, and its call on all of them."""
        inner = Statements(entries, self.taken)
        body = inner.emit()
        made = Return(tuple_of(name(inner.names[v]) for v in entries.outputs))
        function = self._name("entries")
        self.statements.append(LoweredFunction(function, tuple(map(str, entries.inputs)), (*body, made)))
        for v in entries.outputs:
            self.names[v] = self._name(str(v))
        given = [name(self.names[v]) for v in entries.inputs]
        targets = tuple(self.names[v] for v in entries.outputs)
        self.statements.append(Call(targets, call_of("_by_blocks", name(function), *given)))

    def _equation(self, eq: Equation) -> None:
        if eq.symbol in self.names:
            return
        self.current = eq.expr
        self._compute_below(eq.expr)
        target = self._name(eq.name)
        if eq.expr not in self.names or eq.expr.op is VARIABLE:
            known = self.code.get(eq.expr)
            self._assign(target, name(self.names[eq.expr]) if known is None else known.code, eq.expr)
            self.names.setdefault(eq.expr, target)
        elif self.names[eq.expr] != target:
            self._assign(target, name(self.names[eq.expr]), eq.expr)
        self.names[eq.symbol] = target

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
        terms, rest = summands(eq.expr)
        if not self.writes or len(rest) == len(terms) or eq.expr in self.names or (len(rest) == 1 and self._aliased(rest[0])):
            return False
        self._accumulate(eq.expr, eq.name)
        self.names[eq.symbol] = self.names[eq.expr]
        return True

    def _accumulate(self, node: Node, wanted: str) -> None:
        terms, rest = summands(node)
        outer, self.current = self.current, rest[0] if len(rest) == 1 and self.uses[rest[0]] == 1 else None
        self._compute_below(*rest)
        self.current = outer
        target = self._name(wanted)
        self._assign(target, self._start(node.shape, rest), node)
        for term in terms:
            self._add_inplace(term, target)
        self.names[node] = target

    def _start(self, shape: Shape, rest: Sequence[Node]) -> ast.expr:
        """What terms are added to in place: the others, in an array that no other name has."""
        if not rest:
            return filled(f"np.zeros({tuple_source(shape)}, dtype=_dtype)")
        silent = fills(shape, rest)
        total = total_of([self._operand(t, silent) for t in rest]).code
        return filled("{0}.copy()", total) if len(rest) == 1 and self.uses[rest[0]] > 1 else total

    def _add_inplace(self, term: Node, target: str) -> None:
        if (found := place_of(term)) is None:
            return
        factors, where = found
        subtracts = (number := value_of(factors[0])) is not None and bool(number.is_negative)
        if number is not None and subtracts:
            factors = [constant(-number), *factors[1:]]
        self._compute_below(*factors)
        factors = [f for f in factors if value_of(f) != 1] or [constant(1)]
        product = joined_by([self._operand(f, True).code for f in factors], ast.Mult())
        self.statements.append(Update(filled(where, name(target)), product, subtracts))

    def _sums_a_diagonal(self, node: Node) -> bool:
        """A sum inside an equation of one dense array and of terms on its diagonal."""
        if not self.writes or node.op is not add or node in self.roots or node.ndim != 2:
            return False
        terms, rest = summands(node)
        return 1 == len(rest) < len(terms) and rest[0] not in self.roots and not self._aliased(rest[0])

    def _aliased(self, node: Node) -> bool:
        return node in self.names or node.op.name in _VIEWS | _ALIASES

    def _name(self, wanted: str) -> str:
        """Counted on from the last one: a long function has thousands of one kind."""
        made, self.numbers[wanted] = numbered(wanted, self.numbers.get(wanted, 1), self.taken.__contains__)
        self.taken.add(made)
        return made

    def _compute(self, node: Node) -> None:
        piece, is_view = self._expression(node), node.op.name in _VIEWS
        if is_view and (self.uses[node] > 1 or piece.width > _WIDEST):
            for operand in node.args:
                self._named(operand)
            piece = self._expression(node)
        self.code[node] = piece
        if node not in self.roots and node is not self.current and not is_view and (self.uses[node] > 1 or piece.width > _WIDEST):
            self._named(node)
        elif node in self.roots and node is not self.current and node.op not in (VARIABLE, CONSTANT):
            self._brought_forward(self.roots[node])

    def _brought_forward(self, eq: Equation) -> None:
        """An equation whose right side an earlier one reads is stated there; its operands are at hand."""
        target = self._name(eq.name)
        self._assign(target, self.code[eq.expr].code, eq.expr)
        self.names[eq.expr] = self.names[eq.symbol] = target

    def _named(self, node: Node) -> None:
        """Give a value a statement of its own, if it has none and is more than a number."""
        if node not in self.names and node.op is not CONSTANT and node not in self.roots:
            target = self._name(_describe(node))
            self._assign(target, self.code[node].code, node)
            self.names[node] = target

    def _assign(self, target: str, code: ast.expr, node: Node | None = None) -> None:
        self.statements.append(Assign(target, code, node))

    def _expression(self, node: Node) -> WideCode:
        if node.op is add and len(node.args) > MOST_SUMMANDS:
            return self._long_sum(node)
        if node.op is VARIABLE:
            return named_code(str(node))
        text, operands = reused(node, self.names) or (self.template(node), node.args)
        for i, count in template_of(text).uses.items():
            if count > 1:
                self._named(operands[i])
        silent = node.op.spreads and fills(node.shape, node.args)
        piece = over(text, [self._operand(a, silent) for a in operands])
        if node.op in (apply, loss) and isinstance(piece.code, ast.Call):  # an author's name, whatever it is
            return WideCode(called(name(str(piece.code.func.id)), piece.code.args), piece.width)  # type: ignore[attr-defined]
        # A number of NumPy would widen what it meets.
        is_number = not node.ndim and node.args and all(a.op is CONSTANT for a in node.args)
        if is_number and self.writes and "np" in names_in(piece.code).words:
            return WideCode(call_of("float", piece.code), piece.width + len("float()"))
        return piece

    def _long_sum(self, node: Node) -> WideCode:
        """A sum of many terms in statements that Python reads without running out of stack."""
        silent = fills(node.shape, node.args)
        first, *rest = [[self._operand(a, silent) for a in part] for part in _batched(node.args, MOST_SUMMANDS)]
        total = total_of(first)
        for part in rest:
            target = self._name("total")
            self._assign(target, total.code)
            total = total_of([named_code(target), *part])
        return total

    def _operand(self, node: Node, silent: bool) -> WideCode:
        if node in self.names:
            return named_code(self.names[node])
        if silent and (copies := copies_of(node)) is not None:
            text = index_source(copies) if copies is node else f"-{index_source(copies)}"
            piece = over(text, [self._operand(copies.args[0], False)])
        else:
            piece = over(value_source(node.params["value"])) if node.op is CONSTANT else self.code[node]
        return piece if node.op is VARIABLE else WideCode(piece.code, piece.width + len("()"))


def _batched(items: Sequence[Node], size: int) -> list[Sequence[Node]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _describe(node: Node) -> str:
    """A readable name for a shared value: exp_z for exp(z); none of Python's own."""
    leaf = next((a for a in node.args if a.op is VARIABLE), None)
    if leaf is not None and len(node.args) == 1:
        return f"{node.op.name}_{leaf}"
    word = node.op.name.rstrip("_")
    return {"sum": "total", "max": "top", "min": "bottom"}.get(word, word)
