"""Gradients and products by other tools, each from the same forward pass, on arrays of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import autograd
import autograd.numpy as anp
import autograd.scipy.special as asp
import jax
import torch
from harness import Thunk, jitted
from models import Model

torch.set_default_dtype(torch.float64)


def jax_gradient(model: Model) -> Thunk:
    of, variables = _of_variables(model), tuple(range(len(model.wrt)))
    return jitted(lambda at, fixed: jax.value_and_grad(of(fixed), variables)(*at), *_parted(model, jax.numpy.asarray))


def jax_product(model: Model) -> Thunk:
    of, variables = _of_variables(model), tuple(range(len(model.wrt)))
    return jitted(
        lambda at, fixed, v: jax.jvp(jax.grad(of(fixed), variables), at, v)[1], *_parted(model, jax.numpy.asarray), model.direction
    )


def _parted(model: Model, array: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The variables, and the other inputs, as the tool's own arrays."""
    inputs = {k: array(v) for k, v in model.inputs.items()}
    return tuple(inputs[w] for w in model.wrt), {k: v for k, v in inputs.items() if k not in model.wrt}


def _of_variables(model: Model, **namespaces: Any) -> Any:
    """For the other inputs, the function of the variables alone."""
    function = model.function(**namespaces)
    return lambda fixed: lambda *at: function(**fixed, **dict(zip(model.wrt, at, strict=True)))


# torch ----------------------------------------------------------------------------------------------------------------------

_torch = SimpleNamespace(
    **{name: getattr(torch, name) for name in ("tanh", "sum", "exp", "log", "sin", "sqrt", "trace", "mean")},
    eye=torch.eye,
    linalg=torch.linalg,
)
_torch_jax = SimpleNamespace(
    nn=SimpleNamespace(softmax=lambda x, axis: torch.softmax(x, axis), log_softmax=lambda x, axis: torch.log_softmax(x, axis))
)


def torch_gradient(model: Model) -> Thunk:
    at, fixed = _parted(model, torch.as_tensor)
    of = _of_variables(model, jnp=_torch, jax=_torch_jax)(fixed)
    leaves = [x.clone().requires_grad_() for x in at]

    def run() -> Any:
        value = of(*leaves)
        return value.detach().numpy(), [g.numpy() for g in torch.autograd.grad(value, leaves)]

    return run


def torch_product(model: Model) -> Thunk:
    at, fixed = _parted(model, torch.as_tensor)
    of = _of_variables(model, jnp=_torch, jax=_torch_jax)(fixed)
    gradient, v = torch.func.grad(of, tuple(range(len(at)))), tuple(map(torch.as_tensor, model.direction))
    return lambda: [g.numpy() for g in torch.func.jvp(gradient, at, v)[1]]


# autograd -------------------------------------------------------------------------------------------------------------------


def _log_softmax(x: Any, axis: int) -> Any:
    return x - asp.logsumexp(x, axis=axis, keepdims=True)


_autograd_jax = SimpleNamespace(
    nn=SimpleNamespace(softmax=lambda x, axis: anp.exp(_log_softmax(x, axis)), log_softmax=_log_softmax)
)


def autograd_gradient(model: Model) -> Thunk:
    at, fixed = _parted(model, anp.asarray)
    of = _of_variables(model, jnp=anp, jax=_autograd_jax)(fixed)
    both = autograd.value_and_grad(lambda x: of(*x))
    return lambda: both(at)


def autograd_product(model: Model) -> Thunk:
    at, fixed = _parted(model, anp.asarray)
    of = _of_variables(model, jnp=anp, jax=_autograd_jax)(fixed)
    product = autograd.make_hvp(lambda x: of(*x))
    return lambda: product(at)[0](model.direction)
