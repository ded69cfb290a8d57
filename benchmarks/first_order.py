"""Gradients and Hessian-vector products: the exported module against jax.jit, torch, autograd and an expert's NumPy.

python benchmarks/first_order.py            # Markdown tables
python benchmarks/first_order.py MLP        # only the models whose name holds the word
"""

from __future__ import annotations

import sys

import alone  # noqa: F401  (before anything reads the environment)
import contenders
import experts
import numpy as np
from harness import Row, measure, table
from models import Model, models

import symgrad as sg


def rows(model: Model) -> tuple[Row, Row]:
    """The gradient's row and the product's."""
    derived = sg.forward(model.source).derive(*model.wrt).compile()
    inputs, v = model.inputs, model.direction
    gradient, product = experts.gradient(model), experts.product(model)
    first = {
        "ours": lambda: derived.value_and_grad(**inputs),
        "jax.jit": contenders.jax_gradient(model),
        "torch": contenders.torch_gradient(model),
        "autograd": contenders.autograd_gradient(model),
        "expert": lambda: gradient(**inputs),
    }
    second = {
        "ours": lambda: derived.hvp(v, **inputs),
        "jax.jit": contenders.jax_product(model),
        "torch": contenders.torch_product(model),
        "autograd": contenders.autograd_product(model),
        "expert": lambda: product(v, **inputs),
    }
    return Row(model.name, first), Row(model.name, second)


def main() -> None:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    pairs = [rows(m) for m in models() if word in m.name]
    print(table([measure(first) for first, _ in pairs], "Gradients"), "\n")
    print(table([measure(second) for _, second in pairs], "Hessian-vector products"))


if __name__ == "__main__":
    main()
