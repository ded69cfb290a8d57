"""One core and one thread for everything that this process loads later: imported first, before NumPy reads the environment."""

from __future__ import annotations

import os

THREADS = os.environ.get("BENCHMARK_THREADS", "1")
"""`1`, or `default` for every library's own choice, which is then timed by the wall clock."""

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if THREADS == "1":
    for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(_variable, "1")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
