"""One row an operation of the language: how a call of it is written and what shape it has, drawn with a `Builder`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.fuzz.exact import ONE
from tests.fuzz.programs import Builder, Input, Piece, Shape, common, size

Build = Callable[[Builder], Piece]


@dataclass(frozen=True)
class Row:
    """`literal` rows make dimensions, so they are written with numbers alone."""

    name: str
    build: Build
    literal: bool = False


FAMILIES: dict[str, list[Row]] = {}


def row(family: str, *names: str, literal: bool = False) -> Callable[[Callable[..., Piece]], Callable[..., Piece]]:
    """Register a builder under every name; it takes the name where there are several."""

    def register(build: Callable[..., Piece]) -> Callable[..., Piece]:
        for name in names:
            made: Any = build if len(names) == 1 else partial(lambda b, name: build(b, name), name=name)
            FAMILIES.setdefault(family, []).append(Row(name, made, literal))
        return build

    return register


# entry by entry -------------------------------------------------------------------------------------------------------------

POSITIVE = "log sqrt log1p log2 log10 cbrt rsqrt reciprocal entr".split()
UNIT = "arcsin arccos arctanh logit".split()
BOUNDED = "exp exp2 expm1 sinh cosh tan square".split()
FREE = [name for name in ONE if name not in {*POSITIVE, *UNIT, *BOUNDED, "arccosh"}]


@row("entrywise", *FREE)
def free(b: Builder, name: str) -> Piece:
    e, s = b.real()
    return b.call(name, e), s


@row("domain", *BOUNDED)
def bounded(b: Builder, name: str) -> Piece:
    e, s = b.bounded()
    return b.call(name, e), s


@row("domain", *POSITIVE)
def positive(b: Builder, name: str) -> Piece:
    e, s = b.positive()
    return b.call(name, e), s


@row("domain", *UNIT)
def unit(b: Builder, name: str) -> Piece:
    e, s = b.unit()
    return b.call(name, e), s


@row("domain", "arccosh")
def arccosh(b: Builder) -> Piece:
    e, s = b.positive()
    return b.call("arccosh", f"1.1 + {e}"), s


@row("domain", "power")
def number_power(b: Builder) -> Piece:
    if b.chance(2):
        e, s = b.bounded()
        return f"({e}) ** {b.choice((2, 3, 4))}", s
    e, s = b.positive()
    return f"{e} ** {b.choice(('-1', '0.5', '-0.5', '1.7', '-2', '2.5'))}", s


# two operands, broadcast ----------------------------------------------------------------------------------------------------


def partner(b: Builder, shape: Shape) -> Shape:
    """A shape that broadcasts with this one."""
    ways = [shape, ()]
    ways += [shape[1:]] if shape else []
    ways += [tuple(1 if a == i else d for a, d in enumerate(shape)) for i in range(len(shape))]
    ways += [(2, *shape)] if 0 < len(shape) < 2 else []
    return b.choice(ways)


def pair(b: Builder) -> tuple[str, str, Shape]:
    x, s = b.real()
    y, t = b.real(partner(b, s))
    x, y = (y, x) if b.chance(2) else (x, y)
    return x, y, common(s, t)


@row("pairs", "+", "-", "*")
def operator(b: Builder, name: str) -> Piece:
    x, y, s = pair(b)
    return f"{x} {name} ({y})", s


@row("pairs", "add", "subtract", "multiply", "maximum", "minimum", "hypot", "logaddexp")
def two(b: Builder, name: str) -> Piece:
    x, y, s = pair(b)
    return b.call(name, x, y), s


@row("pairs", "/", "divide", "arctan2", "xlogy", "pow")
def second_positive(b: Builder, name: str) -> Piece:
    x, s = b.real()
    y, t = b.positive(partner(b, s))
    calls = {"/": f"{x} / {y}", "pow": f"{y} ** ({x})"}
    return calls.get(name) or b.call(name, x, y), common(s, t)


# choices --------------------------------------------------------------------------------------------------------------------


@row("choices", "where")
def where(b: Builder) -> Piece:
    x, y, s = pair(b)
    u, v, t = *(b.real(p)[0] for p in (partner(b, s), partner(b, s))), s
    relation = b.choice((">", "<", ">=", "<=", "==", "!="))
    return b.call("where", f"{x} {relation} ({y})", u, v), common(s, t, _shape_of(b, u), _shape_of(b, v))


def _shape_of(b: Builder, e: str) -> Shape:
    """Of an expression around one name."""
    return next((b.names[n] for n in sorted(b.names, key=len, reverse=True) if n in e), ())


@row("choices", "where both", "where either", "where not")
def where_logic(b: Builder, name: str) -> Piece:
    x, s = b.of_rank(1, 2)
    test = {
        "where both": f"({x} > -0.5) & ({x} < 0.9)",
        "where either": f"({x} < -0.7) | ({x} > 0.6)",
        "where not": f"~({x} > 0.1)",
    }
    return b.call("where", test[name], b.real(s)[0], b.choice(("0.0", "1.0", b.real(s)[0]))), s


@row("choices", "greater", "greater_equal", "less", "less_equal")
def comparison(b: Builder, name: str) -> Piece:
    x, y, s = pair(b)
    z, _ = b.real(s)
    return f"{b.call(name, x, y)} * {z}", s


@row("choices", "logical_and", "logical_or", "logical_xor")
def logic(b: Builder, name: str) -> Piece:
    x, s = b.real()
    return f"{b.call(name, f'{x} > 0', f'{b.real(s)[0]} < 0.4')} * {b.real(s)[0]}", s


@row("choices", "logical_not")
def negation(b: Builder) -> Piece:
    x, s = b.real()
    return f"{b.call('logical_not', f'{x} > 0.2')} * {x}", s


@row("choices", "clip")
def clip(b: Builder) -> Piece:
    e, s = b.real()
    return b.call("clip", e, "-0.8", b.choice(("0.9", "0.3"))), s


@row("choices", "equal", "not_equal")
def equality(b: Builder, name: str) -> Piece:
    x, s = b.real()
    return f"{b.call(name, x, b.choice((x, '0.5')))} * {b.real(s)[0]}", s


# along axes -----------------------------------------------------------------------------------------------------------------


def axis(b: Builder, shape: Shape) -> tuple[str, Shape]:
    """The words of a reduction and the shape it leaves."""
    options: list[Any] = [None, *range(len(shape)), *([-1] if shape else []), *([(0, 1)] if len(shape) > 1 else [])]
    chosen = b.choice(options)
    axes = range(len(shape)) if chosen is None else [a % len(shape) for a in ([chosen] if isinstance(chosen, int) else chosen)]
    keep = b.chance(3)
    left = tuple(1 if a in axes else d for a, d in enumerate(shape) if keep or a not in axes)
    words = [] if chosen is None else [f"axis={chosen}"]
    return ", ".join([*words, *(["keepdims=True"] if keep else [])]), left


@row("reductions", "sum", "mean", "max", "min", "logsumexp")
def reduction(b: Builder, name: str) -> Piece:
    e, s = b.real()
    words, left = axis(b, s)
    if s and name != "logsumexp" and e.isidentifier() and b.chance(4):
        return f"{e}.{name}({words})", left
    return b.call(name, e, words), left


@row("reductions", "prod", "var", "std")
def bounded_reduction(b: Builder, name: str) -> Piece:
    e, s = b.bounded(b.of_rank(1, 2)[1])
    words, left = axis(b, s)
    return (f"({b.call(name, e, words)} + 0.2)" if name != "prod" else b.call(name, e, words)), left


@row("reductions", "softmax", "log_softmax")
def along(b: Builder, name: str) -> Piece:
    e, s = b.of_rank(1, 2)
    return b.call(name, e, b.choice(("", "axis=0", "axis=-1"))), s


@row("reductions", "cumsum")
def cumsum(b: Builder) -> Piece:
    e, s = b.of_rank(1, 2)
    return b.call("cumsum", e, f"axis={b.index(len(s))}"), s


@row("reductions", "norm")
def norm(b: Builder) -> Piece:
    e, s = b.of_rank(1, 2)
    if b.chance(2):
        return b.call("norm", e), ()
    k = b.index(len(s))
    order = b.choice(("", "ord=2", "ord=1", "ord=3"))
    return b.call("norm", e, order, f"axis={k}"), tuple(d for a, d in enumerate(s) if a != k)


@row("reductions", "vector_norm", "matrix_norm")
def other_norm(b: Builder, name: str) -> Piece:
    e, _ = b.of_rank(2)
    return b.call(name, e), ()


# products -------------------------------------------------------------------------------------------------------------------


def fitting(b: Builder) -> tuple[str, str, Shape]:
    """Two operands of a matrix product."""
    k = b.choice((2, 3))
    left = b.choice([(k,), (2, k), (3, k), (k, k), (1, k)])
    right = b.choice([(k,), (k, 2), (k, 3), (k, k), (k, 1)])
    if b.chance(8):
        left = (2, 3, k)
    return b.real(left)[0], b.real(right)[0], left[:-1] + right[1:]


@row("products", "@", "matmul", "dot")
def matmul(b: Builder, name: str) -> Piece:
    x, y, s = fitting(b)
    return (f"({x}) @ ({y})" if name == "@" else b.call(name, x, y)), s


@row("products", "transposed")
def transposed(b: Builder) -> Piece:
    e, s = b.of_rank(2)
    return b.choice((f"({e}).T", b.call("transpose", e))), s[::-1]


@row("products", "transposed @")
def transposed_product(b: Builder) -> Piece:
    e, s = b.of_rank(2)
    right = b.choice([(s[0],), (s[0], 2), (s[0], 3)])
    return f"({e}).T @ ({b.real(right)[0]})", (s[1], *right[1:])


@row("products", "quadratic form")
def quadratic(b: Builder) -> Piece:
    A, s = b.square()
    x, _ = b.real((s[0],))
    return f"({x}) @ ({A}) @ ({x})", ()


@row("products", "outer")
def outer(b: Builder) -> Piece:
    (x, s), (y, t) = b.of_rank(1), b.of_rank(1)
    return b.call("outer", x, y), s + t


@row("products", "inner")
def inner(b: Builder) -> Piece:
    k = b.choice((2, 3))
    left, right = b.choice([(k,), (2, k), (k, k), (3, k)]), b.choice([(k,), (3, k), (k, k)])
    return b.call("inner", b.real(left)[0], b.real(right)[0]), left[:-1] + right[:-1]


@row("products", "vdot")
def vdot(b: Builder) -> Piece:
    x, s = b.of_rank(1, 2)
    return b.call("vdot", x, b.real(s)[0]), ()


@row("products", "dot of rank 3")
def dot(b: Builder) -> Piece:
    x, s = b.real(b.choice([(3,), (2, 3), (3, 3)]))
    return b.call("dot", x, b.real((2, 3, 2))[0]), (*s[:-1], 2, 2)


@row("products", "einsum")
def einsum(b: Builder) -> Piece:
    spec = b.choice(
        ("ij,jk->ik", "ij,ij->i", "ij,kj->ki", "i,ij,j->", "ii->i", "ij->ji", "ij,j->ij", "ij,ik->jk", "i,j->ji", "ij,ij->",
         "ijk,kl->il", "ii->", "ij,jk,kl->il", "ij->j", "i,i,i->i", "ij,i", "bij,bjk->bik")
    )  # fmt: skip
    inputs, _, output = spec.partition("->")
    sizes = {c: b.choice((2, 3)) for c in sorted(set(inputs) - {","})}
    shapes = [tuple(sizes[c] for c in part) for part in inputs.split(",")]
    if "->" not in spec:
        output = "".join(c for c in sorted(sizes) if inputs.count(c) == 1)
    return b.call("einsum", f'"{spec}"', *(b.real(s)[0] for s in shapes)), tuple(sizes[c] for c in output)


@row("products", "kron", literal=True)
def kron(b: Builder) -> Piece:
    (x, s), (y, t) = (b.real(b.choice([(2, 2), (1, 3), (2, 1)])) for _ in range(2))
    return b.call("kron", x, y), (s[0] * t[0], s[1] * t[1])


@row("products", "trace", "diagonal")
def trace(b: Builder, name: str) -> Piece:
    e, s = b.square()
    return b.call(name, e), () if name == "trace" else s[:1]


@row("products", "diag")
def diag(b: Builder) -> Piece:
    k = b.choice((2, 3))
    e, s = b.real(b.choice([(k,), (k, k)]))
    return b.call("diag", e), (k, k) if len(s) == 1 else (k,)


# matrices -------------------------------------------------------------------------------------------------------------------


@row("matrices", "inv", "pinv")
def inverse(b: Builder, name: str) -> Piece:
    e, s = b.regular()
    return b.call(name, e), s


@row("matrices", "pinv of a tall matrix", literal=True)
def tall(b: Builder) -> Piece:
    shape = b.choice([(3, 2), (2, 3)])
    return b.call("pinv", b.real(shape)[0]), shape[::-1]


@row("matrices", "solve")
def solve(b: Builder) -> Piece:
    e, s = b.regular()
    right = b.choice([s[:1], (s[0], 2), (s[0], 3)])
    return b.call("solve", e, b.real(right)[0]), right


@row("matrices", "det")
def det(b: Builder) -> Piece:
    e, _ = b.square()
    return b.call("det", e), ()


@row("matrices", "slogdet")
def slogdet(b: Builder) -> Piece:
    e, _ = b.regular()
    return f"{b.call('slogdet', e)}{b.choice(('.logabsdet', '.logabsdet', '.sign'))}", ()


@row("matrices", "cholesky")
def cholesky(b: Builder) -> Piece:
    e, s = b.spd()
    return b.call("cholesky", e), s


@row("matrices", "solve_triangular")
def triangular(b: Builder) -> Piece:
    e, s = b.regular()
    right = b.choice([s[:1], (s[0], 2)])
    words = b.choice(("lower=True", "lower=False", "lower=True, trans=1", "trans=1"))
    return b.call("solve_triangular", e, b.real(right)[0], words), right


@row("matrices", "cho_solve")
def cho_solve(b: Builder) -> Piece:
    e, s = b.spd()
    right = b.choice([s[:1], (s[0], 2)])
    factor = b.call("cho_factor", e, b.choice(("lower=True", "lower=False")))
    return b.call("cho_solve", factor, b.real(right)[0]), right


@row("matrices", "matrix_power")
def matrix_power(b: Builder) -> Piece:
    e, s = b.square()
    power = b.choice(("2", "3", "0"))
    return b.call("matrix_power", f"0.6 * {e}", power), s


@row("matrices", "multi_dot")
def multi_dot(b: Builder) -> Piece:
    e, s = b.square()
    return b.call("multi_dot", f"[{e}, {b.real(s)[0]}, {b.real(s)[0]}]"), s


@row("matrices", "tril", "triu")
def triangle(b: Builder, name: str) -> Piece:
    e, s = b.of_rank(2)
    return b.call(name, e, b.choice(("", "1", "-1"))), s


# layout ---------------------------------------------------------------------------------------------------------------------


@row("layout", "reshape", literal=True)
def reshape(b: Builder) -> Piece:
    e, s = b.of_rank(1, 2, 3)
    n = size(s)
    shape = b.choice([w for w in [(n,), (n, 1), (1, n), (2, n // 2), (n // 2, 2), (3, n // 3)] if size(w) == n])
    dims = list(map(str, shape))
    if b.chance(3):
        dims[b.index(len(dims))] = "-1"
    return b.call("reshape", e, f"({', '.join(dims)},)"), shape


@row("layout", "ravel")
def ravel(b: Builder) -> Piece:
    e, s = b.real(b.choice([(2,), (1, 3), (2, 1), (3,)]))
    return b.call("ravel", e), (size(s),)


@row("layout", "ravel of a matrix", "flatten", literal=True)
def flat(b: Builder, name: str) -> Piece:
    e, s = b.of_rank(2)
    return (f"({e}).flatten()" if name == "flatten" else b.call("ravel", e)), (size(s),)


@row("layout", "expand_dims")
def expand_dims(b: Builder) -> Piece:
    e, s = b.of_rank(0, 1, 2)
    k = b.index(len(s) + 1)
    return b.call("expand_dims", e, str(k)), (*s[:k], 1, *s[k:])


@row("layout", "None")
def new_axis(b: Builder) -> Piece:
    e, s = b.of_rank(1, 2)
    if b.chance(2):
        return f"({e})[:, None]", (s[0], 1, *s[1:])
    return f"({e})[None]", (1, *s)


@row("layout", "squeeze")
def squeeze(b: Builder) -> Piece:
    e, s = b.real(b.choice([(1, 3), (2, 1), (1,)]))
    return b.call("squeeze", e), tuple(d for d in s if d != 1)


@row("layout", "swapaxes", "moveaxis")
def swapped(b: Builder, name: str) -> Piece:
    e, s = b.of_rank(2, 3)
    i, j = b.index(len(s)), b.index(len(s))
    order = list(range(len(s)))
    if name == "swapaxes":
        order[i], order[j] = order[j], order[i]
    else:
        order.insert(j, order.pop(i))
    return b.call(name, e, str(i), str(j)), tuple(s[a] for a in order)


@row("layout", "transpose of rank 3")
def permuted(b: Builder) -> Piece:
    e, s = b.real((2, 3, 2))
    order = b.choice([(2, 0, 1), (1, 0, 2), (1, 2, 0), (2, 1, 0)])
    return b.call("transpose", e, str(order)), tuple(s[a] for a in order)


@row("layout", "broadcast_to")
def broadcast_to(b: Builder) -> Piece:
    e, _ = b.real(b.choice([(), (3,), (1, 3), (2, 1)]))
    return b.call("broadcast_to", e, b.bracketed((2, 3))), (2, 3)


@row("layout", "atleast_1d", "atleast_2d")
def at_least(b: Builder, name: str) -> Piece:
    e, s = b.of_rank(0, 1, 2)
    wanted = int(name[8])
    return b.call(name, e), (1,) * (wanted - len(s)) + s


@row("layout", "flip")
def flip(b: Builder) -> Piece:
    e, s = b.of_rank(1, 2)
    if b.chance(2):
        return f"({e})[::-1]", s
    return b.call("flip", e, b.choice(("", "axis=0"))), s


@row("layout", "roll")
def roll(b: Builder) -> Piece:
    e, s = b.of_rank(1, 2)
    return b.call("roll", e, b.choice(("1",) if b.symbolic else ("1", "-1", "2")), f"axis={b.index(len(s))}"), s


@row("layout", "repeat", "tile", literal=True)
def repeat(b: Builder, name: str) -> Piece:
    e, s = b.of_rank(1, 2)
    if name == "tile":
        return b.call("tile", e, "2"), (*s[:-1], 2 * s[-1])
    k = b.index(len(s))
    return b.call("repeat", e, "2", f"axis={k}"), tuple(2 * d if a == k else d for a, d in enumerate(s))


@row("layout", "index")
def indexed(b: Builder) -> Piece:
    e, s = b.of_rank(1, 2, 3)
    place = b.choice(("0", "-1", "1" if s[0] > 1 else "0"))
    if len(s) > 1 and b.chance(2):
        return f"({e})[:, {b.choice(('0', '-1'))}]", (s[0], *s[2:])
    return f"({e})[{place}]", s[1:]


@row("layout", "slice", literal=True)
def sliced(b: Builder) -> Piece:
    e, s = b.of_rank(1, 2)
    part = b.choice(("1:", ":-1", "::2", "::-1", ":1")) if s[0] > 1 else ":"
    return f"({e})[{part}]", (len(range(s[0])[_slice(part)]), *s[1:])


def _slice(text: str) -> slice:
    return slice(*(int(p) if p else None for p in text.split(":")))


@row("layout", "diff", literal=True)
def diff(b: Builder) -> Piece:
    e, s = b.real(b.choice([(3,), (2, 3), (3, 3)]))
    return b.call("diff", e), (*s[:-1], s[-1] - 1)


@row("layout", "stop_gradient")
def stopped(b: Builder) -> Piece:
    e, s = b.real()
    return b.call("stop_gradient", e), s


# joined ---------------------------------------------------------------------------------------------------------------------


@row("joined", "concatenate", literal=True)
def concatenate(b: Builder) -> Piece:
    x, s = b.of_rank(1, 2)
    y, _ = b.real(s)
    k = b.index(len(s))
    return b.call("concatenate", f"[{x}, {y}]", f"axis={k}"), tuple(2 * d if a == k else d for a, d in enumerate(s))


@row("joined", "concatenate and cut")
def cut(b: Builder) -> Piece:
    """In symbolic dimensions too: what is joined comes apart again."""
    x, s = b.real((3,))
    y, _ = b.real((2,))
    return f"{b.call('concatenate', f'[{y}, {x}]')}[{b.dim(2)}:]", s


@row("joined", "stack", literal=True)
def stack(b: Builder) -> Piece:
    x, s = b.of_rank(0, 1, 2)
    others = [b.real(s)[0] for _ in range(1 + b.index(2))]
    k = b.index(len(s) + 1)
    return b.call("stack", f"[{', '.join([x, *others])}]", f"axis={k}"), (*s[:k], 1 + len(others), *s[k:])


@row("joined", "hstack", "vstack", "column_stack", "append", literal=True)
def other_joins(b: Builder, name: str) -> Piece:
    k = b.choice((2, 3))
    x, y = b.real((k,))[0], b.real((k,))[0]
    shapes = {"vstack": (2, k), "column_stack": (k, 2)}
    arguments = (x, y) if name == "append" else (f"[{x}, {y}]",)
    return b.call(name, *arguments), shapes.get(name, (2 * k,))


@row("joined", "split", literal=True)
def split(b: Builder) -> Piece:
    e, s = b.real(b.choice([(2, 3), (2,), (2, 2)]))
    return f"{b.call('split', e, '2')}[{b.index(2)}]", (1, *s[1:])


@row("joined", "array", literal=True)
def array(b: Builder) -> Piece:
    return b.call("array", f"[{b.real(())[0]}, {b.real(())[0]}]"), (2,)


# filled ---------------------------------------------------------------------------------------------------------------------


@row("filled", "zeros", "ones", "full")
def filled(b: Builder, name: str) -> Piece:
    s = b.choice([(2,), (2, 3), (3,)])
    e, t = b.real(partner(b, s))
    value = "1.5" if name == "full" else ""
    return f"{b.call(name, b.bracketed(s), value)} {b.choice('+*-')} ({e})", common(s, t)


@row("filled", "zeros_like", "ones_like", "full_like")
def filled_like(b: Builder, name: str) -> Piece:
    e, s = b.real()
    other, _ = b.real(s)
    value = "0.7" if name == "full_like" else ""
    return f"{b.call(name, e, value)} {b.choice('+*-')} ({other})", s


@row("filled", "eye")
def identity(b: Builder) -> Piece:
    e, s = b.square()
    return f"{e} {b.choice('+*-@')} {b.call('eye', b.dim(s[0]))}", s


@row("filled", "arange")
def arange(b: Builder) -> Piece:
    e, s = b.of_rank(1)
    return f"{b.call('arange', b.dim(s[0]))} * ({e})", s


@row("filled", "linspace", literal=True)
def linspace(b: Builder) -> Piece:
    e, s = b.real((3,))
    return f"{b.call('linspace', '0', '1', '3')} * ({e})", s


# labels ---------------------------------------------------------------------------------------------------------------------


@row("labels", "one_hot")
def one_hot(b: Builder) -> Piece:
    e, s = b.real((2, 3))
    return f"{b.call('one_hot', b.labels((2,), 3), b.dim(3))} * ({e})", s


@row("labels", "pick")
def pick(b: Builder) -> Piece:
    e, s = b.of_rank(2)
    if b.chance(2):
        return f"({e})[{b.call('arange', b.dim(s[0]))}, {b.labels((s[0],), s[1])}]", s[:1]
    return f"({e})[{b.labels((s[1],), s[0])}, {b.call('arange', b.dim(s[1]))}]", s[1:]


@row("labels", "gather", "take")
def gather(b: Builder, name: str) -> Piece:
    e, s = b.of_rank(1, 2)
    k = b.index(len(s)) if name == "take" else 0
    y = b.labels((3,), s[k])
    left = (*s[:k], 3, *s[k + 1 :])
    return (b.call("take", e, y, f"axis={k}") if name == "take" else f"({e})[{y}]"), left


@row("labels", "take_along_axis")
def take_along_axis(b: Builder) -> Piece:
    e, s = b.of_rank(2)
    return b.call("take_along_axis", e, f"{b.labels((s[0],), s[1])}[:, None]", "axis=1"), (s[0], 1)


# functions left open, loops, helpers ----------------------------------------------------------------------------------------


@row("open", "phi")
def phi(b: Builder) -> Piece:
    e, s = b.real()
    if "phi" not in b.inputs:
        b.inputs["phi"] = Input((), "entrywise")
    return f"phi({e})", s


@row("open", "for")
def loop(b: Builder) -> Piece:
    """A name bound again at every turn of a loop."""
    A, s = b.square()
    start, shape = b.real(b.choice([(s[0],), s]))
    name = f"t{len(b.lines)}"
    b.lines += [f"{name} = {start}", f"for _ in range({1 + b.index(2)}):", f"    {name} = {b.call('tanh', f'({A}) @ {name}')}"]
    b.names[name] = shape
    return f"{name} + 0.5", shape


@row("open", "def")
def helper(b: Builder) -> Piece:
    e, s = b.real()
    name = f"h{len(b.lines)}"
    b.lines += [f"def {name}(q):", f"    r = {b.call('sin', 'q')} * q", "    return r + q"]
    return f"{name}({e}) * {name}(0.5 * {e})", s


@row("open", "shared")
def shared(b: Builder) -> Piece:
    """One name many times over."""
    e, s = b.real()
    return f"{e} * {b.call('sin', e)} + ({e}) ** 2 * {b.call('exp', f'-{b.call(chr(97) + chr(98) + chr(115), e)}')} - {e}", s
