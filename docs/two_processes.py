"""One process of several that share a mesh; on a cluster each machine starts it once, here two stand on one machine.

    symgrad partition derivations/mlp_batch.py --mesh data=2,model=2 --plan n=data h=model -o out/
    export XLA_FLAGS=--xla_force_host_platform_device_count=2 JAX_PLATFORMS=cpu
    python docs/two_processes.py out/mlp_batch_shard_map.py localhost:9911 2 0 &
    python docs/two_processes.py out/mlp_batch_shard_map.py localhost:9911 2 1

The arguments: the module that `symgrad partition` wrote, the address of process 0, how many processes there are, and which this is.
"""

import runpy
import sys

import jax
import numpy as np


def inputs(n, d, h, q):
    """The same numbers on every process."""
    rng = np.random.default_rng(0)
    shapes = {"X": (n, d), "Y": (n, q), "W1": (h, d), "b1": (h,), "W2": (q, h), "b2": (q,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()} | {"lam": np.float64(0.1)}


def main(path, address, count, process):
    jax.config.update("jax_enable_x64", True)
    jax.distributed.initialize(address, int(count), int(process))
    module = runpy.run_path(path)
    mesh = module["make_mesh"]()  # over the devices of all processes
    placed = module["put"](mesh, **inputs(n=16, d=6, h=8, q=5))
    value, gradient = module["value_and_grad"](mesh)(*placed.values())
    norms = {name: float(jax.numpy.sum(g**2)) for name, g in gradient._asdict().items()}  # sums over all devices
    here = [s.index for s in gradient.W1.addressable_shards]
    print(f"process {process} of {count}: {len(jax.local_devices())} of {len(jax.devices())} devices, rows of W1 here: {here}")
    print("value", float(value), "squared norms", norms)


if __name__ == "__main__":
    main(*sys.argv[1:])
