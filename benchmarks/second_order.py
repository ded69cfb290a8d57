"""Second derivatives: the exported closed forms against jax.jit of jax.hessian, and against NumPy that an expert would write.

python benchmarks/second_order.py            # Markdown tables; docs/second-order.md holds them
python benchmarks/second_order.py logistic   # only the problems whose name holds the word

BENCHMARK_SECONDS is the time of a row.
"""

from __future__ import annotations

import sys
from typing import Any

import alone  # noqa: F401  (before anything reads the environment)
import jax
from harness import Row, Thunk, exported, jitted, measure, table
from problems import Problem, problems


def _of_variables(p: Problem) -> Any:
    """The forward pass of the variables alone."""

    def of(*variables: Any) -> Any:
        return p.forward(**{**p.inputs, **dict(zip(p.wrt, variables, strict=True))})

    return of


def _jax_hessian(p: Problem) -> Thunk:
    return jitted(jax.hessian(_of_variables(p), tuple(range(len(p.wrt)))), *(p.inputs[w] for w in p.wrt))


def _jax_product(p: Problem) -> Thunk:
    gradient = jax.grad(_of_variables(p), tuple(range(len(p.wrt))))
    at = tuple(p.inputs[w] for w in p.wrt)
    return jitted(lambda at, v: jax.jvp(gradient, at, v)[1], at, p.direction)


def hessian_row(p: Problem) -> Row:
    ours = exported(p.forward, p.wrt, p.inputs)
    return Row(
        p.name,
        {"ours": lambda: ours.hessian(**p.inputs), "jax.jit": _jax_hessian(p), "expert": lambda: p.hessian(**p.inputs)},
    )


def factors_row(p: Problem) -> Row:
    """The blocks as maps that are never formed, against the dense arrays of the others; `toarray` agrees with them."""
    ours = exported(p.forward, p.wrt, p.inputs)
    return Row(
        p.name,
        {"ours": lambda: ours.hessian_factors(**p.inputs), "jax.jit": _jax_hessian(p), "expert": lambda: p.hessian(**p.inputs)},
    )


def product_row(p: Problem) -> Row:
    ours = exported(p.forward, p.wrt, p.inputs)
    return Row(
        p.name,
        {
            "ours": lambda: ours.hvp(p.direction, **p.inputs),
            "jax.jit": _jax_product(p),
            "expert": lambda: p.product(p.direction, **p.inputs),
        },
    )


TABLES = {
    "Hessians": hessian_row,
    "Hessians in factors, against the others' dense arrays": factors_row,
    "Hessian-vector products": product_row,
}


def main() -> None:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [p for p in problems() if word in p.name]
    for title, row_of in TABLES.items():
        print(table([measure(row_of(p)) for p in chosen], title), "\n", flush=True)


if __name__ == "__main__":
    main()
