"""What each technique of the exporter buys: the same model exported with it and without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import jax.numpy as jnp
from harness import Row, exported, measure
from models import Model, model, models, normal

_EXPORT, _PLANNING = "symgrad.export", "symgrad.planning"


def chain_of_products(A: "n n", B: "n n", C: "n n", x: "n"):
    y = A @ B @ C @ x
    J = jnp.sum(y**2)
    return J


def _classes_first(x, axis):
    return x


def _none(*_: Any) -> None:
    return None


def _first(given: Any, *_: Any) -> Any:
    return given


TECHNIQUES: dict[str, tuple[str, Any, str, str]] = {
    "values at hand: the slope of tanh from tanh": (f"{_EXPORT}.reuse.REUSES", (), "8 layers", "gradient"),
    "values at hand: softmax from log-softmax": (f"{_EXPORT}.reuse.REUSES", (), "softmax regression", "gradient"),
    "one inverse for every system": (f"{_PLANNING}.forms._by_inverse", _none, "Gaussian", "gradient"),
    "one inverse for every system, product": (f"{_PLANNING}.forms._by_inverse", _none, "GP", "product"),
    "inner products without the array of products": (f"{_PLANNING}.schedule.products", _first, "factorisation", "gradient"),
    "inner products along rows": (f"{_PLANNING}.schedule.products", _first, "attention", "gradient"),
    "scalars multiplied first": (f"{_PLANNING}.schedule.gathered", _first, "GP", "product"),
    "copies last": (f"{_PLANNING}.forms._of_copies", _none, "layer norm", "product"),
    "blocks of entries, gradient": (f"{_EXPORT}.numpy.parted", _none, "chain of 1e6", "gradient"),
    "blocks of entries, product": (f"{_EXPORT}.numpy.parted", _none, "chain of 1e6", "product"),
    "short axes stored first": (f"{_EXPORT}.helpers._classes_first", _classes_first, "softmax regression", "gradient"),
    "products in the order of least cost": (f"{_PLANNING}.schedule.associated", _first, "product chain", "gradient"),
    "products in the order of the sizes given": (f"{_PLANNING}.schedule.distributed", _first, "factorisation", "product"),
    "arrays given up after the last use": (f"{_EXPORT}.numpy.released", _first, "32 layers", "gradient"),
    "arrays given up after the last use, product": (f"{_EXPORT}.numpy.released", _first, "32 layers", "product"),
    "weighted products as squares": (f"{_PLANNING}.forms._symmetric_update", _none, "logistic 2000", "hessian"),
}


@contextmanager
def _without(target: str, stand_in: Any) -> Iterator[None]:
    with mock.patch(target, stand_in):
        yield


def table() -> str:
    known = [*models(), model("product chain, n = 300", chain_of_products, "x", **_matrices(300))]
    lines = [
        "## What each technique buys",
        "",
        "| technique | model | with (us) | without (us) | with / without |",
        "| --- | --- | --: | --: | --: |",
    ]
    for name, (target, stand_in, word, kind) in TECHNIQUES.items():
        chosen = next(m for m in known if word in m.name)
        row = measure(
            Row(chosen.name, {"with": _thunk(chosen, kind), "without": _exported_without(target, stand_in, chosen, kind)})
        )
        cells = [name, f"{row.name}: {kind}", *(f"{1e6 * t:.4g}" for t in row.medians.values()), f"{row.ratios['without']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _matrices(n: int) -> dict[str, Any]:
    return {name: normal(size=(n, n)) / n**0.5 for name in "ABC"} | {"x": normal(size=n)}


def _exported_without(target: str, stand_in: Any, chosen: Model, kind: str) -> Callable[[], Any]:
    with _without(target, stand_in):
        return _thunk(chosen, kind)


def _thunk(chosen: Model, kind: str) -> Callable[[], Any]:
    derived = exported(chosen.source, chosen.wrt, chosen.inputs)
    call = {"gradient": derived.value_and_grad, "product": partial(derived.hvp, chosen.direction), "hessian": derived.hessian}[kind]
    return lambda: call(**chosen.inputs)
