"""jax in float64 on the CPU for every test."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402  (the platform has to be said before jax is imported)

jax.config.update("jax_enable_x64", True)
