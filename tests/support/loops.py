"""Programs with loops, built by hand, each beside the same computation as plain Python over jax.

T is the number of steps; the other dimensions differ from each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import sympy

from symgrad import ops as _ops  # noqa: F401
from symgrad.core.loop import Feed, Loop
from symgrad.core.op import REGISTRY, Node, variable
from symgrad.core.program import Equation, Program
from symgrad.ops.indexing import take, whole

T, D, H = (sympy.Symbol(name, integer=True, positive=True) for name in "Tdh")
tanh, exp, sigmoid = REGISTRY["tanh"], REGISTRY["exp"], REGISTRY["sigmoid"]


@dataclass(frozen=True)
class Case:
    name: str
    program: Program
    plain: Callable[..., Any]

    def point(self, steps: int, seed: int = 0) -> dict[str, np.ndarray]:
        rng, sizes = np.random.default_rng(seed), {T: steps, D: 3, H: 4}
        shapes = {str(v): [int(sympy.sympify(d).subs(sizes)) for d in v.shape] for v in self.program.inputs}
        return {name: 0.6 * rng.normal(size=shape) for name, shape in shapes.items()}


def var(name: str, *shape: Any) -> Node:
    return variable(name, shape)


def row(X: Node, place: Any) -> Node:
    return take(X, index=(place, *map(whole, X.shape[1:])))


def total(X: Node) -> Node:
    return REGISTRY["sum"](X, axes=tuple(range(X.ndim)))


def step(inputs: Sequence[Node], equations: Mapping[Node, Node], outputs: Sequence[Node]) -> Program:
    return Program("step", tuple(inputs), tuple(Equation(v, x) for v, x in equations.items()), tuple(outputs))


def looped(
    body: Program, init: Any, feeds: Any, constants: Any, states: str, stacks: str = "", sums: str = "", **options: Any
) -> Loop:
    """A loop whose symbols have these names."""
    outputs, length = iter(body.outputs), options.pop("length", T)
    leads = (states, (sympy.Add(length, 1),)), (stacks, (length,)), (sums, ())
    made = [tuple(var(name, *lead, *next(outputs).shape) for name in names.split()) for names, lead in leads]
    return Loop(length, body, tuple(init), tuple(feeds), tuple(constants), *made, **options)


def scalar(name: str, inputs: Sequence[Node], loop: Loop, value: Node, plain: Callable[..., Any]) -> Case:
    J = var("J")
    return Case(name, Program(name, tuple(inputs), (loop, Equation(J, value)), (J,)), plain)


# cases ----------------------------------------------------------------------------------------------------------------------


def rnn(stacks: str) -> Case:
    """One carry, one fed array, shared weights, a loss over all states; its pre-activation is kept where `stacks` names it."""
    x, h0, W, U = var("x", T, D), var("h0", H), var("W", H, H), var("U", H, D)
    h, u, z, a = var("h", H), var("u", D), var("z", H), var("a", H)
    body = step([h, u, W, U], {z: W @ h + U @ u, a: tanh(z)}, [a, z] if stacks else [a])
    loop = looped(body, [h0], [Feed(x)], [W, U], "Hs", stacks)
    states = loop.states[0]

    def plain(x: Any, h0: Any, W: Any, U: Any) -> Any:
        state, loss = h0, jnp.sum(h0 * h0)
        for t in range(x.shape[0]):
            state = jnp.tanh(W @ state + U @ x[t])
            loss = loss + jnp.sum(state * state)
        return loss + jnp.sum(state)

    return scalar("kept" if stacks else "anew", [x, h0, W, U], loop, total(states * states) + total(row(states, T)), plain)


def cell() -> Case:
    """Two carries, a loss added up on the way, and a target that is fed one row later."""
    x, W, V, h0, c0 = var("x", sympy.Add(T, 1), D), var("W", H, D), var("V", H, H), var("h0", H), var("c0", H)
    h, c, u, y, f, c1, h1, e = (var(n, H) for n in ("h", "c", "u", "y", "f", "c1", "h1", "e"))
    u, y, e = var("u", D), var("y", D), var("e")
    inner = W @ u + V @ h
    equations = {f: sigmoid(inner), c1: f * c + (1 - f) * tanh(inner), h1: f * tanh(c1), e: total((W @ y - h1) ** 2)}
    body = step([h, c, u, y, W, V], equations, [h1, c1, f, e])
    loop = looped(body, [h0, c0], [Feed(x), Feed(x, 1)], [W, V], "Hs Cs", "F", "s")
    _, cells, _, s = loop.symbols

    def plain(x: Any, W: Any, V: Any, h0: Any, c0: Any) -> Any:
        h, c, s = h0, c0, 0.0
        for t in range(x.shape[0] - 1):
            inner = W @ x[t] + V @ h
            f = 1 / (1 + jnp.exp(-inner))
            c = f * c + (1 - f) * jnp.tanh(inner)
            h = f * jnp.tanh(c)
            s = s + jnp.sum((W @ x[t + 1] - h) ** 2)
        return s + jnp.sum(c**3)

    return scalar("cell", [x, W, V, h0, c0], loop, s + total(row(cells, T) ** 3), plain)


def mapped() -> Case:
    """No carry: rows that do not know one another, and their index."""
    x, w = var("x", T, D), var("w", D)
    u, t, y = var("u", D), var("t"), var("y")
    loop = looped(step([u, t, w], {y: tanh(u @ w) * exp(-t / 3)}, [y]), [], [Feed(x), Feed(None)], [w], "", "Y")

    def plain(x: Any, w: Any) -> Any:
        return sum([(jnp.tanh(x[t] @ w) * jnp.exp(-t / 3)) ** 3 for t in range(x.shape[0])], start=0.0 * jnp.sum(w))

    return scalar("map", [x, w], loop, total(loop.stacks[0] ** 3), plain)


def backwards() -> Case:
    """From the last step to the first, as value functions run, from an expression."""
    r, w, v, g = var("r", T, H), var("w", H), var("v", H), var("g")
    c, u, a = var("c", H), var("u", H), var("a", H)
    loop = looped(step([c, u, g], {a: u + g * tanh(c)}, [a]), [v * w], [Feed(r)], [g], "V", back=True)
    states = loop.states[0]

    def plain(r: Any, w: Any, v: Any, g: Any) -> Any:
        rows = [v * w]
        for t in range(r.shape[0])[::-1]:
            rows.append(r[t] + g * jnp.tanh(rows[-1]))
        return rows[-1] @ w + sum(jnp.sum(x**2) for x in rows)

    return scalar("backwards", [r, w, v, g], loop, row(states, 0) @ w + total(states**2), plain)


def nested() -> Case:
    """A loop in the body of a loop, whose end and middle the outer one carries on."""
    x, W, h0 = var("x", T, D), var("W", H, H), var("h0", H)
    c, k, u, z, out = var("c", H), var("k", H), var("u", D), var("z", H), var("out", H)
    inside = looped(step([k, W], {z: tanh(W @ k)}, [z]), [c], [], [W], "K", length=D)
    K = inside.states[0]
    body = Program("outer", (c, u, W), (inside, Equation(out, row(K, D) * total(u) + row(K, 1))), (out,))
    loop = looped(body, [h0], [Feed(x)], [W], "S")

    def plain(x: Any, W: Any, h0: Any) -> Any:
        state = h0
        for t in range(x.shape[0]):
            inner = [state]
            for _ in range(x.shape[1]):
                inner.append(jnp.tanh(W @ inner[-1]))
            state = inner[-1] * jnp.sum(x[t]) + inner[1]
        return jnp.sum(state**2)

    return scalar("nested", [x, W, h0], loop, total(row(loop.states[0], T) ** 2), plain)


def idle() -> Case:
    """Carries that nothing reads, that only pass through, and one that moves late, by another one."""
    w, a0, b0 = var("w", H), var("a0", H), var("b0", H)
    a, b, c, dead, n, a1, b1, d1 = (var(name, H) for name in ("a", "b", "c", "dead", "n", "a1", "b1", "d1"))
    body = step([a, b, c, dead, n, w], {a1: a * w, b1: b + tanh(a), d1: dead + n}, [a1, b1, c, d1])
    loop = looped(body, [a0, 0 * b0, b0, b0], [Feed(var("n0", T, H))], [w], "A B C Dead")
    A, B, C, _ = loop.states

    def plain(w: Any, a0: Any, b0: Any, n0: Any) -> Any:
        a, b = a0, 0 * b0
        for _ in range(n0.shape[0]):
            a, b = a * w, b + jnp.tanh(a)
        return jnp.sum(b * b0) + jnp.sum(a0)

    return scalar("idle", [w, a0, b0, var("n0", T, H)], loop, total(row(B, T) * row(C, T)) + total(row(A, 0)), plain)


def shared() -> Case:
    """A constant and a fed array that are sums of inputs, which all get one cotangent; its value is a sum of the loop."""
    x, y, a, b = var("x", T, D), var("y", T, D), var("a", D), var("b", D)
    u, w, s = var("u", D), var("w", D), var("s")
    loop = looped(step([u, w], {s: tanh(u @ w)}, [s]), [], [Feed(x + y)], [a + b], "", "", "tot")

    def plain(x: Any, y: Any, a: Any, b: Any) -> Any:
        return sum([jnp.tanh((x[t] + y[t]) @ (a + b)) for t in range(x.shape[0])], start=0.0 * jnp.sum(a + b))

    return scalar("shared", [x, y, a, b], loop, loop.sums[0], plain)


def turned() -> Case:
    """Its states are read from the last to the first, and every other way that a slice has."""
    r, h, w = var("r", T, H), var("h", H), var("w", sympy.Add(T, 1), H)
    c, u, a = var("c", H), var("u", H), var("a", H)
    loop = looped(step([c, u], {a: tanh(c + u)}, [a]), [h], [Feed(r)], [], "S")
    states = loop.states[0]
    turned = take(states, index=((T, sympy.Add(T, 1), -1), whole(H)))
    value = total(turned * w) + total(take(states, index=((T, sympy.Add(T, 1), -1), (1, 2, 2))) ** 2)

    def plain(r: Any, h: Any, w: Any) -> Any:
        rows = [h]
        for t in range(r.shape[0]):
            rows.append(jnp.tanh(rows[-1] + r[t]))
        found = jnp.stack(rows)[::-1]
        return jnp.sum(found * w) + jnp.sum(found[:, 1::2] ** 2)

    return scalar("turned", [r, h, w], loop, value, plain)


CASES = [rnn("Z"), rnn(""), cell(), mapped(), backwards(), nested(), idle(), shared(), turned()]
