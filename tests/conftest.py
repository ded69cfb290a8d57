"""jax in float64 on the CPU for every test, and few of its compiled programs kept from one to the next."""

import itertools
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest

jax.config.update("jax_enable_x64", True)

_done = itertools.count(1)


@pytest.fixture(autouse=True)
def fresh_caches():
    """Every program that jax holds makes its compiler slower: 1,300 of them, four times."""
    yield
    if not next(_done) % 250:
        jax.clear_caches()
