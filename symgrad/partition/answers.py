"""What `symgrad partition` answers, from its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from symgrad.errors import InputError
from symgrad.partition.compare import Comparison
from symgrad.partition.pipeline import Pipeline
from symgrad.partition.search import best, candidates, plan_table
from symgrad.partition.sharding import Machine, Partition
from symgrad.printing.derived import Derived
from symgrad.printing.tables import Table, markdown, plain


def answered(derivation: Derived, args: Any) -> tuple[Partition | Pipeline, list[str]]:
    """The partition or the pipeline that the arguments ask for, and what is printed of it."""
    if (args.peak is None) != (args.bandwidth is None):
        raise InputError("the time of a step needs both --peak and --bandwidth")
    if (args.mesh is None) == (args.stages is None):
        raise InputError("give the devices as --mesh, or the ends of a pipeline's stages as --stages")
    machine = None if args.peak is None else Machine(args.peak, args.bandwidth, args.latency)
    split, parts = _split(derivation, machine, args)
    show = markdown if args.markdown else plain
    return split, [part if isinstance(part, str) else show(part) for part in parts]


def _split(derivation: Derived, machine: Machine | None, args: Any) -> tuple[Partition | Pipeline, list[str | Table]]:
    if args.stages is not None:
        if args.batch is None:
            raise InputError("a pipeline needs --batch, the dimension of which it takes microbatches")
        pipeline = Pipeline(derivation, args.stages, args.batch, args.microbatches, args.sizes, args.dtype)
        return pipeline, [pipeline.equations(), *pipeline.tables(machine)]
    if args.compare is not None:
        comparison = Comparison(derivation, args.mesh, args.compare, args.sizes, args.dtype)
        return comparison.split[args.compare], list(comparison.tables(machine))
    partition, tables = _chosen(derivation, machine, args)
    return partition, [partition.equations(), *tables, *partition.tables(machine)]


def _chosen(derivation: Derived, machine: Machine | None, args: Any) -> tuple[Partition, list[Table]]:
    """The partition by the plan that is given, or by the fastest one within the budget, with the table of all."""
    if args.budget is None:
        return Partition(derivation, args.mesh, _named_once(args.plan), args.sizes, args.dtype), []
    if args.plan or machine is None or args.sizes is None:
        raise InputError("--budget chooses the plan: it needs --sizes, --peak and --bandwidth, and no --plan")
    found = candidates(derivation, args.mesh, args.sizes, machine, args.dtype)
    chosen = best(found, args.budget)
    return chosen.partition, [plan_table(found, chosen)]


def _named_once(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"the plan names {twice[0]} twice")
    return dict(pairs)
