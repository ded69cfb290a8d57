"""The laws of the suite as pytest sets them up, in every process alike: modules by bare names, jax in float64 on the CPU."""

import os
import sys
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
SUPPORT = str(Path(__file__).parents[1] / "support")
if SUPPORT not in sys.path:
    sys.path.insert(0, SUPPORT)

import jax  # noqa: E402  (the platform is set before)

jax.config.update("jax_enable_x64", True)
