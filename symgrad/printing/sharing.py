"""What formulas hold more than once and the author left unnamed, under letters: "where P = ..." after the first that reads it.

Keeps true: every equation has the same value, each symbol is assigned once, before the equations that read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, cast

from symgrad.core.graph import postorder
from symgrad.core.op import VARIABLE, Node
from symgrad.core.program import Equation, symbols_in
from symgrad.core.roles import Of, Symbol
from symgrad.printing.letters import Letters
from symgrad.rules.brevity import counted

SAVED = 3
"""Operations that a letter must spare the reader, over all the places where it stands."""

SMALLEST = 2
"""Operations of a part that is worth a name, however often it stands."""

_SILENT = frozenset({"variable", "constant", "broadcast", "transpose", "scale", "fill"})
"""Names, and what is part of how an operand is written: the operand is named and not they."""

_Names = dict[Node, Node]


class Sharing:
    """Names parts of equations, section by section; what was named once keeps its name.

    `own` are parts that the author named: where they are repeated they stand under that name instead of a letter.
    """

    def __init__(self, letters: Letters, before: Iterable[Equation] = (), own: Mapping[Node, Node] | None = None) -> None:
        self.letters, self.own = letters, own or {}
        self.lefts: _Names = {}
        self.parts: _Names = {}
        self.meant: _Names = {}
        self.told: set[Node] = set()
        self.families: dict[int, str] = {}
        self.forms: dict[Any, int] = {}
        for eq in before:
            self._remember(eq)

    def branch(self) -> Sharing:
        """A copy that goes on by itself."""
        other = Sharing(self.letters.branch(), own=self.own)
        other.lefts, other.parts, other.meant, other.told = dict(self.lefts), dict(self.parts), dict(self.meant), set(self.told)
        other.families, other.forms = dict(self.families), dict(self.forms)
        return other

    def of(self, equations: Iterable[Equation]) -> tuple[Equation, ...]:
        """The equations in their order, each letter as an aside before the first equation that reads it."""
        equations = list(equations)
        known = [self._by_known_names(eq) for eq in equations]
        chosen = self._repeated([eq.expr for eq in known]) - set(self.parts)
        self._name(list(dict.fromkeys(node for eq in known for node in _preorder(eq.expr) if node in chosen)))
        return tuple(line for eq in known for line in self._with_asides(eq))

    def _name(self, parts: list[Node]) -> None:
        """Letters in the order of reading; parts that are alike but for the author's index share one: P_3, P_2, P_1."""
        forms = {x: self._form_and_index(x) for x in parts}
        alike = Counter(form for form, _ in forms.values())
        for x, (form, index) in forms.items():
            if index and form not in self.families and alike[form] > 1 and (letter := self.letters.symbol(x)) is not None:
                self.families[form] = str(letter)
            indexed = self.letters.indexed(self.families[form], index, x) if index and form in self.families else None
            if (symbol := self.own.get(x) or indexed or self.letters.symbol(x)) is not None:
                self.parts[x], self.meant[symbol] = symbol, x

    def _form_and_index(self, root: Node) -> tuple[int, str]:
        """A number for the expression without the indices of its names, and the index that all have; "" for none or several."""
        indices: set[str] = set()
        forms: dict[Node, int] = {}
        for node in postorder([root]):
            static: Any = tuple((k, str(v)) for k, v in node.static if k != "shape")
            if node.op is VARIABLE:
                static, index = _without_index(node.params["role"])
                indices.add(index)
            form = (node.op.name, static, *(forms[a] for a in node.args))
            forms[node] = self.forms.setdefault(form, len(self.forms))
        return forms[root], indices.pop() if len(indices) == 1 else ""

    def _by_known_names(self, eq: Equation) -> Equation:
        """A part that is the right side of an earlier equation is written as its left side."""
        eq = _written(eq, lambda part: self.parts.get(part) or self.lefts.get(part))
        self._remember(eq)
        return eq

    def _remember(self, eq: Equation) -> None:
        if eq.name and _can_be_named(eq.expr):
            self.lefts.setdefault(eq.expr, eq.symbol)

    def _repeated(self, roots: list[Node]) -> set[Node]:
        """What is printed more than once and worth a name, from the outside in: what has a name is printed once."""
        sizes, times, chosen = counted(roots), Counter(roots), set()
        inner = {x for node in postorder(roots) if (x := _inner_product(node)) is not None}
        for node in reversed(list(postorder(roots))):
            spared = sizes[node] * (times[node] - 1)
            worth = spared >= (SMALLEST if node in self.own else SAVED) and sizes[node] >= SMALLEST
            if worth and node not in inner and _can_be_named(node):
                chosen.add(node)
                times[node] = 1
            for a in node.args:
                times[a] += times[node]
        return chosen

    def _with_asides(self, eq: Equation) -> Iterator[Equation]:
        eq = _written(eq, self.parts.get)
        yield from self._asides(eq.expr)
        yield eq

    def _asides(self, expr: Node) -> Iterator[Equation]:
        """The letters that are read here for the first time, each after those that it reads."""
        for v in symbols_in(expr):
            if v in self.meant and v not in self.told:
                self.told.add(v)
                part = self.meant[v]
                aside = Equation(v, _rebuilt(part, {a: _named(a, self.parts.get) for a in part.args}), aside=True)
                yield from self._asides(aside.expr)
                yield aside


def _without_index(symbol: Symbol) -> tuple[Symbol, str]:
    """h3 as h and 3; an accent has the index of what stands under it."""
    if isinstance(symbol, Of):
        bare, index = _without_index(symbol.of)
        return replace(symbol, of=bare), index
    name = str(symbol)
    bare = name.rstrip("0123456789")
    return bare, name[len(bare) :]


def _can_be_named(node: Node) -> bool:
    """What stands below a fraction's line is named, and not the fraction; nor is a power of a name."""
    fraction = node.op.name == "power" and not node.ndim and (node.args[0].op is VARIABLE or node.params["exponent"].is_negative)
    return node.op.name not in _SILENT and not fraction and any(x.op is VARIABLE for x in postorder([node]))


def _inner_product(node: Node) -> Node | None:
    """The entrywise product whose sum is printed as <X, Y>."""
    whole = node.op.name == "sum" and not node.ndim and node.args[0].op.name == "hadamard"
    return node.args[0] if whole else None


def _preorder(root: Node) -> Iterator[Node]:
    """Every node once, as a reader meets them."""
    seen: set[Node] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack.extend(reversed(node.args))


_NameOf: TypeAlias = Callable[[Node], Node | None]


def _written(eq: Equation, name_of: _NameOf) -> Equation:
    expr, parts = _named(eq.expr, name_of), tuple((v, _named(x, name_of)) for v, x in eq.parts)
    return eq if expr is eq.expr and parts == eq.parts else replace(eq, expr=expr, parts=parts)


def _named(root: Node, name_of: _NameOf) -> Node:
    """The same expression with names for its parts, the largest first; built as it stands, without folding."""
    done: _Names = {}
    stack: list[Node | None] = [root]
    while stack:
        node = stack.pop()
        if node is None:  # its operands are done
            node = cast(Node, stack.pop())
            done[node] = _rebuilt(node, done)
        elif (name := name_of(node)) is not None:
            done[node] = name
        elif node not in done:
            stack += (node, None, *node.args)
    return done[root]


def _rebuilt(node: Node, done: Mapping[Node, Node]) -> Node:
    args = tuple([done[a] for a in node.args])
    return node if args == node.args else node.op.node(*args, **node.params)
