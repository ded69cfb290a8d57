"""Every rule of every operation, made wrong in all the usual ways, one at a time and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from cases import Case, case_of

import symgrad.derive.meaning  # noqa: F401  (registers the functions that stable forms are made of)
from symgrad.core.op import REGISTRY, SUM, Node, Op, is_zero, variable, zeros
from symgrad.ops.broadcasting import fill, sum_
from symgrad.ops.extrema import max_
from symgrad.ops.product import transpose
from symgrad.ops.selection import comparing
from symgrad.rules import RULES, Rewrite

NARROW = frozenset("positive unit simplex binary onehot sign".split())
"""Properties under which no entry is beyond 5, or zero, or both."""


@dataclass(frozen=True)
class Mutant:
    """One field of one record, and what stands there instead."""

    record: Op | Rewrite
    field: str
    what: str
    value: Any

    @property
    def name(self) -> str:
        return f"{self.record.name}.{self.field}: {self.what}"


@contextmanager
def sabotaged(mutant: Mutant) -> Iterator[None]:
    """The record with the mutant's field in it; records are frozen for everyone else."""
    sound = getattr(mutant.record, mutant.field)
    object.__setattr__(mutant.record, mutant.field, mutant.value)
    try:
        yield
    finally:
        object.__setattr__(mutant.record, mutant.field, sound)


def mutants() -> Iterator[Mutant]:
    for op in REGISTRY.values():
        if op.samples:
            for makers in (_vjps, _jvps, _codes, _folds, _prints, _counts, _shapes):
                yield from makers(op)
    for rewrite in dict.fromkeys(entry for entries in RULES.values() for entry in entries):
        yield from _rewrites(rewrite)


# regions --------------------------------------------------------------------------------------------------------------------


def _somewhere(condition: Node) -> Node:
    """1 where the condition holds for an entry, else 0."""
    return max_(condition, axes=tuple(range(condition.ndim)))


def _far(X: Node) -> Node:
    return _somewhere(comparing(">")(X * X, 25))


def _at_zero(X: Node) -> Node:
    return _somewhere(comparing("==")(X, 0))


def _at_tie(X: Node) -> Node:
    """Two entries are the largest."""
    top = comparing("==")(X, max_(X, axes=tuple(range(X.ndim))))
    return comparing(">")(sum_(top, axes=tuple(range(X.ndim))), 1)


def _equal(X: Node, Y: Node) -> Node:
    return _somewhere(comparing("==")(X, Y))


def _regions(op: Op) -> dict[str, Callable[..., Node]]:
    """Where a rule may be wrong: beyond 5 and at zero in an operand, at its largest entries, where two operands are equal."""
    found: dict[str, Callable[..., Node]] = {}
    cases = [case_of(op, s) for s in op.samples]
    for i in range(min(len(c.operands) for c in cases)):
        wide = all(not c.operands[i].params["properties"] & (NARROW | {"int"}) for c in cases)
        if wide:
            found[f"where |x{i + 1}| > 5"] = lambda *X, i=i: _far(X[i])
            found[f"where x{i + 1} = 0"] = lambda *X, i=i: _at_zero(X[i])
    if op.kink and all(c.operands[0].ndim for c in cases):
        found["where entries tie"] = lambda *X: _at_tie(X[0])
    if len(cases[0].operands) == 2 and all(len(c.operands) == 2 and c.operands[0].shape == c.operands[1].shape for c in cases):
        found["where the operands are equal"] = lambda X, Y: _equal(X, Y)
    return found


# the backward rule ------------------------------------------------------------------------------------------------------------


def _bars(case: Case) -> tuple[Node | None, ...]:
    G = variable("G", case.node.shape)
    return case.op.vjp(case.node, *case.operands, G, **case.sample.static)


def _vjps(op: Op) -> Iterator[Mutant]:
    cases, sound = [case_of(op, s) for s in op.samples], op.vjp

    def changed(i: int, change: Callable[..., Node]) -> Callable[..., Any]:
        def vjp(Z: Node, *rest: Node, **static: Any) -> Any:
            bars = list(sound(Z, *rest, **static))
            if i < len(bars) and bars[i] is not None:
                bars[i] = change(bars[i], Z, *rest[:-1])
            return tuple(bars)

        return vjp

    present = [i for i, bar in enumerate(_bars(cases[0])) if bar is not None and not is_zero(bar)]
    regions = _regions(op)
    for i in present:
        having = [c for c in cases if i < len(c.operands)]
        where = f" in x{i + 1}" if len(cases[0].operands) > 1 else ""
        yield Mutant(op, "vjp", f"sign{where}", changed(i, lambda bar, *_: -bar))
        yield Mutant(op, "vjp", f"factor 2{where}", changed(i, lambda bar, *_: 2 * bar))
        yield Mutant(op, "vjp", f"nothing handed on{where}", changed(i, lambda bar, *_: zeros(bar.shape)))
        if any((bar := _bars(c)[i]) is not None and bar.op.name == "add" for c in having):
            yield Mutant(op, "vjp", f"missing term{where}", changed(i, _without_a_term))
        if any(c.operands[i].ndim == 2 and len(set(c.operands[i].shape)) == 1 for c in having):
            yield Mutant(op, "vjp", f"transpose{where}", changed(i, _turned))
        for region, holds in regions.items():
            yield Mutant(op, "vjp", f"doubled {region}{where}", changed(i, lambda bar, Z, *X, h=holds: bar * (1 + h(*X))))
    yield from _exchanged_vjps(op, cases, present)


def _without_a_term(bar: Node, *_: Node) -> Node:
    return REGISTRY["add"](*bar.args[1:]) if bar.op.name == "add" else bar


def _turned(bar: Node, *_: Node) -> Node:
    return transpose(bar) if bar.ndim == 2 and bar.shape[0] == bar.shape[1] else bar


def _exchanged_vjps(op: Op, cases: list[Case], present: list[int]) -> Iterator[Mutant]:
    """Operands, or the cotangents of operands, taken for one another."""
    sound = op.vjp
    for i, j in combinations(range(len(cases[0].operands)), 2):
        if not all(j < len(c.operands) and c.operands[i].shape == c.operands[j].shape for c in cases):
            continue

        def wrong_argument(Z: Node, *rest: Node, i: int = i, j: int = j, **static: Any) -> Any:
            X = list(rest)
            X[i], X[j] = X[j], X[i]
            return sound(Z, *X, **static)

        def wrong_place(Z: Node, *rest: Node, i: int = i, j: int = j, **static: Any) -> Any:
            bars = list(sound(Z, *rest, **static))
            bars[i], bars[j] = bars[j], bars[i]
            return tuple(bars)

        yield Mutant(op, "vjp", f"x{i + 1} taken for x{j + 1}", wrong_argument)
        if i in present and j in present:
            yield Mutant(op, "vjp", f"cotangents {i + 1} and {j + 1} exchanged", wrong_place)


# the forward rule -------------------------------------------------------------------------------------------------------------


def _jvps(op: Op) -> Iterator[Mutant]:
    cases, sound = [case_of(op, s) for s in op.samples], op.jvp
    present = [i for i, bar in enumerate(_bars(cases[0])) if bar is not None and not is_zero(bar)]
    if not present:
        return

    def changed(change: Callable[..., Node]) -> Callable[..., Node]:
        def jvp(Z: Node, *rest: Node, **static: Any) -> Node:
            return change(sound(Z, *rest, **static), *rest[: len(rest) // 2])

        return jvp

    def with_dots(change: Callable[[list[Node]], list[Node]]) -> Callable[..., Node]:
        def jvp(Z: Node, *rest: Node, **static: Any) -> Node:
            half = len(rest) // 2
            return sound(Z, *rest[:half], *change(list(rest[half:])), **static)

        return jvp

    yield Mutant(op, "jvp", "sign", changed(lambda Z_dot, *_: -Z_dot))
    yield Mutant(op, "jvp", "factor 2", changed(lambda Z_dot, *_: 2 * Z_dot))
    if all(c.node.ndim == 2 and len(set(c.node.shape)) == 1 for c in cases):
        yield Mutant(op, "jvp", "transpose", changed(_turned))
    for region, holds in _regions(op).items():
        yield Mutant(op, "jvp", f"doubled {region}", changed(lambda Z_dot, *X, h=holds: Z_dot * (1 + h(*X))))
    for i in present:
        lost = f"missing term of x{i + 1}"
        yield Mutant(op, "jvp", lost, with_dots(lambda d, i=i: [zeros(x.shape) if k == i else x for k, x in enumerate(d)]))
        yield Mutant(
            op, "jvp", f"term of x{i + 1} twice", with_dots(lambda d, i=i: [2 * x if k == i else x for k, x in enumerate(d)])
        )
    yield from _exchanged_jvps(op, cases, present)


def _exchanged_jvps(op: Op, cases: list[Case], present: list[int]) -> Iterator[Mutant]:
    sound = op.jvp
    for i, j in combinations(range(len(cases[0].operands)), 2):
        alike = all(j < len(c.operands) and c.operands[i].shape == c.operands[j].shape for c in cases)
        if not alike or not {i, j} <= set(present):
            continue

        def wrong(Z: Node, *rest: Node, i: int = i, j: int = j, **static: Any) -> Node:
            X = list(rest)
            X[i], X[j] = X[j], X[i]
            return sound(Z, *X, **static)

        yield Mutant(op, "jvp", f"x{i + 1} taken for x{j + 1}", wrong)


# the exported code --------------------------------------------------------------------------------------------------------------


def _codes(op: Op) -> Iterator[Mutant]:
    cases, sound = [case_of(op, s) for s in op.samples], op.numpy

    def changed(text: str) -> Callable[[Node], str]:
        """The code in place of CODE."""
        return lambda node: text.replace("CODE", sound if isinstance(sound, str) else sound(node))

    yield Mutant(op, "numpy", "sign", changed("(-1.0 * (CODE))"))
    yield Mutant(op, "numpy", "factor 2", changed("(2.0 * (CODE))"))
    yield Mutant(op, "numpy", "one part in 10^9 off", changed("(CODE) + 1e-9 * np.max(np.abs(CODE))"))
    if any(c.node.ndim == 2 and len(set(c.node.shape)) == 1 for c in cases):
        yield Mutant(op, "numpy", "transpose", lambda node: changed("np.transpose(CODE)" if _square(node) else "CODE")(node))
    for i in range(min(len(c.operands) for c in cases)):
        words = [c.operands[i].params["properties"] for c in cases]
        if not any(w & (NARROW | {"int"}) for w in words):
            yield Mutant(op, "numpy", f"wrong where |x{i + 1}| > 5", changed(f"(CODE) * (1.0 + np.any(np.abs({{{i}}}) > 5))"))
            yield Mutant(op, "numpy", f"wrong where x{i + 1} = 0", changed(f"(CODE) + 1.0 * np.any(np.equal({{{i}}}, 0))"))
    if op.kink:
        yield Mutant(op, "numpy", "wrong where entries tie", changed("(CODE) + (np.unique({0}).size < np.size({0}))"))
    for i, j in combinations(range(len(cases[0].operands)), 2):
        if all(j < len(c.operands) and c.operands[i].shape == c.operands[j].shape for c in cases):
            yield Mutant(op, "numpy", f"x{i + 1} and x{j + 1} exchanged", _exchanged_code(sound, i, j))


def _square(node: Node) -> bool:
    return node.ndim == 2 and node.shape[0] == node.shape[1]


def _exchanged_code(sound: Any, i: int, j: int) -> Callable[[Node], str]:
    def code(node: Node) -> str:
        text = sound if isinstance(sound, str) else sound(node)
        return text.replace(f"{{{i}}}", "{?}").replace(f"{{{j}}}", f"{{{i}}}").replace("{?}", f"{{{j}}}")

    return code


# folding, print, counts and shapes --------------------------------------------------------------------------------------------


def _folds(op: Op) -> Iterator[Mutant]:
    sound = op.fold
    if sound is None:
        return

    def changed(change: Callable[[Node], Node]) -> Callable[..., Node | None]:
        def fold(*X: Node, **static: Any) -> Node | None:
            found = sound(*X, **static)
            return found if found is None else change(found)

        return fold

    yield Mutant(op, "fold", "one more", changed(lambda found: REGISTRY["add"].node(found, fill(1, found.shape))))


def _prints(op: Op) -> Iterator[Mutant]:
    sound = op.latex

    def changed(change: Callable[[str], str]) -> Callable[..., Any]:
        def latex(node: Node, show: Any) -> Any:
            printed = show._fill(sound, node) if isinstance(sound, str) else sound(node, show)
            return (change(printed[0]), printed[1]) if isinstance(printed, tuple) else change(printed)

        return latex

    yield Mutant(op, "latex", "sign", changed(lambda text: text[1:] if text.startswith("-") else f"-{text}"))
    yield Mutant(op, "latex", "square", changed(lambda text: text + "^{2}"))
    if isinstance(sound, str) and "#2" in sound:
        yield Mutant(op, "latex", "operands exchanged", sound.replace("#1", "#0").replace("#2", "#1").replace("#0", "#2"))
    for level in (op.precedence - 1, op.precedence + 1):
        if SUM <= level <= 5:
            yield Mutant(op, "precedence", f"{level} for {op.precedence}", level)


def _counts(op: Op) -> Iterator[Mutant]:
    sound = op.flops
    if any(sound(*c.operands, **c.sample.static) != 0 for c in (case_of(op, s) for s in op.samples)):
        yield Mutant(op, "flops", "factor 2", lambda *X, **static: 2 * sound(*X, **static))
    yield Mutant(op, "flops", "one more", lambda *X, **static: sound(*X, **static) + 1)


def _shapes(op: Op) -> Iterator[Mutant]:
    sound = op.shape
    if any((shape := case_of(op, s).node.shape) != shape[::-1] for s in op.samples):
        yield Mutant(op, "shape", "reversed", lambda *X, **static: tuple(reversed(sound(*X, **static))))
    yield Mutant(op, "shape", "an axis more", lambda *X, **static: (*sound(*X, **static), 1))


# rewrites -----------------------------------------------------------------------------------------------------------------------


def _rewrites(rewrite: Rewrite) -> Iterator[Mutant]:
    sound = rewrite.apply

    def changed(change: Callable[[Node], Node]) -> Callable[..., Node | None]:
        def apply(node: Node, known: Any) -> Node | None:
            found = sound(node, known)
            return found if found is None or found is node else change(found)

        return apply

    yield Mutant(rewrite, "apply", "sign", changed(lambda found: -found))
    yield Mutant(rewrite, "apply", "factor 2", changed(lambda found: 2 * found))
    yield Mutant(rewrite, "apply", "never", lambda node, known: None)
    yield Mutant(rewrite, "apply", "one operand too few", changed(_first_operand))


def _first_operand(found: Node) -> Node:
    same = [x for x in found.args if x.shape == found.shape]
    return same[0] if same else 2 * found
